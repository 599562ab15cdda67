/* Every operation, written once against 16 lanes; compiled for each instruction set by k_*.c, which
 * include their vec_*.h first.  The order of every sum is that of kernels/ref.  No allocation, no
 * state; any thread. */
#include <string.h>

#include "kernels/k.h"
#include "kernels/ref/ref.h"

#define KT_INLINE static inline __attribute__((always_inline))

KT_INLINE vf kt_exp(vf x)
{
    x = vf_min(x, vf_set(REF_EXP_HI));
    x = vf_max(x, vf_set(REF_EXP_LO));
    vf t = vf_fma(x, vf_set(REF_LOG2E), vf_set(REF_ROUND));
    vf n = vf_sub(t, vf_set(REF_ROUND));
    vf r = vf_fma(n, vf_set(-REF_LN2_HI), x);
    r = vf_fma(n, vf_set(-REF_LN2_LO), r);
    vf p = vf_fma(vf_set(REF_E7), r, vf_set(REF_E6));
    p = vf_fma(p, r, vf_set(REF_E5));
    p = vf_fma(p, r, vf_set(REF_E4));
    p = vf_fma(p, r, vf_set(REF_E3));
    p = vf_fma(p, r, vf_set(REF_E2));
    p = vf_fma(p, r, vf_set(1.0f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_scale2(p, n);
}

KT_INLINE vf kt_gelu(vf x)
{
    vf c = vf_fma(vf_mul(x, x), vf_set(REF_GELU_B), vf_set(REF_GELU_A));
    return vf_div(x, vf_add(vf_set(1.0f), kt_exp(vf_mul(x, c))));
}

/* -- matrix products ----------------------------------------------------------------------------- */

/* Where a block of results goes: one row, 16 columns from col on, `left` of them real. */
KT_INLINE void kt_finish(const struct k_args *a, vf x, uint32_t row, uint32_t col, const float *bias,
                         const float *chan)
{
    const struct npu_cmd *c = a->c;
    const uint32_t left = c->n - col;
    if (c->flags & NPU_BIAS) {
        x = vf_add(x, vf_load(bias + col));
    }
    if (c->flags & NPU_GELU) {
        x = kt_gelu(x);
    }
    if (c->flags & NPU_MUL) {
        x = vf_mul(x, vf_load(chan + col));
    }
    float *out = (float *)a->out + (size_t)row * c->ldo + col;
    const float *add = (const float *)a->in[3] + (size_t)row * c->ldp + col;
    if (left >= 16) {
        vf_store(out, c->flags & NPU_ADD ? vf_add(x, vf_load(add)) : x);
    } else {
        vf_store_n(out, c->flags & NPU_ADD ? vf_add(x, vf_load_n(add, left)) : x, left);
    }
}

/* R rows by 32 columns of f32. */
KT_INLINE void kt_f32_block(const int R, const struct k_args *a, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const float *w = (const float *)a->in[1] + (size_t)(col / 32) * c->k * 32;
    const float *x = (const float *)a->in[0] + (size_t)row * c->lda;
    const float *bias = a->in[2];
    const size_t lda = c->lda;
    vf acc[KT_F32_ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = vf_zero();
    }
    for (uint32_t t = 0; t < c->k; t++, w += 32) {
        vf w0 = vf_load(w), w1 = vf_load(w + 16);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf v = vf_set(x[(size_t)r * lda + t]);
            acc[r][0] = vf_fma(v, w0, acc[r][0]);
            acc[r][1] = vf_fma(v, w1, acc[r][1]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        kt_finish(a, acc[r][0], row + (uint32_t)r, col, bias, bias + k_round(c->n, K_PAD_N));
        if (col + 16 < c->n) {
            kt_finish(a, acc[r][1], row + (uint32_t)r, col + 16, bias,
                      bias + k_round(c->n, K_PAD_N));
        }
    }
}

/* Integer sums of one row, 32 columns, to results.  offset: what was added to every weight. */
KT_INLINE void kt_i8_out(const struct k_args *a, vi s0, vi s1, int offset, uint32_t row,
                         uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t np = k_round(c->n, K_PAD_N);
    const float *scale = a->in[2];
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    const vi off = vi_set(offset * fig->sum);
    const vf s = vf_set(fig->scale);
    vf y = vf_mul(vi_float(vi_sub(s0, off)), vf_mul(s, vf_load(scale + col)));
    kt_finish(a, y, row, col, scale + np, scale + 2 * np);
    if (col + 16 < c->n) {
        y = vf_mul(vi_float(vi_sub(s1, off)), vf_mul(s, vf_load(scale + col + 16)));
        kt_finish(a, y, row, col + 16, scale + np, scale + 2 * np);
    }
}

KT_INLINE void kt_i8_block(const int R, const struct k_args *a, uint32_t row, uint32_t col)
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
        kt_i8_out(a, acc[r][0], acc[r][1], KT_W_OFFSET, row + (uint32_t)r, col);
    }
}

/* One row by 64 columns: a decoder step.  Four chains hide the latency of the products.  A: weights too
 * large for the caches; the next 64 columns are asked for while these are worked on (measured: 40
 * against 28 GB/s from memory, but 75 against 110 from the L2, hence not always). */
KT_INLINE void kt_step_block(const int F, const int A, const struct k_args *a, uint32_t row,
                             uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K), np = k_round(c->n, K_PAD_N);
    const size_t block = (size_t)16 * kp, plane = (size_t)c->m * c->lda;
    const uint8_t *w = (const uint8_t *)a->in[1] + (size_t)col * kp;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    const float *scale = a->in[2];
    const struct k_row *fig = (const struct k_row *)a->aux + row;
    vi hi[4], lo[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        hi[v] = lo[v] = vi_zero();
    }
    for (uint32_t t = 0; t < kp; t += 4, w += 64) {
        int32_t four, low = 0;
        memcpy(&four, x + t, 4);
        if (F) {
            memcpy(&low, x + plane + t, 4);
        }
        const vi q = vi_set(four), l = vi_set(low);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            if (A) {
                __builtin_prefetch(w + ((size_t)v + 4) * block);
            }
            vw y = vw_load(w + (size_t)v * block);
            hi[v] = vi_dot(hi[v], y, q);
            if (F) {
                lo[v] = vi_dot(lo[v], y, l);
            }
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        const uint32_t at = col + 16 * (uint32_t)v;
        vf y = vi_float(vi_sub(hi[v], vi_set(KT_W_OFFSET * fig->sum)));
        if (F) {
            y = vf_fma(y, vf_set(128.0f),
                       vi_float(vi_sub(lo[v], vi_set(KT_W_OFFSET * fig[c->m].sum))));
        }
        y = vf_mul(y, vf_mul(vf_set(fig->scale), vf_load(scale + at)));
        kt_finish(a, y, row, at, scale + np, scale + 2 * np);
    }
}

