/* The virtual amdxdna: a driver and its device inside this process, at the ioctl boundary.
 *
 * It answers the calls of abi.h with the same structs, checks, errnos, limits and time-outs as two
 * generations of the kernel driver on two chips.  Its firmware runs command lists (txn.h) on the
 * column workers of virt.c, so results are the bits of the direct path.  Behind the seam (sys.h)
 * the driver cannot tell it from the real one.
 *
 * Any thread; one mutex inside, as in the kernel; one thread for each hardware context. */
#ifndef NPU_DEV_VDRM_H
#define NPU_DEV_VDRM_H

#include "npu/dev/dev.h"
#include "npu/dev/sys.h"

enum vdrm_gen {
    VDRM_708, /* driver 0.8, Linux 7.1: the default */
    VDRM_618, /* driver 0.1, Linux 6.18 */
    VDRM_GENS
};
enum vdrm_chip { VDRM_NPU4, VDRM_NPU1, VDRM_CHIPS };

struct vdrm_opts {
    enum vdrm_gen gen;
    enum vdrm_chip chip;
    const struct k_table *kernels;
    int columns; /* of the array behind it; 0: the chip's */
    int threads; /* that serve them; 0: 1 */
    /* Caches are modelled: the device sees what was flushed and the host sees what it flushed.
     * Three copies of every buffer: for tests. */
    int strict;
    /* Caches are written back as on silicon, at its cost, but not modelled. */
    int incoherent;
    int tdr_ms;         /* watchdog; 0: the generation's 2 s or 60 s */
    int drain_ms;       /* DESTROY waits so long for work in flight; 0: 2 s */
    int foreign;        /* contexts that other programs hold */
    int root;           /* this process may SET_STATE */
    int no_node;        /* the chip is on the bus, its driver is not there */
    uint64_t memlock_b; /* limit for locked maps; 0: none */
    /* Faults, see vdrm_script. */
    const char *faults;
};

int vdrm_new(struct sys **s, const struct vdrm_opts *o, struct err *e);
/* All fds must be closed; maps that are left go with it. */
void vdrm_free(struct sys *s);

/* Replaces the faults; occurrences count from now on.  Rules are separated by ';':
 *
 *     STEP[@N[.K]]=WHAT[:VALUE][*TIMES]
 *
 * At the N-th (from 1; default 1) occurrence of STEP, and TIMES in all (default 1; 0: for ever):
 *   open version heap share dev cmd bo_info mmap sync create_ctx config exec wait query destroy
 *   info array state      = an errno by name: the call fails with it
 *   job = error[:STATUS]  sub-command K fails with this firmware status
 *         hang            sub-command K never ends; lost: it ends, nobody is told
 *         abort  reject   state ABORT; left NEW, as a packet the kernel refuses
 *         slow:MS         takes so much longer
 *         wedge           the firmware dies: management calls fail, then the device is gone
 *         gone            the device is unplugged
 *   column = slow:MS      column N takes so much longer for every command
 */
int vdrm_script(struct sys *s, const char *faults, struct err *e);

struct vdrm_counts {
    int bos, contexts, syncobjs, maps, fds; /* alive */
    uint64_t jobs, faults;                  /* run; injected */
    uint64_t stale_lines; /* strict: lines the device read that the host had not flushed */
    uint64_t lost_lines;  /* strict: lines that host and device both wrote */
};
void vdrm_count(struct sys *s, struct vdrm_counts *c);
/* Why the firmware last failed a command; "" when it did not. */
void vdrm_report(struct sys *s, char *text, size_t n);

/* The image that this device's firmware knows: kernel DICTATE, its number, one program. */
const void *vdrm_xclbin(struct sys *s, size_t *bytes);

#endif
