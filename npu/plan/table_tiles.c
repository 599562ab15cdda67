/* Tables of documents 3 (32 tiles, XDNA2) and 4 (64x512 tiles): every row recomputed.  Pure, any
 * thread; allocates nothing. */
#include <math.h>

#include "npu/plan/array.h"
#include "npu/plan/cost.h"
#include "npu/plan/table.h"

#define ADD plan_table_add

void plan_table_tiles32(struct plan_table *t)
{
    struct plan_dev d = {0};
    struct err e;
    plan_dev_find(&d, "npu4", &e);
    struct plan_layer l;
    plan_layer_time(&d, 512, 512, 8, 1, false, &l);
    const double clip = 10.24, layer = 254.61 + 82.98;
    const double best = clip / (6 * l.total);
    ADD(t, "4 tiles: layer", "ms", 362.36, 278.97 + 83.39, NAN, .01, true,
        "sum of its two rows; device work for the same layer is below 5 ms");
    ADD(t, "32 tiles: layer", "ms", 337.59, layer, NAN, .01, true, "sum of its two rows");
    ADD(t, "attention", "x", 1.10, 278.97 / 254.61, NAN, .01, true, "ratio of times");
    ADD(t, "FFN", "x", 1.00, 83.39 / 82.98, NAN, .01, true,
        "8 of 12 chunked calls are here and nothing changed: kernel share below 1 %");
    ADD(t, "layer", "x", 1.07, 362.36 / 337.59, NAN, .01, true, "ratio of times");
    ADD(t, "encoder, 32 tiles", "ms", 1831.58, 6 * layer, NAN, .02, true,
        "6 layers of the profile make 2026 ms: profile and run disagree by 10 %");
    ADD(t, "x realtime, 32 tiles", "x", 5.59, clip / 1.83158, best, .01, true,
        "10.24 s / 1831.58 ms");
    ADD(t, "32 against 4 tiles", "x", 1.16, 5.59 / 4.82, NAN, .01, true, "ratio");
    ADD(t, "the same by Amdahl's law", "x", 1.17, plan_amdahl(.2, 3.5), NAN, .01, false,
        "20 % of the time 3.5 times as fast; the 20 % are an estimate, not a profile");
    ADD(t, "largest gain from kernels", "x", 1.25, plan_amdahl(.2, INFINITY), NAN, .01, false,
        "1 / (1 - .2)");
    ADD(t, "chunk, 4 tiles", "ms", 20, 5 + 5 + 3 + 5 + 2 + 1, NAN, .01, false,
        "the rows add up to 21; FFN 83 ms / 8 chunks would be 10.4");
    ADD(t, "chunk, 32 tiles", "ms", 17.5, 5 + 5 + 3 + 1.5 + 2 + 1, NAN, .01, false,
        "sum of the rows");
    ADD(t, "chunk, share of the kernel", "%", 20, 5.0 / 21 * 100, NAN, .01, false,
        "5 of the 21 ms that the rows add up to: 24 %, so Amdahl's law gives 1.20x");
    ADD(t, "chunk, appendix", "x", 1.14, 20 / (16 + 1.5), NAN, .01, false,
        "the appendix has 4 -> 1.5 ms of kernel, the text 5 -> 1.5");
    ADD(t, "chunked calls of an encoder", "calls", 48, 6 * (2048 / 512 + 2048 / 512), NAN, .01,
        false, "fc1 in 4 of N, fc2 in 4 of K, six layers");
    ADD(t, "chunk overhead, share", "%", 39, 48 * 15 / 1831.58 * 100, NAN, .02, false,
        "48 x 15 ms; the 15 ms are an estimate");
    ADD(t, "chunk overhead", "ms", 720, 48 * 15.0, NAN, .01, false, "48 x 15 ms");
    ADD(t, "expected from 32 tiles", "x", 17, 4.82 * 3.5, best, .01, false,
        "kernel gain applied to the whole; that is what Amdahl's law forbids");
    ADD(t, "first plan: operations batched", "x", 34, 17 * 2.0, best, .01, false, "17 x 2");
    ADD(t, "first plan: kernels fused", "x", 85, 17 * 2 * 2.5, best, .01, false, "34 x 2.5");
    ADD(t, "first plan: C++", "x", 128, 17 * 2 * 2.5 * 1.5, best, .01, false, "85 x 1.5");
    ADD(t, "first plan, final", "x", 384, 17 * 2 * 2.5 * 1.5 * 3, best, .01, false,
        "product of five guesses (17 x 2 x 2.5 x 1.5 x 3)");
    ADD(t, "floor of its own kernel", "x", 95, clip / (6 * 12 * 1.5e-3), NAN, .01, false,
        "12 calls a layer of 1.5 ms: nothing above 95x without a faster kernel");
    ADD(t, "revised plan: C++, upper end", "x", 28, 5.59 * 5, clip / (6 * 12 * 1.5e-3), .01, false,
        "5.59 x 5; without Python's 50 to 60 % it is 2 to 2.5 times as fast, not 5");
    ADD(t, "revised plan: less chunking, upper", "x", 112, 5.59 * 5 * 4, clip / (6 * 12 * 1.5e-3),
        .01, false, "28 x 4");
    ADD(t, "revised plan: fused, upper end", "x", 336, 5.59 * 5 * 4 * 3, clip / (6 * 12 * 1.5e-3),
        .01, false, "112 x 3");
    ADD(t, "revised plan, lower end", "x", 100, 5.59 * 3 * 2 * 2 * 1.5, clip / (6 * 12 * 1.5e-3),
        .02, false, "product of guesses; above the floor of its own 1.5 ms kernel");
    ADD(t, "revised plan, upper end", "x", 672, 5.59 * 5 * 4 * 3 * 2, clip / (6 * 12 * 1.5e-3), .01,
        false, "the same");
    ADD(t, "512x512x2048: descriptors of a shim", "bds", 16, 18, NAN, .15, true,
        "toolchain: \"no space for this bd\"; a sequence of 8 tile rows that never waits takes 18 "
        "of "
        "16 (their program is not public)");
}

