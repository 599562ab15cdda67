/* INT8 products: rows of s8, in one plane or (NPU_FINE) two, against packed u8 weights and (NPU_DEEP) the
 * low plane behind them.  Part of k_template.h. */

/* A sum of products, 16 columns of one row, to results. */
KT_INLINE void kt_i8_end(const struct k_args *a, const struct kt_end *e, vf sum, uint32_t row, uint32_t col)
{
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    const float *scale = a->in[2];
    kt_finish(a, e, vf_mul(sum, vf_mul(vf_set(fig->scale), vf_load(scale + col))), row, col);
}

/* Integer sums of one row, 32 columns, to results.  offset: what was added to every weight. */
KT_INLINE void kt_i8_out(const struct k_args *a, const struct kt_end *e, vi s0, vi s1, int offset,
                         uint32_t row, uint32_t col)
{
    const vi off = vi_set(offset * ((const struct k_row *)a->aux + row)->sum);
    kt_i8_end(a, e, vi_float(vi_sub(s0, off)), row, col);
    if (col + 16 < a->c->n) {
        kt_i8_end(a, e, vi_float(vi_sub(s1, off)), row, col + 16);
    }
}

#ifdef KT_I8_LANES
#include KT_I8_LANES
#else
/* R rows by 32 columns: the products of the encoder. */
KT_INLINE void kt_i8_block(const int R, const struct k_args *a, const struct kt_end *e,
                           uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const uint8_t *w0 = (const uint8_t *)a->in[1] + (size_t)col * kp;
    const uint8_t *w1 = w0 + (size_t)16 * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    const size_t lda = c->lda;
    vi acc[KT_I8_ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = vi_zero();
    }
    for (uint32_t t = 0; t < kp; t += 4, w0 += 64, w1 += 64) {
        vw v0 = vw_load(w0), v1 = vw_load(w1);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, x + (size_t)r * lda + t, 4);
            vi v = vi_set(four);
            acc[r][0] = vi_dot(acc[r][0], v0, v);
            acc[r][1] = vi_dot(acc[r][1], v1, v);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        kt_i8_out(a, e, acc[r][0], acc[r][1], KT_W_OFFSET, row + (uint32_t)r, col);
    }
}
#endif

/* The sum of a fine row from its parts: hi 128 + lo, and the low plane's sixteenths of hi. */
KT_INLINE vf kt_fine_sum(const int D, vi hi, vi lo, vi deep, const struct k_row *fig, const struct k_row *low)
{
    vf y = vf_fma(vi_float(vi_sub(hi, vi_set(KT_W_OFFSET * fig->sum))), vf_set(128.0f),
                  vi_float(vi_sub(lo, vi_set(KT_W_OFFSET * low->sum))));
    return D ? vf_fma(vi_float(vi_sub(deep, vi_set(8 * fig->sum))), vf_set(8.0f), y) : y;
}

enum { KT_AHEAD = 8192 }; /* bytes; 16384 is as fast, 1024 to 4096 a quarter to four tenths slower (measured) */

/* One or two rows take a line at once, from the nearest cache; more of them are at it for so long that the
 * lines fetched ahead wait in L2 (16 rows of one plane, 26 MB, two threads: 1.24 to 1.10 ms, measured). */
KT_INLINE void kt_panel_ask(const int R, const uint8_t *p)
{
    if (R > 2) {
        __builtin_prefetch(p, 0, 2);
    } else {
        __builtin_prefetch(p);
    }
}

/* R rows by one panel of 16 columns: the decoder's products.  A panel of weights is a run of bytes, and so are
 * the panels after it, so a step reads memory in order (measured, 58 MB of weights, two threads: 93 GB/s; four
 * panels side by side: 59).  A: the panel is read for the first time, what follows it is asked for.  F: two planes
 * of rows, D: two of weights.  With few rows several chains hide the latency of the products. */
KT_INLINE void kt_panel(const int R, const int F, const int D, const int A, const struct k_args *a,
                        const struct kt_end *e, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const int C = R == 1 ? (F ? 2 : 4) : R == 2 && !F ? 2 : 1; /* chains of a plane */
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const size_t lda = c->lda, plane = (size_t)c->m * lda;
    const uint8_t *w = (const uint8_t *)a->in[1] + (size_t)col * kp;
    const uint8_t *under =
        (const uint8_t *)a->in[1] + ((size_t)k_round(c->n, K_PAD_N) + col / 2) * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * lda;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    vi hi[KT_PANEL_ROWS][4], lo[KT_PANEL_ROWS][4], deep[KT_PANEL_ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        deep[r] = vi_zero();
#pragma GCC unroll 4
        for (int v = 0; v < C; v++) {
            hi[r][v] = lo[r][v] = vi_zero();
        }
    }
    for (uint32_t t = 0; t < kp; t += 16, w += 256, under += 128) {
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++) {
            const vw y = vw_load(w + 64 * p);
            if (A) {
                kt_panel_ask(R, w + 64 * p + KT_AHEAD);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, x + (size_t)r * lda + t + 4 * p, 4);
                hi[r][p % C] = vi_dot(hi[r][p % C], y, vi_set(four));
                if (F) {
                    memcpy(&four, x + plane + (size_t)r * lda + t + 4 * p, 4);
                    lo[r][p % C] = vi_dot(lo[r][p % C], y, vi_set(four));
                }
            }
        }
