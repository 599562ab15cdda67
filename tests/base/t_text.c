/* utf8, jsonw, fmt: bytes from anywhere become valid text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/fmt.h"
#include "app/base/jsonw.h"
#include "app/base/utf8.h"

static void test_utf8_all(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char s[4];
        int len, n = utf8_put(s, c);
        uint32_t back = utf8_next(s, (size_t)n, &len);
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        assert_int_equal(len, n);
        assert_int_equal(back, surrogate ? UTF8_BAD : c);
    }
    char s[4];
    assert_int_equal(utf8_put(s, 0x110000), 3);
}

static void test_utf8_bad(void **state)
{
    /* bytes, how many of them one replacement stands for */
    static const struct {
        const char *s;
        int len;
    } bad[] = {
        {"\x80", 1},         {"\xFF", 1},         {"\xC0\xAF", 1},     {"\xC1\x80", 1},
        {"\xE0\x80\x80", 1}, {"\xED\xA0\x80", 1}, {"\xF0\x80\x80", 1}, {"\xF4\x90\x80\x80", 1},
        {"\xF5\x80", 1},     {"\xE2\x82", 2},     {"\xF0\x9F\x98", 3}, {"\xE2\x82z", 2},
        {"\xC3", 1},         {"\xF0\x9Fz", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int len;
        assert_int_equal(utf8_next(bad[i].s, strlen(bad[i].s), &len), UTF8_BAD);
        assert_int_equal(len, bad[i].len);
        assert_false(utf8_valid(bad[i].s, strlen(bad[i].s)));
    }
    assert_true(utf8_valid("gr\xC3\xBC\xC3\x9F \xEF\xBF\xBD", 10));
}

static void test_utf8_partial(void **state)
{
    (void)state;
    assert_int_equal(utf8_partial("", 0), 0);
    assert_int_equal(utf8_partial("abc", 3), 0);
    assert_int_equal(utf8_partial("a\xC3", 2), 1);
    assert_int_equal(utf8_partial("a\xE2\x82", 3), 2);
    assert_int_equal(utf8_partial("\xF0\x9F\x98", 3), 3);
    assert_int_equal(utf8_partial("\xF0\x9F\x98\x80", 4), 0);
    assert_int_equal(utf8_partial("\xE2\x82\xAC", 3), 0);
    assert_int_equal(utf8_partial("\x82", 1), 0);     /* never begins anything */
    assert_int_equal(utf8_partial("\xED\xA0", 2), 0); /* never becomes a character */
}

static void test_utf8_clean(void **state)
{
    char out[64];
    (void)state;
    assert_int_equal(utf8_clean("a\xFFz", 3, out, sizeof out), 5);
    assert_string_equal(out, "a\xEF\xBF\xBDz");
    for (size_t cap = 0; cap < 12; cap++) { /* never cut inside a character */
        memset(out, 'x', sizeof out);
        size_t n = utf8_clean("\xE2\x82\xAC\xE2\x82\xAC\xC3\xBC", 8, out, cap);
        assert_true(n < cap || cap == 0);
        assert_true(utf8_valid(out, n));
        assert_true(cap == 0 || out[n] == 0);
    }
}

static void test_utf8_random(void **state)
{
    uint32_t seed = 7;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char in[24], out[3 * sizeof in + 1];
        size_t n = round % sizeof in;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            in[i] = (char)(seed >> 24 | (seed >> 16 & 0x80));
        }
        size_t k = utf8_clean(in, n, out, sizeof out);
        assert_true(utf8_valid(out, k));
        assert_true(utf8_partial(in, n) <= 3);
    }
}

