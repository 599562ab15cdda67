/* See plan.h: tiles, chunks, costs, places.  Pure, any thread; allocates nothing. */
#include "npu/plan/plan.h"

#include <stdio.h>
#include <string.h>

/* Tiles that the planner tries, largest first within a family; only the model's time decides. */
static const int try_m[] = {32, 48, 64, 96, 128}, try_k[] = {64, 128},
                 try_n[] = {16, 32, 48, 64, 96};

const char *plan_dispatch_name(enum plan_dispatch d)
{
    return d == PLAN_SERIAL ? "serial" : d == PLAN_PIPELINED ? "pipelined" : "columns";
}

static int64_t up(int64_t x, int64_t to)
{
    return (x + to - 1) / to * to;
}

/* The design that a GEMM of this tile asks for; sizes rounded up to whole blocks. */
static void design_of(const struct plan *p, const struct plan_op *o, const int tile[3], int64_t N,
                      struct plan_design *g)
{
    *g = (struct plan_design){.dtype = o->ea == 1 && o->eb == 1 ? PLAN_I8 : PLAN_BF16,
                              .m = tile[0],
                              .k = tile[1],
                              .n = tile[2],
                              .cols = p->cols,
                              .out_b = o->ec};
    if (tile[0] > 0 && tile[1] > 0 && tile[2] > 0) {
        g->M = up(o->M, (int64_t)tile[0] * p->array.rows);
        g->K = up(o->K, tile[1]);
        g->N = up(N, (int64_t)tile[2] * p->cols);
    }
}

/* Columns of a chunk so that its descriptors can be written; 0: no chunk of this tile can. */
static int64_t chunk_of(const struct plan *p, const struct plan_op *o, const int tile[3])
{
    const int64_t most = plan_max_n(&p->array, tile[0], tile[2], p->cols);
    const int64_t by = (int64_t)tile[2] * p->cols;
    if (most < by) {
        return 0;
    }
    const int64_t chunks = (o->N + most - 1) / most;
    return up((o->N + chunks - 1) / chunks, by);
}

static int fits(const struct plan *p, const struct plan_op *o, const int tile[3],
                struct plan_findings *f)
{
    struct plan_design g;
    struct plan_use u;
    const bool sane = tile[0] > 0 && tile[1] > 0 && tile[2] > 0;
    const int64_t chunk = sane ? chunk_of(p, o, tile) : 0;
    design_of(p, o, tile, chunk ? chunk : o->N, &g);
    plan_use_gemm(&p->array, &g, &u);
    return plan_check(&p->array, &u, f) == 0;
}

/* Calls of `n` that belong together: waited for one by one, or one chain. */
static double calls_s(const struct plan *p, int64_t n)
{
    const struct plan_dev *d = &p->want.dev;
    return p->want.dispatch == PLAN_SERIAL ? (double)n * d->call_s
                                           : d->call_s + (n > 1 ? (double)n * d->chain_s : 0);
}

static double eta_of(const struct plan *p, const struct plan_op *o)
{
    const struct plan_dev *d = &p->want.dev;
    if (o->ea == 1 && o->eb == 1) {
        return p->want.tuned ? d->tuned_i8 : d->eta_i8;
    }
    return p->want.tuned ? d->tuned_bf16 : d->eta_bf16;
}

/* Seconds of one GEMM in chunks, with its heads. */
static double gemm_cost(const struct plan *p, struct plan_op *o, const int tile[3])
{
    const int64_t chunk = chunk_of(p, o, tile);
    struct plan_gemm g = {.M = o->M,
                          .K = o->K,
                          .N = chunk,
                          .m = tile[0],
                          .k = tile[1],
                          .n = tile[2],
                          .ea = o->ea,
                          .eb = o->eb,
                          .ec = o->ec,
                          .cols = p->cols,
                          .eta = eta_of(p, o)};
    plan_gemm_time(&p->want.dev, &g, &o->t);
    /* the epilogue's cycles come on top of the products: the same vector unit does both */
    const double epi =
        (double)o->M * (double)chunk * o->cyc / (p->want.dev.rows * p->cols * p->want.dev.clock_hz);
    struct plan_time *t = &o->t;
    const double work0 = t->total;
    t->compute += epi;
    if (t->compute > work0) {
        t->total = t->compute;
        t->bound = PLAN_COMPUTE;
    }
    o->chunks = (int)((o->N + chunk - 1) / chunk);
    const int64_t n = (int64_t)o->chunks * o->heads;
    const double work = t->total * (double)n;
    t->call = calls_s(p, n);
    if (t->call > work) {
        t->bound = PLAN_CALL;
    }
    o->calls = n;
    t->bytes *= (double)n;
    return work + t->call;
}

