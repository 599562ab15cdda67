/* INT8 products with weights of 4 bits (NPU_W4): 64 bytes are four k of 32 columns, and a row's four values meet both
 * halves of them: of one row these values would else be most of what is loaded.  Part of k_template.h. */

#ifdef KT_W4_RUN
/* Sums of R rows by 32 columns, through 16 bits; fig: the rows'.  A: as below. */
KT_INLINE void kt_w4_sums(const int R, const int A, const uint8_t *w, size_t kp, const int8_t *x, size_t lda,
                          const struct k_row *fig, vf (*y)[2])
{
    vi low[KT_W4_ROWS], high[KT_W4_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        low[r] = high[r] = vi_set(-8 * fig[r].sum);
    }
    for (const int8_t *end = x + kp; x < end;) {
        vi l16[KT_W4_ROWS], h16[KT_W4_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            l16[r] = h16[r] = vi_zero();
        }
#pragma GCC unroll 8
        for (int s = 0; s < KT_W4_RUN; s++, x += 4, w += 64) {
            const vl both = vl_load(w);
            const vi l = vl_even(both), h = vl_odd(both);
            if (A && R > 1) {
                __builtin_prefetch(w + KT_AHEAD, 0, 2);
            }
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                const vi four = v8_load(x + (size_t)r * lda);
                l16[r] = v8_dot(l16[r], l, four);
                h16[r] = v8_dot(h16[r], h, four);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            low[r] = v8_sum(low[r], l16[r]);
            high[r] = v8_sum(high[r], h16[r]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        y[r][0] = vi_float(low[r]);
        y[r][1] = vi_float(high[r]);
    }
}
#else
/* Sums of R rows by 32 columns; fig: the rows'.  A: the panel is read for the first time, and what follows it is asked for;
 * not by one row, for which the CPU does it (10 MB in an L3, two threads: 61 us, asked for into L2 65, into L1 76;
 * 40 MB from memory: 306, 380 to 700, 386 to 580; measured). */
KT_INLINE void kt_w4_sums(const int R, const int A, const uint8_t *w, size_t kp, const int8_t *x, size_t lda,
                          const struct k_row *fig, vf (*y)[2])
{
    const int C = KT_FEW_CHAINS && R == 1 ? 2 : 1; /* chains hide the latency of the products */
    vi low[KT_W4_ROWS][2], high[KT_W4_ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        low[r][0] = high[r][0] = vi_set(-8 * fig[r].sum);
        low[r][1] = high[r][1] = vi_zero();
    }
    for (const int8_t *end = x + kp; x < end; x += 8, w += 128) {
#pragma GCC unroll 2
        for (int p = 0; p < 2; p++) {
            const vl both = vl_load(w + 64 * p);
            const vi l = vl_even(both), h = vl_odd(both);
            const int8_t *at = x + 4 * p;
            if (A && R > 1) {
                __builtin_prefetch(w + 64 * p + KT_AHEAD, 0, 2);
            }
#pragma GCC unroll 8
            for (int r = 0; r < R; r++, at += lda) {
                if (R > 2) {
                    __asm__("" : "+r"(at)); /* as in kt_i8_block */
                }
                const vx four = vx_load(at);
                low[r][p % C] = vi_dot_low(low[r][p % C], l, four);
                high[r][p % C] = vi_dot_low(high[r][p % C], h, four);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        y[r][0] = vi_float(C > 1 ? vi_add(low[r][0], low[r][1]) : low[r][0]);
        y[r][1] = vi_float(C > 1 ? vi_add(high[r][0], high[r][1]) : high[r][0]);
    }
}
#endif

/* To sum[R][32]; functions of their own, as in k_gemm_i8.h. */
#define KT_W4_FN(R)                                                                                \
    static __attribute__((noinline)) void kt_w4_##R(int first, const uint8_t *w, size_t kp, const int8_t *x, size_t lda, \
                                                    const struct k_row *fig, float *sum)           \
    {                                                                                              \
        vf y[R][2];                                                                                \
        if (first) {                                                                               \
            kt_w4_sums(R, 1, w, kp, x, lda, fig, y);                                               \
        } else {                                                                                   \
            kt_w4_sums(R, 0, w, kp, x, lda, fig, y);                                               \
        }                                                                                          \
        for (int r = 0; r < (R); r++) {                                                            \
            vf_store(sum + 32 * r, y[r][0]);                                                       \
            vf_store(sum + 32 * r + 16, y[r][1]);                                                  \
        }                                                                                          \
    }
KT_W4_FN(1)
#if KT_W4_ROWS > 1
KT_W4_FN(2)
#endif
#if KT_W4_ROWS > 4
KT_W4_FN(4)
KT_W4_FN(8)
#endif
#undef KT_W4_FN

/* A step's row, panel by panel without a pause. */
static __attribute__((noinline)) void kt_w4_row(const struct k_args *a, const struct kt_end *e, uint32_t row, uint32_t n0,
                                                uint32_t n1)
{
    const size_t kp = k_round(a->c->k, K_PAD_K), lda = a->c->lda;
    const int8_t *x = (const int8_t *)a->in[0] + row * lda;
    for (uint32_t j = n0; j < n1; j += 32) {
        vf y[1][2];
        kt_w4_sums(1, 1, (const uint8_t *)a->in[1] + j / 2 * kp, kp, x, lda, (const struct k_row *)a->aux + row, y);
        kt_i8_end(a, e, y[0][0], row, j);
        if (j + 16 < a->c->n) {
            kt_i8_end(a, e, y[0][1], row, j + 16);
        }
    }
}

/* More rows, as kt_gemm_few. */
static void kt_gemm_w4(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1)
{
    const size_t kp = k_round(a->c->k, K_PAD_K), lda = a->c->lda;
    for (uint32_t m = m0; m < m1; m += KT_FEW) {
        const uint32_t end = m1 - m < KT_FEW ? m1 : m + KT_FEW;
        if (end - m == 1) {
            kt_w4_row(a, e, m, n0, n1);
            continue;
        }
        for (uint32_t j = n0; j < n1; j += 32) {
            const uint8_t *w = (const uint8_t *)a->in[1] + j / 2 * kp;
            uint32_t i = m;
#define KT_W4_MANY(R)                                                                              \
    for (; i + (R) <= end; i += (R)) {                                                             \
        float sum[(R) * 32] __attribute__((aligned(64)));                                          \
        kt_i8_ask(a, R, i, j);                                                                     \
        kt_w4_##R(i == m, w, kp, (const int8_t *)a->in[0] + i * lda, lda, (const struct k_row *)a->aux + i, sum); \
        kt_i8_finish(a, e, sum, R, i, j, j + 32);                                                  \
    }
#if KT_W4_ROWS > 4
            KT_W4_MANY(8)
            KT_W4_MANY(4)
#endif
#if KT_W4_ROWS > 1
            KT_W4_MANY(2)
#endif
            KT_W4_MANY(1)
#undef KT_W4_MANY
        }
    }
}
