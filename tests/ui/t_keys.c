/* Keys: the table has no clash, every named key does something, and the session model reacts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curses.h>
#include <stdlib.h>

#include "tests/ui/fix.h"
#include "ui/key.h"
#include "ui/paint.h"

static struct fix f;
static struct ui_model m;
static struct ui_grid g;
static struct ui_ev ev;

static int setup(void **state)
{
    (void)state;
    fix_make(&f, UI_SRC_MIC, 4, 1);
    ui_grid_size(&g, 10, 40);
    return ui_model_init(&m);
}

static int teardown(void **state)
{
    (void)state;
    ui_model_free(&m);
    ui_grid_free(&g);
    return 0;
}

static unsigned press(int key)
{
    memset(&ev, 0, sizeof ev);
    unsigned todo = ui_model_key(&m, &f.v, key, 1000000, &ev);
    ui_paint(&g, ui_glyphs("ascii"), &m, &f.v);
    return todo;
}

static bool shows(const char *what)
{
    char *s = ui_grid_text(&g);
    bool yes = strstr(s, what) != NULL;
    free(s);
    return yes;
}

static void table(void **state)
{
    (void)state;
    unsigned n;
    const struct ui_bind *b = ui_binds(&n);
    for (unsigned i = 0; i < n; i++) {
        assert_true(b[i].key[0] && b[i].pages && b[i].act != UI_ACT_NONE);
        assert_true(!b[i].bar == !b[i].bar_key && !b[i].help == !b[i].label);
        for (unsigned k = 0; k < i; k++) {
            for (int x = 0; x < 3; x++) {
                for (int y = 0; y < 3; y++) {
                    bool clash =
                        b[i].key[x] && b[i].key[x] == b[k].key[y] && b[i].pages & b[k].pages;
                    assert_false(clash);
                }
            }
        }
    }
    /* Every row of the table changes the screen or tells the app something. */
    for (unsigned i = 0; i < n; i++) {
        for (int page = 0; page < UI_PAGE_COUNT; page++) {
            if (b[i].pages & 1u << page) {
                m.page = (enum ui_page)page;
                m.quit_asked = m.typing = false;
                m.stop_us = 0;
                unsigned todo = press(b[i].key[0]);
                assert_true(todo || ev.kind != UI_EV_TICK);
            }
        }
    }
    m.page = UI_PAGE_DICT;
    assert_int_equal(press('#'), 0); /* unknown: nothing, and no word about it */
    assert_int_equal(ev.kind, UI_EV_TICK);
}

static void pages(void **state)
{
    (void)state;
    press('p');
    assert_int_equal(m.page, UI_PAGE_PROF);
    press('?');
    assert_int_equal(m.page, UI_PAGE_HELP);
    assert_true(shows("help"));
    press(27);
    assert_int_equal(m.page, UI_PAGE_PROF);
    press(27);
    assert_int_equal(m.page, UI_PAGE_DICT);
    for (int i = 0; i < 5; i++) {
        press(27);
        assert_int_equal(ev.kind, UI_EV_TICK); /* Esc never quits */
    }
}

static void quits(void **state)
{
    (void)state;
    press('q');
    assert_int_equal(ev.kind, UI_EV_QUIT);
    f.v.out.unsaved = true;
    press('q');
    assert_int_equal(ev.kind, UI_EV_TICK);
    assert_true(shows("Not saved"));
    press('j');
    assert_false(m.quit_asked);
    press('q');
    press('q');
    assert_int_equal(ev.kind, UI_EV_QUIT);
    f.v.out.unsaved = false;
}

static void stops_then_quits(void **state)
{
    (void)state;
    m.stop_us = 0;
    memset(&ev, 0, sizeof ev);
    ui_model_stop(&m, &f.v, 5000000, &ev);
    assert_int_equal(ev.kind, UI_EV_STOP);
    ui_model_stop(&m, &f.v, 8000000, &ev); /* 3 s later: a first one again */
    assert_int_equal(ev.kind, UI_EV_STOP);
    ui_model_stop(&m, &f.v, 9000000, &ev);
    assert_int_equal(ev.kind, UI_EV_QUIT);
    f.v.state = UI_ST_DONE;
    ui_model_stop(&m, &f.v, 99000000, &ev);
    assert_int_equal(ev.kind, UI_EV_QUIT);
    f.v.state = UI_ST_LISTENING;
}

static void scrolls(void **state)
{
    (void)state;
    m.page = UI_PAGE_DICT;
    press('G');
    assert_true(m.follow);
    assert_true(shows("but the notice"));
    press('g');
    assert_false(m.follow);
    assert_true(shows("Good morning"));
    for (int i = 0; i < 100; i++) {
        press('j');
    }
    assert_true(m.follow); /* down to the end means following again */
    press(UI_KEY_FN | KEY_PPAGE);
    assert_false(m.follow);
    struct ui_mark top = m.top;
    ui_grid_size(&g, 12, 70); /* the reading place survives a resize */
    press('#');
    assert_int_equal(m.top.id, top.id);
    ui_grid_size(&g, 10, 40);
    press('G');
}

static void searches(void **state)
{
    (void)state;
    press('G');
    press('/');
    assert_true(m.typing);
    for (const char *s = "LIST"; *s; s++) {
        press(*s);
    }
    assert_int_equal(m.hits, 1);
    assert_true(shows("list from last week"));
    press('q'); /* a letter, while typing */
    assert_int_equal(m.hits, 0);
    assert_int_equal(ev.kind, UI_EV_TICK);
    press(127);
    assert_int_equal(m.hits, 1);
    press('\n');
    assert_false(m.typing);
    press('n');
    assert_int_equal(m.hit_no, 1);
    press('/');
    press('e');
    unsigned all = m.hits, at = m.hit_no;
    assert_true(all > 10);
    press('\n');
    press('n');
    assert_int_equal(m.hit_no, at % all + 1);
    press('N');
    assert_int_equal(m.hit_no, at);
    press('/');
    press('z');
    press('z');
    press(27);
    assert_false(m.typing);
    assert_int_equal(m.find.n, 0);
    m.flash_us = 0;
}

static void freezes(void **state)
{
    (void)state;
    m.page = UI_PAGE_PROF;
    press(' ');
    assert_true(m.frozen && shows("FROZEN"));
    f.v.perf.rtf = ui_live(9.99);
    press('#');
    assert_false(shows("9.99"));
    press(' ');
    assert_false(m.frozen);
    assert_true(shows("9.99"));
    press('w');
    assert_int_equal(ev.kind, UI_EV_WINDOW);
    assert_int_equal(ev.arg, 60);
    unsigned index[UI_STAGES];
    m.sort = UI_SORT_SHARE;
    ui_model_sorted(&m, &f.v.perf, index);
    assert_int_equal(index[0], 2);
    assert_int_equal(index[1], 4);
    m.sort = UI_SORT_PIPE;
    ui_model_sorted(&m, &f.v.perf, index);
    assert_int_equal(index[6], 6);
    m.page = UI_PAGE_DICT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),   cmocka_unit_test(quits),    cmocka_unit_test(stops_then_quits),
        cmocka_unit_test(scrolls), cmocka_unit_test(searches), cmocka_unit_test(freezes),
        cmocka_unit_test(table),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
