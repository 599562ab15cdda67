/* See cost.h.  Pure, any thread; allocates nothing. */
#include "npu/plan/cost.h"

#include <math.h>
#include <string.h>

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static double max2(double a, double b)
{
    return a > b ? a : b;
}

const char *plan_bound_name(enum plan_bound b)
{
    static const char *const name[PLAN_BOUNDS] = {"compute", "DDR",    "stream",
                                                  "call",    "switch", "host"};
    return b >= 0 && b < PLAN_BOUNDS ? name[b] : "?";
}

/* The largest term names the bound; a call that costs more than the work is what binds. */
static void settle(struct plan_time *t, bool no_overlap)
{
    double stream = max2(max2(t->shim_out, t->shim_in), t->core);
    double work = max2(max2(t->compute, t->ddr), stream);
    t->bound = work == t->compute ? PLAN_COMPUTE : work == t->ddr ? PLAN_DDR : PLAN_STREAM;
    if (no_overlap) {
        work = t->compute + t->ddr;
    }
    if (t->call > work) {
        t->bound = PLAN_CALL;
    }
    t->total = work + t->call;
}

void plan_gemm_time(const struct plan_dev *d, const struct plan_gemm *g, struct plan_time *t)
{
    const int64_t rows = ceil_div(g->M, (int64_t)g->m * d->rows);
    const int64_t blocks = ceil_div(g->N, (int64_t)g->n * g->cols);
    const int64_t Mp = rows * g->m * d->rows, Np = blocks * g->n * g->cols;
    const int64_t Kp = ceil_div(g->K, g->k) * g->k;
    const int cores = d->rows * g->cols;
    /* the wider operand decides the vector mode */
    const bool i8 = g->ea == 1 && g->eb == 1;
    const double peak = i8 ? d->mac_i8 : d->mac_bf16;
    const double eta = g->eta > 0 ? g->eta : i8 ? d->eta_i8 : d->eta_bf16;
    const double f = d->clock_hz;
    memset(t, 0, sizeof *t);
    t->tiles = (Mp / g->m) * (Kp / g->k) * (Np / g->n);
    const double nk = (double)t->tiles / cores;
    const double mk = (double)g->m * g->k, kn = (double)g->k * g->n;
    t->macs = (double)Mp * (double)Kp * (double)Np;
    t->compute = nk * mk * g->n / (peak * eta * f);
    const double a = (double)Mp * (double)Kp * g->ea * (double)blocks;
    const double b = (double)Kp * (double)Np * g->eb * (g->b_resident ? 1.0 : (double)rows);
    const double c = (double)Mp * (double)Np * g->ec;
    const double foot = (double)Mp * (double)Kp * g->ea + (double)Kp * (double)Np * g->eb + c;
    t->bytes = a + b + c;
    t->ddr = t->bytes / (foot < d->foot_b ? d->bw_small : d->bw_large);
    /* C leaves over one channel a column, A and B come over two */
    t->shim_out = c / (g->cols * d->stream_b * f);
    t->shim_in = (a + b) / (g->cols * d->shim_ch * d->stream_b * f);
    t->core = nk * max2(mk * g->ea, kn * g->eb) / (d->stream_b * f);
    t->call = g->call_s;
    settle(t, g->no_overlap);
}

void plan_row_time(const struct plan_dev *d, double values, double cyc, double bytes_in,
                   double bytes_out, int cols, double call_s, struct plan_time *t)
{
    const double f = d->clock_hz, ch = cols * d->shim_ch * d->stream_b * f;
    memset(t, 0, sizeof *t);
    t->macs = values;
    t->compute = values * cyc / (d->rows * cols * f);
    t->shim_in = bytes_in / ch;
    t->shim_out = bytes_out / ch;
    t->bytes = bytes_in + bytes_out;
    t->ddr = t->bytes / (t->bytes < d->foot_b ? d->bw_small : d->bw_large);
    t->call = call_s;
    settle(t, false);
}

double plan_encoder_flops(int layers, int d, int ctx, int mels, bool stem)
{
    const double T = ctx, w = d;
    double f = layers * (24 * T * w * w + 4 * T * T * w);
    return stem ? f + 2 * (2 * T * 3 * mels * w + T * 3 * w * w) : f;
}

double plan_amdahl(double p, double s)
{
    return 1.0 / ((1.0 - p) + p / s);
}

