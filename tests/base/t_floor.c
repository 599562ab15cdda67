/* err, file, hist, queue, log: the floor that everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/base/err.h"
#include "app/base/file.h"
#include "app/base/hash.h"
#include "app/base/hist.h"
#include "app/base/log.h"
#include "app/base/order.h"
#include "app/base/queue.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/dictate-t-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Published values of XXH64, and that every length and alignment counts. */
static void test_hash(void **state)
{
    uint8_t buf[160];
    uint64_t last = 0;
    (void)state;
    assert_true(hash64(NULL, 0, 0) == 0xef46db3751d8e999);
    assert_true(hash64("a", 1, 0) == 0xd24ec4f1a98c6e5b);
    assert_true(hash64("abc", 3, 0) == 0x44bc2cf5ad770999);
    assert_true(hash64("Nobody inspects the spammish repetition", 39, 0) == 0xfbcea83c8a378bf1);
    for (size_t i = 0; i < sizeof buf; i++) {
        buf[i] = (uint8_t)(i * 37);
    }
    for (size_t n = 0; n < 140; n++) {
        const uint64_t h = hash64(buf, n, 7);
        uint8_t moved[sizeof buf];
        memcpy(moved + 1, buf, n);
        assert_true(h != last && h == hash64(moved + 1, n, 7) && h != hash64(buf, n, 8));
        last = h;
    }
}

static void test_order(void **unused)
{
    double x[] = {3, -1, 2.5, 1e300, -0.25};
    (void)unused;
    order_doubles(x, 5);
    for (int k = 1; k < 5; k++) {
        assert_true(x[k - 1] < x[k]);
    }
    assert_true(order_median(x, 5) == 2.5);
    assert_true(order_median(x, 4) == 1.125); /* -1, -0.25, 2.5, 3 */
    assert_true(order_median(x, 1) == -1);
    order_doubles(x, 0);
}

static void test_err(void **state)
{
    struct err e;
    (void)state;
    errno = ENOSPC;
    assert_int_equal(err_set(&e, ERR_DISK, "a\x1b[31m\nb %d", 7), -ERR_DISK);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(e.code, ERR_DISK);
    assert_int_equal(e.sys, ENOSPC);
    assert_string_equal(e.text, "a?[31m?b 7");
    assert_int_equal(err_set(NULL, ERR_MEM, "x"), -ERR_MEM);
    assert_string_equal(err_word(ERR_MODEL), "model");
    assert_string_equal(err_word(-5), "error");
    assert_string_equal(err_word(1000), "error");
}

static void test_file_map(void **state)
{
    struct file_map m;
    struct err e;
    (void)state;
    FILE *f = fopen(in_dir("a"), "w");
    fputs("hello", f);
    fclose(f);
    assert_int_equal(file_map_open(&m, in_dir("a"), 100, ERR_MODEL, &e), 0);
    assert_int_equal(m.size, 5);
    assert_memory_equal(m.data, "hello", 5);
    file_unmap(&m);
    file_unmap(&m);
    assert_int_equal(file_map_open(&m, in_dir("a"), 4, ERR_MODEL, &e), -ERR_MODEL);
    assert_non_null(strstr(e.text, "limit"));
    assert_int_equal(file_map_open(&m, dir, 100, ERR_SOUND, &e), -ERR_SOUND);
    assert_non_null(strstr(e.text, "folder"));
    assert_int_equal(file_map_open(&m, "/dev/zero", 100, ERR_SOUND, &e), -ERR_SOUND);
    assert_int_equal(file_map_open(&m, in_dir("none"), 100, ERR_SOUND, &e), -ERR_SOUND);
    assert_non_null(strstr(e.text, "none"));
    assert_int_equal(mkfifo(in_dir("p"), 0600), 0);
    assert_int_equal(file_map_open(&m, in_dir("p"), 100, ERR_SOUND, &e), -ERR_SOUND);
    f = fopen(in_dir("empty"), "w");
    fclose(f);
    assert_int_equal(file_map_open(&m, in_dir("empty"), 100, ERR_SOUND, &e), -ERR_SOUND);
}

