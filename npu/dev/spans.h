/* Sets of address ranges, kept small: what a list reads, writes, and must be flushed.  Pure. */
#ifndef NPU_DEV_SPANS_H
#define NPU_DEV_SPANS_H

#include <stddef.h>
#include <stdint.h>

enum { SPANS_MAX = 96 };

struct span {
    uintptr_t lo, hi; /* hi is outside */
};
/* Sorted, apart from each other. */
struct spans {
    int n;
    struct span s[SPANS_MAX];
};

/* Adds a range.  When the set is full the two nearest ranges become one, so that the set holds at
 * least what was added. */
void spans_add(struct spans *set, uintptr_t lo, uintptr_t hi);
/* Adds a range, or forgets it when the set is full: the set holds at most what was added. */
void spans_add_exact(struct spans *set, uintptr_t lo, uintptr_t hi);
/* Takes a range away; where that needs room that is not there, less is taken. */
void spans_remove(struct spans *set, uintptr_t lo, uintptr_t hi);
/* Adds the parts of [lo, hi) that are not in `known`. */
void spans_add_unknown(struct spans *set, const struct spans *known, uintptr_t lo, uintptr_t hi);
/* What both hold, at least. */
void spans_both(struct spans *out, const struct spans *a, const struct spans *b);
size_t spans_bytes(const struct spans *set);

#endif