static void test_json(void **state)
{
    struct jsonw w;
    (void)state;
    jsonw_init(&w);
    jsonw_obj(&w, NULL);
    jsonw_str(&w, "a\"b", "x\n\t\x01\x7F\"\\/\xC3\xBC\xFF");
    jsonw_str(&w, "none", NULL);
    jsonw_int(&w, "i", INT64_MIN);
    jsonw_num(&w, "nan", (double)NAN, 3);
    jsonw_num(&w, "inf", -(double)INFINITY, 3);
    jsonw_num(&w, "x", 1.5, 3);
    jsonw_num(&w, "y", -0.0004, 2);
    jsonw_num(&w, "z", 100, 0);
    jsonw_arr(&w, "v");
    jsonw_obj(&w, NULL);
    jsonw_obj_end(&w);
    jsonw_bool(&w, NULL, true);
    jsonw_arr(&w, NULL);
    jsonw_arr_end(&w);
    jsonw_arr_end(&w);
    jsonw_null(&w, "end");
    jsonw_obj_end(&w);
    assert_true(jsonw_ok(&w));
    assert_string_equal(
        w.buf, "{\"a\\\"b\":\"x\\n\\t\\u0001\\u007f\\\"\\\\/\xC3\xBC\xEF\xBF\xBD\",\"none\":null,"
               "\"i\":-9223372036854775808,\"nan\":null,\"inf\":null,\"x\":1.5,\"y\":0,"
               "\"z\":100,\"v\":[{},true,[]],\"end\":null}");
    jsonw_reset(&w);
    jsonw_num(&w, NULL, 1e300, 6);
    assert_int_equal(strlen(w.buf), 301);
    jsonw_reset(&w);
    jsonw_fmt(&w, "%0*d", 100000, 7);
    assert_int_equal(w.len, 100000);
    jsonw_free(&w);
}

static void test_fmt_si(void **state)
{
    char s[32];
    (void)state;
    assert_string_equal(fmt_si(s, sizeof s, 0), "0");
    assert_string_equal(fmt_si(s, sizeof s, 7.25), "7.25");
    assert_string_equal(fmt_si(s, sizeof s, 999), "999");
    assert_string_equal(fmt_si(s, sizeof s, 999.6), "1.0k");
    assert_string_equal(fmt_si(s, sizeof s, 1234567), "1.2M");
    assert_string_equal(fmt_si(s, sizeof s, (double)NAN), "n/a");
    for (double v = 1e-3; v < 1e30; v *= 1.37) {
        assert_true(strlen(fmt_si(s, sizeof s, v)) <= 6);
        assert_true(strlen(fmt_si(s, sizeof s, -v)) <= 7);
    }
    assert_string_equal(fmt_bytes(s, sizeof s, 241172480), "230 MiB");
    assert_string_equal(fmt_bytes(s, sizeof s, -1), "n/a");
}

static void test_fmt_time(void **state)
{
    char s[32];
    (void)state;
    assert_string_equal(fmt_dur(s, sizeof s, 0.0008), "0.8 ms");
    assert_string_equal(fmt_dur(s, sizeof s, 0.012), "12 ms");
    assert_string_equal(fmt_dur(s, sizeof s, 0.9999), "1.0 s");
    assert_string_equal(fmt_dur(s, sizeof s, 59.99), "1 min 00 s");
    assert_string_equal(fmt_dur(s, sizeof s, 3725), "1 h 02 min");
    assert_string_equal(fmt_dur(s, sizeof s, (double)NAN), "n/a");
    assert_string_equal(fmt_clock(s, sizeof s, 751.9), "12:31");
    assert_string_equal(fmt_clock(s, sizeof s, 3723), "1:02:03");
    assert_string_equal(fmt_clock(s, sizeof s, -1), "--:--");
    assert_string_equal(fmt_clock(s, sizeof s, (double)NAN), "--:--");
    assert_string_equal(fmt_stamp(s, sizeof s, 751.25, ','), "00:12:31,250");
    assert_string_equal(fmt_stamp(s, sizeof s, 59.9996, '.'), "00:01:00.000");
    assert_string_equal(fmt_stamp(s, sizeof s, 360000, '.'), "100:00:00.000");
    assert_string_equal(fmt_stamp(s, sizeof s, (double)NAN, '.'), "00:00:00.000");
    assert_string_equal(fmt_dur(s, 4, 0.0123), "12 "); /* too small a buffer is still terminated */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_all),     cmocka_unit_test(test_utf8_bad),
        cmocka_unit_test(test_utf8_partial), cmocka_unit_test(test_utf8_clean),
        cmocka_unit_test(test_utf8_random),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_fmt_si),       cmocka_unit_test(test_fmt_time),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
