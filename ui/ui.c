/* The screen's one poll() and its frames.  See ui.h.  Main thread. */
#include "ui/ui.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "ui/clip.h"
#include "ui/frame.h"
#include "ui/paint.h"
#include "ui/term.h"

struct ui {
    struct ui_term *term;
    struct ui_grid grid;
    struct ui_model model;
    struct ui_view view; /* as last drawn: keys act on what the user saw */
    int empty_reads;     /* times the terminal was readable without a key */
};

static struct ui *open_ui; /* for exit(): there is one terminal */

static void at_exit(void)
{
    ui_close(open_ui);
}

struct ui *ui_open(const struct ui_opt *opt, struct err *e)
{
    static bool hooked;
    struct ui_opt none = {0};
    opt = opt ? opt : &none;
    if (open_ui) {
        err_set(e, ERR_FAIL, "the screen is open already");
        return NULL;
    }
    struct ui *ui = calloc(1, sizeof *ui);
    if (!ui || ui_model_init(&ui->model) < 0) {
        free(ui);
        err_set(e, ERR_MEM, "no memory for the screen");
        return NULL;
    }
    ui->model.page =
        opt->page > 0 && opt->page < UI_PAGE_COUNT ? (enum ui_page)opt->page : UI_PAGE_DICT;
    ui->term = ui_term_open(opt, e);
    if (!ui->term) {
        ui_model_free(&ui->model);
        free(ui);
        return NULL;
    }
    open_ui = ui;
    if (!hooked) {
        hooked = true;
        atexit(at_exit);
    }
    return ui;
}

void ui_close(struct ui *ui)
{
    if (!ui) {
        return;
    }
    open_ui = NULL;
    ui_term_close(ui->term);
    ui_model_free(&ui->model);
    ui_grid_free(&ui->grid);
    free(ui);
}

void ui_draw(struct ui *ui, const struct ui_view *v)
{
    int rows, cols;
    if (v != &ui->view) {
        ui->view = *v;
    }
    ui_term_size(ui->term, &rows, &cols);
    if ((rows != ui->grid.rows || cols != ui->grid.cols) &&
        ui_grid_size(&ui->grid, rows, cols) < 0) {
        return; /* no memory for a larger picture: the old one stays */
    }
    ui_paint(&ui->grid, ui_term_glyphs(ui->term), &ui->model, &ui->view);
    ui_term_show(ui->term, &ui->grid);
}

enum ui_page ui_page(const struct ui *ui)
{
    return ui->model.page;
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
    char s[sizeof ui->model.flash];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s, sizeof s, fmt, ap);
    va_end(ap);
    ui_model_say(&ui->model, clk_us(), "%s", s);
}

static void copy(struct ui *ui)
{
    const struct ui_para *p = ui_model_last(&ui->view);
    const char *tmux = getenv("TMUX");
    bool in_tmux = tmux && *tmux;
    size_t n;
    if (!p) {
        ui_say(ui, "There is no paragraph to copy yet.");
        return;
    }
    char *s = ui_clip_osc52(p->text, p->len_b, in_tmux, &n);
    if (!s) {
        ui_say(ui, "Not copied: %u bytes are more than terminals take.", p->len_b);
        return;
    }
    ui_frame_send(s, n);
    free(s);
    ui_say(ui, "Last paragraph, %u bytes, sent to the terminal's clipboard (OSC 52%s).", p->len_b,
           in_tmux ? ", through tmux" : "");
}

static void key(struct ui *ui, int k, struct ui_ev *ev)
{
    unsigned todo = ui_model_key(&ui->model, &ui->view, k, clk_us(), ev);
    if (todo & UI_DO_COPY) {
        copy(ui);
    }
    if (todo & UI_DO_REDRAW) {
        ui_term_forget(ui->term);
    }
    if (todo && ev->kind == UI_EV_TICK) {
        ev->kind = UI_EV_DRAW;
    }
}

/* Keys that are waiting, until one concerns the app; those that only move the screen are taken
 * together, so that a held key never builds up a queue. */
