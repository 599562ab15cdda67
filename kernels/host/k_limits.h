/* Limits of the unit that the kernels use.  Part of k_template.h. */
/* KT_CHAINS chains hide the latency of the instruction; the empty statement keeps the compiler from
 * lifting work out of the loop. */

static uint64_t kt_peak_i8(uint64_t n)
{
#ifdef KT_AMX_MODEL
    /* four tiles of sums, as in a product; bytes of all values, or an idle unit would be measured */
    uint8_t some[1024] __attribute__((aligned(64)));
    const struct amx_cfg cfg = amx_cfg_of(16, 64);
    AMX_STATE(x);
    for (int i = 0; i < 1024; i++) {
        some[i] = (uint8_t)(i * 37 + 1);
    }
    AMX_ORDER();
    AMX_CONFIG(x, &cfg);
    AMX_ZERO(x, 0);
    AMX_ZERO(x, 1);
    AMX_ZERO(x, 2);
    AMX_ZERO(x, 3);
    AMX_LOAD(x, 4, some, 64);
    AMX_LOAD(x, 6, some, 64);
    for (uint64_t i = 0; i < n; i++) {
        AMX_DOT_SU(x, 0, 4, 6);
        AMX_DOT_SU(x, 1, 4, 6);
        AMX_DOT_SU(x, 2, 4, 6);
        AMX_DOT_SU(x, 3, 4, 6);
    }
    AMX_STORE(x, 0, some, 64);
    AMX_RELEASE();
    return n * 4 * 16 * 16 * 64 * 2;
#else
    static const uint8_t some[64] = {129};
    static const vx_row ones[4] = {1, 1, 1, 1};
    const uint8_t *p = some;
    vi acc[KT_CHAINS];
    vx a = vx_load(ones);
    __asm__("" : "+r"(p)); /* or the compiler would leave out products with what it knows to be 0 */
    vw w = vw_load(p);
#pragma GCC unroll 16
    for (int c = 0; c < KT_CHAINS; c++) {
        acc[c] = vi_zero();
    }
    for (uint64_t i = 0; i < n; i++) {
#pragma GCC unroll 16
        for (int c = 0; c < KT_CHAINS; c++) {
            KT_OPAQUE_X(a);
            acc[c] = vi_dot(acc[c], w, a);
        }
    }
    volatile int32_t sink = 0;
#pragma GCC unroll 16
    for (int c = 0; c < KT_CHAINS; c++) {
        sink = vi_sum(acc[c]);
    }
    (void)sink;
    return n * KT_CHAINS * 16 * 4 * 2;
#endif
}

static uint64_t kt_peak_f32(uint64_t n)
{
    vf acc[KT_CHAINS], a = vf_set(1.0f), w = vf_set(0.5f);
#pragma GCC unroll 16
    for (int c = 0; c < KT_CHAINS; c++) {
        acc[c] = vf_zero();
    }
    for (uint64_t i = 0; i < n; i++) {
#pragma GCC unroll 16
        for (int c = 0; c < KT_CHAINS; c++) {
            KT_OPAQUE(a);
            acc[c] = vf_fma(a, w, acc[c]);
        }
    }
    volatile float sink = 0;
#pragma GCC unroll 16
    for (int c = 0; c < KT_CHAINS; c++) {
        sink = vf_sum16(acc[c]);
    }
    (void)sink;
    return n * KT_CHAINS * 16 * 2;
}

/* Four streams, as the packed weights of four panels are read. */
static void kt_read(const void *p, size_t n)
{
    const size_t quarter = n / 4 / 64 * 64;
    const uint8_t *q = p;
    vi s = vi_zero();
    for (size_t i = 0; i < quarter; i += 64) {
        for (int k = 0; k < 4; k++) {
            s = vi_sub(s, vi_load((const int32_t *)(const void *)(q + k * quarter + i)));
        }
    }
    volatile int32_t sink = vi_sum(s);
    (void)sink;
}
