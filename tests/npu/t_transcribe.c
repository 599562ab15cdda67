/* The window loop: its pure parts by hand, and promises that hold for any network.  Whole
 * transcriptions against whisper.cpp are the golden cases (make golden). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/asr/pause.h"
#include "npu/asr/segment.h"
#include "npu/asr/window.h"
#include "npu/rt/rt.h"
#include "tests/npu/mkmodel.h"

static void repetitions(void **state)
{
    int32_t id[64];
    (void)state;
    for (int i = 0; i < 64; i++) {
        id[i] = i;
    }
    assert_int_equal(asr_tail_repeat(id, 64), 0);
    assert_int_equal(asr_tail_repeat(id, 0), 0);
    for (int i = 20; i < 64; i++) {
        id[i] = 7;
    }
    assert_int_equal(asr_tail_repeat(id, 31), 0);  /* eleven times: laughter, perhaps */
    assert_int_equal(asr_tail_repeat(id, 32), 11); /* twelve: one stays */
    for (int i = 20; i < 64; i++) {
        id[i] = 100 + (i - 20) % 5;
    }
    assert_int_equal(asr_tail_repeat(id, 34), 0);
    assert_int_equal(asr_tail_repeat(id, 35), 10); /* three rounds of five */
    for (int i = 20; i < 64; i++) {
        id[i] = 100 + (i - 20) % 7; /* the period is too long to be looked for */
    }
    assert_int_equal(asr_tail_repeat(id, 62), 0);
}

static void entropy(void **state)
{
    int32_t id[40];
    (void)state;
    for (int i = 0; i < 40; i++) {
        id[i] = i < 8 ? 1000 : i;
    }
    assert_true(fabs(asr_tail_entropy(id, 40) - log(32)) < 1e-9);
    assert_true(asr_tail_entropy(id, 8) == 0);
    assert_true(asr_tail_entropy(id, 0) == 0);
}

struct bench {
    struct mk file;
    struct asr_model *model;
    struct asr_tok *tok;
    struct npu_rt *rt;
    struct asr_engine *eng;
    float *mel;
    int n_mels, n_frames, frames;
};

static void open_noise(struct bench *b)
{
    struct asr_hparams hp = mk_hp(256 + 5 + 1501);
    struct npu_rt_opts o = {.threads = 1};
    struct err e = {0};
    memset(b, 0, sizeof *b);
    hp.n_audio_ctx = 1500;
    hp.n_text_ctx = 448;
    hp.n_audio_state = hp.n_text_state = 64;
    mk_head(&b->file, &hp);
    mk_small_words(&b->file, NULL, 0);
    for (int i = 0; i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        mk_noise(&b->file, &t, (uint32_t)i * 104729u + 3);
    }
    assert_int_equal(asr_model_parse(&b->model, "x", b->file.data, b->file.size, &e), 0);
    assert_int_equal(asr_tok_new(&b->tok, b->model, &e), 0);
    assert_int_equal(npu_rt_open(&b->rt, &o, &e), 0);
    assert_int_equal(asr_engine_new(&b->eng, b->model, b->rt, ASR_PREC_INT8, &e), 0);
    b->n_mels = hp.n_mels;
    b->frames = 4000;
    b->n_frames = b->frames + 3000;
    b->mel = malloc((size_t)b->n_frames * (size_t)b->n_mels * sizeof *b->mel);
    uint32_t seed = 5;
    for (int i = 0; i < b->n_frames * b->n_mels; i++) {
        seed = seed * 1664525u + 1013904223u;
        b->mel[i] = i < b->frames * b->n_mels ? (float)(seed >> 8) / 16777216.0f - 0.5f : -1.0f;
    }
}

static void close_bench(struct bench *b)
{
    asr_engine_free(b->eng);
    npu_rt_close(b->rt);
    asr_tok_free(b->tok);
    asr_model_free(b->model);
    free(b->file.data);
    free(b->mel);
}

