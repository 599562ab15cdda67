/* Monotonic time.  Header only: a call is one clock_gettime through the vDSO. */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some fixed point (CLOCK_MONOTONIC). */
static inline int64_t clk_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t clk_us(void) { return clk_ns() / 1000; }

/* CPU time of the whole process, nanoseconds. */
static inline int64_t clk_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
