/* Devices that come and go while somebody hears: switch, pause, stop, unplug, and many eyes on it.
 */
#include "tests/audio/walk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/base/clk.h"

enum { RATE = 16000 };

/* Reads until the state is this. */
static void until(struct walk *w, enum capture_state state)
{
    struct capture_stat st;
    do {
        walk_step(w, 4096, 2);
        capture_stat(w->c, &st);
    } while (st.state != state);
}

/* Simulated: a pause of exactly 3 s, wherever it falls; time before and after adds up. */
static void t_pause(void **state)
{
    struct fault *f = walk_world("", "ramp", 200);
    struct capture_stat st;
    struct walk w;
    (void)state;
    walk_start(&w, f, 1);
    for (int i = 0; i < 3; i++) {
        walk_step(&w, 4096, -1);
        capture_pause(w.c, 1);
        until(&w, CAPTURE_PAUSED);
        while (walk_step(&w, 4096, 0) > 0) {
        }
        assert_int_equal(walk_step(&w, 100, 20), AUDIO_AGAIN);
        fault_sleep_us(f, 3000000);
        capture_pause(w.c, 0);
        assert_true(walk_step(&w, 4096, -1) != AUDIO_END);
    }
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_int_equal(w.world, 200 * RATE);
    assert_int_equal(w.gaps, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w.gap[i].lost, 48000);
        assert_int_equal(w.gap[i].why, GAP_PAUSE);
    }
    capture_stat(w.c, &st);
    assert_true(st.lost_s == 0 && st.paused_s == 9);
    capture_free(w.c);
    fault_free(f);
}

/* By default a pause is no gap for the reader, only a mark of the list. */
static void t_quiet_pause(void **state)
{
    struct fault *f = walk_world("", "silence", 100);
    struct capture_conf conf = {.ring_s = 1, .clock = {fault_now_us, fault_sleep_us, f}};
    struct audio_src *s;
    struct capture *c;
    struct capture_stat st;
    struct ring_gap g;
    struct err e;
    float x[4096];
    uint64_t total;
    int k;
    (void)state;
    assert_int_equal(fault_open(&s, f, &e), 0);
    assert_int_equal(capture_start(&c, s, &conf, &e), 0);
    capture_pause(c, 1);
    do {
        capture_read(c, x, 4096, 1, &e);
        capture_stat(c, &st);
    } while (st.state != CAPTURE_PAUSED);
    fault_sleep_us(f, 1000000);
    capture_pause(c, 0);
    while ((k = capture_read(c, x, 4096, -1, &e)) > 0) {
        assert_false(capture_gap(c, &g));
    }
    assert_int_equal(k, AUDIO_END);
    assert_int_equal(capture_marks(c, &g, 1, &total), 1);
    assert_int_equal(total, 1);
    assert_int_equal(g.lost, RATE);
    capture_free(c);
    fault_free(f);
}

/* From one microphone to another, in real time: all of the first up to the change, one gap, the
 * second from then on; what was delivered and lost is the time that went by. */
