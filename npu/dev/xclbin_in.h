/* Between xclbin.c (sections) and xclbin_xml.c (the text section).  For those two alone. */
#ifndef NPU_DEV_XCLBIN_IN_H
#define NPU_DEV_XCLBIN_IN_H

#include "npu/dev/xclbin.h"

/* What the XML says about one kernel. */
struct xclbin_kernel {
    int found;
    uint64_t id; /* dpu_kernel_id, 0: not said */
    int n_args;
    struct xclbin_arg arg[XCLBIN_MAX_ARGS];
};

/* Scans tags and attributes of at most n bytes; no entities, no namespaces.  name: up to its ':'.
 */
int xclbin_xml(const char *text, size_t n, const char *name, size_t name_n, struct xclbin_kernel *k,
               struct err *e);

#endif
