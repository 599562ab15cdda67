/* What a microphone can do to us, played from scripts: every missing sample is counted and stands
 * at its place, and what was heard before and after is intact, sample by sample. */
#include "tests/audio/walk.h"

#include <math.h>

enum { RATE = 16000 };

/* The same script twice gives the same gaps: `expect` of them, `lost` samples in all. */
static struct capture_stat play(const char *script, double seconds, int expect, uint64_t lost,
                                struct walk *w)
{
    struct capture_stat st = {0};
    for (int twice = 0; twice < 2; twice++) {
        struct fault *f = walk_world(script, "ramp", seconds);
        walk_start(w, f, 0);
        assert_int_equal(walk_end(w), AUDIO_END);
        capture_stat(w->c, &st);
        assert_int_equal(w->gaps, expect);
        assert_int_equal(walk_lost(w, ~0u), lost);
        assert_float_equal(st.lost_s, (double)lost / RATE, 1e-9);
        assert_int_equal(w->world, fault_pos(f));
        assert_int_equal(st.state, CAPTURE_ENDED);
        capture_free(w->c);
        fault_free(f);
    }
    print_message("\"%s\": %d gaps, %lu samples lost of %lu\n", script, expect, (unsigned long)lost,
                  (unsigned long)w->world);
    return st;
}

static void t_xruns(void **state)
{
    struct walk w;
    struct capture_stat st = play("every 1.0 xrun 0.02", 29.5, 29, 29 * 320, &w);
    (void)state;
    assert_int_equal(st.xruns, 29);
    for (int i = 0; i < 29; i++) {
        assert_int_equal(w.gap[i].at, (i + 1) * (RATE - 320) + 320);
        assert_int_equal(w.gap[i].lost, 320);
        assert_int_equal(w.gap[i].why, GAP_XRUN);
    }
    st = play("at 3.0 xrun 0.04; at 3.5 xrun 0", 5, 1, 640, &w);
    assert_int_equal(w.gap[0].at, 48000);
    assert_int_equal(st.xruns, 1);
}

static void t_suspend(void **state)
{
    struct walk w;
    struct capture_stat st = play("at 5 suspend 2", 10, 1, 32000, &w);
    (void)state;
    assert_int_equal(w.gap[0].at, 80000);
    assert_int_equal(w.gap[0].why, GAP_SUSPEND);
    assert_int_equal(st.suspends, 1);
}

static void t_unplug(void **state)
{
    struct walk w;
    struct capture_stat st = play("at 10 unplug 10", 25, 1, 160000, &w);
    (void)state;
    assert_int_equal(w.gap[0].at, 160000);
    assert_int_equal(w.gap[0].why, GAP_GONE);
    assert_int_equal(st.unplugs, 1);
    assert_true(st.gone_s == 0);
    assert_non_null(strstr(st.why, "gone"));
    /* found again at the next try, which comes every 2 s */
    play("at 1 unplug 3.5", 8, 1, 64000, &w);
    /* away twice, and the second time it overruns first */
    st = play("at 1 unplug 2\nat 4 xrun 0.5\nat 4.5 unplug 2 # back at 6.5", 9, 3,
              32000 + 8000 + 32000, &w);
    assert_int_equal(w.gap[1].why, GAP_XRUN);
    assert_int_equal(w.gap[2].why, GAP_GONE);
    assert_int_equal(w.gap[1].at, w.gap[2].at);
    assert_int_equal(st.unplugs, 2);
}

/* Everything at once.  Xruns at 0.7, 1.4, ... 29.4, but for those within something longer: 42 less
 * 5.6 and 6.3 (suspend 5..7; the one at 7.0 lies in the same place), 12.6 .. 17.5 (away), 20.3. */
static void t_all(void **state)
{
    struct walk w;
    int gone = 0;
    (void)state;
    play("every 0.7 xrun 0.011; at 5 suspend 2; at 12 unplug 6; at 20.1 suspend 0.3", 30,
         42 - 2 - 8 - 1 + 2, (42 - 2 - 8 - 1) * 176 + 32000 + 96000 + 4800, &w);
    for (int i = 0; i < w.gaps; i++) {
        gone += w.gap[i].why == GAP_GONE;
        assert_true(i == 0 || w.gap[i].at >= w.gap[i - 1].at);
    }
    assert_int_equal(gone, 1);
}

/* Devices of other rates, with losses: where each gap stands, and that the sound on both sides of
 * it is where it belongs, within two samples. */
