/* See hash.h.  Four sums run side by side, so that the multiplications overlap. */
#include "app/base/hash.h"

#include <endian.h>
#include <string.h>

static const uint64_t P1 = 0x9e3779b185ebca87, P2 = 0xc2b2ae3d27d4eb4f, P3 = 0x165667b19e3779f9,
                      P4 = 0x85ebca77c2b2ae63, P5 = 0x27d4eb2f165667c5;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t word64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

static uint32_t word32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

static uint64_t mix(uint64_t sum, uint64_t word) { return rotate(sum + word * P2, 31) * P1; }

/* What is left after the blocks of 32 bytes, and the final stirring. */
static uint64_t finish(uint64_t h, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        h = rotate(h ^ mix(0, word64(p)), 27) * P1 + P4;
    }
    if (n >= 4) {
        h = rotate(h ^ word32(p) * P1, 23) * P2 + P3;
        n -= 4;
        p += 4;
    }
    for (; n > 0; n--, p++) {
        h = rotate(h ^ *p * P5, 11) * P1;
    }
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

uint64_t hash64(const void *data, size_t n, uint64_t seed)
{
    const uint8_t *p = data;
    const size_t all = n;
    uint64_t h = seed + P5;
    if (n >= 32) {
        uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
        for (; n >= 32; n -= 32, p += 32) {
            a = mix(a, word64(p));
            b = mix(b, word64(p + 8));
            c = mix(c, word64(p + 16));
            d = mix(d, word64(p + 24));
        }
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        const uint64_t sum[4] = {a, b, c, d};
        for (int i = 0; i < 4; i++) {
            h = (h ^ mix(0, sum[i])) * P1 + P4;
        }
    }
    return finish(h + all, p, n);
}
