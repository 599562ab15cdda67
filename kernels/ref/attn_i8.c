/* INT8 heads and attention on them, plain C.  Scores and products are exact integers; probabilities
 * are 8 bits, scaled by the values' own scales, so that a value row needs one scale only:
 *
 *   y(j) = (q . k_j) sk_j
 *   u(j) = (max y - y(j)) sq c octaves    c = log2(e) / sqrt(d), in 2048ths of an octave, 15 bits
 *   e(j) = 32767 * 2^-u(j)                ref_soft
 *   p(j) = 255 e(j) w_j / 2^30            w_j = 32767 sv_j / max sv, each product rounded to 16 bits
 *   o = (p . v) (max sv) (2^30 / 255 / 32767) / sum e
 *
 * All that follows the scores is in integers: 32 to a register of 512 bits, exact in whatever order.
 *
 * With NPU_CENTRE keys and values lie about their means: the softmax does not see what is common to
 * all keys, and what is common to all values is added to every row of the result; both would only
 * widen the steps of rounding.
 *
 * Any thread, no allocation. */
#include "kernels/ref/ops.h"
#include "kernels/ref/ref.h"

/* Quantises k values less mu (NULL: 0); the figures as in ref_quant. */
static void quant_head(const float *row, const float *mu, uint32_t k, int8_t *q, struct k_row *fig)
{
    float amax = 0, x[256];
    for (uint32_t i = 0; i < k; i++) {
        x[i] = mu ? row[i] - mu[i] : row[i];
        float v = fabsf(x[i]);
        amax = v > amax ? v : amax;
    }
    float f = amax > REF_QUANT_MIN ? 127.0f / amax : 0;
    fig->sum = 0;
    for (uint32_t i = 0; i < k; i++) {
        float v = x[i] * f;
        v = v < 127.0f ? v : 127.0f;
        v = v > -127.0f ? v : -127.0f;
        q[i] = (int8_t)lrintf(v);
        fig->sum += q[i];
    }
    fig->scale = amax > REF_QUANT_MIN ? amax * (1.0f / 127.0f) : 0;
}

/* Where element t of row r of head h lies. */
static size_t place(int flags, uint32_t h, uint32_t rp, uint32_t r, uint32_t t, uint32_t k)
{
    const size_t head = (size_t)h * rp * k;
    if (flags & NPU_AS_K) {
        return head + (size_t)(r / 16) * 16 * k + (size_t)(t / 4) * 64 + r % 16 * 4 + t % 4;
    }
    if (flags & NPU_AS_V) {
        return head + (size_t)(r / 4) * 4 * k + (size_t)t * 4 + r % 4;
    }
    return head + (size_t)r * k + t;
}

void ref_heads(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
               void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, rp = k_round(c->m, K_PAD_R);
    const int flip = c->flags & NPU_AS_K ? 128 : 0;
    /* the tile with the last row also writes the padding */
    const uint32_t end = m1 == c->m ? rp : m1;
    uint8_t *out = a->out;
    struct k_row *fig = (struct k_row *)(out + (size_t)c->heads * rp * k);
    int8_t q[256];
    const float *mu = c->flags & NPU_CENTRE ? a->in[1] : NULL;
    (void)scratch;
    for (uint32_t h = n0; h < n1; h++) {
        for (uint32_t r = m0; r < end; r++) {
            struct k_row f = {0, 0};
            memset(q, 0, sizeof q);
            if (r < c->m) {
                quant_head((const float *)a->in[0] + (size_t)r * c->lda + h * k, mu ? mu + h * k : NULL, k, q, &f);
            }
            for (uint32_t t = 0; t < k; t++) {
                out[place(c->flags, h, rp, r, t, k)] = (uint8_t)(q[t] + flip);
            }
            fig[(size_t)h * rp + r] = f;
        }
    }
}

static void attn_row(const struct k_args *a, uint32_t i, uint32_t h, float *x)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, n = c->n, mp = k_round(c->m, K_PAD_R), np = k_round(n, K_PAD_R);
    const int8_t *pack = a->in[0], *q = pack + ((size_t)h * mp + i) * k;
    const struct k_row *fq = (const struct k_row *)(pack + (size_t)c->heads * mp * k) + (size_t)h * mp + i;
    const uint8_t *key = a->in[1];
    const int8_t *val = a->in[2];
    const struct k_row *fk = (const struct k_row *)(key + (size_t)c->heads * np * k) + (size_t)h * np;
    const struct k_row *fv = (const struct k_row *)(val + (size_t)c->heads * np * k) + (size_t)h * np;
    float *out = (float *)a->out + (size_t)i * c->ldo + h * k;
    const float fs = fq->scale * c->scale[1] * REF_SOFT_STEPS, by = fs > REF_SOFT_LEAST ? fs : REF_SOFT_LEAST;
    float max = -INFINITY, vmax = REF_QUANT_MIN;
    for (uint32_t j = 0; j < n; j++) {
        int32_t s = 0;
        for (uint32_t t = 0; t < k; t++) {
            s += q[t] * (key[place(NPU_AS_K, h, np, j, t, k)] - 128);
        }
        x[j] = (float)s * fk[j].scale;
        max = x[j] > max ? x[j] : max;
        vmax = fv[j].scale > vmax ? fv[j].scale : vmax;
    }
    const float up = 32767.0f / vmax;
    uint8_t *p = (uint8_t *)(x + np);
    uint32_t all = 0;
    for (uint32_t j = 0; j < n; j++) {
        const float far = (max - x[j]) * by;
        const int32_t e = ref_soft(far < 32767.0f ? (int32_t)lrintf(far) : 32767);
        all += (uint32_t)e;
        p[j] = (uint8_t)ref_mulr(ref_mulr(e, (int32_t)lrintf(fv[j].scale * up)), 255);
        x[j] = (float)e;
    }
    const float inv = 1.0f / (float)(int32_t)all;
    const float down = vmax * REF_SOFT_DOWN * inv;
    for (uint32_t t = 0; t < k; t++) {
        int32_t sum = 0;
        for (uint32_t j = 0; j < n; j++) {
            sum += p[j] * val[place(NPU_AS_V, h, np, j, t, k)];
        }
        const float y = (float)sum;
        out[t] = c->flags & NPU_CENTRE ? fmaf(y, down, ((const float *)a->more)[h * k + t]) : y * down;
    }
    if (c->flags & NPU_PROBS && c->mask >> h & 1) {
        uint32_t pair = (uint32_t)__builtin_popcountll(c->mask & ((UINT64_C(1) << h) - 1));
        float *row = (float *)(uintptr_t)a->in[3] + ((size_t)pair * c->m + i) * c->ldp;
        for (uint32_t j = 0; j < n; j++) {
            row[j] = x[j] * inv;
        }
    }
}

void ref_attn_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                 void *scratch)
{
    for (uint32_t h = n0; h < n1; h++) {
        for (uint32_t i = m0; i < m1; i++) {
            attn_row(a, i, h, scratch);
        }
    }
}
