/* Voice activity: what it must not fire on, what it must hear, and counts on real speech in noise.
 */
#include "tests/audio/help.h"

#include <dirent.h>
#include <math.h>

#include "app/base/clk.h"
#include "audio/vad.h"
#include "tests/audio/mix.h"

enum { RATE = 16000, LEAD = 2 * RATE };

struct tally {
    long heard, speech; /* frames of speech inside `speech`, of all such frames */
    long kept;          /* the same with the 0.5 s before each beginning: what the reader gets */
    long fired, quiet;  /* frames before the speech with `speech` set, of all such frames */
    long late_ms, clips, missed;
};

static struct vad *make(void)
{
    struct vad *v;
    struct err e;
    assert_int_equal(vad_new(&v, NULL, &e), 0);
    return v;
}

static float *generated(const char *name, float hz, float level, int seconds)
{
    struct audio_want w = {.kind = AUDIO_GEN,
                           .name = name,
                           .gen_hz = hz,
                           .gen_level = level,
                           .gen_seconds = seconds,
                           .gen_seed = 77};
    struct audio_src *s;
    struct err e;
    float *x;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(help_read_all(s, &x, &e), seconds * RATE);
    audio_src_close(s);
    return x;
}

/* Frames in speech, of n samples. */
static int fired(const float *x, int n)
{
    struct vad *v = make();
    struct vad_out o;
    int fresh, count = 0;
    while (n > 0) {
        int k = vad_push(v, x, n, &o, &fresh);
        count += fresh && o.speech;
        x += k;
        n -= k;
    }
    vad_free(v);
    return count;
}

static void t_not_on_noise(void **state)
{
    static const struct {
        const char *name;
        float hz, level;
    } c[] = {{"silence", 0, 0},  {"white", 0, 0.001f}, {"white", 0, 0.05f},
             {"white", 0, 0.5f}, {"pink", 0, 0.01f},   {"pink", 0, 0.1f},
             {"pink", 0, 0.5f},  {"click", 1, 0.9f},   {"click", 3, 0.5f}};
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        float *x = generated(c[i].name, c[i].hz, c[i].level, 30);
        int n = fired(x, 30 * RATE);
        print_message("%-8s %.3f: %d of 937 frames\n", c[i].name, (double)c[i].level, n);
        assert_int_equal(n, 0);
        free(x);
    }
}

/* The same verdicts whatever the cut of the pushes; ends come once each, in order. */
static void t_cut(void **state)
{
    uint32_t seed = help_seed("vad cut");
    float *x = generated("white", 0, 0.002f, 6);
    struct vad *a = make(), *b = make();
    struct vad_out oa = {0}, ob = {0};
    int fa, fb, started = 0, soft = 0, hard = 0;
    (void)state;
    for (int i = RATE; i < 3 * RATE; i++) { /* a buzz of 120 Hz with pauses of 100 ms */
        x[i] += (i / 1600) % 4 == 3 ? 0 : 0.2f * (float)((i % 133) - 66) / 66.0f;
    }
    for (int at = 0, bt = 0; at < 6 * RATE;) {
        at += vad_push(a, x + at, 6 * RATE - at, &oa, &fa);
        for (fb = 0; fa && !fb;) {
            int k = 1 + (int)(help_rand(&seed) % 300);
            bt += vad_push(b, x + bt, k, &ob, &fb);
        }
        if (fa) {
            assert_memory_equal(&oa, &ob, sizeof oa);
            started += oa.started;
            soft += oa.soft_end;
            hard += oa.hard_end;
        }
    }
    assert_int_equal(started, 1);
    assert_int_equal(soft, 1);
    assert_int_equal(hard, 1);
    assert_false(oa.speech);
    assert_in_range(oa.speech_start, RATE - 2048, RATE + 2048);
    assert_in_range(oa.voiced_end, 3 * RATE - 2048, 3 * RATE + 2048);
    vad_free(a);
    vad_free(b);
    vad_free(NULL);
    free(x);
}

/* One clip after 2 s of noise alone, noise scaled to snr_db below the speech. */
static void mix(const float *x, int n, const float *noise, int noise_n, double snr_db,
                struct tally *t)
{
    struct mix in = mix_of(x, n, noise, noise_n, LEAD, 0, snr_db);
    struct vad *v = make();
    struct vad_out o;
    int fresh, first = -1, met = 0, total = (LEAD + n) / VAD_FRAME;
    uint8_t *got = calloc((size_t)total + 1, 2), *loud_at = got + total;
    float buf[VAD_FRAME];
    for (int at = 0; at < total; at++) {
        double power = mix_frame(&in, at * VAD_FRAME, buf);
        int i = (at + 1) * VAD_FRAME - 1;
        vad_push(v, buf, VAD_FRAME, &o, &fresh);
        int from = (int)(o.speech_start - RATE / 2) / VAD_FRAME;
        for (int j = from > 0 ? from : 0; o.speech && j <= at; j++) {
            got[j] = 1;
        }
        int loud = power > in.level * in.level * 0.03; /* within 15 dB of the speech */
        if (i < LEAD) {
            t->quiet++;
            t->fired += o.speech;
        } else if (loud) {
            loud_at[at] = 1;
            t->speech++;
            t->heard += o.speech;
            first = first < 0 ? i : first;
        }
        if (i >= LEAD && o.speech && !met) {
            met = 1;
            t->late_ms += first < 0 ? 0 : (i - first) / 16;
        }
    }
    for (int j = 0; j < total; j++) {
        t->kept += got[j] && loud_at[j];
    }
    free(got);
    t->clips++;
    t->missed += !met;
    vad_free(v);
}

