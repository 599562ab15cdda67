/* The array as a set of limits: what a design needs on its busiest tiles against what there is,
 * each broken rule with its numbers and the message that the real tool or driver gives for it.
 *
 * Limits are AM020/AM025 figures and toolchain or driver behaviour as reported by others; no design
 * of this project has been through the real tools yet.  Pure; allocates nothing. */
#ifndef PLAN_ARRAY_H
#define PLAN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu/plan/dev.h"

struct plan_array {
    int rows, cols;
    /* core tile */
    int64_t core_data_b, core_prog_b;
    int core_in, core_out, core_bds, core_locks;
    /* memory tile */
    int64_t mem_data_b;
    int mem_in, mem_out, mem_bds, mem_locks;
    /* shim tile, each */
    int shim_in, shim_out, shim_bds, shim_bds_dir;
    int64_t wrap, step, iter; /* of a shim descriptor: values a dimension, elements, repeats */
    int lock_max;             /* largest value of a lock, so depth of a fifo */
    int contexts;             /* hardware contexts at a time */
    int int8_r, int8_s, int8_t, bf16_r, bf16_s, bf16_t; /* mmul block */
};

void plan_array_of(const struct plan_dev *d, struct plan_array *a);

/* Value types of a GEMM: operands, then accumulator or result as it lies in the core. */
enum plan_dtype { PLAN_I8, PLAN_BF16 };

/* A GEMM program for the array. */
struct plan_design {
    enum plan_dtype dtype;
    int m, k, n;
    int64_t M, K, N; /* 0: any */
    int cols;
    int depth_a, depth_b, depth_c; /* buffers; 0: 2, 2, 1 */
    int out_b; /* bytes of a result value if narrowed: then the 4-byte accumulator is extra; 0: 4 */
    int extra_in;  /* streams from DDR into a column beyond A and B (bias, mask, residual) */
    int live_rows; /* tile rows whose transfers are queued before waiting; 0: 4 */
    int64_t stack_b, extra_b; /* 0: 4096 and 512 (scales and bias of a tile) */
    int64_t prog_b;           /* of a core program, 0: not checked */
    bool b_panel;             /* a whole K x n panel of B in the memory tile, twice */
};

/* What a design needs.  Zero: does not matter. */
struct plan_use {
    const char *built_for; /* toolchain's device name, NULL: does not matter */
    int cols;
    int64_t l1_a, l1_b, l1_c, l1_stack, l1_extra; /* bytes on a core, with all buffers */
    int64_t prog_b;
    int core_in, core_out, core_bds, core_locks;
    int mem_in, mem_out, mem_bds, mem_locks;
    int64_t mem_b;
    int shim_in, shim_out; /* fifos of all columns together */
    int shim_bds, shim_bds_dir;
    int64_t wrap, step, iter, run_b;
    int depth;
    int64_t M, K, N, by_m, by_k, by_n; /* sizes and what they must be multiples of */
    int m, k, n, of_m, of_k, of_n;     /* tile and micro-kernel */
    int contexts, overlays;
    int turn_b; /* element size of a transposition in the DMA, bytes */
};

void plan_use_gemm(const struct plan_array *a, const struct plan_design *g, struct plan_use *u);

enum plan_rule {
    PLAN_R_COLUMNS,
    PLAN_R_DEVICE,
    PLAN_R_CORE_DMA,
    PLAN_R_SHIM_DMA,
    PLAN_R_MEM_DMA,
    PLAN_R_CORE_BD,
    PLAN_R_MEM_BD,
    PLAN_R_SHIM_BD,
    PLAN_R_SHIM_QUEUE,
    PLAN_R_WRAP,
    PLAN_R_STEP,
    PLAN_R_ITER,
    PLAN_R_RUN,
    PLAN_R_L1,
    PLAN_R_PROGRAM,
    PLAN_R_L2,
    PLAN_R_LOCK_VALUE,
    PLAN_R_LOCKS,
    PLAN_R_DIVIDE,
    PLAN_R_MICRO,
    PLAN_R_CONTEXTS,
    PLAN_R_OVERLAY,
    PLAN_R_TURN,
    PLAN_RULES
};

struct plan_rule_info {
    const char *name; /* "core memory" */
    const char *tool; /* what toolchain or driver says, "" where it says nothing */
    int section;      /* number of the rule in the feasibility list the planner was built from */
};
extern const struct plan_rule_info plan_rule[PLAN_RULES];

struct plan_finding {
    enum plan_rule rule;
    int64_t need, have;
    char text[384]; /* rule, numbers, tool's message */
};

enum { PLAN_MAX_FINDINGS = PLAN_RULES + 4 };
struct plan_findings {
    int n;
    struct plan_finding at[PLAN_MAX_FINDINGS];
};

/* Every broken rule; returns how many. */
int plan_check(const struct plan_array *a, const struct plan_use *u, struct plan_findings *f);

/* Bytes that a core needs in all. */
int64_t plan_use_l1(const struct plan_use *u);

/* Largest N that the row-block step of the result allows, a multiple of n * cols. */
int64_t plan_max_n(const struct plan_array *a, int m, int n, int cols);

#endif