/* As much of n0..n1 as goes in steps of 64 columns, when there is one row; returns where it ended. */
KT_INLINE uint32_t kt_steps(const int F, const struct k_args *a, uint32_t m0, uint32_t m1,
                            uint32_t n0, uint32_t n1)
{
    const int far = (size_t)a->c->n * a->c->k > (size_t)4 << 20;
    for (; m1 - m0 == 1 && n0 + 64 <= n1; n0 += 64) {
        if (far) {
            kt_step_block(F, 1, a, m0, n0);
        } else {
            kt_step_block(F, 0, a, m0, n0);
        }
    }
    return n0;
}

/* R rows of 16 bits, two planes, by 32 columns. */
KT_INLINE void kt_fine_block(const int R, const struct k_args *a, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K), np = k_round(c->n, K_PAD_N);
    const uint8_t *w0 = (const uint8_t *)a->in[1] + (size_t)col * kp, *w1 = w0 + (size_t)16 * kp;
    const size_t lda = c->lda, plane = (size_t)c->m * lda;
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)row * lda;
    const float *scale = a->in[2];
    const struct k_row *fig = (const struct k_row *)a->aux + row, *low = fig + c->m;
    vi hi[KT_FINE_ROWS][2], lo[KT_FINE_ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        hi[r][0] = hi[r][1] = lo[r][0] = lo[r][1] = vi_zero();
    }
    for (uint32_t t = 0; t < kp; t += 4, w0 += 64, w1 += 64) {
        vw v0 = vw_load(w0), v1 = vw_load(w1);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, x + (size_t)r * lda + t, 4);
            vi v = vi_set(four);
            hi[r][0] = vi_dot(hi[r][0], v0, v);
            hi[r][1] = vi_dot(hi[r][1], v1, v);
            memcpy(&four, x + plane + (size_t)r * lda + t, 4);
            v = vi_set(four);
            lo[r][0] = vi_dot(lo[r][0], v0, v);
            lo[r][1] = vi_dot(lo[r][1], v1, v);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        const vi oh = vi_set(KT_W_OFFSET * fig[r].sum), ol = vi_set(KT_W_OFFSET * low[r].sum);
        for (uint32_t p = 0; p < 2 && col + 16 * p < c->n; p++) {
            const uint32_t at = col + 16 * p;
            vf y = vf_fma(vi_float(vi_sub(p ? hi[r][1] : hi[r][0], oh)), vf_set(128.0f),
                          vi_float(vi_sub(p ? lo[r][1] : lo[r][0], ol)));
            y = vf_mul(y, vf_mul(vf_set(fig[r].scale), vf_load(scale + at)));
            kt_finish(a, y, row + (uint32_t)r, at, scale + np, scale + 2 * np);
        }
    }
}

