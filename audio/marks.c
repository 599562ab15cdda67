/* The list of gaps, see marks.h.  Stores release and loads acquire: who saw a part of an entry that
 * is being overwritten also sees that the list has moved on. */
#include "audio/marks.h"

void marks_add(struct marks *l, const struct ring_gap *g)
{
    uint64_t n = atomic_load_explicit(&l->n, memory_order_relaxed), i = n % MARKS;
    uint64_t p = (n + MARKS - 1) % MARKS;
    if (n > 0 && atomic_load_explicit(&l->m[p].at, memory_order_relaxed) == g->at &&
        atomic_load_explicit(&l->m[p].why, memory_order_relaxed) == g->why) {
        atomic_fetch_add_explicit(&l->m[p].lost, g->lost, memory_order_release);
        return;
    }
    atomic_store_explicit(&l->m[i].at, g->at, memory_order_release);
    atomic_store_explicit(&l->m[i].lost, g->lost, memory_order_release);
    atomic_store_explicit(&l->m[i].t_us, g->t_us, memory_order_release);
    atomic_store_explicit(&l->m[i].why, g->why, memory_order_release);
    atomic_store_explicit(&l->n, n + 1, memory_order_release);
}

/* Copies number i; 0 when it may have been overwritten meanwhile. */
static int copy(struct marks *l, uint64_t i, struct ring_gap *g)
{
    g->at = atomic_load_explicit(&l->m[i % MARKS].at, memory_order_acquire);
    g->lost = atomic_load_explicit(&l->m[i % MARKS].lost, memory_order_acquire);
    g->t_us = atomic_load_explicit(&l->m[i % MARKS].t_us, memory_order_acquire);
    g->why = atomic_load_explicit(&l->m[i % MARKS].why, memory_order_acquire);
    return atomic_load_explicit(&l->n, memory_order_acquire) < i + MARKS;
}

int marks_read(struct marks *l, struct ring_gap *out, int max, uint64_t *total)
{
    uint64_t n = atomic_load_explicit(&l->n, memory_order_acquire);
    uint64_t want = max < MARKS - 1 ? (uint64_t)(max > 0 ? max : 0) : MARKS - 1;
    int k = 0;
    *total = n;
    for (uint64_t i = n > want ? n - want : 0; i < n; i++) {
        k += copy(l, i, &out[k]);
    }
    return k;
}
