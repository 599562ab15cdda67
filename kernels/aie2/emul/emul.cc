/* Controls of the emulation for tests in C; see emul.h.  Never built for a device. */
#include "scalar.hpp"

extern "C" {

void aie_emul_f32(int limbs)
{
    emu::now().f32 = limbs ? emu::mul::limbs : emu::mul::ieee;
}

void aie_emul_reset(void)
{
    emu::now().round = aie::rounding_mode::floor;
    emu::now().sat = aie::saturation_mode::none;
}

void aie_emul_blocks(int rst[6])
{
    const int is[6] = {I8_R, I8_S, I8_T, BF_R, BF_S, BF_T};
    memcpy(rst, is, sizeof is);
}

uint16_t aie_emul_bf16(float f)
{
    return emu::narrow(f, aie::rounding_mode::conv_even);
}

float aie_emul_root(float x)
{
    return root(x);
}
}