#pragma GCC unroll 2
        for (int p = 0; p < 2 && D; p++) {
            const vl u = vl_load(under + 64 * p);
            const vi even = vl_even(u), odd = vl_odd(u);
            if (A) {
                __builtin_prefetch(under + 64 * p + KT_AHEAD / 2);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; r++) {
                int32_t four[2];
                memcpy(four, x + (size_t)r * lda + t + 8 * p, 8);
                deep[r] = vi_dot_low(vi_dot_low(deep[r], even, vi_set(four[0])), odd, vi_set(four[1]));
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 1; v < C; v++) {
            hi[r][0] = vi_add(hi[r][0], hi[r][v]);
            lo[r][0] = F ? vi_add(lo[r][0], lo[r][v]) : lo[r][0];
        }
        const vf y = F ? kt_fine_sum(D, hi[r][0], lo[r][0], deep[r], fig + r, fig + c->m + r)
                       : vi_float(vi_sub(hi[r][0], vi_set(KT_W_OFFSET * fig[r].sum)));
        kt_i8_end(a, e, y, row + (uint32_t)r, col);
    }
}

/* Rows m0..m1-1 of one panel: as many at a time as go. */
KT_INLINE void kt_panel_rows(const int F, const int D, const struct k_args *a, const struct kt_end *e,
                             uint32_t m0, uint32_t m1, uint32_t col)
{
    const int most = F ? KT_PANEL_FINE : KT_PANEL_ROWS;
    uint32_t i = m0;
#define KT_PANEL(R)                                                                                \
    for (; R <= most && i + R <= m1; i += R) {                                                     \
        if (i == m0) {                                                                             \
            kt_panel(R, F, D, 1, a, e, i, col);                                                    \
        } else {                                                                                   \
            kt_panel(R, F, D, 0, a, e, i, col);                                                    \
        }                                                                                          \
    }
    KT_PANEL(KT_PANEL_ROWS)
#if KT_PANEL_FINE > 4
    KT_PANEL(KT_PANEL_FINE)
    KT_PANEL(4)
#endif
    KT_PANEL(2)
    KT_PANEL(1)
#undef KT_PANEL
}

/* Not inlined: three kinds of products, a loop for each. */
static void kt_panels(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1, uint32_t n0,
                      uint32_t n1)
{
    for (uint32_t j = n0; j < n1; j += 16) {
        kt_panel_rows(0, 0, a, e, m0, m1, j);
    }
}
static void kt_panels_fine(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1,
                           uint32_t n0, uint32_t n1)
{
    for (uint32_t j = n0; j < n1; j += 16) {
        kt_panel_rows(1, 0, a, e, m0, m1, j);
    }
}
static void kt_panels_deep(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1,
                           uint32_t n0, uint32_t n1)
{
    for (uint32_t j = n0; j < n1; j += 16) {
        kt_panel_rows(1, 1, a, e, m0, m1, j);
    }
}

/* Rows of the decoder, which are worked on while their weights arrive. */
enum { KT_FEW = 32 };

static void kt_i8_rows(uint32_t rows, const struct k_args *a, const struct kt_end *e, uint32_t i, uint32_t j)
{
    switch (rows) {
        KT_CASE(kt_i8_block, 1)
        KT_CASE(kt_i8_block, 2)
#if KT_I8_ROWS > 2
        KT_CASE(kt_i8_block, 3)
#endif
#if KT_I8_ROWS > 3
        KT_CASE(kt_i8_block, 4)
        KT_CASE(kt_i8_block, 5)
        KT_CASE(kt_i8_block, 6)
        KT_CASE(kt_i8_block, 7)
        KT_CASE(kt_i8_block, 8)
        KT_CASE(kt_i8_block, 9)
        KT_CASE(kt_i8_block, 10)
        KT_CASE(kt_i8_block, 11)
        KT_CASE(kt_i8_block, 12)
#endif
    default:
        break;
    }
}

KT_INLINE struct kt_end kt_i8_end_of(const struct k_args *a, uint32_t m0)
{
    const uint32_t np = k_round(a->c->n, K_PAD_N);
    const float *scale = a->in[2];
    return kt_end_of(a, m0, scale + np, scale + 2 * np);
}

/* Panel by panel: a panel of weights stays in the nearest cache while the rows pass. */
static void kt_gemm_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    const struct kt_end e = kt_i8_end_of(a, m0);
    const unsigned flags = a->c->flags;
    (void)scratch;
    if (flags & NPU_FINE) {
        (flags & NPU_DEEP ? kt_panels_deep : kt_panels_fine)(a, &e, m0, m1, n0, n1);
        return;
    }
    if (m1 - m0 <= KT_FEW) {
        kt_panels(a, &e, m0, m1, n0, n1);
        return;
    }
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += KT_I8_ROWS) {
            kt_i8_rows(m1 - i < KT_I8_ROWS ? m1 - i : KT_I8_ROWS, a, &e, i, j);
        }
    }
}
