/* The picture in memory: a plain array of cells that pages draw into.  Nothing can be written
 * outside a box, clusters are clipped whole, and half a wide character never remains. */
#ifndef UI_GRID_H
#define UI_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "ui/theme.h"
#include "ui/utf.h"

struct ui_box {
    int y, x, h, w; /* h or w of 0: not shown */
};

struct ui_cell {
    int32_t cp[UI_CPS];
    uint8_t n;    /* code points */
    uint8_t w;    /* 1, 2, or 0 for the right half of a wide one */
    uint8_t role; /* enum ui_role */
};

struct ui_grid {
    int rows, cols;
    struct ui_cell *cell; /* rows * cols */
    size_t room;
};

/* Resizes and blanks.  -1 where there is no memory (the old size then stays).  Free with size 0. */
int ui_grid_size(struct ui_grid *g, int rows, int cols);
void ui_grid_free(struct ui_grid *g);
void ui_grid_blank(struct ui_grid *g);

/* Draws at (y, x) inside the box, returns the x after it.  What does not fit is left out. */
int ui_put(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *s);
int ui_putn(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *s,
            uint32_t n);
int ui_putf(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *fmt,
            ...) __attribute__((format(printf, 6, 7)));

/* Right-aligned: ends before column x_end of the box. */
void ui_put_right(struct ui_grid *g, struct ui_box b, int y, int x_end, enum ui_role role,
                  const char *s);

/* Left-aligned in w cells; cut with the ellipsis if longer. */
void ui_put_cut(struct ui_grid *g, struct ui_box b, int y, int x, int w, enum ui_role role,
                const char *s, const char *ellipsis);

/* The same sign n times. */
int ui_fill(struct ui_grid *g, struct ui_box b, int y, int x, int n, enum ui_role role,
            const char *s);

/* The picture as UTF-8 text, rows ended by newline, blanks at line ends left out.  Caller frees. */
char *ui_grid_text(const struct ui_grid *g);

#endif
