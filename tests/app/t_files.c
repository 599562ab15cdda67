/* Where models are found; the writer with good, full and closed outputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/base/file.h"
#include "app/setup.h"
#include "app/sound.h"
#include "app/writer.h"

static char dir[64], path[4096];
static struct err e;

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    strcpy(dir, "/tmp/dictate-t-XXXXXX");
    if (!mkdtemp(dir) || chdir(dir)) {
        return -1;
    }
    setenv("XDG_DATA_HOME", dir, 1);
    setenv("XDG_STATE_HOME", dir, 1);
    unsetenv("DICTATE_MODEL");
    return 0;
}

static int teardown(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return chdir("/") || system(cmd);
}

static void touch(const char *name)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fclose(f);
}

static void test_find(void **state)
{
    char want[256];
    (void)state;
    assert_int_equal(app_model_find("nosuch", path, sizeof path, &e), -ERR_MODEL);
    assert_non_null(strstr(e.text, "nosuch"));
    assert_int_equal(file_mkdirs("dictate", &e), 0);
    touch("dictate/ggml-tiny.en.bin");
    assert_int_equal(app_model_find("tiny.en", path, sizeof path, &e), 0);
    snprintf(want, sizeof want, "%s/dictate/ggml-tiny.en.bin", dir);
    assert_string_equal(path, want);
    touch("tiny.en.bin"); /* here comes first */
    assert_int_equal(app_model_find("tiny.en", path, sizeof path, &e), 0);
    assert_string_equal(path, "./tiny.en.bin");
    assert_int_equal(app_model_find("tiny.en.bin", path, sizeof path, &e), 0);
    assert_string_equal(path, "tiny.en.bin");
    /* a path is taken as it is, there or not */
    assert_int_equal(app_model_find("./none/x.bin", path, sizeof path, &e), 0);
    assert_string_equal(path, "./none/x.bin");
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(app_model_find("folder", path, sizeof path, &e), -ERR_MODEL);
}

static void test_find_bundled(void **state)
{
    char want[256];
    (void)state;
    snprintf(want, sizeof want, "%s/dictate/" APP_BUNDLED, dir);
    touch("dictate/" APP_BUNDLED);
    touch(APP_BUNDLED); /* where one stands does not count */
    assert_int_equal(app_model_find(NULL, path, sizeof path, &e), 0);
    assert_string_equal(path, want);
    setenv("DICTATE_MODEL", "tiny.en", 1);
    assert_int_equal(app_model_find(NULL, path, sizeof path, &e), 0);
    assert_string_equal(path, "./tiny.en.bin");
    unsetenv("DICTATE_MODEL");
    char longname[5000];
    memset(longname, 'a', sizeof longname - 1);
    longname[sizeof longname - 1] = 0;
    assert_int_equal(app_model_find(longname, path, sizeof path, &e), -ERR_MODEL);
    longname[7] = '/';
    assert_int_equal(app_model_find(longname, path, sizeof path, &e), -ERR_MODEL);
}

static void expect_file(const char *name, const char *text)
{
    struct file_map m;
    assert_int_equal(file_map_open(&m, name, 1 << 20, ERR_DISK, &e), 0);
    assert_int_equal(m.size, strlen(text));
    assert_memory_equal(m.data, text, m.size);
    file_unmap(&m);
}

static void test_writer(void **state)
{
    struct writer *w;
    struct writer_stat st;
    (void)state;
    assert_int_equal(writer_open(&w, "no/such/folder", false, &e), -ERR_DISK);
    assert_int_equal(writer_open(&w, dir, false, &e), -ERR_DISK);
    assert_int_equal(writer_open(&w, "t.txt", false, &e), 0);
    writer_put(w, "one\n", 4);
    writer_put(w, "", 0);
    assert_true(writer_flush(w, 2000));
    expect_file("t.txt", "one\n"); /* there before it is closed */
    writer_put(w, "two\n", 4);
    assert_int_equal(writer_close(w, 2000, &e), 0);
    expect_file("t.txt", "one\ntwo\n");
    assert_int_equal(writer_open(&w, "t.txt", true, &e), 0);
    writer_put(w, "three\n", 6);
    writer_flush(w, 2000);
    writer_stat(w, &st);
    assert_int_equal(st.written_b, 6);
    assert_int_equal(st.pending_b, 0);
    assert_int_equal(writer_close(w, 2000, &e), 0);
    expect_file("t.txt", "one\ntwo\nthree\n");
    assert_int_equal(writer_open(&w, "t.txt", false, &e), 0);
    assert_int_equal(writer_close(w, 2000, &e), 0);
    assert_int_equal(writer_close(NULL, 0, &e), 0);
}

/* A disk that refuses: the text is kept, and is saved elsewhere at the end. */
static void test_full(void **state)
{
    struct writer *w;
    struct writer_stat st;
    char saved[256];
    (void)state;
    if (access("/dev/full", W_OK)) {
        skip();
    }
    assert_int_equal(writer_open(&w, "/dev/full", false, &e), 0);
    writer_put(w, "first\n", 6);
    writer_put(w, "second\n", 7);
    assert_false(writer_flush(w, 300));
    writer_stat(w, &st);
    assert_true(st.failing);
    assert_int_equal(st.pending_b, 13);
    assert_non_null(strstr(st.err.text, "/dev/full"));
    assert_int_equal(writer_close(w, 100, &e), -ERR_DISK);
    snprintf(saved, sizeof saved, "%s/dictate/unsaved-%ld.txt", dir, (long)getpid());
    assert_non_null(strstr(e.text, saved));
    expect_file(saved, "first\nsecond\n");
}

/* The reader of a pipe left: no error, nothing waits. */
static void test_gone(void **state)
{
    struct writer *w;
    struct writer_stat st;
    int fd[2], keep;
    (void)state;
    assert_int_equal(pipe(fd), 0);
    keep = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(fd[1], STDOUT_FILENO);
    close(fd[0]);
    close(fd[1]);
    int opened = writer_open(&w, NULL, false, &e);
    writer_put(w, "text\n", 5);
    writer_flush(w, 2000);
    writer_stat(w, &st);
    int closed = writer_close(w, 2000, &e);
    dup2(keep, STDOUT_FILENO);
    close(keep);
    assert_int_equal(opened, 0);
    assert_true(st.gone);
    assert_int_equal(closed, 0);
}

static void test_synth(void **state)
{
    static float x[16000], y[16000];
    float most = 0;
    (void)state;
    sound_synth(x, 16000);
    sound_synth(y, 16000);
    assert_memory_equal(x, y, sizeof x);
    for (int i = 0; i < 16000; i++) {
        float v = x[i] < 0 ? -x[i] : x[i];
        most = v > most ? v : most;
    }
    assert_true(most > 0.02f && most < 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),   cmocka_unit_test(test_find_bundled),
        cmocka_unit_test(test_writer), cmocka_unit_test(test_full),
        cmocka_unit_test(test_gone),   cmocka_unit_test(test_synth),
    };
    return cmocka_run_group_tests_name("files", tests, setup, teardown);
}