static int list(const char *dir, const char *prefix, char (*name)[256], int max)
{
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *f; d && (f = readdir(d)) && n < max;) {
        if (strstr(f->d_name, ".flac") && !strncmp(f->d_name, prefix, strlen(prefix))) {
            snprintf(name[n++], sizeof *name, "%.255s", f->d_name);
        }
    }
    if (d) {
        closedir(d);
    }
    qsort(name, (size_t)n, sizeof *name, (int (*)(const void *, const void *))strcmp);
    return n;
}

static double share(long a, long b)
{
    return b ? 100.0 * (double)a / (double)b : 0;
}

static void show(const char *what, const struct tally *t)
{
    long met = t->clips - t->missed;
    print_message("%-34s heard %5.1f %%, with pre-roll %5.1f %%  fired before %5.1f %%  "
                  "begins %+4ld ms  missed %ld/%ld\n",
                  what, share(t->heard, t->speech), share(t->kept, t->speech),
                  share(t->fired, t->quiet), met ? t->late_ms / met : 0, t->missed, t->clips);
}

static void add(struct tally *sum, const struct tally *t)
{
    sum->heard += t->heard;
    sum->kept += t->kept;
    sum->speech += t->speech;
    sum->fired += t->fired;
    sum->quiet += t->quiet;
    sum->late_ms += t->late_ms;
    sum->clips += t->clips;
    sum->missed += t->missed;
}

/* Speech of the evaluation set over one noise; every clip when `step` is 1. */
static struct tally over(const char *dir, char (*clip)[256], int clips, int step,
                         const float *noise, int noise_n, double snr)
{
    struct tally t = {0};
    char path[800];
    for (int i = 0; i < clips; i += step) {
        float *x;
        if (strstr(clip[i], "do_you_live_here")) {
            continue; /* almost no speech */
        }
        snprintf(path, sizeof path, "%s/%.255s", dir, clip[i]);
        int n = help_clip(path, &x);
        mix(x, n < 15 * RATE ? n : 15 * RATE, noise, noise_n, snr, &t);
        free(x);
    }
    return t;
}

static void t_speech_in_noise(void **state)
{
    static char clip[128][256], noise[64][256];
    const char *root = help_shared();
    char dir[600], ndir[600], path[900], label[80];
    int full = getenv("VAD_FULL") != NULL;
    (void)state;
    if (!root) {
        skip();
    }
    snprintf(dir, sizeof dir, "%s/data/speech-eval", root);
    snprintf(ndir, sizeof ndir, "%s/data/noise", root);
    int clips = list(dir, "", clip, 128), noises = list(ndir, "", noise, 64);
    if (clips == 0) {
        print_message("skipped: no speech in %s\n", dir);
        skip();
    }
    static const char *const gen[] = {"white", "pink"};
    for (int g = 0; g < 2; g++) {
        float *x = generated(gen[g], 0, 0.1f, 20);
        for (int snr = 20; snr >= 0; snr -= 10) {
            struct tally t = over(dir, clip, clips, full ? 1 : 4, x, 20 * RATE, snr);
            snprintf(label, sizeof label, "%s %d dB", gen[g], snr);
            show(label, &t);
            if (snr >= 10) {
                assert_true(share(t.heard, t.speech) > (full ? 95 : 93));
                assert_true(share(t.kept, t.speech) > 98);
                assert_true(share(t.fired, t.quiet) < 1);
                assert_int_equal(t.missed, 0);
            }
        }
        free(x);
    }
    struct tally sum[2] = {{0}};
    for (int i = 0; i < noises; i++) {
        float *x;
        snprintf(path, sizeof path, "%s/%.255s", ndir, noise[i]);
        int n = help_clip(path, &x);
        struct tally t = over(dir, clip, clips, full ? 1 : 16, x, n, 10);
        snprintf(label, sizeof label, "%.24s 10 dB%s", noise[i], i % 2 ? "" : " *");
        show(label, &t);
        free(x);
        add(&sum[i % 2], &t);
    }
    show("* all that vad_train has seen", &sum[0]);
    show("all held out", &sum[1]);
    if (full && noises > 1) { /* the aim, on recordings that training has not seen */
        assert_true(share(sum[1].heard, sum[1].speech) >= 95);
        assert_true(share(sum[1].fired, sum[1].quiet) <= 5);
    }
}

/* CPU time: at most 0.2 ms a frame. */
static void t_speed(void **state)
{
    float *x = generated("pink", 0, 0.2f, 30);
    (void)state;
    int64_t t = clk_cpu_ns();
    fired(x, 30 * RATE);
    t = clk_cpu_ns() - t;
    print_message("30 s: %.2f ms, %.4f ms a frame\n", (double)t / 1e6, (double)t / 1e6 / 937);
    assert_true((double)t / 1e6 / 937 < 0.2);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_not_on_noise),
        cmocka_unit_test(t_cut),
        cmocka_unit_test(t_speech_in_noise),
        cmocka_unit_test(t_speed),
    };
    return cmocka_run_group_tests_name("vad", tests, NULL, NULL);
}
