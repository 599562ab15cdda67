/* Log-mel: equal to the goldens, streaming equal to offline bit for bit, and how long it takes. */
#include "tests/audio/help.h"

#include <math.h>

#include "app/base/clk.h"
#include "audio/mel.h"

static struct mel *make(int bands)
{
    float *w = malloc((size_t)bands * MEL_BINS * sizeof *w);
    struct mel *m;
    struct err e;
    mel_slaney(bands, w);
    assert_int_equal(mel_new(&m, bands, w, &e), 0);
    free(w);
    return m;
}

/* Speech-like enough: tones over noise with silence between, n samples. */
static float *sound(int n, uint32_t seed)
{
    float *x = malloc((size_t)(n + 1) * sizeof *x);
    for (int i = 0; i < n; i++) {
        float on = (i / 3000) % 2 ? 0.3f : 0.0f;
        x[i] = on * sinf((float)i * 0.1f) + 0.01f * help_noise(&seed) * (float)((i / 9000) % 2);
    }
    return x;
}

static float *stream(struct mel *m, const float *x, int n, uint32_t *seed, int64_t *frames)
{
    static const int most[] = {1, 7, 160, 161, 400, 5000, 100000};
    mel_reset(m);
    for (int at = 0; at < n;) {
        int k = 1 + (int)(help_rand(seed) % (unsigned)most[help_rand(seed) % 7]);
        k = k < n - at ? k : n - at;
        assert_int_equal(mel_push(m, x + at, k), 0);
        at += k;
    }
    assert_int_equal(mel_finish(m), 0);
    *frames = mel_end(m);
    float *out = malloc((size_t)(*frames * mel_bands(m)) * sizeof *out);
    for (int64_t f = 0; f < *frames; f++) {
        memcpy(out + f * mel_bands(m), mel_raw(m, f), (size_t)mel_bands(m) * sizeof *out);
    }
    return out;
}

static void t_stream_is_offline(void **state)
{
    uint32_t seed = help_seed("stream = offline");
    static const int len[] = {0, 1, 150, 199, 200, 201, 359, 360, 361, 3000, 16000, 70001};
    struct mel *m = make(80);
    (void)state;
    for (size_t c = 0; c < sizeof len / sizeof *len; c++) {
        float *x = sound(len[c], 7);
        assert_int_equal(mel_clip(m, x, len[c]), 0);
        int64_t frames = mel_end(m), got;
        assert_int_equal(frames, (len[c] + 200) / 160 + 1);
        float *want = malloc((size_t)(frames * 80) * sizeof *want);
        for (int64_t f = 0; f < frames; f++) {
            memcpy(want + f * 80, mel_raw(m, f), 80 * sizeof *want);
        }
        for (int round = 0; round < 20; round++) {
            float *have = stream(m, x, len[c], &seed, &got);
            assert_int_equal(got, frames);
            assert_memory_equal(have, want, (size_t)(frames * 80) * sizeof *want);
            free(have);
        }
        free(want);
        free(x);
    }
    mel_free(m);
}

/* A session that forgets what it used gives the same frames and does not grow. */
static void t_drop(void **state)
{
    int n = 16000 * 60;
    float *x = sound(n, 3);
    struct mel *a = make(80), *b = make(80);
    (void)state;
    assert_int_equal(mel_clip(a, x, n), 0);
    for (int at = 0; at < n; at += 320) {
        assert_int_equal(mel_push(b, x + at, 320), 0);
        int64_t last = mel_end(b) - 1;
        if (last >= 0) {
            assert_memory_equal(mel_raw(b, last), mel_raw(a, last), 80 * sizeof(float));
        }
        mel_drop(b, last - 500);
        assert_null(mel_raw(b, last - 501));
    }
    assert_float_equal(mel_max(b, 0, INT64_MAX), mel_max(a, mel_first(b), mel_end(b)), 0);
    mel_free(a);
    mel_free(b);
    free(x);
}

