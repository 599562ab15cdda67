"""What the array designs share: devices, tile limits, layouts in DDR.

IRON as of mlir-aie 1.3.4.  Nothing here has been through the real tools yet: designs/check.py runs
them against a stand-in that counts channels, buffers and descriptors and follows every transfer.
"""
import argparse

from aie.iron import device as iron_device

ROWS = 4  # rows of cores, both families
FAMILY = {
    # name: columns, mmul blocks (r, s, t) for i8 and bf16
    "npu1": dict(cols=4, i8=(4, 8, 8), bf16=(4, 8, 4)),
    "npu2": dict(cols=8, i8=(8, 8, 8), bf16=(8, 8, 8)),
}
# aie2.md 4.6: room for the saved registers of a deep call, not the 1024 bytes of the default
STACK = 0xD00
# aie2.md 4.4: descriptors are reused after a wait; 4 tile rows in two halves keep 8 a direction
LIVE_ROWS = 4
STEP_LIMIT = 1 << 20


def device(name, cols):
    """The toolchain's device class of so many columns."""
    stem = {"npu1": "NPU1Col", "npu2": "NPU2Col"}[name]
    if cols == 8:
        return iron_device.NPU2()
    return getattr(iron_device, stem + str(cols))()


def arguments(about):
    p = argparse.ArgumentParser(description=about)
    p.add_argument("--dev", choices=sorted(FAMILY), default="npu1")
    p.add_argument("--cols", type=int, choices=[1, 2, 4, 8], default=4)
    return p


def refuse(text):
    raise SystemExit("design refused: " + text)


def check_cols(dev, cols):
    if cols > FAMILY[dev]["cols"]:
        refuse("%d columns, %s has %d" % (cols, dev, FAMILY[dev]["cols"]))


def row_bytes(width, k):
    """One row of the residual stream: delta f32, residual f32, then the INT8 row with its figures.

    The GEMM before writes delta, the norm reads both, writes residual and INT8 row in place.  The
    INT8 part is `width` bytes and one more k-tile, which begins with {float scale, int32 sum}.
    """
    return 9 * width + k
