/* Ring and capture thread: nothing lost unseen, pacing, pause, stop, ends and failures. */
#include "tests/audio/help.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "app/base/clk.h"
#include "audio/capture.h"

enum { TOTAL = 3000000 };

struct pair {
    struct ring *ring;
    uint32_t seed;
};

/* Puts 0, 1, 2, ...; what does not fit is skipped and reported. */
static void *produce(void *arg)
{
    struct pair *p = arg;
    float x[700];
    for (uint64_t i = 0; i < TOTAL;) {
        int n = 1 + (int)(help_rand(&p->seed) % 700);
        n = n < (int)(TOTAL - i) ? n : (int)(TOTAL - i);
        for (int j = 0; j < n; j++) {
            x[j] = (float)(i + (unsigned)j); /* exact below 2^24 */
        }
        size_t k = ring_put(p->ring, x, (size_t)n);
        i += (uint64_t)n;
        if (k < (size_t)n) {
            ring_lost(p->ring, (uint64_t)n - k);
            sched_yield();
        }
    }
    ring_end(p->ring);
    return NULL;
}

/* The consumer sees every number once, or a gap that says how many are missing. */
static void t_ring(void **state)
{
    struct pair p = {.seed = help_seed("ring")};
    uint32_t seed = p.seed ^ 77;
    struct err e;
    struct ring_gap g;
    pthread_t t;
    float x[900];
    uint64_t next = 0, gaps = 0;
    (void)state;
    assert_int_equal(ring_new(&p.ring, 5000, &e), 0);
    assert_int_equal(ring_size(p.ring), 8192);
    pthread_create(&t, NULL, produce, &p);
    while (next < TOTAL) {
        size_t want = 1 + help_rand(&seed) % 900;
        while (ring_gap(p.ring, &g)) {
            assert_int_equal(g.at, ring_got_total(p.ring));
            next += g.lost;
            gaps++;
        }
        /* stop short of the next gap: read one at a time is the simplest way to be sure */
        size_t n = ring_get(p.ring, x, want < 3 ? want : 1);
        for (size_t i = 0; i < n; i++) {
            if (x[i] != (float)next) { /* a gap came between: it must say so */
                uint64_t at = ring_got_total(p.ring) - n + i;
                while (ring_gap(p.ring, &g)) {
                    assert_int_equal(g.at, at);
                    next += g.lost;
                    gaps++;
                }
            }
            assert_true(x[i] == (float)next);
            next++;
        }
        if (n == 0) {
            sched_yield();
        }
    }
    pthread_join(t, NULL);
    while (ring_gap(p.ring, &g)) {
        next += g.lost;
    }
    print_message("%lu gaps, %lu samples lost and told\n", (unsigned long)gaps,
                  (unsigned long)ring_lost_total(p.ring));
    assert_int_equal(next, TOTAL);
    assert_int_equal(ring_put_total(p.ring) + ring_lost_total(p.ring), TOTAL);
    ring_free(p.ring);
    ring_free(NULL);
}

/* One thread: gaps appear in order and at their place; beyond 64 nothing more is
 * taken until they are read. */
static void t_gaps(void **state)
{
    struct ring *r;
    struct ring_gap g;
    struct err e;
    float x[10] = {0};
    uint64_t lost = 0, put = 0;
    int n = 0;
    (void)state;
    assert_int_equal(ring_new(&r, 4096, &e), 0);
    for (int i = 0; i < 100; i++) {
        size_t k = ring_put(r, x, 10);
        put += k;
        ring_lost(r, 3);
        ring_lost(r, 10 - k);
    }
    assert_false(ring_gap(r, &g)); /* nothing read yet: the first gap is at 10 */
    while (ring_get(r, x, 10) == 10) {
        if (ring_gap(r, &g)) {
            assert_int_equal(g.at, ring_got_total(r));
            lost += g.lost;
            n++;
        }
    }
    ring_end(r);
    while (ring_gap(r, &g)) {
        lost += g.lost;
        n++;
    }
    assert_int_equal(n, 65);
    assert_int_equal(put, 650);
    assert_int_equal(lost, 300 + 350);
    assert_int_equal(ring_lost_total(r), lost);
    ring_free(r);
}

static struct capture *start(const char *gen, double seconds, struct capture_conf conf)
{
    struct audio_want w = {.kind = AUDIO_GEN, .name = gen, .gen_seconds = seconds};
    struct audio_src *s;
    struct capture *c;
    struct err e;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(capture_start(&c, s, &conf, &e), 0);
    return c;
}

/* As fast as possible, through a ring much smaller than the sound: all of it, in order. */
static void t_fast(void **state)
{
    uint32_t seed = help_seed("fast");
    struct capture *c = start("white", 100, (struct capture_conf){.ring_s = 1});
    struct audio_want w = {.kind = AUDIO_GEN, .name = "white", .gen_seconds = 100};
    struct audio_src *s;
    struct capture_stat st;
    struct err e;
    float x[5000], *all;
    int n = 0, k;
    (void)state;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(help_read_all(s, &all, &e), 1600000);
    int64_t t = clk_us();
    while ((k = capture_read(c, x, 1 + (int)(help_rand(&seed) % 5000), -1, &e)) > 0) {
        assert_memory_equal(x, all + n, (size_t)k * sizeof *x);
        n += k;
    }
    print_message("100 s in %.1f ms\n", (double)(clk_us() - t) / 1000);
    assert_int_equal(k, AUDIO_END);
    assert_int_equal(n, 1600000);
    assert_int_equal(capture_read(c, x, 10, -1, &e), AUDIO_END);
    capture_stat(c, &st);
    assert_true(st.ended && st.lost_s == 0 && st.waiting_s == 0 && st.heard_s == 100);
    assert_true(st.level.live && st.level.rms_db > -20 && st.level.rms_db < -10);
    capture_free(c);
    capture_free(NULL);
    audio_src_close(s);
    free(all);
}