/* QK, softmax and PV in one program: products at the kernel's rate, softmax on the same unit. */
static double attn_cost(const struct plan *p, struct plan_op *o)
{
    const struct plan_dev *d = &p->want.dev;
    const double cores = d->rows * p->cols, f = d->clock_hz;
    const double Tp = (double)up(o->M, (int64_t)64 * d->rows), H = o->heads;
    const double macs = 2 * Tp * (double)o->K * (double)o->N * H;
    const double soft = (double)o->M * (double)o->N * H *
                        (p->want.tuned ? d->softmax_cyc_t : d->softmax_cyc) / (cores * f);
    /* keys and values are read again for every 64 queries of every core */
    const double again = (double)up((int64_t)Tp, (int64_t)(64 * cores)) / (64 * cores);
    struct plan_time *t = &o->t;
    memset(t, 0, sizeof *t);
    t->macs = macs;
    t->compute = macs / (d->mac_bf16 * eta_of(p, o) * f * cores) + soft;
    t->bytes = H * (double)o->K * 2 * (2 * Tp + 2 * (double)o->N * again);
    t->ddr = t->bytes / (t->bytes < d->foot_b ? d->bw_small : d->bw_large);
    t->core = Tp / (64 * cores) * 2 * (double)o->N * (double)o->K * 2 * H / (d->stream_b * f);
    t->call = calls_s(p, o->heads);
    t->bound = t->compute >= t->ddr && t->compute >= t->core ? PLAN_COMPUTE
               : t->ddr >= t->core                           ? PLAN_DDR
                                                             : PLAN_STREAM;
    const double work = t->bound == PLAN_COMPUTE ? t->compute
                        : t->bound == PLAN_DDR   ? t->ddr
                                                 : t->core;
    o->calls = o->heads;
    return work + t->call;
}

static double rows_cost(const struct plan *p, struct plan_op *o)
{
    const double v = (double)o->M * (double)o->N;
    plan_row_time(&p->want.dev, v, o->cyc, v * o->bytes_in, v * o->bytes_out, p->cols,
                  p->want.dev.call_s, &o->t);
    o->calls = 1;
    return o->t.total;
}

/* -- the tile of the linear GEMMs
 * -------------------------------------------------------------------- */

/* Seconds of all of them with this tile, and bytes; negative when it does not fit one of them. */
static double tile_cost(struct plan *p, const int tile[3], double *bytes)
{
    struct plan_findings f;
    double s = 0;
    *bytes = 0;
    for (int i = 0; i < p->n_ops; i++) {
        struct plan_op *o = &p->op[i];
        if (o->kind != PLAN_OP_GEMM || o->fixed_tile) {
            continue;
        }
        if (!fits(p, o, tile, &f)) {
            return -1;
        }
        s += gemm_cost(p, o, tile) * o->times;
        *bytes += o->t.bytes * o->times;
    }
    return s;
}

static bool best_tile(struct plan *p)
{
    double best = -1, least = 0, bytes = 0;
    for (size_t a = 0; a < sizeof try_m / sizeof *try_m; a++) {
        for (size_t b = 0; b < sizeof try_k / sizeof *try_k; b++) {
            for (size_t c = 0; c < sizeof try_n / sizeof *try_n; c++) {
                const int tile[3] = {try_m[a], try_k[b], try_n[c]};
                const double s = tile_cost(p, tile, &bytes);
                p->tiles_tried++;
                p->tiles_fit += s >= 0;
                /* equal times (to a nanosecond): the one that moves less */
                if (s >= 0 && (best < 0 || s < best - 1e-9 || (s < best + 1e-9 && bytes < least))) {
                    best = s;
                    least = bytes;
                    p->m = tile[0], p->k = tile[1], p->n = tile[2];
                }
            }
        }
    }
    return best >= 0;
}

/* The tile asked for if it fits every linear GEMM, else the best that does; false: none does. */
static bool choose_tile(struct plan *p)
{
    const int asked[3] = {p->want.m, p->want.k, p->want.n};
    if (!asked[0] && !asked[1] && !asked[2]) {
        return best_tile(p);
    }
    for (int i = 0; i < p->n_ops; i++) {
        struct plan_op *o = &p->op[i];
        if (o->kind == PLAN_OP_GEMM && !o->fixed_tile && !fits(p, o, asked, &p->refused)) {
            p->retiled = true;
            p->refused_op = o->name;
            return best_tile(p);
        }
    }
    p->m = asked[0], p->k = asked[1], p->n = asked[2];
    return true;
}

