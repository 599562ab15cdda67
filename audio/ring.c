/* Single-producer single-consumer float ring, see ring.h.  ring_new allocates, nothing else does;
 * no call blocks.
 *
 * The two indices are sequentially consistent, not merely acquire/release: capture.c decides by
 * them whether to wake the other side, which needs a total order (a few ns at 50 calls a second).
 */
#include "audio/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"

/* GAPS may wait, and one more at the end; a power of two places, so that counting on is modulo them. */
enum { GAPS = 64, PLACES = 128 };

struct ring {
    size_t size; /* power of two */
    float *data;
    _Alignas(64) atomic_uint_least64_t head; /* samples put */
    struct ring_gap pend;                    /* producer's: not yet published, lost 0: none */
    _Alignas(64) atomic_uint_least64_t tail; /* samples read */
    _Alignas(64) atomic_uint_least64_t lost;
    atomic_uint gap_head, gap_tail;
    struct ring_gap gap[PLACES];
};

int ring_new(struct ring **out, size_t samples, struct err *e)
{
    struct ring *r = NULL;
    size_t size = 64;
    *out = NULL;
    while (size < samples && size < SIZE_MAX / 16) {
        size *= 2;
    }
    r = aligned_alloc(64, sizeof *r);
    if (r) {
        memset(r, 0, sizeof *r);
        r->size = size;
        r->data = malloc(size * sizeof *r->data);
    }
    if (!r || !r->data) {
        free(r);
        return err_set(e, ERR_MEM, "no memory for %zu samples of sound", samples);
    }
    *out = r;
    return 0;
}

void ring_free(struct ring *r)
{
    if (r) {
        free(r->data);
        free(r);
    }
}

size_t ring_size(const struct ring *r)
{
    return r->size;
}

size_t ring_room(struct ring *r)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    return r->size - (size_t)(head - atomic_load(&r->tail));
}

size_t ring_fill(struct ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    return (size_t)(atomic_load(&r->head) - tail);
}

/* Hands a waiting gap to the consumer.  0 when `most` are waiting already. */
static int publish(struct ring *r, unsigned most)
{
    unsigned head = atomic_load_explicit(&r->gap_head, memory_order_relaxed);
    if (r->pend.lost > 0 &&
        head - atomic_load_explicit(&r->gap_tail, memory_order_acquire) < most) {
        r->gap[head % PLACES] = r->pend;
        r->pend.lost = 0;
        atomic_store_explicit(&r->gap_head, head + 1, memory_order_release);
    }
    return r->pend.lost == 0;
}

size_t ring_put(struct ring *r, const float *x, size_t n)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t room = ring_room(r);
    size_t at = (size_t)head & (r->size - 1);
    n = n < room ? n : room;
    if (n == 0 || !publish(r, GAPS)) { /* a gap must be seen before the samples behind it */
        return 0;
    }
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(r->data + at, x, first * sizeof *x);
    memcpy(r->data, x + first, (n - first) * sizeof *x);
    atomic_store(&r->head, head + n);
    return n;
}

void ring_skip(struct ring *r, uint64_t lost, unsigned why)
{
    if (lost == 0) {
        return;
    }
    if (why != GAP_PAUSE) {
        atomic_fetch_add_explicit(&r->lost, lost, memory_order_relaxed);
    }
    if (r->pend.lost > 0 && r->pend.why != why) {
        (void)publish(r, GAPS); /* two reasons are two gaps while there is place for them */
    }
    if (r->pend.lost == 0) {
        r->pend.at = atomic_load_explicit(&r->head, memory_order_relaxed);
        r->pend.t_us = clk_us();
        r->pend.why = 0;
    }
    r->pend.lost += lost;
    r->pend.why |= why;
}

void ring_lost(struct ring *r, uint64_t lost)
{
    ring_skip(r, lost, GAP_FULL);
}

void ring_end(struct ring *r)
{
    /* one more than ring_put allows: nobody could publish this gap later */
    (void)publish(r, GAPS + 1);
}

/* Samples up to the next gap that lies behind `tail`, at most n.  The caller has loaded head
 * before: a gap is published before the samples behind it are. */
static size_t before_gap(struct ring *r, uint64_t tail, size_t n)
{
    unsigned end = atomic_load_explicit(&r->gap_head, memory_order_acquire);
    for (unsigned i = atomic_load_explicit(&r->gap_tail, memory_order_relaxed); i != end; i++) {
        uint64_t at = r->gap[i % PLACES].at;
        if (at > tail) {
            return at - tail < n ? (size_t)(at - tail) : n;
        }
    }
    return n;
}

size_t ring_get(struct ring *r, float *x, size_t n)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t fill = ring_fill(r);
    size_t at = (size_t)tail & (r->size - 1);
    n = before_gap(r, tail, n < fill ? n : fill);
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(x, r->data + at, first * sizeof *x);
    memcpy(x + first, r->data, (n - first) * sizeof *x);
    atomic_store(&r->tail, tail + n);
    return n;
}

int ring_gap_waits(struct ring *r)
{
    unsigned tail = atomic_load_explicit(&r->gap_tail, memory_order_relaxed);
    return tail != atomic_load_explicit(&r->gap_head, memory_order_acquire) &&
           r->gap[tail % PLACES].at <= atomic_load_explicit(&r->tail, memory_order_relaxed);
}

int ring_gap(struct ring *r, struct ring_gap *g)
{
    unsigned tail = atomic_load_explicit(&r->gap_tail, memory_order_relaxed);
    if (!ring_gap_waits(r)) {
        return 0;
    }
    *g = r->gap[tail % PLACES];
    atomic_store_explicit(&r->gap_tail, tail + 1, memory_order_release);
    return 1;
}

uint64_t ring_put_total(const struct ring *r)
{
    return atomic_load_explicit(&r->head, memory_order_relaxed);
}

uint64_t ring_got_total(const struct ring *r)
{
    return atomic_load_explicit(&r->tail, memory_order_relaxed);
}

uint64_t ring_lost_total(const struct ring *r)
{
    return atomic_load_explicit(&r->lost, memory_order_relaxed);
}
