/* Drafts: verifying several tokens in one decoder pass is the same, bit for bit, as decoding them one
 * after another, whatever the draft says: right, wrong, half right, too long, nonsense, empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/live_impl.h"
#include "tests/npu/mkmodel.h"

enum { CTX = 150, TEXT = 128, WORDS = 256 + 5 + 1501, MODELS = 4, TOKENS = 24 };

/* Shapes with and without room for INT8 heads, one and several layers. */
static const struct {
    int audio, text, audio_heads, text_heads, audio_layers, text_layers;
    enum asr_precision prec;
} shape[MODELS] = {
    {64, 64, 2, 2, 1, 2, ASR_PREC_INT8},
    {96, 48, 2, 3, 2, 3, ASR_PREC_INT8},
    {40, 40, 4, 4, 1, 1, ASR_PREC_INT8}, /* heads of 10 values: f32 attention */
    {64, 64, 2, 4, 2, 2, ASR_PREC_F32},
};

struct rig {
    struct mk file;
    struct asr_model *model;
    struct asr_tok *tok;
    struct npu_rt *rt;
    struct asr_engine *eng;
};

static void rig_open(struct rig *r, int k)
{
    struct asr_hparams hp = mk_hp(WORDS);
    struct npu_rt_opts o = {.threads = 2};
    struct err e = {0};
    memset(r, 0, sizeof *r);
    hp.n_audio_ctx = CTX;
    hp.n_text_ctx = TEXT;
    hp.n_audio_state = shape[k].audio;
    hp.n_text_state = shape[k].text;
    hp.n_audio_head = shape[k].audio_heads;
    hp.n_text_head = shape[k].text_heads;
    hp.n_audio_layer = shape[k].audio_layers;
    hp.n_text_layer = shape[k].text_layers;
    if (hp.n_audio_state != hp.n_text_state) {
        hp.n_text_state = hp.n_audio_state; /* Whisper has one width for both */
        hp.n_text_head = 6;
    }
    mk_head(&r->file, &hp);
    mk_small_words(&r->file, NULL, 0);
    for (int i = 0; i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        mk_noise(&r->file, &t, (uint32_t)i * 104729u + 3 + (uint32_t)k * 977u);
    }
    assert_int_equal(asr_model_parse(&r->model, "x", r->file.data, r->file.size, &e), 0);
    assert_int_equal(asr_tok_new(&r->tok, r->model, &e), 0);
    assert_int_equal(npu_rt_open(&r->rt, &o, &e), 0);
    assert_int_equal(asr_engine_new(&r->eng, r->model, r->rt, shape[k].prec, &e), 0);
}

static void rig_close(struct rig *r)
{
    asr_engine_free(r->eng);
    npu_rt_close(r->rt);
    asr_tok_free(r->tok);
    asr_model_free(r->model);
    free(r->file.data);
}

static float noise(int64_t i, int b)
{
    uint32_t h = (uint32_t)i * 2654435761u ^ (uint32_t)b * 40503u;
    h = (h ^ h >> 13) * 1274126177u;
    return (float)(h >> 8) / 16777216.0f - 0.5f;
}

static void encode(struct rig *r)
{
    struct err e = {0};
    const int n = 2 * CTX, mels = asr_engine_hp(r->eng)->n_mels;
    float *mel = malloc((size_t)n * (size_t)mels * sizeof *mel);
    for (int i = 0; i < n * mels; i++) {
        mel[i] = noise(i / mels, i % mels);
    }
    assert_int_equal(asr_encode(r->eng, mel, CTX, &e), 0);
    free(mel);
}

static float row[TOKENS][WORDS], attention[TOKENS][CTX];
static int32_t token[TOKENS];

/* Everything that a pass over n tokens after n_past says is what single steps said. */
static void expect_rows(struct rig *r, int n_past, int n)
{
    struct err e = {0};
    assert_int_equal(asr_decode(r->eng, token + n_past, n, n_past, n, &e), 0);
    for (int i = 0; i < n; i++) {
        if (memcmp(asr_logits(r->eng, i), row[n_past + i], sizeof row[0])) {
            fail_msg("row %d of %d tokens after %d differs from a step of its own", i, n, n_past);
        }
        assert_memory_equal(asr_xattn(r->eng, i, 0), attention[n_past + i], sizeof attention[0]);
    }
}

