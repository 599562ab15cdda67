/* 16 lanes in one zmm register, INT8 dot products by VNNI. */
#ifndef KERNELS_HOST_VEC_AVX512_H
#define KERNELS_HOST_VEC_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

typedef __m512 vf;
typedef __m512i vi;
typedef __m512i vw; /* 16 columns x 4 weights */

#ifndef KT_TABLE
#define KT_TABLE k_table_avx512
#define KT_NAME "avx512-vnni"
#endif
#define KT_I8_ROWS 12   /* rows x panels of 16 columns kept in registers */
#define KT_I8_PANELS 2
#define KT_I8_FEW 6    /* rows finished at a time */
#define KT_F32_ROWS 12
#define KT_SCORE_KEYS 8 /* keys x 48 rows */
#define KT_PV_ROWS 6    /* rows x 64 values */
#define KT_W_OFFSET 128 /* the products see weight + 128 */
#define KT_PANEL_ROWS 16 /* rows x 16 columns */
#define KT_PANEL_FINE 8 /* the same, rows of 16 bits */
#define KT_W4_ROWS 8 /* rows x 32 columns of 4 bits */
#define KT_FEW_CHAINS 1 /* of one or two rows, because a product takes its time */
#define KT_QK_ROWS 4    /* rows x 64 keys */
#define KT_QK_PANELS 4
#define KT_ATTN_ROWS 4  /* rows x 4 keys */

#define KT_OPAQUE(x) __asm__ volatile("" : "+v"(x))

static inline vf vf_zero(void) { return _mm512_setzero_ps(); }
static inline vf vf_set(float x) { return _mm512_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
static inline __mmask16 vf_mask(uint32_t n) { return (__mmask16)((1u << n) - 1); }
/* The first n < 16 lanes; the others read as zero. */
static inline vf vf_load_n(const float *p, uint32_t n)
{
    return _mm512_maskz_loadu_ps(vf_mask(n), p);
}
static inline void vf_store_n(float *p, vf x, uint32_t n)
{
    _mm512_mask_storeu_ps(p, vf_mask(n), x);
}
static inline vf vf_keep_n(vf x, uint32_t n) { return _mm512_maskz_mov_ps(vf_mask(n), x); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_abs(vf a) { return _mm512_abs_ps(a); }
static inline float vf_max_all(vf a) { return _mm512_reduce_max_ps(a); }
/* Lanes as the tree 8 + 8, 4 + 4, 2 + 2, 1 + 1 (kernels/ref/ref.h). */
static inline float vf_sum16(vf x)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps(b, b, 1)));
}
/* Those sums of four, times `by`, side by side. */
static inline void vf_sums4(float *to, vf a, vf b, vf c, vf d, float by)
{
    const vf ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    const vf cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    vf x = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    x = _mm512_add_ps(x, _mm512_permute_ps(x, 0x4e)); /* now 128 bits of each */
    x = _mm512_add_ps(x, _mm512_permute_ps(x, 0xb1));
    const __m128 sums = _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, x));
    _mm_storeu_ps(to, _mm_mul_ps(sums, _mm_set1_ps(by)));
}
/* x * 2^n, n from the last bits of t = n + REF_ROUND */
static inline vf vf_scale2(vf x, vf t)
{
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}
/* Rounds to nearest even, stores n <= 16 values as s8, adds them to *sum. */
static inline void vf_to_s8(int8_t *p, vf x, uint32_t n, vi *sum)
{
    vi q = _mm512_maskz_cvtps_epi32((__mmask16)((1ull << n) - 1), x);
    *sum = _mm512_add_epi32(*sum, q);
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(q)); /* rows are padded to 64 */
}
/* Rounds to nearest even, stores n <= 16 values of -16256..16256 as planes 128 hi + lo. */
static inline void vf_to_s16(int8_t *hi, int8_t *lo, vf x, uint32_t n, vi *sh, vi *sl)
{
    vi q = _mm512_maskz_cvtps_epi32((__mmask16)((1ull << n) - 1), x);
    vi h = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(64)), 7);
    vi l = _mm512_sub_epi32(q, _mm512_slli_epi32(h, 7));
    *sh = _mm512_add_epi32(*sh, h);
    *sl = _mm512_add_epi32(*sl, l);
    _mm_storeu_si128((__m128i *)hi, _mm512_cvtepi32_epi8(h));
    _mm_storeu_si128((__m128i *)lo, _mm512_cvtepi32_epi8(l));
}
/* Wraps, as the limits' endless sums need it; gcc's own reduction overflows signed numbers. */
static inline int32_t vi_sum(vi a)
{
    __m256i s = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    __m128i b = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
}
/* The scales of 16 row figures (pairs of scale and sum). */
static inline vf vf_figures(const void *p)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(_mm512_loadu_ps(p), even,
                                  _mm512_loadu_ps((const float *)p + 16));
}
/* Lanes n and up become -infinity. */
static inline vf vf_low_beyond(vf x, uint32_t n)
{
    return _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), vf_mask(n), x);
}
static inline vi vi_zero(void) { return _mm512_setzero_si512(); }
static inline vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void vi_store(int32_t *p, vi x) { _mm512_storeu_si512(p, x); }
static inline vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
static inline vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
static inline vf vi_float(vi a) { return _mm512_cvtepi32_ps(a); }
static inline vw vw_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
/* 32 lanes of 16 bits */
typedef __m512i vh;
static inline vh vh_set(int16_t x) { return _mm512_set1_epi16(x); }
static inline vh vh_load(const int16_t *p) { return _mm512_loadu_si512(p); }
static inline void vh_store(int16_t *p, vh x) { _mm512_storeu_si512(p, x); }
/* Nearest integers of 32 values, in an order of its own: fours of the one and the other sixteen.  Values of 32768 and more
 * become 32767 or -32768. */
