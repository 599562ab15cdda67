/* The arithmetic that every kernel table shares, step by step, so that results are equal bit for bit.
 *
 * Sums of a GEMM: one accumulator per result, k ascending, fused multiply-add.
 * Sums along a row (LayerNorm, dot products of one query row): 16 lanes, lane j takes elements
 *   j, j + 16, ...; then lanes are added as a tree: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
 * Softmax: maximum, exp, one sum with keys ascending (encoder) or by 16 lanes (one query row).
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

/* 2^x for x <= 0, to 7e-5 relative: enough for probabilities of 8 bits.  n = round(x), 2^(x - n) by a
 * degree-4 Taylor polynomial in (x - n) ln 2; x is raised to -126. */
#define REF_X1 0.693147181f
#define REF_X2 0.240226507f
#define REF_X3 0.0555041087f
#define REF_X4 0.00961812911f

static inline float ref_exp2(float x)
{
    x = x > -126.0f ? x : -126.0f;
    float t = x + REF_ROUND;
    float f = x - (t - REF_ROUND);
    float p = fmaf(REF_X4, f, REF_X3);
    p = fmaf(p, f, REF_X2);
    p = fmaf(p, f, REF_X1);
    p = fmaf(p, f, 1.0f);
    int32_t bits, n;
    memcpy(&n, &t, 4);
    memcpy(&bits, &p, 4);
    bits = (int32_t)((uint32_t)bits + ((uint32_t)n << 23));
    memcpy(&p, &bits, 4);
    return p;
}

/* tanh form of GELU: x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
#define REF_GELU_A (-1.59576912f)    /* -2 sqrt(2/pi) */
#define REF_GELU_B (-0.0713548163f)  /* that times 0.044715 */

static inline float ref_gelu(float x)
{
    float c = fmaf(x * x, REF_GELU_B, REF_GELU_A);
    return x / (1.0f + ref_exp(x * c));
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
