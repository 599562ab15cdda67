/* Golden screens: pages are drawn through ncurses without a terminal, the cells are read back and
 * compared with the files in tests/gold.  GENERATE=1 rewrites those files; read the difference
 * before keeping it.  A file holds one page at one size in one glyph set: full screens for a few
 * sessions, and for every state the rows in which it differs from the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curses.h>
#include <locale.h>
#include <stdlib.h>

#include "tests/ui/fix.h"
#include "ui/paint.h"
#include "ui/term.h"

enum { OUT_MAX = 1 << 20, ROWS_MAX = 60, ROW_MAX = 1200 };

static SCREEN *screen;
static struct ui_theme theme;
static struct fix f;
static struct ui_model m;
static struct ui_grid g;
static char *out;
static size_t out_n;
static char base[ROWS_MAX][ROW_MAX]; /* the first screen of a file */

static void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_n += (size_t)vsnprintf(out + out_n, OUT_MAX - out_n, fmt, ap);
    va_end(ap);
    assert_true(out_n < OUT_MAX);
}

/* One row as ncurses holds it; underlined and reversed runs between marks, blanks at the end cut.
 */
static void read_row(int y, char row[ROW_MAX])
{
    static const char *const on[] = {"", "‹", "«", "«"}, *const off[] = {"", "›", "»", "»"};
    size_t n = 0, keep = 0;
    int was = 0;
    for (int x = 0; x < COLS; x++) {
        cchar_t cc;
        wchar_t ws[CCHARW_MAX + 1] = {0};
        attr_t a;
        short pair;
        assert_int_not_equal(mvin_wch(y, x, &cc), ERR);
        assert_int_not_equal(getcchar(&cc, ws, &a, &pair, NULL), ERR);
        int now = (a & A_UNDERLINE ? 1 : 0) | (a & A_REVERSE ? 2 : 0);
        if (now != was) {
            n += (size_t)sprintf(row + n, "%s%s", off[was], on[now]);
            was = now;
            keep = n;
        }
        for (int i = 0; ws[i]; i++) {
            n += ui_utf_put(row + n, (int32_t)ws[i]);
        }
        keep = ws[0] != L' ' || ws[1] || now ? n : keep;
        int w = wcwidth(ws[0]);
        x += w > 1 ? w - 1 : 0;
        assert_true(n < ROW_MAX - 32);
    }
    n = was ? n + (size_t)sprintf(row + n, "%s", off[was]) : keep;
    row[n] = 0;
}

static void paint(const struct ui_glyphs *gl)
{
    ui_paint(&g, gl, &m, &f.v);
    ui_blit(&g, &theme, true);
    wnoutrefresh(stdscr);
    doupdate();
}

static void full(const char *name, const struct ui_glyphs *gl, bool first)
{
    char row[ROW_MAX];
    paint(gl);
    say("== %s\n", name);
    for (int y = 0; y < LINES; y++) {
        read_row(y, row);
        say("%s\n", row);
        if (first) {
            memcpy(base[y], row, sizeof row);
        }
    }
}

static void differing(const char *name, const struct ui_glyphs *gl)
{
    char row[ROW_MAX];
    paint(gl);
    say("== state %s\n", name);
    for (int y = 0; y < LINES; y++) {
        read_row(y, row);
        if (strcmp(row, base[y]) != 0) {
            say("%2d:%s\n", y + 1, row);
        }
    }
}

static void fresh(enum ui_page page, enum ui_src src, double speed)
{
    ui_model_free(&m);
    assert_int_equal(ui_model_init(&m), 0);
    m.page = page;
    fix_make(&f, src, 4, speed);
}

