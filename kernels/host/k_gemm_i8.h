/* INT8 products: rows of s8, in one plane or (NPU_FINE) two, against packed u8 weights and (NPU_DEEP) the
 * low plane behind them.  Part of k_template.h. */

/* A sum of products, 16 columns of one row, to results. */
KT_INLINE void kt_i8_end(const struct k_args *a, const struct kt_end *e, vf sum, uint32_t row, uint32_t col)
{
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    const float *scale = a->in[2];
    kt_finish(a, e, vf_mul(sum, vf_mul(vf_set(fig->scale), vf_load(scale + col))), row, col);
}

/* Rows as vx_load reads them: as they are or, where that is wider, in `room` [rows][k]; *ld: from row to row. */
KT_INLINE const vx_row *kt_rows(const int8_t *x, size_t *ld, uint32_t rows, size_t k, void *room)
{
#ifdef KT_WIDE_ROWS
    vx_row *to = room;
    for (uint32_t r = 0; r < rows; r++) {
        vx_widen(to + r * k, x + r * *ld, k);
    }
    *ld = k;
    return to;
#else
    (void)ld, (void)rows, (void)k, (void)room;
    return x;
#endif
}

#ifdef KT_I8_LANES
#include KT_I8_LANES
#else
/* Sums of R rows by KT_I8_PANELS panels, to sum[R][32]; off: what they begin with. */
KT_INLINE void kt_i8_block(const int R, const uint8_t *w, size_t kp, const vx_row *x, size_t lda, const int32_t *off,
                           float *sum)
{
    vi acc[KT_I8_ROWS][KT_I8_PANELS];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int p = 0; p < KT_I8_PANELS; p++) {
            acc[r][p] = vi_set(off[r]);
        }
    }
    for (size_t t = 0; t < kp; t += 4, w += 64) {
        const vx_row *at = x + t;
        vw v[KT_I8_PANELS];
#pragma GCC unroll 2
        for (int p = 0; p < KT_I8_PANELS; p++) {
            v[p] = vw_load(w + (size_t)p * 16 * kp);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++, at += lda) {
            __asm__("" : "+r"(at)); /* one pointer that walks: gcc keeps one for each row, some in vector registers */
            const vx y = vx_load(at);
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
            vf_store(sum + 32 * r + 16 * p, vi_float(acc[r][p]));
        }
    }
}
#endif

