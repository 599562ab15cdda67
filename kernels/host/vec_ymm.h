/* 16 lanes in two ymm registers, so that the order of sums is that of the wider machines.  All but the INT8 products,
 * which vec_avx2.h and vec_avxvnni.h add. */
#ifndef KERNELS_HOST_VEC_YMM_H
#define KERNELS_HOST_VEC_YMM_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    __m256 a, b;
} vf;
typedef struct {
    __m256i a, b;
} vi;

/* What the 16 registers hold, see vec_avx512.h. */
#define KT_I8_PANELS 1
#define KT_I8_FEW 2
#define KT_F32_ROWS 3
#define KT_SCORE_KEYS 2
#define KT_PV_ROWS 1
#define KT_PV8_VECS 1
#define KT_QK_PANELS 1
#define KT_ATTN_ROWS 1
#define KT_W_OFFSET 128

#define KT_OPAQUE(x) __asm__ volatile("" : "+x"((x).a), "+x"((x).b))

#define VF2(fn, x, y)                                                                              \
    (vf) { fn((x).a, (y).a), fn((x).b, (y).b) }
static inline vf vf_zero(void) { return (vf){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline vf vf_set(float x) { return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
static inline vf vf_load(const float *p) { return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void vf_store(float *p, vf x)
{
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
static inline vi vf_mask(uint32_t n)
{
    const __m256i up = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i v = _mm256_set1_epi32((int)n);
    return (vi){_mm256_cmpgt_epi32(v, up),
                _mm256_cmpgt_epi32(v, _mm256_add_epi32(up, _mm256_set1_epi32(8)))};
}
static inline vf vf_load_n(const float *p, uint32_t n)
{
    vi m = vf_mask(n);
    return (vf){_mm256_maskload_ps(p, m.a), _mm256_maskload_ps(p + 8, m.b)};
}
static inline void vf_store_n(float *p, vf x, uint32_t n)
{
    vi m = vf_mask(n);
    _mm256_maskstore_ps(p, m.a, x.a);
    _mm256_maskstore_ps(p + 8, m.b, x.b);
}
static inline vf vf_keep_n(vf x, uint32_t n)
{
    vi m = vf_mask(n);
    return (vf){_mm256_and_ps(x.a, _mm256_castsi256_ps(m.a)),
                _mm256_and_ps(x.b, _mm256_castsi256_ps(m.b))};
}
static inline vf vf_fma(vf x, vf y, vf z)
{
    return (vf){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
static inline vf vf_add(vf x, vf y) { return VF2(_mm256_add_ps, x, y); }
static inline vf vf_sub(vf x, vf y) { return VF2(_mm256_sub_ps, x, y); }
static inline vf vf_mul(vf x, vf y) { return VF2(_mm256_mul_ps, x, y); }
static inline vf vf_div(vf x, vf y) { return VF2(_mm256_div_ps, x, y); }
static inline vf vf_min(vf x, vf y) { return VF2(_mm256_min_ps, x, y); }
static inline vf vf_max(vf x, vf y) { return VF2(_mm256_max_ps, x, y); }
static inline vf vf_abs(vf x)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (vf){_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
static inline float vf_max_all(vf x)
{
    __m256 m = _mm256_max_ps(x.a, x.b);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_shuffle_ps(b, b, 1)));
}
static inline __m128 vf_sum4(vf x)
{
    const __m256 a = _mm256_add_ps(x.a, x.b);
    return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
}
static inline float vf_sum16(vf x)
{
    __m128 b = vf_sum4(x);
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps(b, b, 1)));
}
static inline void vf_sums4(float *to, vf a, vf b, vf c, vf d, float by)
{
    const __m128 p = vf_sum4(a), q = vf_sum4(b), r = vf_sum4(c), s = vf_sum4(d);
    const __m128 pq = _mm_add_ps(_mm_unpacklo_ps(p, q), _mm_unpackhi_ps(p, q)); /* p q p q */
    const __m128 rs = _mm_add_ps(_mm_unpacklo_ps(r, s), _mm_unpackhi_ps(r, s));
    const __m128 sums = _mm_add_ps(_mm_movelh_ps(pq, rs), _mm_movehl_ps(rs, pq));
    _mm_storeu_ps(to, _mm_mul_ps(sums, _mm_set1_ps(by)));
}
static inline __m256 vf_scale2_half(__m256 x, __m256 n)
{
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
}
static inline vf vf_scale2(vf x, vf n) { return VF2(vf_scale2_half, x, n); }
static inline void vf_to_s8(int8_t *p, vf x, uint32_t n, vi *sum)
{
    vf k = n < 16 ? vf_keep_n(x, n) : x;
    __m256i a = _mm256_cvtps_epi32(k.a), b = _mm256_cvtps_epi32(k.b);
    sum->a = _mm256_add_epi32(sum->a, a);
    sum->b = _mm256_add_epi32(sum->b, b);
    __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    _mm_storeu_si128((__m128i *)p,
                     _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
}
static inline void vf_to_u8(uint8_t *p, vf x)
{
    __m256i w = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
    w = _mm256_permute4x64_epi64(w, 0xd8);
    _mm_storeu_si128((__m128i *)p,
                     _mm_packus_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
}
static inline __m256 vf_shift2_half(__m256 p, __m256 t)
{
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}
static inline vf vf_shift2(vf p, vf t) { return VF2(vf_shift2_half, p, t); }
static inline __m128i vi_to_s8(__m256i a, __m256i b)
{
    __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    return _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}
static inline void vf_to_s16(int8_t *hi, int8_t *lo, vf x, uint32_t n, vi *sh, vi *sl)
{
    const __m256i half = _mm256_set1_epi32(64);
    vf k = n < 16 ? vf_keep_n(x, n) : x;
    __m256i a = _mm256_cvtps_epi32(k.a), b = _mm256_cvtps_epi32(k.b);
    __m256i ha = _mm256_srai_epi32(_mm256_add_epi32(a, half), 7);
    __m256i hb = _mm256_srai_epi32(_mm256_add_epi32(b, half), 7);
    __m256i la = _mm256_sub_epi32(a, _mm256_slli_epi32(ha, 7));
    __m256i lb = _mm256_sub_epi32(b, _mm256_slli_epi32(hb, 7));
    sh->a = _mm256_add_epi32(sh->a, ha);
    sh->b = _mm256_add_epi32(sh->b, hb);
    sl->a = _mm256_add_epi32(sl->a, la);
    sl->b = _mm256_add_epi32(sl->b, lb);
    _mm_storeu_si128((__m128i *)hi, vi_to_s8(ha, hb));
    _mm_storeu_si128((__m128i *)lo, vi_to_s8(la, lb));
}
static inline int32_t vi_sum(vi x)
{
    __m256i s = _mm256_add_epi32(x.a, x.b);
    __m128i b = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
}
static inline __m256 vf_figures_half(const float *p)
{
    __m256 x = _mm256_shuffle_ps(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}
static inline vf vf_figures(const void *p)
{
    return (vf){vf_figures_half(p), vf_figures_half((const float *)p + 16)};
}
static inline vf vf_low_beyond(vf x, uint32_t n)
{
    const __m256 low = _mm256_set1_ps(-INFINITY);
    vi m = vf_mask(n);
    return (vf){_mm256_blendv_ps(low, x.a, _mm256_castsi256_ps(m.a)),
                _mm256_blendv_ps(low, x.b, _mm256_castsi256_ps(m.b))};
}
static inline vi vi_zero(void) { return (vi){_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline vi vi_load(const int32_t *p)
{
    return (vi){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}
static inline void vi_store(int32_t *p, vi x)
{
    _mm256_storeu_si256((__m256i *)p, x.a);
    _mm256_storeu_si256((__m256i *)(p + 8), x.b);
}
static inline vi vi_set(int32_t x) { return (vi){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
static inline vi vi_add(vi x, vi y)
{
    return (vi){_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
static inline vi vi_shl7(vi x)
{
    return (vi){_mm256_slli_epi32(x.a, 7), _mm256_slli_epi32(x.b, 7)};
}
static inline vi vi_sub(vi x, vi y)
{
    return (vi){_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)};
}
static inline vf vi_float(vi x) { return (vf){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
/* 16 x 8 values of 4 bits: even fours in the low halves, odd fours in the upper */
typedef vi vl;
static inline vl vl_load(const uint8_t *p)
{
    return (vl){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32))};
}
static inline vi vl_even(vl x)
{
    const __m256i m = _mm256_set1_epi8(15);
    return (vi){_mm256_and_si256(x.a, m), _mm256_and_si256(x.b, m)};
}
static inline vi vl_odd(vl x)
{
    return vl_even((vl){_mm256_srli_epi16(x.a, 4), _mm256_srli_epi16(x.b, 4)});
}
#endif