/* -- placement
 * ------------------------------------------------------------------------------------- */

/* What the host would take; a host step inside the chain also costs leaving it. */
static double host_cost(const struct plan *p, const struct plan_op *o)
{
    const struct plan_dev *d = &p->want.dev;
    if (o->kind == PLAN_OP_HOST) {
        return o->part == PLAN_TOKEN ? o->bytes / d->host_bw : d->mel_s * p->want.ctx / 1500.0;
    }
    double flops = 0, bytes = (double)o->M * (double)o->N * (o->bytes_in + o->bytes_out);
    if (o->kind != PLAN_OP_ROWS) {
        flops = 2.0 * (double)o->M * (double)o->K * (double)o->N * o->heads;
        flops *= o->kind == PLAN_OP_ATTN ? 2 : 1;
        bytes = 0;
    }
    double rows = o->kind == PLAN_OP_ROWS ? (double)o->M * (double)o->N * d->host_value_s : 0;
    rows = rows > bytes / d->host_bw ? rows : bytes / d->host_bw;
    return flops / d->host_flops + rows + (o->part == PLAN_STEM ? 0 : d->host_point_s);
}

static void place_host_only(const struct plan *p, struct plan_op *o)
{
    const struct plan_dev *d = &p->want.dev;
    o->on_host = true;
    o->bound = PLAN_HOST;
    o->host_s = host_cost(p, o);
    if (o->part == PLAN_TOKEN) {
        o->npu_s = o->bytes / d->bw_small + (double)o->calls * d->chain_s;
        o->on_host = o->host_s <= o->npu_s;
        o->bound = o->on_host ? PLAN_HOST : PLAN_DDR;
        snprintf(
            o->why, sizeof o->why,
            "one row: every weight byte is read once; host %.2f ms at %.0f GB/s, NPU %.2f ms at "
            "%.0f GB/s and %lld calls in a chain",
            o->host_s * 1e3, d->host_bw * 1e-9, o->npu_s * 1e3, d->bw_small * 1e-9,
            (long long)o->calls);
    } else {
        /* the transfers alone; no FFT kernel of the open tools is known to work */
        o->npu_s = d->call_s + o->bytes / d->bw_small;
        snprintf(o->why, sizeof o->why,
                 "FFT in f32: the cores have no f32 multiplier; %.1f ms on the host is below the "
                 "noise",
                 o->host_s * 1e3);
    }
    o->s = o->on_host ? o->host_s : o->npu_s;
    o->calls = o->on_host ? 0 : o->calls;
}

static void place(const struct plan *p, struct plan_op *o, bool tile_ok)
{
    const int tile[3] = {o->fixed_tile ? o->m : p->m, o->fixed_tile ? o->k : p->k,
                         o->fixed_tile ? o->n : p->n};
    o->host_s = host_cost(p, o) * o->times;
    if (o->kind == PLAN_OP_GEMM && !tile_ok && !o->fixed_tile) {
        o->on_host = true;
        snprintf(o->why, sizeof o->why, "no tile of this shape fits the array");
    } else {
        double one = o->kind == PLAN_OP_GEMM   ? gemm_cost(p, o, tile)
                     : o->kind == PLAN_OP_ATTN ? attn_cost(p, o)
                                               : rows_cost(p, o);
        o->m = tile[0], o->k = tile[1], o->n = tile[2];
        o->npu_s = one * o->times;
        o->calls *= o->times;
        o->bound = o->t.bound;
        /* inside the chain it has to be twice as cheap: it takes the CPU's cores, which the NPU is
         * there to free, and both at once were measured to gain 1.4 % (whisper-xdna) */
        o->on_host = o->host_s * (o->part == PLAN_STEM ? 1 : 2) < o->npu_s;
        o->bytes = o->t.bytes * o->times;
        if (o->chunks > 1) {
            snprintf(o->why, sizeof o->why,
                     "N = %lld in %d chunks: the row-block step would pass 2^20; NPU %.2f ms, host "
                     "%.2f ms",
                     (long long)o->N, o->chunks, o->npu_s * 1e3, o->host_s * 1e3);
        } else {
            snprintf(o->why, sizeof o->why, "NPU %.2f ms, host %.2f ms%s%s", o->npu_s * 1e3,
                     o->host_s * 1e3, o->part == PLAN_STEM ? "" : " with the way out and back",
                     o->on_host == (o->host_s < o->npu_s) ? ""
                                                          : ": not half, so the CPU is left alone");
        }
    }
    if (o->kind != PLAN_OP_ROWS) {
        o->flops = 2.0 * (double)o->M * (double)o->K * (double)o->N * o->heads * o->times;
        o->flops *= o->kind == PLAN_OP_ATTN ? 2 : 1;
    }
    if (o->on_host) {
        o->bound = PLAN_HOST;
        o->calls = 0;
        o->bytes = 0;
    }
    o->s = o->on_host ? o->host_s : o->npu_s;
}

