/* The part of AMD's aie_api that our kernels use, in plain C++, so that the same sources compile
 * with the host's compiler and can be compared with kernels/ref.  Written from the public
 * documentation of the interface; nothing of the original is in it.  Never built for a device.
 *
 * What it models, and what it only assumes:
 *   integers      exact: products and sums in 32 bits (wrapping), shift-round-saturate by the
 * modes; bf16          conversion by the rounding mode; products exact; a block of products is
 * aligned to the largest exponent, 24 bits wide, cut, added, rounded once to f32 (assumed); f32
 * add, subtract: IEEE.  Multiply: the cores have no f32 multiplier, so a product is made of bf16
 * products.  emu::f32 picks IEEE (what the algorithm means) or the three limbs of the device (what
 * rounding costs); tests run both. Rounding starts as floor and saturation as none, as the hardware
 * does: a kernel that forgets to set them fails its test. */
#ifndef AIE_EMUL_HPP
#define AIE_EMUL_HPP

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#define AIE_EMULATED 1
#define AIE_PREPARE_FOR_PIPELINING
#define AIE_LOOP_MIN_ITERATION_COUNT(n)
#define AIE_LOOP_UNROLL(n)

typedef int8_t int8;
typedef int16_t int16;
typedef int32_t int32;

struct acc32;
struct accfloat;

static inline void event0() {}
static inline void event1() {}

namespace aie
{

enum class rounding_mode { floor, ceil, conv_even };
enum class saturation_mode { none, saturate };

} // namespace aie

