/* The device contract: something that runs resolved jobs on columns.  npu/rt resolves and checks;
 * a device only runs.  One submitting thread at a time; figures may be read from any thread. */
#ifndef NPU_DEV_H
#define NPU_DEV_H

#include <stdint.h>

#include "app/base/err.h"
#include "kernels/k.h"

enum { DEV_MAX_COLS = 8, DEV_MAX_ROWS = 4, DEV_MAX_THREADS = 64 };

enum { DEV_OUT = 4, DEV_AUX = 5, DEV_MORE = 6, DEV_SLOTS = 7 }; /* operands of a command; 0 to 3: in[] */

/* One command, resolved: tiles_m x tiles_n tiles of the result. */
struct dev_job {
    struct k_args args;
    uint64_t size[DEV_SLOTS]; /* bytes of each operand from the first to the last touched; 0: not used */
    uint32_t tiles_m, tiles_n;
    uint32_t cols; /* extent of the second tile dimension: columns, or heads */
    uint64_t bytes, macs; /* of all operands */
    uint64_t out_b;       /* of those that are written */
};

struct dev_col_stats {
    uint64_t busy, transfer, tiles;
    uint64_t row[DEV_MAX_ROWS]; /* busy and transfer by core: a column deals its tiles to them in turn */
};
struct dev_op_stats {
    uint64_t calls, tiles, bytes, macs, busy, wall;
};
struct dev_stats {
    struct dev_col_stats col[DEV_MAX_COLS];
    struct dev_op_stats op[NPU_OP_COUNT];
    uint64_t lists, cmds, list_ns;
};

struct dev;
struct dev_ops {
    /* Runs the jobs in order, each after the one before it has ended.  scratch_b: what a tile needs. */
    int (*run)(struct dev *d, const struct dev_job *job, int n, size_t scratch_b, struct err *e);
    void (*stats)(const struct dev *d, struct dev_stats *s);
    void (*close)(struct dev *d);
};
struct dev {
    const struct dev_ops *ops;
    int columns, threads;
};

/* The virtual NPU: columns served by `threads` host threads, the caller of run being one of them. */
int dev_virt_open(struct dev **d, int columns, int threads, const struct k_table *kernels,
                  struct err *e);

#endif
