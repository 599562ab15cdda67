/* See term.h. */
#define NCURSES_WIDECHAR 1
#include "ui/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "ui/frame.h"
#include "ui/key.h"

struct ui_term {
    SCREEN *screen;
    WINDOW *keys; /* a pad: reading keys from it never refreshes the screen */
    FILE *in;     /* standard input, or /dev/tty when sound comes from there */
    int out_fd;
    bool own_in;
    bool utf8;
    const struct ui_glyphs *gl;
    struct ui_theme theme;
    struct ui_restore restore;
    struct ui_chat chat;
    struct ui_frame frame;
    int sig_fd;
    bool forget;
};

/* -- the restore string ---------------------------------------------------------------------- */

static struct ui_restore *collect; /* tputs hands over bytes one by one, without a context */

static int collect_byte(int c)
{
    if (collect->n < sizeof collect->bytes) {
        collect->bytes[collect->n++] = (char)c;
    }
    return c;
}

static void make_restore(struct ui_term *t)
{
    struct ui_restore *r = &t->restore;
    /* Terminals that cannot do one of these simply have no string for it. */
    const char *caps[] = {exit_attribute_mode, orig_pair, keypad_local, cursor_normal,
                          exit_ca_mode};
    collect = r;
    r->n = 0;
    for (unsigned i = 0; i < sizeof caps / sizeof *caps; i++) {
        if (caps[i]) {
            tputs(caps[i], 1, collect_byte);
        }
    }
    if (t->frame.sync && r->n + 8 < sizeof r->bytes) {
        memcpy(r->bytes + r->n, "\033[?2026l", 8);
        r->n += 8;
    }
    if (!exit_ca_mode && r->n + 2 < sizeof r->bytes) {
        memcpy(r->bytes + r->n, "\r\n", 2);
        r->n += 2;
    }
    collect = NULL;
}

/* -- opening --------------------------------------------------------------------------------- */

bool ui_possible(const char **why)
{
    const char *term = getenv("TERM"), *acc = getenv("ACCESSIBLE"), *no = NULL;
    if (!isatty(1)) {
        no = "standard output is not a terminal";
    } else if (!term || !*term || !strcmp(term, "dumb")) {
        no = "TERM names no terminal that can be drawn on";
    } else if (acc && *acc && strcmp(acc, "0")) {
        no = "ACCESSIBLE is set";
    } else if (!isatty(0)) {
        int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
        no = fd < 0 ? "there is no terminal to read keys from" : NULL;
        if (fd >= 0) {
            close(fd);
        }
    }
    if (why) {
        *why = no;
    }
    return !no;
}

static int choose_looks(struct ui_term *t, const struct ui_opt *opt, struct err *e)
{
    const char *none = getenv("NO_COLOR"), *glyphs = opt->glyphs, *theme = opt->theme;
    t->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    if (!glyphs || !strcmp(glyphs, "auto")) {
        glyphs = ui_glyphs_auto(getenv("TERM"), t->utf8);
    }
    t->gl = ui_glyphs(glyphs);
    if (!t->gl) {
        return err_set(e, ERR_USAGE, "no glyphs named \"%s\": use utf8 or ascii", glyphs);
    }
    if (!theme || !strcmp(theme, "auto")) {
        theme = opt->no_color || (none && *none) ? "mono" : "default";
    }
    if (ui_theme_set(&t->theme, opt->no_color ? "mono" : theme) < 0) {
        return err_set(e, ERR_USAGE, "no theme named \"%s\": use default or mono", theme);
    }
    return 0;
}

/* Before ncurses takes the screen: a wrong word should not make it flash. */
static int check_words(const struct ui_opt *opt, struct err *e)
{
    if (opt->glyphs && strcmp(opt->glyphs, "auto") && !ui_glyphs(opt->glyphs)) {
        return err_set(e, ERR_USAGE, "no glyphs named \"%s\": use utf8 or ascii", opt->glyphs);
    }
    if (opt->theme && strcmp(opt->theme, "auto") && !ui_theme_known(opt->theme)) {
        return err_set(e, ERR_USAGE, "no theme named \"%s\": use default or mono", opt->theme);
    }
    return 0;
}

static int open_input(struct ui_term *t, struct err *e)
{
    t->in = stdin;
    if (!isatty(0)) {
        t->in = fopen("/dev/tty", "re");
        t->own_in = t->in != NULL;
        if (!t->in) {
            return err_set(e, ERR_FAIL, "cannot read keys from /dev/tty: %s; use --plain",
                           strerror(errno));
        }
    }
    if (tcgetattr(fileno(t->in), &t->restore.cooked) < 0) {
        return err_set(e, ERR_FAIL, "cannot ask the terminal for its modes: %s; use --plain",
                       strerror(errno));
    }
    return 0;
}

static void set_modes(struct ui_term *t)
{
    struct termios now;
    cbreak(); /* ^C and ^Z stay signals: they work even if this thread is busy */
    noecho();
    nonl();
    intrflush(NULL, FALSE);
    curs_set(0);
    typeahead(-1); /* a frame is never cut short by a key */
    if (tcgetattr(fileno(t->in), &now) == 0) {
        now.c_iflag &= ~(tcflag_t)(IXON | IXOFF); /* ^S must not freeze the program */
        now.c_cc[VLNEXT] = _POSIX_VDISABLE;
        tcsetattr(fileno(t->in), TCSANOW, &now);
        def_prog_mode();
    }
}

