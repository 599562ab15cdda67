/* Widening stored values to f32: f16 and the ggml block layouts (dictation.md 4.9).  Pure
 * functions, any thread; raw may have any alignment.
 *
 * The simple kinds hold 32 values a block, the k-quants 256 in sub-blocks with scales of their own.
 */
#include <endian.h>
#include <string.h>

#include "npu/asr/model.h"

static const struct kind {
    const char *name;
    short values, bytes;
} KIND[] = {
    [ASR_F32] = {"f32", 1, 4},       [ASR_F16] = {"f16", 1, 2},
    [ASR_Q4_0] = {"q4_0", 32, 18},   [ASR_Q4_1] = {"q4_1", 32, 20},
    [ASR_Q5_0] = {"q5_0", 32, 22},   [ASR_Q5_1] = {"q5_1", 32, 24},
    [ASR_Q8_0] = {"q8_0", 32, 34},   [ASR_Q2_K] = {"q2_K", 256, 84},
    [ASR_Q3_K] = {"q3_K", 256, 110}, [ASR_Q4_K] = {"q4_K", 256, 144},
    [ASR_Q5_K] = {"q5_K", 256, 176}, [ASR_Q6_K] = {"q6_K", 256, 210},
};

static const struct kind *kind_of(enum asr_type t)
{
    unsigned i = (unsigned)t;
    return i < sizeof KIND / sizeof *KIND && KIND[i].name ? &KIND[i] : NULL;
}

const char *asr_type_name(enum asr_type t)
{
    const struct kind *k = kind_of(t);
    return k ? k->name : NULL;
}

int asr_type_block(enum asr_type t, int *bytes)
{
    const struct kind *k = kind_of(t);
    *bytes = k ? k->bytes : 0;
    return k ? k->values : 0;
}

/* The exponent and fraction of a half, moved to a float's place, are the value times 2^-112; this
 * holds for subnormal halves too, so one multiplication widens all finite ones exactly.  Of the others it
 * leaves the fraction, and the exponent becomes all ones.  No branch: the compiler takes several at a time. */
static inline float half(uint32_t h)
{
    union {
        uint32_t u;
        float f;
    } x = {(h & 0x7fff) << 13};
    x.f *= 0x1p112f;
    x.u |= (0u - ((h & 0x7c00) == 0x7c00)) & 0x7f800000;
    x.u |= (h & 0x8000) << 16;
    return x.f;
}

static inline float half_at(const uint8_t *p)
{
    return half(p[0] | (uint32_t)p[1] << 8);
}

/* 32 values in nibbles (low ones first), perhaps a fifth bit each, as q * d + m. */
static void nibbles(const uint8_t *q, const uint8_t *fifth, float d, float m, int zero, float *out)
{
    uint32_t hi = 0;
    if (fifth) {
        hi = fifth[0] | (uint32_t)fifth[1] << 8 | (uint32_t)fifth[2] << 16 |
             (uint32_t)fifth[3] << 24;
    }
    for (int j = 0; j < 16; j++) {
        int lo = (q[j] & 15) | (int)(hi >> j & 1) << 4;
        int up = (q[j] >> 4) | (int)(hi >> (j + 16) & 1) << 4;
        out[j] = (float)(lo - zero) * d + m;
        out[j + 16] = (float)(up - zero) * d + m;
    }
}

static void wide_q8_0(const uint8_t *b, float *out)
{
    float d = half_at(b);
    for (int j = 0; j < 32; j++) {
        out[j] = (float)(int8_t)b[2 + j] * d;
    }
}

/* 16 sub-blocks of 16 values; a byte holds one scale and one minimum of 4 bits. */
static void wide_q2_k(const uint8_t *b, float *out)
{
    const uint8_t *q = b + 16;
    float d = half_at(b + 80), dmin = half_at(b + 82);
    for (int s = 0; s < 16; s++) {
        const uint8_t *p = q + 32 * (s / 8) + 16 * (s % 2);
        float scale = d * (float)(b[s] & 15), low = dmin * (float)(b[s] >> 4);
        int shift = s % 8 / 2 * 2;
        for (int j = 0; j < 16; j++) {
            out[16 * s + j] = scale * (float)(p[j] >> shift & 3) - low;
        }
    }
}

/* The same arrangement with 6-bit signed scales and a third bit, which set means "not minus 4". */
static void wide_q3_k(const uint8_t *b, float *out)
{
    const uint8_t *mask = b, *q = b + 32, *sc = b + 96;
    float d = half_at(b + 108);
    for (int s = 0; s < 16; s++) {
        const uint8_t *p = q + 32 * (s / 8) + 16 * (s % 2), *h = mask + 16 * (s % 2);
        int low = s < 8 ? sc[s] & 15 : sc[s - 8] >> 4;
        int up = sc[8 + s % 4] >> (2 * (s / 4)) & 3;
        float scale = d * (float)((low | up << 4) - 32);
        int shift = s % 8 / 2 * 2, bit = s / 2;
        for (int j = 0; j < 16; j++) {
            int v = (p[j] >> shift & 3) - (h[j] >> bit & 1 ? 0 : 4);
            out[16 * s + j] = scale * (float)v;
        }
    }
}

