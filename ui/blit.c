/* The grid into ncurses' cells.  See ui_blit() in term.h. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <string.h>
#include <wchar.h>

#include "ui/term.h"

/* What ncurses can hold: a base that libc gives the cell's width, and marks that it gives none. */
static void cell_text(const struct ui_cell *c, bool utf8, wchar_t ws[CCHARW_MAX + 1])
{
    int n = 0;
    if (!utf8) {
        ws[0] = (wchar_t)ui_ascii_of(c->cp[0]);
        ws[1] = 0;
        return;
    }
    for (int i = 0; i < c->n && n < CCHARW_MAX; i++) {
        int w = wcwidth((wchar_t)c->cp[i]);
        if (n == 0 && w != c->w) {
            ws[n++] = c->w == 1 ? 0xfffd : 0xff1f; /* libc does not know it: a sign of that width */
        } else if (n == 0 || w == 0) {
            ws[n++] = (wchar_t)c->cp[i];
        }
    }
    ws[n] = 0;
}

void ui_blit(const struct ui_grid *g, const struct ui_theme *th, bool utf8)
{
    wchar_t ws[CCHARW_MAX + 1];
    for (int y = 0; y < g->rows && y < LINES; y++) {
        wmove(stdscr, y, 0);
        for (int x = 0; x < g->cols && x < COLS; x++) {
            const struct ui_cell *c = &g->cell[y * g->cols + x];
            cchar_t cc;
            if (c->w == 0 && utf8) {
                continue;
            }
            if (c->w == 0) { /* a wide character became one ASCII sign and a blank */
                ws[0] = L' ';
                ws[1] = 0;
            } else {
                cell_text(c, utf8, ws);
            }
            unsigned role = c->role < UI_R_COUNT ? c->role : UI_R_TEXT;
            if (setcchar(&cc, ws, th->attr[role], th->pair[role], NULL) != OK) {
                setcchar(&cc, L"?", th->attr[role], th->pair[role], NULL);
            }
            mvwadd_wch(stdscr, y, x, &cc); /* fails in the last cell of all, after drawing it */
        }
    }
}