static void rate(int native)
{
    char script[120];
    struct audio_want in = {
        .kind = AUDIO_GEN, .name = "ramp", .gen_seconds = 11.9, .gen_rate = native};
    struct fault *f;
    struct walk w;
    struct ring_gap g;
    float x[1000];
    double worst = 0;
    uint64_t since = 0;
    int k;
    snprintf(script, sizeof script, "every 1.0 xrun 0.0213; at 5 suspend 0.7; at 8 unplug 1");
    assert_int_equal(fault_new(&f, script, &in, &w.e), 0);
    walk_start(&w, f, 0);
    do {
        while (capture_gap(w.c, &g)) {
            assert_int_equal(g.at, w.n);
            w.world += g.lost;
            w.gaps++;
            since = 0;
        }
        k = capture_read(w.c, x, 1000, -1, &w.e);
        for (int i = 0; i < k; i++, w.n++, w.world++, since++) {
            /* the resampler needs its 100 samples, and the last ones are cut off */
            double at = (double)x[i] * 8388608 * RATE / native;
            if (since > 200 && i < k - 200) {
                worst = fmax(worst, fabs(at - (double)w.world));
            }
        }
    } while (k > 0 || k == AUDIO_AGAIN);
    assert_int_equal(k, AUDIO_END);
    print_message("%d Hz: %d gaps, sound within %.2f samples, %lu of %lu\n", native, w.gaps, worst,
                  (unsigned long)w.world, (unsigned long)fault_pos(f) * RATE / (unsigned)native);
    assert_true(worst < 2);
    assert_int_equal(w.gaps, 10);
    assert_in_range(w.world, 11.9 * RATE - 1, 11.9 * RATE + 1);
    capture_free(w.c);
    fault_free(f);
}

static void t_rates(void **state)
{
    (void)state;
    rate(8000);
    rate(44100);
    rate(48000);
    rate(96000);
}

/* The script's own rate, over a sound of another. */
static void t_script_rate(void **state)
{
    static const int rates[] = {8000, 96000};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char script[60];
        struct walk w;
        snprintf(script, sizeof script, "rate %d; at 1 xrun 0.5", rates[i]);
        struct fault *f = walk_world(script, "tone", 3);
        assert_int_equal(fault_rate(f), rates[i]);
        walk_start(&w, f, 0);
        w.any = 1;
        walk_end(&w);
        assert_int_equal(w.gaps, 1);
        assert_int_equal(w.gap[0].at, RATE);
        assert_int_equal(w.gap[0].lost, RATE / 2);
        assert_in_range(w.world, 3 * RATE - 2, 3 * RATE + 2);
        capture_free(w.c);
        fault_free(f);
    }
}

/* Hints and power of the last second after `seconds` of a script over a sound. */
static unsigned hints(const char *script, const char *sound, double seconds, double *rms_db)
{
    struct fault *f = walk_world(script, sound, seconds);
    struct capture_stat st;
    struct walk w;
    walk_start(&w, f, 0);
    w.any = 1;
    walk_end(&w);
    capture_stat(w.c, &st);
    *rms_db = (double)st.level.rms_db;
    capture_free(w.c);
    fault_free(f);
    return st.hints;
}

static void t_hints(void **state)
{
    double db;
    (void)state;
    assert_int_equal(hints("at 4 zero 3", "tone", 3.9, &db) & HINT_ZERO, 0);
    assert_int_equal(hints("at 4 zero 3", "tone", 5.8, &db) & HINT_ZERO, 0);
    assert_int_equal(hints("at 4 zero 3", "tone", 6.3, &db) & HINT_ZERO, HINT_ZERO);
    assert_int_equal(hints("at 4 zero 3", "tone", 7.5, &db) & HINT_ZERO, 0);
    assert_int_equal(hints("at 1 zero 60", "tone", 22, &db) & HINT_SILENT, HINT_SILENT);
    assert_int_equal(hints("at 6 clip 1", "tone", 5.9, &db) & HINT_CLIP, 0);
    assert_int_equal(hints("at 6 clip 1", "tone", 6.2, &db) & HINT_CLIP, HINT_CLIP);
    assert_int_equal(hints("at 6 clip 1", "tone", 9.0, &db) & HINT_CLIP, HINT_CLIP);
    assert_int_equal(hints("at 6 clip 1", "tone", 10.5, &db) & HINT_CLIP, 0);
    assert_int_equal(hints("", "white", 10, &db) & HINT_NOISE, HINT_NOISE);
    assert_int_equal(hints("every 2 zero 0.5", "white", 10, &db) & HINT_NOISE, 0);
}

