/* xclbin files: the program image of a partition.  Finds the compute units, the PDI of a kernel and
 * the partition's width; trusts nothing.  Pure; any thread.  The result points into the file. */
#ifndef NPU_DEV_XCLBIN_H
#define NPU_DEV_XCLBIN_H

#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

enum { XCLBIN_MAX_CUS = 32, XCLBIN_MAX_ARGS = 16, XCLBIN_MAX_STARTS = 8 };

struct xclbin_cu {
    char name[65]; /* "KERNEL:INSTANCE" */
    uint8_t func;
};
struct xclbin_arg {
    char name[32];
    uint32_t offset, size; /* in the kernel's registers, bytes */
};
struct xclbin {
    uint8_t uuid[16];
    int columns;            /* width of the partition */
    uint32_t ops_per_cycle; /* for the kernel's arithmetic on quality of service */
    int n_starts;
    uint16_t start[XCLBIN_MAX_STARTS]; /* columns it was compiled for; hints */
    int n_cus;
    struct xclbin_cu cu[XCLBIN_MAX_CUS]; /* place: the unit's bit in a mask */
    int chosen;                          /* unit of the kernel asked for */
    uint64_t kernel_id;
    const uint8_t *pdi; /* its image */
    size_t pdi_b;
    int odd_pdi; /* the image does not begin as images do: worth a line in the log */
    int n_args;
    struct xclbin_arg arg[XCLBIN_MAX_ARGS];
};

/* kernel NULL: the first unit.  -ERR_NPU and a sentence for everything that is not whole. */
int xclbin_parse(const void *file, size_t bytes, const char *kernel, struct xclbin *x,
                 struct err *e);

#endif
