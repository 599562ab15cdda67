/* 16 lanes in four NEON registers, INT8 dot products by SDOT and UDOT or, with KT_I8MM, by USDOT.
 *
 * The four are named members and no array: gcc keeps an array of four in four neighbouring registers and
 * copies to get it there.  Minimum and maximum are comparisons and choices, as the other machines have
 * them: NEON's own spread a NaN. */
#ifndef KERNELS_HOST_VEC_NEON_H
#define KERNELS_HOST_VEC_NEON_H

#include <arm_neon.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    float32x4_t a, b, c, d;
} vf;
typedef struct {
    int32x4_t a, b, c, d;
} vi;

#ifdef KT_I8MM
#define KT_W_OFFSET 128 /* u8 by s8: the products see weight + 128 */
#else
#define KT_W_OFFSET 0 /* s8 by s8: the 128 is taken back as the weights are loaded */
#endif
/* What the 32 registers hold, sums and a few operands. */
#define KT_I8_ROWS 3
#define KT_I8_PANELS 2
#define KT_I8_FEW 2
#define KT_F32_ROWS 3
#define KT_SCORE_KEYS 1
#define KT_PV_ROWS 1
#define KT_PV8_VECS 2
#define KT_PANEL_ROWS 6
#define KT_PANEL_FINE 2
#define KT_W4_ROWS 2
#define KT_FEW_CHAINS 1
#define KT_CHAINS 5
#define KT_I8_LANES "kernels/host/neon_gemm.h"
#define KT_QK_ROWS 2
#define KT_QK_PANELS 2
#define KT_ATTN_ROWS 1

#define KT_OPAQUE(x) __asm__ volatile("" : "+w"((x).a), "+w"((x).b), "+w"((x).c), "+w"((x).d))

#define VN1(type, fn, x)                                                                           \
    (type) { fn((x).a), fn((x).b), fn((x).c), fn((x).d) }
#define VN2(type, fn, x, y)                                                                        \
    (type) { fn((x).a, (y).a), fn((x).b, (y).b), fn((x).c, (y).c), fn((x).d, (y).d) }

/* Four neighbouring registers at p, n elements each. */
#define VN_LOAD(type, fn, p, n)                                                                    \
    (type) { fn(p), fn((p) + (n)), fn((p) + 2 * (n)), fn((p) + 3 * (n)) }
#define VN_STORE(fn, p, n, x)                                                                      \
    (fn(p, (x).a), fn((p) + (n), (x).b), fn((p) + 2 * (n), (x).c), fn((p) + 3 * (n), (x).d))

