/* The planner: a network's encoder pass as operations of the array, each chunked, tiled and placed,
 * with what the cost model says about it.  Everything here is modelled.  Pure; one plan is a plain
 * struct of the caller's. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "npu/plan/array.h"
#include "npu/plan/cost.h"
#include "npu/plan/dev.h"
#include "npu/plan/shape.h"

enum plan_dispatch {
    PLAN_SERIAL,    /* one column; the host waits for every call */
    PLAN_PIPELINED, /* one column; the next call is submitted while one runs */
    PLAN_BY_COLUMN, /* every column, calls chained */
};

enum plan_fuse {
    PLAN_FUSE_EPILOGUE = 1, /* bias, GELU and narrowing inside the GEMM */
    PLAN_FUSE_NORM = 2,     /* residual, LayerNorm and quantise in one pass */
    PLAN_FUSE_ATTN = 4,     /* QK, softmax and PV in one program */
};

struct plan_want {
    struct plan_shape shape;
    struct plan_dev dev;
    int m, k, n; /* tile of the linear GEMMs, 0: the best that fits */
    int cols;    /* 0: as dispatch says */
    enum plan_dispatch dispatch;
    unsigned fuse; /* enum plan_fuse */
    bool bf16;     /* instead of W8A8 for the linear GEMMs */
    bool tuned;    /* hand-tuned kernels instead of stock ones */
    int ctx;       /* encoder positions, 0: the model's */
};

enum plan_kind { PLAN_OP_GEMM, PLAN_OP_ROWS, PLAN_OP_ATTN, PLAN_OP_HOST, PLAN_OP_SWITCH };
/* Where in the pass an operation stands. */
enum plan_part { PLAN_STEM, PLAN_BLOCKS, PLAN_TAIL, PLAN_TOKEN };

struct plan_op {
    const char *name;
    enum plan_kind kind;
    enum plan_part part;
    int times;       /* in one pass (layers); PLAN_TOKEN: in one decoder step */
    int heads;       /* GEMMs done so often within one, 1: plain */
    int64_t M, K, N; /* rows operations: M rows of N values */
    int ea, eb, ec, m, k, n;
    double cyc;                 /* row operations: cycles a value; GEMM: of the epilogue */
    double bytes_in, bytes_out; /* row operations: a value */
    bool fixed_tile;            /* keeps its own tile */
    /* what came out, for all `times` together */
    int64_t calls;
    int chunks;         /* of N */
    struct plan_time t; /* of one time */
    double npu_s, host_s, s;
    double flops, bytes;
    enum plan_bound bound;
    bool on_host;
    char why[200]; /* the placement's reason */
};

enum { PLAN_MAX_OPS = 32 };
struct plan {
    struct plan_want want;
    struct plan_array array;
    int cols, m, k, n;
    bool retiled; /* the tile asked for did not fit; why stands in `refused` */
    struct plan_findings refused;
    const char *refused_op; /* the first operation that it does not fit */
    int tiles_tried, tiles_fit;
    int overlays;
    int64_t prog_b, l1_b; /* of the largest core program; of the chosen tile */
    int n_ops;
    struct plan_op op[PLAN_MAX_OPS];
    double blocks_s, total_s; /* encoder blocks alone; the whole pass from mel to cross keys */
    double token_s;           /* one decoder step where it is placed */
    double call_s, switch_s, host_s; /* shares of total_s */
    double flops;                    /* of the NPU's part, unpadded */
    double bytes;
    int64_t calls;
};

/* -ERR_USAGE when the wish itself is impossible (columns, context). */
int plan_make(const struct plan_want *w, struct plan *p, struct err *e);

/* ops.c: the operations of a pass, before tiling and costs. */
void plan_list_ops(struct plan *p);

const char *plan_dispatch_name(enum plan_dispatch d);

#endif
