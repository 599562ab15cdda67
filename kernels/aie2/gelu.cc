/* Bias and GELU of f32 rows to bf16, for GEMMs whose epilogue is not fused (the A/B twin of the
 * FINISH_GELU epilogue: the same function, so equal results). */
#include "gelu.hpp"

#ifndef DIM_ROW
#define DIM_ROW 512
#endif

extern "C" {

/* in: f32 row, then f32 bias of the same length. */
void gelu_row(const float *__restrict in, bfloat16 *__restrict out)
{
    event0();
    set_modes();
    for (unsigned i = 0; i < DIM_ROW; i += 16) {
        const vf x = aie::add(aie::load_v<16>(in + i), aie::load_v<16>(in + DIM_ROW + i));
        aie::store_v(out + i, half(gelu16(x)));
    }
    event1();
}
}