/* Half a second of sound takes half a second; pause stands still; poll sees the descriptor. */
static void t_paced(void **state)
{
    struct capture *c = start("tone", 0.5, (struct capture_conf){.paced = 1});
    struct err e;
    float x[400];
    int n = 0, k;
    int64_t t0 = clk_us();
    (void)state;
    while (n < 4000 && (k = capture_read(c, x, 400, -1, &e)) > 0) {
        n += k;
    }
    assert_in_range(clk_us() - t0, 200000, 2000000);
    capture_pause(c, 1);
    usleep(60000); /* what was on its way arrives */
    while ((k = capture_read(c, x, 400, 0, &e)) > 0) {
        n += k;
    }
    assert_int_equal(k, AUDIO_AGAIN);
    assert_int_equal(capture_read(c, x, 400, 200, &e), AUDIO_AGAIN);
    struct pollfd p = {.fd = capture_fd(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    capture_pause(c, 0);
    assert_int_equal(poll(&p, 1, 3000), 1);
    while ((k = capture_read(c, x, 400, -1, &e)) > 0) {
        n += k;
    }
    assert_int_equal(k, AUDIO_END);
    assert_int_equal(n, 8000);
    assert_in_range(clk_us() - t0, 700000, 5000000);
    assert_int_equal(poll(&p, 1, 0), 1); /* the end stays readable */
    capture_free(c);
}

/* Stop: what was heard is read, then the end; free in the middle of everything. */
static void t_stop(void **state)
{
    struct capture *c = start("tone", 0, (struct capture_conf){.ring_s = 2});
    struct capture_stat st;
    struct err e;
    float x[4096];
    int n = 0, k;
    (void)state;
    do {
        usleep(1000);
        capture_stat(c, &st);
    } while (st.waiting_s < 1.5);
    capture_stop(c);
    while ((k = capture_read(c, x, 4096, -1, &e)) > 0) {
        n += k;
    }
    assert_int_equal(k, AUDIO_END);
    assert_true(n >= 24000);
    capture_free(c);
    int64_t t0 = clk_us();
    for (int i = 0; i < 20; i++) {
        c = start("tone", 0, (struct capture_conf){.paced = i % 2, .ring_s = 1, .realtime = 1});
        capture_pause(c, i % 3 == 0);
        usleep(1000 * (unsigned)(i % 4));
        capture_free(c);
    }
    assert_true(clk_us() - t0 < 5000000);
}

/* A pipe that breaks in the middle: the samples, then the sentence. */
static void t_failure(void **state)
{
    int fd[2], saved = dup(0);
    struct audio_want w = {.kind = AUDIO_STDIN, .raw_only = 1};
    struct audio_src *s;
    struct capture *c;
    struct err e = {0};
    float x[100];
    (void)state;
    assert_int_equal(pipe(fd), 0);
    dup2(fd[0], 0);
    close(fd[0]);
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(capture_start(&c, s, NULL, &e), 0);
    assert_int_equal(capture_read(c, x, 100, 10, &e), AUDIO_AGAIN);
    close(fd[1]); /* without a single sample */
    assert_int_equal(capture_read(c, x, 100, -1, &e), -ERR_SOUND);
    assert_non_null(strstr(e.text, "standard input"));
    e.code = 0;
    assert_int_equal(capture_read(c, x, 100, -1, &e), -ERR_SOUND);
    assert_int_equal(e.code, ERR_SOUND);
    capture_free(c);
    dup2(saved, 0);
    close(saved);
}

static void t_level(void **state)
{
    struct level l;
    float x[1600];
    (void)state;
    level_init(&l, 16000);
    assert_false(l.now.live);
    memset(x, 0, sizeof x);
    assert_int_equal(level_push(&l, x, 1599), 0);
    assert_int_equal(level_push(&l, x, 1), 1);
    assert_true(l.now.live && l.now.rms_db == LEVEL_NONE_DB);
    for (int i = 0; i < 1600; i++) {
        x[i] = i % 2 ? 0.5f : -0.5f;
    }
    level_push(&l, x, 1600);
    assert_float_equal(l.now.rms_db, -6.02, 0.01);
    assert_float_equal(l.now.peak_db, -6.02, 0.01);
    assert_float_equal(l.now.floor_db, LEVEL_NONE_DB, 0.01);
    x[7] = 1;
    level_push(&l, x, 1600);
    assert_float_equal(l.now.clipped, 1.0 / 4800, 1e-7);
    memset(x, 0, sizeof x);
    for (int i = 0; i < 14; i++) {
        level_push(&l, x, 1600);
    }
    assert_float_equal(l.now.peak_db, 0, 0.01); /* held */
    assert_float_equal(l.now.quiet_s, 1.4, 0.01);
    for (int i = 0; i < 10; i++) {
        level_push(&l, x, 1600);
    }
    assert_true(l.now.peak_db < -10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_ring),  cmocka_unit_test(t_gaps), cmocka_unit_test(t_fast),
        cmocka_unit_test(t_paced), cmocka_unit_test(t_stop), cmocka_unit_test(t_failure),
        cmocka_unit_test(t_level),
    };
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
