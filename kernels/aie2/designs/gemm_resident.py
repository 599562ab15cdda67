#!/usr/bin/env python3
"""GEMM over 1 to 8 columns that stays loaded: one program for every shape.

Array row r takes the m-tiles r, r + 4, ..., column c the n-tiles c, c + cols, ....  A tile of A
goes to all cores of its row, a tile of B to all cores of its column; a tile of C stays in its
core while k runs, then the strips (one more object of A and of B) feed the epilogue.  The number
of tiles, K / k and the epilogue are runtime parameters, so that shapes differ only in their
instruction streams: changing the program costs 1.4 ms, as much as 2.4 GFLOP (aie2.md 3.5).

DDR: A [M][lda] bytes, K values and one k-tile of figures a row (INT8); B [cols][N/n/cols][K/k +
1][k*n], packed in blocks when the model is loaded, a column's n-tiles together (dealt out tile by
tile their step would pass 2^20 at K = 2048 on 8 columns); C [M][ldc].  --lda and --ldc allow A and
C to lie inside wider rows.
"""
import sys

import numpy as np
from aie.helpers.taplib import TensorAccessPattern
from aie.iron import Buffer, Kernel, ObjectFifo, Program, Runtime, Worker, WorkerRuntimeBarrier
from aie.iron.controlflow import range_
from aie.iron.device import Tile
from aie.iron.placers import SequentialPlacer
from ml_dtypes import bfloat16

from common import (FAMILY, LIVE_ROWS, ROWS, STACK, STEP_LIMIT, arguments, check_cols, device,
                    refuse)

FOREVER = 0x7FFFFFFF
IN = {"i8": np.int8, "bf16": bfloat16}
OUT = {"f32": np.float32, "bf16": bfloat16, "i32": np.int32}