namespace emu
{

enum class mul { ieee, limbs };

struct state {
    aie::rounding_mode round = aie::rounding_mode::floor;
    aie::saturation_mode sat = aie::saturation_mode::none;
    mul f32 = mul::ieee;
};

inline state &now()
{
    static thread_local state s;
    return s;
}

inline uint32_t bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

inline float real(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

/* The upper half of a float; NaN stays NaN. */
inline uint16_t narrow(float f, aie::rounding_mode m)
{
    uint32_t u = bits(f);
    if (isnan(f)) {
        return (uint16_t)(u >> 16 | 0x40);
    }
    const bool neg = u >> 31, rest = u & 0xFFFF;
    if (m == aie::rounding_mode::conv_even) {
        u += 0x7FFF + (u >> 16 & 1);
    } else if (rest && (m == aie::rounding_mode::floor) == neg) {
        u += 0x10000; /* away from zero: down for negative values, up for positive ones */
    }
    return (uint16_t)(u >> 16);
}

} // namespace emu

struct bfloat16 {
    uint16_t raw;
    bfloat16() = default;
    bfloat16(float f) : raw(emu::narrow(f, emu::now().round)) {}
    operator float() const { return emu::real((uint32_t)raw << 16); }
};

namespace emu
{

/* Product of two f32 as the cores make it: three bf16 limbs each, six partial products, smallest
 * first, added in f32. */
inline float mul_limbs(float a, float b)
{
    float x[3], y[3];
    if (!isfinite(a) || !isfinite(b)) {
        return a * b;
    }
    for (int i = 0; i < 3; i++) {
        x[i] = real((uint32_t)narrow(a, aie::rounding_mode::conv_even) << 16);
        y[i] = real((uint32_t)narrow(b, aie::rounding_mode::conv_even) << 16);
        a -= x[i];
        b -= y[i];
    }
    float s = x[0] * y[2];
    s = fmaf(x[1], y[1], s);
    s = fmaf(x[2], y[0], s);
    s = fmaf(x[0], y[1], s);
    s = fmaf(x[1], y[0], s);
    return fmaf(x[0], y[0], s);
}

/* x + sign y; integers wrap. */
template <typename T> T sum(T x, T y, int sign)
{
    if constexpr (std::is_integral<T>::value) {
        return (T)((uint32_t)x + (uint32_t)sign * (uint32_t)y);
    } else {
        return sign > 0 ? T(x + y) : T(x - y);
    }
}

inline float mul2(float a, float b)
{
    return now().f32 == mul::ieee ? a * b : mul_limbs(a, b);
}

inline float mac2(float c, float a, float b)
{
    return now().f32 == mul::ieee ? fmaf(a, b, c) : c + mul_limbs(a, b);
}

/* Shift, round, saturate: an accumulator to `size` bits. */
inline int64_t srs(int64_t v, int shift, int size)
{
    const state &s = now();
    if (shift > 0) {
        const int64_t low = v & ((INT64_C(1) << shift) - 1), half = INT64_C(1) << (shift - 1);
        v >>= shift;
        if (s.round == aie::rounding_mode::ceil) {
            v += low != 0;
        } else if (s.round == aie::rounding_mode::conv_even) {
            v += low > half || (low == half && (v & 1));
        }
    }
    const int64_t hi = (INT64_C(1) << (size - 1)) - 1;
    if (s.sat == aie::saturation_mode::saturate) {
        return v > hi ? hi : v < -hi - 1 ? -hi - 1 : v;
    }
    const uint64_t mask = (UINT64_C(1) << size) - 1;
    const uint64_t u = (uint64_t)v & mask;
    return u > (uint64_t)hi ? (int64_t)(u | ~mask) : (int64_t)u;
}

/* c + sum of n exact products: all terms on one grid, 24 bits below the largest. */
inline float dot_bf16(float c, const float *a, const float *b, int n)
{
    double term[33];
    int top = -1000, e;
    term[n] = c;
    for (int i = 0; i <= n; i++) {
        if (i < n) {
            term[i] = (double)a[i] * (double)b[i];
        }
        if (term[i] != 0) {
            (void)frexp(term[i], &e);
            top = e > top ? e : top;
        }
    }
    if (top == -1000) {
        return 0;
    }
    double sum = 0;
    for (int i = 0; i <= n; i++) {
        sum += trunc(ldexp(term[i], 24 - top));
    }
    return (float)ldexp(sum, top - 24);
}

} // namespace emu

namespace aie
{

inline void set_rounding(rounding_mode m)
{
    emu::now().round = m;
}
inline void set_saturation(saturation_mode m)
{
    emu::now().sat = m;
}

/* -- vectors
 * ----------------------------------------------------------------------------------------- */

template <typename T, unsigned N> struct vector {
    static_assert(sizeof(T) * N * 8 >= 128 && sizeof(T) * N * 8 <= 2048, "128 to 2048 bits");
    alignas(sizeof(T) * N) T v[N];

    static constexpr unsigned size() { return N; }
    T operator[](unsigned i) const { return v[i]; }
    T get(unsigned i) const { return v[i]; }
    void set(T x, unsigned i) { v[i] = x; }
    template <unsigned M> vector<T, M> extract(unsigned i) const
    {
        vector<T, M> r;
        memcpy(r.v, v + i * M, sizeof r.v);
        return r;
    }
    template <unsigned M> vector &insert(unsigned i, const vector<T, M> &x)
    {
        memcpy(v + i * M, x.v, sizeof x.v);
        return *this;
    }
    template <typename U> vector<U, N * sizeof(T) / sizeof(U)> cast_to() const
    {
        vector<U, N * sizeof(T) / sizeof(U)> r;
        memcpy(r.v, v, sizeof r.v);
        return r;
    }
};

template <unsigned N> struct mask {
    bool m[N];
    bool test(unsigned i) const { return m[i]; }
    static mask from_uint32(uint32_t u)
    {
        mask r;
        for (unsigned i = 0; i < N; i++) {
            r.m[i] = u >> i & 1;
        }
        return r;
    }
};

template <unsigned N, typename T> vector<std::remove_cv_t<T>, N> load_v(const T *p)
{
    vector<std::remove_cv_t<T>, N> r;
    assert((uintptr_t)p % (sizeof(T) * N < 32 ? sizeof(T) * N : 32) ==
           0); /* as the cores want it */
    memcpy((void *)r.v, p, sizeof r.v);
    return r;
}

template <typename T, unsigned N> void store_v(T *p, const vector<T, N> &x)
{
    assert((uintptr_t)p % (sizeof(T) * N < 32 ? sizeof(T) * N : 32) == 0);
    memcpy((void *)p, x.v, sizeof x.v);
}

template <typename T, unsigned N> vector<T, N> broadcast(T x)
{
    vector<T, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = x;
    }
    return r;
}

template <typename T, unsigned N> vector<T, N> zeros()
{
    return broadcast<T, N>(T(0));
}

template <typename T, unsigned N>
vector<T, 2 * N> concat(const vector<T, N> &a, const vector<T, N> &b)
{
    vector<T, 2 * N> r;
    r.insert(0, a);
    r.insert(1, b);
    return r;
}

#define EMU_EACH(name, expr)                                                                       \
    template <typename T, unsigned N>                                                              \
    vector<T, N> name(const vector<T, N> &a, const vector<T, N> &b)                                \
    {                                                                                              \
        vector<T, N> r;                                                                            \
        for (unsigned i = 0; i < N; i++) {                                                         \
            const T x = a.v[i], y = b.v[i];                                                        \
            r.v[i] = expr;                                                                         \
        }                                                                                          \
        return r;                                                                                  \
    }
EMU_EACH(add, emu::sum(x, y, 1))
EMU_EACH(sub, emu::sum(x, y, -1))
EMU_EACH(max, x > y ? x : y)
EMU_EACH(min, x < y ? x : y)
#undef EMU_EACH

template <typename T, unsigned N> vector<T, N> abs(const vector<T, N> &a)
{
    vector<T, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = a.v[i] < 0 ? T(-a.v[i]) : T(a.v[i]);
    }
    return r;
}

