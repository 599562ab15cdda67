/* The driver for XDNA NPUs under amdxdna: discovery, buffers, contexts, submission, recovery,
 * figures. It works on any side of the seam (sys.h): silicon or the virtual device of vdrm.h.
 *
 * IT HAS NOT RUN ON SILICON YET.  Lists run on the virtual device; on an NPU they need a program
 * that understands them, which kernels/aie2 does not have.  dev_xdna_exec is for programs that
 * exist.
 *
 * One submitting thread at a time; stats and sense may be called from any other thread. */
#ifndef NPU_DEV_XDNA_H
#define NPU_DEV_XDNA_H

#include "npu/dev/dev.h"
#include "npu/dev/sys.h"

struct dev_xdna;

struct dev_xdna_opts {
    const char *node;   /* "/dev/accel/accel0"; NULL: the first NPU found */
    const void *xclbin; /* program image, lent until close */
    size_t xclbin_b;
    const char *kernel;  /* in it; NULL: its first */
    int in_flight;       /* commands handed over at a time, 1..4; 0: 2 */
    int per_call;        /* list commands in one call; 0: as many as fit */
    int per_chain;       /* calls in one chain; 0: as many as fit */
    int wait_ms;         /* limit for one wait; 0: what the driver's generation needs */
    int lock_maps;       /* MAP_LOCKED, as AMD's own library does; not needed by any known kernel */
    int no_known_answer; /* leave out the test run at the start */
    /* One sentence for each thing that went wrong and was mended. */
    void (*note)(void *ctx, const char *text);
    void *note_ctx;
};

/* The NPU that dev_xdna_open would take, found, opened and closed again: so that its program can be
 * chosen.  The same sentences. */
struct dev_chip {
    char name[8];   /* "npu4" */
    char path[96];  /* of its node */
    char family[8]; /* "npu2": of its programs, as the tool chain calls it */
    int columns;
};
int dev_xdna_find(struct sys *s, const char *node, struct dev_chip *chip, struct err *e);

int dev_xdna_open(struct dev_xdna **x, struct sys *s, const struct dev_xdna_opts *o, struct err *e);
void dev_xdna_close(struct dev_xdna *x);

/* As a device for npu/rt: run takes jobs whose pointers lie in buffers from here, and does what
 * dev_xdna_run does.  Its close is dev_xdna_close. */
struct dev *dev_xdna_dev(struct dev_xdna *x);

/* 1: its program understands command lists; 0: only dev_xdna_exec is of use. */
int dev_xdna_runs_lists(const struct dev_xdna *x);

const char *dev_xdna_name(const struct dev_xdna *x); /* "NPU Strix (npu4), 8 columns" */

/* -- buffers: 1..255, zeroed, page-aligned, mapped for their whole life ------------------------ */

int dev_xdna_bo_new(struct dev_xdna *x, size_t size, const char *what, uint32_t *bo, struct err *e);
void dev_xdna_bo_free(struct dev_xdna *x, uint32_t bo);
void *dev_xdna_bo_map(const struct dev_xdna *x, uint32_t bo); /* NULL: no such buffer */
size_t dev_xdna_bo_size(const struct dev_xdna *x, uint32_t bo);
/* Caches are not coherent.  After a write through the map, before the next run: */
void dev_xdna_wrote(struct dev_xdna *x, uint32_t bo, size_t off, size_t size);
/* Results need nothing: run leaves them readable. */

/* -- running ----------------------------------------------------------------------------------- */

/* Runs commands whose buffer numbers are those above, and waits.  A failure of the device is met by
 * running the list again from the start (what it overwrote of its own inputs is put back), first in
 * the same context, then in a new one; after that -ERR_NPU_HANG, and so at once from then on.
 * -ERR_NPU: the list is not valid. */
int dev_xdna_run(struct dev_xdna *x, const struct npu_cmd *cmd, int n, struct err *e);

/* After -ERR_NPU_HANG or -ERR_NPU of dev_xdna_run, for whoever takes over its list.  give_up ends
 * the context; from then on every run fails at once.  0: the device is at rest; -1: it may still
 * write to the buffers, so what they hold has to be copied out of them.  put_back then writes what
 * the list had overwritten of its own inputs to the places that `at` names.  0, or -ERR_NPU_HANG:
 * it was too much to be kept. */
int dev_xdna_give_up(struct dev_xdna *x);
int dev_xdna_put_back(struct dev_xdna *x, void *(*at)(void *ctx, uint32_t bo, size_t off),
                      void *ctx);

/* Runs an instruction stream of the tool chain (checked) with up to 6 buffers as its arguments. All
 * of them may be written by it.  Tried once. */
int dev_xdna_exec(struct dev_xdna *x, const uint32_t *stream, size_t words, const uint32_t *bo,
                  int n_bo, struct err *e);

struct dev_xdna_stats {
    uint64_t lists, cmds;                                     /* run */
    uint64_t calls;                                           /* START packets */
    uint64_t execs;                                           /* ioctls that handed them over */
    uint64_t again;                                           /* lists run a second time */
    uint64_t resets;                                          /* contexts made anew */
    uint64_t pack_ns, sync_ns, submit_ns, wait_ns, unpack_ns; /* where a list's time went */
    uint64_t sync_b, undo_b; /* flushed; copied so that a list can be repeated */
    uint64_t bos, bo_b;
};
void dev_xdna_stats(const struct dev_xdna *x, struct dev_xdna_stats *s);

/* -- figures: asks the driver; every figure with its own flag ---------------------------------- */

struct dev_value {
    int64_t v;
    int valid;
};
struct dev_sense {
    char name[64], driver[16], firmware[32], kernel[64];
    struct dev_value mp_mhz, h_mhz, h_max_mhz;
    struct dev_value contexts, contexts_max; /* of all programs */
    struct dev_value tops_now, tops_max;
    struct dev_value power_mw, temp_c, power_mode;
    struct dev_value busy_ns;                          /* by the driver's own count */
    struct dev_value submissions, completions, errors; /* of our context */
    int columns;
    struct dev_value col_pct[DEV_MAX_COLS];
};
void dev_xdna_sense(struct dev_xdna *x, struct dev_sense *s);

#endif
