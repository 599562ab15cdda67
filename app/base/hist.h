/* How long things take: a histogram with logarithmic buckets (8 to the octave: values within 6 %).
 *
 * hist_add is a few relaxed atomics and may be called from one thread while others read. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdatomic.h>
#include <stdint.h>

enum { HIST_BUCKETS = 320 }; /* nanoseconds up to 2^40: 18 minutes; longer ones fall in the last */

struct hist {
    _Atomic uint64_t n, sum_ns, max_ns, last_ns;
    _Atomic uint32_t b[HIST_BUCKETS];
};

/* A copy to compute with.  Two of them subtracted give a window of time. */
struct hist_snap {
    uint64_t n, sum_ns, max_ns, last_ns;
    uint32_t b[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t ns);
void hist_snap(const struct hist *h, struct hist_snap *s);
/* out = now - then (both of the same histogram, then the older).  max_ns becomes the upper edge of
 * the highest bucket hit, at most now->max_ns. */
void hist_since(const struct hist_snap *now, const struct hist_snap *then, struct hist_snap *out);
/* The q-quantile (0..1) in ns: middle of its bucket, never above max_ns.  0 when n is 0. */
uint64_t hist_q(const struct hist_snap *s, double q);

#endif
