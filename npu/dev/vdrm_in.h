/* The virtual driver's insides, for vdrm*.c alone.  Everything below `mu` is guarded by it. */
#ifndef NPU_DEV_VDRM_IN_H
#define NPU_DEV_VDRM_IN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "npu/dev/abi.h"
#include "npu/dev/txn.h"
#include "npu/dev/vdrm.h"

enum {
    VDRM_CLIENTS = 8,
    VDRM_HANDLES = 2048, /* buffers of one client */
    VDRM_SYNCOBJS = 64,
    VDRM_CTXS = 32,
    VDRM_MAPS = 4096,
    VDRM_UNITS = 2048 * 8, /* 32 KiB pieces of the largest heap */
    VDRM_RULES = 16,
    VDRM_SUBS = 512,
};

/* What differs between the driver generations. */
struct vdrm_gen_info {
    const char *release;
    int minor;
    int late; /* the newer one: addresses are VAs, EAGAIN for an unmapped heap, TDR of 2 s */
    int tdr_ms;
    uint32_t ctx_entry_b; /* size of its context records */
};
struct vdrm_chip_info {
    const char *name, *vbnv;
    unsigned device, revision;
    int cols, usable, first, generation; /* generation: of instruction streams */
    int ctx_limit;
    uint64_t heap_max;
    struct xdna_firmware fw;
    uint32_t mp_mhz, h_mhz;
    int all_columns; /* every context gets all columns, shared in time */
};

enum vdrm_step {
    V_OPEN,
    V_VERSION,
    V_HEAP,
    V_SHARE,
    V_DEV,
    V_CMD,
    V_BO_INFO,
    V_MMAP,
    V_SYNC,
    V_CREATE_CTX,
    V_CONFIG,
    V_EXEC,
    V_WAIT,
    V_QUERY,
    V_DESTROY,
    V_INFO,
    V_ARRAY,
    V_STATE,
    V_JOB,
    V_COLUMN,
    V_STEPS
};
enum vdrm_act {
    V_NONE,
    V_ERRNO,
    V_ERROR,
    V_HANG,
    V_LOST,
    V_ABORTED,
    V_REJECT,
    V_SLOW,
    V_WEDGE,
    V_GONE
};
struct vdrm_rule {
    enum vdrm_step step;
    enum vdrm_act act;
    uint32_t from, times, sub; /* times 0: for ever */
    uint32_t value;            /* errno, status or ms */
};
struct vdrm_faults {
    struct vdrm_rule rule[VDRM_RULES];
    int n;
    uint32_t seen[V_STEPS];
};

/* A buffer lives while a handle, a map, a job, a context or its client's heap slot holds it. */
struct vdrm_bo {
    int refs, busy; /* busy: jobs among them */
    uint32_t handle, type;
    size_t size;
    uint64_t token;  /* for mmap */
    int fd;          /* memfd; -1: anonymous pages made by mmap */
    uint8_t *kernel; /* the kernel's map (heap, CMD) */
    uint8_t *user;   /* first map, NULL: none */
    int maps;
    size_t at;            /* DEV: offset in the heap */
    struct vdrm_bo *heap; /* DEV */
    uint64_t mark;
    uint8_t *view, *base; /* strict: what the device sees; what host and device agreed on last */
};

struct vdrm_map {
    uint8_t *p;
    size_t n;
    struct vdrm_bo *bo;
};

struct vdrm_syncobj {
    int used;             /* only its handle refers to it */
    uint64_t added, done; /* points 0 .. added-1 exist, 0 .. done-1 have signalled */
};

struct vdrm_job {
    uint64_t seq;
    struct vdrm_bo *cmd;
    struct vdrm_bo **arg;
    int n_args, cap;
};

struct vdrm_sub {
    int op, cu, at, words; /* registers at words[at] */
};

struct vdrm_client;
struct vdrm_ctx {
    struct vdrm *v;
    struct vdrm_client *client;
    uint32_t id, syncobj;
    int start, cols;
    struct vdrm_bo *internal[4];
    int n_cus;
    struct vdrm_bo *cu_bo[XDNA_MAX_CUS];
    uint64_t cu_hash[XDNA_MAX_CUS];
    struct vdrm_job job[XDNA_MAX_IN_FLIGHT];
    int head, count; /* ring of jobs in flight */
    bool quit, cancel, closing;
    bool running; /* a thread runs the command at the head */
    pthread_t thread;
    uint64_t submissions, completions, errors, next_seq;
    int64_t busy_ns;
    /* of the thread that runs a command */
    uint32_t words[XDNA_CHAIN_B / 4];
    struct vdrm_sub sub[VDRM_SUBS];
    int n_subs;
    struct dev_job *jobs;
    int n_jobs, jobs_cap;
};

