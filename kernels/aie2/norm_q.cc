/* Residual add, LayerNorm and quantisation of one row in one pass over the core's memory: the row
 * stays there from the statistics to the bytes.  Gain and bias are folded into the weights that
 * read the result.  Sums, divisions and roundings in the order of kernels/ref/rows.c. */
#include "scalar.hpp"

#ifndef DIM_ROW
#define DIM_ROW 512
#endif

static const float eps = 1e-5f, tiny = 1e-30f;

/* x = a + b in place of `out`, its mean. */
static inline float add_rows(const float *a, const float *b, float *out, unsigned n)
{
    vf s = aie::zeros<float, 16>();
    for (unsigned i = 0; i < n; i += 16) {
        vf x = aie::load_v<16>(a + i);
        if (b) {
            x = aie::add(x, aie::load_v<16>(b + i));
        }
        aie::store_v(out + i, x);
        s = aie::add(s, x);
    }
    return sum16(s) / (float)n;
}

/* 1 / deviation around the mean. */
static inline float inverse_deviation(const float *x, float mean, unsigned n)
{
    const vf m = aie::broadcast<float, 16>(mean);
    vf s = aie::zeros<float, 16>();
    for (unsigned i = 0; i < n; i += 16) {
        const vf d = aie::sub(aie::load_v<16>(x + i), m);
        s = aie::mac(aie::accum<accfloat, 16>(s), d, d).template to_vector<float>();
    }
    return 1.0f / root(sum16(s) / (float)n + eps);
}

extern "C" {

/* in: f32 row to add (read if two), then the residual row.  out: f32 row that goes on as the
 * residual (also the work area), n bytes, {float scale, int32 sum}, bytes up to the next k-tile:
 * the row of A that mm_i8 reads, figures included. */
void norm_q(const float *__restrict in, int8_t *__restrict out, int32_t two)
{
    constexpr unsigned n = DIM_ROW;
    static_assert(n % 16 == 0, "whole vectors");
    event0();
    set_modes();
    float *sum = (float *)out;
    int8_t *q = out + 4 * n;
    const vf m = aie::broadcast<float, 16>(add_rows(in + n, two ? in : nullptr, sum, n));
    const vf r = aie::broadcast<float, 16>(inverse_deviation(sum, m[0], n));
    vf most = aie::zeros<float, 16>();
    for (unsigned i = 0; i < n; i += 16) {
        most = aie::max(most, aie::abs(mulf(aie::sub(aie::load_v<16>(sum + i), m), r)));
    }
    const float amax = aie::reduce_max(most);
    const vf f = aie::broadcast<float, 16>(amax > tiny ? 127.0f / amax : 0.0f);
    const vf top = aie::broadcast<float, 16>(127.0f), low = aie::broadcast<float, 16>(-127.0f);
    vi total = aie::zeros<int32, 16>();
    for (unsigned i = 0; i < n; i += 16) {
        const vf y = mulf(aie::sub(aie::load_v<16>(sum + i), m), r);
        const vi v = aie::to_fixed<int32>(aie::max(aie::min(mulf(y, f), top), low));
        total = aie::add(total, v);
        aie::store_v(q + i, aie::accum<acc32, 16>(v).template to_vector<int8>(0));
    }
    const float scale = amax > tiny ? amax * (1.0f / 127.0f) : 0.0f;
    const int32_t all = aie::reduce_add(total);
    memcpy(q + n, &scale, 4);
    memcpy(q + n + 4, &all, 4);
    event1();
}
}