/* Core bytes of a tile as document 4 wants it: single buffers, bf16 result. */
static double tile_kb(double m, double k, double n)
{
    return (m * k + k * n + m * n) * 2 / 1024;
}

void plan_table_batched(struct plan_table *t)
{
    struct plan_dev d = {0};
    struct err e;
    plan_dev_find(&d, "npu1", &e);
    const double M = 47, K = 8, N = 8; /* 3001 x 512 x 512 in tiles of 64 */
    /* 2.4 ms of a call are not the kernel's */
    const double kernel = 64.0 * 64 * 64 * d.soft_cyc / d.clock_hz * 1e3, call = kernel + 2.4;
    struct plan_gemm g = {.M = 3001,
                          .K = 512,
                          .N = 512,
                          .m = 64,
                          .k = 64,
                          .n = 64,
                          .ea = 2,
                          .eb = 2,
                          .ec = 2,
                          .cols = 4,
                          .call_s = d.call_s};
    struct plan_time whole;
    plan_gemm_time(&d, &g, &whole);
    ADD(t, "calls of 64x64 tiles", "calls", 3008, M * K * N, NAN, 0, true, "47 x 8 x 8, exact");
    ADD(t, "one call", "ms", 54.4, call, NAN, .01, true,
        "52 ms are a bf16 product in scalar software at 204 cycles a MAC (fitted); a vectorised "
        "kernel of 0.39 ms a call lay in the same repository");
    ADD(t, "all calls", "s", 163.7, 3008 * 54.4e-3, whole.total, .01, true, "3008 x 54.4 ms");
    ADD(t, "calls of 64x512 tiles", "calls", 376, M * K, NAN, 0, false, "47 x 8, exact");
    ADD(t, "gain in calls", "x", 8, 3008.0 / 376, NAN, 0, false, "ratio");
    ADD(t, "64x512: one call", "ms", 54, 8 * kernel + 2.4, 8 * kernel, .01, false,
        "eight times the products take eight times as long: the time is compute, not overhead");
    ADD(t, "64x512: all calls", "s", 20.4, 376 * (8 * kernel + 2.4) * 1e-3, 376 * 8 * kernel * 1e-3,
        .01, false, "with the same kernel 157 s, not 20.4 s");
    ADD(t, "64x512: core memory", "KB", 64, tile_kb(64, 64, 512), tile_kb(64, 64, 512), .01, false,
        "A 8 + B 64 + C 64 = 136 KB without double buffers, a core has 64: \"allocated buffers "
        "exceeded available memory\"");
    ADD(t, "64x512: B, as the code comment says", "KB", 32, 64 * 512 * 2 / 1024.0,
        64 * 512 * 2 / 1024.0, .01, false,
        "64 x 512 bf16 values are 64 KB, as the line below it says");
    ADD(t, "64x512: B and C, as the code says", "KB", 64, 64 * 512 * 2 / 1024.0, NAN, .01, false,
        "65536 bytes each: either alone fills a core");
    ADD(t, "calls of 128x512 tiles", "calls", 188, ceil(M / 2) * K, NAN, .01, false,
        "24 x 8 = 192: 47 tile rows do not pair up");
    ADD(t, "128x512: all calls", "s", 10.2, 192 * (16 * kernel + 2.4) * 1e-3,
        188 * 16 * kernel * 1e-3, .01, false, "the same mistake; 208 KB do not fit either");
    ADD(t, "batching in Python", "calls", 3008, M * K * N, NAN, 0, true,
        "a true negative result: the device sees the same calls");
    ADD(t, "tuning the host only", "s", 140, 3008 * kernel * 1e-3, 3008 * kernel * 1e-3, .02, false,
        "below the kernel's own time");
    ADD(t, "the same product, whole array", "ms", NAN, whole.total * 1e3, NAN, .01, false,
        "16 cores, 64x64x64, one call");
}
