/* bf16 GEMM of one tile, f32 sums, with its epilogue.  Runs on a compute core of the array; never
 * allocates, keeps no state but the arithmetic modes.  A product of 8 is one step of the vector
 * unit, so the order of the sum is: 8 along K at a time, K ascending. */
#include "finish.hpp"
#include "gemm.hpp"

extern "C" {

void mm_bf16_zero(float *c)
{
    zero_tile<float, DIM_M * DIM_N>(c);
}

void mm_bf16(const bfloat16 *__restrict a, const bfloat16 *__restrict b, float *__restrict c)
{
    event0();
    set_modes();
    gemm_tile<bfloat16, float, accfloat, DIM_M, DIM_K, DIM_N, BF_R, BF_S, BF_T>(a, b, c);
    event1();
}

/* cols: scale[n] (not read) bias[n] channel[n], as for INT8.  out: f32 or bf16, layout of C, and
 * may be c itself for 4-byte results. */
void mm_bf16_finish(const float *c, const void *__restrict cols, void *out, int32_t how)
{
    constexpr unsigned nb = DIM_N / BF_T, block = BF_R * BF_T;
    const float *col = (const float *)cols;
    event0();
    set_modes();
    for (unsigned i = 0; i < DIM_M / BF_R * nb; i++) {
        const float *bias = col + DIM_N + i % nb * BF_T;
        for (unsigned r = 0; r < block; r += 16) {
            const vf x = aie::load_v<16>(c + i * block + r);
            put16(out, i * block + r,
                  how & FINISH_RAW ? x : finish16<BF_T>(x, bias, bias + DIM_N, how),
                  how & FINISH_RAW ? 0 : how);
        }
    }
    event1();
}
}
