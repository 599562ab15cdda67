/* What a command touches: its operands with sizes, whether it reads or writes them, and its tiles.
 * Everything that runs a list from outside this program goes through here first.  Pure; any thread.
 */
#ifndef NPU_DEV_CMD_H
#define NPU_DEV_CMD_H

#include "npu/dev/dev.h"

enum { DEV_MAX_OPERANDS = 8 };

struct dev_operand {
    const char *name;
    npu_addr addr;
    uint64_t bytes;         /* from the first to the last byte touched */
    uint64_t moved;         /* of them read or written: less where rows are passed over */
    uint64_t stride, width; /* bytes of rows; stride 0: without gaps */
    uint8_t slot;           /* 0..3: in[], DEV_OUT, DEV_AUX, DEV_MORE */
    uint8_t reads, writes;
    uint8_t whole;     /* writes: every byte in between is written */
    uint8_t pointwise; /* reads: may lie exactly where the result lies */
};
struct dev_touch {
    struct dev_operand o[DEV_MAX_OPERANDS];
    int n;
    uint32_t cols; /* second tile dimension */
    uint64_t macs, bytes; /* bytes: read and written */
};

/* Checks sizes, strides and tiles of a command, and that no tile reads or writes what another one
 * writes; index is for the sentence. */
int dev_cmd_touch(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e);

/* Where an operand lies; NULL: not in a buffer, or not all of it. */
typedef void *(*dev_at)(void *ctx, const struct dev_operand *o);

/* The whole way from a command to a job.  The job points to c. */
int dev_cmd_resolve(const struct npu_cmd *c, int index, dev_at at, void *ctx, struct dev_job *j,
                    struct err *e);

const char *dev_op_name(int op);

#endif
