/* Text: cleaning, clusters, wrapping, grid clipping, search, numbers, copying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ui/clip.h"
#include "ui/doc.h"
#include "ui/find.h"
#include "ui/fmt.h"
#include "ui/grid.h"
#include "ui/wrap.h"

static int32_t first(const char *s)
{
    struct ui_clu c;
    uint32_t pos = 0;
    assert_true(ui_clu_next(s, (uint32_t)strlen(s), &pos, &c));
    return c.cp[0];
}

static void cleans(void **state)
{
    (void)state;
    assert_int_equal(first("\033[31m"), 0xfffd);
    assert_int_equal(first("\x07"), 0xfffd);
    assert_int_equal(first("\x7f"), 0xfffd);
    assert_int_equal(first("\xc2\x9b"), 0xfffd);     /* C1: CSI */
    assert_int_equal(first("\xe2\x80\xae"), 0xfffd); /* U+202E, right-to-left override */
    assert_int_equal(first("\xe2\x81\xa6"), 0xfffd); /* U+2066 */
    assert_int_equal(first("\xff"), 0xfffd);
    assert_int_equal(first("\xed\xa0\x80"), 0xfffd); /* a surrogate */
    assert_int_equal(first("\xc0\xaf"), 0xfffd);     /* overlong */
    assert_int_equal(first("\n"), ' ');
    assert_int_equal(first("\xcc\x81"), 0xfffd); /* a mark without a base */
    assert_int_equal(first("é"), 0xe9);
}

static void clusters(void **state)
{
    (void)state;
    struct ui_clu c;
    uint32_t pos = 0;
    const char *s = "e\xcc\x81"
                    "日x";
    assert_true(ui_clu_next(s, (uint32_t)strlen(s), &pos, &c));
    assert_int_equal(c.len, 3);
    assert_int_equal(c.ncp, 2);
    assert_int_equal(c.w, 1);
    assert_true(ui_clu_next(s, (uint32_t)strlen(s), &pos, &c));
    assert_int_equal(c.w, 2);
    assert_int_equal(ui_width(s, (uint32_t)strlen(s)), 4);
    char zalgo[402] = "a";
    for (int i = 0; i < 200; i++) {
        strcat(zalgo, "\xcc\x81");
    }
    pos = 0;
    assert_true(ui_clu_next(zalgo, 401, &pos, &c));
    assert_int_equal(pos, 401); /* all of it is one cluster, of which five code points are kept */
    assert_int_equal(c.ncp, UI_CPS);
}

/* Lines joined by '|'. */
static const char *wrapped(const char *s, int width)
{
    static char out[512];
    struct ui_wrap w;
    struct ui_line l;
    out[0] = 0;
    ui_wrap_init(&w, s, (uint32_t)strlen(s), width);
    while (ui_wrap_next(&w, &l)) {
        assert_true(l.w <= width && l.w == ui_width(s + l.off, l.end - l.off));
        strncat(out, s + l.off, l.end - l.off);
        strcat(out, "|");
    }
    return out;
}

static void wraps(void **state)
{
    (void)state;
    assert_string_equal(wrapped("the quick brown fox", 10), "the quick|brown fox|");
    assert_string_equal(wrapped("the quick", 9), "the quick|");
    assert_string_equal(wrapped("the quick ", 9), "the quick|");
    assert_string_equal(wrapped("  a   b  ", 3), "a|b|");
    assert_string_equal(wrapped("well-known fact", 7), "well-|known|fact|");
    assert_string_equal(wrapped("abcdefghij", 4), "abcd|efgh|ij|");
    assert_string_equal(wrapped("日本語です。", 5), "日本|語で|す。|");
    assert_string_equal(wrapped("日本。語", 4), "日|本。|語|"); /* a stop does not begin a line */
    assert_string_equal(wrapped("", 4), "");
    assert_string_equal(wrapped("   ", 4), "");
    assert_string_equal(wrapped("a e\xcc\x81"
                                "e\xcc\x81"
                                "e\xcc\x81",
                                2),
                        "a|e\xcc\x81"
                        "e\xcc\x81|e\xcc\x81|");
    assert_string_equal(wrapped("1-2 km", 3), "1-2|km|");
}

