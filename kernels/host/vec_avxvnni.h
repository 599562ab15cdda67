/* vec_ymm.h with the INT8 products of AVX-VNNI. */
#ifndef KERNELS_HOST_VEC_AVXVNNI_H
#define KERNELS_HOST_VEC_AVXVNNI_H

#include "kernels/host/vec_ymm.h"

#ifndef KT_TABLE
#define KT_TABLE k_table_avxvnni
#define KT_NAME "avx-vnni"
#endif
#define KT_I8_ROWS 6
#define KT_PANEL_ROWS 6
#define KT_PANEL_FINE 2
#define KT_W4_ROWS 2
#define KT_FEW_CHAINS 1
#define KT_QK_ROWS 6
#define KT_CHAINS 5

#include "kernels/host/vec_four.h"

#ifdef __AVXVNNI__
#define vi_dpbusd _mm256_dpbusd_avx_epi32
#else
#define vi_dpbusd _mm256_dpbusd_epi32 /* the same of AVX-512: for tests on machines that have only that */
#endif

typedef vi vw, vs;
static inline vw vw_load(const uint8_t *p)
{
    return (vw){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32))};
}
static inline vi vi_dot(vi acc, vw w, vx x)
{
    return (vi){vi_dpbusd(acc.a, w.a, x.a), vi_dpbusd(acc.b, w.b, x.b)};
}
static inline vi vi_dot_low(vi acc, vi w, vx x) { return vi_dot(acc, w, x); }
static inline vs vs_load(const int8_t *p) { return vw_load((const uint8_t *)p); }
static inline vi vi_dot_u(vi acc, vs w, vp p) { return vi_dot(acc, p, w); }

#endif
