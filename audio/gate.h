/* Push-to-talk and toggle: which samples of a running capture count.
 *
 * Capture runs all the time; the gate lets through what lies between a press and a release, and
 * some sound before the one (the first word is never cut: people speak before the key is down) and
 * behind the other.  Places are sample indices (capture_index() at the moment of the key), so that
 * a reader who is late still cuts at the right place.
 *
 * Threads: open and shut by one thread (keys); push and take by one other (the reader). */
#ifndef AUDIO_GATE_H
#define AUDIO_GATE_H

#include <stdint.h>

#include "app/base/err.h"

struct gate;

enum { GATE_PRE_MS = 500, GATE_POST_MS = 200, GATE_MAX_MS = 5000 };

/* pre_ms, post_ms: 0..GATE_MAX_MS; negative: the defaults.  rate: samples per second.  Shut at
 * first.  0 or -ERR_MEM. */
int gate_new(struct gate **out, int rate, int pre_ms, int post_ms, struct err *e);
void gate_free(struct gate *g); /* NULL is fine */

/* The key went down or up when the next sample to be recorded was number `at`.  Indices must not
 * go back; opening an open gate and shutting a shut one do nothing. */
void gate_open(struct gate *g, uint64_t at);
void gate_shut(struct gate *g, uint64_t at);
/* Toggle: the other of the two.  1: open now. */
int gate_flip(struct gate *g, uint64_t at);
int gate_is_open(const struct gate *g); /* what the keys said last; any thread */

/* Hands in samples in order; n at most GATE_MAX_MS of them.  Take before pushing more. */
void gate_push(struct gate *g, const float *x, int n);
/* The next samples that count: up to max, never across an edge; *at: index of the first; *last: 1
 * when nothing follows them until the next press (may come with 0 samples).  0: push more.  A press
 * that ends within the pre-roll of the next becomes one with it. */
int gate_take(struct gate *g, float *x, int max, uint64_t *at, int *last);

/* Samples kept before `at` (a press), at most ms: copies the newest ones up to it to x, which has
 * room for max; returns the count and their first index.  For callers without a gate of their own.
 */
int gate_before(const struct gate *g, uint64_t at, int ms, float *x, int max, uint64_t *first);

#endif
