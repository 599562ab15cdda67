/* Inside of audio: the list of gaps.  One thread adds, any thread reads the latest ones; no locks,
 * nothing allocates. */
#ifndef AUDIO_MARKS_H
#define AUDIO_MARKS_H

#include <stdatomic.h>

#include "audio/ring.h"

enum { MARKS = 256 };

struct marks {
    atomic_uint_least64_t n; /* added so far */
    struct {
        atomic_uint_least64_t at, lost;
        atomic_int_least64_t t_us;
        atomic_uint why;
    } m[MARKS];
};

/* One in the same place and for the same reason as the last one lengthens that. */
void marks_add(struct marks *l, const struct ring_gap *g);

/* The latest, at most max, oldest first; returns how many. *total: added so far. */
int marks_read(struct marks *l, struct ring_gap *out, int max, uint64_t *total);

#endif