static void t_window(void **state)
{
    float *x = sound(16000, 3), out[8 * 80];
    struct mel *m = make(80);
    (void)state;
    mel_clip(m, x, 16000);
    int64_t end = mel_end(m);
    float max = mel_max(m, 0, end), quiet = (fmaxf(-10.0f, max - 8) + 4) / 4;
    mel_window(m, end - 2, 8, end + 2, max, out);
    for (int b = 0; b < 80; b++) {
        float raw = mel_raw(m, end - 1)[b];
        assert_float_equal(out[80 + b], (fmaxf(raw, max - 8) + 4) / 4, 1e-6);
        assert_float_equal(out[2 * 80 + b], quiet, 0);
        assert_float_equal(out[3 * 80 + b], quiet, 0);
        assert_float_equal(out[4 * 80 + b], 0, 0);
        assert_float_equal(out[7 * 80 + b], 0, 0);
    }
    mel_reset(m);
    assert_float_equal(mel_max(m, 0, 10), -10, 0);
    assert_int_equal(mel_finish(m), 0);
    assert_int_equal(mel_push(m, x, 1), -ERR_FAIL);
    mel_free(m);
    free(x);
}

/* Against the definition, in double, on one second; tests the logarithm too. */
static void t_direct(void **state)
{
    float *x = sound(16000, 5), *w = malloc(80 * MEL_BINS * sizeof *w);
    struct mel *m = make(80);
    double worst = 0;
    (void)state;
    mel_slaney(80, w);
    mel_clip(m, x, 16000);
    for (int64_t f = 2; f < 90; f += 11) {
        double power[MEL_BINS];
        for (int k = 0; k < MEL_BINS; k++) {
            double re = 0, im = 0;
            for (int j = 0; j < MEL_WIN; j++) {
                double v = (double)x[f * MEL_HOP - 200 + j] * 0.5 * (1 - cos(2 * M_PI * j / 400));
                re += v * cos(2 * M_PI * j * k / 400);
                im -= v * sin(2 * M_PI * j * k / 400);
            }
            power[k] = re * re + im * im;
        }
        for (int b = 0; b < 80; b++) {
            double sum = 0;
            for (int k = 0; k < MEL_BINS; k++) {
                sum += power[k] * (double)w[b * MEL_BINS + k];
            }
            double d = fabs(log10(fmax(sum, 1e-10)) - (double)mel_raw(m, f)[b]);
            /* single precision cannot see 10 decades below the strongest bin */
            worst = sum > 1e-6 && d > worst ? d : worst;
        }
    }
    print_message("largest distance from double precision: %.2e\n", worst);
    assert_true(worst < 5e-5);
    mel_free(m);
    free(x);
    free(w);
}

/* A constant input at many powers: only the logarithm varies. */
static void t_log10(void **state)
{
    float w[MEL_BINS] = {0}, x[1200];
    struct mel *m;
    struct err e;
    double worst = 0;
    (void)state;
    w[100] = 1; /* 4 kHz */
    assert_int_equal(mel_new(&m, 1, w, &e), 0);
    for (int i = 0; i < 2000; i++) {
        float a = powf(10.0f, -6.0f + (float)i * 0.003f);
        for (int j = 0; j < 1200; j++) {
            x[j] = j % 2 ? 0.0f : j % 4 ? -a : a;
        }
        mel_clip(m, x, 1200);
        /* a * cos(pi j / 2) under Hann, whose sum over 200 even places is 100 a */
        double want = 2 * log10((double)a * 100);
        double d = fabs((double)mel_raw(m, 4)[0] - fmax(want, -10));
        worst = d > worst ? d : worst;
    }
    print_message("logarithm: largest error %.2e\n", worst);
    assert_true(worst < 2e-6); /* 1e-6 of the logarithm, as much of the transform */
    mel_free(m);
}

static void t_refuses(void **state)
{
    float w[2 * MEL_BINS] = {0};
    struct mel *m;
    struct err e = {0};
    (void)state;
    assert_int_equal(mel_new(&m, 0, w, &e), -ERR_MODEL);
    assert_int_equal(mel_new(&m, 257, w, &e), -ERR_MODEL);
    w[250] = NAN;
    assert_int_equal(mel_new(&m, 2, w, &e), -ERR_MODEL);
    assert_null(m);
    w[250] = 0;
    assert_int_equal(mel_new(&m, 2, w, &e), 0); /* all zero is silly but harmless */
    float x[500] = {[100] = INFINITY, [200] = NAN};
    assert_int_equal(mel_clip(m, x, 500), 0);
    assert_float_equal(mel_raw(m, 1)[0], -10, 0);
    mel_free(m);
    mel_free(NULL);
}

/* ---- goldens ---- */

struct gold {
    char id[64], clip[64];
    int frames, step, bands, n_frames;
    double tol_max, tol_rms;
};

