/* Error counts: small cases by hand, and random pairs against a plain full-matrix distance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/text/wer.h"

static void words(const char *ref, const char *hyp, size_t sub, size_t ins, size_t del, size_t n)
{
    struct text_errors e;
    assert_int_equal(text_wer(ref, hyp, &e), 0);
    assert_int_equal(e.sub, sub);
    assert_int_equal(e.ins, ins);
    assert_int_equal(e.del, del);
    assert_int_equal(e.n, n);
}

static void by_hand(void **s)
{
    (void)s;
    words("", "", 0, 0, 0, 0);
    words("a b c", "a b c", 0, 0, 0, 3);
    words("a b c", "a x c", 1, 0, 0, 3);
    words("a b c", "a c", 0, 0, 1, 3);
    words("a b c", "a b b c", 0, 1, 0, 3);
    words("", "a b", 0, 2, 0, 0);
    words("a b", "", 0, 0, 2, 2);
    words("a b c d", "b c d e", 0, 1, 1, 4);
}

static void characters(void **s)
{
    (void)s;
    struct text_errors e;
    assert_int_equal(text_cer("caf\xC3\xA9 x", "cafe x", &e), 0);
    assert_int_equal(e.n, 6);
    assert_int_equal(text_errors_count(&e), 1);
    assert_int_equal(text_cer("\xFF\xFE", "a", &e), 0); /* invalid bytes count one each */
    assert_int_equal(e.n, 2);
}

static void rates(void **s)
{
    (void)s;
    struct text_errors e, sum = {0};
    assert_int_equal(text_wer("a b c d", "a b", &e), 0);
    text_errors_add(&sum, &e);
    assert_int_equal(text_wer("a", "b c", &e), 0);
    text_errors_add(&sum, &e);
    assert_int_equal(text_errors_count(&sum), 4);
    assert_true(fabs(text_errors_rate(&sum) - 0.8) < 1e-12);
    assert_int_equal(text_wer("", "b", &e), 0);
    assert_true(isnan(text_errors_rate(&e)));
}

enum { MAX = 12 };

static size_t full_matrix(const char *a, size_t n, const char *b, size_t m)
{
    size_t d[MAX + 1][MAX + 1];
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t c = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            c = d[i - 1][j] + 1 < c ? d[i - 1][j] + 1 : c;
            d[i][j] = d[i][j - 1] + 1 < c ? d[i][j - 1] + 1 : c;
        }
    }
    return d[n][m];
}

static void against_full_matrix(void **s)
{
    (void)s;
    uint32_t x = 88172645u;
    for (int k = 0; k < 20000; k++) {
        char t[2][MAX + 1];
        size_t n[2];
        for (int q = 0; q < 2; q++) {
            x = x * 1664525u + 1013904223u;
            n[q] = (x >> 16) % (MAX + 1);
            for (size_t i = 0; i < n[q]; i++) {
                x = x * 1664525u + 1013904223u;
                t[q][i] = (char)('a' + (x >> 24) % 3);
            }
            t[q][n[q]] = 0;
        }
        struct text_errors e;
        assert_int_equal(text_cer(t[0], t[1], &e), 0);
        assert_int_equal(text_errors_count(&e), full_matrix(t[0], n[0], t[1], n[1]));
        assert_int_equal(e.n + e.ins, n[1] + e.del);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(characters),
        cmocka_unit_test(rates),
        cmocka_unit_test(against_full_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