static void grid_clips(void **state)
{
    (void)state;
    struct ui_grid g = {0};
    struct ui_box b = {0, 1, 1, 4};
    assert_int_equal(ui_grid_size(&g, 2, 6), 0);
    ui_put(&g, b, 0, 0, UI_R_TEXT, "a日本x"); /* 日 fits, 本 would be cut in half */
    char *s = ui_grid_text(&g);
    assert_string_equal(s, " a日\n\n");
    free(s);
    ui_put(&g, b, 0, 2, UI_R_TEXT, "z"); /* the right half of 日: the left one must go */
    s = ui_grid_text(&g);
    assert_string_equal(s, " a z\n\n");
    free(s);
    ui_put(&g, b, 5, 0, UI_R_TEXT, "out");
    ui_put(&g, b, 0, -3, UI_R_TEXT, "out");
    s = ui_grid_text(&g);
    assert_string_equal(s, " a z\n\n");
    free(s);
    ui_grid_free(&g);
}

static unsigned hits(const char *text, const char *query)
{
    struct ui_para p = {.text = text, .len_b = (uint32_t)strlen(text)};
    struct ui_text t = {.para = &p, .npara = 1};
    struct ui_find f;
    unsigned before;
    ui_find_set(&f, query, (uint32_t)strlen(query));
    return ui_find_count(&f, &t, 0, 0, &before);
}

static void finds(void **state)
{
    (void)state;
    assert_int_equal(hits("The cat. the CAT", "the"), 2);
    assert_int_equal(hits("Café cafe", "cafe"), 2); /* accents do not matter unless typed */
    assert_int_equal(hits("Café cafe", "café"), 1);
    assert_int_equal(hits("Straße", "strasse"), 1);
    assert_int_equal(hits("aaaa", "aa"), 2);
    assert_int_equal(hits("abc", ""), 0);
    assert_int_equal(hits("ab", "abc"), 0);
    assert_int_equal(hits("\xff\xfe\x80", "x"), 0);
}

static void find_walks(void **state)
{
    (void)state;
    struct ui_para p[3] = {{.id = 1, .text = "one two", .len_b = 7},
                           {.id = 2, .text = "none", .len_b = 4},
                           {.id = 3, .text = "one one", .len_b = 7}};
    struct ui_text t = {.para = p, .npara = 3};
    struct ui_find f;
    struct ui_hit h = {0};
    ui_find_set(&f, "one", 3);
    assert_true(ui_find_go(&f, &t, 1, false, &h) && h.para == 0 && h.off == 0);
    assert_true(ui_find_go(&f, &t, 1, true, &h) && h.para == 1 && h.off == 1);
    assert_true(ui_find_go(&f, &t, 1, true, &h) && h.para == 2 && h.off == 0);
    assert_true(ui_find_go(&f, &t, 1, true, &h) && h.para == 2 && h.off == 4);
    assert_true(ui_find_go(&f, &t, 1, true, &h) && h.para == 0 && h.off == 0); /* round */
    assert_true(ui_find_go(&f, &t, -1, true, &h) && h.para == 2 && h.off == 4);
    assert_true(ui_find_go(&f, &t, -1, true, &h) && h.para == 2 && h.off == 0);
}

