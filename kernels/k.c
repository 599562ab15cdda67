/* The table of kernels, sizes and packing.  Pure; any thread. */
#include "kernels/k.h"

#include <math.h>
#include <string.h>

#include "kernels/ref/limits.h"
#include "kernels/ref/ops.h"
#include "kernels/ref/ref.h"

const struct k_table k_table_c = {
    .name = "c",
    .peak_i8 = ref_peak_i8,
    .peak_f32 = ref_peak_f32,
    .read = ref_read,
    .run =
        {
            [NPU_NOP] = ref_nop,
            [NPU_GEMM_F32] = ref_gemm_f32,
            [NPU_GEMM_I8] = ref_gemm_i8,
            [NPU_QUANT] = ref_quant,
            [NPU_NORM] = ref_norm,
            [NPU_NORM_Q] = ref_norm_q,
            [NPU_ATTN] = ref_attn,
            [NPU_COPY] = ref_copy,
            [NPU_HEADS] = ref_heads,
            [NPU_ATTN_I8] = ref_attn_i8,
            [NPU_MEAN] = ref_mean,
            [NPU_RANGE] = ref_range,
        },
};

const struct k_table *k_choose(unsigned cpu)
{
#if defined(__x86_64__)
    if (cpu & K_CPU_AMX) {
        return &k_table_amx;
    }
    if (cpu & K_CPU_AVX512) {
        return &k_table_avx512;
    }
    if (cpu & K_CPU_AVXVNNI) {
        return &k_table_avxvnni;
    }
    if (cpu & K_CPU_AVX2) {
        return &k_table_avx2;
    }
#elif defined(__aarch64__)
    if (cpu & K_CPU_I8MM) {
        return &k_table_neon_i8mm;
    }
    if (cpu & K_CPU_NEON) {
        return &k_table_neon;
    }
#endif
    (void)cpu;
    return &k_table_c;
}

size_t k_scratch_bytes(const struct npu_cmd *c)
{
    switch (c->op) {
    case NPU_QUANT:
    case NPU_NORM_Q: {
        /* a row; its block's rows before it */
        const size_t rows = c->op == NPU_NORM_Q && c->flags & NPU_CENTRE ? c->tile_m : 0;
        return (rows + 1) * k_round(c->k, 16) * sizeof(float);
    }
    case NPU_ATTN:
        /* scores of a block of 48 rows, turned queries, sums */
        return ((size_t)k_round(c->n, 16) + c->k + 4) * 48 * sizeof(float) + 64;
    case NPU_ATTN_I8:
        /* 32 rows: scores, probabilities; scales of values; the last values.  Kernels put some room
         * between the rows, so that these do not meet in a few sets of a cache. */
        return (size_t)32 * ((k_round(c->n, 64) + 16) * sizeof(float) + k_round(c->n, 64) + 64) +
               k_round(c->n, 64) * sizeof(float) + (size_t)64 * c->k;
    case NPU_GEMM_I8:
        /* the low plane of 32 columns, a byte each, or both planes of 32 rows, two bytes each */
        return (size_t)128 * k_round(c->k, K_PAD_K);
    default:
        return 64;
    }
}

/* Part `part` of columns n0..n1-1 of packed INT8 weights: the weights, their low plane. */
static size_t fixed_i8(const struct k_args *a, uint32_t n0, uint32_t n1, int part, const void **p)
{
    const struct npu_cmd *c = a->c;
    const size_t kp = k_round(c->k, K_PAD_K);
    const uint8_t *w = a->in[1];
    n1 = n1 < c->n ? n1 : k_round(c->n, K_PAD_N);
    if (part == 0) {
        const size_t channel = c->flags & NPU_W4 ? kp / 2 : kp;
        *p = w + n0 * channel;
        return (n1 - n0) * channel;
    }
    *p = w + k_packed_i8_bytes(c->n, c->k) + n0 * kp / 2;
    return part == 1 && c->flags & NPU_DEEP ? (n1 - n0) * kp / 2 : 0;
}

size_t k_fixed(const struct k_args *a, uint32_t n0, uint32_t n1, int part, const void **p)
{
    const struct npu_cmd *c = a->c;
    const size_t head = (size_t)k_round(c->n, K_PAD_R) * c->k;
    switch (c->op) {
    case NPU_GEMM_I8:
        return fixed_i8(a, n0, n1, part, p);
    case NPU_GEMM_F32:
        n1 = n1 < c->n ? n1 : k_round(c->n, K_PAD_N);
        *p = (const float *)a->in[1] + (size_t)n0 * c->k;
        return part ? 0 : (size_t)(n1 - n0) * c->k * sizeof(float);
    case NPU_ATTN_I8: /* keys, values */
        *p = (const uint8_t *)a->in[part ? 2 : 1] + n0 * head;
        return part < 2 ? (n1 - n0) * head : 0;
    default:
        return 0;
    }
}

