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

/* A: a few rows by weights that come from memory; the next panel is asked for while this one is worked
 * on. */
KT_INLINE void kt_i8_block(const int R, const int A, const struct k_args *a, const struct kt_end *e,
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
        if (A) {
            __builtin_prefetch(w0 + (size_t)32 * kp);
            __builtin_prefetch(w1 + (size_t)32 * kp);
        }
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

/* The sum of a fine row from its parts: hi 128 + lo, and the low plane's sixteenths of hi. */
KT_INLINE vf kt_fine_sum(const int D, vi hi, vi lo, vi deep, const struct k_row *fig, const struct k_row *low)
{
    vf y = vf_fma(vi_float(vi_sub(hi, vi_set(KT_W_OFFSET * fig->sum))), vf_set(128.0f),
                  vi_float(vi_sub(lo, vi_set(KT_W_OFFSET * low->sum))));
    return D ? vf_fma(vi_float(vi_sub(deep, vi_set(8 * fig->sum))), vf_set(8.0f), y) : y;
}

/* One row by 64 columns: a decoder step.  Four chains hide the latency of the products; the next 64
 * columns are asked for while these are worked on (measured: 40 against 28 GB/s from memory; from the
 * L2 75 against 110, but no step finds its weights there).  F: fine, D: deep. */
KT_INLINE void kt_step_block(const int F, const int D, const struct k_args *a, const struct kt_end *e,
                             uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const size_t block = (size_t)16 * kp, plane = (size_t)c->m * c->lda;
    const uint8_t *w = (const uint8_t *)a->in[1] + (size_t)col * kp;
    const uint8_t *under =
        (const uint8_t *)a->in[1] + ((size_t)k_round(c->n, K_PAD_N) + col / 2) * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    vi hi[4], lo[4], deep[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        hi[v] = lo[v] = deep[v] = vi_zero();
    }
    for (uint32_t t = 0; t < kp; t += 8, w += 128, under += 64) {
        int32_t four[2], low[2] = {0, 0};
        memcpy(four, x + t, 8);
        if (F) {
            memcpy(low, x + plane + t, 8);
        }
#pragma GCC unroll 2
        for (int p = 0; p < 2; p++) {
            const vi q = vi_set(four[p]), l = vi_set(low[p]);
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) {
                __builtin_prefetch(w + ((size_t)v + 4) * block + 64 * p);
                vw y = vw_load(w + (size_t)v * block + 64 * p);
                hi[v] = vi_dot(hi[v], y, q);
                if (F) {
                    lo[v] = vi_dot(lo[v], y, l);
                }
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < 4 && D; v++) {
            __builtin_prefetch(under + ((size_t)v + 4) * block / 2);
            const vl u = vl_load(under + (size_t)v * block / 2);
            deep[v] = vi_dot_low(deep[v], vl_even(u), vi_set(four[0]));
            deep[v] = vi_dot_low(deep[v], vl_odd(u), vi_set(four[1]));
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        const vf y = F ? kt_fine_sum(D, hi[v], lo[v], deep[v], fig, fig + c->m)
                       : vi_float(vi_sub(hi[v], vi_set(KT_W_OFFSET * fig->sum)));
        kt_i8_end(a, e, y, row, col + 16 * (uint32_t)v);
    }
}

/* As much of n0..n1 as goes in steps of 64 columns, when there is one row; returns where it ended. */
KT_INLINE uint32_t kt_steps(const int F, const int D, const struct k_args *a, const struct kt_end *e,
                            uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1)
{
    for (; m1 - m0 == 1 && n0 + 64 <= n1; n0 += 64) {
        kt_step_block(F, D, a, e, m0, n0);
    }
    return n0;
}

/* R rows of 16 bits, two planes, by 32 columns.  A: as for kt_i8_block. */
KT_INLINE void kt_fine_block(const int R, const int D, const int A, const struct k_args *a,
                             const struct kt_end *e, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const size_t lda = c->lda, plane = (size_t)c->m * lda, block = (size_t)16 * kp;
    const uint8_t *w = (const uint8_t *)a->in[1] + (size_t)col * kp;
    const uint8_t *under =
        (const uint8_t *)a->in[1] + ((size_t)k_round(c->n, K_PAD_N) + col / 2) * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * lda;
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    vi hi[KT_FINE_ROWS][2], lo[KT_FINE_ROWS][2], deep[KT_FINE_ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        hi[r][0] = hi[r][1] = lo[r][0] = lo[r][1] = deep[r][0] = deep[r][1] = vi_zero();
    }
    for (uint32_t t = 0; t < kp; t += 8, w += 128, under += 64) {
#pragma GCC unroll 2
        for (int p = 0; p < 2; p++) {
            const vw v0 = vw_load(w + 64 * p), v1 = vw_load(w + block + 64 * p);
            if (A) {
                __builtin_prefetch(w + 2 * block + 64 * p);
                __builtin_prefetch(w + 3 * block + 64 * p);
            }
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, x + (size_t)r * lda + t + 4 * p, 4);
                vi v = vi_set(four);
                hi[r][0] = vi_dot(hi[r][0], v0, v);
                hi[r][1] = vi_dot(hi[r][1], v1, v);
                memcpy(&four, x + plane + (size_t)r * lda + t + 4 * p, 4);
                v = vi_set(four);
                lo[r][0] = vi_dot(lo[r][0], v0, v);
                lo[r][1] = vi_dot(lo[r][1], v1, v);
            }
        }
        if (D) {
            const vl u0 = vl_load(under), u1 = vl_load(under + block / 2);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                int32_t four[2];
                memcpy(four, x + (size_t)r * lda + t, 8);
                const vi even = vi_set(four[0]), odd = vi_set(four[1]);
                deep[r][0] = vi_dot_low(vi_dot_low(deep[r][0], vl_even(u0), even), vl_odd(u0), odd);
                deep[r][1] = vi_dot_low(vi_dot_low(deep[r][1], vl_even(u1), even), vl_odd(u1), odd);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        for (uint32_t p = 0; p < 2 && col + 16 * p < c->n; p++) {
            const vf y = kt_fine_sum(D, p ? hi[r][1] : hi[r][0], p ? lo[r][1] : lo[r][0],
                                     p ? deep[r][1] : deep[r][0], fig + r, fig + c->m + r);
            kt_i8_end(a, e, y, row + (uint32_t)r, col + 16 * p);
        }
    }
}

static void kt_gemm_fine(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1,
                         uint32_t n0, uint32_t n1)
{
    n0 = kt_steps(1, 0, a, e, m0, m1, n0, n1);
    for (uint32_t j = n0; j < n1; j += 32) {
        uint32_t i = m0;
        for (; i + KT_FINE_ROWS <= m1; i += KT_FINE_ROWS) {
            if (i == m0) {
                kt_fine_block(KT_FINE_ROWS, 0, 1, a, e, i, j);
            } else {
                kt_fine_block(KT_FINE_ROWS, 0, 0, a, e, i, j);
            }
        }
        for (; i < m1; i++) {
            kt_fine_block(1, 0, 0, a, e, i, j);
        }
    }
}

static void kt_gemm_deep(const struct k_args *a, const struct kt_end *e, uint32_t m0, uint32_t m1,
                         uint32_t n0, uint32_t n1)
{
    n0 = kt_steps(1, 1, a, e, m0, m1, n0, n1);
    for (uint32_t j = n0; j < n1; j += 32) {
        uint32_t i = m0;
        for (; i + KT_DEEP_ROWS <= m1; i += KT_DEEP_ROWS) {
            if (i == m0) {
                kt_fine_block(KT_DEEP_ROWS, 1, 1, a, e, i, j);
            } else {
                kt_fine_block(KT_DEEP_ROWS, 1, 0, a, e, i, j);
            }
        }
        for (; i < m1; i++) {
            kt_fine_block(1, 1, 0, a, e, i, j);
        }
    }
}

/* Rows of the decoder, which are worked on while their weights arrive. */
enum { KT_FEW = 32 };

#define kt_i8_some(R, a, e, i, j) kt_i8_block(R, 0, a, e, i, j)

static void kt_i8_rows(uint32_t rows, const struct k_args *a, const struct kt_end *e, uint32_t i, uint32_t j)
{
    switch (rows) {
        KT_CASE(kt_i8_some, 1)
        KT_CASE(kt_i8_some, 2)
#if KT_I8_ROWS > 2
        KT_CASE(kt_i8_some, 3)
        KT_CASE(kt_i8_some, 4)
        KT_CASE(kt_i8_some, 5)
        KT_CASE(kt_i8_some, 6)
        KT_CASE(kt_i8_some, 7)
        KT_CASE(kt_i8_some, 8)
        KT_CASE(kt_i8_some, 9)
        KT_CASE(kt_i8_some, 10)
        KT_CASE(kt_i8_some, 11)
        KT_CASE(kt_i8_some, 12)
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
        (flags & NPU_DEEP ? kt_gemm_deep : kt_gemm_fine)(a, &e, m0, m1, n0, n1);
        return;
    }
    n0 = kt_steps(0, 0, a, &e, m0, m1, n0, n1);
    for (; m1 - m0 <= KT_FEW && n0 < n1; n0 += 32) {
        uint32_t i = m0;
        for (; i + KT_FEW_ROWS <= m1; i += KT_FEW_ROWS) {
            if (i == m0) {
                kt_i8_block(KT_FEW_ROWS, 1, a, &e, i, n0);
            } else {
                kt_i8_block(KT_FEW_ROWS, 0, a, &e, i, n0);
            }
        }
        if (i < m1) {
            kt_i8_rows(m1 - i, a, &e, i, n0);
        }
    }
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += KT_I8_ROWS) {
            kt_i8_rows(m1 - i < KT_I8_ROWS ? m1 - i : KT_I8_ROWS, a, &e, i, j);
        }
    }
}
