#!/usr/bin/env python3
"""Prints gelu_poly.hpp: GELU(x) = max(x, 0) + q(|x|), q(a) = -a Phi(-a), as three quartics.

Each piece is mapped to u in [-1, 1] by a power of two, so that u costs an addition and no
multiplication, and its coefficients are fitted (least maximum error, by exchange) and then rounded
to bf16 one after another, the rest being fitted again around what is already rounded.
"""
import math
import struct

PIECES = [(0.0, 1.0), (1.0, 3.0), (3.0, 5.0)]
POINTS = 801


def q(a):
    return -a * 0.5 * math.erfc(a / math.sqrt(2.0))


def bf16(x):
    u = struct.unpack("<I", struct.pack("<f", x))[0]
    u += 0x7FFF + (u >> 16 & 1)
    return struct.unpack("<f", struct.pack("<I", u & 0xFFFF0000))[0]


def solve(rows, right):
    n = len(rows)
    m = [r[:] + [b] for r, b in zip(rows, right)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[p] = m[p], m[i]
        for r in range(n):
            if r != i:
                f = m[r][i] / m[i][i]
                m[r] = [x - f * y for x, y in zip(m[r], m[i])]
    return [m[i][n] / m[i][i] for i in range(n)]


def minimax(f, powers):
    """Coefficients of u^p for p in powers with the least maximum error on [-1, 1]."""
    n = len(powers) + 1
    at = [-math.cos(math.pi * i / (n - 1)) for i in range(n)]
    grid = [-1 + 2 * i / (POINTS - 1) for i in range(POINTS)]
    for _ in range(30):
        rows = [[x ** p for p in powers] + [(-1) ** i] for i, x in enumerate(at)]
        c = solve(rows, [f(x) for x in at])[:-1]
        err = [f(x) - sum(k * x ** p for k, p in zip(c, powers)) for x in grid]
        # one extremum in each stretch of equal sign
        new, start = [], 0
        for i in range(1, POINTS + 1):
            if i == POINTS or (err[i] >= 0) != (err[start] >= 0):
                new.append(grid[max(range(start, i), key=lambda k: abs(err[k]))])
                start = i
        if len(new) < n:
            break
        while len(new) > n:
            ends = [abs(err[grid.index(new[0])]), abs(err[grid.index(new[-1])])]
            new.pop(0 if ends[0] < ends[1] else -1)
        at = new
    return c


def fit(lo, hi):
    mid, half = (lo + hi) / 2, (hi - lo) / 2
    fixed = {}
    for p in (4, 3, 2, 1, 0):
        free = [k for k in range(p + 1)]

        def rest(u):
            return q(mid + half * u) - sum(c * u ** k for k, c in fixed.items())

        fixed[p] = bf16(minimax(rest, free)[p])
    err = 0
    for i in range(POINTS):
        u = -1 + 2 * i / (POINTS - 1)
        err = max(err, abs(q(mid + half * u) - sum(c * u ** k for k, c in fixed.items())))
    return fixed, err


def main():
    out = [fit(lo, hi) for lo, hi in PIECES]
    print("/* Made by gelu_fit.py.  q(a) = GELU(a) - a for a >= 0, three quartics in u of [-1, 1]:")
    for (lo, hi), (_, err) in zip(PIECES, out):
        print(" *   a in %g..%g: u = (a - %g)%s, largest error %.1e with these bf16 coefficients"
              % (lo, hi, (lo + hi) / 2, " 2" if hi - lo == 1 else "", err))
    print(" * and 0 beyond 5, where |q| is below 1.5e-6.  [piece][power]. */")
    print("#ifndef AIE2_GELU_POLY_HPP\n#define AIE2_GELU_POLY_HPP\n")
    print("static const float gelu_poly[3][5] = {")
    for fixed, _ in out:
        print("    {" + ", ".join("%.9gf" % fixed[p] if "." in "%.9g" % fixed[p] or "e" in
                                  "%.9g" % fixed[p] else "%.9g.0f" % fixed[p] for p in range(5))
              + "},")
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
