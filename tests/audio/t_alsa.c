/* The microphone path without a microphone: ALSA's file plug-in, chosen by ALSA_CONFIG_PATH, plays
 * a raw file.  It is not paced and has no end, so the test stops by counting. */
#include "tests/audio/help.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>

#include "app/base/clk.h"
#include "audio/capture.h"
#include "audio/fault.h"
#include "audio/list.h"

enum { N = 96000 }; /* samples in the raw file: 2 s at 48 kHz */

static char dir[] = "/tmp/dictate-alsa-XXXXXX";

static int set_up(void **state)
{
    char path[64], conf[600];
    (void)state;
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/in.raw", dir);
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < N; i++) {
        int16_t v = (int16_t)lrint(16384 * sin(2 * M_PI * 1000 * i / 48000));
        fwrite(&v, sizeof v, 1, f);
    }
    fclose(f);
    snprintf(conf, sizeof conf,
             "pcm.null { type null }\n"
             "pcm.testmic { type file slave.pcm \"null\" file \"/dev/null\" "
             "infile \"%s/in.raw\" format \"raw\" }\n"
             "pcm.default { type file slave.pcm \"null\" file \"/dev/null\" "
             "infile \"%s/in.raw\" format \"raw\" "
             "hint { show on description \"Test microphone\" } }\n",
             dir, dir);
    snprintf(path, sizeof path, "%s/asound.conf", dir);
    f = fopen(path, "wb");
    fputs(conf, f);
    fclose(f);
    return setenv("ALSA_CONFIG_PATH", path, 1);
}

static int tear_down(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) ? -1 : 0;
}

