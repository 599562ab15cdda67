/* See grid.h.  Main thread (tests: any).  Allocates only in ui_grid_size and ui_grid_text. */
#include "ui/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ui_cell blank = {.cp = {' '}, .n = 1, .w = 1, .role = UI_R_TEXT};

void ui_grid_blank(struct ui_grid *g)
{
    for (size_t i = 0; i < (size_t)g->rows * (size_t)g->cols; i++) {
        g->cell[i] = blank;
    }
}

int ui_grid_size(struct ui_grid *g, int rows, int cols)
{
    size_t n = (size_t)rows * (size_t)cols;
    if (n > g->room) {
        struct ui_cell *c = realloc(g->cell, n * sizeof *c);
        if (!c) {
            return -1;
        }
        g->cell = c;
        g->room = n;
    }
    g->rows = rows;
    g->cols = cols;
    ui_grid_blank(g);
    return 0;
}

void ui_grid_free(struct ui_grid *g)
{
    free(g->cell);
    memset(g, 0, sizeof *g);
}

static struct ui_cell *at(struct ui_grid *g, int y, int x)
{
    return &g->cell[y * g->cols + x];
}

/* Whatever wide character covers this cell loses its other half. */
static void unpair(struct ui_grid *g, int y, int x)
{
    struct ui_cell *c = at(g, y, x);
    if (c->w == 0 && x > 0) {
        *at(g, y, x - 1) = blank;
    } else if (c->w == 2 && x + 1 < g->cols) {
        *at(g, y, x + 1) = blank;
    }
}

/* One cluster at a place inside the grid and the box; 0 if it does not fit. */
static int set(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role,
               const struct ui_clu *c)
{
    int gy = b.y + y, gx = b.x + x;
    if (y < 0 || x < 0 || y >= b.h || x + c->w > b.w || gy < 0 || gx < 0 || gy >= g->rows ||
        gx + c->w > g->cols) {
        return 0;
    }
    struct ui_cell *cell = at(g, gy, gx);
    for (int i = 0; i < c->w; i++) {
        unpair(g, gy, gx + i);
    }
    memcpy(cell->cp, c->cp, sizeof cell->cp);
    cell->n = c->ncp;
    cell->w = c->w;
    cell->role = (uint8_t)role;
    if (c->w == 2) {
        cell[1] = blank;
        cell[1].w = 0;
        cell[1].role = (uint8_t)role;
    }
    return c->w;
}

int ui_putn(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *s,
            uint32_t n)
{
    struct ui_clu c;
    uint32_t pos = 0;
    while (ui_clu_next(s, n, &pos, &c)) {
        int w = set(g, b, y, x, role, &c);
        if (!w) {
            break;
        }
        x += w;
    }
    return x;
}

int ui_put(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *s)
{
    return ui_putn(g, b, y, x, role, s, (uint32_t)strlen(s));
}

int ui_putf(struct ui_grid *g, struct ui_box b, int y, int x, enum ui_role role, const char *fmt,
            ...)
{
    char s[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s, sizeof s, fmt, ap);
    va_end(ap);
    return ui_put(g, b, y, x, role, s);
}

void ui_put_right(struct ui_grid *g, struct ui_box b, int y, int x_end, enum ui_role role,
                  const char *s)
{
    int x = x_end - ui_width(s, (uint32_t)strlen(s));
    ui_put(g, b, y, x < 0 ? 0 : x, role, s);
}

void ui_put_cut(struct ui_grid *g, struct ui_box b, int y, int x, int w, enum ui_role role,
                const char *s, const char *ellipsis)
{
    uint32_t n = (uint32_t)strlen(s);
    struct ui_box in = {b.y, b.x, b.h, x + w < b.w ? x + w : b.w};
    if (ui_width(s, n) <= in.w - x) {
        ui_putn(g, in, y, x, role, s, n);
        return;
    }
    in.w -= 1;
    x = ui_putn(g, in, y, x, role, s, n);
    in.w += 1;
    ui_put(g, in, y, x, role, ellipsis);
}

int ui_fill(struct ui_grid *g, struct ui_box b, int y, int x, int n, enum ui_role role,
            const char *s)
{
    while (n-- > 0) {
        x = ui_put(g, b, y, x, role, s);
    }
    return x;
}

char *ui_grid_text(const struct ui_grid *g)
{
    size_t max = (size_t)g->rows * ((size_t)g->cols * UI_CPS * 4 + 1) + 1, n = 0;
    char *s = malloc(max);
    if (!s) {
        return NULL;
    }
    for (int y = 0; y < g->rows; y++) {
        size_t keep = n;
        for (int x = 0; x < g->cols; x++) {
            const struct ui_cell *c = &g->cell[y * g->cols + x];
            for (int i = 0; c->w && i < c->n; i++) {
                n += ui_utf_put(s + n, c->cp[i]);
            }
            keep = c->w && (c->n > 1 || c->cp[0] != ' ') ? n : keep;
        }
        n = keep;
        s[n++] = '\n';
    }
    s[n] = 0;
    return s;
}
