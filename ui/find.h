/* Search in the transcript: case-folded, accents ignored unless the user types one.  Pure. */
#ifndef UI_FIND_H
#define UI_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/view.h"

enum { UI_FIND_MAX = 64 };

struct ui_find {
    int32_t cp[UI_FIND_MAX]; /* folded */
    unsigned n;              /* 0: nothing to look for */
    int opt;                 /* utf8proc options that text is folded with */
};

struct ui_hit {
    uint32_t para; /* index */
    uint32_t off, len;
};

/* Folds what the user typed. */
void ui_find_set(struct ui_find *f, const char *query, uint32_t n);

/* The first hit at or after byte off; false if there is none. */
bool ui_find_next(const struct ui_find *f, const char *s, uint32_t n, uint32_t off, uint32_t *hit,
                  uint32_t *len);

/* Counts all hits of a transcript; *before gets how many lie before (para, off). */
unsigned ui_find_count(const struct ui_find *f, const struct ui_text *t, uint32_t para,
                       uint32_t off, unsigned *before);

/* The next hit after (dir > 0) or the last one before (dir < 0) *h, going round; *h is where to
 * start and what was found.  strict: the hit at *h itself does not count. */
bool ui_find_go(const struct ui_find *f, const struct ui_text *t, int dir, bool strict,
                struct ui_hit *h);

#endif
