/* The runtime's insides, for npu/rt alone. */
#ifndef NPU_RT_INSIDE_H
#define NPU_RT_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/base/file.h"
#include "npu/dev/dev.h"
#include "npu/dev/xdna.h"
#include "npu/rt/health.h"
#include "npu/rt/rt.h"

enum { RT_MAX_BUFS = 256, RT_LARGE = 2 << 20 /* a large page on most machines */ };

struct rt_buf {
    void *data;
    size_t size;
    uint32_t bo; /* the driver's number of it, the same as ours; 0: plain memory */
};

struct rt_names {
    char text[96], brief[16];
};

struct npu_rt {
    struct dev *dev;    /* columns called directly; NULL while the driver runs lists */
    struct sys *sys;    /* what the driver talks to */
    struct dev_xdna *x; /* NULL: there never was a driver; stays open when it is given up */
    struct file_map program; /* the driver's, from a file */
    int driven;         /* lists go through x; the submitting thread's */
    int columns, threads;
    const char *chip; /* "npu4": whose array this is, or is taken for */
    const struct k_table *kernels;
    struct rt_buf buf[RT_MAX_BUFS]; /* 0 is never used */
    struct rt_names names, fallen;
    const struct rt_names *_Atomic now; /* of the two */
    _Atomic uint64_t submit_ns, write_ns, write_bytes, buf_bytes, buf_count, allocs;
    _Atomic uint64_t in_b, out_b, model_ns[NPU_OP_COUNT];
    _Atomic int model_bound[NPU_OP_COUNT];
    npu_model_fn model;
    const void *model_ctx;
    pthread_mutex_t mu; /* dev and health, which others read while a driver is given up */
    struct npu_rt_health health;
};

/* device.c: the device that was asked for, and the way out when its driver fails. */
int rt_device_open(struct npu_rt *rt, const struct npu_rt_opts *o, struct err *e);
void rt_device_close(struct npu_rt *rt);
/* The driver failed with `why`: from now on the columns are called directly, and the memory is what
 * it was before the list that failed.  -ERR_NPU_HANG or -ERR_MEM: impossible, `why` stays true. */
int rt_fall_back(struct npu_rt *rt, const struct err *why);

#endif
