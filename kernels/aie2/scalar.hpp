/* Scalar f32 that a core does in software, a few times a row: a correctly rounded square root
 * (there is no libm on the device) and the sum of 16 lanes in the order of kernels/ref. */
#ifndef AIE2_SCALAR_HPP
#define AIE2_SCALAR_HPP

#include <string.h>

#include "tile.hpp"

/* Root of a positive normal number, to nearest: 24 bits one by one and the remainder for the last.
 * No tie can occur: a root with 25 bits would need a square with more than 24. */
static inline float root(float x)
{
    uint32_t u, m, q = 0, bit;
    memcpy(&u, &x, 4);
    int32_t e = (int32_t)(u >> 23) - 127;
    m = (u & 0x7FFFFF) | 0x800000;
    if (e & 1) {
        m <<= 1;
        e--;
    }
    /* root of m * 2^23 (m in 2^23 .. 2^25) has 24 bits; one more decides the rounding */
    uint64_t rest = (uint64_t)m << 25, sum = 0;
    for (int i = 24; i >= 0; i--) {
        bit = 1u << i;
        const uint64_t t = (sum + bit) << i; /* (q + bit)^2 - q^2, sum being 2 q */
        if (t <= rest) {
            rest -= t;
            sum += 2 * (uint64_t)bit;
            q += bit;
        }
    }
    q = (q >> 1) + (q & 1);
    u = (uint32_t)(e / 2 + 127) << 23;
    u += q - 0x800000; /* a carry goes into the exponent, as it has to */
    memcpy(&x, &u, 4);
    return x;
}

/* 8 + 8, 4 + 4, 2 + 2, 1 + 1. */
static inline float sum16(vf v)
{
    v = aie::add(v, aie::shuffle_down(v, 8));
    v = aie::add(v, aie::shuffle_down(v, 4));
    v = aie::add(v, aie::shuffle_down(v, 2));
    v = aie::add(v, aie::shuffle_down(v, 1));
    return v[0];
}

#endif