/* Scale and minimum of sub-block s of q4_K and q5_K: eight pairs of 6 bits in 12 bytes. */
static void pair_6(const uint8_t *sc, int s, int *scale, int *low)
{
    if (s < 4) {
        *scale = sc[s] & 63;
        *low = sc[s + 4] & 63;
    } else {
        *scale = (sc[s + 4] & 15) | sc[s - 4] >> 6 << 4;
        *low = sc[s + 4] >> 4 | sc[s] >> 6 << 4;
    }
}

/* Eight sub-blocks of 32 values; high: the fifth bits of q5_K, NULL for q4_K. */
static void wide_q45_k(const uint8_t *b, const uint8_t *high, const uint8_t *q, float *out)
{
    float d = half_at(b), dmin = half_at(b + 2);
    for (int s = 0; s < 8; s++) {
        int scale, low;
        pair_6(b + 4, s, &scale, &low);
        float ds = d * (float)scale, ms = dmin * (float)low;
        const uint8_t *p = q + 32 * (s / 2);
        for (int j = 0; j < 32; j++) {
            int v = s % 2 ? p[j] >> 4 : p[j] & 15;
            if (high) {
                v |= (high[j] >> s & 1) << 4;
            }
            out[32 * s + j] = ds * (float)v - ms;
        }
    }
}

static void wide_q6_k(const uint8_t *b, float *out)
{
    const int8_t *sc = (const int8_t *)(b + 192);
    float d = half_at(b + 208);
    for (int s = 0; s < 8; s++) { /* runs of 32 values: four in each half */
        const uint8_t *ql = b + 64 * (s / 4) + 32 * (s % 2), *qh = b + 128 + 32 * (s / 4);
        int low = s % 4 / 2 * 4, up = s % 4 * 2;
        for (int j = 0; j < 32; j++) {
            int v = ((ql[j] >> low & 15) | (qh[j] >> up & 3) << 4) - 32;
            out[32 * s + j] = d * (float)sc[2 * s + j / 16] * (float)v;
        }
    }
}

static void wide_block(enum asr_type t, const uint8_t *b, float *out)
{
    switch (t) {
    case ASR_Q4_0:
        nibbles(b + 2, NULL, half_at(b), 0, 8, out);
        break;
    case ASR_Q4_1:
        nibbles(b + 4, NULL, half_at(b), half_at(b + 2), 0, out);
        break;
    case ASR_Q5_0:
        nibbles(b + 6, b + 2, half_at(b), 0, 16, out);
        break;
    case ASR_Q5_1:
        nibbles(b + 8, b + 4, half_at(b), half_at(b + 2), 0, out);
        break;
    case ASR_Q8_0:
        wide_q8_0(b, out);
        break;
    case ASR_Q2_K:
        wide_q2_k(b, out);
        break;
    case ASR_Q3_K:
        wide_q3_k(b, out);
        break;
    case ASR_Q4_K:
        wide_q45_k(b, NULL, b + 16, out);
        break;
    case ASR_Q5_K:
        wide_q45_k(b, b + 16, b + 48, out);
        break;
    case ASR_Q6_K:
        wide_q6_k(b, out);
        break;
    default:
        break;
    }
}

void asr_widen(enum asr_type t, const uint8_t *raw, size_t n, float *out)
{
    const struct kind *k = kind_of(t);
    if (t == ASR_F32) {
        memcpy(out, raw, 4 * n);
    } else if (t == ASR_F16) {
        size_t i = 0;
        for (; i + 16 <= n; i += 16) { /* a fixed count: a few wide steps */
            uint16_t h[16];
            memcpy(h, raw + 2 * i, sizeof h);
            for (size_t j = 0; j < 16; j++) {
                out[i + j] = half(le16toh(h[j]));
            }
        }
        for (; i < n; i++) {
            out[i] = half_at(raw + 2 * i);
        }
    } else if (k) {
        for (size_t i = 0; i < n / (size_t)k->values; i++) {
            wide_block(t, raw + i * (size_t)k->bytes, out + i * (size_t)k->values);
        }
    }
}

void asr_tensor_row(const struct asr_tensor *t, size_t row, float *out)
{
    int bytes, values = asr_type_block(t->type, &bytes);
    size_t n = (size_t)t->ne[0];
    asr_widen(t->type, t->data + row * (n / (size_t)values * (size_t)bytes), n, out);
}