static void kt_gemm_fine(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0,
                         uint32_t n1)
{
    n0 = kt_steps(1, a, m0, m1, n0, n1);
    for (uint32_t j = n0; j < n1; j += 32) {
        uint32_t i = m0;
        for (; i + KT_FINE_ROWS <= m1; i += KT_FINE_ROWS) {
            kt_fine_block(KT_FINE_ROWS, a, i, j);
        }
        for (; i < m1; i++) {
            kt_fine_block(1, a, i, j);
        }
    }
}

#define KT_CASE(kind, r)                                                                           \
    case r:                                                                                        \
        kind(r, a, i, j);                                                                          \
        break;

static void kt_f32_rows(uint32_t rows, const struct k_args *a, uint32_t i, uint32_t j)
{
    switch (rows) {
        KT_CASE(kt_f32_block, 1)
        KT_CASE(kt_f32_block, 2)
        KT_CASE(kt_f32_block, 3)
#if KT_F32_ROWS > 3
        KT_CASE(kt_f32_block, 4)
        KT_CASE(kt_f32_block, 5)
        KT_CASE(kt_f32_block, 6)
        KT_CASE(kt_f32_block, 7)
        KT_CASE(kt_f32_block, 8)
        KT_CASE(kt_f32_block, 9)
        KT_CASE(kt_f32_block, 10)
        KT_CASE(kt_f32_block, 11)
        KT_CASE(kt_f32_block, 12)
#endif
    default:
        break;
    }
}

static void kt_i8_rows(uint32_t rows, const struct k_args *a, uint32_t i, uint32_t j)
{
    switch (rows) {
        KT_CASE(kt_i8_block, 1)
        KT_CASE(kt_i8_block, 2)
#if KT_I8_ROWS > 2
        KT_CASE(kt_i8_block, 3)
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

/* Panel by panel: a panel of weights stays in the nearest cache while the rows pass. */
static void kt_gemm_f32(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                        void *scratch)
{
    (void)scratch;
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += KT_F32_ROWS) {
            kt_f32_rows(m1 - i < KT_F32_ROWS ? m1 - i : KT_F32_ROWS, a, i, j);
        }
    }
}

static void kt_gemm_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    (void)scratch;
    if (a->c->flags & NPU_FINE) {
        kt_gemm_fine(a, m0, m1, n0, n1);
        return;
    }
    n0 = kt_steps(0, a, m0, m1, n0, n1);
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += KT_I8_ROWS) {
            kt_i8_rows(m1 - i < KT_I8_ROWS ? m1 - i : KT_I8_ROWS, a, i, j);
        }
    }
}

#ifdef KT_AMX_MODEL
#include "kernels/host/amx_gemm.h"
#endif

/* -- rows ---------------------------------------------------------------------------------------- */

KT_INLINE vf kt_load_some(const float *p, uint32_t n)
{
    return n >= 16 ? vf_load(p) : vf_load_n(p, n);
}

static void kt_quant_row(const float *x, uint32_t k, uint32_t kp, int8_t *q, struct k_row *row)
{
    vf m = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_load_some(x + i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? 127.0f / amax : 0);
    vi sum = vi_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_load_some(x + i, k - i), f);
        v = vf_max(vf_min(v, vf_set(127.0f)), vf_set(-127.0f));
        vf_to_s8(q + i, v, k - i < 16 ? k - i : 16, &sum);
    }
    memset(q + k, 0, kp - k);
    row->scale = amax > REF_QUANT_MIN ? amax * (1.0f / 127.0f) : 0;
    row->sum = vi_sum(sum);
}

static void kt_quant_fine(const float *x, uint32_t k, uint32_t kp, int8_t *hi, int8_t *lo,
                          struct k_row *row, struct k_row *low)
{
    vf m = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_load_some(x + i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? REF_FINE / amax : 0);
    vi sh = vi_zero(), sl = vi_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_load_some(x + i, k - i), f);
        v = vf_max(vf_min(v, vf_set(REF_FINE)), vf_set(-REF_FINE));
        vf_to_s16(hi + i, lo + i, v, k - i < 16 ? k - i : 16, &sh, &sl);
    }
    memset(hi + k, 0, kp - k);
    memset(lo + k, 0, kp - k);
    *row = (struct k_row){amax > REF_QUANT_MIN ? amax * (1.0f / REF_FINE) : 0, vi_sum(sh)};
    *low = (struct k_row){0, vi_sum(sl)};
}

/* Row i of a command's result, from k values at x. */
static void kt_quant_to(const struct k_args *a, uint32_t i, const float *x)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    int8_t *q = (int8_t *)a->out + (size_t)i * c->ldo;
    struct k_row *row = (struct k_row *)a->aux + i;
    if (c->flags & NPU_FINE) {
        kt_quant_fine(x, c->k, kp, q, q + (size_t)c->m * c->ldo, row, row + c->m);
    } else {
        kt_quant_row(x, c->k, kp, q, row);
    }
}

static void kt_quant(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        kt_quant_to(a, i, (const float *)a->in[0] + (size_t)i * c->lda);
    }
}