/* Which programs a core must hold, and so how many overlays there are. */
static void overlays(struct plan *p)
{
    const struct plan_dev *d = &p->want.dev;
    const bool flash = p->want.fuse & PLAN_FUSE_ATTN;
    double base = d->prog_gemm_b * (p->want.bf16 ? 1 : 2) + d->prog_epi_b + d->prog_rows_b;
    base += flash ? 0 : d->prog_soft_b;
    const double all = base + (flash ? d->prog_flash_b : 0);
    p->overlays = all > (double)p->array.core_prog_b ? 2 : 1;
    p->prog_b = (int64_t)(p->overlays == 1 ? all : base > d->prog_flash_b ? base : d->prog_flash_b);
    if (p->overlays > 1) {
        struct plan_op *o = &p->op[p->n_ops++];
        memset(o, 0, sizeof *o);
        o->name = "switch";
        o->kind = PLAN_OP_SWITCH;
        o->part = PLAN_BLOCKS;
        o->times = 2 * p->want.shape.enc_layers;
        o->heads = o->chunks = 1;
        o->npu_s = o->s = o->times * d->switch_s;
        o->bound = PLAN_SWITCH;
        snprintf(
            o->why, sizeof o->why,
            "programs of %.1f KB do not fit %.0f KB together (sizes assumed): two overlays, two "
            "changes a layer",
            all / 1024, (double)p->array.core_prog_b / 1024);
    }
}

static void add_up(struct plan *p)
{
    for (int i = 0; i < p->n_ops; i++) {
        const struct plan_op *o = &p->op[i];
        if (o->part == PLAN_TOKEN) {
            p->token_s += o->s;
            continue;
        }
        p->total_s += o->s;
        p->blocks_s += o->part == PLAN_BLOCKS ? o->s : 0;
        p->host_s += o->on_host ? o->s : 0;
        p->switch_s += o->kind == PLAN_OP_SWITCH ? o->s : 0;
        p->call_s += o->on_host || o->kind == PLAN_OP_SWITCH ? 0 : o->t.call * o->times;
        p->flops += o->on_host ? 0 : o->flops;
        p->bytes += o->bytes;
        p->calls += o->calls;
    }
}

int plan_make(const struct plan_want *w, struct plan *p, struct err *e)
{
    memset(p, 0, sizeof *p);
    p->want = *w;
    plan_array_of(&w->dev, &p->array);
    p->cols = w->cols ? w->cols : w->dispatch == PLAN_BY_COLUMN ? w->dev.cols : 1;
    if (p->cols < 1 || p->cols > w->dev.cols || (p->cols & (p->cols - 1))) {
        return err_set(e, ERR_USAGE,
                       "%d columns: %s has %d, and a design takes 1, 2, 4 or 8 of them", p->cols,
                       w->dev.name, w->dev.cols);
    }
    p->want.ctx = w->ctx ? w->ctx : w->shape.ctx;
    if (p->want.ctx < 1 || p->want.ctx > 4096) {
        return err_set(e, ERR_USAGE, "a context of %d positions: 1 to 4096 can be planned",
                       p->want.ctx);
    }
    plan_list_ops(p);
    const bool tile_ok = choose_tile(p);
    for (int i = 0; i < p->n_ops; i++) {
        if (p->op[i].kind == PLAN_OP_HOST) {
            place_host_only(p, &p->op[i]);
        } else {
            place(p, &p->op[i], tile_ok);
        }
    }
    struct plan_design g = {.dtype = w->bf16 ? PLAN_BF16 : PLAN_I8,
                            .m = p->m,
                            .k = p->k,
                            .n = p->n,
                            .cols = p->cols,
                            .out_b = 2};
    struct plan_use u;
    plan_use_gemm(&p->array, &g, &u);
    p->l1_b = plan_use_l1(&u);
    overlays(p);
    add_up(p);
    return 0;
}
