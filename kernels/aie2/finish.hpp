/* The epilogue of a C tile, 16 values at a time in the block layout: bias, GELU, channel factor,
 * then one rounding.  Order and roundings as in kernels/ref/gemm.c, so that f32 results are equal
 * where the device's f32 multiply is. */
#ifndef AIE2_FINISH_HPP
#define AIE2_FINISH_HPP

#include "gelu.hpp"

/* col: bias and channel of these columns, each repeated over the rows. */
template <unsigned T>
static inline vf finish16(vf x, const float *bias, const float *chan, int32_t how)
{
    if (how & FINISH_BIAS) {
        x = aie::add(x, columns<T>(bias));
    }
    if (how & FINISH_GELU) {
        x = gelu16(x);
    }
    if (how & FINISH_MUL) {
        x = mulf(x, columns<T>(chan));
    }
    return x;
}

static inline void put16(void *out, unsigned at, const vf &x, int32_t how)
{
    if (how & FINISH_BF16) {
        aie::store_v((bfloat16 *)out + at, half(x));
    } else {
        aie::store_v((float *)out + at, x);
    }
}

#endif