static double number_after(const char *text, const char *id, const char *key)
{
    char quoted[96];
    snprintf(quoted, sizeof quoted, "\"id\":\"%s\"", id);
    const char *p = strstr(text, quoted);
    p = p ? strstr(p, "\"tolerance\"") : NULL;
    p = p ? strstr(p, key) : NULL;
    assert_non_null(p);
    return strtod(p + strlen(key), NULL);
}

static void compare(const char *root, const struct gold *g, struct mel *m)
{
    char path[700];
    size_t size = 0, info_size = 0;
    float *x, row[MEL_MAX_BANDS];
    snprintf(path, sizeof path, "%s/golden/%s", root, g->clip);
    int n = help_clip(path, &x);
    snprintf(path, sizeof path, "%s/golden/%s.mel.f32", root, g->id);
    float *want = (float *)(void *)help_slurp(path, &size);
    snprintf(path, sizeof path, "%s/golden/%s.info.i32", root, g->id);
    int32_t *info = (int32_t *)(void *)help_slurp(path, &info_size);
    assert_non_null(want);
    assert_non_null(info);
    assert_int_equal(mel_clip_frames(n), info[0]);
    assert_int_equal(mel_clip_frames(n), g->n_frames);
    assert_int_equal(mel_sound_frames(n), info[1]);
    assert_int_equal(mel_clip(m, x, n), 0);
    float max = mel_max(m, 0, mel_end(m));
    double worst = 0, sum = 0;
    size_t at = 0;
    for (int f = 0; f < g->n_frames; f += g->step) {
        f = f >= g->frames ? g->n_frames - 1 : f;
        mel_window(m, f, 1, g->n_frames, max, row);
        for (int b = 0; b < g->bands; b++, at++) {
            double d = fabs((double)row[b] - (double)want[at]);
            worst = d > worst ? d : worst;
            sum += d * d;
        }
        if (f < g->frames - 1 && f + g->step >= g->frames) {
            f = g->n_frames - 1 - g->step;
        }
    }
    double rms = sqrt(sum / (double)at);
    print_message("%-16s max %.2e (%.1e)  rms %.2e (%.1e)\n", g->id, worst, g->tol_max, rms,
                  g->tol_rms);
    assert_int_equal(at * sizeof *want, size);
    assert_true(worst <= g->tol_max && rms <= g->tol_rms);
    free(x);
    free(want);
    free(info);
}

static void t_golden(void **state)
{
    const char *root = help_shared();
    char path[700];
    size_t size;
    int cases = 0;
    (void)state;
    if (!root) {
        skip();
    }
    struct mel *m80 = make(80), *m128 = make(128);
    snprintf(path, sizeof path, "%s/golden/manifest.json", root);
    char *manifest = help_slurp(path, &size);
    snprintf(path, sizeof path, "%s/golden/cases.tsv", root);
    char *tsv = help_slurp(path, &size);
    assert_non_null(manifest);
    assert_non_null(tsv);
    for (char *line = strtok(tsv, "\n"); line; line = strtok(NULL, "\n")) {
        struct gold g;
        if (sscanf(line, "%63s mel %*s %63s frames=%d step=%d bands=%d n_frames=%d", g.id, g.clip,
                   &g.frames, &g.step, &g.bands, &g.n_frames) != 6) {
            continue;
        }
        g.tol_max = number_after(manifest, g.id, "\"max\":");
        g.tol_rms = number_after(manifest, g.id, "\"rms\":");
        compare(root, &g, g.bands == 80 ? m80 : m128);
        cases++;
    }
    print_message("%d golden cases\n", cases);
    assert_true(cases >= 16);
    mel_free(m80);
    mel_free(m128);
    free(manifest);
    free(tsv);
}

static void t_speed(void **state)
{
    int n = 480000;
    float *x = sound(n, 3);
    struct mel *m = make(80);
    int64_t best = INT64_MAX;
    (void)state;
    for (int i = 0; i < 8; i++) {
        int64_t t = clk_ns();
        mel_clip(m, x, n);
        t = clk_ns() - t;
        best = t < best ? t : best;
    }
    print_message("30 s, 80 bands: %.2f ms (least of 8)\n", (double)best / 1e6);
    mel_free(m);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_stream_is_offline),
        cmocka_unit_test(t_drop),
        cmocka_unit_test(t_window),
        cmocka_unit_test(t_direct),
        cmocka_unit_test(t_log10),
        cmocka_unit_test(t_refuses),
        cmocka_unit_test(t_golden),
        cmocka_unit_test(t_speed),
    };
    return cmocka_run_group_tests_name("mel", tests, NULL, NULL);
}
