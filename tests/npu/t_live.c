/* The pure parts of live recognition: end-points, words, settling; then whole runs over a network
 * of noise, whose words mean nothing but must keep every promise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/asr/align.h"
#include "npu/asr/endpoint.h"
#include "npu/asr/live.h"
#include "npu/asr/live_impl.h"
#include "npu/asr/settle.h"
#include "npu/asr/word.h"
#include "npu/rt/rt.h"
#include "tests/npu/mkmodel.h"

/* ---- end-points --------------------------------------------------------------------------------
 */

static enum asr_endpoint_event feed(struct asr_endpoint *p, bool voiced, int n)
{
    enum asr_endpoint_event last = ASR_EP_NONE;
    for (int i = 0; i < n; i++) {
        enum asr_endpoint_event ev = asr_endpoint_feed(p, voiced);
        last = ev == ASR_EP_NONE ? last : ev;
    }
    return last;
}

static void an_utterance(void **state)
{
    struct asr_endpoint p;
    (void)state;
    asr_endpoint_reset(&p, 1000);
    assert_int_equal(feed(&p, false, 200), ASR_EP_NONE);
    assert_int_equal(feed(&p, true, 8), ASR_EP_NONE);
    assert_int_equal(feed(&p, true, 1), ASR_EP_START);
    assert_int_equal(p.voiced_first, 1200);
    assert_int_equal(feed(&p, true, 100), ASR_EP_NONE);
    assert_int_equal(feed(&p, false, 39), ASR_EP_NONE);
    assert_int_equal(feed(&p, false, 1), ASR_EP_SOFT);
    assert_int_equal(feed(&p, false, 20), ASR_EP_NONE);
    assert_int_equal(feed(&p, true, 5), ASR_EP_RESUME);
    assert_int_equal(feed(&p, false, 40), ASR_EP_SOFT);
    assert_int_equal(feed(&p, false, 29), ASR_EP_NONE);
    assert_true(p.speech);
    assert_int_equal(feed(&p, false, 1), ASR_EP_HARD);
    assert_false(p.speech);
    assert_int_equal(p.voiced_last, 1200 + 9 + 100 + 60 + 5);
    assert_int_equal(feed(&p, false, 500), ASR_EP_NONE);
    assert_int_equal(feed(&p, true, 9), ASR_EP_START);
}

static void clicks(void **state)
{
    struct asr_endpoint p;
    (void)state;
    asr_endpoint_reset(&p, 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(feed(&p, true, 4), ASR_EP_NONE);
        assert_int_equal(feed(&p, false, 12), ASR_EP_NONE);
    }
    feed(&p, true, 9);
    assert_true(p.speech);
    /* In the quiet after speech a click does not put the end off. */
    assert_int_equal(feed(&p, false, 30), ASR_EP_NONE);
    assert_int_equal(feed(&p, true, 4), ASR_EP_NONE);
    assert_int_equal(feed(&p, false, 35), ASR_EP_SOFT);
    assert_int_equal(feed(&p, false, 1), ASR_EP_HARD);
}

static void long_speech_ends_sooner(void **state)
{
    (void)state;
    assert_int_equal(asr_endpoint_hard(0), 70);
    assert_int_equal(asr_endpoint_hard(600), 70);
    assert_int_equal(asr_endpoint_hard(1000), 45);
    assert_int_equal(asr_endpoint_hard(1400), 20);
    assert_int_equal(asr_endpoint_hard(100000), 20);
}

/* ---- words -------------------------------------------------------------------------------------
 */

struct bench {
    struct mk file;
    struct asr_model *model;
    struct asr_tok *tok;
};

static void open_bench(struct bench *b, bool noise)
{
    static const char *const merge[] = {" a", " be", "\xe2\x82"};
    struct asr_hparams hp = mk_hp(256 + 3 + 5 + 1501);
    struct err e = {0};
    memset(b, 0, sizeof *b);
    if (noise) {
        hp.n_audio_ctx = 1500;
        hp.n_text_ctx = 448;
        hp.n_audio_state = hp.n_text_state = 64;
    }
    mk_head(&b->file, &hp);
    mk_small_words(&b->file, merge, 3);
    for (int i = 0; noise && i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        mk_noise(&b->file, &t, (uint32_t)i * 7919u + 1);
    }
    if (!noise) {
        mk_tensors(&b->file, &hp);
    }
    assert_int_equal(asr_model_parse(&b->model, "x", b->file.data, b->file.size, &e), 0);
    assert_int_equal(asr_tok_new(&b->tok, b->model, &e), 0);
}