static int keys(struct ui *ui, struct ui_ev *ev)
{
    int n = 0;
    for (int k; n < 4096 && (k = ui_term_key(ui->term)) != 0; n++) {
        key(ui, k, ev);
        if (ev->kind != UI_EV_TICK && ev->kind != UI_EV_DRAW) {
            break;
        }
    }
    return n;
}

/* One byte of the signal pipe; the next ui_wait() takes the next. */
static void one_signal(struct ui *ui, struct ui_ev *ev)
{
    unsigned char b = 0;
    if (read(ui_term_sig(ui->term), &b, 1) != 1) {
        return;
    }
    switch (b) {
    case SIGWINCH:
        ui_term_resize(ui->term);
        ev->kind = UI_EV_DRAW;
        break;
    case SIGCONT:
        ui_term_again(ui->term);
        ev->kind = UI_EV_DRAW;
        break;
    case SIGTSTP:
        ev->kind = UI_EV_SUSPEND;
        break;
    case SIGINT:
        ui_model_stop(&ui->model, &ui->view, clk_us(), ev);
        break;
    case SIGTERM:
    case SIGHUP:
        ev->kind = UI_EV_SIGNAL;
        ev->arg = b;
        break;
    default:
        break;
    }
}

/* Time-out for poll: the caller's, or sooner if a message runs out. */
static int until_flash(const struct ui *ui, int timeout_ms)
{
    if (!ui->model.flash_us) {
        return timeout_ms;
    }
    int64_t left = (ui->model.flash_us - clk_us()) / 1000 + 1;
    left = left < 0 ? 0 : left;
    return timeout_ms < 0 || left < timeout_ms ? (int)left : timeout_ms;
}

static bool flash_over(struct ui *ui)
{
    if (ui->model.flash_us && clk_us() >= ui->model.flash_us) {
        ui->model.flash_us = 0;
        return true;
    }
    return false;
}

void ui_wait(struct ui *ui, struct pollfd *fds, int nfd, int timeout_ms, struct ui_ev *ev)
{
    struct pollfd p[UI_FDS + 2];
    bool any = false;
    nfd = nfd > UI_FDS ? UI_FDS : nfd;
    memset(ev, 0, sizeof *ev);
    ev->page = (int)ui->model.page;
    int got = keys(ui, ev); /* ncurses may hold keys that poll no longer sees */
    p[0] = (struct pollfd){ui_term_sig(ui->term), POLLIN, 0};
    p[1] = (struct pollfd){ui_term_in(ui->term), POLLIN, 0};
    for (int i = 0; i < nfd; i++) {
        p[i + 2] = fds[i];
        p[i + 2].revents = 0;
    }
    int rc = poll(p, (nfds_t)nfd + 2, ev->kind != UI_EV_TICK ? 0 : until_flash(ui, timeout_ms));
    for (int i = 0; i < nfd; i++) {
        fds[i].revents = rc > 0 ? p[i + 2].revents : 0;
        any |= fds[i].revents != 0;
    }
    if (rc > 0 && p[0].revents && (ev->kind == UI_EV_TICK || ev->kind == UI_EV_DRAW)) {
        one_signal(ui, ev);
    } else if (rc > 0 && p[1].revents && ev->kind == UI_EV_TICK) {
        got += keys(ui, ev);
        ui->empty_reads = got ? 0 : ui->empty_reads + 1;
        /* A terminal that is gone reads as "ready" for ever. */
        if (p[1].revents & (POLLHUP | POLLERR | POLLNVAL) || ui->empty_reads > 100) {
            ev->kind = UI_EV_SIGNAL;
            ev->arg = SIGHUP;
        }
    }
    if (ev->kind == UI_EV_TICK && any) {
        ev->kind = UI_EV_FD;
    } else if (flash_over(ui) && ev->kind == UI_EV_TICK) {
        ev->kind = UI_EV_DRAW;
    }
}

void ui_suspend(struct ui *ui)
{
    ui_term_suspend(ui->term);
    ui_draw(ui, &ui->view);
}