static void t_switch(void **state)
{
    struct fault *a = walk_world("speed 1", "ramp", 60), *b = walk_world("speed 1", "ramp", 60);
    struct capture_opener again = {fault_open, b};
    struct capture_stat st;
    struct audio_src *s;
    struct capture *c;
    struct ring_gap g = {0};
    struct err e;
    float x[4000], last = -1;
    uint64_t n = 0, gaps = 0, lost = 0;
    int k, jumps = 0, asked = 0, edge = 0;
    (void)state;
    assert_int_equal(fault_open(&s, a, &e), 0);
    assert_int_equal(capture_start(&c, s, NULL, &e), 0);
    int64_t t0 = clk_us();
    do {
        while (capture_gap(c, &g)) {
            assert_int_equal(g.at, n);
            assert_int_equal(g.why, GAP_SWITCH);
            lost += g.lost;
            gaps++;
            edge = 1;
        }
        k = capture_read(c, x, 4000, 20, &e);
        for (int i = 0; i < k; i++, n++) {
            int next = x[i] * 8388608.0f == last * 8388608.0f + 1 || last < 0;
            jumps += !next;
            assert_true(next || (i == 0 && edge));
            last = x[i];
            edge = 0;
        }
        if (clk_us() - t0 > 300000 && !asked) {
            struct audio_src *never;
            asked = 1;
            assert_int_equal(fault_open(&never, b, &e), 0); /* overtaken by the next one */
            assert_int_equal(fault_open(&s, b, &e), 0);
            capture_switch(c, never, NULL, &e);
            usleep(200000); /* b has been recording meanwhile */
            assert_int_equal(capture_switch(c, s, &again, &e), 0);
        }
        if (clk_us() - t0 > 1000000) {
            capture_stop(c);
        }
    } while (k > 0 || k == AUDIO_AGAIN);
    double real = (double)(clk_us() - t0) * 1e-6;
    assert_int_equal(k, AUDIO_END);
    capture_stat(c, &st);
    assert_in_range(st.switches, 1, 2);
    assert_in_range(gaps, 1, st.switches); /* two in one place are one */
    assert_in_range(jumps, 1, 2);
    print_message("%.3f s heard, %.4f s lost, %.3f s by the clock\n", (double)n / RATE,
                  (double)lost / RATE, real);
    assert_true((double)(n + lost) / RATE < real + 0.01);
    assert_true((double)(n + lost) / RATE > real - 0.2);
    assert_int_not_equal(capture_switch(c, NULL, NULL, &e), 0);
    capture_free(c);
    fault_free(a);
    fault_free(b);
}

/* A switch while the old one is away, and one in a pause: that one hears nothing until it ends. */
static void t_switch_away(void **state)
{
    struct fault *a = walk_world("at 1 unplug", "ramp", 60), *b = walk_world("", "ramp", 60);
    struct capture_stat st;
    struct audio_src *s;
    struct walk w;
    (void)state;
    walk_start(&w, a, 1);
    until(&w, CAPTURE_GONE);
    while (walk_step(&w, 4096, 0) > 0) {
    }
    assert_int_equal(w.n, RATE);
    capture_stat(w.c, &st);
    assert_true(st.gone_s >= 0);
    assert_int_equal(fault_open(&s, b, &w.e), 0);
    assert_int_equal(capture_switch(w.c, s, NULL, &w.e), 0);
    w.any = 1; /* a world of its own */
    while (w.n < 3 * RATE) {
        walk_step(&w, 4096, -1);
    }
    assert_int_equal(w.gaps, 1);
    assert_int_equal(w.gap[0].at, RATE);
    assert_int_equal(w.gap[0].why, GAP_GONE | GAP_SWITCH);
    capture_pause(w.c, 1);
    until(&w, CAPTURE_PAUSED);
    while (walk_step(&w, 4096, 0) > 0) {
    }
    uint64_t before = w.n;
    struct fault *d = walk_world("", "ramp", 5);
    assert_int_equal(fault_open(&s, d, &w.e), 0);
    assert_int_equal(capture_switch(w.c, s, NULL, &w.e), 0);
    do {
        walk_step(&w, 4096, 2);
        capture_stat(w.c, &st);
    } while (st.switches < 2 || st.state != CAPTURE_PAUSED);
    assert_int_equal(w.n, before);
    capture_pause(w.c, 0);
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_int_equal(w.n, before + 5 * RATE);
    capture_free(w.c);
    fault_free(a);
    fault_free(b);
    fault_free(d);
}

/* Without a way to open it again the end is what it was: -ERR_MIC with a sentence.  With one, stop
 * ends the waiting, and the time away is told even then. */
static void t_gone(void **state)
{
    struct fault *f = walk_world("at 0.5 unplug", "ramp", 9);
    struct capture_conf conf = {.clock = {fault_now_us, fault_sleep_us, f}};
    struct audio_src *s;
    struct walk w = {0};
    (void)state;
    assert_int_equal(fault_open(&s, f, &w.e), 0);
    assert_int_equal(capture_start(&w.c, s, &conf, &w.e), 0);
    assert_int_equal(walk_end(&w), -ERR_MIC);
    assert_non_null(strstr(w.e.text, "gone"));
    assert_int_equal(w.n, RATE / 2);
    capture_free(w.c);
    fault_free(f);

    f = walk_world("at 0.5 unplug; speed 1", "ramp", 9);
    walk_start(&w, f, 0);
    until(&w, CAPTURE_GONE);
    int64_t t0 = clk_us();
    usleep(150000);
    capture_stop(w.c);
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_true(clk_us() - t0 < 1500000);
    assert_int_equal(w.gaps, 1);
    assert_true(w.gap[0].lost > RATE / 10 && w.gap[0].why == GAP_GONE);
    capture_free(w.c);
    fault_free(f);
}

