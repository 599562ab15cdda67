/* How the device is: what went wrong and was mended, and the figures its driver gives.  For the
 * profile, `dictate bench` and tests; any thread. */
#ifndef NPU_RT_HEALTH_H
#define NPU_RT_HEALTH_H

#include <stdint.h>

struct npu_rt;

struct npu_rt_health {
    uint64_t repeated; /* lists run a second time */
    uint64_t resets;   /* contexts made anew */
    int fell_back;     /* the driver was given up; the columns are called directly since */
    uint64_t notes;    /* sentences so far */
    char note[256];    /* the newest of them */
};
void npu_rt_health(const struct npu_rt *rt, struct npu_rt_health *h);

/* A figure somebody may have; without `valid` nobody knows it. */
struct npu_reading {
    int64_t v;
    int valid;
};

/* What the driver says of its device. */
struct npu_sense {
    int driver;             /* 0: there is none between us and the columns; nothing below is valid */
    int real;               /* silicon */
    char chip[16];          /* "npu4" */
    char version[16];       /* of amdxdna: "0.8" */
    char firmware[32];
    struct npu_reading mhz; /* of the array */
    struct npu_reading contexts, contexts_max; /* in use by all programs; possible */
    struct npu_reading power_mw;
    struct npu_reading errors; /* of our context */
};
/* Asks the driver: a few calls, microseconds on the virtual one.  An NPU wakes up for it. */
void npu_rt_sense(const struct npu_rt *rt, struct npu_sense *s);

/* Where the time of lists went that a driver handed over, nanoseconds since the start, and what was
 * moved.  All 0 without one. */
struct npu_handover {
    uint64_t calls;  /* programs started on the array */
    uint64_t chains; /* ioctls that handed them over */
    uint64_t pack_ns, sync_ns, submit_ns, wait_ns, unpack_ns;
    uint64_t sync_b, undo_b; /* cache lines written back; kept so that a list can be repeated */
};
void npu_rt_handover(const struct npu_rt *rt, struct npu_handover *h);

#endif