size_t k_fixed_bytes(const struct npu_cmd *c)
{
    const struct k_args a = {.c = c, .in = {c, c, c, c}}; /* anything: nothing is read */
    const uint32_t all = c->op == NPU_ATTN_I8 ? c->heads : c->n;
    const void *p;
    size_t sum = 0, part;
    for (int i = 0; (part = k_fixed(&a, 0, all, i, &p)) > 0; i++) {
        sum += part;
    }
    return sum;
}

size_t k_heads_bytes(uint32_t rows, uint32_t heads, uint32_t k)
{
    return (size_t)k_round(rows, K_PAD_R) * heads * (k + sizeof(struct k_row));
}

size_t k_packed_f32_bytes(uint32_t n, uint32_t k)
{
    return (size_t)k_round(n, K_PAD_N) * k * sizeof(float);
}

size_t k_packed_i8_bytes(uint32_t n, uint32_t k)
{
    return (size_t)k_round(n, K_PAD_N) * k_round(k, K_PAD_K);
}

size_t k_packed_low_bytes(uint32_t n, uint32_t k) { return k_packed_i8_bytes(n, k) / 2; }

void k_pack_f32(float *packed, uint32_t k, uint32_t col, const float *w)
{
    float *p = packed + (size_t)(col / 32) * k * 32 + col % 32;
    for (uint32_t i = 0; i < k; i++) {
        p[(size_t)i * 32] = w[i];
    }
}

void k_pack_i8_init(uint8_t *packed, uint32_t n, uint32_t k)
{
    memset(packed, 128, k_packed_i8_bytes(n, k));
}

/* Largest magnitude of n values.  Eight at a time; a NaN is passed over. */
static float largest(const float *w, uint32_t n)
{
    float m[8] = {0}, top = 0;
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int j = 0; j < 8; j++) {
            const float v = fabsf(w[i + (uint32_t)j]);
            m[j] = v > m[j] ? v : m[j];
        }
    }
    for (; i < n; i++) {
        const float v = fabsf(w[i]);
        top = v > top ? v : top;
    }
    for (int j = 0; j < 8; j++) {
        top = m[j] > top ? m[j] : top;
    }
    return top;
}

/* Nearest integer, halves to even, of |x| < 2^22: what lrintf does, without a call for each value.
 * The sum has its units digit in the last place of a float's fraction. */
static int32_t to_even(float x)
{
    const float sum = x + 12582912.0f; /* 1.5 * 2^23 */
    int32_t bits;
    memcpy(&bits, &sum, 4);
    return bits - 0x4b400000;
}

float k_pack_i8(uint8_t *packed, uint32_t k, uint32_t col, const float *w)
{
    enum { STEP = 64 };
    uint8_t *p = packed + (size_t)(col / 16) * k_round(k, K_PAD_K) * 16 + col % 16 * 4;
    float amax = largest(w, k);
    if (!(amax > REF_QUANT_MIN) || !isfinite(amax)) {
        return 0;
    }
    float f = 127.0f / amax;
    for (uint32_t i = 0; i < k; i += STEP) {
        uint8_t q[STEP];
        const uint32_t n = k - i < STEP ? k - i : STEP;
        if (n == STEP) {
            for (uint32_t j = 0; j < STEP; j++) { /* a fixed count: the compiler goes wide */
                q[j] = (uint8_t)(to_even(w[i + j] * f) + 128);
            }
        } else {
            for (uint32_t j = 0; j < n; j++) {
                q[j] = (uint8_t)(to_even(w[i + j] * f) + 128);
            }
        }
        for (uint32_t j = 0; j < n; j += 4) {
            memcpy(p + (size_t)((i + j) / 4) * 64, q + j, n - j < 4 ? n - j : 4);
        }
    }
    return amax * (1.0f / 127.0f);
}

void k_pack_low_init(uint8_t *low, uint32_t n, uint32_t k)
{
    memset(low, 0x88, k_packed_low_bytes(n, k));
}

