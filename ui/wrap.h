/* A paragraph into lines.  Greedy, by cells, one line at a time, no allocation.  Pure. */
#ifndef UI_WRAP_H
#define UI_WRAP_H

#include <stdbool.h>
#include <stdint.h>

struct ui_line {
    uint32_t off, end; /* bytes drawn; blanks at the break are left out */
    int w;             /* cells */
};

struct ui_wrap {
    const char *s;
    uint32_t n, pos;
    int width; /* cells, at least 2 */
};

void ui_wrap_init(struct ui_wrap *w, const char *s, uint32_t n, int width);

/* The next line, false when there is none.  An empty paragraph has no line. */
bool ui_wrap_next(struct ui_wrap *w, struct ui_line *l);

#endif
