#!/usr/bin/env python3
"""Writes the manifest of a folder of device programs (manifest.h has the format).

  manifest.py DEVICE COLUMNS TOOLS SOURCES_DIR OUT_DIR

OUT_DIR/index.tsv holds what was built: program NAME FILE, or shape NAME FILE ARGUMENTS.
"""
import os
import sys

SEED = 0x9E3779B97F4A7C15
KNOWN = (256, 128, 512)


def fnv(data, h=0xCBF29CE484222325):
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def fill(count, s):
    out = []
    for _ in range(count):
        s ^= s << 13 & 0xFFFFFFFFFFFFFFFF
        s ^= s >> 7
        s ^= s << 17 & 0xFFFFFFFFFFFFFFFF
        out.append((s >> 32) % 255 - 127)
    return out, s


def known(m, k, n):
    """The product in plain Python: a third implementation beside the kernel and kernels/ref."""
    a, s = fill(m * k, SEED)
    b, s = fill(k * n, s)
    cols = [b[j::n] for j in range(n)]
    h = 0xCBF29CE484222325
    for i in range(m):
        row = a[i * k:(i + 1) * k]
        line = b"".join(sum(x * y for x, y in zip(row, c)).to_bytes(4, "little", signed=True)
                        for c in cols)
        h = fnv(line, h)
    return h


def main():
    if sys.argv[1:] == ["known"]:
        print("%016x" % known(*KNOWN))
        return
    device, columns, tools, src, out = sys.argv[1:]
    h = 0xCBF29CE484222325
    for base, dirs, files in sorted(os.walk(src)):
        for name in sorted(files):
            if name.endswith((".cc", ".hpp", ".py", ".tsv", ".txt")) and "emul" not in base:
                with open(os.path.join(base, name), "rb") as f:
                    h = fnv(f.read(), h)
    lines = ["dictate-aie2\t1", "device\t%s\t%s" % (device, columns), "tools\t" + tools,
             "sources\t%016x" % h]
    with open(os.path.join(out, "index.tsv"), encoding="ascii") as f:
        index = [line.rstrip("\n").split("\t") for line in f]
    for kind in ("program", "shape"):
        for row in index:
            if row[0] == kind:
                with open(os.path.join(out, row[2]), "rb") as f:
                    data = f.read()
                lines.append("\t".join([kind, row[1], row[2], "%016x" % fnv(data),
                                        str(len(data))] + row[3:]))
    if any(row[:2] == ["program", "gemm-i8-i32"] for row in index):
        lines.append("known\tgemm-i8-i32\t%d\t%d\t%d\t%016x\t%016x" % (*KNOWN, SEED, known(*KNOWN)))
    with open(os.path.join(out, "manifest"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
