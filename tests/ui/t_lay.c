/* Layout at every size: inside the window, no overlap, order kept, nothing shown before what
 * matters more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ui/lay.h"

static void check_boxes(const struct ui_box *b, int n, int rows, int cols)
{
    for (int i = 0; i < n; i++) {
        if (!b[i].h || !b[i].w) {
            continue;
        }
        assert_true(b[i].y >= 0 && b[i].x >= 0 && b[i].h > 0 && b[i].w > 0);
        assert_true(b[i].y + b[i].h <= rows && b[i].x + b[i].w <= cols);
        for (int k = 0; k < i; k++) {
            bool apart = !b[k].h || !b[k].w || b[k].y + b[k].h <= b[i].y ||
                         b[i].y + b[i].h <= b[k].y || b[k].x + b[k].w <= b[i].x ||
                         b[i].x + b[i].w <= b[k].x;
            assert_true(apart);
        }
    }
}

static void dict_one(int rows, int cols, int say)
{
    struct ui_box b[LAY_DICT_COUNT];
    struct ui_lay_dict_in in = {rows, cols, say};
    ui_lay_dict(&in, b);
    check_boxes(b, LAY_DICT_COUNT, rows, cols);
    assert_int_equal(b[LAY_TITLE].h, 1);
    if (rows < LAY_MIN_ROWS || cols < LAY_MIN_COLS) {
        assert_int_equal(b[LAY_TEXT].h, 0);
        return;
    }
    assert_true(b[LAY_TEXT].h >= 1 && b[LAY_TEXT].w >= 20);
    bool side = b[LAY_SIDE].h > 0;
    for (int i = LAY_KEYS; i <= LAY_LAG; i++) { /* each part only after the ones before it */
        bool stands_in = side && (i == LAY_MIC || i == LAY_LAG);
        bool before_in = side && (i - 1 == LAY_MIC || i - 1 == LAY_LAG);
        if (b[i].h && !stands_in) {
            assert_true(b[i - 1].h || before_in);
        }
    }
    assert_true(say == 0 || b[LAY_SAY].h || b[LAY_RULE2].h); /* a sentence always has a place */
    static const int order[] = {LAY_TITLE, LAY_RULE1, LAY_TEXT, LAY_RULE2, LAY_SAY,
                                LAY_MIC,   LAY_LAG,   LAY_FILE, LAY_KEYS};
    int y = -1;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        if (b[order[i]].h) {
            assert_true(b[order[i]].y > y);
            y = b[order[i]].y;
        }
    }
    assert_int_equal(b[LAY_TEXT].x + b[LAY_TEXT].w,
                     cols); /* text owns its rows to the right edge */
}

static void dict_all(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 120; rows++) {
        for (int cols = 1; cols <= 300; cols += cols < 170 ? 1 : 7) {
            for (int say = 0; say <= 4; say++) {
                dict_one(rows, cols, say);
            }
        }
    }
}

static void prof_one(const struct ui_lay_prof_in *in)
{
    struct ui_box b[LAY_P_COUNT];
    ui_lay_prof(in, b);
    check_boxes(b, LAY_P_COUNT, in->rows, in->cols);
    if (in->rows < LAY_MIN_ROWS || in->cols < LAY_MIN_COLS) {
        assert_int_equal(b[LAY_P_BAR].h, 0);
        return;
    }
    assert_int_equal(b[LAY_P_BAR].h, 1);
    assert_true(b[LAY_P_STAGE].h >= 1);
    assert_false(b[LAY_P_CELLS].h && b[LAY_P_LANES].h);
    assert_true(b[LAY_P_LANES].h == 0 || b[LAY_P_LANES].h == in->columns + 1);
    assert_true(!b[LAY_P_MEM].h || b[LAY_P_CMD].h);
    assert_true(!b[LAY_P_OPS].h || b[LAY_P_MEM].h);
    assert_true(!b[LAY_P_CMD].h || b[LAY_P_DEV].h);
    static const int order[] = {LAY_P_TITLE, LAY_P_BAR,   LAY_P_LEGEND, LAY_P_RULE1, LAY_P_STAGE,
                                LAY_P_RULE2, LAY_P_DEV,   LAY_P_CELLS, LAY_P_LANES,  LAY_P_RULE3, LAY_P_OPS,
                                LAY_P_MEM,   LAY_P_CMD,   LAY_P_RULE4,  LAY_P_SAY,   LAY_P_KEYS};
    int y = -1;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        if (b[order[i]].h) {
            assert_true(b[order[i]].y > y);
            y = b[order[i]].y;
        }
    }
}

static void prof_all(void **state)
{
    (void)state;
    static const int many[][3] = {{0, 0, 0}, {1, 1, 1}, {7, 4, 6}, {9, 8, 8}, {16, 16, 24}};
    for (int rows = 1; rows <= 120; rows++) {
        for (int cols = 1; cols <= 300; cols += cols < 125 ? 1 : 5) {
            for (unsigned i = 0; i < 10; i++) {
                const int *m = many[i / 2];
                struct ui_lay_prof_in in = {rows, cols, m[0], m[1], m[2], (int)(i & 1) * 2};
                prof_one(&in);
            }
        }
    }
}

static void help_all(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 120; rows++) {
        for (int cols = 1; cols <= 300; cols += 3) {
            struct ui_box b[LAY_H_COUNT];
            ui_lay_help(rows, cols, b);
            check_boxes(b, LAY_H_COUNT, rows, cols);
        }
    }
}

/* The sizes that the mock-ups name. */
static void named_sizes(void **state)
{
    (void)state;
    struct ui_box b[LAY_DICT_COUNT];
    struct ui_lay_dict_in in = {24, 80, 0};
    ui_lay_dict(&in, b);
    assert_true(b[LAY_MIC].h && b[LAY_LAG].h && b[LAY_FILE].h && b[LAY_KEYS].h && !b[LAY_SIDE].h);
    assert_int_equal(b[LAY_TEXT].h, 17);
    in = (struct ui_lay_dict_in){40, 120, 0};
    ui_lay_dict(&in, b);
    assert_int_equal(b[LAY_SIDE].w, 32);
    assert_int_equal(b[LAY_MIC].h, 0);
    struct ui_box p[LAY_P_COUNT];
    struct ui_lay_prof_in pin = {24, 80, 7, 8, 6, 0};
    ui_lay_prof(&pin, p); /* eight columns share a row, so that every operation has one */
    assert_int_equal(p[LAY_P_LANES].h, 0);
    assert_int_equal(p[LAY_P_CELLS].h, 1);
    assert_int_equal(p[LAY_P_DEV].h, 1);
    assert_int_equal(p[LAY_P_STAGE].h, 8);
    assert_int_equal(p[LAY_P_OPS].h, 7);
    pin.columns = 4; /* four have lanes, and the operations that take most */
    ui_lay_prof(&pin, p);
    assert_int_equal(p[LAY_P_LANES].h, 5);
    assert_int_equal(p[LAY_P_STAGE].h, 8);
    assert_int_equal(p[LAY_P_OPS].h, 4);
    pin = (struct ui_lay_prof_in){40, 120, 7, 8, 6, 0};
    ui_lay_prof(&pin, p);
    assert_int_equal(p[LAY_P_LANES].h, 9);
    assert_int_equal(p[LAY_P_OPS].h, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dict_all),
        cmocka_unit_test(prof_all),
        cmocka_unit_test(help_all),
        cmocka_unit_test(named_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