double plan_seed_rtf(double audio_s, double mel_s, double tile_s, double ways, bool whole)
{
    const double tiles = 1500.0 / 64.0;
    const double rounds = whole ? ceil(tiles / ways) : tiles / ways;
    return audio_s / (mel_s + 6 * rounds * tile_s);
}

/* -- whisper-xdna's encoder: one xclbin a shape, stock 64x64x32 bf16 tiles, f32 out
 * ------------------ */

static double gemm_s(const struct plan_dev *d, int64_t M, int64_t K, int64_t N, int e, int ec,
                     int m, int k, int n, double eta, double call_s)
{
    struct plan_gemm g = {.M = M,
                          .K = K,
                          .N = N,
                          .m = m,
                          .k = k,
                          .n = n,
                          .ea = e,
                          .eb = e,
                          .ec = ec,
                          .cols = d->cols,
                          .eta = eta,
                          .call_s = call_s};
    struct plan_time t;
    plan_gemm_time(d, &g, &t);
    return t.total;
}

void plan_wx_layer(const struct plan_dev *d, int ctx, int width, int heads, struct plan_wx *w)
{
    /* its host pads rows to 512; a chunk of fc1 is at most 1280 wide */
    const int64_t T = ceil_div(ctx, 512) * 512;
    const int chunk = 4 * width < 1280 ? 4 * width : 1280;
    const int chunks = 4 * width / chunk > 1 ? 4 * width / chunk : 1;
    const double c = d->call_s;
    memset(w, 0, sizeof *w);
    w->proj = 4 * gemm_s(d, T, width, width, 2, 4, 64, 64, 32, 0, c);
    w->fc1 = chunks * gemm_s(d, T, width, 4 * width / chunks, 2, 4, 64, 64, 32, 0, c);
    w->fc2 = gemm_s(d, T, 4 * width, width, 2, 4, 64, 64, 32, 0, c);
    w->qk = heads * gemm_s(d, T, 64, T, 2, 2, 32, 64, 64, 0, c);
    w->av = heads * gemm_s(d, T, T, 64, 2, 4, 64, 64, 16, 0, c);
    w->softmax = d->wx_softmax_s * (heads / 20.0) * (ctx / 1500.0) * ((double)T / 1536.0);
    w->gelu = d->wx_gelu_s * (4 * width / 5120.0) * (ctx / 1500.0);
    w->change = 7 * d->switch_s;
    w->host = d->wx_host_s;
    w->total =
        w->proj + w->fc1 + w->fc2 + w->qk + w->av + w->softmax + w->gelu + w->change + w->host;
}

/* -- this project's layer: one overlay, 64x64x64, narrow outputs
 * ------------------------------------ */

void plan_layer_time(const struct plan_dev *d, int ctx, int width, int heads, int wb, bool tuned,
                     struct plan_layer *l)
{
    const int64_t T = ceil_div(ctx, 64 * d->rows) * 64 * d->rows;
    const double c = d->call_s, h = d->chain_s, f = d->clock_hz;
    const double e16 = tuned ? d->tuned_bf16 : d->eta_bf16;
    const double ew = wb == 1 ? (tuned ? d->tuned_i8 : d->eta_i8) : e16;
    const double cores = d->rows * d->cols;
    const double scores = (double)heads * ctx * (double)T;
    const double soft = tuned ? d->softmax_cyc_t : d->softmax_cyc;
    l->qkv = gemm_s(d, T, width, 3 * width, wb, 2, 64, 64, 64, ew, c);
    l->qk = heads * gemm_s(d, T, 64, T, 2, 2, 32, 64, 64, e16, h) + c;
    l->softmax = c + max2(max2(scores * 4 / d->bw_large,
                               scores * 2 / (d->cols * d->shim_ch * d->stream_b * f)),
                          scores * soft / (cores * f));
    l->av = heads * gemm_s(d, T, T, 64, 2, 2, 64, 64, 16, e16, h) + c;
    l->o = gemm_s(d, T, width, width, wb, 4, 64, 64, 64, ew, c);
    l->fc1 = gemm_s(d, T, width, 4 * width, wb, wb, 64, 64, 64, ew, c);
    l->fc2 = gemm_s(d, T, 4 * width, width, wb, 4, 64, 64, 64, ew, c);
    /* residual and row in f32, the row out in the weights' width */
    l->norm = 2 * (c + max2((double)T * width * (8 + wb) / d->bw_small,
                            (double)T * width * d->norm_cyc / (cores * f)));
    l->total = l->qkv + l->qk + l->softmax + l->av + l->o + l->fc1 + l->fc2 + l->norm;
}
