/* The terminal by way of ncurses: taken, drawn to, asked for keys, given back.  With sig.c the only
 * file that knows it.  Main thread. */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>

#include "app/base/err.h"
#include "ui/chat.h"
#include "ui/glyph.h"
#include "ui/grid.h"
#include "ui/sig.h"
#include "ui/ui.h"

struct ui_term;

struct ui_term *ui_term_open(const struct ui_opt *opt, struct err *e);
void ui_term_close(struct ui_term *t);

const struct ui_glyphs *ui_term_glyphs(const struct ui_term *t);
int ui_term_in(const struct ui_term *t); /* descriptor that keys come from */
int ui_term_sig(
    const struct ui_term *t); /* descriptor that signal numbers come from, a byte each */

/* Asks the terminal for its size (0x0, as serial lines say, means 24x80). */
void ui_term_resize(struct ui_term *t);
void ui_term_size(const struct ui_term *t, int *rows, int *cols);

/* Shows the grid with one doupdate. */
void ui_term_show(struct ui_term *t, const struct ui_grid *g);

/* The next frame paints every cell again. */
void ui_term_forget(struct ui_term *t);

/* A key that is waiting (see key.h), or 0. */
int ui_term_key(struct ui_term *t);

/* Cooked mode and main screen, stop, and back again. */
void ui_term_suspend(struct ui_term *t);

/* After SIGCONT without a suspension of ours (kill -STOP): modes again. */
void ui_term_again(struct ui_term *t);

/* The grid into the current ncurses screen, no update; used by golden tests too.  utf8: the locale
 * can show more than ASCII. */
void ui_blit(const struct ui_grid *g, const struct ui_theme *th, bool utf8);

#endif