static void rows_are_steps(void **state)
{
    (void)state;
    for (int k = 0; k < MODELS; k++) {
        static const uint8_t head[1][2] = {{0, 1}};
        struct rig r;
        struct err e = {0};
        rig_open(&r, k);
        encode(&r);
        assert_int_equal(asr_xattn_select(r.eng, head, 1, &e), 0);
        for (int i = 0; i < TOKENS; i++) {
            token[i] = (i * 67 + 13) % 256;
            assert_int_equal(asr_decode(r.eng, &token[i], 1, i, 1, &e), 0);
            memcpy(row[i], asr_logits(r.eng, 0), sizeof row[0]);
            memcpy(attention[i], asr_xattn(r.eng, 0, 0), sizeof attention[0]);
        }
        for (int n = 1; n <= TOKENS; n++) {
            expect_rows(&r, 0, n);
            /* after what is already in the cache; a pass forgets what stood behind it */
            assert_int_equal(asr_decode(r.eng, token, TOKENS, 0, 0, &e), 0);
            expect_rows(&r, TOKENS - n, n);
        }
        /* a wrong draft leaves nothing behind: its positions are written again */
        int32_t wrong[8] = {200, 1, 2, 3, 4, 5, 6, 7};
        assert_int_equal(asr_decode(r.eng, wrong, 8, 5, 8, &e), 0);
        expect_rows(&r, 5, 1);
        expect_rows(&r, 6, 10);
        rig_close(&r);
    }
}

/* A step's query lies where the next position's key will be: behind the last position too there is room for it, and it
 * is not the next layer's. */
static void last_position(void **state)
{
    (void)state;
    for (int k = 0; k < MODELS; k++) {
        int32_t all[TEXT];
        struct rig r;
        struct err e = {0};
        rig_open(&r, k);
        encode(&r);
        for (int i = 0; i < TEXT; i++) {
            all[i] = (i * 67 + 13) % 256;
        }
        assert_int_equal(asr_decode(r.eng, all, TEXT - 2, 0, 0, &e), 0);
        assert_int_equal(asr_decode(r.eng, all + TEXT - 2, 2, TEXT - 2, 1, &e), 0);
        memcpy(row[0], asr_logits(r.eng, 0), sizeof row[0]);
        assert_int_equal(asr_decode(r.eng, all + TEXT - 1, 1, TEXT - 1, 1, &e), 0);
        assert_memory_equal(asr_logits(r.eng, 0), row[0], sizeof row[0]);
        rig_close(&r);
    }
}

/* -- the best token under rules ---------------------------------------------------------------------- */

/* Of tokens from..to-1 that the rules allow, the picked one has the largest exact logit. */
static void expect_best(const struct rig *r, const struct asr_pick *p, const float *exact, int from, int to)
{
    const struct asr_special *s = asr_tok_special(r->tok);
    float top = -INFINITY;
    for (int t = from; t < to; t++) {
        if (t < 256 || t == s->eot || t >= s->beg) {
            top = exact[t] > top ? exact[t] : top;
        }
    }
    assert_true(p->id >= from && p->id < to);
    assert_true(exact[p->id] == top);
}

/* INT8 finds the best tokens within a few steps of 4 bits, and works those out in f32: after rules have banned what was best
 * too, and of time stamps by themselves. */
static void best_is_exact(void **state)
{
    static float exact[WORDS];
    (void)state;
    for (int k = 0; k < MODELS; k++) {
        struct rig r;
        struct err e = {0};
        rig_open(&r, k);
        encode(&r);
        const struct asr_special *s = asr_tok_special(r.tok);
        struct asr_picker *picker = asr_picker_new(r.tok, 1);
        assert_non_null(picker);
        for (int i = 0; i < TEXT; i++) {
            const int32_t word = (i * 67 + 13) % 256, stamped[2] = {65, s->beg + 3};
            struct asr_rules rules = {.no_timestamps = true};
            assert_int_equal(asr_decode(r.eng, &word, 1, i, 1, &e), 0);
            const struct asr_row found = asr_row(r.eng, 0);
            for (int t = 0; t < WORDS; t++) {
                exact[t] = asr_row_exact(found, t);
            }
            struct asr_pick p = asr_picker_step(picker, &rules, found, NULL, 0, false, 0);
            expect_best(&r, &p, exact, 0, s->beg);
            rules.no_timestamps = false;
            p = asr_picker_step(picker, &rules, found, NULL, 0, false, 0);
            expect_best(&r, &p, exact, p.id < s->beg ? 0 : s->beg, WORDS);
            p = asr_picker_step(picker, &rules, found, stamped, 2, true, 400);
            expect_best(&r, &p, exact, p.id < s->beg ? s->eot : s->beg + 200, WORDS);
        }
        asr_picker_free(picker);
        rig_close(&r);
    }
}

/* -- through live recognition ----------------------------------------------------------------------- */

static void give_mel(void *user, int64_t first, int n, int64_t norm0, int64_t norm1, float *out)
{
    const int mels = *(int *)user;
    (void)norm0;
    for (int i = 0; i < n; i++) {
        for (int b = 0; b < mels; b++) {
            out[i * mels + b] = first + i < norm1 ? noise(first + i, b) : -0.5f;
        }
    }
}

static bool voiced(void *user, int64_t frame)
{
    (void)user;
    (void)frame;
    return true;
}

static void ignore_utt(void *user, const struct asr_utt *u)
{
    (void)user;
    (void)u;
}

static void ignore_held(void *user, const struct asr_held *h)
{
    (void)user;
    (void)h;
}