static void cutting(void **state)
{
    struct bench b;
    struct asr_cut c[8];
    struct asr_token t[8];
    struct asr_pick p[8];
    (void)state;
    open_noise(&b);
    const int32_t beg = asr_tok_special(b.tok)->beg, eot = asr_tok_special(b.tok)->eot;
    /* <|1.00|> a b <|2.00|> <|2.40|> c <|3.00|> eot */
    const int32_t id[8] = {beg + 50, 'a', 'b', beg + 100, beg + 120, 'c', beg + 150, eot};
    memset(t, 0, sizeof t);
    memset(p, 0, sizeof p);
    for (int i = 0; i < 8; i++) {
        t[i].id = id[i];
        p[i].stamp = beg + 50;
    }
    assert_int_equal(asr_cut_segments(b.tok, t, p, 8, 1000, 300, c, 8), 2);
    assert_true(c[0].t0 == 1100 && c[0].t1 == 1200 && c[0].first == 1 && c[0].count == 3);
    assert_true(c[1].t0 == 1240 && c[1].t1 == 1300 && c[1].first == 5 && c[1].count == 2);
    /* Text behind the last stamp reaches to where the window goes on. */
    assert_int_equal(asr_cut_segments(b.tok, t, p, 6, 1000, 300, c, 8), 2);
    assert_true(c[1].t0 == 1240 && c[1].t1 == 1300 && c[1].count == 1);
    assert_int_equal(asr_cut_segments(b.tok, t, p, 6, 1000, 300, c, 1), 1);
    assert_int_equal(asr_cut_segments(b.tok, t, p, 0, 1000, 300, c, 8), 0);
    close_bench(&b);
}

struct said {
    char text[65536];
    int64_t last;
    int segments, windows, progress, frames;
    atomic_bool cancel;
    bool cancel_at_once;
};

static void take_segment(void *user, const struct asr_segment *s)
{
    struct said *a = user;
    size_t at = strlen(a->text);
    assert_true(s->t0 <= s->t1 && s->t0 >= 0 && s->t1 <= a->frames);
    for (int i = 0; i < s->n_tok; i++) {
        assert_true(s->tok[i].t0 >= 0 && s->tok[i].t1 >= s->tok[i].t0 - 1e-4f);
        assert_true(s->tok[i].t0 <= (float)a->frames * 0.01f + 0.03f);
        assert_true(i == 0 || s->tok[i].t0 >= s->tok[i - 1].t0);
    }
    snprintf(a->text + at, sizeof a->text - at, "%s\n", s->text);
    a->segments++;
}

static void take_window(void *user, const struct asr_window *w)
{
    struct said *a = user;
    a->windows++;
    assert_true(w->n_kept <= w->n_sampled && w->advance > 0);
}

static void take_progress(void *user, int done, int total)
{
    struct said *a = user;
    assert_true(done >= a->progress && done <= total);
    a->progress = done;
    atomic_store(&a->cancel, a->cancel_at_once);
}

static int transcribe(struct bench *b, const struct asr_params *p, struct said *a)
{
    struct err e = {0};
    bool at_once = a->cancel_at_once;
    memset(a, 0, sizeof *a);
    a->cancel_at_once = at_once;
    a->frames = b->frames;
    struct asr_sink sink = {a, take_segment, take_window, take_progress, &a->cancel};
    return asr_transcribe(b->eng, b->tok, p, b->mel, b->n_frames, b->frames, &sink, &e);
}

