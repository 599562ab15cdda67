/* The table of dictate score, and SHA-1 by its published examples. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/score_list.h"
#include "app/sha1.h"

static void digest(const void *data, size_t n, const char *want)
{
    char hex[41];
    sha1_hex(data, n, hex);
    assert_string_equal(hex, want);
}

static void sha1_examples(void **s)
{
    (void)s;
    char *a = malloc(1000000);
    assert_non_null(a);
    memset(a, 'a', 1000000);
    digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    digest(a, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(a);
}

/* Reads text as a table in a file of its own. */
static int table(const char *text, struct score_list *l, struct err *e)
{
    char path[] = "/tmp/dictate-table-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int rc = score_list_read(l, path, e);
    unlink(path);
    return rc;
}

static void good_tables(void **s)
{
    (void)s;
    struct score_list l;
    struct err e = {0};
    assert_int_equal(
        table("\xEF\xBB\xBF# text\tmore\tfile\r\nhello you\tx\ta b.wav\r\n\r\nbye\tx\t/c.wav", &l,
              &e),
        0);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.row[0].file, "/tmp/a b.wav");
    assert_string_equal(l.row[0].text, "hello you");
    assert_string_equal(l.row[0].source, "");
    assert_string_equal(l.row[1].file, "/c.wav");
    score_list_free(&l);
    assert_int_equal(table("source\tfile\ttext\nA\tf\t\n", &l, &e), 0);
    assert_string_equal(l.row[0].source, "A");
    assert_string_equal(l.row[0].text, "");
    score_list_free(&l);
}

static void words_with_times(void **s)
{
    (void)s;
    struct score_list l;
    struct err e = {0};
    assert_int_equal(table("file\ttext\tword_ends\tword_starts\n"
                           "a\t one  two three\t0.5 - 2.25\t\n"
                           "b\t\t\t\nc\tone\n",
                           &l, &e),
                     0);
    assert_int_equal(l.row[0].n_word, 3);
    assert_string_equal(l.row[0].word[0], "one");
    assert_string_equal(l.row[0].word[2], "three");
    assert_true(l.row[0].end[0] == 0.5 && isnan(l.row[0].end[1]) && l.row[0].end[2] == 2.25);
    assert_null(l.row[0].start);
    assert_int_equal(l.row[1].n_word, 0);
    assert_null(l.row[1].end);
    assert_null(l.row[2].end); /* a short line: its times are not known */
    score_list_free(&l);
}

static void bad_tables(void **s)
{
    (void)s;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"file\tsource\nx\ty\n", "no column \"text\""},
        {"text\nhello\n", "no column \"file\""},
        {"file\ttext\nx\ty\nz\n", "line 3"},
        {"file\ttext\n", "lists no files"},
        {"file\ttext\n\thello\n", "line 2"},
        {"file\ttext\tword_ends\nx\ta b\t1\n", "line 2 has 1 times in word_ends"},
        {"file\ttext\tword_ends\nx\ta b\t1 2 3\n", "for a text of 2 words"},
        {"file\ttext\tword_ends\nx\ta b\t1 2s\n", "2s"},
        {"file\ttext\tword_starts\nx\ta\t-1\n", "word_starts is no time"},
        {"file\ttext\tword_ends\nx\ta\tnan\n", "is no time"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct score_list l;
        struct err e = {0};
        assert_int_equal(table(bad[i].text, &l, &e), -ERR_USAGE);
        assert_non_null(strstr(e.text, bad[i].says));
        assert_int_equal(l.n, 0);
        assert_null(l.row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_examples),
        cmocka_unit_test(good_tables),
        cmocka_unit_test(words_with_times),
        cmocka_unit_test(bad_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
