/* See hist.h.  Any thread; allocates nothing. */
#include "app/base/hist.h"

#include <string.h>

/* Values 0..15 have a bucket each; above, the leading bit and the next three choose one. */
static int bucket(uint64_t ns)
{
    if (ns < 16) {
        return (int)ns;
    }
    int top = 63 - __builtin_clzll(ns); /* 4.. */
    int b = 16 + (top - 4) * 8 + (int)(ns >> (top - 3) & 7);
    return b < HIST_BUCKETS ? b : HIST_BUCKETS - 1;
}

/* Smallest value of bucket b. */
static uint64_t edge(int b)
{
    if (b < 16) {
        return (uint64_t)b;
    }
    int top = (b - 16) / 8 + 4;
    return (uint64_t)(8 + (b - 16) % 8) << (top - 3);
}

void hist_add(struct hist *h, uint64_t ns)
{
    atomic_fetch_add_explicit(&h->b[bucket(ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->n, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, ns, memory_order_relaxed);
    atomic_store_explicit(&h->last_ns, ns, memory_order_relaxed);
    if (ns > atomic_load_explicit(&h->max_ns, memory_order_relaxed)) {
        atomic_store_explicit(&h->max_ns, ns, memory_order_relaxed); /* one writer */
    }
}

void hist_snap(const struct hist *h, struct hist_snap *s)
{
    uint64_t n = 0;
    for (int i = 0; i < HIST_BUCKETS; i++) {
        s->b[i] = atomic_load_explicit(&h->b[i], memory_order_relaxed);
        n += s->b[i];
    }
    s->n = n; /* of the buckets just read: consistent with them */
    s->sum_ns = atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
    s->max_ns = atomic_load_explicit(&h->max_ns, memory_order_relaxed);
    s->last_ns = atomic_load_explicit(&h->last_ns, memory_order_relaxed);
}

void hist_since(const struct hist_snap *now, const struct hist_snap *then, struct hist_snap *out)
{
    struct hist_snap r = {.n = now->n - then->n, .sum_ns = now->sum_ns - then->sum_ns};
    int high = -1;
    for (int i = 0; i < HIST_BUCKETS; i++) {
        r.b[i] = now->b[i] - then->b[i];
        high = r.b[i] ? i : high;
    }
    if (high >= 0) {
        uint64_t up = edge(high + 1) - 1;
        r.max_ns = up < now->max_ns && high < HIST_BUCKETS - 1 ? up : now->max_ns;
        r.last_ns = now->last_ns;
    }
    *out = r;
}

uint64_t hist_q(const struct hist_snap *s, double q)
{
    if (!s->n) {
        return 0;
    }
    q = q < 0 ? 0 : q > 1 ? 1 : q;
    uint64_t want = (uint64_t)(q * (double)(s->n - 1)) + 1, seen = 0;
    for (int i = 0; i < HIST_BUCKETS; i++) {
        seen += s->b[i];
        if (seen >= want) {
            uint64_t mid = i < 16 ? (uint64_t)i : (edge(i) + edge(i + 1)) / 2;
            return mid > s->max_ns || i == HIST_BUCKETS - 1 ? s->max_ns : mid;
        }
    }
    return s->max_ns;
}
