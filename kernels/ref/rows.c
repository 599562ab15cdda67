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

/* The block of rows i..end-1 (stride ldx) about their mean, which goes to in[3]; row: k values of scratch. */
static void quant_block(const struct k_args *a, uint32_t i, uint32_t end, const float *x, uint32_t ldx,
                        float *row)
{
    const struct npu_cmd *c = a->c;
    float *mean = (float *)(uintptr_t)a->in[3] + (size_t)(i / c->tile_m) * c->ldp;
    const float share = 1.0f / (float)(end - i);
    for (uint32_t j = 0; j < c->k; j++) {
        float s = 0;
        for (uint32_t r = 0; r < end - i; r++) {
            s += x[(size_t)r * ldx + j];
        }
        mean[j] = s * share;
    }
    for (; i < end; i++, x += ldx) {
        for (uint32_t j = 0; j < c->k; j++) {
            row[j] = x[j] - mean[j];
        }
        quant_to(a, i, row);
    }
}

/* Where the block of row i ends. */
static uint32_t block_end(const struct npu_cmd *c, uint32_t i, uint32_t m1)
{
    return m1 - i < c->tile_m ? m1 : i + c->tile_m;
}

void ref_quant(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
               void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *x = a->in[0];
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1 && c->flags & NPU_CENTRE; i += c->tile_m) {
        quant_block(a, i, block_end(c, i, m1), x + (size_t)i * c->lda, c->lda, scratch);
    }
    for (uint32_t i = m0; i < m1 && !(c->flags & NPU_CENTRE); i++) {
        quant_to(a, i, x + (size_t)i * c->lda);
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
    const float *x = a->in[0];
    float *y = scratch;
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1 && c->flags & NPU_CENTRE; i += c->tile_m) {
        const uint32_t end = block_end(c, i, m1);
        for (uint32_t r = i; r < end; r++) {
            norm_row(x + (size_t)r * c->lda, c->k, y + (size_t)(r - i) * c->k);
        }
        quant_block(a, i, end, y, c->k, y + (size_t)(end - i) * c->k);
    }
    for (uint32_t i = m0; i < m1 && !(c->flags & NPU_CENTRE); i++) {
        norm_row(x + (size_t)i * c->lda, c->k, y);
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

void ref_range(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
               void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda;
        struct k_range *out = (struct k_range *)((float *)a->out + (size_t)i * c->ldo);
        for (uint32_t p = n0; p < n1; p++) {
            const uint32_t end = c->n - p * c->k < c->k ? c->n : (p + 1) * c->k;
            float up = -INFINITY, down = -INFINITY; /* of the negated values */
            for (uint32_t j = p * c->k; j < end; j++) {
                up = x[j] > up ? x[j] : up;
                down = -x[j] > down ? -x[j] : down;
            }
            float lane[16] = {0};
            for (uint32_t j = p * c->k; j < end; j++) {
                const float d = x[j] - up; /* what is no number counts for nothing */
                lane[(j - p * c->k) % 16] += ref_exp_sum(d > REF_EXP_LO ? d : REF_EXP_LO);
            }
            /* a zero's sign depends on the order they are looked at: it is lost here */
            out[p] = (struct k_range){up + 0.0f, 0.0f - down, ref_sum16(lane)};
        }
    }
}