template <typename T, unsigned N> mask<N> lt(const vector<T, N> &a, const vector<T, N> &b)
{
    mask<N> r;
    for (unsigned i = 0; i < N; i++) {
        r.m[i] = a.v[i] < b.v[i];
    }
    return r;
}

/* a where the mask is 0, b where it is 1. */
template <typename T, unsigned N>
vector<T, N> select(const vector<T, N> &a, const vector<T, N> &b, const mask<N> &m)
{
    vector<T, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = m.m[i] ? b.v[i] : a.v[i];
    }
    return r;
}

/* Lane i takes lane i + n; what comes in at the top repeats the end (unspecified on the device). */
template <typename T, unsigned N> vector<T, N> shuffle_down(const vector<T, N> &a, unsigned n)
{
    vector<T, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = a.v[i + n < N ? i + n : N - 1];
    }
    return r;
}

template <typename T, unsigned N> T reduce_max(const vector<T, N> &a)
{
    T m = a.v[0];
    for (unsigned i = 1; i < N; i++) {
        m = a.v[i] > m ? a.v[i] : m;
    }
    return m;
}

/* Integers only: the order of a float sum would matter. */
template <typename T, unsigned N> T reduce_add(const vector<T, N> &a)
{
    static_assert(std::is_integral<T>::value, "sum floats in an order of our own");
    T s = 0;
    for (unsigned i = 0; i < N; i++) {
        s = T(s + a.v[i]);
    }
    return s;
}

template <unsigned N> vector<int32, N> upshift(const vector<int32, N> &a, unsigned n)
{
    vector<int32, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = (int32)((uint32_t)a.v[i] << n);
    }
    return r;
}

template <unsigned N> vector<float, N> to_float(const vector<int32, N> &a)
{
    vector<float, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = (float)a.v[i]; /* to nearest even */
    }
    return r;
}

template <typename T, unsigned N> vector<T, N> to_fixed(const vector<float, N> &a, int shift = 0)
{
    vector<T, N> r;
    for (unsigned i = 0; i < N; i++) {
        double x = ldexp((double)a.v[i], shift);
        x = emu::now().round == rounding_mode::conv_even ? nearbyint(x)
            : emu::now().round == rounding_mode::ceil    ? ceil(x)
                                                         : floor(x);
        const double hi = ldexp(1, 8 * sizeof(T) - 1);
        r.v[i] = (T)(x >= hi ? hi - 1 : x < -hi ? -hi : x);
    }
    return r;
}

/* -- accumulators
 * ------------------------------------------------------------------------------------ */