/* gain NULL: (x - mean) / deviation alone. */
KT_INLINE void kt_norm_row(const float *x, uint32_t k, const float *gain, float *y)
{
    vf s = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        s = vf_add(s, kt_load_some(x + i, k - i));
    }
    const vf mean = vf_set(vf_sum16(s) / (float)k);
    s = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf d = vf_sub(kt_load_some(x + i, k - i), mean);
        if (k - i < 16) {
            d = vf_keep_n(d, k - i);
        }
        s = vf_fma(d, d, s);
    }
    const vf r = vf_set(1.0f / sqrtf(vf_sum16(s) / (float)k + REF_NORM_EPS));
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(vf_sub(kt_load_some(x + i, k - i), mean), r);
        if (gain) {
            v = vf_fma(v, kt_load_some(gain + i, k - i), kt_load_some(gain + k + i, k - i));
        }
        if (k - i >= 16) {
            vf_store(y + i, v);
        } else {
            vf_store_n(y + i, v, k - i);
        }
    }
}

static void kt_norm(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        kt_norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, a->in[1],
                    (float *)a->out + (size_t)i * c->ldo);
    }
}

static void kt_norm_q(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                      void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1; i++) {
        kt_norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, NULL, scratch);
        kt_quant_to(a, i, scratch);
    }
}

static void kt_copy(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1 && c->flags; i++) { /* what follows a product, by itself */
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda, *bias = a->in[2];
        for (uint32_t j = 0; j < c->n; j += 16) {
            const uint32_t left = c->n - j;
            kt_finish(a, left >= 16 ? vf_load(x + j) : vf_load_n(x + j, left), i, j, bias,
                      bias ? bias + k_round(c->n, K_PAD_N) : NULL);
        }
    }
    for (uint32_t i = m0; i < m1 && !c->flags; i++) {
        memcpy((float *)a->out + (size_t)i * c->ldo, (const float *)a->in[0] + (size_t)i * c->lda,
               c->k * sizeof(float));
    }
}

/* -- attention ----------------------------------------------------------------------------------- */

/* Encoder: the lanes are 48 query rows.  Turned scores s[key][48] need no horizontal step: maximum,
 * exp and sum run down the keys, each lane for itself. */
enum { KT_Q = 48 };

KT_INLINE void kt_scores(const int R, const float *keys, size_t ldw, const float *qt, uint32_t d,
                         vf scale, float *s)
{
    vf acc[KT_SCORE_KEYS][3];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = acc[r][2] = vf_zero();
    }
    for (uint32_t t = 0; t < d; t++) {
        vf q0 = vf_load(qt + t * KT_Q), q1 = vf_load(qt + t * KT_Q + 16);
        vf q2 = vf_load(qt + t * KT_Q + 32);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf v = vf_set(keys[(size_t)r * ldw + t]);
            acc[r][0] = vf_fma(v, q0, acc[r][0]);
            acc[r][1] = vf_fma(v, q1, acc[r][1]);
            acc[r][2] = vf_fma(v, q2, acc[r][2]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        for (int v = 0; v < 3; v++) {
            vf_store(s + r * KT_Q + v * 16, vf_mul(acc[r][v], scale));
        }
    }
}

/* R rows of p^T v, 64 values at a time or 16. */
KT_INLINE void kt_pv(const int R, const int V, const float *p, uint32_t n, const float *vals,
                     size_t ldw, const float *inv, float *out, size_t ldo)
{
    vf acc[KT_PV_ROWS][4];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            acc[r][v] = vf_zero();
        }
    }
    for (uint32_t j = 0; j < n; j++) {
        vf x[4];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            x[v] = vf_load(vals + (size_t)j * ldw + v * 16);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf w = vf_set(p[(size_t)j * KT_Q + (size_t)r]);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) {
                acc[r][v] = vf_fma(w, x[v], acc[r][v]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            vf_store(out + (size_t)r * ldo + v * 16, vf_mul(acc[r][v], vf_set(inv[r])));
        }
    }
}

