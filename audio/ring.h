/* Float ring between two threads: one producer, one consumer, no locks.
 *
 * Indices count samples since the beginning and never wrap (64 bit).  The producer never blocks:
 * what does not fit is counted and remembered as a gap, so that nothing is lost in silence. */
#ifndef AUDIO_RING_H
#define AUDIO_RING_H

#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

struct ring;

/* Samples that should stand at index `at` and do not. */
struct ring_gap {
    uint64_t at;   /* index of the first sample after the gap */
    uint64_t lost; /* samples missing just before it */
    int64_t t_us;  /* when, CLOCK_MONOTONIC */
};

/* Room for at least `samples`, rounded up to a power of two.  0 or -ERR_MEM. */
int ring_new(struct ring **out, size_t samples, struct err *e);
void ring_free(struct ring *r); /* NULL is fine; both threads must be gone */

size_t ring_size(const struct ring *r);

/* Producer. */
size_t ring_room(struct ring *r);
/* Writes up to n, as much as fits; returns how many.  Does not count the rest as lost.  Takes
 * nothing while more than 64 gaps wait unread: samples behind a gap that cannot be told would
 * stand in the wrong place. */
size_t ring_put(struct ring *r, const float *x, size_t n);
/* Records that `lost` samples are missing after what was put so far. */
void ring_lost(struct ring *r, uint64_t lost);
/* No more samples will come: a gap at the very end becomes visible. */
void ring_end(struct ring *r);

/* Consumer. */
size_t ring_fill(struct ring *r);
size_t ring_get(struct ring *r, float *x, size_t n);
/* 1 and *g when a gap lies at or before the next sample to be read. */
int ring_gap(struct ring *r, struct ring_gap *g);

/* Any thread: samples put, samples read, samples lost so far. */
uint64_t ring_put_total(const struct ring *r);
uint64_t ring_got_total(const struct ring *r);
uint64_t ring_lost_total(const struct ring *r);

#endif
