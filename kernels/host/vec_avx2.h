/* vec_ymm.h with INT8 products of 16 bits.
 *
 * VPMADDUBSW takes bytes, but saturates unless one side is a magnitude and the other carries its sign; and to give it
 * that sign (VPSIGNB) keeps the units busy that multiply: at most 21 products a cycle (Zen 4).  Bytes pulled apart into
 * 16 bits, the even ones of a four and the odd, meet by VPMADDWD, at most 28: unsigned ones by a mask and a shift,
 * which other units do, and rows that many columns meet are pulled apart once (vx_widen). */
#ifndef KERNELS_HOST_VEC_AVX2_H
#define KERNELS_HOST_VEC_AVX2_H

#include "kernels/host/vec_ymm.h"

#ifndef KT_TABLE
#define KT_TABLE k_table_avx2
#define KT_NAME "avx2"
#endif
#define KT_I8_ROWS 4
#define KT_PANEL_ROWS 4
#define KT_PANEL_FINE 1
#define KT_W4_ROWS 2
#define KT_FEW_CHAINS 0 /* a sum waits for an addition, not for a product */
#define KT_QK_ROWS 4
#define KT_CHAINS 4
#define KT_WIDE_ROWS

typedef struct {
    __m256i e, o;
} vi_pairs;

/* Of 32 bytes the even and the odd ones, unsigned. */
static inline vi_pairs vi_apart_u(__m256i x)
{
    return (vi_pairs){_mm256_and_si256(x, _mm256_set1_epi16(255)), _mm256_srli_epi16(x, 8)};
}
/* The same with their signs. */
static inline vi_pairs vi_apart_s(__m256i x)
{
    return (vi_pairs){_mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), _mm256_srai_epi16(x, 8)};
}
/* Products of four bytes are below 4 * 255 * 128. */
static inline __m256i vi_dot_half(__m256i acc, vi_pairs w, vi_pairs x)
{
    acc = _mm256_add_epi32(acc, _mm256_add_epi32(_mm256_madd_epi16(w.e, x.e), _mm256_madd_epi16(w.o, x.o)));
    __asm__("" : "+x"(acc)); /* gcc would put the products of many steps aside, in memory, to add them later */
    return acc;
}

typedef struct {
    vi_pairs a, b;
} vw;
static inline vw vw_load(const uint8_t *p)
{
    return (vw){vi_apart_u(_mm256_loadu_si256((const __m256i *)p)),
                vi_apart_u(_mm256_loadu_si256((const __m256i *)(p + 32)))};
}
typedef vi_pairs vx;
#define KT_OPAQUE_X(x) __asm__ volatile("" : "+x"((x).e), "+x"((x).o))
/* Rows pulled apart: x0 x2 x1 x3 of every four. */
typedef int16_t vx_row;
static inline void vx_widen(vx_row *to, const int8_t *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __m128i y = _mm_loadu_si128((const __m128i *)(x + i));
        const __m128i e = _mm_srai_epi16(_mm_slli_epi16(y, 8), 8), o = _mm_srai_epi16(y, 8);
        _mm_storeu_si128((__m128i *)(to + i), _mm_unpacklo_epi32(e, o));
        _mm_storeu_si128((__m128i *)(to + i + 8), _mm_unpackhi_epi32(e, o));
    }
}
static inline vx vx_load(const vx_row *p)
{
    int32_t e, o;
    memcpy(&e, p, 4);
    memcpy(&o, p + 2, 4);
    return (vx){_mm256_set1_epi32(e), _mm256_set1_epi32(o)};
}
static inline vi vi_dot(vi acc, vw w, vx x) { return (vi){vi_dot_half(acc.a, w.a, x), vi_dot_half(acc.b, w.b, x)}; }
static inline vi vi_dot_low(vi acc, vi w, vx x)
{
    return (vi){vi_dot_half(acc.a, vi_apart_u(w.a), x), vi_dot_half(acc.b, vi_apart_u(w.b), x)};
}
/* Weights of 4 bits are small enough for VPMADDUBSW, and KT_W4_RUN of its sums for 16 bits: 8 * 2 * 15 * 127 is 30,480. */
#define KT_W4_RUN 8
static inline vi v8_load(const int8_t *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return vi_set(four);
}
static inline vi v8_dot(vi pairs, vi w, vi x)
{
    return (vi){_mm256_add_epi16(pairs.a, _mm256_maddubs_epi16(w.a, x.a)),
                _mm256_add_epi16(pairs.b, _mm256_maddubs_epi16(w.b, x.b))};
}
static inline vi v8_sum(vi acc, vi pairs)
{
    const __m256i one = _mm256_set1_epi16(1);
    return (vi){_mm256_add_epi32(acc.a, _mm256_madd_epi16(pairs.a, one)),
                _mm256_add_epi32(acc.b, _mm256_madd_epi16(pairs.b, one))};
}

typedef vw vs;
static inline vs vs_load(const int8_t *p)
{
    return (vs){vi_apart_s(_mm256_loadu_si256((const __m256i *)p)),
                vi_apart_s(_mm256_loadu_si256((const __m256i *)(p + 32)))};
}
typedef vi_pairs vp;
typedef uint16_t vp_row; /* in the order of vx_row */
static inline __m256i vp_apart(__m256i x)
{
    return _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(vh_in_order(x), 0xd8), 0xd8);
}
static inline void vp_store(vp_row *p, vh x, vh y)
{
    _mm256_storeu_si256((__m256i *)p, vp_apart(x.a));
    _mm256_storeu_si256((__m256i *)(p + 16), vp_apart(x.b));
    _mm256_storeu_si256((__m256i *)(p + 32), vp_apart(y.a));
    _mm256_storeu_si256((__m256i *)(p + 48), vp_apart(y.b));
}
static inline vp vp_load(const vp_row *p)
{
    int32_t e, o;
    memcpy(&e, p, 4);
    memcpy(&o, p + 2, 4);
    return (vp){_mm256_set1_epi32(e), _mm256_set1_epi32(o)};
}
static inline vi vi_dot_u(vi acc, vs w, vp p) { return vi_dot(acc, w, p); }

#endif
