/* The runtime's insides, for npu/rt alone. */
#ifndef NPU_RT_INSIDE_H
#define NPU_RT_INSIDE_H

#include <stdatomic.h>

#include "npu/dev/dev.h"
#include "npu/rt/rt.h"

enum { RT_MAX_BUFS = 256 };

struct rt_buf {
    void *data;
    size_t size;
};

struct npu_rt {
    struct dev *dev;
    const struct k_table *kernels;
    struct rt_buf buf[RT_MAX_BUFS]; /* 0 is never used */
    char name[96], short_name[16];
    _Atomic uint64_t submit_ns, write_ns, write_bytes, buf_bytes, buf_count, allocs;
};

#endif