static struct audio_src *open_mic(const char *name)
{
    struct audio_want w = {.kind = AUDIO_MIC, .name = name};
    struct audio_src *s;
    struct err e = {0};
    if (audio_src_open(&s, &w, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return s;
}

static void t_reads(void **state)
{
    struct audio_src *s = open_mic("testmic");
    struct err e = {0};
    float *x = malloc(32000 * sizeof *x);
    double re = 0, im = 0;
    int n = 0, k;
    (void)state;
    print_message("%s\n", audio_src_got(s)->what);
    assert_true(audio_src_got(s)->live && audio_src_got(s)->mic);
    assert_true(audio_src_got(s)->seconds < 0);
    assert_int_equal(audio_src_got(s)->rate, 48000);
    while (n < 30000 && (k = audio_src_read16k(s, x + n, 2000, 500, &e)) != AUDIO_END) {
        assert_true(k > 0);
        n += k;
    }
    for (int i = 4000; i < 20000; i++) {
        re += (double)x[i] * cos(2 * M_PI * 1000 * i / 16000);
        im += (double)x[i] * sin(2 * M_PI * 1000 * i / 16000);
    }
    assert_float_equal(2 * sqrt(re * re + im * im) / 16000, 0.5, 0.005);
    assert_int_equal(audio_src_pause(s, 1, &e), 0);
    int64_t t0 = clk_us();
    while ((k = audio_src_read16k(s, x, 2000, 50, &e)) > 0) {
    }
    assert_int_equal(k, AUDIO_AGAIN);
    assert_true(clk_us() - t0 < 1000000);
    assert_int_equal(audio_src_pause(s, 0, &e), 0);
    assert_true(audio_src_read16k(s, x, 2000, 500, &e) > 0);
    audio_src_stop(s);
    while ((k = audio_src_read16k(s, x, 2000, 500, &e)) > 0) {
    }
    assert_int_equal(k, AUDIO_END);
    audio_src_close(s);
    free(x);
}

/* The unpaced plug-in floods the ring: what does not fit is counted, and told as gaps. */
static void t_flood(void **state)
{
    struct capture *c;
    struct capture_conf conf = {.ring_s = 1};
    struct capture_stat st;
    struct ring_gap g;
    struct err e;
    float x[4000];
    uint64_t n = 0, lost = 0;
    int k;
    (void)state;
    assert_int_equal(capture_start(&c, open_mic(NULL), &conf, &e), 0);
    do {
        usleep(2000);
        capture_stat(c, &st);
    } while (st.lost_s < 1);
    capture_stop(c);
    do {
        while (capture_gap(c, &g)) {
            assert_int_equal(g.at, n);
            assert_int_equal(g.why, GAP_FULL);
            lost += g.lost;
        }
        k = capture_read(c, x, 4000, -1, &e);
        n += k > 0 ? (uint64_t)k : 0;
    } while (k > 0 || k == AUDIO_AGAIN);
    while (capture_gap(c, &g)) {
        lost += g.lost;
    }
    capture_stat(c, &st);
    assert_float_equal(st.lost_s, (double)lost / 16000, 1e-9);
    assert_float_equal(st.heard_s, (double)n / 16000, 1e-9);
    capture_free(c);
}

static int open_named(struct audio_src **out, void *name, struct err *e)
{
    struct audio_want w = {.kind = AUDIO_MIC, .name = name};
    return audio_src_open(out, &w, e);
}

/* From a file's sound to an ALSA device while running; then that one is paused and goes on, and
 * every missing sample is told. */
static void t_switch(void **state)
{
    struct audio_want w = {.kind = AUDIO_GEN, .name = "tone"};
    char name[] = "testmic";
    struct capture_opener again = {open_named, name};
    struct capture_conf conf = {.paced = 1, .tell_pauses = 1};
    struct audio_src *s;
    struct capture *c;
    struct capture_stat st;
    struct ring_gap g, m[8];
    struct err e;
    float x[4000];
    uint64_t n = 0, lost = 0, total;
    int k, step = 0;
    (void)state;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(capture_start(&c, s, &conf, &e), 0);
    int64_t t0 = clk_us();
    do {
        while (capture_gap(c, &g)) {
            assert_int_equal(g.at, n);
            lost += g.why & GAP_FULL ? 0 : g.lost;
        }
        k = capture_read(c, x, 4000, 20, &e);
        n += k > 0 ? (uint64_t)k : 0;
        int ms = (int)((clk_us() - t0) / 1000);
        if (step == 0 && ms > 100) {
            assert_int_equal(capture_switch(c, open_mic("testmic"), &again, &e), 0);
            step++;
        } else if (step == 1 && ms > 150) {
            capture_pause(c, 1);
            step++;
        } else if (step == 2 && ms > 350) {
            capture_stat(c, &st);
            assert_int_equal(st.state, CAPTURE_PAUSED);
            assert_non_null(strstr(st.what, "testmic"));
            capture_pause(c, 0);
            step++;
        } else if (step == 3 && ms > 400) {
            capture_stop(c);
            step++;
        }
    } while (k > 0 || k == AUDIO_AGAIN);
    assert_int_equal(k, AUDIO_END);
    int marks = capture_marks(c, m, 8, &total);
    for (int i = 0; i < marks; i++) {
        print_message("mark at %lu: %lu samples, why %u\n", (unsigned long)m[i].at,
                      (unsigned long)m[i].lost, m[i].why);
    }
    capture_stat(c, &st);
    assert_int_equal(st.switches, 1);
    assert_true(st.paused_s > 0.1 && st.paused_s < 1);
    assert_float_equal(st.lost_s + st.paused_s, (double)lost / 16000 + st.full_s, 1e-9);
    capture_free(c);
}

/* The first try finds nothing, as after pulling out a cable; the second one, 2 s later, the device.
 */
static int open_later(struct audio_src **out, void *user, struct err *e)
{
    int *tries = user;
    char none[] = "plughw:CARD=Nowhere,DEV=0", name[] = "testmic";
    return open_named(out, (*tries)++ ? name : none, e);
}

/* A microphone is pulled out; ALSA opens it again by its name.  Everything that was heard before
 * and after is there, and in between stands the time that went by. */
static void t_reopen(void **state)
{
    struct audio_want w = {.kind = AUDIO_GEN, .name = "ramp"};
    int tries = 0, k, stopped = 0;
    struct capture_conf conf = {.reopen = {open_later, &tries}};
    struct fault *f;
    struct audio_src *s;
    struct capture *c;
    struct capture_stat st;
    struct ring_gap g, first = {0};
    struct err e;
    float x[4000];
    uint64_t n = 0;
    (void)state;
    assert_int_equal(fault_new(&f, "at 0.2 unplug; speed 1", &w, &e), 0);
    assert_int_equal(fault_open(&s, f, &e), 0);
    assert_int_equal(capture_start(&c, s, &conf, &e), 0);
    do {
        while (capture_gap(c, &g)) {
            assert_int_equal(g.at, n);
            first = first.lost ? first : g;
        }
        k = capture_read(c, x, 4000, 20, &e);
        for (int i = 0; i < k && n + (unsigned)i < 3200; i++) {
            assert_true(x[i] * 8388608.0f == (float)(n + (unsigned)i));
        }
        n += k > 0 ? (uint64_t)k : 0;
        if (n > 8000 && !stopped) {
            capture_stop(c);
            stopped = 1;
        }
    } while (k > 0 || k == AUDIO_AGAIN);
    assert_int_equal(k, AUDIO_END);
    capture_stat(c, &st);
    assert_int_equal(tries, 2);
    assert_int_equal(st.unplugs, 1);
    assert_non_null(strstr(st.what, "testmic"));
    assert_non_null(strstr(st.why, "Nowhere"));
    assert_int_equal(first.at, 3200);
    assert_int_equal(first.why, GAP_GONE);
    assert_in_range(first.lost, 2 * 16000 - 160, 2 * 16000 + 16000);
    capture_free(c);
    fault_free(f);
}

/* What this program wrote to stderr during a call. */
static int quiet(void (*call)(void))
{
    char path[64];
    snprintf(path, sizeof path, "%s/err", dir);
    int saved = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, 2);
    call();
    dup2(saved, 2);
    int n = (int)lseek(fd, 0, SEEK_END);
    close(fd);
    close(saved);
    return n == 0;
}

static struct err last;

static void open_missing(void)
{
    struct audio_want w = {.kind = AUDIO_MIC, .name = "plughw:CARD=Nowhere,DEV=0"};
    struct audio_src *s;
    assert_int_equal(audio_src_open(&s, &w, &last), -ERR_MIC);
    assert_null(s);
}

static void t_missing(void **state)
{
    (void)state;
    assert_true(quiet(open_missing));
    print_message("%s\n", last.text);
    assert_non_null(strstr(last.text, "Nowhere"));
}

static void list_all(void)
{
    struct audio_dev *d;
    int n = audio_list(&d, &last);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        print_message("%s: %s\n", d[i].name, d[i].text);
        assert_null(strchr(d[i].text, '\n'));
    }
    if (n > 0) {
        assert_string_equal(d[0].name, "default");
    }
    audio_list_free(d);
    print_message("%d cards, ALSA %s\n", audio_list_cards(), audio_alsa_version());
}

static void t_list(void **state)
{
    (void)state;
    assert_true(quiet(list_all));
}

static void *list_often(void *arg)
{
    for (int i = 0; i < 5; i++) {
        struct audio_dev *d;
        audio_list(&d, NULL);
        audio_list_free(d);
    }
    return arg;
}

static void t_list_threads(void **state)
{
    pthread_t t[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        pthread_create(&t[i], NULL, list_often, NULL);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_reads),        cmocka_unit_test(t_flood),   cmocka_unit_test(t_switch),
        cmocka_unit_test(t_reopen),       cmocka_unit_test(t_missing), cmocka_unit_test(t_list),
        cmocka_unit_test(t_list_threads),
    };
    return cmocka_run_group_tests_name("alsa", tests, set_up, tear_down);
}