static void every_state(const struct ui_glyphs *gl, enum ui_page page)
{
    for (int s = 0; s < UI_ST_COUNT; s++) {
        fresh(page, UI_SRC_MIC, 1);
        f.v.state = (enum ui_state)s;
        if (s == UI_ST_BEHIND) {
            snprintf(f.v.more, sizeof f.v.more, "6 s");
            snprintf(f.v.say, sizeof f.v.say,
                     "Speech is queued, nothing is lost: 9 min fit. Smaller model: --model base.");
            f.v.perf.rtf = ui_live(1.31);
            f.v.audio.wait_s = ui_live(6.2);
        } else if (s == UI_ST_XRUN) {
            snprintf(f.v.more, sizeof f.v.more, "2");
            snprintf(f.v.say, sizeof f.v.say, "40 ms lost at 12:31.");
            f.v.audio.xruns = ui_live(2);
            f.v.audio.lost_s = ui_live(0.04);
        } else if (s == UI_ST_NO_MODEL) {
            snprintf(f.v.say, sizeof f.v.say,
                     "small-int8 not found in ~/.local/share/dictate/models nor in "
                     "/usr/share/dictate/models; put it there, or give --model FILE, or run "
                     "`dictate models get small`.");
        } else if (s == UI_ST_NOT_SAVED) {
            snprintf(f.v.say, sizeof f.v.say,
                     "notes.txt: no space left on device. 212 kB kept in memory.");
            f.v.out.unsaved = true;
        } else if (s == UI_ST_ERROR) {
            snprintf(f.v.say, sizeof f.v.say, "Something else, in a sentence\033[2J of the app.");
        }
        differing(ui_state_info((enum ui_state)s)->id, gl);
    }
}

static void odd_sessions(const struct ui_glyphs *gl, enum ui_page page)
{
    fresh(page, UI_SRC_FILE, 0.08);
    full("file, fast machine", gl, false);
    fresh(page, UI_SRC_MIC, 4);
    f.v.state = UI_ST_BEHIND;
    full("too slow by far", gl, false);
    fresh(page, UI_SRC_MIC, 1);
    memset(&f.v, 0, sizeof f.v);
    full("nothing known yet", gl, false);
    fresh(page, UI_SRC_MIC, 1);
    f.v.perf.rtf.state = f.v.audio.rms_db.state = UI_STALE;
    f.v.text = NULL;
    f.v.audio.rms_db = ui_live(-1);
    f.v.audio.clip = ui_live(0.03);
    f.v.out.file[0] = 0;
    full("too loud, no text yet", gl, false);
}

static void dict_sessions(const struct ui_glyphs *gl)
{
    static const char wide[] =
        "日本語の文章、それからe\xcc\x81 and a smile 😀 mixed in; \xff\x1b[31mbad bytes "
        "\xe2\x80\xae"
        "reversed. נכתב מימין.";
    struct ui_ev ev = {0};
    fresh(UI_PAGE_DICT, UI_SRC_MIC, 1);
    ui_paint(&g, gl, &m, &f.v);
    for (const char *k = "/the"; *k; k++) {
        ui_model_key(&m, &f.v, *k, 0, &ev);
    }
    full("searching", gl, false);
    fresh(UI_PAGE_DICT, UI_SRC_MIC, 1);
    ui_paint(&g, gl, &m, &f.v);
    ui_model_key(&m, &f.v, 'g', 0, &ev);
    f.v.out.unsaved = true;
    full("scrolled to the top", gl, false);
    ui_model_key(&m, &f.v, 'q', 0, &ev);
    full("asked before quitting", gl, false);
    fresh(UI_PAGE_DICT, UI_SRC_MIC, 1);
    f.para[2].kind = UI_PARA_NOTE;
    f.para[2].text = "[2.1 s lost here]";
    f.para[2].len_b = 17;
    f.para[5].text = wide;
    f.para[5].len_b = sizeof wide - 1;
    f.para[5].t_us = INT64_C(3731000000);
    full("notes and signs", gl, false);
    fresh(UI_PAGE_DICT, UI_SRC_MIC, 1);
    f.v.held_all = 12;
    f.v.talk = UI_TALK_TOGGLE;
    full("texts held back, Space begins and ends", gl, false);
}

