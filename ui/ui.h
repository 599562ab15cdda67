/* The screen: open, draw, wait, close.  All calls from the main thread; one screen per process,
 * because there is one terminal.
 *
 *     struct ui *ui = ui_open(&opt, &e);
 *     while (!quit) {
 *         fill(&view);
 *         ui_draw(ui, &view);
 *         ui_wait(ui, fds, nfd, timeout_ms, &ev);     // then look at ev, and at fds[].revents
 *     }
 *     ui_close(ui);
 *
 * The app decides the rate: -1 where nothing moves, 100 ms while something does (250 ms over ssh).
 * No thread is started.  Signal handlers (see sig.h) only write one byte to a pipe. */
#ifndef UI_UI_H
#define UI_UI_H

#include <poll.h>
#include <stdbool.h>

#include "app/base/err.h"
#include "ui/ev.h"
#include "ui/view.h"

struct ui;

enum ui_page {
    UI_PAGE_DICT = 0,
    UI_PAGE_PROF,
    UI_PAGE_HELP,
    UI_PAGE_MICS, /* choose a microphone */
    UI_PAGE_HELD, /* texts that guards held back */
    UI_PAGE_COUNT
};

struct ui_opt {
    const char *glyphs; /* "utf8", "ascii"; NULL or "auto": by locale and TERM */
    const char *theme;  /* "default", "mono"; NULL or "auto": mono if NO_COLOR is set */
    int page;           /* enum ui_page to begin with */
    bool no_color;      /* --color=never */
};

/* Whether a full screen makes sense: standard output is a terminal, keys can be read (standard
 * input or /dev/tty), TERM is set and not dumb, ACCESSIBLE is not set.  If not, *why (may be NULL)
 * gets a static sentence; the app then prints plainly. */
bool ui_possible(const char **why);

/* Takes the terminal: alternate screen, cbreak mode, signal handlers, and standard error into
 * memory until ui_close().  Calls setlocale(LC_CTYPE, "").  NULL and *e (ERR_FAIL, or ERR_USAGE for
 * an unknown glyph set or theme) if it cannot. */
struct ui *ui_open(const struct ui_opt *opt, struct err *e);

/* Gives the terminal back as it was, removes the handlers, prints what libraries wrote to standard
 * error meanwhile.  NULL is fine.  Also runs at exit() if the app forgot; not at _exit(). */
void ui_close(struct ui *ui);

/* Draws one frame with one write.  *v may be reused after; v->text see view.h. */
void ui_draw(struct ui *ui, const struct ui_view *v);

/* Waits for one event.  fds: the caller's own descriptors (nfd at most UI_FDS), revents are always
 * filled, also when a key came in the same moment.  timeout_ms as in poll(). */
enum { UI_FDS = 16 };
void ui_wait(struct ui *ui, struct pollfd *fds, int nfd, int timeout_ms, struct ui_ev *ev);

/* The answer to UI_EV_SUSPEND: gives the terminal back, stops the process, returns after fg with
 * the screen taken again.  The app then marks the gap and draws. */
void ui_suspend(struct ui *ui);

/* A short message in the message row for 4 s, e.g. "saved notes.txt". */
void ui_say(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Which page shows: what is not shown need not be sampled. */
enum ui_page ui_page(const struct ui *ui);

/* -- the state table, shared with plain mode and JSON ---------------------------------------- */

enum ui_level { UI_OK = 0, UI_WARN, UI_BAD };

struct ui_state_info {
    const char *id;   /* "no-mic": for JSON and tests */
    const char *word; /* "NO MIC" */
    const char *say;  /* sentence if the view has none; may be "" */
    enum ui_level level;
    bool held; /* drawn with the pause mark */
};

const struct ui_state_info *ui_state_info(enum ui_state s);

#endif
