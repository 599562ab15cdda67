/* Published measurements beside the cost model, with the error: how far the planner can be trusted.
 * Fitted rows say so; the others are predictions.  Pure, any thread; allocates nothing. */
#include <math.h>

#include "npu/plan/cost.h"
#include "npu/plan/table.h"

#define ADD plan_table_add

/* ms of a bf16 or int8 product with whisper-xdna's or IRON's stock tile. */
static double gemm_ms(const struct plan_dev *d, int64_t M, int64_t K, int64_t N, int e, int ec,
                      int n, double eta)
{
    struct plan_gemm g = {.M = M,
                          .K = K,
                          .N = N,
                          .m = 64,
                          .k = 64,
                          .n = n,
                          .ea = e,
                          .eb = e,
                          .ec = ec,
                          .cols = d->cols,
                          .eta = eta,
                          .call_s = d->call_s};
    struct plan_time t;
    plan_gemm_time(d, &g, &t);
    return t.total * 1e3;
}

static double rate_ms(double M, double K, double N, double gflops)
{
    return 2 * M * K * N / gflops * 1e-6;
}

static void whisper_xdna(struct plan_table *t, const struct plan_dev *d)
{
    const double proj16 = gemm_ms(d, 1536, 1280, 1280, 2, 4, 32, 0);
    const double fc16 = gemm_ms(d, 1536, 5120, 1280, 2, 4, 32, 0);
    const double proj8 = gemm_ms(d, 1536, 1280, 1280, 1, 4, 32, 0);
    const double fc8 = gemm_ms(d, 1536, 5120, 1280, 1, 4, 32, 0);
    ADD(t, "WX bf16 1536x1536x384", "ms", rate_ms(1536, 1536, 384, 1761),
        gemm_ms(d, 1536, 1536, 384, 2, 4, 32, 0), NAN, .15, true, "compute binds; eta fitted here");
    ADD(t, "WX bf16 1536x5120x1280", "ms", rate_ms(1536, 5120, 1280, 1514), fc16, NAN, .15, true,
        "DDR binds; bandwidth fitted here");
    ADD(t, "WX bf16 1536x1280x1280", "ms", rate_ms(1536, 1280, 1280, 1409), proj16, NAN, .15, true,
        "DDR binds");
    ADD(t, "WX bf16 1536x64x1536", "ms", rate_ms(1536, 64, 1536, 386),
        gemm_ms(d, 1536, 64, 1536, 2, 4, 32, 0), NAN, .15, true, "DDR binds: f32 result");
    ADD(t, "WX bf16 512x512x512", "ms", .267, gemm_ms(d, 512, 512, 512, 2, 4, 32, 0), NAN, .15,
        true, "call binds; call time fitted here");
    ADD(t, "WX int8 1536x1280x1280", "ms", rate_ms(1536, 1280, 1280, 1409 * 1.51), proj8, NAN, .15,
        true, "compute binds at eta .25");
    ADD(t, "WX int8 1536x5120x1280", "ms", rate_ms(1536, 5120, 1280, 1514 * 1.36), fc8, NAN, .15,
        true, "compute binds at eta .25");
    ADD(t, "WX int8, saved a pass", "ms", 363, 32 * (8 * (proj16 - proj8) + fc16 - fc8), NAN, .15,
        true, "32 layers of 8 products 1280 wide and one fc2");
    ADD(t, "WX pair of context switches", "ms", 2.81, 2 * d->switch_s * 1e3, NAN, .01, true,
        "fitted");
    static const struct {
        int ctx;
        double ms;
        const char *what;
    } sweep[] = {{512, 1582, "WX large-v3 encoder, ctx 512"},
                 {768, 2267, "WX large-v3 encoder, ctx 768"},
                 {1024, 2456, "WX large-v3 encoder, ctx 1024"},
                 {1500, 3346, "WX large-v3 encoder, ctx 1500"}};
    struct plan_wx w;
    for (int i = 0; i < 4; i++) {
        plan_wx_layer(d, sweep[i].ctx, 1280, 20, &w);
        ADD(t, sweep[i].what, "ms", sweep[i].ms, w.total * 32e3, NAN, .15, true,
            i == 3 ? "one constant (host) fitted here" : "a prediction");
    }
    ADD(t, "WX attention a head, chained", "ms", 1016.0 / 32 / 20,
        (w.qk + w.av + w.softmax + 2 * d->switch_s) / 20 * 1e3, NAN, .15, true,
        "QK, softmax and AV of a layer with two changes, over 20 heads");
    plan_wx_layer(d, 1500, 768, 12, &w);
    ADD(t, "WX small, service", "ms", 1507, w.total * 12e3, NAN, .15, true,
        "not modelled: untuned overlays, more than six of them, so contexts are remade");
    plan_wx_layer(d, 1500, 384, 6, &w);
    ADD(t, "WX tiny, service", "ms", 484, w.total * 4e3, NAN, .15, true, "the same");
}

