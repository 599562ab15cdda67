/* Limits of plain C: what the compiler makes of the same loops.  Any thread. */
#include "kernels/ref/limits.h"

uint64_t ref_peak_i8(uint64_t n)
{
    volatile int32_t seed = 3;
    const int32_t a = seed, w = seed + 1;
    int32_t s[8] = {0};
    for (uint64_t i = 0; i < n; i++) {
        for (int c = 0; c < 8; c++) {
            s[c] += (a ^ (int32_t)i) * w;
        }
    }
    volatile int32_t sink = 0;
    for (int c = 0; c < 8; c++) {
        sink = sink + s[c];
    }
    return n * 8 * 2;
}

uint64_t ref_peak_f32(uint64_t n)
{
    volatile float seed = 0.5f;
    const float a = seed;
    float s[8] = {0};
    for (uint64_t i = 0; i < n; i++) {
        for (int c = 0; c < 8; c++) {
            s[c] = s[c] * a + a;
        }
    }
    volatile float sink = 0;
    for (int c = 0; c < 8; c++) {
        sink = sink + s[c];
    }
    return n * 8 * 2;
}

void ref_read(const void *p, size_t n)
{
    const uint64_t *q = p;
    uint64_t s = 0;
    for (size_t i = 0; i < n / 8; i++) {
        s += q[i];
    }
    volatile uint64_t sink = s;
    (void)sink;
}