struct ui_term *ui_term_open(const struct ui_opt *opt, struct err *e)
{
    struct ui_term *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(e, ERR_MEM, "no memory for the screen");
        return NULL;
    }
    t->sig_fd = -1;
    t->chat.saved = t->chat.mem = t->frame.mem = -1;
    t->out_fd = 1;
    setlocale(LC_CTYPE, "");
    if (check_words(opt, e) < 0 || open_input(t, e) < 0) {
        goto fail;
    }
    t->sig_fd = ui_sig_open(e);
    if (t->sig_fd < 0) {
        goto fail;
    }
    fflush(stdout);
    if (ui_frame_open(&t->frame, getenv("TERM")) < 0) {
        err_set(e, ERR_FAIL, "cannot use standard output: %s", strerror(errno));
        goto fail;
    }
    t->screen = newterm(NULL, t->frame.out, t->in);
    if (!t->screen) {
        const char *term = getenv("TERM");
        err_set(e, ERR_FAIL, "terminal type \"%s\" is not known here: set TERM, or use --plain",
                term ? term : "");
        goto fail;
    }
    t->keys = newpad(1, 1);
    if (!t->keys || choose_looks(t, opt, e) < 0) {
        goto fail;
    }
    keypad(t->keys, TRUE);
    nodelay(t->keys, TRUE);
    if (!getenv("ESCDELAY")) {
        set_escdelay(getenv("SSH_TTY") ? 100 : 25); /* arrow keys arrive in pieces over ssh */
    }
    set_modes(t);
    make_restore(t);
    ui_chat_open(&t->chat);
    t->restore.out = t->out_fd;
    t->restore.in = fileno(t->in);
    t->restore.err_saved = t->chat.saved;
    t->restore.err_mem = t->chat.mem;
    ui_sig_arm(&t->restore);
    ui_term_resize(t);
    return t;
fail:
    ui_term_close(t);
    return NULL;
}

/* Without an alternate screen the picture stays, and the shell goes on under it on a row of its
 * own. With one it is blanked first: tmux 3.3 moves some of it to the main screen if the window was
 * resized meanwhile. */
static void leave(struct ui_term *t)
{
    if (exit_ca_mode) {
        werase(stdscr);
    } else {
        wmove(stdscr, LINES - 1, 0);
        wclrtoeol(stdscr);
    }
    wrefresh(stdscr);
    endwin();
    tcsetattr(fileno(t->in), TCSADRAIN, &t->restore.cooked);
}

void ui_term_close(struct ui_term *t)
{
    if (!t) {
        return;
    }
    if (t->screen) {
        ui_sig_disarm();
        leave(t);
    }
    if (t->sig_fd >= 0) {
        ui_sig_close();
    }
    if (t->keys) {
        delwin(t->keys);
    }
    if (t->screen) {
        delscreen(t->screen);
    }
    ui_frame_close(&t->frame);
    ui_chat_close(&t->chat);
    if (t->own_in) {
        fclose(t->in);
    }
    free(t);
}

/* -- use ------------------------------------------------------------------------------------- */

const struct ui_glyphs *ui_term_glyphs(const struct ui_term *t)
{
    return t->gl;
}

int ui_term_in(const struct ui_term *t)
{
    return fileno(t->in);
}

int ui_term_sig(const struct ui_term *t)
{
    return t->sig_fd;
}

void ui_term_resize(struct ui_term *t)
{
    struct winsize w = {0};
    if (ioctl(t->out_fd, TIOCGWINSZ, &w) < 0 || w.ws_row == 0 || w.ws_col == 0) {
        w.ws_row = 24;
        w.ws_col = 80;
    }
    if (w.ws_row != LINES || w.ws_col != COLS) {
        resizeterm(w.ws_row > 1000 ? 1000 : w.ws_row, w.ws_col > 1000 ? 1000 : w.ws_col);
        t->forget = true; /* what the terminal made of the old picture is its own affair */
    }
}

void ui_term_size(const struct ui_term *t, int *rows, int *cols)
{
    (void)t;
    *rows = LINES;
    *cols = COLS;
}

void ui_term_show(struct ui_term *t, const struct ui_grid *g)
{
    if (t->forget) {
        clearok(curscr, TRUE);
        t->forget = false;
    }
    ui_blit(g, &t->theme, t->utf8);
    wnoutrefresh(stdscr);
    ui_frame_begin(&t->frame);
    doupdate();
    ui_frame_end(&t->frame);
    ui_chat_trim(&t->chat);
}

void ui_term_forget(struct ui_term *t)
{
    t->forget = true;
}

int ui_term_key(struct ui_term *t)
{
    wint_t c = 0;
    int rc = wget_wch(t->keys, &c);
    if (rc == ERR) {
        return 0;
    }
    if (rc == KEY_CODE_YES) {
        return c == KEY_RESIZE ? ui_term_key(t) : UI_KEY_FN | (int)c;
    }
    return (int)c;
}

void ui_term_suspend(struct ui_term *t)
{
    ui_sig_disarm();
    leave(t);
    ui_sig_stop();
    tcgetattr(fileno(t->in), &t->restore.cooked); /* the shell may have changed its mind */
    ui_term_again(t);
    ui_sig_arm(&t->restore);
}

void ui_term_again(struct ui_term *t)
{
    reset_prog_mode();
    ui_term_resize(t);
    t->forget = true;
}