static void t_dead_channel(void **state)
{
    double whole, live, both;
    unsigned h;
    (void)state;
    assert_int_equal(hints("", "tone", 3, &whole), 0);
    h = hints("dead-channel left", "tone", 3, &live);
    assert_int_equal(h, HINT_DEAD);
    assert_float_equal(live, whole, 0.01);
    h = hints("dead-channel right", "tone", 3, &live);
    assert_int_equal(h, HINT_DEAD);
    assert_float_equal(live, whole, 0.01);
    h = hints("channels 2", "tone", 3, &both);
    assert_int_equal(h, 0);
    assert_float_equal(both, whole, 0.01);
    hints("dead-channel left; rate 48000", "tone", 0.2, &live);
    assert_float_equal(live, whole, 0.01); /* from the second 100 ms on */
}

/* The reader takes a fifth of what is spoken, in real time 20 times as fast: the ring of a second
 * runs over.  What is dropped is told, what is kept is intact, and passages are long. */
static void t_slow_reader(void **state)
{
    struct fault *f = walk_world("speed 20", "ramp", 20);
    struct capture_stat st;
    struct walk w;
    int k;
    (void)state;
    walk_start(&w, f, 1);
    do {
        k = walk_step(&w, 320, 10); /* 20 ms of sound ... */
        usleep(k > 0 ? 5000 : 0);   /* ... in 5 ms: 4 times real time */
        capture_stat(w.c, &st);
    } while (k > 0 || k == AUDIO_AGAIN);
    assert_int_equal(k, AUDIO_END);
    assert_int_equal(w.world, 20 * RATE);
    assert_int_equal(walk_lost(&w, GAP_FULL), walk_lost(&w, ~0u));
    assert_float_equal(st.full_s, st.lost_s, 1e-9);
    print_message("heard %.2f s, lost %.2f s in %d gaps\n", st.heard_s, st.lost_s, w.gaps);
    assert_true(st.lost_s > 5);
    assert_true(st.heard_s / (w.gaps + 1) > 0.06);
    capture_free(w.c);
    fault_free(f);
}

/* The ring of a capture holds a minute and more: nothing is lost while nobody reads. */
static void t_minute(void **state)
{
    struct fault *f = walk_world("at 30 xrun 0.1", "ramp", 61);
    struct capture_stat st;
    struct walk w;
    (void)state;
    walk_start(&w, f, 0);
    do {
        usleep(2000);
        capture_stat(w.c, &st);
    } while (!st.ended);
    assert_true(st.waiting_s > 60);
    assert_float_equal(st.lost_s, 0.1, 1e-9);
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_int_equal(w.world, 61 * RATE);
    capture_free(w.c);
    fault_free(f);
}

/* On a leash the time stands still until it is let go, to the sample, also while the device is
 * away; a ring that nobody reads overflows as it would by the clock. */
static void t_leash(void **state)
{
    struct fault *f = walk_world("at 2 unplug 3; engine 0.2", "ramp", 12);
    struct capture_stat st;
    struct walk w;
    (void)state;
    assert_true(fault_engine(f) == 0.2 && fault_has_speed(f) == 0);
    fault_leash(f);
    walk_start(&w, f, 1); /* the ring holds 16,384 samples */
    assert_int_equal(fault_advance(f, 500000, 5000), 1);
    capture_stat(w.c, &st);
    assert_float_equal(st.heard_s, 0.5, 1e-9);
    usleep(30000);
    capture_stat(w.c, &st);
    assert_float_equal(st.heard_s, 0.5, 1e-9);
    assert_int_equal(fault_advance(f, 1800000, 5000), 1);
    capture_stat(w.c, &st);
    assert_float_equal(st.heard_s, 1.024, 1e-9);
    assert_float_equal(st.lost_s, 0.776, 1e-9);
    while (walk_step(&w, 4096, 0) > 0) {
    }
    assert_int_equal(fault_advance(f, 4000000, 5000), 1); /* away */
    capture_stat(w.c, &st);
    assert_int_equal(st.state, CAPTURE_GONE);
    assert_int_equal(fault_pos(f), 4 * RATE);
    while (fault_advance(f, 99000000, 5000) != 2) { /* to the end, which comes before */
    }
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_int_equal(w.world, 12 * RATE);
    capture_free(w.c);
    fault_free(f);
}