static void numbers(void **state)
{
    (void)state;
    struct ui_val none = {0, UI_NONE};
    assert_string_equal(ui_ms(none).s, "-");
    assert_string_equal(ui_ms(ui_live(0)).s, "0.0");
    assert_string_equal(ui_ms(ui_live(212.44)).s, "212.4");
    assert_string_equal(ui_ms(ui_live(0.034)).s, "0.03");
    assert_string_equal(ui_ms(ui_live(15240)).s, "15240");
    assert_string_equal(ui_ms(ui_live(NAN)).s, "-");
    assert_string_equal(ui_fix(ui_live(0.356), 2).s, "0.36");
    assert_string_equal(ui_fix(ui_live(1e30), 2).s, ">999k");
    assert_string_equal(ui_count(ui_live(427280)).s, "427280");
    assert_string_equal(ui_count(ui_live(1.26e6)).s, "1.3M");
    assert_string_equal(ui_bytes(ui_live(241e6)).s, "241 MB");
    assert_string_equal(ui_bytes(ui_live(12)).s, "12 B");
    assert_string_equal(ui_pct(ui_live(0.307)).s, "31%");
    assert_string_equal(ui_pct1(ui_live(0.063)).s, "6.3%");
    assert_string_equal(ui_db(ui_live(-INFINITY)).s, "-inf");
    assert_string_equal(ui_hms(ui_live(767e6)).s, "00:12:47");
    assert_string_equal(ui_stamp(INT64_C(3723000000)).s, "1:02:03");
    static const double odd[] = {0,   -1,       1e-9, 1,    999.96, 9999.6,
                                 1e5, 999999.7, 1e9,  1e18, 1e300,  -1e300};
    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_true(strlen(ui_count(ui_live(fabs(odd[i]))).s) <= 7);
        assert_true(strlen(ui_bytes(ui_live(fabs(odd[i]))).s) <= 7);
        assert_true(strlen(ui_pct(ui_live(odd[i])).s) <= 4);
    }
}

static void copies(void **state)
{
    (void)state;
    size_t n;
    char *s = ui_clip_osc52("Hi\033!", 4, 0, &n);
    assert_int_equal(n, strlen("\033]52;c;SGkh\a"));
    assert_memory_equal(s, "\033]52;c;SGkh\a", n);
    free(s);
    s = ui_clip_osc52("a", 1, 1, &n);
    assert_memory_equal(s, "\033]52;c;YQ==\a\033Ptmux;\033\033]52;c;YQ==\a\033\\", n);
    free(s);
    char *big = calloc(1, 80000);
    assert_null(ui_clip_osc52(big, 80000, 0, &n));
    free(big);
}

/* Moving down from the top visits every row once, and up again comes back, at any width. */
static void doc_walks(void **state)
{
    (void)state;
    struct ui_para p[4] = {{.id = 3, .text = "one two three four five six", .len_b = 27},
                           {.id = 5, .text = "", .len_b = 0},
                           {.id = 6, .text = "日本語です", .len_b = 15},
                           {.id = 9, .text = "the last one", .len_b = 12}};
    struct ui_text t = {.para = p, .npara = 4, .tail = " and its tail", .tail_b = 13};
    struct ui_doc d = {0};
    for (int width = 2; width < 40; width++) {
        ui_doc_set(&d, &t, width, "~");
        struct ui_at at = {0, 0}, end = ui_doc_end(&d);
        int rows = 0;
        while (at.i != end.i || at.r != end.r) {
            struct ui_at next = ui_doc_move(&d, at, 1);
            struct ui_at back = ui_doc_move(&d, next, -1);
            assert_true(back.i == at.i && back.r == at.r);
            struct ui_at again = ui_doc_find(&d, ui_doc_mark(&d, at));
            assert_true(again.i == at.i);
            assert_true(again.r == at.r || p[at.i].len_b == 0);
            at = next;
            assert_true(++rows < 200);
        }
        struct ui_at jump = {0, 0};
        jump = ui_doc_move(&d, jump, rows);
        assert_true(jump.i == end.i && jump.r == end.r);
        struct ui_at zero = {0, 0};
        assert_int_equal(ui_doc_rows(&d, zero, end, 999), rows);
    }
    ui_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans),     cmocka_unit_test(clusters), cmocka_unit_test(wraps),
        cmocka_unit_test(grid_clips), cmocka_unit_test(finds),    cmocka_unit_test(find_walks),
        cmocka_unit_test(numbers),    cmocka_unit_test(copies),   cmocka_unit_test(doc_walks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