static inline vh vh_pack(vf lo, vf hi) { return _mm512_packs_epi32(_mm512_cvtps_epi32(lo), _mm512_cvtps_epi32(hi)); }
static inline vh vh_add(vh x, vh y) { return _mm512_add_epi16(x, y); }
static inline vh vh_and(vh x, vh y) { return _mm512_and_si512(x, y); }
static inline vh vh_shl4(vh x) { return _mm512_slli_epi16(x, 4); }
static inline vh vh_shr11(vh x) { return _mm512_srli_epi16(x, 11); }
/* x of 0..32767 by n of 0..16 bits to the right */
static inline vh vh_shr_by(vh x, vh n) { return _mm512_srlv_epi16(x, n); }
/* x y / 2^15, halves up */
static inline vh vh_mulr(vh x, vh y) { return _mm512_mulhrs_epi16(x, y); }
/* Adds pairs of lanes. */
static inline vi vh_sum(vi acc, vh x) { return _mm512_dpwssd_epi32(acc, x, _mm512_set1_epi16(1)); }
/* Lanes of 0..32767, from the order of vh_pack. */
static inline void vh_floats(vh x, float *p)
{
    vf_store(p, vi_float(_mm512_unpacklo_epi16(x, _mm512_setzero_si512())));
    vf_store(p + 16, vi_float(_mm512_unpackhi_epi16(x, _mm512_setzero_si512())));
}
/* 64 lanes of 0..255 to bytes, from the order of vh_pack. */
static inline void vh_bytes(uint8_t *p, vh x, vh y)
{
    const __m512i fours = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi32(fours, _mm512_packus_epi16(x, y)));
}
#include "kernels/host/vec_four.h"
static inline vi vi_dot(vi acc, vw w, vx x) { return _mm512_dpbusd_epi32(acc, w, x); }
/* 16 x 8 values of 4 bits: even fours in the low halves, odd fours in the upper */
typedef __m512i vl;
static inline vl vl_load(const uint8_t *p)
{
    vl x = _mm512_loadu_si512(p);
    __asm__("" : "+v"(x)); /* gcc would load it again for the other half */
    return x;
}
static inline vi vl_even(vl x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
static inline vi vl_odd(vl x)
{
    return _mm512_and_si512(_mm512_srli_epi16(x, 4), _mm512_set1_epi8(15));
}
static inline vi vi_dot_low(vi acc, vi w, vx a) { return _mm512_dpbusd_epi32(acc, w, a); }
/* s8 operands for vi_dot_u: 16 x 4 of them against four u8, probabilities */
typedef __m512i vs;
static inline vs vs_load(const int8_t *p) { return _mm512_loadu_si512(p); }
static inline vi vi_dot_u(vi acc, vs w, vp a) { return _mm512_dpbusd_epi32(acc, a, w); }

#endif
