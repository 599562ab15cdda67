#!/usr/bin/env python3
"""Row operations over 1 to 8 columns: norm_q, softmax, gelu.

A row is one object; a column's memory tile deals four rows to its cores and gathers their results,
so a column needs one stream in and one out.

norm_q works in place on rows of the residual stream (common.row_bytes): it reads delta and
residual, writes residual and the INT8 row.  softmax reads and writes rows of bf16 keys; gelu reads
f32 rows and the bias that lies behind each (packed by the GEMM's C stride), writes bf16.
"""
import sys

import numpy as np
from aie.helpers.taplib import TensorAccessPattern
from aie.iron import Buffer, Kernel, ObjectFifo, Program, Runtime, Worker, WorkerRuntimeBarrier
from aie.iron.controlflow import range_
from aie.iron.device import Tile
from aie.iron.placers import SequentialPlacer

from common import ROWS, STACK, arguments, check_cols, device, refuse, row_bytes

FOREVER = 0x7FFFFFFF
ROWS_A_TIME = 1020  # a descriptor counts to 1023, and four rows go together


def plan(a):
    """Bytes of an object in and out and of a row in DDR, and where both begin in it."""
    w = a.width
    if a.kind == "norm_q":
        return dict(i=8 * w, o=5 * w + a.k, ld=row_bytes(w, a.k), at_in=0, at_out=4 * w)
    if a.kind == "softmax":
        return dict(i=2 * w, o=2 * w, ld=2 * w, at_in=0, at_out=0)
    return dict(i=8 * w, o=2 * w, ld=8 * w, at_in=0, at_out=0)


def check(a, p):
    check_cols(a.dev, a.cols)
    if a.width % 16 or a.k % 4:
        refuse("rows of %d values are no whole vectors" % a.width)
    if a.M % (ROWS * a.cols):
        refuse("%d rows are no multiple of %d cores" % (a.M, ROWS * a.cols))
    if 2 * (p["i"] + p["o"]) + STACK + 4096 > 65536:
        refuse("rows of %d and %d bytes, twice, exceed a core" % (p["i"], p["o"]))


def fifos(a, p):
    byte = np.dtype[np.int8]
    one_i, one_o = np.ndarray[(p["i"],), byte], np.ndarray[(p["o"],), byte]
    l3_in, l2_in, l3_out, l2_out = [], [], [], []
    for c in range(a.cols):
        f = ObjectFifo(np.ndarray[(p["i"] * ROWS,), byte], name="in_%d" % c, depth=2)
        l3_in.append(f)
        l2_in.append(f.cons().split([p["i"] * r for r in range(ROWS)], obj_types=[one_i] * ROWS,
                                    names=["row_%d_%d" % (c, r) for r in range(ROWS)],
                                    placement=Tile(c, 1)))
        f = ObjectFifo(np.ndarray[(p["o"] * ROWS,), byte], name="out_%d" % c, depth=2)
        l3_out.append(f)
        l2_out.append(f.prod().join([p["o"] * r for r in range(ROWS)], obj_types=[one_o] * ROWS,
                                    names=["done_%d_%d" % (c, r) for r in range(ROWS)],
                                    depths=[2] * ROWS, placement=Tile(c, 1)))
    return l3_in, l2_in, l3_out, l2_out