static void close_bench(struct bench *b)
{
    asr_tok_free(b->tok);
    asr_model_free(b->model);
    free(b->file.data);
}

static void splitting(void **state)
{
    struct bench b;
    struct asr_span s[8];
    /* " a" "b" "," " be" " " "c" */
    const int32_t id[] = {256, 'b', ',', 257, ' ', 'c'};
    (void)state;
    open_bench(&b, false);
    assert_int_equal(asr_words_split(b.tok, id, 6, false, s, 8), 3);
    assert_true(s[0].first == 0 && s[0].count == 3 && s[0].space);
    assert_true(s[1].first == 3 && s[1].count == 1);
    assert_true(s[2].first == 4 && s[2].count == 2);
    struct asr_word w[4];
    assert_int_equal(asr_words_text(b.tok, id, &s[0], w, 4), 1);
    assert_string_equal(w[0].text, "ab,");
    assert_false(w[0].glue);
    assert_int_equal(asr_words_text(b.tok, id, &s[2], w, 4), 1);
    assert_string_equal(w[0].text, "c");
    /* Room for two: the rest goes into the last. */
    assert_int_equal(asr_words_split(b.tok, id, 6, false, s, 2), 2);
    assert_int_equal(s[1].count, 3);
    /* A first token without a space goes on with what was there. */
    assert_int_equal(asr_words_split(b.tok, id + 1, 1, false, s, 8), 1);
    assert_false(s[0].space);
    assert_int_equal(asr_words_text(b.tok, id + 1, &s[0], w, 4), 1);
    assert_true(w[0].glue);
    close_bench(&b);
}

static void characters(void **state)
{
    struct bench b;
    struct asr_word w[4];
    struct asr_span s = {0, 2, true};
    (void)state;
    open_bench(&b, false);
    const int32_t euro[] = {258, 0xac, 'x'};
    assert_int_equal(asr_words_text(b.tok, euro, &s, w, 4), 1);
    assert_string_equal(w[0].text, "\xe2\x82\xac");
    s.count = 1; /* its end is still to come: nothing yet */
    assert_int_equal(asr_words_text(b.tok, euro, &s, w, 4), 0);
    const int32_t bad[] = {0xff, 'x', 0x1b, 0xe2, 'y'};
    s.count = 5;
    assert_int_equal(asr_words_text(b.tok, bad, &s, w, 4), 1);
    assert_string_equal(w[0].text, "\xef\xbf\xbdx\xef\xbf\xbdy");
    /* Longer than an entry: goes on in the next, never inside a character. */
    int32_t many[120];
    for (int i = 0; i < 120; i += 3) {
        many[i] = 0xe2;
        many[i + 1] = 0x82;
        many[i + 2] = 0xac;
    }
    s.count = 120;
    assert_int_equal(asr_words_text(b.tok, many, &s, w, 4), 2);
    assert_int_equal(strlen(w[0].text), 63);
    assert_int_equal(strlen(w[1].text), 120 - 63);
    assert_true(w[1].glue && !w[0].glue);
    /* Languages without spaces: every character is a word. */
    struct asr_span by[64];
    assert_int_equal(asr_words_split(b.tok, many, 12, true, by, 64), 4);
    assert_int_equal(by[1].first, 3);
    assert_true(asr_words_by_char(asr_lang_index("ja")));
    assert_false(asr_words_by_char(asr_lang_index("en")));
    assert_false(asr_words_by_char(-1));
    close_bench(&b);
}

static void sameness(void **state)
{
    (void)state;
    assert_true(asr_words_equal("Hello,", "hello"));
    assert_true(asr_words_equal("", "..."));
    assert_false(asr_words_equal("don't", "dont"));
    assert_false(asr_words_equal("four", "fourteen"));
    assert_false(asr_words_equal("", "a"));
}

/* ---- settling ----------------------------------------------------------------------------------
 */

static struct asr_guess guess(const char *text, int frame, int next)
{
    struct asr_guess g = {.frame = frame, .next = next, .trust = 2};
    strcpy(g.text, text);
    return g;
}