static inline vf vf_set(float x)
{
    const float32x4_t v = vdupq_n_f32(x);
    return (vf){v, v, v, v};
}
static inline vf vf_zero(void) { return vf_set(0); }
static inline vf vf_load(const float *p) { return VN_LOAD(vf, vld1q_f32, p, 4); }
static inline void vf_store(float *p, vf x) { VN_STORE(vst1q_f32, p, 4, x); }
/* The first n < 16 lanes; the others read as zero. */
static inline vf vf_load_n(const float *p, uint32_t n)
{
    float t[16] = {0};
    memcpy(t, p, n * sizeof *t);
    return vf_load(t);
}
static inline void vf_store_n(float *p, vf x, uint32_t n)
{
    float t[16];
    vf_store(t, x);
    memcpy(p, t, n * sizeof *t);
}
/* Lanes from the first on, of which those below n are all ones. */
static inline uint32x4_t vf_mask(uint32_t first, uint32_t n)
{
    static const uint32_t up[4] = {0, 1, 2, 3};
    return vcltq_u32(vaddq_u32(vld1q_u32(up), vdupq_n_u32(first)), vdupq_n_u32(n));
}
/* Lanes below n from x, the others from y. */
static inline vf vf_first(vf x, vf y, uint32_t n)
{
    return (vf){vbslq_f32(vf_mask(0, n), x.a, y.a), vbslq_f32(vf_mask(4, n), x.b, y.b),
                vbslq_f32(vf_mask(8, n), x.c, y.c), vbslq_f32(vf_mask(12, n), x.d, y.d)};
}
static inline vf vf_keep_n(vf x, uint32_t n) { return vf_first(x, vf_zero(), n); }
/* Lanes n and up become -infinity. */
static inline vf vf_low_beyond(vf x, uint32_t n) { return vf_first(x, vf_set(-INFINITY), n); }
static inline vf vf_fma(vf x, vf y, vf z)
{
    return (vf){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
                vfmaq_f32(z.d, x.d, y.d)};
}
static inline float32x4_t vn_min(float32x4_t x, float32x4_t y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
static inline float32x4_t vn_max(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
static inline vf vf_add(vf x, vf y) { return VN2(vf, vaddq_f32, x, y); }
static inline vf vf_sub(vf x, vf y) { return VN2(vf, vsubq_f32, x, y); }
static inline vf vf_mul(vf x, vf y) { return VN2(vf, vmulq_f32, x, y); }
static inline vf vf_div(vf x, vf y) { return VN2(vf, vdivq_f32, x, y); }
static inline vf vf_min(vf x, vf y) { return VN2(vf, vn_min, x, y); }
static inline vf vf_max(vf x, vf y) { return VN2(vf, vn_max, x, y); }
static inline vf vf_abs(vf x) { return VN1(vf, vabsq_f32, x); }
static inline float vf_max_all(vf x)
{
    return vmaxvq_f32(vn_max(vn_max(x.a, x.c), vn_max(x.b, x.d)));
}
/* Lanes as the tree 8 + 8, 4 + 4, 2 + 2, 1 + 1 (kernels/ref/ref.h). */
static inline float32x2_t vn_sum2(vf x)
{
    const float32x4_t s = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    return vadd_f32(vget_low_f32(s), vget_high_f32(s));
}
static inline float vf_sum16(vf x) { return vpadds_f32(vn_sum2(x)); }
static inline void vf_sums4(float *to, vf a, vf b, vf c, vf d, float by)
{
    vst1_f32(to, vmul_n_f32(vpadd_f32(vn_sum2(a), vn_sum2(b)), by));
    vst1_f32(to + 2, vmul_n_f32(vpadd_f32(vn_sum2(c), vn_sum2(d)), by));
}
static inline float32x4_t vn_scale2(float32x4_t p, float32x4_t t)
{
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(vreinterpretq_s32_f32(t), 23)));
}
static inline vf vf_scale2(vf p, vf t) { return VN2(vf, vn_scale2, p, t); }

static inline vi vi_set(int32_t x)
{
    const int32x4_t v = vdupq_n_s32(x);
    return (vi){v, v, v, v};
}
static inline vi vi_zero(void) { return vi_set(0); }
static inline vi vi_load(const int32_t *p) { return VN_LOAD(vi, vld1q_s32, p, 4); }
static inline void vi_store(int32_t *p, vi x) { VN_STORE(vst1q_s32, p, 4, x); }
static inline vi vi_add(vi x, vi y) { return VN2(vi, vaddq_s32, x, y); }
static inline vi vi_sub(vi x, vi y) { return VN2(vi, vsubq_s32, x, y); }
static inline int32x4_t vn_shl7(int32x4_t x) { return vshlq_n_s32(x, 7); }
static inline vi vi_shl7(vi x) { return VN1(vi, vn_shl7, x); }
static inline vf vi_float(vi x) { return VN1(vf, vcvtq_f32_s32, x); }
static inline int32_t vi_sum(vi x)
{
    return vaddvq_s32(vaddq_s32(vaddq_s32(x.a, x.c), vaddq_s32(x.b, x.d)));
}
/* The low bytes of 16 lanes. */
static inline uint8x16_t vi_bytes(vi x)
{
    const int16x8_t lo = vuzp1q_s16(vreinterpretq_s16_s32(x.a), vreinterpretq_s16_s32(x.b));
    const int16x8_t hi = vuzp1q_s16(vreinterpretq_s16_s32(x.c), vreinterpretq_s16_s32(x.d));
    return vuzp1q_u8(vreinterpretq_u8_s16(lo), vreinterpretq_u8_s16(hi));
}
static inline void vi_to_bytes(void *p, vi x) { vst1q_u8(p, vi_bytes(x)); }
/* Nearest integers, halves to even, of the first n <= 16 lanes; 0 in the others. */
static inline vi vf_round_n(vf x, uint32_t n)
{
    const vf k = n < 16 ? vf_keep_n(x, n) : x;
    return VN1(vi, vcvtnq_s32_f32, k);
}
/* Rounds to nearest even, stores n <= 16 values as s8 (and zeros up to 16: rows are padded), adds them
 * to *sum. */
