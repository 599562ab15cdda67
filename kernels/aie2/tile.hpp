/* What every kernel of this room shares: the tile, the block of one product instruction, how
 * operands lie in a core, and the arithmetic modes.  DIM_M, DIM_K, DIM_N come from build.mk. */
#ifndef AIE2_TILE_HPP
#define AIE2_TILE_HPP

#include <aie_api/aie.hpp>
#include <stdint.h>

#ifndef DIM_M
#define DIM_M 64
#endif
#ifndef DIM_K
#define DIM_K 64
#endif
#ifndef DIM_N
#define DIM_N 64
#endif

/* DICTATE_AIE2P: npu2 of the toolchain (Strix and later); otherwise npu1 (Phoenix, Hawk Point). */
#ifdef DICTATE_AIE2P
enum { I8_R = 8, I8_S = 8, I8_T = 8, BF_R = 8, BF_S = 8, BF_T = 8 };
#else
enum { I8_R = 4, I8_S = 8, I8_T = 8, BF_R = 4, BF_S = 8, BF_T = 4 };
#endif

/* Layout in a core: A [m/R][k/S][R][S], B [k/S][n/T][S][T], C [m/R][n/T][R][T], each block one
 * vector. The memory tiles' descriptors cut A and put C together; B is packed so when a model is
 * loaded.
 *
 * After the K/k pairs of a C tile comes one more pair, the strips, so that no third stream is
 * needed (a core has two inputs).  INT8 rows end in k bytes that begin with {float scale, int32
 * sum}: cut like the rest of A, the figures of row i are the first row of S = 8 bytes of its block.
 * In B's place come float scale[n], bias[n], channel[n]. */

/* Epilogue, one word of the runtime sequence; the first three as in kernels/op.h. */
enum finish {
    FINISH_BIAS = 1,
    FINISH_GELU = 2,
    FINISH_MUL = 32,
    FINISH_RAW = 0x100,  /* sums as they are: int32, or f32 for bf16 operands */
    FINISH_BF16 = 0x200, /* narrow the result; otherwise f32 */
};

using vf = aie::vector<float, 16>;
using vh = aie::vector<bfloat16, 16>;
using vi = aie::vector<int32, 16>;

/* Floor and wrap are what a core starts with, and state stays from kernel to kernel. */
static inline void set_modes()
{
    aie::set_rounding(aie::rounding_mode::conv_even);
    aie::set_saturation(aie::saturation_mode::saturate);
}

static inline vf mulf(const vf &a, const vf &b)
{
    return aie::mul(a, b).template to_vector<float>();
}

static inline vh half(const vf &a)
{
    return aie::accum<accfloat, 16>(a).template to_vector<bfloat16>();
}

/* T columns of a strip, repeated over the 16 / T rows that a vector of C covers. */
template <unsigned T> static inline vf columns(const float *p)
{
    const aie::vector<float, T> v = aie::load_v<T>(p);
    if constexpr (T == 4) {
        const aie::vector<float, 8> w = aie::concat(v, v);
        return aie::concat(w, w);
    } else {
        return aie::concat(v, v);
    }
}

#endif