static void any_network(void **state)
{
    static struct said one, two;
    struct bench b;
    struct asr_params p = asr_params_default();
    (void)state;
    open_noise(&b);
    assert_int_equal(transcribe(&b, &p, &one), 0);
    assert_int_equal(transcribe(&b, &p, &two), 0);
    assert_string_equal(one.text, two.text); /* the retry's chance is the same each time */
    assert_int_equal(one.progress, b.frames);
    assert_true(one.windows >= 2);
    p.no_timestamps = true;
    p.prompt = "  a prompt of some length, longer than nothing  ";
    assert_int_equal(transcribe(&b, &p, &one), 0);
    assert_true(one.windows >= 1);
    p.fallback = false;
    p.audio_ctx = 100000; /* windows of 30 s instead of stretches */
    p.max_context = 0;
    assert_int_equal(transcribe(&b, &p, &one), 0);
    assert_int_equal(one.windows, 2);
    /* Cancelled: what there was so far, and no error. */
    one.cancel_at_once = true;
    assert_int_equal(transcribe(&b, &p, &one), 0);
    assert_int_equal(one.windows, 0);
    /* Too short for a window. */
    b.frames = 9;
    one.cancel_at_once = false;
    assert_int_equal(transcribe(&b, &p, &one), 0);
    assert_int_equal(one.windows, 0);
    close_bench(&b);
}

/* Mel of one band: a character a second, # loud, + soft, . quiet. */
static int stretches_of(const char *s, float noise, struct asr_stretch *out, int max)
{
    static float mel[10000], level[10000];
    int n = (int)strlen(s) * 100;
    uint32_t seed = 9;
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        float v = s[i / 100] == '#' ? 0.5f : s[i / 100] == '+' ? -0.2f : -1.2f;
        mel[i] = v + ((float)(seed >> 8) / 16777216.0f - 0.5f) * noise;
    }
    return asr_stretches(mel, 1, n, level, out, max);
}

static void stretches(void **state)
{
    struct asr_stretch s[64];
    (void)state;
    assert_int_equal(stretches_of("..##..###...#", 0.1f, s, 64), 3);
    assert_true(s[0].voice_0 == 200 && s[0].voice_1 == 400);
    assert_true(s[0].from == 165 && s[0].to == 435);
    assert_true(s[1].voice_0 == 600 && s[1].voice_1 == 900);
    assert_true(s[2].from == 1165 && s[2].to == 1300);
    /* Soft speech beside loud is speech; silence is none, a steady loud sound is one stretch. */
    assert_int_equal(stretches_of("..##..++....", 0.1f, s, 64), 2);
    assert_int_equal(stretches_of("........", 0, s, 64), 0);
    assert_int_equal(stretches_of("........", 0.05f, s, 64), 0);
    assert_int_equal(stretches_of("####", 0, s, 64), 1);
    assert_true(s[0].from == 0 && s[0].to == 400);
    /* No stretch is much longer than 15 s, and none overlap. */
    int n = stretches_of("...#####################################...", 0.1f, s, 64);
    assert_true(n >= 3);
    for (int i = 0; i < n; i++) {
        assert_true(s[i].to > s[i].from && s[i].to - s[i].from <= 1500 + 70);
        assert_true(i == 0 || s[i].from >= s[i - 1].to);
    }
    assert_int_equal(stretches_of("..##..###...#", 0.1f, s, 2), 2);
    assert_int_equal(s[1].to, 1300);
}

static void rungs(void **state)
{
    struct bench b;
    (void)state;
    open_noise(&b);
    assert_int_equal(asr_rung(b.eng, 1), 64);
    assert_int_equal(asr_rung(b.eng, 64), 64);
    assert_int_equal(asr_rung(b.eng, 65), 128);
    assert_int_equal(asr_rung(b.eng, 1281), 1500);
    assert_int_equal(asr_rung(b.eng, 9999), 1500);
    struct err e = {0};
    int best;
    assert_int_equal(
        asr_detect_language(b.eng, b.tok, b.mel, b.n_frames, 64, NULL, NULL, &best, &e),
        -ERR_USAGE);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetitions), cmocka_unit_test(entropy),   cmocka_unit_test(cutting),
        cmocka_unit_test(any_network), cmocka_unit_test(stretches), cmocka_unit_test(rungs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
