/* The analytic cost model of an AIE2 array: what an operation takes and which resource binds it.
 * Pure functions of a profile and a shape; every result is a model's figure, never a measurement.
 * The formulas are those of the reference model in Python, number for number (t_plan_cost). */
#ifndef PLAN_COST_H
#define PLAN_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "npu/plan/dev.h"

enum plan_bound {
    PLAN_COMPUTE, /* vector units */
    PLAN_DDR,     /* memory bandwidth, A and B read again for each block */
    PLAN_STREAM,  /* core or shim streams, 4 B a cycle and channel */
    PLAN_CALL,    /* submitting costs more than running */
    PLAN_SWITCH,  /* changing the overlay */
    PLAN_HOST,    /* done by the host */
    PLAN_BOUNDS
};

/* C = A B on rows x cols cores, tiles m x k x n, output stationary. */
struct plan_gemm {
    int64_t M, K, N;
    int m, k, n;
    int ea, eb, ec;  /* bytes of a value of A, B, C */
    int cols;        /* columns that work */
    double eta;      /* share of peak that the micro-kernel reaches, 0: by the profile */
    double call_s;   /* of one call */
    bool b_resident; /* B's panel stays in the memory tile: read once */
    bool no_overlap; /* single buffers: compute and transfers add up */
};

/* Seconds and bytes; total = call + the largest of the others. */
struct plan_time {
    double total, compute, ddr, shim_out, shim_in, core, call;
    double bytes;  /* through DDR */
    double macs;   /* of the padded problem */
    int64_t tiles; /* micro-kernel calls on all cores */
    enum plan_bound bound;
};

const char *plan_bound_name(enum plan_bound b);

void plan_gemm_time(const struct plan_dev *d, const struct plan_gemm *g, struct plan_time *t);

/* A row operation: values, cycles a value and core, bytes in and out through the shims. */
void plan_row_time(const struct plan_dev *d, double values, double cyc, double bytes_in,
                   double bytes_out, int cols, double call_s, struct plan_time *t);

/* 24 T d^2 + 4 T^2 d a layer: operations of the encoder blocks; `stem`: with both convolutions. */
double plan_encoder_flops(int layers, int d, int ctx, int mels, bool stem);

/* Speed-up when the share p becomes s times as fast. */
double plan_amdahl(double p, double s);

/* The one formula behind every "x realtime" of the starting documents: seconds of sound over mel
 * plus 6 blocks of 1500 / 64 tiles, `ways` at a time.  whole: tiles are dealt in whole rounds. */
double plan_seed_rtf(double audio_s, double mel_s, double tile_s, double ways, bool whole);

/* One whisper-xdna encoder layer, seconds (ctx positions, width d, heads). */
struct plan_wx {
    double proj, fc1, fc2, qk, av, softmax, gelu, change, host, total;
};
void plan_wx_layer(const struct plan_dev *d, int ctx, int width, int heads, struct plan_wx *w);

/* One layer of this project's plan, seconds: one resident overlay, chained heads. wb: bytes of a
 * weight (1: W8A8, 2: bf16).  tuned: hand-tuned kernels instead of stock ones. */
struct plan_layer {
    double qkv, qk, softmax, av, o, fc1, fc2, norm, total;
};
void plan_layer_time(const struct plan_dev *d, int ctx, int width, int heads, int wb, bool tuned,
                     struct plan_layer *l);

#endif