/* The same for up to KT_I8_ROWS rows.  A function of its own: what is done with the sums wants registers too. */
static __attribute__((noinline)) void kt_i8_sums(uint32_t rows, const uint8_t *w, size_t kp, const vx_row *x,
                                                 size_t lda, const int32_t *off, float *sum)
{
    switch (rows) {
        KT_CASE(1, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(2, kt_i8_block, w, kp, x, lda, off, sum)
#if KT_I8_ROWS > 2
        KT_CASE(3, kt_i8_block, w, kp, x, lda, off, sum)
#endif
#if KT_I8_ROWS > 3
        KT_CASE(4, kt_i8_block, w, kp, x, lda, off, sum)
#endif
#if KT_I8_ROWS > 4
        KT_CASE(5, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(6, kt_i8_block, w, kp, x, lda, off, sum)
#endif
#if KT_I8_ROWS > 6
        KT_CASE(7, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(8, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(9, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(10, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(11, kt_i8_block, w, kp, x, lda, off, sum)
        KT_CASE(12, kt_i8_block, w, kp, x, lda, off, sum)
#endif
    default:
        break;
    }
}

/* Sums [N][32] of N rows, 16 columns that are all there, to results with a bias.  B: rows of blocks, G: rough GELU, A: rows
 * are added. */
KT_INLINE void kt_i8_few(const int N, const int B, const int G, const int A, const struct k_args *a,
                         const struct kt_end *e, const float *sum, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    const vf scale = vf_load((const float *)a->in[2] + col), bias = vf_load(e->bias + col);
    float *out = (float *)a->out + (size_t)row * c->ldo + col;
    const float *add = (const float *)a->in[3] + (size_t)row * c->ldp + col;
    vf x[KT_I8_FEW];
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
        x[r] = vf_add(vf_mul(vf_load(sum + 32 * r), vf_mul(vf_set(fig[r].scale), scale)), bias);
        x[r] = B ? vf_add(x[r], vf_load(e->block + col)) : x[r];
    }
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
        const vf y = G ? kt_gelu_rough(x[r]) : x[r];
        vf_store(out + (size_t)r * c->ldo, A ? vf_add(y, vf_load(add + (size_t)r * c->ldp)) : y);
    }
}

KT_INLINE void kt_i8_all(const int B, const int G, const int A, const struct k_args *a, const struct kt_end *e,
                         const float *sum, uint32_t rows, uint32_t row, uint32_t col, uint32_t end)
{
    for (; col < end; col += 16, sum += 16) {
        uint32_t r = 0;
        for (; r + KT_I8_FEW <= rows; r += KT_I8_FEW) {
            kt_i8_few(KT_I8_FEW, B, G, A, a, e, sum + 32 * r, row + r, col);
        }
        for (; KT_I8_FEW > 2 && r + 2 <= rows; r += 2) {
            kt_i8_few(2, B, G, A, a, e, sum + 32 * r, row + r, col);
        }
        for (; r < rows; r++) {
            kt_i8_few(1, B, G, A, a, e, sum + 32 * r, row + r, col);
        }
    }
}

/* Sums [rows][32] of one or two panels to results.  A function of its own, like what makes the sums. */
static __attribute__((noinline)) void kt_i8_finish(const struct k_args *a, const struct kt_end *e, const float *sum,
                                                   uint32_t rows, uint32_t row, uint32_t col, uint32_t end)
{
    const unsigned flags = a->c->flags;
    if (!(flags & NPU_BIAS) || flags & NPU_MUL || (flags & (NPU_GELU | NPU_ROUGH)) == NPU_GELU || a->c->n < end) {
        for (; col < end && col < a->c->n; col += 16, sum += 16) {
            for (uint32_t r = 0; r < rows; r++) {
                kt_i8_end(a, e, vf_load(sum + 32 * r), row + r, col);
            }
        }
        return;
    }
    switch (flags & (NPU_BLOCKS | NPU_GELU | NPU_ADD)) {
#define KT_KIND(B, G, A)                                                                           \
    case (B) * NPU_BLOCKS | (G) * NPU_GELU | (A) * NPU_ADD:                                        \
        kt_i8_all(B, G, A, a, e, sum, rows, row, col, end);                                        \
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

/* Rows that are finished together, 32 columns: the products of the encoder. */
enum { KT_I8_TALL = 12 };

static void kt_i8_tall(const struct k_args *a, const struct kt_end *e, const vx_row *x, size_t ldx, uint32_t rows,
                       uint32_t row, uint32_t col)
{
    const size_t kp = k_round(a->c->k, K_PAD_K);
    const uint8_t *w = (const uint8_t *)a->in[1] + col * kp;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    float sum[KT_I8_TALL * 32] __attribute__((aligned(64)));
    int32_t off[KT_I8_TALL];
    for (uint32_t r = 0; r < rows; r++) {
        off[r] = -KT_W_OFFSET * fig[r].sum;
    }
    kt_i8_ask(a, rows, row, col);
    for (uint32_t r = 0; r < rows; r += KT_I8_ROWS) {
        for (uint32_t p = 0; p < 2; p += KT_I8_PANELS) {
            kt_i8_sums(rows - r < KT_I8_ROWS ? rows - r : KT_I8_ROWS, w + p * 16 * kp, kp, x + r * ldx, ldx, off + r,
                       sum + 32 * r + 16 * p);
        }
    }
    kt_i8_finish(a, e, sum, rows, row, col, col + 32);
}

/* The sum of a fine row from its parts: hi 128 + lo, and the low plane's sixteenths of hi. */
KT_INLINE vf kt_fine_sum(const int D, vi hi, vi lo, vi deep)
{
    const vf y = vf_fma(vi_float(hi), vf_set(128.0f), vi_float(lo));
    return D ? vf_fma(vi_float(deep), vf_set(8.0f), y) : y;
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

/* Rows of a few, from row `row` of the command on. */
struct kt_few {
    const vx_row *x;
    size_t ldx, plane; /* from row to row, from the upper plane to the lower */
    uint32_t row;
};

/* Some of them and one panel of 16 columns. */
struct kt_panel {
    const uint8_t *w, *under; /* under: the low plane */
    const vx_row *x;
    const struct k_row *fig, *low; /* figures of both planes of the rows */
    size_t kp, lda, plane;
};

KT_INLINE struct kt_panel kt_panel_of(const struct k_args *a, const struct kt_few *x, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const size_t kp = k_round(c->k, K_PAD_K);
    struct kt_panel g = {.kp = kp, .lda = x->ldx, .plane = x->plane};
    g.w = (const uint8_t *)a->in[1] + col * kp;
    g.under = (const uint8_t *)a->in[1] + ((size_t)k_round(c->n, K_PAD_N) + col / 2) * kp;
    g.x = x->x + (row - x->row) * x->ldx;
    g.fig = (const struct k_row *)a->aux + row;
    g.low = g.fig + c->m;
    return g;
}

/* Sums of R rows: the decoder's products.  A panel of weights is a run of bytes, and so are the panels after it, so a
 * step reads memory in order (measured, 58 MB of weights, two threads: 93 GB/s; four panels side by side: 59).  A: the
 * panel is read for the first time, what follows it is asked for.  F: two planes of rows, D: two of weights.  With few
 * rows several chains hide the latency of the products. */
KT_INLINE void kt_panel_sums(const int R, const int F, const int D, const int A, const struct kt_panel *g, vf *y)
{
    const int C = !KT_FEW_CHAINS ? 1 : R == 1 ? (F ? 2 : 4) : R == 2 && !F ? 2 : 1; /* chains of a plane */
    const uint8_t *w = g->w, *under = g->under;
    const vx_row *x = g->x;
    const size_t lda = g->lda, plane = g->plane;
    vi hi[KT_PANEL_ROWS][4], lo[KT_PANEL_ROWS][4], deep[KT_PANEL_ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        deep[r] = vi_set(-8 * g->fig[r].sum);
#pragma GCC unroll 4
        for (int v = 0; v < C; v++) {
            hi[r][v] = v ? vi_zero() : vi_set(-KT_W_OFFSET * g->fig[r].sum);
            lo[r][v] = v || !F ? vi_zero() : vi_set(-KT_W_OFFSET * g->low[r].sum);
        }
    }
    for (const vx_row *end = x + g->kp; x < end; x += 16, w += 256, under += 128) {
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++) {
            const vw v = vw_load(w + 64 * p);
            const vx_row *at = x + 4 * p;
            if (A) {
                kt_panel_ask(R, w + 64 * p + KT_AHEAD);
            }
            if (D && A && p % 2) {
                __builtin_prefetch(under + 32 * (p - 1) + KT_AHEAD / 2);
            }
            const vi z = !D      ? vi_zero()
                         : p % 2 ? vl_odd(vl_load(under + 32 * (p - 1)))
                                 : vl_even(vl_load(under + 32 * p));
#pragma GCC unroll 16
            for (int r = 0; r < R; r++, at += lda) {
                if (R > 2) {
                    __asm__("" : "+r"(at)); /* as in kt_i8_block */
                }
                const vx h = vx_load(at);
                hi[r][p % C] = vi_dot(hi[r][p % C], v, h);
                if (D) {
                    deep[r] = vi_dot_low(deep[r], z, h);
                }
                if (F) {
                    lo[r][p % C] = vi_dot(lo[r][p % C], v, vx_load(at + plane));
                }
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
        y[r] = F ? kt_fine_sum(D, hi[r][0], lo[r][0], deep[r]) : vi_float(hi[r][0]);
    }
}

/* One row, or two. */
KT_INLINE void kt_panel_few(const int R, const int F, const int D, const int A, const struct k_args *a,
                            const struct kt_end *e, const struct kt_few *x, uint32_t row, uint32_t col)
{
    const struct kt_panel g = kt_panel_of(a, x, row, col);
    vf y[KT_PANEL_ROWS];
    kt_panel_sums(R, F, D, A, &g, y);
#pragma GCC unroll 2
    for (int r = 0; r < R; r++) {
        kt_i8_end(a, e, y[r], row + (uint32_t)r, col);
    }
}

/* Sums of more rows through memory. */
KT_INLINE void kt_panel_store(const int R, const int F, const int D, int first, const struct kt_panel *g, float *sum)
{
    vf y[KT_PANEL_ROWS];
    if (first) {
        kt_panel_sums(R, F, D, 1, g, y);
    } else {
        kt_panel_sums(R, F, D, 0, g, y);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        vf_store(sum + 32 * r, y[r]);
    }
}

#define KT_PANEL_FN(name, R, F, D)                                                                 \
    static __attribute__((noinline)) void name(int first, const struct kt_panel *g, float *sum)    \
    {                                                                                              \
        kt_panel_store(R, F, D, first, g, sum);                                                    \
    }
KT_PANEL_FN(kt_panel_most, KT_PANEL_ROWS, 0, 0)
#if KT_PANEL_FINE > 4
KT_PANEL_FN(kt_panel_8, KT_PANEL_FINE, 0, 0)
KT_PANEL_FN(kt_panel_4, 4, 0, 0)
KT_PANEL_FN(kt_panel_fine_8, KT_PANEL_FINE, 1, 0)
KT_PANEL_FN(kt_panel_fine_4, 4, 1, 0)
KT_PANEL_FN(kt_panel_deep_8, KT_PANEL_FINE, 1, 1)
KT_PANEL_FN(kt_panel_deep_4, 4, 1, 1)
#endif
#undef KT_PANEL_FN

/* Rows m0..m1-1 of one panel: as many at a time as go. */
KT_INLINE void kt_panel_rows(const int F, const int D, const struct k_args *a, const struct kt_end *e,
                             const struct kt_few *x, uint32_t m0, uint32_t m1, uint32_t col)
{
    uint32_t i = m0;
#define KT_MANY(R, fn)                                                                             \
    for (; i + (R) <= m1; i += (R)) {                                                              \
        const struct kt_panel g = kt_panel_of(a, x, i, col);                                       \
        float sum[(R) * 32] __attribute__((aligned(64)));                                          \
        fn(i == m0, &g, sum);                                                                      \
        kt_i8_finish(a, e, sum, R, i, col, col + 16);                                              \
    }
#define KT_FEW_ROWS(R)                                                                             \
    for (; i + (R) <= m1; i += (R)) {                                                              \
        if (i == m0) {                                                                             \
            kt_panel_few(R, F, D, 1, a, e, x, i, col);                                             \
        } else {                                                                                   \
            kt_panel_few(R, F, D, 0, a, e, x, i, col);                                             \
        }                                                                                          \
    }
    if (!F) {
        KT_MANY(KT_PANEL_ROWS, kt_panel_most)
    }
#if KT_PANEL_FINE > 4
    KT_MANY(KT_PANEL_FINE, (D ? kt_panel_deep_8 : F ? kt_panel_fine_8 : kt_panel_8))
    KT_MANY(4, (D ? kt_panel_deep_4 : F ? kt_panel_fine_4 : kt_panel_4))
#endif
    if (!F || KT_PANEL_FINE > 1) {
        KT_FEW_ROWS(2)
    }
    KT_FEW_ROWS(1)
#undef KT_MANY
#undef KT_FEW_ROWS
}

/* Not inlined: three kinds of products, a loop for each. */
#define KT_PANELS_FN(name, F, D)                                                                   \
    static __attribute__((noinline)) void name(const struct k_args *a, const struct kt_end *e,     \
                                               const struct kt_few *x, uint32_t m1, uint32_t n0,   \
                                               uint32_t n1)                                        \
    {                                                                                              \
        for (uint32_t j = n0; j < n1; j += 16) {                                                   \
            kt_panel_rows(F, D, a, e, x, x->row, m1, j);                                           \
        }                                                                                          \
    }
KT_PANELS_FN(kt_panels, 0, 0)
KT_PANELS_FN(kt_panels_fine, 1, 0)
KT_PANELS_FN(kt_panels_deep, 1, 1)
#undef KT_PANELS_FN

/* Rows of the decoder, which are worked on while their weights arrive. */
enum { KT_FEW = 32 };

/* Rows `row` and after as panels read them; room: the tile's scratch. */
KT_INLINE struct kt_few kt_few_of(const struct k_args *a, uint32_t row, uint32_t rows, void *room)
{
    const struct npu_cmd *c = a->c;
    const size_t kp = k_round(c->k, K_PAD_K);
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    struct kt_few f = {.ldx = c->lda, .row = row};
    f.x = kt_rows(x, &f.ldx, rows, kp, room);
    if (c->flags & NPU_FINE) {
        size_t ldx = c->lda;
        f.plane = (size_t)(kt_rows(x + (size_t)c->m * c->lda, &ldx, rows, kp, (vx_row *)room + rows * kp) - f.x);
    }
    return f;
}

KT_INLINE struct kt_end kt_i8_end_of(const struct k_args *a, uint32_t m0)
{
    const uint32_t np = k_round(a->c->n, K_PAD_N);
    const float *scale = a->in[2];
    return kt_end_of(a, m0, scale + np, scale + 2 * np);
}

/* Panel by panel: a panel of weights stays in the nearest cache while the rows pass. */
static void kt_gemm_few(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1, uint32_t n0,
                        uint32_t n1, void *scratch)
{
    const unsigned flags = a->c->flags;
    for (uint32_t i = m0; i < m1; i += KT_FEW) {
        const uint32_t end = m1 - i < KT_FEW ? m1 : i + KT_FEW;
        const struct kt_few x = kt_few_of(a, i, end - i, scratch);
        if (!(flags & NPU_FINE)) {
            kt_panels(a, e, &x, end, n0, n1);
        } else if (flags & NPU_DEEP) {
            kt_panels_deep(a, e, &x, end, n0, n1);
        } else {
            kt_panels_fine(a, e, &x, end, n0, n1);
        }
    }
}

/* k_gemm_w4.h */
static void kt_gemm_w4(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1);

static void kt_gemm_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    const struct kt_end e = kt_i8_end_of(a, m0);
    if (a->c->flags & NPU_W4) {
        kt_gemm_w4(a, &e, m0, m1, n0, n1);
        return;
    }
    if (a->c->flags & NPU_FINE || m1 - m0 <= KT_FEW) {
        kt_gemm_few(a, &e, m0, m1, n0, n1, scratch);
        return;
    }
    for (uint32_t i = m0; i < m1; i += KT_I8_TALL) {
        const uint32_t rows = m1 - i < KT_I8_TALL ? m1 - i : KT_I8_TALL;
        size_t ldx = a->c->lda;
        const vx_row *x = kt_rows((const int8_t *)a->in[0] + i * ldx, &ldx, rows, k_round(a->c->k, K_PAD_K), scratch);
        for (uint32_t j = n0; j < n1; j += 32) {
            kt_i8_tall(a, &e, x, ldx, rows, i, j);
        }
    }
}
