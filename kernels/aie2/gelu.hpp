/* GELU of 16 values from the f32 accumulator: max(x, 0) + q(|x|), q a quartic of three pieces in a
 * centred variable with bf16 coefficients.  Exact-erf form; |error| <= 2e-3 (t_aie2.cc measures).
 */
#ifndef AIE2_GELU_HPP
#define AIE2_GELU_HPP

#include "gelu_poly.hpp"
#include "tile.hpp"

/* The coefficient of one power, each lane that of its piece. */
static inline vf gelu_pick(unsigned power, const aie::mask<16> &first, const aie::mask<16> &second)
{
    const vf far = aie::broadcast<float, 16>(gelu_poly[2][power]);
    const vf mid = aie::broadcast<float, 16>(gelu_poly[1][power]);
    const vf near = aie::broadcast<float, 16>(gelu_poly[0][power]);
    return aie::select(aie::select(far, mid, second), near, first);
}

static inline vf gelu16(const vf &x)
{
    const vf zero = aie::zeros<float, 16>(), five = aie::broadcast<float, 16>(5.0f);
    const vf a = aie::min(aie::abs(x), five);
    const aie::mask<16> first = aie::lt(a, aie::broadcast<float, 16>(1.0f));
    const aie::mask<16> second = aie::lt(a, aie::broadcast<float, 16>(3.0f));
    /* u = 2 a - 1, a - 2, a - 4: additions only, exact but for one rounding */
    const vf d1 = aie::sub(a, aie::broadcast<float, 16>(0.5f));
    const vf d2 = aie::sub(a, aie::broadcast<float, 16>(2.0f));
    const vf d3 = aie::sub(a, aie::broadcast<float, 16>(4.0f));
    const vf d = aie::select(aie::select(d3, d2, second), aie::add(d1, d1), first);
    const vh u = half(d);
    vf p = gelu_pick(4, first, second);
    for (int power = 3; power >= 0; power--) {
        const aie::accum<accfloat, 16> c(gelu_pick((unsigned)power, first, second));
        p = aie::mac(c, half(p), u).template to_vector<float>();
    }
    /* beyond 5 nothing is left of q */
    p = aie::select(zero, p, aie::lt(a, five));
    return aie::add(aie::max(x, zero), p);
}

#endif