def check(a):
    """The rules that the sizes alone decide; the rest is in npu/plan/array.c."""
    check_cols(a.dev, a.cols)
    for name, size, by in (("M", a.M, a.m * ROWS), ("K", a.K, a.k), ("N", a.N, a.n * a.cols)):
        if size % by:
            refuse("%s = %d is no multiple of %d" % (name, size, by))
    if a.m * ROWS * a.ldc >= STEP_LIMIT:
        refuse("a row block of C is %d elements from the next, %d is the limit: split N"
               % (a.m * ROWS * a.ldc, STEP_LIMIT))
    if a.N // a.n // a.cols > 64:
        refuse("%d column blocks, 64 can be repeated: split N" % (a.N // a.n // a.cols))
    each = 1 if a.dtype == "i8" else 2
    acc = a.m * a.n * (4 + narrow_depth(a) * 2 if a.out == "bf16" else 4)
    used = acc + 2 * (a.m + a.n) * a.k * each + STACK
    if used > 65536:
        refuse("buffers of tile %d,%d,%d take %d bytes, a core has 65536" % (a.m, a.k, a.n, used))


def narrow_depth(a):
    """Result buffers: bf16 operands leave room for one only."""
    return 2 if a.out == "bf16" and a.dtype == "i8" else 1


def fifos(a):
    """All fifos: (A from DDR, A to the cores of a row, B, B, C, C)."""
    r, s, t = FAMILY[a.dev][a.dtype]
    tin, tout = np.dtype[IN[a.dtype]], np.dtype[OUT[a.out]]
    rows_of = ROWS // a.cols if a.cols < ROWS else 1  # array rows that one column feeds
    a1, b1, c1 = (np.ndarray[(a.m * a.k,), tin], np.ndarray[(a.k * a.n,), tin],
                  np.ndarray[(a.m * a.n,), tout])
    block_a = [(a.m // r, r * a.k), (a.k // s, s), (r, a.k), (s, 1)]
    a_l3, a_l2 = [], []
    for i in range(ROWS // rows_of):
        at = Tile(2 * i if a.cols == 8 else i, 1)  # 8 columns: every second one brings A
        f = ObjectFifo(np.ndarray[(a.m * a.k * rows_of,), tin], name="A_in_%d" % i, depth=2)
        a_l3.append(f)
        a_l2 += f.cons().split([a.m * a.k * j for j in range(rows_of)], obj_types=[a1] * rows_of,
                               names=["A_%d" % (i * rows_of + j) for j in range(rows_of)],
                               dims_to_stream=[block_a] * rows_of, placement=at)
    b_l3, b_l2, c_l3, c_l2 = [], [], [], []
    for c in range(a.cols):
        f = ObjectFifo(b1, name="B_in_%d" % c, depth=2)
        b_l3.append(f)
        b_l2.append(f.cons().forward(obj_type=b1, name="B_%d" % c, placement=Tile(c, 1)))
        f = ObjectFifo(np.ndarray[(a.m * a.n * ROWS,), tout], name="C_out_%d" % c, depth=2,
                       dims_to_stream=[(a.m * ROWS // r, r * a.n), (r, t), (a.n // t, r * t),
                                       (t, 1)])
        c_l3.append(f)
        depth = narrow_depth(a)
        c_l2.append(f.prod().join([a.m * a.n * i for i in range(ROWS)], obj_types=[c1] * ROWS,
                                  names=["C_%d_%d" % (c, i) for i in range(ROWS)],
                                  depths=[depth] * ROWS, placement=Tile(c, 1)))
    return a_l3, a_l2, b_l3, b_l2, c_l3, c_l2


def kernels(a):
    tin, tout = np.dtype[IN[a.dtype]], np.dtype[OUT[a.out]]
    tacc = np.dtype[np.int32 if a.dtype == "i8" else np.float32]
    a1, b1 = np.ndarray[(a.m * a.k,), tin], np.ndarray[(a.k * a.n,), tin]
    acc, c1 = np.ndarray[(a.m * a.n,), tacc], np.ndarray[(a.m * a.n,), tout]
    stem, obj = "mm_" + a.dtype, "mm_%s.o" % a.dtype
    strips = [a1, b1] if a.dtype == "i8" else [b1]
    return (acc, Kernel(stem + "_zero", obj, [acc]), Kernel(stem, obj, [a1, b1, acc]),
            Kernel(stem + "_finish", obj, [acc] + strips + [c1, np.int32]))


def workers(a, a_l2, b_l2, c_l2):
    """16 or 32 cores, all with the same program."""
    acc_t, zero, mm, finish = kernels(a)
    int8 = a.dtype == "i8"
    apart = a.out == "bf16"  # 4-byte results are summed and finished where they lie

    def core(in_a, in_b, out, zero, mm, finish, rtp, barrier, *own):
        for _ in range_(FOREVER):
            barrier.wait_for_value(1)
            tiles, steps, how = rtp[0], rtp[1], rtp[2]
            barrier.release_with_value(0)  # or the next shape's parameters are missed
            for _ in range_(tiles):
                c = out.acquire(1)
                acc = own[0] if apart else c
                zero(acc)
                for _ in range_(steps):
                    x, y = in_a.acquire(1), in_b.acquire(1)
                    mm(x, y, acc)
                    in_a.release(1)
                    in_b.release(1)
                y = in_b.acquire(1)
                if int8:
                    x = in_a.acquire(1)
                    finish(acc, x, y, c, how)
                    in_a.release(1)
                else:
                    finish(acc, y, c, how)
                in_b.release(1)
                out.release(1)

    all_w, rtps, barriers = [], [], []
    for r in range(ROWS):
        for c in range(a.cols):
            rtp = Buffer(np.ndarray[(4,), np.dtype[np.int32]], name="rtp_%d_%d" % (c, r),
                         initial_value=np.zeros(4, dtype=np.int32), use_write_rtp=True)
            own = [Buffer(acc_t, name="acc_%d_%d" % (c, r))] if apart else []
            bar = WorkerRuntimeBarrier()
            all_w.append(Worker(core, [a_l2[r].cons(), b_l2[c].cons(), c_l2[c][r].prod(), zero, mm,
                                       finish, rtp, bar] + own,
                                placement=Tile(c, 2 + r), stack_size=STACK))
            rtps.append(rtp)
            barriers.append(bar)
    return all_w, rtps, barriers


def taps(a):
    """Transfers of one tile row of A and B, and of a group of tile rows of C."""
    strip = 1 if a.dtype == "i8" else 0
    steps, blocks = a.K // a.k, a.N // a.n // a.cols
    rows_of = ROWS // a.cols if a.cols < ROWS else 1
    part = (steps + 1) * a.k * a.n  # of B, one n-tile

    def tap_a(tile_row, feeder):
        first = (tile_row * ROWS + feeder * rows_of) * a.m
        return TensorAccessPattern((a.M, a.lda), first * a.lda,
                                   [blocks, steps + strip, a.m * rows_of, a.k], [0, a.k, a.lda, 1])

    def tap_b(col):
        return TensorAccessPattern((a.N // a.n, part), col * blocks * part,
                                   [blocks, steps + 1, a.k, a.n],
                                   [part, a.k * a.n, a.n, 1])

    def tap_c(tile_row, count, col):
        return TensorAccessPattern((a.M, a.ldc), tile_row * ROWS * a.m * a.ldc + col * a.n,
                                   [count, blocks, a.m * ROWS, a.n],
                                   [a.m * ROWS * a.ldc, a.n * a.cols, a.ldc, 1])

    return tap_a, tap_b, tap_c


def sequence(a, rt, A, B, C, f, rtps, barriers):
    a_l3, b_l3, c_l3 = f
    tap_a, tap_b, tap_c = taps(a)
    tile_rows = a.M // a.m // ROWS

    def set_rtps(*all_rtps):
        for rtp in all_rtps:
            rtp[0] = tile_rows * (a.N // a.n // a.cols)
            rtp[1] = a.K // a.k
            rtp[2] = a.how

    rt.inline_ops(set_rtps, rtps)
    for b in barriers:
        rt.set_barrier(b, 1)
    half = LIVE_ROWS // 2
    before, group = None, rt.task_group()
    for row in range(0, tile_rows, half):
        count = min(half, tile_rows - row)
        for c in range(a.cols):
            rt.drain(c_l3[c].cons(), C, tap=tap_c(row, count, c), wait=True, task_group=group,
                     placement=Tile(c, 0))
            for i in range(count):
                if c < len(a_l3):
                    rt.fill(a_l3[c].prod(), A, tap=tap_a(row + i, c), task_group=group,
                            placement=Tile(2 * c if a.cols == 8 else c, 0))
                rt.fill(b_l3[c].prod(), B, tap=tap_b(c), task_group=group, placement=Tile(c, 0))
        # wait for the half before this one: its descriptors are used again by the next
        if before is not None:
            rt.finish_task_group(before)
        before, group = group, rt.task_group()
    rt.finish_task_group(before)
    rt.finish_task_group(group)


def build(a):
    check(a)
    a_l3, a_l2, b_l3, b_l2, c_l3, c_l2 = fifos(a)
    all_w, rtps, barriers = workers(a, a_l2, b_l2, c_l2)
    tin, tout = np.dtype[IN[a.dtype]], np.dtype[OUT[a.out]]
    at = np.ndarray[(a.M * a.lda,), tin]
    bt = np.ndarray[(a.N // a.n * (a.K // a.k + 1) * a.k * a.n,), tin]
    ct = np.ndarray[(a.M * a.ldc,), tout]
    rt = Runtime()
    with rt.sequence(at, bt, ct) as (A, B, C):
        rt.start(*all_w)
        sequence(a, rt, A, B, C, (a_l3, b_l3, c_l3), rtps, barriers)
    return Program(device(a.dev, a.cols), rt).resolve_program(SequentialPlacer())


def parse(argv):
    p = arguments(__doc__.split("\n")[0])
    p.add_argument("--dtype", choices=sorted(IN), default="i8")
    p.add_argument("--out", choices=sorted(OUT), default="f32")
    for name, size in (("M", 1536), ("K", 512), ("N", 512), ("m", 64), ("k", 64), ("n", 64)):
        p.add_argument("-" + name, type=int, default=size)
    p.add_argument("--lda", type=int, help="values from row to row of A (K, for i8 K + k)")
    p.add_argument("--ldc", type=int, help="values from row to row of C (N)")
    p.add_argument("--how", type=int, default=0, help="epilogue, enum finish of tile.hpp")
    a = p.parse_args(argv)
    a.lda = a.lda or a.K + (a.k if a.dtype == "i8" else 0)
    a.ldc = a.ldc or a.N
    if a.out == "bf16":
        a.how |= 0x200
    if a.out == "i32":
        a.how = 0x100
    return a


if __name__ == "__main__":
    print(build(parse(sys.argv[1:])))
