/* Signs that are not text, in two sets.  Every sign is one cell wide in the blocks set's oracles
 * (glibc, utf8proc, tmux) and has an ASCII twin, so that no picture changes its shape. */
#ifndef UI_GLYPH_H
#define UI_GLYPH_H

#include <stdbool.h>

struct ui_glyphs {
    bool ascii; /* text too is reduced to ASCII if the locale has no UTF-8, see term.c */
    const char *hline, *vline, *tee_down, *tee_up;
    const char *open, *close; /* ends of a bar */
    const char *limit;        /* the point that a bar should not pass */
    const char *sweep;        /* where a lane is being written */
    const char *full;         /* a full cell of a bar */
    const char *part[8];      /* part[k]: k eighths of a cell; part[0] is empty */
    const char *spark[8];     /* heights */
    const char *cursor;       /* end of the text that grows */
    const char *ellipsis, *to, *down, *up_down;
    const char *ok, *warn, *bad, *hold; /* marks of states */
};

/* name: "utf8", "ascii" or "linux" (the console font has no eighths); NULL: no such set. */
const struct ui_glyphs *ui_glyphs(const char *name);

/* The set for this TERM and locale. */
const char *ui_glyphs_auto(const char *term, bool utf8_locale);

#endif