static void kt_pv_rows(uint32_t rows, const float *p, uint32_t n, const float *vals, size_t ldw,
                       const float *inv, float *out, size_t ldo, uint32_t d)
{
    uint32_t r = 0;
    for (uint32_t t = 0; t < d;) {
        const int wide = d - t >= 64;
        for (r = 0; r + KT_PV_ROWS <= rows; r += KT_PV_ROWS) {
            if (wide) {
                kt_pv(KT_PV_ROWS, 4, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            } else {
                kt_pv(KT_PV_ROWS, 1, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            }
        }
        for (; r < rows; r++) {
            if (wide) {
                kt_pv(1, 4, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            } else {
                kt_pv(1, 1, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            }
        }
        t += wide ? 64 : 16;
    }
}

/* exp(s - max) in place, and 1 / sum, for the 16 lanes at s. */
KT_INLINE void kt_softmax16(float *s, uint32_t n, float *inv)
{
    vf max = vf_set(-INFINITY);
    for (uint32_t j = 0; j < n; j++) {
        max = vf_max(vf_load(s + (size_t)j * KT_Q), max);
    }
    vf sum = vf_zero();
    for (uint32_t j = 0; j < n; j++) {
        vf e = kt_exp(vf_sub(vf_load(s + (size_t)j * KT_Q), max));
        vf_store(s + (size_t)j * KT_Q, e);
        sum = vf_add(sum, e);
    }
    vf_store(inv, vf_div(vf_set(1.0f), sum));
}

static void kt_attn_block(const struct k_args *a, uint32_t i0, uint32_t i1, uint32_t h, float *s)
{
    const struct npu_cmd *c = a->c;
    const uint32_t d = c->k, rows = i1 - i0;
    const float *keys = (const float *)a->in[1] + h * d;
    const float *q = (const float *)a->in[0] + (size_t)i0 * c->lda + h * d;
    float *qt = s + (size_t)k_round(c->n, 16) * KT_Q;
    float *inv = qt + (size_t)d * KT_Q;
    const vf scale = vf_set(c->scale[0]);
    uint32_t j = 0;
    for (uint32_t t = 0; t < d; t++) {
        for (uint32_t r = 0; r < KT_Q; r++) {
            qt[(size_t)t * KT_Q + r] = r < rows ? q[(size_t)r * c->lda + t] : 0;
        }
    }
    for (; j + KT_SCORE_KEYS <= c->n; j += KT_SCORE_KEYS) {
        kt_scores(KT_SCORE_KEYS, keys + (size_t)j * c->ldw, c->ldw, qt, d, scale,
                  s + (size_t)j * KT_Q);
    }
    for (; j < c->n; j++) {
        kt_scores(1, keys + (size_t)j * c->ldw, c->ldw, qt, d, scale, s + (size_t)j * KT_Q);
    }
    for (uint32_t r = 0; r < rows; r += 16) {
        kt_softmax16(s + r, c->n, inv + r);
    }
    kt_pv_rows(rows, s, c->n, (const float *)a->in[2] + h * d, c->ldw, inv,
               (float *)a->out + (size_t)i0 * c->ldo + h * d, c->ldo, d);
}

KT_INLINE float kt_dot(const float *x, const float *y, uint32_t d)
{
    vf s = vf_zero();
    for (uint32_t t = 0; t < d; t += 16) {
        s = vf_fma(vf_load(x + t), vf_load(y + t), s);
    }
    return vf_sum16(s);
}

/* Decoder: one query row, the same bits alone or in a batch. */
static void kt_attn_row(const struct k_args *a, uint32_t i, uint32_t h, float *p)
{
    const struct npu_cmd *c = a->c;
    const uint32_t d = c->k, n = c->flags & NPU_CAUSAL ? c->n - c->m + i + 1 : c->n;
    const float *q = (const float *)a->in[0] + (size_t)i * c->lda + h * d;
    const float *keys = (const float *)a->in[1] + h * d;
    const float *vals = (const float *)a->in[2] + h * d;
    float *out = (float *)a->out + (size_t)i * c->ldo + h * d;
    float max = -INFINITY;
    for (uint32_t j = 0; j < n; j++) {
        p[j] = kt_dot(q, keys + (size_t)j * c->ldw, d) * c->scale[0];
        max = p[j] > max ? p[j] : max;
    }
    vf sum = vf_zero();
    for (uint32_t j = 0; j < n; j += 16) {
        vf e = kt_exp(vf_sub(kt_load_some(p + j, n - j), vf_set(max)));
        if (n - j < 16) {
            e = vf_keep_n(e, n - j);
        }
        vf_store(p + j, e); /* the scratch is rounded up to 16 */
        sum = vf_add(sum, e);
    }
    const float inv = 1.0f / vf_sum16(sum);
    for (uint32_t t = 0; t < d; t += 64) {
        vf acc[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
        const uint32_t nv = d - t < 64 ? (d - t) / 16 : 4;
        for (uint32_t j = 0; j < n; j++) {
            vf w = vf_set(p[j]);
            for (uint32_t v = 0; v < nv; v++) {
                acc[v] = vf_fma(w, vf_load(vals + (size_t)j * c->ldw + t + v * 16), acc[v]);
            }
        }
        for (uint32_t v = 0; v < nv; v++) {
            vf_store(out + t + v * 16, vf_mul(acc[v], vf_set(inv)));
        }
    }
    if (c->flags & NPU_PROBS && c->mask >> h & 1) {
        uint32_t pair = (uint32_t)__builtin_popcountll(c->mask & ((UINT64_C(1) << h) - 1));
        float *row = (float *)(uintptr_t)a->in[3] + ((size_t)pair * c->m + i) * c->ldp;
        for (uint32_t j = 0; j < n; j++) {
            row[j] = p[j] * inv;
        }
    }
}

static void kt_attn(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    if (a->c->k % 16) {
        k_table_c.run[NPU_ATTN](a, m0, m1, n0, n1, scratch);
        return;
    }
    for (uint32_t h = n0; h < n1; h++) {
        if (a->c->tile_m == 1) {
            for (uint32_t i = m0; i < m1; i++) {
                kt_attn_row(a, i, h, scratch);
            }
        } else {
            for (uint32_t i = m0; i < m1; i += KT_Q) {
                kt_attn_block(a, i, m1 - i < KT_Q ? m1 : i + KT_Q, h, scratch);
            }
        }
    }
}

/* -- INT8 heads ---------------------------------------------------------------------------------- */

/* One row of one head to its place in the pack. */
KT_INLINE void kt_place(int flags, uint8_t *head, uint32_t r, uint32_t k, const int8_t *q)
{
    if (flags & NPU_AS_K) {
        uint8_t *p = head + (size_t)(r / 16) * 16 * k + r % 16 * 4;
        for (uint32_t t = 0; t < k; t += 4) {
            uint32_t four;
            memcpy(&four, q + t, 4);
            four ^= 0x80808080u;
            memcpy(p + (size_t)t * 16, &four, 4);
        }
    } else if (flags & NPU_AS_V) {
        uint8_t *p = head + (size_t)(r / 4) * 4 * k + r % 4;
        for (uint32_t t = 0; t < k; t++) {
            p[(size_t)t * 4] = (uint8_t)q[t];
        }
    } else {
        memcpy(head + (size_t)r * k, q, k);
    }
}

static void kt_heads(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, rp = k_round(c->m, K_PAD_R), end = m1 == c->m ? rp : m1;
    uint8_t *out = a->out;
    struct k_row *fig = (struct k_row *)(out + (size_t)c->heads * rp * k);
    int8_t q[256];
    (void)scratch;
    if (c->flags & NPU_FINE) {
        /* queries of a few decoder rows: not worth a second version */
        k_table_c.run[NPU_HEADS](a, m0, m1, n0, n1, scratch);
        return;
    }
    for (uint32_t h = n0; h < n1; h++) {
        for (uint32_t r = m0; r < end; r++) {
            struct k_row f = {0, 0};
            if (r < c->m) {
                kt_quant_row((const float *)a->in[0] + (size_t)r * c->lda + h * k, k, k, q, &f);
            } else {
                memset(q, 0, k);
            }
            kt_place(c->flags, out + (size_t)h * rp * k, r, k, q);
            fig[(size_t)h * rp + r] = f;
        }
    }
}

/* Head h of an INT8 attention, seen from row i on. */
struct kt_head {
    const int8_t *q;
    size_t plane; /* fine queries: from a byte of the upper plane to its lower one */
    const struct k_row *fq, *fk, *fv;
    const uint8_t *keys;
    const int8_t *vals;
    uint32_t k, n, np;
};

/* Scores of R rows against P panels of 16 keys from key j on, into x[r][np]; max[r] follows.
 * F: fine queries, two planes. */
KT_INLINE void kt_qk(const int R, const int P, const int F, const struct kt_head *h, uint32_t j,
                     const float *fs, float *x, vf *max)
{
    vi acc[KT_QK_ROWS][KT_QK_PANELS], low[KT_QK_ROWS][KT_QK_PANELS];
    const uint8_t *key = h->keys + (size_t)j * h->k;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int p = 0; p < P; p++) {
            acc[r][p] = vi_zero();
            if (F) {
                low[r][p] = vi_zero();
            }
        }
    }
    for (uint32_t t = 0; t < h->k; t += 4, key += 64) {
        vw w[KT_QK_PANELS];
#pragma GCC unroll 4
        for (int p = 0; p < P; p++) {
            w[p] = vw_load(key + (size_t)p * 16 * h->k);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, h->q + (size_t)r * h->k + t, 4);
            vi v = vi_set(four);
#pragma GCC unroll 4
            for (int p = 0; p < P; p++) {
                acc[r][p] = vi_dot(acc[r][p], w[p], v);
            }
            if (F) {
                memcpy(&four, h->q + h->plane + (size_t)r * h->k + t, 4);
                v = vi_set(four);
#pragma GCC unroll 4
                for (int p = 0; p < P; p++) {
                    low[r][p] = vi_dot(low[r][p], w[p], v);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) {
        const uint32_t at = j + 16 * (uint32_t)p;
        vf sk = vf_figures(h->fk + at);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            vi s = F ? vi_add(vi_shl7(acc[r][p]), low[r][p]) : acc[r][p];
            s = vi_sub(s, vi_set(KT_W_OFFSET * h->fq[r].sum));
            vf y = vf_mul(vf_mul(vi_float(s), vf_set(fs[r])), sk);
            vf_store(x + (size_t)r * h->np + at, y);
            /* keys beyond n score 0 and must not count */
            max[r] = vf_max(at + 16 <= h->n ? y : vf_low_beyond(y, h->n - at), max[r]);
        }
    }
}

/* R rows of p times the values: 64 of them, or 16. */
KT_INLINE void kt_pv8(const int R, const int V, const int F, const struct kt_head *h, uint32_t t,
                      const uint8_t *p, size_t plane, const float *down, float *out, size_t ldo)
{
    vi acc[KT_QK_ROWS][4], low[KT_QK_ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            acc[r][v] = vi_zero();
            if (F) {
                low[r][v] = vi_zero();
            }
        }
    }
    const int8_t *val = h->vals + (size_t)t * 4;
    for (uint32_t j = 0; j < h->np; j += 4, val += (size_t)4 * h->k) {
        vs w[4];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            w[v] = vs_load(val + v * 64);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, p + (size_t)r * h->np + j, 4);
            vi a = vi_set(four);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) {
                acc[r][v] = vi_dot_u(acc[r][v], w[v], a);
            }
            if (F) {
                memcpy(&four, p + plane + (size_t)r * h->np + j, 4);
                a = vi_set(four);
#pragma GCC unroll 4
                for (int v = 0; v < V; v++) {
                    low[r][v] = vi_dot_u(low[r][v], w[v], a);
                }
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            vf y = vi_float(acc[r][v]);
            if (F) {
                y = vf_fma(y, vf_set(256.0f), vi_float(low[r][v]));
            }
            vf_store(out + (size_t)r * ldo + t + v * 16, vf_mul(y, vf_set(down[r])));
        }
    }
}

KT_INLINE vf kt_exp2(vf x)
{
    x = vf_max(x, vf_set(-126.0f));
    vf t = vf_add(x, vf_set(REF_ROUND));
    vf f = vf_sub(x, vf_sub(t, vf_set(REF_ROUND)));
    vf p = vf_fma(vf_set(REF_X4), f, vf_set(REF_X3));
    p = vf_fma(p, f, vf_set(REF_X2));
    p = vf_fma(p, f, vf_set(REF_X1));
    p = vf_fma(p, f, vf_set(1.0f));
    return vf_shift2(p, t);
}

/* Scores of a row to probabilities: e in place (when kept), p in one plane of u8 or (F) two, the upper
 * first; returns the sum of e. */
KT_INLINE float kt_soft8(const int F, const struct kt_head *h, float *x, float max, float up,
                         uint8_t *p, size_t plane, int keep)
{
    const vf top = vf_set(max), vup = vf_set(up);
    vf sum = vf_zero();
    for (uint32_t j = 0; j < h->np; j += 16) {
        vf e = kt_exp2(vf_sub(vf_load(x + j), top));
        if (j + 16 > h->n) {
            e = vf_keep_n(e, h->n - j);
        }
        sum = vf_add(sum, e);
        vf y = vf_mul(e, vf_mul(vf_figures(h->fv + j), vup));
        if (F) {
            vf_to_u16(p + j, p + plane + j, y);
        } else {
            vf_to_u8(p + j, y);
        }
        if (keep) {
            vf_store(x + j, e);
        }
    }
    return vf_sum16(sum);
}

/* R rows of one head.  F: fine. */
KT_INLINE void kt_attn8_rows(const int R, const int F, const struct k_args *a,
                             const struct kt_head *h, uint32_t i, uint32_t head, float vmax,
                             float *x)
{
    const struct npu_cmd *c = a->c;
    const int keep = c->flags & NPU_PROBS && c->mask >> head & 1;
    const float top = F ? REF_FINE_P : 255.0f, per = F ? 1.0f / REF_FINE_P : 1.0f / 255.0f;
    const size_t plane = (size_t)R * h->np;
    uint8_t *p = (uint8_t *)(x + plane);
    float fs[KT_QK_ROWS], down[KT_QK_ROWS];
    vf max[KT_QK_ROWS];
    uint32_t j = 0;
    for (int r = 0; r < R; r++) {
        fs[r] = h->fq[r].scale * c->scale[1];
        max[r] = vf_set(-INFINITY);
    }
    for (; j + 16 * KT_QK_PANELS <= h->np; j += 16 * KT_QK_PANELS) {
        kt_qk(R, KT_QK_PANELS, F, h, j, fs, x, max);
    }
    for (; j < h->np; j += 16) {
        kt_qk(R, 1, F, h, j, fs, x, max);
    }
    for (int r = 0; r < R; r++) {
        float *row = x + (size_t)r * h->np;
        const float inv = 1.0f / kt_soft8(F, h, row, vf_max_all(max[r]), top / vmax,
                                          p + (size_t)r * h->np, plane, keep);
        down[r] = vmax * per * inv;
        if (keep) {
            uint32_t pair =
                (uint32_t)__builtin_popcountll(c->mask & ((UINT64_C(1) << head) - 1));
            float *to = (float *)(uintptr_t)a->in[3] + ((size_t)pair * c->m + i + (uint32_t)r) * c->ldp;
            for (uint32_t t = 0; t < h->n; t++) {
                to[t] = row[t] * inv;
            }
        }
    }
    float *out = (float *)a->out + (size_t)i * c->ldo + head * h->k;
    uint32_t t = 0;
    for (; t + 64 <= h->k; t += 64) {
        kt_pv8(R, 4, F, h, t, p, plane, down, out, c->ldo);
    }
    for (; t < h->k; t += 16) {
        kt_pv8(R, 1, F, h, t, p, plane, down, out, c->ldo);
    }
}

static void kt_attn_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, mp = k_round(c->m, K_PAD_R), np = k_round(c->n, K_PAD_R);
    const int fine = c->flags & NPU_FINE ? 1 : 0;
    for (uint32_t head = n0; head < n1; head++) {
        const int8_t *q = (const int8_t *)a->in[0] + (size_t)head * mp * k;
        const size_t plane = (size_t)c->heads * mp * k;
        const struct k_row *fq =
            (const struct k_row *)((const int8_t *)a->in[0] + plane * (fine ? 2 : 1)) +
            (size_t)head * mp;
        struct kt_head h = {.plane = plane, .k = k, .n = c->n, .np = np};
        h.keys = (const uint8_t *)a->in[1] + (size_t)head * np * k;
        h.vals = (const int8_t *)a->in[2] + (size_t)head * np * k;
        h.fk = (const struct k_row *)((const uint8_t *)a->in[1] + (size_t)c->heads * np * k) +
               (size_t)head * np;
        h.fv = (const struct k_row *)((const uint8_t *)a->in[2] + (size_t)c->heads * np * k) +
               (size_t)head * np;
        vf m = vf_set(REF_QUANT_MIN);
        for (uint32_t j = 0; j < np; j += 16) {
            m = vf_max(vf_figures(h.fv + j), m);
        }
        const float vmax = vf_max_all(m);
        for (uint32_t i = m0; i < m1;) {
            h.q = q + (size_t)i * k;
            h.fq = fq + i;
            if (fine) {
                kt_attn8_rows(1, 1, a, &h, i, head, vmax, scratch);
                i++;
            } else if (m1 - i >= KT_QK_ROWS) {
                kt_attn8_rows(KT_QK_ROWS, 0, a, &h, i, head, vmax, scratch);
                i += KT_QK_ROWS;
            } else {
                kt_attn8_rows(1, 0, a, &h, i, head, vmax, scratch);
                i++;
            }
        }
    }
}