template <typename Tag, unsigned N> struct accum {
    using store = std::conditional_t<std::is_same<Tag, accfloat>::value, float, int32_t>;
    store v[N];

    accum() = default;
    template <typename T> explicit accum(const vector<T, N> &x) { from_vector(x); }
    template <typename T> void from_vector(const vector<T, N> &x, int shift = 0)
    {
        for (unsigned i = 0; i < N; i++) {
            if constexpr (std::is_same<Tag, accfloat>::value) {
                v[i] = (float)x.v[i];
            } else {
                v[i] = (int32_t)((uint32_t)(int32_t)x.v[i] << shift);
            }
        }
    }
    template <typename T> vector<T, N> to_vector(int shift = 0) const
    {
        vector<T, N> r;
        for (unsigned i = 0; i < N; i++) {
            if constexpr (std::is_same<Tag, accfloat>::value) {
                r.v[i] = T(v[i]); /* to bf16 by the rounding mode */
            } else {
                r.v[i] = (T)emu::srs(v[i], shift, 8 * sizeof(T));
            }
        }
        return r;
    }
};

template <unsigned N> accum<accfloat, N> mul(const vector<float, N> &a, const vector<float, N> &b)
{
    accum<accfloat, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = emu::mul2(a.v[i], b.v[i]);
    }
    return r;
}

template <unsigned N>
accum<accfloat, N> mac(accum<accfloat, N> c, const vector<float, N> &a, const vector<float, N> &b)
{
    for (unsigned i = 0; i < N; i++) {
        c.v[i] = emu::mac2(c.v[i], a.v[i], b.v[i]);
    }
    return c;
}

template <unsigned N>
accum<accfloat, N> mul(const vector<bfloat16, N> &a, const vector<bfloat16, N> &b)
{
    accum<accfloat, N> r;
    for (unsigned i = 0; i < N; i++) {
        r.v[i] = (float)a.v[i] * (float)b.v[i]; /* exact */
    }
    return r;
}

template <unsigned N>
accum<accfloat, N> mac(accum<accfloat, N> c, const vector<bfloat16, N> &a,
                       const vector<bfloat16, N> &b)
{
    for (unsigned i = 0; i < N; i++) {
        c.v[i] = fmaf(a.v[i], b.v[i], c.v[i]);
    }
    return c;
}

template <unsigned N> accum<accfloat, N> add(accum<accfloat, N> c, const vector<float, N> &a)
{
    for (unsigned i = 0; i < N; i++) {
        c.v[i] += a.v[i];
    }
    return c;
}

/* -- block products
 * ---------------------------------------------------------------------------------- */

template <unsigned M, unsigned K, unsigned N, typename TA, typename TB, typename Tag> struct mmul {
    static constexpr unsigned size_A = M * K, size_B = K * N, size_C = M * N;
    accum<Tag, size_C> c;

    mmul() = default;
    template <typename T> explicit mmul(const vector<T, size_C> &x) : c(x) {}
    void mac(const vector<TA, size_A> &a, const vector<TB, size_B> &b)
    {
        for (unsigned i = 0; i < M; i++) {
            for (unsigned j = 0; j < N; j++) {
                step(i, j, a, b);
            }
        }
    }
    template <typename T> vector<T, size_C> to_vector(int shift = 0) const
    {
        return c.template to_vector<T>(shift);
    }

  private:
    void step(unsigned i, unsigned j, const vector<TA, size_A> &a, const vector<TB, size_B> &b)
    {
        if constexpr (std::is_same<Tag, accfloat>::value) {
            float x[K], y[K];
            for (unsigned t = 0; t < K; t++) {
                x[t] = a.v[i * K + t];
                y[t] = b.v[t * N + j];
            }
            c.v[i * N + j] = emu::dot_bf16(c.v[i * N + j], x, y, K);
        } else {
            uint32_t s = (uint32_t)c.v[i * N + j]; /* wraps, as the accumulator does */
            for (unsigned t = 0; t < K; t++) {
                s += (uint32_t)((int32_t)a.v[i * K + t] * (int32_t)b.v[t * N + j]);
            }
            c.v[i * N + j] = (int32_t)s;
        }
    }
};

} // namespace aie

#endif