/* What a pass makes of utterance `before` when its last guess was `n` tokens of `draft`. */
static void pass_with(struct asr_live *l, const struct asr_live *before, const int32_t *draft, int n,
                      bool last, const struct asr_live_io *io)
{
    struct err e = {0};
    *l = *before;
    for (int i = 0; i < n; i++) {
        l->guess.id[i] = draft[i];
    }
    l->guess.n = n;
    assert_int_equal(live_pass(l, io, 220, last, &e), 0);
}

/* Everything but the time that it took, and what the draft saved. */
static void expect_same(const struct asr_live *a, const struct asr_live *b, const char *what)
{
    if (a->n_said != b->n_said || a->guess.n != b->guess.n || a->guess.ended != b->guess.ended ||
        a->guess.looped != b->guess.looped || a->n_word != b->n_word ||
        a->n_settled != b->n_settled || a->said_frame != b->said_frame) {
        fail_msg("%s: %d + %d tokens, %d words; plain decoding has %d + %d, %d", what, b->n_said,
                 b->guess.n, b->n_word, a->n_said, a->guess.n, a->n_word);
    }
    const size_t n = (size_t)a->guess.n;
    assert_memory_equal(a->said, b->said, (size_t)a->n_said * sizeof *a->said);
    if (n) {
        assert_memory_equal(a->guess.id, b->guess.id, n * sizeof *a->guess.id);
        assert_memory_equal(a->guess.logp, b->guess.logp, n * sizeof *a->guess.logp);
        assert_memory_equal(a->guess.frame, b->guess.frame, n * sizeof *a->guess.frame);
        assert_memory_equal(a->guess.trust, b->guess.trust, n * sizeof *a->guess.trust);
    }
    for (int i = 0; i < a->n_word; i++) {
        assert_string_equal(a->word[i].text, b->word[i].text);
        assert_true(a->word[i].p == b->word[i].p && a->word[i].t0 == b->word[i].t0);
    }
}

static void drafts_of(struct asr_live *l, bool last, const struct asr_live_io *io, int *steps,
                      int *tokens)
{
    static struct asr_live before, plain;
    int32_t right[2 * LIVE_TOKENS], draft[LIVE_TOKENS];
    const int old = l->n_said;
    before = *l;
    pass_with(l, &before, NULL, 0, last, io);
    plain = *l;
    steps[0] += plain.work.steps;
    /* what plain decoding said after the tokens that were settled before */
    int n = plain.n_said - old;
    memcpy(right, plain.said + old, (size_t)n * sizeof *right);
    memcpy(right + n, plain.guess.id, (size_t)plain.guess.n * sizeof *right);
    n += plain.guess.n;
    *tokens += n;
    n = n < LIVE_TOKENS - 20 ? n : LIVE_TOKENS - 20;
    pass_with(l, &before, right, n, last, io);
    expect_same(&plain, l, "a right draft");
    steps[1] += l->work.steps;
    for (int at = 0; at < n && at < 30; at += 3) {
        memcpy(draft, right, (size_t)n * sizeof *draft);
        draft[at] = (draft[at] + 1) % 256;
        pass_with(l, &before, draft, n, last, io);
        expect_same(&plain, l, "a draft with a wrong token");
        pass_with(l, &before, right, at, last, io);
        expect_same(&plain, l, "a draft that is too short");
    }
    memcpy(draft, right, (size_t)n * sizeof *draft);
    for (int i = 0; i < 15; i++) {
        draft[n + i] = 97 + i;
    }
    pass_with(l, &before, draft, n + 15, last, io);
    expect_same(&plain, l, "a draft that is too long");
    for (int i = 0; i < 40; i++) {
        draft[i] = (i * 91 + 7) % 256;
    }
    pass_with(l, &before, draft, 40, last, io);
    expect_same(&plain, l, "a draft of nonsense");
    *l = plain;
}

static void live_drafts(void **state)
{
    (void)state;
    for (int k = 0; k < MODELS; k++) {
        struct asr_live_opts o = asr_live_opts_default();
        struct asr_live *l;
        struct rig r;
        struct err e = {0};
        rig_open(&r, k);
        int mels = asr_engine_hp(r.eng)->n_mels, steps[2] = {0, 0}, tokens = 0;
        const struct asr_live_io io = {.user = &mels,
                                       .mel = give_mel,
                                       .voice = voiced,
                                       .utt = ignore_utt,
                                       .held = ignore_held};
        o.deterministic = true;
        assert_int_equal(asr_live_new(&l, r.eng, r.tok, &o, &e), 0);
        live_forget(l);
        l->active = true;
        l->ep.frame = l->ep.voiced_last = 220;
        for (int pass = 0; pass < 3; pass++) {
            drafts_of(l, false, &io, steps, &tokens); /* later ones with settled words before */
        }
        drafts_of(l, true, &io, steps, &tokens);
        print_message("model %d: %d tokens; %d decoder steps without a draft, %d with the right one\n",
                      k, tokens, steps[0], steps[1]);
        assert_true(tokens > 8);
        assert_true(steps[1] < steps[0]);
        asr_live_free(l);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_steps),
        cmocka_unit_test(last_position),
        cmocka_unit_test(best_is_exact),
        cmocka_unit_test(live_drafts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
