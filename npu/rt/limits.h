/* What the machine can do at most, measured: the figures beside which every other is read. */
#ifndef NPU_RT_LIMITS_H
#define NPU_RT_LIMITS_H

#include "app/base/err.h"
#include "npu/rt/rt.h"

struct npu_limits {
    int threads;
    double int8_gops;   /* INT8 multiply-adds of the unit the kernels use, two operations each, 1e9/s */
    double f32_gflops;  /* f32 fused multiply-adds */
    double l2_gbs;      /* reading 512 KB a thread, 1e9 bytes/s, all threads together */
    double l3_gbs;      /* reading 4 MB a thread; 0: no L3 of that size */
    double dram_gbs;    /* reading 128 MB a thread */
};

/* Measures with `threads` threads at once: best of several short runs, about half a second in all.
 * -ERR_MEM when the memory for it is not there. */
int npu_limits_measure(const struct npu_rt *rt, int threads, struct npu_limits *l, struct err *e);

/* Reading a set of `bytes` again and again, shared out over the threads: what a pass that needs these
 * bytes cannot beat, whichever cache or memory they come from.  Others use these caches too, and the
 * rate moves by half within seconds: take it by turns with what is held against it. */
struct npu_reader;

/* Large pages, as the device's buffers are.  -ERR_MEM. */
int npu_reader_new(struct npu_reader **out, const struct npu_rt *rt, int threads, size_t bytes,
                   struct err *e);
/* Passes that do not count before some that do: what ran before has filled the caches. */
enum { NPU_WARM = 2 };
/* The set read `times` times, after NPU_WARM others: 1e9 bytes/s of all threads together. */
double npu_reader_rate(struct npu_reader *r, int times);
void npu_reader_free(struct npu_reader *r);

/* A word from one thread to another and back, nanoseconds: what threads that share an L3 exchange in tens
 * takes hundreds between others, and a virtual machine moves from one to the other within seconds.  The
 * median of short runs, 5 ms at most; NaN when the two did not run at once. */
double npu_round_trip_ns(void);

#endif
