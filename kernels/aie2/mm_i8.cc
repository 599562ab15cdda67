/* INT8 GEMM of one tile with its fused epilogue.  Runs on a compute core of the array; never
 * allocates, keeps no state but the arithmetic modes.  Sums are exact: K * 127^2 stays below 2^31
 * for every K of a Whisper network. */
#include "finish.hpp"
#include "gemm.hpp"

extern "C" {

void mm_i8_zero(int32_t *c)
{
    zero_tile<int32, DIM_M * DIM_N>(c);
}

void mm_i8(const int8_t *__restrict a, const int8_t *__restrict b, int32_t *__restrict c)
{
    event0();
    set_modes();
    gemm_tile<int8, int32, acc32, DIM_M, DIM_K, DIM_N, I8_R, I8_S, I8_T>(a, b, c);
    event1();
}

/* Scale of row m of the strip: 8 bytes wide, in the first of the k / 8 blocks of its block row. */
static inline float row_scale(const int8_t *rows, unsigned m)
{
    static_assert(I8_S == 8, "a row's figures fill one row of a block");
    const unsigned at = (m / I8_R * (DIM_K / I8_S) * I8_R + m % I8_R) * I8_S;
    return *(const float *)(rows + at);
}

/* rows, cols: the strips, see tile.hpp.  out: int32, f32 or bf16, layout of C, and may be c
 * itself for 4-byte results. */
void mm_i8_finish(const int32_t *c, const int8_t *__restrict rows, const int8_t *__restrict cols,
                  void *out, int32_t how)
{
    constexpr unsigned nb = DIM_N / I8_T, block = I8_R * I8_T, pair = 16 / I8_T;
    const float *col = (const float *)cols;
    event0();
    set_modes();
    for (unsigned i = 0; i < DIM_M / I8_R; i++) {
        for (unsigned j = 0; j < nb; j++) {
            const float *scale = col + j * I8_T;
            for (unsigned r = 0; r < I8_R; r += pair) {
                const unsigned at = (i * nb + j) * block + r * I8_T, m = i * I8_R + r;
                const vi sum = aie::load_v<16>(c + at);
                if (how & FINISH_RAW) {
                    aie::store_v((int32 *)out + at, sum);
                    continue;
                }
                /* two rows of 8 columns */
                const vf s = aie::concat(aie::broadcast<float, 8>(row_scale(rows, m)),
                                         aie::broadcast<float, 8>(row_scale(rows, m + 1)));
                const vf f = mulf(s, columns<I8_T>(scale));
                const vf x = mulf(aie::to_float(sum), f);
                put16(out, at, finish16<I8_T>(x, scale + DIM_N, scale + 2 * DIM_N, how), how);
            }
        }
    }
    event1();
}
}
