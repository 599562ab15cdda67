/* Constants of the cost model: one table, each row with its unit, its value on both device families
 * and where the number came from.  The table makes the struct, the profiles and what
 * `dictate plan --explain` prints.  Pure; nothing here was measured on silicon by this project.
 *
 * How far a number can be trusted: 'M' measured by the source on hardware, 'D' documented by the
 * maker, 'C' computed or fitted from measurements of the source, '?' assumed. */
#ifndef PLAN_DEV_H
#define PLAN_DEV_H

#include "app/base/err.h"

/* clang-format off */
/*  field, unit, npu1, npu4, trust, source */
#define PLAN_CONSTANTS(X)                                                                          \
    X(clock_hz, "Hz", 1.028e9, 1.8e9, 'M', "default DPM level seen on Phoenix (xdna-emu findings " \
      "2026-08-04); npu4: DPM table of the driver")                                                \
    X(mac_i8, "MAC/cycle/core", 256, 512, 'D', "AIE2 and AIE2P vector unit (mlir-aie docs)")       \
    X(mac_bf16, "MAC/cycle/core", 128, 256, 'D', "the same; npu4 256 or 128 is not settled")       \
    X(eta_i8, "share of peak", .25, .25, 'C', "whisper-xdna INT8 GEMM 1.36 to 1.51 x its bf16; "   \
      "npu4 assumed equal")                                                                        \
    X(eta_bf16, "share of peak", .41, .41, 'C', "whisper-xdna 1761 GFLOPS; npu4 assumed equal")    \
    X(eta_stock64, "share of peak", .40, .40, 'C', "IRON flm/gemm README, stock 64x64x64 bf16")    \
    X(tuned_i8, "share of peak", .60, .60, '?', "planning value below AMD's .80 / .65")            \
    X(tuned_bf16, "share of peak", .60, .60, '?', "planning value below AMD's .75 / .50")          \
    X(best_i8, "ops/s", 6.76e12, 38.05e12, 'M', "AMD, arXiv 2512.13282")                           \
    X(best_bf16, "ops/s", 3.14e12, 14.71e12, 'M', "AMD, arXiv 2512.13282")                         \
    X(bw_small, "B/s", 24e9, 50e9, 'C', "DDR, all three matrices below foot_b (whisper-xdna fit)") \
    X(bw_large, "B/s", 18.8e9, 40e9, 'C', "DDR beyond foot_b (two-point fit, cause unknown)")      \
    X(foot_b, "B", 9e6, 16e6, 'C', "where bw_small ends (two-point fit); npu4 assumed")            \
    X(stream_b, "B/cycle/channel", 4, 4, 'D', "AM020 stream width, 32 bit")                        \
    X(shim_ch, "channels/column", 2, 2, 'D', "AM020, each direction")                              \
    X(call_s, "s", 105e-6, 107e-6, 'C', "resident xclbin, raw XRT: whisper-xdna; IRON floor") \
    X(chain_s, "s", 30e-6, 30e-6, '?', "one more entry of a runlist: 30 to 75 us assumed")         \
    X(sync_call_s, "s", 165e-6, 165e-6, 'C', "one waited-for call from Python (document 0)") \
    X(alloc_call_s, "s", 1.02e-3, 1.02e-3, 'C', "the same with buffers made per call (fit)")       \
    X(switch_s, "s", 1.4e-3, 2.67e-3, 'M', "change of overlay: whisper-xdna 2.81 ms a pair; "      \
      "xdna-engine")                                                                               \
    X(context_s, "s", 2.5e-3, 2.5e-3, 'M', "hardware context made (whisper-xdna)")                 \
    X(softmax_cyc, "cycle/value/core", 5, 5, '?', "whisper-xdna v4 estimate; its v3 measured 6.3") \
    X(softmax_cyc_t, "cycle/value/core", 2.5, 2.5, '?', "tuned, planning value")                   \
    X(gelu_cyc, "cycle/value/core", 25, 25, 'C', "whisper-xdna row4f 376 ms a pass, transport in") \
    X(norm_cyc, "cycle/value/core", 6, 6, '?', "LayerNorm, two passes, and quantise")              \
    X(scalar_cyc, "cycle/MAC", 4.0, 4.0, 'C', "scalar C on one core (starting document 1)")        \
    X(soft_cyc, "cycle/MAC", 204, 204, 'C', "scalar bf16 in software (starting document 4)")       \
    X(gelu_fused_cyc, "cycle/value/core", 2, 2, '?', "bias and polynomial GELU in the epilogue") \
    X(add_cyc, "cycle/value/core", 1, 1, '?', "one pass of bias, residual or quantise")            \
    X(host_point_s, "s", 1.3e-3, 1.3e-3, 'M', "leaving the device in a chain and coming back "     \
      "(whisper-xdna, host overlap trial)")                                                        \
    X(prog_gemm_b, "B", 3072, 3072, '?', "program of a GEMM kernel; a whole block is about 10 KB " \
      "(whisper-xdna)")                                                                            \
    X(prog_epi_b, "B", 2048, 2048, '?', "program of the epilogue with GELU")                       \
    X(prog_rows_b, "B", 3072, 3072, '?', "program of LayerNorm and quantise")                      \
    X(prog_soft_b, "B", 1536, 1536, '?', "program of softmax")                                     \
    X(prog_flash_b, "B", 11232, 11232, 'M', "program of AMD's fused attention")                    \
    X(host_flops, "op/s", 327e9, 327e9, 'M', "whisper.cpp q5_0, 16 threads, 8845HS: 2270 GF in " \
      "6.94 s (whisper-xdna)")                                                                     \
    X(host_bw, "B/s", 50e9, 50e9, '?', "DDR from the CPU side")                                    \
    X(host_value_s, "s/value", .12e-9, .12e-9, '?', "row operation with an exponential, 8 cores")  \
    X(mel_s, "s/30 s", 2.2e-3, 2.2e-3, 'M', "log-mel on a CPU: whisper-xdna 22 ms for 304 s")      \
    X(xe_io_s, "s", .26e-3, .26e-3, 'M', "xdna-engine where-time-goes: write and read of a call")  \
    X(xe_run_s, "s", .41e-3, .41e-3, 'M', "the same: run")                                         \
    X(wx_host_s, "s/layer", 12.5e-3, 12.5e-3, 'C', "whisper-xdna host and submit, fitted at 1500") \
    X(wx_softmax_s, "s/layer", 14e-3, 14e-3, '?', "whisper-xdna 20 heads, 1500 x 1536")            \
    X(wx_gelu_s, "s/layer", 11.75e-3, 11.75e-3, 'M', "whisper-xdna 376 ms / 32 layers")

/* clang-format on */

#define PLAN_FIELD(field, unit, a, b, trust, source) double field;
struct plan_dev {
    const char *name; /* "npu1", "npu4": static */
    const char *tool; /* the toolchain's name: "npu1", "npu2" */
    int rows, cols;
    PLAN_CONSTANTS(PLAN_FIELD)
};
#undef PLAN_FIELD

struct plan_const {
    const char *name, *unit;
    double npu1, npu4;
    char trust;
    const char *source;
};

extern const struct plan_const plan_const[];
extern const int plan_n_const;

/* By name: npu1 (phoenix), npu4 (npu2, strix), each also after "virtual:".  -ERR_USAGE. */
int plan_dev_find(struct plan_dev *d, const char *name, struct err *e);

#endif