static void settling(void **state)
{
    const struct asr_guess now[] = {guess("one", 10, 20), guess("two", 30, 50),
                                    guess("three", 60, 80), guess("four", 90, 98)};
    const struct asr_guess prev[] = {guess("one", 0, 0), guess("Two.", 0, 0), guess("tree", 0, 0),
                                     guess("four", 0, 0)};
    (void)state;
    assert_int_equal(asr_settle(now, 4, prev, 4, 100, 25, ASR_SETTLE_AGREE), 2);
    assert_int_equal(asr_settle(now, 4, prev, 1, 100, 25, ASR_SETTLE_AGREE), 1);
    assert_int_equal(asr_settle(now, 4, prev, 0, 100, 25, ASR_SETTLE_AGREE), 0);
    assert_int_equal(asr_settle(now, 4, prev, 0, 100, 25, ASR_SETTLE_ALIGN), 2);
    assert_int_equal(asr_settle(now, 4, prev, 0, 100, 4, ASR_SETTLE_ALIGN), 3);
    assert_int_equal(asr_settle(now, 4, prev, 1, 100, 25, ASR_SETTLE_BOTH), 1);
    assert_int_equal(asr_settle(now, 4, prev, 1, 100, 25, ASR_SETTLE_EITHER), 2);
    /* The last word may go on. */
    assert_int_equal(asr_settle(now, 1, prev, 4, 100, 25, ASR_SETTLE_EITHER), 0);
    /* Without attention worth the name, alignment settles nothing. */
    struct asr_guess vague[4];
    memcpy(vague, now, sizeof vague);
    vague[0].trust = 0.1f;
    assert_int_equal(asr_settle(vague, 4, prev, 0, 100, 25, ASR_SETTLE_ALIGN), 0);
    assert_int_equal(asr_settle(vague, 0, prev, 4, 100, 25, ASR_SETTLE_AGREE), 0);
    /* One vague word does not hold up the others when two passes agree ... */
    assert_true(asr_aligned(vague, 4));
    assert_int_equal(asr_settle(vague, 4, prev, 4, 100, 25, ASR_SETTLE_BOTH), 2);
    assert_int_equal(asr_settle(vague, 4, prev, 4, 70, 25, ASR_SETTLE_BOTH), 1);
    /* ... and where attention says nothing at all agreement decides, as without alignment. */
    for (int i = 0; i < 4; i++) {
        vague[i].trust = 0.1f;
    }
    assert_false(asr_aligned(vague, 4) || asr_aligned(vague, 0));
    assert_int_equal(asr_settle(vague, 4, prev, 4, 70, 25, ASR_SETTLE_BOTH), 2);
    assert_int_equal(asr_settle(vague, 4, prev, 4, 70, 25, ASR_SETTLE_EITHER), 2);
}

static void showing(void **state)
{
    struct asr_guess now[] = {guess("one", 10, 20), guess("two", 30, 50), guess("three", 60, 80)};
    const struct asr_guess prev[] = {guess("one", 0, 0), guess("two", 0, 0), guess("tree", 0, 0)};
    (void)state;
    now[0].p = 0.9f;
    now[1].p = 0.35f;
    now[2].p = 0.9f;
    /* Said by two passes, or probable. */
    assert_int_equal(asr_show(now, 3, prev, 3, 0, 100, false), 3);
    assert_int_equal(asr_show(now, 3, prev, 1, 0, 100, false), 1);
    /* Not what the end of the sound cuts; without alignment nobody knows where that is. */
    assert_int_equal(asr_show(now, 3, prev, 3, 0, 66, false), 2);
    for (int i = 0; i < 3; i++) {
        now[i].trust = 0.1f;
    }
    assert_int_equal(asr_show(now, 3, prev, 3, 0, 66, false), 3);
    now[2].p = 0.3f;
    assert_int_equal(asr_show(now, 3, prev, 3, 0, 100, false), 2);
    /* What two passes hardly believe is not shown, what is settled always. */
    now[0].p = now[1].p = 0.1f;
    assert_int_equal(asr_show(now, 3, prev, 3, 0, 100, false), 0);
    assert_int_equal(asr_show(now, 3, prev, 3, 2, 100, false), 2);
    /* The very first word is shown sooner. */
    now[0].p = 0.35f;
    assert_int_equal(asr_show(now, 3, prev, 0, 0, 11, true), 1);
    assert_int_equal(asr_show(now, 3, prev, 0, 0, 11, false), 0);
}

