/* The device of a command: from options, and from variables that tests and owners of silicon set.
 * Main thread. */
#ifndef APP_DEVICE_H
#define APP_DEVICE_H

#include "app/args.h"
#include "npu/rt/rt.h"

struct app_device {
    struct npu_rt_opts opts; /* for npu_rt_open; points into this struct and into argv */
    char programs[4096];
};

/* columns > 0 instead of a->columns.  Reads
 *   DICTATE_XCLBIN      folder with a folder of programs for each family (npu1, npu2); otherwise
 *                       xclbin in the data folder or beside the program
 *   DICTATE_NPU_LINUX   6.18: the virtual driver is that of Linux 6.18, otherwise that of 7.1
 *   DICTATE_NPU_FAULTS  faults of the virtual driver, by the script of npu/dev/vdrm.h
 *   DICTATE_NPU_STRICT  1: it models caches */
void app_device(struct app_device *d, const struct args *a, int columns);

#endif
