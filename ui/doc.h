/* The transcript as rows of a given width.  A paragraph is wrapped only when somebody looks at it,
 * so the cost of a frame does not grow with the length of the session.  Main thread. */
#ifndef UI_DOC_H
#define UI_DOC_H

#include <stdbool.h>

#include "ui/view.h"
#include "ui/wrap.h"

/* A place that survives resizing and new text: a paragraph's id and a byte in it. */
struct ui_mark {
    uint32_t id, off;
};

/* A row: r-th line of the i-th paragraph; r equal to its number of lines is the blank row after it.
 */
struct ui_at {
    uint32_t i;
    int r;
};

struct ui_part_text {
    const char *s;
    uint32_t n, settled; /* bytes; what follows `settled` may still change */
    uint32_t id;
    int64_t t_us;
    uint8_t kind; /* enum ui_para_kind */
};

struct ui_doc {
    const struct ui_text *t; /* may be NULL */
    int width;
    uint32_t n; /* paragraphs, a tail that stands alone included */
    char *buf;  /* last paragraph with its tail */
    uint32_t buf_n, settled, room;
};

/* Prepares for this snapshot and width.  Keeps its buffer from call to call; free at the end. */
void ui_doc_set(struct ui_doc *d, const struct ui_text *t, int width, const char *ellipsis);
void ui_doc_free(struct ui_doc *d);

struct ui_part_text ui_doc_part(const struct ui_doc *d, uint32_t i);
int ui_doc_lines(const struct ui_doc *d, uint32_t i); /* at least 1 */

struct ui_at ui_doc_end(const struct ui_doc *d);                             /* last row */
struct ui_at ui_doc_move(const struct ui_doc *d, struct ui_at at, int rows); /* clamped */
struct ui_at ui_doc_find(const struct ui_doc *d, struct ui_mark m);
struct ui_mark ui_doc_mark(const struct ui_doc *d, struct ui_at at);

/* Rows from a to b, b not before a, at most max. */
int ui_doc_rows(const struct ui_doc *d, struct ui_at a, struct ui_at b, int max);

#endif
