/* The NPU runtime as the engine sees it: a device with columns, buffers, command lists, counters.
 *
 * One rt belongs to one submitting thread at a time; counters may be read from any thread. */
#ifndef NPU_RT_H
#define NPU_RT_H

#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"
#include "kernels/op.h"

enum { NPU_MAX_COLS = 8, NPU_MAX_ROWS = 4 };

struct npu_rt_opts {
    /* "virtual" (default, NULL): the columns of an npu4, called directly.
     * "virtual:npu4", "virtual:npu1": the same columns behind the ioctls of amdxdna, with that
     * driver's checks, limits and time-outs.  "npu": the real one. */
    const char *device;
    int columns; /* 1..8; 0: the device's own (npu1: 4, npu4: 8) */
    int threads; /* host threads that serve the columns; 0: one per online CPU */

    /* How lists are handed to a driver; 0: as many as fit. */
    int per_call;  /* commands that one call runs */
    int per_chain; /* calls in a chain */
    int in_flight; /* chains handed over at a time, 1..4; 0: 2 */

    /* Of the virtual driver. */
    int linux_618;      /* the older generation: amdxdna 0.1 of Linux 6.18, not 0.8 of 7.1 */
    int incoherent;     /* caches are written back as on silicon */
    int strict;         /* and modelled: a line not written back is not seen (tests) */
    const char *faults; /* script of npu/dev/vdrm.h, counted from after the start */

    const char *programs; /* of the real one: folder with a folder for each family; may be NULL */
};

struct npu_rt;

int npu_rt_open(struct npu_rt **rt, const struct npu_rt_opts *o, struct err *e);
void npu_rt_close(struct npu_rt *rt);

const char *npu_rt_name(const struct npu_rt *rt);  /* "virtual NPU (npu4), 8 columns on 2 threads" */
const char *npu_rt_short(const struct npu_rt *rt); /* "virt 8col" */
const char *npu_rt_isa(const struct npu_rt *rt);   /* "avx512-vnni", "avx2", "c" */
int npu_rt_columns(const struct npu_rt *rt);
int npu_rt_threads(const struct npu_rt *rt);

/* Buffers.  64-byte aligned, zeroed, counted.  The handle is never 0. */
int npu_buf_new(struct npu_rt *rt, size_t size, const char *what, uint32_t *buf, struct err *e);
/* The same with `size` bytes of a file from `off` on (a multiple of 4096; of 2 MB to have large pages, where kernel and
 * file system have them), which nobody may write afterwards; the file must not shrink while the buffer lives.  fd may be closed at once.  -ERR_NPU:
 * the file is too short; -ERR_MEM. */
int npu_buf_file(struct npu_rt *rt, int fd, uint64_t off, size_t size, const char *what, uint32_t *buf,
                 struct err *e);
/* Of `size` bytes from `off` on only some will ever be used: memory is taken in small pages there, before
 * the first use.  Changes nothing else. */
void npu_buf_sparse(struct npu_rt *rt, uint32_t buf, size_t off, size_t size);
void npu_buf_free(struct npu_rt *rt, uint32_t buf);
void *npu_buf_map(struct npu_rt *rt, uint32_t buf);
size_t npu_buf_size(const struct npu_rt *rt, uint32_t buf);
/* After a write through the map, before the next list: caches are not coherent. */
void npu_buf_wrote(struct npu_rt *rt, uint32_t buf, size_t off, size_t size);
/* Host to device, counted as transfer. */
void npu_buf_write(struct npu_rt *rt, uint32_t buf, size_t off, const void *data, size_t size);

/* Command lists: an array of packed commands.  rt checks every address and shape of a list the first
 * time it is seen and after every change (npu_list.checked = 0), then runs it in order. */
struct npu_list {
    struct npu_cmd *cmd;
    int n, cap;
    int checked;
    const char *what; /* for the profile and for messages */
    void *jobs;       /* rt's: the commands resolved, and what they come to */
    int jobs_cap;
    size_t scratch_b;
    uint64_t in_b, out_b; /* operands read, written */
    uint64_t model_ns[NPU_OP_COUNT];
    int8_t model_bound[NPU_OP_COUNT];
};
int npu_list_add(struct npu_list *l, const struct npu_cmd *c); /* index, or -ERR_MEM */
void npu_list_free(struct npu_list *l);
/* Runs the commands and waits.  -ERR_NPU: a command is not valid (the sentence names it).  When a
 * driver fails for good the list is run on the columns directly, from what it began with
 * (npu_rt_health tells); -ERR_NPU_HANG: that was not possible. */
int npu_list_run(struct npu_rt *rt, struct npu_list *l, struct err *e);

/* Counters since the start, all nanoseconds of one column unless said. */
struct npu_col_stats {
    uint64_t busy, transfer, wait; /* kernels; packing and copying; idle inside a list */
    uint64_t tiles;
    uint64_t row[NPU_MAX_ROWS]; /* of busy and transfer, by core of the column */
};
struct npu_op_stats {
    uint64_t calls, tiles, bytes, macs;
    uint64_t busy; /* kernel time summed over columns */
    uint64_t wall; /* from the first tile to the last */
    uint64_t model_ns; /* what npu_rt_predict's model says of the same calls, 0: nobody asked it */
    int model_bound;   /* the resource that binds most of it, as the model numbers them */
};
struct npu_stats {
    int columns;
    struct npu_col_stats col[NPU_MAX_COLS];
    struct npu_op_stats op[NPU_OP_COUNT];
    uint64_t lists, cmds;    /* sent and done */
    uint64_t submit_ns;      /* host time in checks and hand-over */
    uint64_t list_ns;        /* wall time of lists */
    uint64_t write_ns, write_bytes; /* host to device */
    uint64_t in_b, out_b;           /* operands of lists, read and written: through the shims */
    uint64_t buf_bytes, buf_count, allocs;
};
/* From now on, whenever a list is checked, asks a model what each command would take: seconds, and
 * the number of the resource that binds.  For the profile; costs a few microseconds a list.  Before
 * the first list runs; fn NULL: not any more.  ctx is lent. */
typedef double (*npu_model_fn)(const void *ctx, const struct npu_cmd *c, int *bound);
void npu_rt_predict(struct npu_rt *rt, npu_model_fn fn, const void *ctx);

void npu_rt_stats(const struct npu_rt *rt, struct npu_stats *s);
const char *npu_op_name(int op);

#endif
