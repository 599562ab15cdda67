/* C += A B for one tile, 2 x 2 blocks at a time: four accumulators hide the latency of the
 * products, and each loaded block is used twice. */
#ifndef AIE2_GEMM_HPP
#define AIE2_GEMM_HPP

#include "tile.hpp"

template <typename TIn, typename TAcc, typename Tag, unsigned M, unsigned K, unsigned N, unsigned R,
          unsigned S, unsigned T>
static inline void gemm_tile(const TIn *__restrict a, const TIn *__restrict b, TAcc *__restrict c)
{
    using block = aie::mmul<R, S, T, TIn, TIn, Tag>;
    static_assert(M % (2 * R) == 0 && K % S == 0 && N % (2 * T) == 0, "whole pairs of blocks");
    constexpr unsigned kb = K / S, nb = N / T;
    for (unsigned i = 0; i < M / R; i += 2) {
        for (unsigned j = 0; j < nb; j += 2) {
            TAcc *c0 = c + (i * nb + j) * block::size_C, *c1 = c0 + nb * block::size_C;
            block c00(aie::load_v<block::size_C>(c0));
            block c01(aie::load_v<block::size_C>(c0 + block::size_C));
            block c10(aie::load_v<block::size_C>(c1));
            block c11(aie::load_v<block::size_C>(c1 + block::size_C));
            const TIn *a0 = a + i * kb * block::size_A, *a1 = a0 + kb * block::size_A;
            const TIn *b0 = b + j * block::size_B;
            AIE_PREPARE_FOR_PIPELINING
            AIE_LOOP_MIN_ITERATION_COUNT(2)
            for (unsigned t = 0; t < kb; t++) {
                const auto x0 = aie::load_v<block::size_A>(a0);
                const auto x1 = aie::load_v<block::size_A>(a1);
                const auto y0 = aie::load_v<block::size_B>(b0);
                const auto y1 = aie::load_v<block::size_B>(b0 + block::size_B);
                a0 += block::size_A;
                a1 += block::size_A;
                b0 += nb * block::size_B;
                c00.mac(x0, y0);
                c01.mac(x0, y1);
                c10.mac(x1, y0);
                c11.mac(x1, y1);
            }
            aie::store_v(c0, c00.template to_vector<TAcc>());
            aie::store_v(c0 + block::size_C, c01.template to_vector<TAcc>());
            aie::store_v(c1, c10.template to_vector<TAcc>());
            aie::store_v(c1 + block::size_C, c11.template to_vector<TAcc>());
        }
    }
}

template <typename T, unsigned COUNT> static inline void zero_tile(T *c)
{
    for (unsigned i = 0; i < COUNT; i += 16) {
        aie::store_v(c + i, aie::zeros<T, 16>());
    }
}

#endif
