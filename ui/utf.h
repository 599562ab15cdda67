/* Text from outside, made safe and cut into clusters (what a reader takes for one character).
 * Pure, any thread. */
#ifndef UI_UTF_H
#define UI_UTF_H

#include <stdbool.h>
#include <stdint.h>

/* ncurses holds one base and four marks in a cell (CCHARW_MAX); longer clusters lose their end. */
enum { UI_CPS = 5 };

struct ui_clu {
    uint32_t off, len; /* bytes in the source */
    int32_t cp[UI_CPS];
    uint8_t ncp;
    uint8_t w; /* cells: 1 or 2 */
};

/* The cluster at *pos, which moves behind it.  False at the end.  Controls, bidi controls,
 * unassigned code points and broken bytes come out as U+FFFD, tab and newline as a space; a mark
 * without a base gets U+FFFD as its base. */
bool ui_clu_next(const char *s, uint32_t n, uint32_t *pos, struct ui_clu *c);

/* Cells that the text takes. */
int ui_width(const char *s, uint32_t n);

/* Writes one code point, returns the bytes (at most 4). */
unsigned ui_utf_put(char *to, int32_t cp);

/* For terminals that know ASCII only: a letter without its accent, a plain quote or dash, or '?'.
 */
char ui_ascii_of(int32_t cp);

#endif
