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
static inline __m256 vf_scale2_half(__m256 x, __m256 t)
{
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}
static inline vf vf_scale2(vf x, vf t) { return VF2(vf_scale2_half, x, t); }
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

/* 32 lanes of 16 bits, see vec_avx512.h.  vh_pack: a has fours 0, 2, 1, 3 of the first sixteen, b those of the other. */
typedef vi vh;
#define VH2(fn, x, y)                                                                              \
    (vh) { fn((x).a, (y).a), fn((x).b, (y).b) }
#define VH1(fn, x, n)                                                                              \
    (vh) { fn((x).a, n), fn((x).b, n) }
static inline vh vh_set(int16_t x) { return (vh){_mm256_set1_epi16(x), _mm256_set1_epi16(x)}; }
static inline vh vh_load(const int16_t *p)
{
    return (vh){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 16))};
}
static inline void vh_store(int16_t *p, vh x)
{
    _mm256_storeu_si256((__m256i *)p, x.a);
    _mm256_storeu_si256((__m256i *)(p + 16), x.b);
}
static inline vh vh_pack(vf lo, vf hi)
{
    return (vh){_mm256_packs_epi32(_mm256_cvtps_epi32(lo.a), _mm256_cvtps_epi32(lo.b)),
                _mm256_packs_epi32(_mm256_cvtps_epi32(hi.a), _mm256_cvtps_epi32(hi.b))};
}
static inline vh vh_add(vh x, vh y) { return VH2(_mm256_add_epi16, x, y); }
static inline vh vh_and(vh x, vh y) { return VH2(_mm256_and_si256, x, y); }
static inline vh vh_shl4(vh x) { return VH1(_mm256_slli_epi16, x, 4); }
static inline vh vh_shr11(vh x) { return VH1(_mm256_srli_epi16, x, 11); }
/* There is no shift by lanes of 16 bits: 2 x times 2^(15 - n), of which the upper half stays.  The two bytes of that power
 * are looked up: the lower is not 0 from n = 8 on, the upper below; n = 16 finds 0 twice. */
static inline __m256i vh_shr_half(__m256i x, __m256i n)
{
    const __m256i power = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -128, 64, 32, 16, 8, 4, 2, 1));
    /* n + 8 in the upper byte, its highest bit set (which looks up 0) where that is more than 15 */
    const __m256i at = _mm256_add_epi16(_mm256_or_si256(n, _mm256_slli_epi16(n, 8)), _mm256_set1_epi16(0x7800));
    return _mm256_mulhi_epu16(_mm256_add_epi16(x, x), _mm256_shuffle_epi8(power, at));
}
static inline vh vh_shr_by(vh x, vh n) { return VH2(vh_shr_half, x, n); }
static inline vh vh_mulr(vh x, vh y) { return VH2(_mm256_mulhrs_epi16, x, y); }
static inline vi vh_sum(vi acc, vh x)
{
    const __m256i one = _mm256_set1_epi16(1);
    return (vi){_mm256_add_epi32(acc.a, _mm256_madd_epi16(x.a, one)),
                _mm256_add_epi32(acc.b, _mm256_madd_epi16(x.b, one))};
}
static inline void vh_bytes(uint8_t *p, vh x, vh y)
{
    /* fours 0 2 of x.a, of x.b, 1 3 of x.a, of x.b */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i a = _mm256_packus_epi16(x.a, x.b), b = _mm256_packus_epi16(y.a, y.b);
    _mm256_storeu_si256((__m256i *)p, _mm256_permutevar8x32_epi32(a, order));
    _mm256_storeu_si256((__m256i *)(p + 32), _mm256_permutevar8x32_epi32(b, order));
}
/* The 16 lanes of a or b in their order. */
static inline __m256i vh_in_order(__m256i x) { return _mm256_permute4x64_epi64(x, 0xd8); }
static inline void vh_floats_half(__m256i x, float *p)
{
    const __m256i y = vh_in_order(x);
    vf_store(p, (vf){_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(y))),
                     _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm256_extracti128_si256(y, 1)))});
}
static inline void vh_floats(vh x, float *p)
{
    vh_floats_half(x.a, p);
    vh_floats_half(x.b, p + 16);
}
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