static inline void vf_to_s8(int8_t *p, vf x, uint32_t n, vi *sum)
{
    const vi q = vf_round_n(x, n);
    *sum = vi_add(*sum, q);
    vi_to_bytes(p, q);
}
static inline int32x4_t vn_high(int32x4_t x) { return vshrq_n_s32(vaddq_s32(x, vdupq_n_s32(64)), 7); }
/* Rounds to nearest even, stores n <= 16 values of -16256..16256 as planes 128 hi + lo. */
static inline void vf_to_s16(int8_t *hi, int8_t *lo, vf x, uint32_t n, vi *sh, vi *sl)
{
    const vi q = vf_round_n(x, n), h = VN1(vi, vn_high, q), l = vi_sub(q, vi_shl7(h));
    *sh = vi_add(*sh, h);
    *sl = vi_add(*sl, l);
    vi_to_bytes(hi, h);
    vi_to_bytes(lo, l);
}
static inline float32x4_t vn_figures(const float *p) { return vuzp1q_f32(vld1q_f32(p), vld1q_f32(p + 4)); }
/* The scales of 16 row figures (pairs of scale and sum). */
static inline vf vf_figures(const void *p)
{
    const float *f = p;
    return (vf){vn_figures(f), vn_figures(f + 8), vn_figures(f + 16), vn_figures(f + 24)};
}

/* 64 bytes, 16 columns x 4: weights, values */
typedef struct {
    uint8x16_t a, b, c, d;
} vw;
typedef vw vs;
static inline vw vn_bytes(const uint8_t *p) { return VN_LOAD(vw, vld1q_u8, p, 16); }
static inline uint8x16_t vn_flip(uint8x16_t x) { return veorq_u8(x, vdupq_n_u8(128)); }
#define VN_DOT(fn, acc, w, x)                                                                      \
    (vi) { fn((acc).a, (w).a, (x).a), fn((acc).b, (w).b, (x).b), fn((acc).c, (w).c, (x).c), fn((acc).d, (w).d, (x).d) }