static void compare(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/gold/%s.txt", name);
    if (getenv("GENERATE")) {
        FILE *w = fopen(path, "w");
        assert_non_null(w);
        assert_int_equal(fwrite(out, 1, out_n, w), out_n);
        fclose(w);
        return;
    }
    char *want = calloc(1, OUT_MAX);
    FILE *r = fopen(path, "r");
    if (!r) {
        fail_msg("%s is missing (run from the repository's root; GENERATE=1 makes it)", path);
    }
    size_t n = fread(want, 1, OUT_MAX - 1, r);
    fclose(r);
    size_t i = 0, line = 1, begin = 0;
    while (i < n && i < out_n && want[i] == out[i]) {
        if (out[i++] == '\n') {
            line++;
            begin = i;
        }
    }
    if (i < n || i < out_n) {
        fail_msg("%s line %zu:\nwant %.*s\n got %.*s", path, line, (int)strcspn(want + begin, "\n"),
                 want + begin, (int)strcspn(out + begin, "\n"), out + begin);
    }
    free(want);
}

/* Rows for the list pages: more than a small window holds. */
static void list_rows(void)
{
    static const char *const mic[][2] = {
        {"default", "shared with other programs"},
        {"plughw:CARD=Device,DEV=0", "USB PnP Audio Device, USB Audio"},
        {"plughw:CARD=PCH,DEV=0", "HDA Intel PCH, ALC257 Analog"},
    };
    static const char *const held[] = {"thank you", "the the the the the the",
                                       "subtitles by \033[2J", "日本語の文章"};
    f.v.mics.n = 3;
    for (unsigned i = 0; i < 3; i++) {
        struct ui_item *it = &f.v.mics.item[i];
        snprintf(it->text, sizeof it->text, "%s", mic[i][1]);
        snprintf(it->aside, sizeof it->aside, "%s", mic[i][0]);
        it->on = i == 1;
    }
    f.v.held.n = 12;
    for (unsigned i = 0; i < 12; i++) {
        struct ui_item *it = &f.v.held.item[i];
        snprintf(it->text, sizeof it->text, "%s", held[i % 4]);
        snprintf(it->aside, sizeof it->aside, "00:%02u  %s", i * 4, i % 2 ? "loop" : "no voice");
        it->on = i == 2;
    }
    f.v.held_all = f.v.held.n;
}

static void one_file(enum ui_page page, int rows, int cols, const char *glyphs)
{
    static const char *const names[] = {"dict", "prof", "help", "mics", "held"};
    char name[64];
    const struct ui_glyphs *gl = ui_glyphs(glyphs);
    assert_int_equal(resizeterm(rows, cols), OK);
    assert_int_equal(ui_grid_size(&g, rows, cols), 0);
    out_n = 0;
    fresh(page, UI_SRC_MIC, 1);
    full("listening", gl, true);
    if (page == UI_PAGE_MICS || page == UI_PAGE_HELD) {
        struct ui_ev ev = {0};
        list_rows();
        full("a list", gl, false);
        ui_model_key(&m, &f.v, 'j', 0, &ev);
        full("the second row", gl, false);
        ui_model_key(&m, &f.v, 'G', 0, &ev);
        full("the last row", gl, false);
        f.v.mics.n = f.v.held.n = 0;
        full("nothing there", gl, false);
    } else if (page != UI_PAGE_HELP) {
        odd_sessions(gl, page);
        if (page == UI_PAGE_DICT) {
            dict_sessions(gl);
        }
        every_state(gl, page);
    }
    snprintf(name, sizeof name, "%s-%dx%d-%s", names[page], cols, rows, glyphs);
    compare(name);
}

static void gold(void **state)
{
    (void)state;
    static const int size[][2] = {{24, 80}, {40, 120}, {10, 40}};
    for (int page = 0; page < UI_PAGE_COUNT; page++) {
        for (unsigned i = 0; i < 3; i++) {
            one_file((enum ui_page)page, size[i][0], size[i][1], "utf8");
            one_file((enum ui_page)page, size[i][0], size[i][1], "ascii");
        }
    }
}

