/* Attention, plain C.  Two orders of summation, named in ref.h: with tile_m > 1 (encoder) keys
 * ascend one by one; causal or with tile_m == 1 (decoder) a query row is worked out by 16 lanes, so that a
 * row gives the same bits alone or in a batch.  Any thread, no allocation. */
#include "kernels/ref/ops.h"
#include "kernels/ref/ref.h"

static float dot_lanes(const float *q, const float *key, uint32_t d)
{
    float lane[16] = {0};
    for (uint32_t i = 0; i < d; i++) {
        lane[i % 16] = fmaf(q[i], key[i], lane[i % 16]);
    }
    return ref_sum16(lane);
}

static float dot_order(const float *q, const float *key, uint32_t d)
{
    float s = 0;
    for (uint32_t i = 0; i < d; i++) {
        s = fmaf(key[i], q[i], s);
    }
    return s;
}

static void attn_row(const struct k_args *a, uint32_t i, uint32_t h, float *p)
{
    const struct npu_cmd *c = a->c;
    const uint32_t d = c->k;
    const uint32_t n = c->flags & NPU_CAUSAL ? c->n - c->m + i + 1 : c->n;
    const float *q = (const float *)a->in[0] + (size_t)i * c->lda + h * d;
    const float *keys = (const float *)a->in[1] + h * d;
    const float *vals = (const float *)a->in[2] + h * d;
    float *out = (float *)a->out + (size_t)i * c->ldo + h * d;
    const int lanes = c->tile_m == 1 || c->flags & NPU_CAUSAL;
    float max = -INFINITY;
    for (uint32_t j = 0; j < n; j++) {
        const float *key = keys + (size_t)j * c->ldw;
        p[j] = (lanes ? dot_lanes(q, key, d) : dot_order(q, key, d)) * c->scale[0];
        max = p[j] > max ? p[j] : max;
    }
    float sum = 0;
    float lane[16] = {0};
    for (uint32_t j = 0; j < n; j++) {
        p[j] = ref_exp(p[j] - max);
        sum += p[j];
        lane[j % 16] += p[j];
    }
    if (lanes) {
        sum = ref_sum16(lane);
    }
    float inv = 1.0f / sum;
    for (uint32_t t = 0; t < d; t++) {
        float s = 0;
        for (uint32_t j = 0; j < n; j++) {
            s = fmaf(p[j], vals[(size_t)j * c->ldw + t], s);
        }
        out[t] = s * inv;
    }
    if (c->flags & NPU_PROBS && c->mask >> h & 1) {
        uint32_t pair = (uint32_t)__builtin_popcountll(c->mask & ((UINT64_C(1) << h) - 1));
        float *row = (float *)(uintptr_t)a->in[3] + ((size_t)pair * c->m + i) * c->ldp;
        for (uint32_t j = 0; j < n; j++) {
            row[j] = p[j] * inv;
        }
    }
}

void ref_attn(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
              void *scratch)
{
    for (uint32_t h = n0; h < n1; h++) {
        for (uint32_t i = m0; i < m1; i++) {
            attn_row(a, i, h, scratch);
        }
    }
}
