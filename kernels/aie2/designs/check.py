#!/usr/bin/env python3
"""Runs the designs without the toolchain: a stand-in for IRON counts what each tile is asked for
and follows every transfer, and the array's limits (npu/plan/array.c has the same) are checked.

What it proves: channels, buffers, descriptors and their ranges; that the transfers of A, B and C
cover each operand as often as the cores expect and C exactly once; that the overlay does not depend
on the shape.  What it cannot prove: that the real IRON accepts the source.
"""
import os
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# -- stand-ins -----------------------------------------------------------------------------------

SIZE = {"int8": 1, "bfloat16": 2, "int32": 4, "float32": 4}


class Type:
    """np.ndarray[(n,), np.dtype[t]]"""

    def __init__(self, key):
        self.count, self.each = 1, SIZE[key[1]]
        for n in key[0]:
            self.count *= n
        self.bytes = self.count * self.each


class Sub:
    def __init__(self, f):
        self.f = f

    def __getitem__(self, key):
        return self.f(key)


class Log:
    """What the program under check has asked for."""

    def __init__(self):
        self.fifos, self.workers, self.moves, self.live, self.text = [], [], [], {}, []
        self.mem_in, self.mem_out, self.mem_bytes = {}, {}, {}
        self.most, self.most_dir, self.waits = 0, 0, []


LOG = Log()


def bump(d, tile, n=1):
    d[tile] = d.get(tile, 0) + n


class Tile:
    def __init__(self, col, row):
        self.col, self.row = col, row


class End:
    def __init__(self, fifo, side):
        self.fifo, self.side = fifo, side

    def forward(self, obj_type, name, placement, dims_to_stream=None):
        return self.split([0], [obj_type], [name], placement, [dims_to_stream])[0]

    def split(self, offsets, obj_types, names, placement, dims_to_stream=None):
        tile = (placement.col, placement.row)
        bump(LOG.mem_in, tile)
        bump(LOG.mem_out, tile, len(names))
        bump(LOG.mem_bytes, tile, self.fifo.depth * self.fifo.type.bytes)
        assert sum(t.bytes for t in obj_types) == self.fifo.type.bytes, "parts make the whole"
        for dims, t in zip(dims_to_stream or [], obj_types):
            n = 1
            for size, _ in dims or [(t.count, 1)]:
                n *= size
            assert n == t.count, "a block pattern covers the object once"
        return [ObjectFifo(t, name=n, depth=2) for t, n in zip(obj_types, names)]

    def join(self, offsets, obj_types, names, depths, placement):
        tile = (placement.col, placement.row)
        bump(LOG.mem_out, tile)
        bump(LOG.mem_in, tile, len(names))
        bump(LOG.mem_bytes, tile, self.fifo.depth * self.fifo.type.bytes)
        assert sum(t.bytes for t in obj_types) == self.fifo.type.bytes, "parts make the whole"
        n = 1
        for size, _ in self.fifo.dims or [(self.fifo.type.count, 1)]:
            n *= size
        assert n == self.fifo.type.count, "un-blocking covers the object once"
        return [ObjectFifo(t, name=m, depth=d) for t, m, d in zip(obj_types, names, depths)]


class ObjectFifo:
    def __init__(self, obj_type, name, depth=2, dims_to_stream=None):
        self.type, self.name, self.depth, self.dims = obj_type, name, depth, dims_to_stream
        assert name not in [f.name for f in LOG.fifos], "names are unique"
        LOG.fifos.append(self)
        LOG.text.append("fifo %s %d x %d %s" % (name, depth, obj_type.bytes, dims_to_stream))

    def cons(self):
        return End(self, "in")

    def prod(self):
        return End(self, "out")


class Buffer:
    def __init__(self, obj_type, name, initial_value=None, use_write_rtp=False):
        self.type, self.name = obj_type, name


class Kernel:
    def __init__(self, name, obj, arg_types):
        self.name, self.obj = name, obj
        LOG.text.append("kernel %s %s %d" % (name, obj, len(arg_types)))


class Worker:
    def __init__(self, fn, args, placement, stack_size):
        LOG.workers.append((placement.col, placement.row, args, stack_size))
        LOG.text.append("worker %d %d" % (placement.col, placement.row))


class Barrier:
    pass


class Tap:
    def __init__(self, dims, offset, sizes, strides):
        self.dims, self.offset, self.sizes, self.strides = dims, offset, sizes, strides

    def check(self, each):
        assert len(self.sizes) == 4 and len(self.strides) == 4
        assert self.sizes[0] <= 64, "repeats %d" % self.sizes[0]
        for n in self.sizes[1:3]:
            assert n <= 1023, "size %d" % n
        assert self.sizes[3] * each // 4 <= 1023, "run of %d bytes" % (self.sizes[3] * each)
        assert self.sizes[3] * each % 4 == 0 and self.offset * each % 4 == 0, "words of 4 bytes"
        for s in self.strides[:3]:
            assert s < 1 << 20, "stride %d" % s
            assert s * each % 4 == 0, "stride of %d bytes" % (s * each)

    def runs(self):
        a, b, c, d = self.sizes
        for i in range(a):
            for j in range(b):
                for k in range(c):
                    yield (self.offset + i * self.strides[0] + j * self.strides[1] +
                           k * self.strides[2], d)