static void iron(struct plan_table *t, const struct plan_dev *d)
{
    static const struct {
        int M, K, N;
        double stock, flm;
        const char *a, *b;
    } row[] = {
        {256, 512, 512, 227, 218, "IRON stock 256x512x512", "IRON flm 256x512x512"},
        {512, 512, 1024, 466, 390, "IRON stock 512x512x1024", "IRON flm 512x512x1024"},
        {512, 1024, 1024, 798, 639, "IRON stock 512x1024x1024", "IRON flm 512x1024x1024"},
        {1024, 1024, 1024, 1418, 1071, "IRON stock 1024x1024x1024", "IRON flm 1024x1024x1024"},
        {1024, 2048, 1024, 2738, 2134, "IRON stock 1024x2048x1024", "IRON flm 1024x2048x1024"},
        {512, 1536, 1536, 1699, 1498, "IRON stock 512x1536x1536", "IRON flm 512x1536x1536"},
        {1024, 2560, 2560, 8232, 6364, "IRON stock 1024x2560x2560", "IRON flm 1024x2560x2560"},
    };
    for (int i = 0; i < 7; i++) {
        ADD(t, row[i].a, "us", row[i].stock,
            1e3 * gemm_ms(d, row[i].M, row[i].K, row[i].N, 2, 2, 64, d->eta_stock64), NAN,
            i ? .10 : .20, true, i ? "64x64x64, eta .40" : "227 us in all: launch noise");
    }
    for (int i = 0; i < 7; i++) {
        /* its resident design: a launch and a rate, no memory model */
        ADD(t, row[i].b, "us", row[i].flm,
            107 + 2.0 * row[i].M * row[i].K * row[i].N / 2.1e12 * 1e6, NAN, .25, true,
            "107 us and 2.1 TFLOPS (two-parameter fit of the seven rows)");
    }
}

static void others(struct plan_table *t, const struct plan_dev *d1, const struct plan_dev *d4)
{
    const double cores = d1->rows * d1->cols, f2 = 2e-12 * d1->clock_hz;
    ADD(t, "AMD best int8, npu1", "TOPS", 6.76, cores * d1->mac_i8 * f2 * .80,
        cores * d1->mac_i8 * f2, .05, true, "hand-tuned: .80 of peak (fitted)");
    ADD(t, "AMD best bf16, npu1", "TOPS", 3.14, cores * d1->mac_bf16 * f2 * .75,
        cores * d1->mac_bf16 * f2, .05, true, "hand-tuned: .75 of peak (fitted)");
    ADD(t, "XE pool, one overlay a shape", "ms", 427,
        1e3 * (127 * d4->switch_s + 144 * (d4->xe_io_s + d4->xe_run_s)), NAN, .05, true,
        "127 changes and 144 calls: 339 ms are changes");
    ADD(t, "XE resident overlay", "ms", 137.7, 1e3 * 144 * (d4->xe_io_s + d4->xe_run_s), NAN, .15,
        true, "reloads of instruction streams are not in the model");
    ADD(t, "XE whisper-small, a token", "ms", 48.4, (138.9e6 + 27.6e6) * 2 / d4->bw_small * 1e3,
        (138.9e6 + 27.6e6) * 2 / d4->bw_small * 1e3, .15, true,
        "bytes alone allow 7 ms: launches and re-reads inside the fused program are not modelled");
    ADD(t, "IRON flm 1024x1536x6144, npu4", "us", 1143,
        1e3 * gemm_ms(d4, 1024, 1536, 6144, 2, 2, 64, 0), NAN, .15, true,
        "hand-tuned resident kernel, block floating point; stock eta does not describe it");
}

void plan_table_published(struct plan_table *t)
{
    struct plan_dev d1 = {0}, d4 = {0};
    struct err e;
    plan_dev_find(&d1, "npu1", &e);
    plan_dev_find(&d4, "npu4", &e);
    whisper_xdna(t, &d1);
    iron(t, &d1);
    others(t, &d1, &d4);
}