/* ---- guards ------------------------------------------------------------------------------------
 */

static int64_t voice_end; /* frames from here on are quiet */
static int told_no_voice;

static bool early_voice(void *user, int64_t frame)
{
    (void)user;
    return frame < voice_end;
}

static void no_voice(void *user, const struct asr_held *h)
{
    (void)user;
    told_no_voice += h->why == ASR_GUARD_VOICE;
}

static void play_guess(struct asr_live *l, const struct bench *b, int n, int frames_apart)
{
    memset(l, 0, sizeof *l);
    l->tok = b->tok;
    l->sp = asr_tok_special(b->tok);
    for (int i = 0; i < n; i++) {
        l->guess.id[i] = i % 2 ? 257 : 256;
        l->guess.frame[i] = (int16_t)(10 + frames_apart * i);
        l->guess.trust[i] = 2;
    }
    l->guess.frame[n] = (int16_t)(10 + frames_apart * n);
    l->guess.n = n;
    l->guess.ended = true;
}

static void attention_that_stops_is_a_loop(void **state)
{
    static struct asr_live l;
    struct bench b;
    (void)state;
    open_bench(&b, false);
    play_guess(&l, &b, 12, 5);
    live_cut_stall(&l);
    assert_true(l.guess.n == 12 && !l.guess.looped && l.guess.cut == 0);
    play_guess(&l, &b, 12, 0);
    live_cut_stall(&l);
    assert_true(l.guess.n == 1 && l.guess.looped && l.guess.cut == 11 && !l.guess.ended);
    /* It moves on for four words, then no more. */
    play_guess(&l, &b, 16, 5);
    for (int i = 5; i <= 16; i++) {
        l.guess.frame[i] = l.guess.frame[4];
    }
    live_cut_stall(&l);
    assert_true(l.guess.n == 5 && l.guess.cut == 11);
    /* Not where attention says nothing, nor inside one long word. */
    play_guess(&l, &b, 12, 0);
    for (int i = 0; i < 12; i++) {
        l.guess.trust[i] = 0.2f;
    }
    live_cut_stall(&l);
    assert_int_equal(l.guess.n, 12);
    play_guess(&l, &b, 12, 0);
    for (int i = 1; i < 12; i++) {
        l.guess.id[i] = 'b';
    }
    live_cut_stall(&l);
    assert_int_equal(l.guess.n, 12);
    close_bench(&b);
}

static void words_need_voice(void **state)
{
    static struct asr_live l;
    struct bench b;
    struct asr_live_io io = {.voice = early_voice, .held = no_voice};
    (void)state;
    open_bench(&b, false);
    for (int vague = 0; vague < 2; vague++) {
        play_guess(&l, &b, 3, 50); /* 0.2 s, 1.2 s, 2.2 s */
        l.guess.trust[1] = vague ? 0.5f : 2;
        l.ep.frame = 400;
        l.ep.voiced_last = voice_end = 60;
        told_no_voice = 0;
        live_accept(&l, &io);
        /* The last one stands a second behind the voice; the second one where nobody speaks, if one
         * can say where it stands. */
        assert_int_equal(l.n_word, 1 + vague);
        assert_int_equal(l.n_settled, l.n_word);
        assert_string_equal(l.word[0].text, "a");
        assert_int_equal(told_no_voice, 2 - vague);
    }
    voice_end = 400;
    l.ep.voiced_last = 400;
    play_guess(&l, &b, 3, 50);
    l.ep.frame = l.ep.voiced_last = 400;
    told_no_voice = 0;
    live_accept(&l, &io);
    assert_true(l.n_word == 3 && told_no_voice == 0);
    close_bench(&b);
}

/* ---- alignment ---------------------------------------------------------------------------------
 */

static void medians(void **state)
{
    const float x[] = {9, 1, 8, 2, 7, 3, 6, 4, 5};
    float y[9];
    (void)state;
    asr_median7(x, 9, y);
    assert_true(y[3] == 6 && y[4] == 4 && y[5] == 5);
    assert_true(y[0] == 2); /* mirrored at the edge: 2 8 1 9 1 8 2 */
}