/* Weights in one register, by four `lane` of 16 s8. */
#ifdef KT_I8MM
typedef uint8x16_t vn_w;
#define vn_w_load(p) vld1q_u8(p)
#define vn_dot_lane(acc, w, x, lane) vusdotq_laneq_s32(acc, w, x, lane)
#else
typedef int8x16_t vn_w;
#define vn_w_load(p) vreinterpretq_s8_u8(vn_flip(vld1q_u8(p)))
#define vn_dot_lane(acc, w, x, lane) vdotq_laneq_s32(acc, w, x, lane)
#endif
/* 32 lanes of 16 bits, see vec_avx512.h; vh_pack keeps their order here */
typedef struct {
    int16x8_t a, b, c, d;
} vh;
static inline vh vh_set(int16_t x)
{
    const int16x8_t v = vdupq_n_s16(x);
    return (vh){v, v, v, v};
}
static inline vh vh_load(const int16_t *p) { return VN_LOAD(vh, vld1q_s16, p, 8); }
static inline void vh_store(int16_t *p, vh x) { VN_STORE(vst1q_s16, p, 8, x); }
static inline int16x8_t vn_pack(float32x4_t lo, float32x4_t hi)
{
    return vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(lo)), vcvtnq_s32_f32(hi));
}
static inline vh vh_pack(vf lo, vf hi)
{
    return (vh){vn_pack(lo.a, lo.b), vn_pack(lo.c, lo.d), vn_pack(hi.a, hi.b), vn_pack(hi.c, hi.d)};
}
static inline int16x8_t vn_shl4(int16x8_t x) { return vshlq_n_s16(x, 4); }
static inline int16x8_t vn_shr11(int16x8_t x) { return vshrq_n_s16(x, 11); }
static inline int16x8_t vn_shr_by(int16x8_t x, int16x8_t n) { return vshlq_s16(x, vnegq_s16(n)); }
static inline vh vh_add(vh x, vh y) { return VN2(vh, vaddq_s16, x, y); }
static inline vh vh_and(vh x, vh y) { return VN2(vh, vandq_s16, x, y); }
static inline vh vh_shl4(vh x) { return VN1(vh, vn_shl4, x); }
static inline vh vh_shr11(vh x) { return VN1(vh, vn_shr11, x); }
static inline vh vh_shr_by(vh x, vh n) { return VN2(vh, vn_shr_by, x, n); }
static inline vh vh_mulr(vh x, vh y) { return VN2(vh, vqrdmulhq_s16, x, y); }
static inline vi vh_sum(vi acc, vh x) { return VN2(vi, vpadalq_s16, acc, x); }
static inline void vh_floats(vh x, float *p)
{
    const int16x8_t v[4] = {x.a, x.b, x.c, x.d};
    for (int i = 0; i < 4; i++, p += 8) {
        vst1q_f32(p, vcvtq_f32_s32(vmovl_s16(vget_low_s16(v[i]))));
        vst1q_f32(p + 4, vcvtq_f32_s32(vmovl_high_s16(v[i])));
    }
}
static inline uint8x16_t vn_low_bytes(int16x8_t x, int16x8_t y)
{
    return vuzp1q_u8(vreinterpretq_u8_s16(x), vreinterpretq_u8_s16(y));
}
static inline void vh_bytes(uint8_t *p, vh x, vh y)
{
    vst1q_u8(p, vn_low_bytes(x.a, x.b));
    vst1q_u8(p + 16, vn_low_bytes(x.c, x.d));
    vst1q_u8(p + 32, vn_low_bytes(y.a, y.b));
    vst1q_u8(p + 48, vn_low_bytes(y.c, y.d));
}
#include "kernels/host/vec_four.h"
#ifdef KT_I8MM
static inline int32x4_t vn_usdot(int32x4_t acc, uint8x16_t u, int32x4_t s)
{
    return vusdotq_s32(acc, u, vreinterpretq_s8_s32(s));
}
static inline int32x4_t vn_sudot(int32x4_t acc, uint8x16_t s, int32x4_t u)
{
    return vusdotq_s32(acc, vreinterpretq_u8_s32(u), vreinterpretq_s8_u8(s));
}
static inline vw vw_load(const uint8_t *p) { return vn_bytes(p); }
static inline vi vi_dot(vi acc, vw w, vi x) { return VN_DOT(vn_usdot, acc, w, x); }
/* s8 operands for vi_dot_u: 16 x 4 of them against u8 in x */
static inline vs vs_load(const int8_t *p) { return vn_bytes((const uint8_t *)p); }
static inline vi vi_dot_u(vi acc, vs w, vi x) { return VN_DOT(vn_sudot, acc, w, x); }
#else
static inline vw vw_load(const uint8_t *p)
{
    const vw w = vn_bytes(p);
    return VN1(vw, vn_flip, w);
}
static inline int32x4_t vn_sdot(int32x4_t acc, uint8x16_t w, int32x4_t x)
{
    return vdotq_s32(acc, vreinterpretq_s8_u8(w), vreinterpretq_s8_s32(x));
}
static inline vi vi_dot(vi acc, vw w, vi x) { return VN_DOT(vn_sdot, acc, w, x); }
/* There is no product of u8 with s8: values go in as u8, + 128, and 128 times the sum of the four is
 * taken back, which is one product for all columns. */
static inline vs vs_load(const int8_t *p) { return vw_load((const uint8_t *)p); }
static inline int32x4_t vn_udot(int32x4_t acc, uint8x16_t w, int32x4_t x)
{
    const uint8x16_t u = vreinterpretq_u8_s32(x);
    const uint32x4_t over = vdotq_u32(vdupq_n_u32(0), u, vdupq_n_u8(128));
    return vreinterpretq_s32_u32(vsubq_u32(vdotq_u32(vreinterpretq_u32_s32(acc), w, u), over));
}
static inline vi vi_dot_u(vi acc, vs w, vi x) { return VN_DOT(vn_udot, acc, w, x); }
#endif
/* 16 x 8 values of 4 bits: even fours in the low halves, odd fours in the upper */
typedef vi vl;
static inline vl vl_load(const uint8_t *p)
{
    const vw w = vn_bytes(p);
    return VN1(vl, vreinterpretq_s32_u8, w);
}
static inline int32x4_t vn_low4(int32x4_t x) { return vandq_s32(x, vdupq_n_s32(0x0f0f0f0f)); }
static inline int32x4_t vn_high4(int32x4_t x)
{
    return vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(x), 4));
}
static inline vi vl_even(vl x) { return VN1(vi, vn_low4, x); }
static inline vi vl_odd(vl x) { return VN1(vi, vn_high4, x); }
static inline int32x4_t vn_ssdot(int32x4_t acc, int32x4_t w, int32x4_t x)
{
    return vdotq_s32(acc, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
}
static inline vi vi_dot_low(vi acc, vi w, vi x) { return VN_DOT(vn_ssdot, acc, w, x); }

#endif