def workers(a, p, l2_in, l2_out):
    byte = np.dtype[np.int8]
    types = [np.ndarray[(p["i"],), byte], np.ndarray[(p["o"],), byte]]
    words = {"norm_q": [np.int32], "softmax": [np.int32, np.float32], "gelu": []}[a.kind]
    name = {"gelu": "gelu_row"}.get(a.kind, a.kind)
    run = Kernel(name, a.kind + ".o", types + words)
    kind = a.kind

    def core(rows_in, rows_out, run, rtp, barrier):
        for _ in range_(FOREVER):
            barrier.wait_for_value(1)
            rows, word, scale = rtp[0], rtp[1], rtp[2]
            barrier.release_with_value(0)
            for _ in range_(rows):
                x, y = rows_in.acquire(1), rows_out.acquire(1)
                if kind == "norm_q":
                    run(x, y, word)
                elif kind == "softmax":
                    run(x, y, word, scale)  # the word holds the float's bits
                else:
                    run(x, y)
                rows_in.release(1)
                rows_out.release(1)

    all_w, rtps, barriers = [], [], []
    for c in range(a.cols):
        for r in range(ROWS):
            rtp = Buffer(np.ndarray[(4,), np.dtype[np.int32]], name="rtp_%d_%d" % (c, r),
                         initial_value=np.zeros(4, dtype=np.int32), use_write_rtp=True)
            bar = WorkerRuntimeBarrier()
            all_w.append(Worker(core, [l2_in[c][r].cons(), l2_out[c][r].prod(), run, rtp, bar],
                                placement=Tile(c, 2 + r), stack_size=STACK))
            rtps.append(rtp)
            barriers.append(bar)
    return all_w, rtps, barriers


def taps(a, p):
    """Column c works on the c-th part of the rows; a row is cut so that no size passes 1023."""
    share = a.M // a.cols

    def parts(size):
        return next(n for n in range(1, size + 1) if size % (4 * n) == 0 and size // 4 // n <= 1023)

    def tap(col, row, count, start, size):
        n = parts(size)
        return TensorAccessPattern((a.M, p["ld"]), (col * share + row) * p["ld"] + start,
                                   [1, count, n, size // n], [0, p["ld"], size // n, 1])

    return share, tap


def build(a):
    p = plan(a)
    check(a, p)
    l3_in, l2_in, l3_out, l2_out = fifos(a, p)
    all_w, rtps, barriers = workers(a, p, l2_in, l2_out)
    share, tap = taps(a, p)
    both = np.ndarray[(a.M * p["ld"],), np.dtype[np.int8]]
    ld_out = p["ld"] if a.kind == "norm_q" else p["o"]
    p_out = dict(p, ld=ld_out)
    _, tap_out = taps(a, p_out)
    rt = Runtime()
    with rt.sequence(both, np.ndarray[(a.M * ld_out,), np.dtype[np.int8]]) as (X, Y):
        rt.start(*all_w)

        def set_rtps(*all_rtps):
            for rtp in all_rtps:
                rtp[0] = share // ROWS
                rtp[1] = a.word
                rtp[2] = a.scale_bits

        rt.inline_ops(set_rtps, rtps)
        for b in barriers:
            rt.set_barrier(b, 1)
        before = None
        for row in range(0, share, ROWS_A_TIME):
            count = min(ROWS_A_TIME, share - row)
            group = rt.task_group()
            for c in range(a.cols):
                rt.fill(l3_in[c].prod(), X, tap=tap(c, row, count, p["at_in"], p["i"]),
                        task_group=group, placement=Tile(c, 0))
                rt.drain(l3_out[c].cons(), Y, tap=tap_out(c, row, count, p["at_out"], p["o"]),
                         wait=True, task_group=group, placement=Tile(c, 0))
            if before is not None:
                rt.finish_task_group(before)
            before = group
        rt.finish_task_group(before)
    return Program(device(a.dev, a.cols), rt).resolve_program(SequentialPlacer())


def parse(argv):
    p = arguments(__doc__.split("\n")[0])
    p.add_argument("--kind", choices=["norm_q", "softmax", "gelu"], default="norm_q")
    p.add_argument("-M", type=int, default=1536, help="rows")
    p.add_argument("--width", type=int, default=512, help="values a row")
    p.add_argument("-k", type=int, default=64, help="k-tile of the GEMM that reads an INT8 row")
    p.add_argument("--word", type=int, default=1, help="norm_q: 1 adds delta; softmax: real keys")
    p.add_argument("--scale-bits", type=int, default=0x3E38AA3B, help="softmax: bits of the factor")
    return p.parse_args(argv)


if __name__ == "__main__":
    print(build(parse(sys.argv[1:])))
