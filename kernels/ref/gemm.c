/* Matrix products, plain C: the law.  Any thread, no allocation. */
#include "kernels/k.h"
#include "kernels/ref/ref.h"

#include "kernels/ref/ops.h"

/* What follows the product: bias, the block's row, GELU, channel factor, residual. */
static float finish(const struct k_args *a, const float *bias, const float *chan, float x,
                    uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    if (c->flags & NPU_BIAS) {
        x += bias[col];
    }
    if (c->flags & NPU_BLOCKS) {
        x += ((const float *)a->more)[(size_t)(row / c->tile_m) * c->ldw + col];
    }
    if (c->flags & NPU_GELU) {
        x = c->flags & NPU_ROUGH ? ref_gelu_rough(x) : ref_gelu(x);
    }
    if (c->flags & NPU_MUL) {
        x *= chan[col];
    }
    if (c->flags & NPU_ADD) {
        x += ((const float *)a->in[3])[(size_t)row * c->ldp + col];
    }
    return x;
}

void ref_gemm_f32(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                  void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *w = a->in[1];
    const float *bias = a->in[2];
    const float *chan = bias ? bias + k_round(c->n, K_PAD_N) : NULL;
    (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda;
        for (uint32_t j = n0; j < n1; j++) {
            const float *col = w + (size_t)(j / 32) * c->k * 32 + j % 32;
            float s = 0;
            for (uint32_t t = 0; t < c->k; t++) {
                s = fmaf(x[t], col[(size_t)t * 32], s);
            }
            ((float *)a->out)[(size_t)i * c->ldo + j] = finish(a, bias, chan, s, i, j);
        }
    }
}

/* k values of the low plane of a channel from `col` on, times a row. */
static int32_t low_sum(const uint8_t *col, const int8_t *x, uint32_t kp)
{
    int32_t s = 0;
    for (uint32_t t = 0; t < kp; t += 8, col += 64) {
        for (uint32_t u = 0; u < 4; u++) {
            s += x[t + u] * ((col[u] & 15) - 8) + x[t + 4 + u] * ((col[u] >> 4) - 8);
        }
    }
    return s;
}

/* A row and channel j of weights of 4 bits. */
static int32_t w4_sum(const uint8_t *w, uint32_t j, const int8_t *x, uint32_t kp)
{
    const uint8_t *col = w + (size_t)(j / 32) * kp * 16 + j % 16 * 4;
    int32_t s = 0;
    for (uint32_t t = 0; t < kp; t += 4, col += 64) {
        for (uint32_t u = 0; u < 4; u++) {
            s += x[t + u] * ((j % 32 < 16 ? col[u] & 15 : col[u] >> 4) - 8);
        }
    }
    return s;
}

static float dot_i8(const struct k_args *a, uint32_t i, uint32_t j)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const int8_t *x = (const int8_t *)a->in[0] + (size_t)i * c->lda, *low = x + (size_t)c->m * c->lda;
    const uint8_t *w = a->in[1], *col = w + (size_t)(j / 16) * kp * 16 + j % 16 * 4;
    const size_t low_at = (size_t)(j / 16) * kp * 8 + j % 16 * 4;
    int32_t s = 0, l = 0;
    if (c->flags & NPU_W4) {
        return (float)w4_sum(w, j, x, kp);
    }
    for (uint32_t t = 0; t < kp; t += 4, col += 64) {
        for (uint32_t u = 0; u < 4; u++) {
            s += x[t + u] * (col[u] - 128);
            l += c->flags & NPU_FINE ? low[t + u] * (col[u] - 128) : 0;
        }
    }
    if (!(c->flags & NPU_FINE)) {
        return (float)s;
    }
    const float y = fmaf((float)s, 128.0f, (float)l);
    return c->flags & NPU_DEEP
               ? fmaf((float)low_sum(w + k_packed_i8_bytes(c->n, c->k) + low_at, x, kp), 8.0f, y)
               : y;
}

void ref_gemm_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                 void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t np = k_round(c->n, K_PAD_N);
    const float *scale = a->in[2];
    const struct k_row *row = a->aux;
    (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        for (uint32_t j = n0; j < n1; j++) {
            const float y = dot_i8(a, i, j) * (row[i].scale * scale[j]);
            ((float *)a->out)[(size_t)i * c->ldo + j] =
                finish(a, scale + np, scale + 2 * np, y, i, j);
        }
    }
}

/* Rows as they are, or with what follows a product, by itself. */
void ref_copy(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
              void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *bias = a->in[2], *chan = bias ? bias + k_round(c->n, K_PAD_N) : NULL;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda;
        float *y = (float *)a->out + (size_t)i * c->ldo;
        for (uint32_t j = 0; j < c->k; j++) {
            y[j] = finish(a, bias, chan, x[j], i, j);
        }
    }
}