class Runtime:
    def __init__(self):
        self.groups = 0

    def sequence(self, *args):
        rt = self

        class With:
            def __enter__(self):
                rt.args = [("arg", i, t) for i, t in enumerate(args)]
                return rt.args

            def __exit__(self, *_):
                return False

        return With()

    def start(self, *w):
        assert len(w) == len(LOG.workers)

    def inline_ops(self, fn, args):
        self.rtp = [0] * 4
        fn(*[self.rtp for _ in args])
        LOG.rtp = self.rtp

    def set_barrier(self, b, v):
        assert v == 1

    def task_group(self):
        self.groups += 1
        LOG.live[self.groups] = []
        return self.groups

    def move(self, end, arg, tap, group, placement, way):
        tap.check(end.fifo.type.each)
        last = 0
        for start, n in ((o, n) for o, n in tap.runs()):
            last = max(last, start + n)
        assert last <= arg[2].count, "%s reads %d of %d" % (end.fifo.name, last, arg[2].count)
        LOG.moves.append((end.fifo.name, arg[1], tap, way, end.fifo))
        LOG.live[group].append((placement.col, way))
        for col in range(8):
            used = [w for g in LOG.live.values() for c, w in g if c == col]
            LOG.most = max(LOG.most, len(used))
            LOG.most_dir = max(LOG.most_dir, used.count("in"), used.count("out"))

    def fill(self, end, arg, tap, task_group, placement):
        self.move(end, arg, tap, task_group, placement, "in")

    def drain(self, end, arg, tap, wait, task_group, placement):
        assert wait
        self.move(end, arg, tap, task_group, placement, "out")

    def finish_task_group(self, g):
        LOG.live.pop(g)


class Program:
    def __init__(self, dev, rt):
        self.dev = dev

    def resolve_program(self, placer):
        assert not LOG.live, "every group is waited for"
        return "\n".join(LOG.text)


def module(name, **names):
    m = types.ModuleType(name)
    m.__dict__.update(names)
    sys.modules[name] = m
    return m


def stand_in():
    dev = {"Tile": Tile, "NPU2": object}
    for n in (1, 2, 4):
        dev["NPU1Col%d" % n] = dev["NPU2Col%d" % n] = object
    module("numpy", ndarray=Sub(Type), dtype=Sub(lambda t: t), int8="int8", int32="int32",
           float32="float32", zeros=lambda n, dtype: [0] * n)
    module("ml_dtypes", bfloat16="bfloat16")
    module("aie")
    module("aie.helpers")
    module("aie.helpers.taplib", TensorAccessPattern=Tap)
    module("aie.iron", Buffer=Buffer, Kernel=Kernel, ObjectFifo=ObjectFifo, Program=Program,
           Runtime=Runtime, Worker=Worker, WorkerRuntimeBarrier=Barrier,
           device=module("aie.iron.device", **dev))
    module("aie.iron.controlflow", range_=range)
    module("aie.iron.placers", SequentialPlacer=object)


# -- what is checked -----------------------------------------------------------------------------


def limits(cols):
    """Channels, memories and descriptors of every tile."""
    for tile in LOG.mem_in:
        assert LOG.mem_in[tile] <= 6, "memory tile %s: %d in" % (tile, LOG.mem_in[tile])
        assert LOG.mem_out[tile] <= 6, "memory tile %s: %d out" % (tile, LOG.mem_out[tile])
        assert LOG.mem_bytes[tile] <= 524288
    for col, row, args, stack in LOG.workers:
        ends = [a for a in args if isinstance(a, End)]
        assert sum(e.side == "in" for e in ends) <= 2 and sum(e.side == "out" for e in ends) <= 2
        used = stack + sum(e.fifo.depth * e.fifo.type.bytes for e in ends)
        used += sum(a.type.bytes for a in args if isinstance(a, Buffer))
        assert used <= 65536, "core %d,%d: %d bytes" % (col, row, used)
    assert len(LOG.workers) == 4 * cols
    assert LOG.most <= 16, "%d descriptors live on a shim" % LOG.most
    assert LOG.most_dir <= 8, "%d in one direction" % LOG.most_dir
    ways = {}
    for name, _, _, way, _ in LOG.moves:
        ways.setdefault(way, set()).add(name)
    assert len(ways["in"]) <= 2 * cols and len(ways["out"]) <= 2 * cols


NEXT = bytes(range(1, 256)) + b"\xff"


def covered(arg, count):
    """How often each value of an argument is moved, as {times: values}."""
    times = bytearray(count)
    for _, a, tap, _, _ in LOG.moves:
        if a == arg:
            for start, n in tap.runs():
                times[start:start + n] = times[start:start + n].translate(NEXT)
    return times