void k_pack_low(uint8_t *low, const uint8_t *packed, uint32_t k, uint32_t col, const float *w, float scale)
{
    enum { STEP = K_PAD_K };
    const size_t kp = k_round(k, K_PAD_K), lane = col % 16 * 4;
    uint8_t *p = low + (size_t)(col / 16) * kp * 8 + lane;
    const uint8_t *q = packed + (size_t)(col / 16) * kp * 16 + lane;
    const float f = scale > 0 ? 1.0f / scale : 0;
    for (uint32_t i = 0; i < k; i += STEP, p += STEP * 8, q += STEP * 16) {
        float x[STEP] = {0};
        uint8_t high[STEP], half[STEP];
        memcpy(x, w + i, (k - i < STEP ? k - i : STEP) * sizeof *x);
        for (uint32_t j = 0; j < STEP; j += 4) {
            memcpy(high + j, q + (size_t)j * 16, 4);
        }
        for (uint32_t j = 0; j < STEP; j++) { /* a fixed count: the compiler goes wide */
            float left = (x[j] * f - (float)(high[j] - 128)) * 16.0f;
            left = left < 7.0f ? left : 7.0f;
            left = left > -8.0f ? left : -8.0f;
            half[j] = (uint8_t)(to_even(left) + 8);
        }
        for (uint32_t j = 0; j < STEP; j += 8) {
            uint32_t even, odd;
            memcpy(&even, half + j, 4);
            memcpy(&odd, half + j + 4, 4);
            even |= odd << 4; /* each byte holds 4 bits */
            memcpy(p + (size_t)j * 8, &even, 4);
        }
    }
}

size_t k_packed_w4_bytes(uint32_t n, uint32_t k) { return k_packed_i8_bytes(n, k) / 2; }

void k_pack_w4_init(uint8_t *packed, uint32_t n, uint32_t k)
{
    memset(packed, 0x88, k_packed_w4_bytes(n, k));
}

/* 64 values that are f steps each, in what 4 bits hold.  A choice in each loop of a fixed count: the compiler goes wide. */
static void clip_w4(const float *w, float f, float *q)
{
    for (uint32_t j = 0; j < K_PAD_K; j++) {
        q[j] = w[j] * f < 7.0f ? w[j] * f : 7.0f;
    }
    for (uint32_t j = 0; j < K_PAD_K; j++) {
        q[j] = q[j] > -8.0f ? q[j] : -8.0f;
    }
}

/* Squared error, in steps, of k values (a multiple of 64). */
static float error_w4(const float *w, uint32_t k, float f)
{
    float sum[16] = {0};
    for (uint32_t i = 0; i < k; i += K_PAD_K) {
        float q[K_PAD_K];
        clip_w4(w + i, f, q);
        for (uint32_t j = 0; j < K_PAD_K; j++) {
            const float left = w[i + j] * f - ((q[j] + 12582912.0f) - 12582912.0f); /* as to_even */
            q[j] = left * left;
        }
        for (uint32_t j = 0; j < K_PAD_K; j += 16) {
            for (uint32_t n = 0; n < 16; n++) {
                sum[n] += q[j + n];
            }
        }
    }
    for (uint32_t n = 1; n < 16; n++) {
        sum[0] += sum[n];
    }
    return sum[0];
}

float k_pack_w4(uint8_t *packed, uint32_t k, uint32_t col, const float *w)
{
    /* Parts of the largest value: of a normal distribution the best end is at 2.5 deviations, its largest of 500 at 3. */
    static const float ends[] = {1, 0.9f, 0.8f, 0.7f, 0.6f};
    const uint32_t whole = k / K_PAD_K * K_PAD_K; /* the rest takes no part in the choice */
    uint8_t *p = packed + (size_t)(col / 32) * k_round(k, K_PAD_K) * 16 + col % 16 * 4;
    const int shift = col % 32 < 16 ? 0 : 4;
    const float amax = largest(w, k);
    float scale = 0, least = INFINITY;
    if (!(amax > REF_QUANT_MIN) || !isfinite(amax)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const float s = amax * ends[i] * (1 / 7.5f), e = error_w4(w, whole, 1.0f / s) * s * s;
        if (i == 0 || e < least) {
            scale = s;
            least = e;
        }
    }
    const float f = 1.0f / scale;
    for (uint32_t i = 0; i < k; i += K_PAD_K) {
        float x[K_PAD_K] = {0}, q[K_PAD_K];
        uint8_t half[K_PAD_K];
        memcpy(x, w + i, (k - i < K_PAD_K ? k - i : K_PAD_K) * sizeof *x);
        clip_w4(x, f, q);
        for (uint32_t j = 0; j < K_PAD_K; j++) {
            half[j] = (uint8_t)(to_even(q[j]) + 8);
        }
        for (uint32_t j = 0; j < K_PAD_K; j += 4, p += 64) {
            uint32_t both, mine;
            memcpy(&both, p, 4);
            memcpy(&mine, half + j, 4);
            both = (both & 0xf0f0f0f0u >> shift) | mine << shift; /* each byte holds 4 bits */
            memcpy(p, &both, 4);
        }
    }
    return scale;
}
