/* Softmax of one row of bf16 scores to bf16 probabilities.  Maximum, exp, one f32 sum, then a
 * reciprocal in two bf16 pieces.  Places from `real` on come out as 0 whatever they hold: the mask
 * is applied here and not as -infinity before (aie2.md 5.4). */
#include "scalar.hpp"

#ifndef DIM_KEYS
#define DIM_KEYS 1536
#endif

/* 2^x for x <= 0: n = round(x), a cubic in f = x - n with bf16 factors, n added to the exponent.
 * The cubic is 1 + f (c1 + f (c2 + f c3)), |f| <= .5, exact to 2.2e-4: below what bf16 can hold. */
static inline vf exp2_16(vf x)
{
    const vf round = aie::broadcast<float, 16>(12582912.0f); /* 1.5 * 2^23 */
    x = aie::max(x, aie::broadcast<float, 16>(-126.0f));
    const vf t = aie::add(x, round);
    const vh f = half(aie::sub(x, aie::sub(t, round)));
    const aie::accum<accfloat, 16> c1(aie::broadcast<float, 16>(0.693126256f));
    const aie::accum<accfloat, 16> c2(aie::broadcast<float, 16>(0.242035814f));
    const aie::accum<accfloat, 16> one(aie::broadcast<float, 16>(1.0f));
    vh p = half(aie::broadcast<float, 16>(0.0559221023f));
    p = aie::mac(c2, p, f).template to_vector<bfloat16>();
    p = aie::mac(c1, p, f).template to_vector<bfloat16>();
    const vf y = aie::mac(one, p, f).template to_vector<float>();
    const vi n = aie::upshift(t.template cast_to<int32>(), 23);
    return aie::add(y.template cast_to<int32>(), n).template cast_to<float>();
}

/* Lanes of the vector at i that are before `real`. */
static inline aie::mask<16> before(unsigned i, unsigned real)
{
    return aie::mask<16>::from_uint32(i + 16 <= real ? 0xFFFF
                                      : i >= real    ? 0
                                                     : (1u << (real - i)) - 1);
}

extern "C" {

/* scale: what the scores are multiplied by, log2(e) included. */
void softmax(const bfloat16 *__restrict in, bfloat16 *__restrict out, int32_t real, float scale)
{
    constexpr unsigned n = DIM_KEYS;
    static_assert(n % 16 == 0, "whole vectors");
    const vh lowest = half(aie::broadcast<float, 16>(-3.0e38f));
    const vf zero = aie::zeros<float, 16>();
    event0();
    set_modes();
    vh most = lowest;
    for (unsigned i = 0; i < n; i += 16) {
        most =
            aie::max(most, aie::select(lowest, aie::load_v<16>(in + i), before(i, (unsigned)real)));
    }
    const vf top = aie::broadcast<float, 16>((float)aie::reduce_max(most));
    const vh one = half(aie::broadcast<float, 16>(1.0f)),
             less = half(aie::broadcast<float, 16>(-1.0f));
    const vf by = aie::broadcast<float, 16>(scale);
    vf sum = zero;
    for (unsigned i = 0; i < n; i += 16) {
        /* score - maximum in f32: bf16 products with 1 are exact */
        const vf x = aie::mul(aie::load_v<16>(in + i), one).template to_vector<float>();
        const vf e =
            aie::select(zero, exp2_16(mulf(aie::sub(x, top), by)), before(i, (unsigned)real));
        const vh h = half(e);
        aie::store_v(out + i, h);
        /* what was stored is what is summed: rounding cancels in the quotient */
        sum = aie::mac(aie::accum<accfloat, 16>(sum), h, one).template to_vector<float>();
    }
    const float inv = 1.0f / sum16(sum);
    const vf whole = aie::broadcast<float, 16>(inv);
    const vh hi = half(whole);
    const vh lo =
        half(aie::mac(aie::accum<accfloat, 16>(whole), hi, less).template to_vector<float>());
    for (unsigned i = 0; i < n; i += 16) {
        const vh h = aie::load_v<16>(out + i);
        aie::store_v(out + i, aie::mac(aie::mul(h, hi), h, lo).template to_vector<bfloat16>());
    }
    event1();
}
}