/* -- limits ---------------------------------------------------------------------------------------- */

/* 12 chains hide the latency of the instruction; the empty statement keeps the compiler from lifting
 * work out of the loop. */
enum { KT_CHAINS = 12 };

static uint64_t kt_peak_i8(uint64_t n)
{
#if defined(KT_AMX_MODEL) && !KT_AMX_MODEL
    static const uint8_t zero[1024] __attribute__((aligned(64)));
    struct amx_cfg cfg = {.palette = 1};
    AMX_STATE;
    for (int t = 0; t < 8; t++) {
        cfg.colsb[t] = 64;
        cfg.rows[t] = 16;
    }
    AMX_CONFIG(&cfg);
    AMX_LOAD(4, zero, 64);
    AMX_LOAD(6, zero, 64);
    for (uint64_t i = 0; i < n; i++) {
        AMX_DOT_SU(0, 4, 6);
        AMX_DOT_SU(1, 4, 6);
        AMX_DOT_SU(2, 4, 6);
        AMX_DOT_SU(3, 4, 6);
    }
    AMX_RELEASE();
    return n * 4 * 16 * 16 * 64 * 2;
#else
    static const uint8_t some[64] = {129};
    vi acc[KT_CHAINS], a = vi_set(0x01010101);
    vw w = vw_load(some);
#pragma GCC unroll 16
    for (int c = 0; c < KT_CHAINS; c++) {
        acc[c] = vi_zero();
    }
    for (uint64_t i = 0; i < n; i++) {
#pragma GCC unroll 16
        for (int c = 0; c < KT_CHAINS; c++) {
            KT_OPAQUE(a);
            acc[c] = vi_dot(acc[c], w, a);
        }
    }
    volatile int32_t sink = 0;
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

const struct k_table KT_TABLE = {
    .name = KT_NAME,
    .peak_i8 = kt_peak_i8,
    .peak_f32 = kt_peak_f32,
    .read = kt_read,
    .run =
        {
            [NPU_GEMM_F32] = kt_gemm_f32,
#ifdef KT_AMX_MODEL
            [NPU_GEMM_I8] = kt_gemm_amx,
#else
            [NPU_GEMM_I8] = kt_gemm_i8,
#endif
            [NPU_QUANT] = kt_quant,
            [NPU_NORM] = kt_norm,
            [NPU_NORM_Q] = kt_norm_q,
            [NPU_ATTN] = kt_attn,
            [NPU_COPY] = kt_copy,
            [NPU_HEADS] = kt_heads,
            [NPU_ATTN_I8] = kt_attn_i8,
        },
};