static void paths(void **state)
{
    /* The second row's best is before the first's: the path may not go back. */
    const float s[3][4] = {{0, 0, 5, 0}, {4, 0, 3, 0}, {0, 0, 0, 2}};
    int16_t from[12], out[3];
    float score[4];
    (void)state;
    asr_monotone(&s[0][0], 3, 4, 4, from, score, out);
    assert_true(out[0] == 2 && out[1] == 2 && out[2] == 3);
}

/* ---- whole runs --------------------------------------------------------------------------------
 */

struct sound {
    const char *voice; /* a character per second: # voice, . quiet */
    int n_mels;
    char log[65536];
    struct asr_word word[512];
    int n_settled, finals, held;
    uint32_t id;
    double behind_s; /* told to the recogniser */
};

static float noise_at(int64_t frame, int band)
{
    uint32_t h = (uint32_t)frame * 2654435761u ^ (uint32_t)band * 40503u;
    h ^= h >> 13;
    h *= 1274126177u;
    return (float)(h >> 8) / 16777216.0f - 0.5f;
}

static bool is_voiced(void *user, int64_t frame)
{
    struct sound *s = user;
    return frame / 100 < (int64_t)strlen(s->voice) && s->voice[frame / 100] == '#';
}

static void give_mel(void *user, int64_t first, int n, int64_t norm0, int64_t norm1, float *out)
{
    struct sound *s = user;
    assert_true(norm0 <= first && norm0 < norm1);
    for (int i = 0; i < n; i++) {
        for (int b = 0; b < s->n_mels; b++) {
            bool in = first + i < norm1;
            out[i * s->n_mels + b] = in && is_voiced(s, first + i) ? noise_at(first + i, b) : -0.5f;
        }
    }
}

static void take_utt(void *user, const struct asr_utt *u)
{
    struct sound *s = user;
    size_t at = strlen(s->log);
    if (u->id != s->id) {
        assert_true(u->id > s->id);
        s->id = u->id;
        s->n_settled = 0;
    }
    /* What was settled is still there, word for word. */
    assert_true(u->n_settled >= s->n_settled && u->n_word >= u->n_settled);
    for (int i = 0; i < s->n_settled; i++) {
        assert_string_equal(u->word[i].text, s->word[i].text);
        assert_true(u->word[i].t0 == s->word[i].t0);
    }
    for (int i = 0; i < u->n_word; i++) {
        const struct asr_word *w = &u->word[i];
        assert_true(w->settled == (i < u->n_settled));
        assert_true(w->t0 >= (float)u->t0 - 1e-3f && w->t1 >= w->t0);
        assert_true(i == 0 || w->t0 >= u->word[i - 1].t0);
        assert_true(w->p >= 0 && w->p <= 1);
    }
    if (u->final) {
        assert_int_equal(u->n_settled, u->n_word);
        s->finals++;
    }
    memcpy(s->word, u->word, (size_t)u->n_settled * sizeof *u->word);
    s->n_settled = u->n_settled;
    for (int i = 0; i < u->n_word && at + 80 < sizeof s->log; i++) {
        at += (size_t)snprintf(s->log + at, sizeof s->log - at, "%s%s", u->word[i].glue ? "" : " ",
                               u->word[i].text);
    }
    snprintf(s->log + at, sizeof s->log - at, "|%u %d%s\n", u->id, u->n_settled,
             u->final ? " final" : "");
}

static void take_held(void *user, const struct asr_held *h)
{
    struct sound *s = user;
    assert_true(h->utt >= s->id && h->text[0] && h->t1 >= h->t0 && h->p >= 0 && h->p <= 1);
    s->held++;
}