/* No size and no session writes outside the grid (ASan sees it) or shows an empty first row. */
static void all_sizes(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        for (int page = 0; page < UI_PAGE_COUNT; page++) {
            fresh((enum ui_page)page, k & 1 ? UI_SRC_FILE : UI_SRC_MIC, k == 2 ? 1e9 : 1);
            if (k == 3) {
                memset(&f.v, 0, sizeof f.v);
                f.v.npu.ncol = UI_COLS;
                f.v.npu.nop = UI_OPS;
                f.v.perf.nstage = UI_STAGES;
            }
            for (int rows = 1; rows <= 60; rows += rows < 16 ? 1 : 5) {
                for (int cols = 1; cols <= 200; cols += cols < 24 ? 1 : 9) {
                    assert_int_equal(ui_grid_size(&g, rows, cols), 0);
                    ui_paint(&g, ui_glyphs(k & 1 ? "ascii" : "utf8"), &m, &f.v);
                    assert_true(g.cell[0].cp[0] != ' ' || (cols > 1 && g.cell[1].cp[0] != ' '));
                }
            }
        }
    }
}

/* Doubtful words look different, with and without colours; the words beside them do not. */
static void doubt(void **state)
{
    static const struct ui_doubt words[] = {{1, 0, 5}, {1, 11, 6}, {4, 5, 6}};
    char *text;
    (void)state;
    fresh(UI_PAGE_DICT, UI_SRC_MIC, 1);
    f.text.doubt = words;
    f.text.ndoubt = 3;
    assert_int_equal(ui_grid_size(&g, 24, 80), 0);
    ui_paint(&g, ui_glyphs("utf8"), &m, &f.v);
    text = ui_grid_text(&g);
    int row = 0, marked = 0;
    for (const char *p = text; strncmp(p, " 11:46", 6) != 0; p = strchr(p, '\n') + 1) {
        row++;
    }
    free(text);
    const struct ui_cell *c = &g.cell[row * 80 + 8];
    for (int i = 0; i < 70; i++) { /* First, the report. */
        bool in = i < 5 || (i >= 11 && i < 17);
        assert_int_equal(c[i].role == UI_R_DOUBT, in);
        marked += in;
    }
    assert_int_equal(marked, 11);
    assert_true(theme.attr[UI_R_DOUBT] != theme.attr[UI_R_TEXT]);
}

/* Meaning never hangs on colour: without it every cell's text is the same, and no pair is used. */
static void mono(void **state)
{
    (void)state;
    struct ui_theme no;
    assert_int_equal(ui_theme_set(&no, "mono"), 0);
    assert_int_equal(ui_theme_set(&no, "pink"), -1);
    for (int i = 0; i < UI_R_COUNT; i++) {
        assert_int_equal(no.pair[i], 0);
        assert_int_equal(no.attr[i], theme.attr[i]);
    }
    assert_int_not_equal(theme.pair[UI_R_BAD], 0);
    assert_int_not_equal(theme.pair[UI_R_BAD], theme.pair[UI_R_OK]);
}

/* In ASCII every sign is ASCII as long as the text is. */
static void ascii_only(void **state)
{
    (void)state;
    for (int page = 0; page < UI_PAGE_COUNT; page++) {
        fresh((enum ui_page)page, UI_SRC_MIC, 1);
        assert_int_equal(ui_grid_size(&g, 40, 120), 0);
        ui_paint(&g, ui_glyphs("ascii"), &m, &f.v);
        for (int i = 0; i < g.rows * g.cols; i++) {
            assert_true(g.cell[i].cp[0] >= 32 && g.cell[i].cp[0] < 127 && g.cell[i].n == 1);
        }
    }
    assert_string_equal(ui_glyphs_auto("vt220", true), "ascii");
    assert_string_equal(ui_glyphs_auto("xterm", false), "ascii");
    assert_string_equal(ui_glyphs_auto("linux", true), "linux");
    assert_string_equal(ui_glyphs_auto("tmux-256color", true), "utf8");
}

static int setup(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        return -1;
    }
    FILE *w = fopen("/dev/null", "w"), *r = fopen("/dev/null", "r");
    screen = w && r ? newterm("xterm-256color", w, r) : NULL;
    out = malloc(OUT_MAX);
    return screen && out ? ui_theme_set(&theme, "default") : -1;
}

static int teardown(void **state)
{
    (void)state;
    endwin();
    delscreen(screen);
    ui_model_free(&m);
    ui_grid_free(&g);
    free(out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gold), cmocka_unit_test(all_sizes),  cmocka_unit_test(doubt),
        cmocka_unit_test(mono), cmocka_unit_test(ascii_only),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
