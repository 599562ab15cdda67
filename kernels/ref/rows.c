/* Row operations, plain C: quantise, LayerNorm, means.  Any thread, no allocation. */
#include "kernels/ref/ops.h"
#include "kernels/ref/ref.h"

void ref_nop(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
             void *scratch)
{
    (void)a, (void)m0, (void)m1, (void)n0, (void)n1, (void)scratch;
}

/* k values times f to s8, zero up to kp. */
static void quant_row(const float *x, uint32_t k, uint32_t kp, int8_t *q, struct k_row *row)
{
    float amax = 0;
    for (uint32_t i = 0; i < k; i++) {
        float v = fabsf(x[i]);
        amax = v > amax ? v : amax;
    }
    float f = amax > REF_QUANT_MIN ? 127.0f / amax : 0;
    int32_t sum = 0;
    for (uint32_t i = 0; i < k; i++) {
        /* the same rounding as the SIMD conversion: to nearest, ties to even */
        float v = x[i] * f;
        v = v < 127.0f ? v : 127.0f;
        v = v > -127.0f ? v : -127.0f;
        q[i] = (int8_t)lrintf(v);
        sum += q[i];
    }
    memset(q + k, 0, kp - k);
    row->scale = amax > REF_QUANT_MIN ? amax * (1.0f / 127.0f) : 0;
    row->sum = sum;
}

/* The same in 16 bits, as two planes of s8. */
static void quant_fine(const float *x, uint32_t k, uint32_t kp, int8_t *hi, int8_t *lo,
                       struct k_row *row, struct k_row *low)
{
    float amax = 0;
    for (uint32_t i = 0; i < k; i++) {
        float v = fabsf(x[i]);
        amax = v > amax ? v : amax;
    }
    float f = amax > REF_QUANT_MIN ? REF_FINE / amax : 0;
    *row = (struct k_row){amax > REF_QUANT_MIN ? amax * (1.0f / REF_FINE) : 0, 0};
    *low = (struct k_row){0, 0};
    for (uint32_t i = 0; i < k; i++) {
        float v = x[i] * f;
        v = v < REF_FINE ? v : REF_FINE;
        v = v > -REF_FINE ? v : -REF_FINE;
        const int q = (int)lrintf(v);
        hi[i] = (int8_t)((q + 64) >> 7);
        lo[i] = (int8_t)(q - 128 * hi[i]);
        row->sum += hi[i];
        low->sum += lo[i];
    }
    memset(hi + k, 0, kp - k);
    memset(lo + k, 0, kp - k);
}

/* Row i of a command's result, from k values at x. */
static void quant_to(const struct k_args *a, uint32_t i, const float *x)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    int8_t *q = (int8_t *)a->out + (size_t)i * c->ldo;
    struct k_row *row = (struct k_row *)a->aux + i;
    if (c->flags & NPU_FINE) {
        quant_fine(x, c->k, kp, q, q + (size_t)c->m * c->ldo, row, row + c->m);
    } else {
        quant_row(x, c->k, kp, q, row);
    }
}

void ref_quant(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
               void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        quant_to(a, i, (const float *)a->in[0] + (size_t)i * c->lda);
    }
}

/* (x - mean) / sqrt(var + eps), sums by 16 lanes. */
static void norm_row(const float *x, uint32_t k, float *y)
{
    float lane[16] = {0};
    for (uint32_t i = 0; i < k; i++) {
        lane[i % 16] += x[i];
    }
    float mean = ref_sum16(lane) / (float)k;
    memset(lane, 0, sizeof lane);
    for (uint32_t i = 0; i < k; i++) {
        float d = x[i] - mean;
        lane[i % 16] = fmaf(d, d, lane[i % 16]);
    }
    float r = 1.0f / sqrtf(ref_sum16(lane) / (float)k + REF_NORM_EPS);
    for (uint32_t i = 0; i < k; i++) {
        y[i] = (x[i] - mean) * r;
    }
}

void ref_norm(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
              void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *gain = a->in[1];
    const float *bias = gain + c->k;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        float *y = (float *)a->out + (size_t)i * c->ldo;
        norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, y);
        for (uint32_t j = 0; j < c->k; j++) {
            y[j] = fmaf(y[j], gain[j], bias[j]);
        }
    }
}

void ref_norm_q(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                void *scratch)
{
    const struct npu_cmd *c = a->c;
    float *y = scratch;
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1; i++) {
        norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, y);
        quant_to(a, i, y);
    }
}

void ref_mean(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
              void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *x = a->in[0];
    float *out = a->out;
    const float share = 1.0f / (float)((c->n + c->ldw - 1) / c->ldw);
    (void)m0, (void)m1, (void)scratch;
    for (uint32_t j = n0; j < n1; j++) {
        float s = 0;
        for (uint32_t i = 0; i < c->n; i += c->ldw) {
            s += x[(size_t)i * c->lda + j];
        }
        out[j] = s * share;
    }
}

void ref_mean_q(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                void *scratch)
{
    const struct npu_cmd *c = a->c;
    const int8_t *x = a->in[0], *low = x + (size_t)c->n * c->lda;
    const struct k_row *row = a->in[1];
    const int fine = c->flags & NPU_FINE;
    float *y = scratch;
    (void)n0, (void)n1;
    for (uint32_t b = m0; b < m1; b++) {
        const uint32_t first = b * c->ldw, end = c->n - first < c->ldw ? c->n : first + c->ldw;
        const float share = 1.0f / (float)(end - first);
        for (uint32_t j = 0; j < c->k; j++) {
            float s = 0;
            for (uint32_t i = first; i < end; i++) {
                const size_t at = (size_t)i * c->lda + j;
                s = fmaf((float)(fine ? 128 * x[at] + low[at] : x[at]), row[i].scale, s);
            }
            y[j] = s * share;
        }
        quant_row(y, c->k, k_round(c->k, K_PAD_K), (int8_t *)a->out + (size_t)b * c->ldo,
                  (struct k_row *)a->aux + b);
    }
}