/* Feeds `chunk` frames at a time; returns the passes made. */
static int run(struct sound *s, struct bench *b, struct asr_engine *eng, bool deterministic,
               int chunk)
{
    struct asr_live_opts o = asr_live_opts_default();
    struct asr_live_io io = {.user = s,
                             .mel = give_mel,
                             .voice = is_voiced,
                             .utt = take_utt,
                             .held = take_held,
                             .behind_s = s->behind_s};
    struct asr_live *l;
    struct err e = {0};
    int passes = 0, rc;
    int64_t end = (int64_t)strlen(s->voice) * 100, keep = 0, last = 0;
    o.deterministic = deterministic;
    o.max_utt_s = 12;
    s->n_mels = asr_model_hp(b->model)->n_mels;
    assert_int_equal(asr_live_new(&l, eng, b->tok, &o, &e), 0);
    for (int64_t have = 0; have < end;) {
        have = have + chunk < end ? have + chunk : end;
        do {
            rc = asr_live_step(l, &io, have, have == end, &keep, &e);
            assert_true(rc >= 0);
            assert_true(keep >= last && keep <= have);
            last = keep;
            passes += rc;
        } while (rc > 0);
    }
    asr_live_free(l);
    return passes;
}

static void open_engine(struct bench *b, struct npu_rt **rt, struct asr_engine **eng, int columns)
{
    struct npu_rt_opts o = {.columns = columns, .threads = columns > 1 ? 2 : 1};
    struct err e = {0};
    assert_int_equal(npu_rt_open(rt, &o, &e), 0);
    assert_int_equal(asr_engine_new(eng, b->model, *rt, ASR_PREC_INT8, &e), 0);
}

static void runs(void **state)
{
    static struct sound a, c, d;
    struct bench b;
    struct npu_rt *rt;
    struct asr_engine *eng;
    (void)state;
    open_bench(&b, true);
    open_engine(&b, &rt, &eng, 8);
    a = c = d = (struct sound){.voice = "..##..###################..#.."};
    assert_true(run(&a, &b, eng, true, 10) > 10);
    assert_int_equal(run(&c, &b, eng, true, 10), run(&d, &b, eng, true, 137));
    assert_string_equal(a.log, c.log);
    assert_string_equal(a.log, d.log);
    /* The long stretch of voice was cut. */
    assert_true(a.id >= 4);
    asr_engine_free(eng);
    npu_rt_close(rt);
    /* Neither the number of columns nor the way the sound arrives changes a word. */
    open_engine(&b, &rt, &eng, 1);
    d = (struct sound){.voice = a.voice};
    run(&d, &b, eng, true, 3000);
    assert_string_equal(a.log, d.log);
    /* As fast as possible: fewer passes, the same promises. */
    d = (struct sound){.voice = a.voice};
    assert_true(run(&d, &b, eng, false, 3000) < 12);
    /* A model of random numbers talks in circles: what was cut off is not lost. */
    assert_true(a.held > 0);
    assert_int_equal(a.held, c.held);
    /* Late: fewer passes; very late: one an utterance; every utterance is there all the same. */
    a = (struct sound){.voice = a.voice};
    int usual = run(&a, &b, eng, true, 10), late, very;
    c = (struct sound){.voice = a.voice, .behind_s = 2};
    d = (struct sound){.voice = a.voice, .behind_s = 9};
    late = run(&c, &b, eng, true, 10);
    very = run(&d, &b, eng, true, 10);
    assert_true(late < usual / 2);
    assert_int_equal(very, (int)d.id);
    assert_true(d.id == a.id && c.id == a.id);
    asr_engine_free(eng);
    npu_rt_close(rt);
    close_bench(&b);
}

static void silence_says_nothing(void **state)
{
    static struct sound a;
    struct bench b;
    struct npu_rt *rt;
    struct asr_engine *eng;
    (void)state;
    open_bench(&b, true);
    open_engine(&b, &rt, &eng, 2);
    a = (struct sound){.voice = ".............................."};
    assert_int_equal(run(&a, &b, eng, true, 10), 0);
    assert_int_equal(a.id, 0);
    asr_engine_free(eng);
    npu_rt_close(rt);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_utterance),
        cmocka_unit_test(clicks),
        cmocka_unit_test(long_speech_ends_sooner),
        cmocka_unit_test(splitting),
        cmocka_unit_test(characters),
        cmocka_unit_test(sameness),
        cmocka_unit_test(settling),
        cmocka_unit_test(showing),
        cmocka_unit_test(attention_that_stops_is_a_loop),
        cmocka_unit_test(words_need_voice),
        cmocka_unit_test(medians),
        cmocka_unit_test(paths),
        cmocka_unit_test(runs),
        cmocka_unit_test(silence_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
