/* The driver's insides, for xdna_*.c alone. */
#ifndef NPU_DEV_XDNA_IN_H
#define NPU_DEV_XDNA_IN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "npu/dev/abi.h"
#include "npu/dev/cmd.h"
#include "npu/dev/spans.h"
#include "npu/dev/txn.h"
#include "npu/dev/xclbin.h"
#include "npu/dev/xdna.h"

enum {
    X_BOS = 256,            /* 0 is never used */
    X_STREAM_B = 256 << 10, /* instruction memory of one slot */
    X_SUBS = 64,   /* calls in one chain at most; the kernel's 4 KiB allow 42 of three buffers */
    X_REG_BOS = 3, /* buffers named in the registers of a list call */
};

struct x_bo {
    uint32_t handle;
    size_t size;
    uint8_t *map;
    uint64_t addr; /* device */
};
struct x_packet {
    uint32_t handle;
    uint32_t *p; /* one page, NULL: not made yet */
};

/* One command in flight: its packets and its instruction memory. */
struct x_slot {
    struct x_packet chain, sub[X_SUBS];
    uint32_t stream_bo;
    uint64_t stream_addr;
    uint8_t *stream;
    int busy, chained, calls;
    uint64_t seq, macs;
    int64_t handed_ns;
};

/* Where something failed; rows of the table of sentences. */
enum x_step {
    X_FIND,
    X_OPEN,
    X_VERSION,
    X_HEAP,
    X_MAP,
    X_BO,
    X_DEV,
    X_CTX,
    X_CONFIG,
    X_EXEC,
    X_WAIT,
    X_STEPS
};

/* How a command ended. */
enum x_end {
    END_OK,
    END_REFUSED, /* NEW after the fence, or an errno that says our call was wrong */
    END_FAILED,  /* ERROR */
    END_ABORTED, /* ABORT */
    END_TIMED,   /* TIMEOUT */
    END_SILENT,  /* our own deadline */
    END_DEAD,    /* the kernel says the device or its firmware does not answer */
};

struct dev_xdna {
    struct dev dev; /* first: npu/rt holds this */
    struct sys *sys;
    struct dev_xdna_opts o;
    int fd;
    pid_t pid; /* that opened it: the device works in this process's memory */
    struct sys_node node;
    char name[96], release[64], fw[32];
    int major, minor, generation; /* driver; of instruction streams */
    int cols, core_rows;
    struct xclbin image;

    uint32_t heap_bo;
    uint8_t *heap;
    uint32_t pdi_bo;
    _Atomic uint32_t ctx; /* read by sense */
    uint32_t syncobj;
    bool has_ctx, lost, lists_run; /* lists_run: the program understands command lists */
    bool at_large; /* a context could not be destroyed: it may still write */
    struct x_slot slot[XDNA_MAX_IN_FLIGHT];
    struct x_bo bo[X_BOS];
    int bo_top; /* highest number in use */

    /* the list that runs */
    const struct npu_cmd *cmd;
    uint64_t *macs;      /* of each command */
    struct npu_cmd *own; /* commands translated for dev_ops.run */
    int macs_cap, own_cap;
    uint8_t place[X_BOS]; /* buffer number to place in the stream's table, from 1 */
    uint32_t used[X_BOS]; /* the other way */
    int n_used;
    struct spans dirty;                 /* written by the host, not flushed */
    struct spans read, written, surely; /* read before written; written; written without gaps */
    struct spans undo;
    uint8_t *saved;
    size_t saved_cap;
    double macs_per_ns; /* seen so far */
    int64_t last_done_ns;
    int failed_errno;

    _Atomic uint64_t lists, cmds, calls, execs, again, resets;
    _Atomic uint64_t pack_ns, sync_ns, submit_ns, wait_ns, unpack_ns, sync_b, undo_b;
    _Atomic uint64_t bos, bo_b;
};

/* xdna_err.c: fills e with the sentence for errno `sys` in this step; returns the code, negative.
 */
int x_fail(const struct dev_xdna *x, enum x_step step, int sys, struct err *e);
void x_note(const struct dev_xdna *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int x_same_process(const struct dev_xdna *x, struct err *e);

/* xdna_run.c */
extern const struct dev_ops x_dev_ops;

/* xdna_call.c: an ioctl, again after EINTR, and a few times after EAGAIN; 0 or errno. */
int x_call(const struct dev_xdna *x, uint32_t code, void *arg);
int x_wait(const struct dev_xdna *x, uint64_t seq, int64_t deadline_ns);
void x_gem_close(const struct dev_xdna *x, uint32_t handle);
void x_count(_Atomic uint64_t *c, uint64_t n);
void x_flush(struct dev_xdna *x, const void *p, size_t n);

/* xdna_run.c: host to device before a list, device to host after; a cache does the same for both.  Empties
 * the set; the time goes to ns. */
void x_flush_spans(struct dev_xdna *x, struct spans *set, _Atomic uint64_t *ns);

/* xdna_undo.c: 0, or -1 without memory */
int x_save(struct dev_xdna *x);
void x_put_back(struct dev_xdna *x);

/* xdna_bo.c */
int x_heap_open(struct dev_xdna *x, struct err *e);
void x_heap_close(struct dev_xdna *x);
int x_dev_new(struct dev_xdna *x, size_t size, uint32_t *handle, uint64_t *addr, uint8_t **host,
              struct err *e);
int x_packet_new(struct dev_xdna *x, struct x_packet *p, struct err *e);
void x_packet_free(struct dev_xdna *x, struct x_packet *p);
int x_find(const struct dev_xdna *x, const void *p, npu_addr *a);

/* xdna_ctx.c */
int x_ctx_open(struct dev_xdna *x, struct err *e);
int x_ctx_close(struct dev_xdna *x);
int x_slots_open(struct dev_xdna *x, struct err *e);
void x_slots_close(struct dev_xdna *x);
int x_wait_ms(const struct dev_xdna *x);

/* xdna_submit.c */
int x_fill(struct dev_xdna *x, struct x_slot *s, int from, int n,
           struct err *e); /* commands taken */
void x_registers(const struct dev_xdna *x, struct x_packet *p, uint64_t stream, size_t words,
                 int most_bos);
enum x_end x_hand_over(struct dev_xdna *x, struct x_slot *s);
enum x_end x_finish(struct dev_xdna *x, struct x_slot *s);

/* xdna_sense.c: contexts of all programs, -1: not told; pids as text */
int x_contexts(const struct dev_xdna *x, char *pids, size_t n);

#endif
