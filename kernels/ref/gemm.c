/* Matrix products, plain C: the law.  Any thread, no allocation. */
#include "kernels/k.h"
#include "kernels/ref/ref.h"

#include "kernels/ref/ops.h"

/* What follows the product: bias, GELU, channel factor, residual. */
static float finish(const struct k_args *a, const float *bias, const float *chan, float x,
                    uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    if (c->flags & NPU_BIAS) {
        x += bias[col];
    }
    if (c->flags & NPU_GELU) {
        x = ref_gelu(x);
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

void ref_gemm_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                 void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint8_t *w = a->in[1];
    const uint32_t np = k_round(c->n, K_PAD_N);
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const float *scale = a->in[2];
    const struct k_row *row = a->aux;
    const int fine = c->flags & NPU_FINE ? 1 : 0;
    (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        const int8_t *x = (const int8_t *)a->in[0] + (size_t)i * c->lda;
        for (uint32_t j = n0; j < n1; j++) {
            const uint8_t *col = w + (size_t)(j / 16) * kp * 16 + j % 16 * 4;
            const int8_t *low = x + (size_t)c->m * c->lda;
            int32_t s = 0, l = 0;
            for (uint32_t t = 0; t < kp; t += 4, col += 64) {
                for (uint32_t u = 0; u < 4; u++) {
                    s += x[t + u] * (col[u] - 128);
                    l += fine ? low[t + u] * (col[u] - 128) : 0;
                }
            }
            float y = (fine ? fmaf((float)s, 128.0f, (float)l) : (float)s) * (row[i].scale * scale[j]);
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
