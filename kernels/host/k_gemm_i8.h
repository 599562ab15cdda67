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
/* Sums of R rows by KT_I8_PANELS panels, to sum[R][32]. */
KT_INLINE void kt_i8_block(const int R, const uint8_t *w, size_t kp, const int8_t *x, size_t lda, int32_t *sum)
{
    vi acc[KT_I8_ROWS][KT_I8_PANELS];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int p = 0; p < KT_I8_PANELS; p++) {
            acc[r][p] = vi_zero();
        }
    }
    for (size_t t = 0; t < kp; t += 4, w += 64) {
        const int8_t *at = x + t;
        vw v[KT_I8_PANELS];
#pragma GCC unroll 2
        for (int p = 0; p < KT_I8_PANELS; p++) {
            v[p] = vw_load(w + (size_t)p * 16 * kp);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++, at += lda) {
            int32_t four;
            __asm__("" : "+r"(at)); /* one pointer that walks: gcc keeps one for each row, some in vector registers */
            memcpy(&four, at, 4);
            const vi y = vi_set(four);
#pragma GCC unroll 2
            for (int p = 0; p < KT_I8_PANELS; p++) {
                acc[r][p] = vi_dot(acc[r][p], v[p], y);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int p = 0; p < KT_I8_PANELS; p++) {
            vi_store(sum + 32 * r + 16 * p, acc[r][p]);
        }
    }
}
#endif

/* The same for up to KT_I8_ROWS rows.  A function of its own: what is done with the sums wants registers too. */
static __attribute__((noinline)) void kt_i8_sums(uint32_t rows, const uint8_t *w, size_t kp, const int8_t *x,
                                                 size_t lda, int32_t *sum)
{
    switch (rows) {
        KT_CASE(1, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(2, kt_i8_block, w, kp, x, lda, sum)
#if KT_I8_ROWS > 2
        KT_CASE(3, kt_i8_block, w, kp, x, lda, sum)
#endif
#if KT_I8_ROWS > 3
        KT_CASE(4, kt_i8_block, w, kp, x, lda, sum)
#endif
#if KT_I8_ROWS > 4
        KT_CASE(5, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(6, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(7, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(8, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(9, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(10, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(11, kt_i8_block, w, kp, x, lda, sum)
        KT_CASE(12, kt_i8_block, w, kp, x, lda, sum)
#endif
    default:
        break;
    }
}

/* Rows that are finished together, 32 columns: the products of the encoder. */
enum { KT_I8_TALL = 12 };

/* Sums of N rows, 16 columns that are all there, to results with a bias.  G: GELU, A: rows are added. */
KT_INLINE void kt_i8_few(const int N, const int B, const int G, const int A, const struct k_args *a, const struct kt_end *e,
                         const int32_t *sum, const int32_t *off, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    const vf scale = vf_load((const float *)a->in[2] + col), bias = vf_load(e->bias + col);
    float *out = (float *)a->out + (size_t)row * c->ldo + col;
    const float *add = (const float *)a->in[3] + (size_t)row * c->ldp + col;
    vf x[KT_I8_FEW];
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
        const vi s = vi_sub(vi_load(sum + 32 * r), vi_set(off[r]));
        x[r] = vf_add(vf_mul(vi_float(s), vf_mul(vf_set(fig[r].scale), scale)), bias);
        x[r] = B ? vf_add(x[r], vf_load(e->block + col)) : x[r];
    }
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
        const vf y = G ? kt_gelu(x[r]) : x[r];
        vf_store(out + (size_t)r * c->ldo, A ? vf_add(y, vf_load(add + (size_t)r * c->ldp)) : y);
    }
}

KT_INLINE void kt_i8_all(const int B, const int G, const int A, const struct k_args *a, const struct kt_end *e,
                         const int32_t *sum, uint32_t rows, uint32_t row, uint32_t col)
{
    int32_t off[KT_I8_TALL]; /* what was added to every weight, times the values */
    for (uint32_t r = 0; r < rows; r++) {
        off[r] = KT_W_OFFSET * ((const struct k_row *)a->aux + row)[r].sum;
    }
    for (uint32_t h = 0; h < 32; h += 16) {
        uint32_t r = 0;
        for (; r + KT_I8_FEW <= rows; r += KT_I8_FEW) {
            kt_i8_few(KT_I8_FEW, B, G, A, a, e, sum + 32 * r + h, off + r, row + r, col + h);
        }
        for (; r < rows; r++) {
            kt_i8_few(1, B, G, A, a, e, sum + 32 * r + h, off + r, row + r, col + h);
        }
    }
}

static void kt_i8_finish(const struct k_args *a, const struct kt_end *e, const int32_t *sum, uint32_t rows,
                         uint32_t row, uint32_t col)
{
    const unsigned flags = a->c->flags;
    if (!(flags & NPU_BIAS) || flags & NPU_MUL || a->c->n - col < 32) {
        for (uint32_t r = 0; r < rows; r++) {
            kt_i8_out(a, e, vi_load(sum + 32 * r), vi_load(sum + 32 * r + 16), KT_W_OFFSET, row + r, col);
        }
        return;
    }
    switch (flags & (NPU_BLOCKS | NPU_GELU | NPU_ADD)) {
#define KT_KIND(B, G, A)                                                                           \
    case (B) * NPU_BLOCKS | (G) * NPU_GELU | (A) * NPU_ADD:                                        \
        kt_i8_all(B, G, A, a, e, sum, rows, row, col);                                             \
        break;
        KT_KIND(0, 0, 0)
        KT_KIND(0, 0, 1)
        KT_KIND(0, 1, 0)
        KT_KIND(0, 1, 1)
        KT_KIND(1, 0, 0)
        KT_KIND(1, 0, 1)
        KT_KIND(1, 1, 0)
        KT_KIND(1, 1, 1)
#undef KT_KIND
    }
}

/* Two lines of each of some rows are asked for while their sums are made: a store that waits for its line holds
 * up the loads behind it. */
KT_INLINE void kt_i8_ask(const struct k_args *a, uint32_t rows, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    for (uint32_t r = row; r < row + rows; r++) {
        const float *out = (const float *)a->out + (size_t)r * c->ldo + col;
        __builtin_prefetch(out, 1);
        __builtin_prefetch(out + 16, 1);
        if (c->flags & NPU_ADD) {
            kt_ask((const float *)a->in[3] + (size_t)r * c->ldp + col, 128);
        }
    }
}

static void kt_i8_tall(const struct k_args *a, const struct kt_end *e, uint32_t rows, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const size_t kp = k_round(c->k, K_PAD_K);
    const uint8_t *w = (const uint8_t *)a->in[1] + col * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    int32_t sum[KT_I8_TALL * 32] __attribute__((aligned(64)));
    kt_i8_ask(a, rows, row, col);
    for (uint32_t r = 0; r < rows; r += KT_I8_ROWS) {
        for (uint32_t p = 0; p < 2; p += KT_I8_PANELS) {
            kt_i8_sums(rows - r < KT_I8_ROWS ? rows - r : KT_I8_ROWS, w + p * 16 * kp, kp, x + (size_t)r * c->lda,
                       c->lda, sum + 32 * r + 16 * p);
        }
    }
    kt_i8_finish(a, e, sum, rows, row, col);
}

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
        for (uint32_t i = m0; i < m1; i += KT_I8_TALL) {
            kt_i8_tall(a, &e, m1 - i < KT_I8_TALL ? m1 - i : KT_I8_TALL, i, j);
        }
    }
}