struct vdrm_client {
    int fd;
    int waiters; /* calls that sleep inside */
    struct vdrm_bo *bo[VDRM_HANDLES];
    struct vdrm_syncobj syncobj[VDRM_SYNCOBJS];
    struct vdrm_ctx *ctx[VDRM_CTXS];
    struct vdrm_bo *heap;
    uint8_t unit[VDRM_UNITS]; /* pieces of the heap in use */
    uint32_t last_id;
    int64_t busy_ns; /* of contexts that are gone */
};

struct vdrm {
    struct sys sys;
    struct vdrm_opts o;
    const struct vdrm_gen_info *gen;
    const struct vdrm_chip_info *chip;
    struct dev *array; /* the columns; under array_mu */
    pthread_mutex_t array_mu;
    uint8_t *image;
    size_t image_b;
    uint64_t program; /* hash of the PDI that the firmware knows */

    pthread_mutex_t mu;
    pthread_cond_t cv;
    struct vdrm_client *client[VDRM_CLIENTS];
    struct vdrm_map map[VDRM_MAPS];
    int n_maps;
    struct vdrm_faults faults;
    struct vdrm_counts counts;
    uint64_t next_token, mark;
    uint32_t last_id;
    int64_t last_event; /* a completion or a hand-over on the device */
    int computing;      /* workers that calculate: the watchdog waits for them */
    int wedged;         /* 0: healthy; counts calls since the firmware died */
    bool gone;
    char report[200];
};

/* vdrm_fault.c */
struct vdrm_rule vdrm_fault(struct vdrm *v, enum vdrm_step step);
int vdrm_fault_errno(struct vdrm *v, enum vdrm_step step); /* 0: none */
uint32_t vdrm_column_ms(struct vdrm *v);
int vdrm_fault_parse(struct vdrm_faults *f, const char *script, struct err *e);

/* vdrm_bo.c: ioctls return 0 or -errno */
int vdrm_create_bo(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_bo_info(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_sync_bo(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_gem_close(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_prime(struct vdrm *v, struct vdrm_client *c, void *arg);
struct vdrm_bo *vdrm_bo(struct vdrm_client *c, uint32_t handle);
void vdrm_bo_put(struct vdrm *v, struct vdrm_client *c, struct vdrm_bo *b);
int vdrm_heap_take(struct vdrm *v, struct vdrm_client *c, size_t n, struct vdrm_bo **out);
/* vdrm_map.c */
void *vdrm_mmap(struct sys *s, void *at, size_t n, int prot, int flags, int fd, uint64_t off);
int vdrm_munmap(struct sys *s, void *p, size_t n);
void vdrm_flush(struct sys *s, const void *p, size_t n);
void vdrm_flush_locked(struct vdrm *v, const uint8_t *p, size_t n);
uint64_t vdrm_stale(struct vdrm *v, const struct vdrm_bo *b, size_t off, size_t n);

/* vdrm_ctx.c */
int vdrm_create_ctx(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_destroy_ctx(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_config_ctx(struct vdrm *v, struct vdrm_client *c, void *arg);
struct vdrm_ctx *vdrm_ctx(struct vdrm_client *c, uint32_t id);
void vdrm_ctx_end(struct vdrm *v, struct vdrm_ctx *x);
int vdrm_tasks(const struct vdrm *v);

/* vdrm_exec.c */
int vdrm_exec(struct vdrm *v, struct vdrm_client *c, void *arg);
void *vdrm_worker(void *ctx);
bool vdrm_help(struct vdrm *v, struct vdrm_client *c, uint32_t syncobj, int64_t deadline_ns);
int vdrm_unpack(struct vdrm *v, struct vdrm_ctx *x, const struct vdrm_bo *cmd);

/* vdrm_fw.c: runs sub-commands from `first` up to but not with `end`; 0 or a firmware status, *at:
 * the one that failed */
uint32_t vdrm_fw_run(struct vdrm *v, struct vdrm_ctx *x, const struct vdrm_job *j, int end,
                     int *at);
uint64_t vdrm_hash(const void *p, size_t n);
uint8_t *vdrm_device_view(const struct vdrm_bo *b);

/* vdrm_sync.c */
int vdrm_syncobj_create(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_syncobj_destroy(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_timeline_wait(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_timeline_query(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_timeline_signal(struct vdrm *v, struct vdrm_client *c, void *arg);
uint32_t vdrm_syncobj_new(struct vdrm *v, struct vdrm_client *c);
void vdrm_until(struct vdrm *v, int64_t deadline_ns); /* waits for any change, at most so long */

/* vdrm_info.c */
int vdrm_get_info(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_get_array(struct vdrm *v, struct vdrm_client *c, void *arg);
int vdrm_set_state(struct vdrm *v, struct vdrm_client *c, void *arg);

/* vdrm_image.c */
int vdrm_image(int generation, int columns, uint8_t **image, size_t *bytes, uint64_t *program);

#endif