static void test_file_save(void **state)
{
    struct file_map m;
    struct err e;
    (void)state;
    assert_int_equal(file_mkdirs(in_dir("x/y/z"), &e), 0);
    assert_int_equal(file_mkdirs(in_dir("x/y/z"), &e), 0);
    assert_int_equal(file_save(in_dir("x/y/z/t"), "one", 3, &e), 0);
    assert_int_equal(file_save(in_dir("x/y/z/t"), "second", 6, &e), 0);
    assert_int_equal(file_map_open(&m, in_dir("x/y/z/t"), 100, ERR_DISK, &e), 0);
    assert_int_equal(m.size, 6);
    file_unmap(&m);
    assert_int_equal(file_save(in_dir("x/none/t"), "one", 3, &e), -ERR_DISK);
    assert_int_equal(file_mkdirs(in_dir("x/y/z/t/u"), &e), -ERR_DISK);
}

static void test_hist(void **state)
{
    static struct hist h;
    static struct hist_snap a, b, d;
    (void)state;
    hist_snap(&h, &a);
    assert_int_equal(hist_q(&a, 0.5), 0);
    for (uint64_t i = 1; i <= 1000; i++) {
        hist_add(&h, i * 1000000);
    }
    hist_snap(&h, &a);
    assert_int_equal(a.n, 1000);
    assert_int_equal(a.max_ns, 1000000000);
    for (int p = 1; p < 100; p++) { /* within 7 % of the truth */
        double got = (double)hist_q(&a, p / 100.0), want = p * 1e7;
        assert_true(got > want * 0.93 - 1e6 && got < want * 1.07 + 1e6);
    }
    assert_true(hist_q(&a, 1) <= a.max_ns);
    assert_true(hist_q(&a, -3) <= hist_q(&a, 7));
    for (int i = 0; i < 10; i++) {
        hist_add(&h, 50);
    }
    hist_snap(&h, &b);
    hist_since(&b, &a, &d);
    assert_int_equal(d.n, 10);
    assert_int_equal(d.sum_ns, 500);
    assert_true(d.max_ns >= 50 && d.max_ns < 56);
    assert_true(hist_q(&d, 0.99) >= 48 && hist_q(&d, 0.99) <= 56);
    hist_add(&h, UINT64_MAX);
    hist_snap(&h, &a);
    assert_int_equal(hist_q(&a, 1), UINT64_MAX);
}

static void *producer(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        int *v = malloc(sizeof *v);
        *v = i;
        assert_int_equal(queue_push(arg, v, sizeof *v), 0);
    }
    return NULL;
}

static void test_queue(void **state)
{
    struct queue *q;
    struct err e;
    pthread_t t[2];
    size_t size;
    long sum = 0;
    int n = 0;
    (void)state;
    assert_int_equal(queue_new(&q, &e), 0);
    assert_null(queue_pop(q, &size));
    assert_null(queue_wait(q, &size, 1));
    for (int i = 0; i < 2; i++) {
        pthread_create(&t[i], NULL, producer, q);
    }
    while (n < 40000) {
        struct pollfd p = {.fd = queue_fd(q), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 5000), 1); /* a lost wake would show here */
        int *v = queue_pop(q, &size);
        if (v) {
            assert_int_equal(size, sizeof *v);
            sum += *v;
            n++;
            free(v);
        }
    }
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    assert_int_equal(sum, 20000L * 19999);
    assert_int_equal(queue_bytes(q), 0);
    queue_push(q, malloc(3), 3); /* freed with the queue */
    queue_free(q);
    queue_free(NULL);
}

static void test_log(void **state)
{
    struct file_map m;
    struct err e;
    (void)state;
    assert_int_equal(log_open(in_dir("no/log"), 0, &e), -ERR_DISK);
    assert_int_equal(log_open(in_dir("log"), 0, &e), 0);
    log_msg(LOG_INFO, "one\n\x1b two");
    log_msg(LOG_DEBUG, "not this");
    log_close();
    log_msg(LOG_ERROR, "nowhere");
    assert_int_equal(file_map_open(&m, in_dir("log"), 1000, ERR_DISK, &e), 0);
    char *s = strndup((const char *)m.data, m.size);
    assert_non_null(strstr(s, "I one\\x0a\\x1b two\n"));
    assert_null(strstr(s, "not this"));
    free(s);
    file_unmap(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_err),       cmocka_unit_test(test_file_map),
        cmocka_unit_test(test_file_save), cmocka_unit_test(test_hist),
        cmocka_unit_test(test_queue),     cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests_name("floor", tests, setup, teardown);
}