/* Sound that was lost while nothing came after it yet, and then a pause: told before that, and once.  (Told with what came
 * after the pause it counted twice, as lost and as paused.) */
static void t_lost_before_pause(void **state)
{
    static const char *const script[] = {"at 0.1 xrun 0.05", "at 0.1 xrun 0.05; rate 44100"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fault *f = walk_world(script[i], "ramp", 1);
        struct audio_src *s;
        struct err e = {0};
        float x[320];
        uint64_t n = 0, lost = 0;
        unsigned why = 0;
        int k;
        fault_leash(f);
        assert_int_equal(fault_open(&s, f, &e), 0);
        fault_advance(f, 100000, 0);
        while ((k = audio_src_read16k(s, x, 320, 0, &e)) > 0) {
            n += (uint64_t)k;
            assert_int_equal(audio_src_gap(s, &why), 0);
        }
        assert_int_equal(k, AUDIO_AGAIN);
        while ((k = audio_src_flush16k(s, x, 320)) > 0) {
            n += (uint64_t)k;
        }
        lost = audio_src_gap(s, &why);
        assert_int_equal(n + lost, RATE * 15 / 100);
        assert_int_equal(why, GAP_XRUN);
        fault_advance(f, 900000, 0);
        while ((k = audio_src_read16k(s, x, 320, 0, &e)) > 0) {
            n += (uint64_t)k;
            lost += audio_src_gap(s, &why);
        }
        assert_in_range(lost, RATE / 20 - 1, RATE / 20 + 1);
        audio_src_close(s);
        fault_free(f);
    }
}

static void t_repeat(void **state)
{
    struct walk w;
    struct fault *f = walk_world("repeat 3; at 1.5 xrun 1", "ramp", 1);
    (void)state;
    walk_start(&w, f, 0);
    w.any = 1; /* the numbers begin anew */
    assert_int_equal(walk_end(&w), AUDIO_END);
    assert_int_equal(w.world, 3 * RATE);
    assert_int_equal(walk_lost(&w, GAP_XRUN), RATE);
    capture_free(w.c);
    fault_free(f);
}

static void t_script(void **state)
{
    static const char *const bad[] = {
        "at",
        "at 1",
        "at x xrun 1",
        "at 1 xrun",
        "at 1 boom 1",
        "at -1 xrun 1",
        "every 0 xrun 1",
        "every 1 xrun 1",
        "every 1 unplug",
        "rate 5",
        "rate",
        "channels 99",
        "dead-channel up",
        "at 1 xrun 1 more",
        "speed nan",
        "repeat 0",
        "engine 0",
        "engine",
        "repeat x",
        "hello",
        "at 1e99 zero 1",
        "at 1 xrun inf",
    };
    uint32_t seed = help_seed("script");
    struct audio_want in = {.kind = AUDIO_GEN, .gen_seconds = 1};
    struct fault *f;
    struct err e;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(fault_new(&f, bad[i], &in, &e), -ERR_USAGE);
        assert_null(f);
        assert_non_null(strstr(e.text, "statement 1"));
    }
    assert_int_equal(fault_new(&f, "rate 8000;\n# all is well\n\n ; at 1 unplug ;;x 1", &in, &e),
                     -ERR_USAGE);
    print_message("%s\n", e.text);
    assert_non_null(strstr(e.text, "statement 8"));
    for (int i = 0; i < 20000; i++) { /* any text is bearable */
        static const char *const w[] = {"at ", "every ", "1",     " xrun ", ".",      "unplug",
                                        ";",   "\n",     "rate ", "#",      "speed ", "\t",
                                        "-",   "\xff",   "e9",    " 0.1 "};
        char text[200] = "";
        for (int n = (int)(help_rand(&seed) % 20); n > 0; n--) {
            strcat(text, w[help_rand(&seed) % 16]);
        }
        if (fault_new(&f, text, &in, &e) == 0) {
            fault_free(f);
        }
    }
    fault_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_xruns),       cmocka_unit_test(t_suspend),
        cmocka_unit_test(t_unplug),      cmocka_unit_test(t_all),
        cmocka_unit_test(t_rates),       cmocka_unit_test(t_script_rate),
        cmocka_unit_test(t_hints),       cmocka_unit_test(t_dead_channel),
        cmocka_unit_test(t_slow_reader), cmocka_unit_test(t_minute),
        cmocka_unit_test(t_script),      cmocka_unit_test(t_leash),
        cmocka_unit_test(t_lost_before_pause),
        cmocka_unit_test(t_repeat),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
