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

/* Why samples are missing; a gap may have several reasons. */
enum gap_why {
    GAP_FULL = 1,    /* the ring was full: the reader is too slow */
    GAP_XRUN = 2,    /* the device was read too late */
    GAP_SUSPEND = 4, /* the machine or the device slept */
    GAP_GONE = 8,    /* the device was away */
    GAP_SWITCH = 16, /* another device was chosen */
    GAP_PAUSE = 32,  /* nobody wanted to hear: not counted as lost */
};

/* Samples that should stand at index `at` and do not. */
struct ring_gap {
    uint64_t at;   /* index of the first sample after the gap */
    uint64_t lost; /* samples missing just before it */
    int64_t t_us;  /* when, CLOCK_MONOTONIC */
    unsigned why;  /* enum gap_why, or-ed */
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
/* Records that `lost` samples are missing after what was put so far; why: enum gap_why.  Those in
 * one place for one reason become one gap. */
void ring_skip(struct ring *r, uint64_t lost, unsigned why);
/* The same because there was no room. */
void ring_lost(struct ring *r, uint64_t lost);
/* No more samples will come: a gap at the very end becomes visible. */
void ring_end(struct ring *r);

/* Consumer. */
size_t ring_fill(struct ring *r);
/* Up to n samples; never across a gap, so that its place is exact for who asks before each get. */
size_t ring_get(struct ring *r, float *x, size_t n);
/* 1 and *g when a gap lies at or before the next sample to be read. */
int ring_gap(struct ring *r, struct ring_gap *g);
/* 1 when ring_gap() would give one. */
int ring_gap_waits(struct ring *r);

/* Any thread: samples put, samples read, samples lost so far. */
uint64_t ring_put_total(const struct ring *r);
uint64_t ring_got_total(const struct ring *r);
uint64_t ring_lost_total(const struct ring *r);

#endif
