/* Four values of a row and four probabilities for 16 columns, where products take bytes as they are: for the vec_*.h of
 * such widths, after vi_set and vh_bytes. */
#ifndef KERNELS_HOST_VEC_FOUR_H
#define KERNELS_HOST_VEC_FOUR_H

#include <string.h>

#define KT_OPAQUE_X KT_OPAQUE

typedef vi vx, vp;
typedef int8_t vx_row;
typedef uint8_t vp_row;
static inline vx vx_load(const vx_row *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return vi_set(four);
}
static inline vp vp_load(const vp_row *p) { return vx_load((const vx_row *)p); }
/* 64 probabilities */
static inline void vp_store(vp_row *p, vh x, vh y) { vh_bytes(p, x, y); }

#endif