def run(design, argv):
    """The overlay's text, after all checks of one design."""
    global LOG
    LOG = Log()
    a = design.parse(argv)
    text = design.build(a)
    limits(a.cols)
    return a, text


def check_gemm(design, argv):
    a, text = run(design, argv)
    strip = a.k if a.dtype == "i8" else 0
    blocks, rows = a.N // a.n // a.cols, a.M // a.m // 4
    want = (a.K + strip) * blocks
    times = covered(0, a.M * a.lda)
    for r in range(0, a.M, max(1, a.M // 16)):
        row = times[r * a.lda:(r + 1) * a.lda]
        assert all(t == blocks for t in row[:a.K + strip]), "A once for each column block"
        assert not any(row[a.K + strip:]), "nothing beside A"
    times = covered(1, a.N * (a.K // a.k + 1) * a.k)
    assert all(t == rows for t in times), "B once for each tile row"
    times = covered(2, a.M * a.ldc)
    for r in range(0, a.M, max(1, a.M // 16)):
        assert all(t == 1 for t in times[r * a.ldc:r * a.ldc + a.N]), "C exactly once"
        assert not any(times[r * a.ldc + a.N:(r + 1) * a.ldc]), "nothing beside C"
    # what a core gets is what it waits for
    per = {}
    for name, _, tap, _, fifo in LOG.moves:
        n = tap.sizes[0] * tap.sizes[1] * tap.sizes[2] * tap.sizes[3]
        per[name] = per.get(name, 0) + n / fifo.type.count
    tiles = LOG.rtp[0]
    for name, n in per.items():
        steps = LOG.rtp[1] + 1 if name[0] == "B" or (name[0] == "A" and strip) else LOG.rtp[1]
        assert n == tiles * (1 if name[0] == "C" else steps), "%s: %g objects" % (name, n)
    assert want > 0
    return text


def check_rows(design, argv):
    a, text = run(design, argv)
    p = design.plan(a)
    for arg, at, size, ld in ((0, p["at_in"], p["i"], p["ld"]),
                              (1, p["at_out"], p["o"],
                               p["ld"] if a.kind == "norm_q" else p["o"])):
        times = covered(arg, a.M * ld)
        for r in range(0, a.M, max(1, a.M // 16)):
            row = times[r * ld:(r + 1) * ld]
            assert all(t == 1 for t in row[at:at + size]) and sum(row) == size
    return text


def refused(design, argv, part):
    try:
        run(design, argv)
    except SystemExit as e:
        assert part in str(e), str(e)
        return
    raise AssertionError("not refused: %s" % argv)


def check_list(gemm_resident, rowop):
    """Everything that shapes.tsv asks `make xclbin` for."""
    here = os.path.dirname(os.path.abspath(__file__))
    args, n = {}, 0
    with open(os.path.join(here, "..", "shapes.tsv"), encoding="ascii") as f:
        for line in f:
            w = line.rstrip("\n").split("\t")
            if w[0] == "program":
                args[w[1]] = (w[2], w[3].split())
            elif w[0] == "shape":
                file, fixed = args[w[1]]
                for dev, cols in (("npu1", 4), ("npu2", 8)):
                    argv = ["--dev", dev, "--cols", str(cols)] + fixed + w[2].split()
                    if file == "rowop.py":
                        check_rows(rowop, argv)
                    else:
                        check_gemm(gemm_resident, argv)
                    n += 1
    return n


def main():
    stand_in()
    import gemm_resident
    import rowop
    n = 0
    for dev, most in (("npu1", 4), ("npu2", 8)):
        for cols in (1, 2, 4, 8):
            if cols > most:
                refused(gemm_resident, ["--dev", dev, "--cols", str(cols)], "columns")
                continue
            head = ["--dev", dev, "--cols", str(cols)]
            for kind in (["--dtype", "i8"], ["--dtype", "i8", "--out", "bf16"],
                         ["--dtype", "bf16", "-n", "32"]):
                texts = set()
                for M, K, N in ((256, 64, 512), (1536, 128, 512), (512, 512, 1536)):
                    texts.add(check_gemm(gemm_resident, head + kind +
                                         ["-M", str(M), "-K", str(K), "-N", str(N)]))
                    n += 1
                assert len(texts) == 1, "one overlay for every shape"
            check_gemm(gemm_resident, head + ["--ldc", "1168", "--lda", "4672"])
            for argv in (["--kind", "norm_q"], ["--kind", "softmax", "--width", "1536"],
                         ["--kind", "gelu", "--width", "1024"]):
                check_rows(rowop, head + ["-M", "512"] + argv)
                n += 1
            n += 1
    refused(gemm_resident, ["-N", "4096"], "split N")
    refused(gemm_resident, ["-M", "1500"], "no multiple")
    refused(gemm_resident, ["-N", "384"], "no multiple")
    refused(rowop, ["--width", "4096"], "exceed a core")
    n += check_list(gemm_resident, rowop)
    print("ok designs: %d, every transfer followed; not run through the real tools" % n)


if __name__ == "__main__":
    main()