/* Everything that a recorder had written when the stop came is heard, also what the resampler
 * holds. */
static void flush(int rate)
{
    int fd[2], saved = dup(0), n = 0, k;
    struct audio_want want = {.kind = AUDIO_STDIN, .raw_only = 1, .raw_rate = rate};
    int16_t *pcm = calloc((size_t)rate, sizeof *pcm);
    struct audio_src *s;
    struct capture *c;
    struct err e;
    float x[4096];
    assert_int_equal(pipe(fd), 0);
    dup2(fd[0], 0);
    close(fd[0]);
    int count = rate < 30000 ? rate : 30000; /* a pipe holds 64 KiB */
    assert_int_equal(audio_src_open(&s, &want, &e), 0);
    assert_int_equal(write(fd[1], pcm, (size_t)count * 2), count * 2);
    assert_int_equal(capture_start(&c, s, NULL, &e), 0);
    capture_stop(c);
    while ((k = capture_read(c, x, 4096, -1, &e)) > 0) {
        n += k;
    }
    assert_int_equal(k, AUDIO_END);
    print_message("%d samples at %d Hz before the stop: %d heard\n", count, rate, n);
    assert_in_range(n, (int64_t)count * RATE / rate - 1, (int64_t)count * RATE / rate + 1);
    capture_free(c);
    dup2(saved, 0);
    close(saved);
    close(fd[1]);
    free(pcm);
}

static void t_stop_flushes(void **state)
{
    (void)state;
    flush(16000);
    flush(48000);
    flush(8000);
}

struct eyes {
    struct capture *c;
    atomic_int over;
};

/* Any thread: snapshots are whole, the list of marks is in order. */
static void *look(void *arg)
{
    struct eyes *y = arg;
    struct ring_gap m[CAPTURE_MARKS];
    while (!atomic_load(&y->over)) {
        struct capture_stat st;
        uint64_t total;
        capture_stat(y->c, &st);
        assert_true(st.state <= CAPTURE_ENDED && memchr(st.what, 0, sizeof st.what));
        assert_true(audio_src_got(capture_src(y->c))->rate == RATE);
        int n = capture_marks(y->c, m, CAPTURE_MARKS, &total);
        for (int i = 1; i < n; i++) {
            assert_true(m[i].at >= m[i - 1].at);
        }
        usleep(200);
    }
    return NULL;
}

/* Two watchers, somebody who switches and pauses, short faults, a reader: all sums hold. */
static void t_many(void **state)
{
    uint32_t seed = help_seed("many");
    struct fault *f =
        walk_world("every 0.05 xrun 0.001; at 1 unplug 0.3; at 2 suspend 0.2; speed 5", "ramp", 60);
    struct walk w;
    struct eyes y = {0};
    pthread_t t[2];
    (void)state;
    walk_start(&w, f, 1);
    y.c = w.c;
    for (int i = 0; i < 2; i++) {
        pthread_create(&t[i], NULL, look, &y);
    }
    int64_t t0 = clk_us(), next = t0;
    int on = 0, k = AUDIO_AGAIN;
    while (k != AUDIO_END && clk_us() - t0 < 1500000) {
        k = walk_step(&w, 2000, 1);
        if (clk_us() > next) {
            next += 20000 + help_rand(&seed) % 60000;
            capture_pause(w.c, on = !on);
        }
    }
    capture_stop(w.c);
    walk_end(&w);
    atomic_store(&y.over, 1);
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
    }
    print_message("%lu samples, %d gaps, %lu of the world\n", (unsigned long)w.n, w.gaps,
                  (unsigned long)w.world);
    assert_true(w.gaps > 5);
    capture_free(w.c);
    fault_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_pause),  cmocka_unit_test(t_quiet_pause),
        cmocka_unit_test(t_switch), cmocka_unit_test(t_switch_away),
        cmocka_unit_test(t_gone),   cmocka_unit_test(t_stop_flushes),
        cmocka_unit_test(t_many),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
