/* The arithmetic that every kernel table shares, step by step, so that results are equal bit for bit.
 *
 * Sums of a GEMM: one accumulator per result, k ascending, fused multiply-add.
 * Sums along a row (LayerNorm, dot products of one query row): 16 lanes, lane j takes elements
 *   j, j + 16, ...; then lanes are added as a tree: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
 * Softmax in f32: maximum, exp, one sum with keys ascending (encoder) or by 16 lanes (one query row).
 * exp and GELU: the polynomial below, every step fused as written. */
#ifndef KERNELS_REF_H
#define KERNELS_REF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x): n = round(x / ln 2), r = x - n ln 2, degree-6 polynomial for 2^(r / ln 2), scaled by 2^n.
 * Coefficients: truncated Taylor series of e^r; |r| <= 0.3466, so the remainder is below 1.2e-7
 * relative.  x is clamped to -87.33 .. 88.37 (normal numbers). */
#define REF_EXP_LO (-87.33f)
#define REF_EXP_HI (88.37f)
#define REF_LOG2E 1.44269504f
#define REF_LN2_HI 0.693145752f
#define REF_LN2_LO 1.42860677e-6f
#define REF_ROUND 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */
#define REF_E2 0.5f
#define REF_E3 0.166666667f
#define REF_E4 0.0416666667f
#define REF_E5 0.00833333333f
#define REF_E6 0.00138888889f
#define REF_E7 0.000198412698f

static inline float ref_exp(float x)
{
    /* written as the SIMD minimum and maximum are: NaN becomes the bound */
    x = x < REF_EXP_HI ? x : REF_EXP_HI;
    x = x > REF_EXP_LO ? x : REF_EXP_LO;
    float t = fmaf(x, REF_LOG2E, REF_ROUND);
    float n = t - REF_ROUND;
    float r = fmaf(n, -REF_LN2_HI, x);
    r = fmaf(n, -REF_LN2_LO, r);
    float p = fmaf(REF_E7, r, REF_E6);
    p = fmaf(p, r, REF_E5);
    p = fmaf(p, r, REF_E4);
    p = fmaf(p, r, REF_E3);
    p = fmaf(p, r, REF_E2);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    int32_t bits;
    memcpy(&bits, &p, 4);
    bits += (int32_t)n * (1 << 23);
    memcpy(&p, &bits, 4);
    return p;
}

/* exp(x) of REF_EXP_LO <= x <= 0 for sums: 2^f of |f| <= 1/2 by the polynomial of degree 4 with the least largest error
 * (2.6e-6 relative). */
#define REF_POW_0 9.999992847e-01f
#define REF_POW_1 6.931217909e-01f
#define REF_POW_2 2.402474433e-01f
#define REF_POW_3 5.591786280e-02f
#define REF_POW_4 9.570102207e-03f

static inline float ref_exp_sum(float x)
{
    const float t = fmaf(x, REF_LOG2E, REF_ROUND), f = fmaf(x, REF_LOG2E, REF_ROUND - t);
    float p = fmaf(f, REF_POW_4, REF_POW_3);
    p = fmaf(p, f, REF_POW_2);
    p = fmaf(p, f, REF_POW_1);
    p = fmaf(p, f, REF_POW_0);
    int32_t bits;
    memcpy(&bits, &p, 4);
    bits += (int32_t)(t - REF_ROUND) * (1 << 23);
    memcpy(&p, &bits, 4);
    return p;
}

/* Products of 16 bits, of which the upper half is kept: a b / 2^15 to nearest, halves up. */
static inline int32_t ref_mulr(int32_t a, int32_t b) { return (a * b + 16384) >> 15; }

/* 32767 * 2^(-u / 2048), u of 15 bits, in integers of 16: enough for probabilities of 8 bits.  2^-f of the fraction f by
 * a polynomial of degree 2 (0.24 % off at most; the least largest error with 1 at f = 0), shifted by the whole octaves. */
#define REF_SOFT_STEPS 2048.0f
#define REF_SOFT_0 32767
#define REF_SOFT_1 (-22000)
#define REF_SOFT_2 5640

static inline int32_t ref_soft(int32_t u)
{
    const int32_t f = (u & 2047) << 4;
    return (ref_mulr(f, ref_mulr(f, REF_SOFT_2) + REF_SOFT_1) + REF_SOFT_0) >> (u >> 11);
}

/* Least factor of scores, so that -infinity times it stays what it is. */
#define REF_SOFT_LEAST 1e-30f
/* What a value's largest scale is multiplied by with sums of probabilities: they are 255 e w / 2^30, e the figures
 * above and w the value's scale in 32767ths of the largest. */
#define REF_SOFT_DOWN ((float)(1073741824.0 / (255.0 * 32767.0)))

/* tanh form of GELU: x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
#define REF_GELU_A (-1.59576912f)    /* -2 sqrt(2/pi) */
#define REF_GELU_B (-0.0713548163f)  /* that times 0.044715 */

static inline float ref_gelu(float x)
{
    float c = fmaf(x * x, REF_GELU_B, REF_GELU_A);
    return x / (1.0f + ref_exp(x * c));
}

/* The same as x (1/2 + c P(c^2)), c: x within REF_GELU_END; P of degree 7 has the least largest error (7.2e-5) that ends at
 * 1/2.  No e^x and no division, which takes as long as the rest. */
#define REF_GELU_END 4.1f
#define REF_GELU_0 3.984942436e-01f
#define REF_GELU_1 (-6.587929279e-02f)
#define REF_GELU_2 9.524362162e-03f
#define REF_GELU_3 (-1.007287065e-03f)
#define REF_GELU_4 7.414184074e-05f
#define REF_GELU_5 (-3.544178071e-06f)
#define REF_GELU_6 9.776718457e-08f
#define REF_GELU_7 (-1.172343222e-09f)

static inline float ref_gelu_rough(float x)
{
    float c = x < REF_GELU_END ? x : REF_GELU_END;
    c = c > -REF_GELU_END ? c : -REF_GELU_END;
    const float z = c * c;
    float p = fmaf(z, REF_GELU_7, REF_GELU_6);
    p = fmaf(p, z, REF_GELU_5);
    p = fmaf(p, z, REF_GELU_4);
    p = fmaf(p, z, REF_GELU_3);
    p = fmaf(p, z, REF_GELU_2);
    p = fmaf(p, z, REF_GELU_1);
    p = fmaf(p, z, REF_GELU_0);
    return fmaf(x, c * p, 0.5f * x);
}

/* Adds 16 lanes as a tree. */
static inline float ref_sum16(const float *v)
{
    float a[8];
    for (int i = 0; i < 8; i++) {
        a[i] = v[i] + v[i + 8];
    }
    for (int i = 0; i < 4; i++) {
        a[i] = a[i] + a[i + 4];
    }
    return (a[0] + a[2]) + (a[1] + a[3]);
}

/* Largest magnitude of a value of a fine row, 127 * 128. */
#define REF_FINE 16256.0f
#define REF_NORM_EPS 1e-5f
/* Rows whose largest magnitude is below this are zero: keeps 127 / amax finite. */
#define REF_QUANT_MIN 1e-30f

#endif
