/* A whole clip to text: windows of up to 30 s, each encoded once and decoded once or twice.
 * Runs on the engine thread; allocates at the start of a call, not in the loop. */
#include "npu/asr/transcribe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/pause.h"
#include "npu/asr/segment.h"
#include "npu/asr/window.h"

enum {
    MAX_PAST = 223,  /* n_text_ctx / 2 - 1: what fits before the prompt proper */
    END_CLEAR = 500, /* frames: with 5 s left, earlier text confuses more than it helps */
    QUIET_ROOM = 65, /* positions of silence after the sound: 1.3 s, the cue that it ends */
    MAX_CUTS = 128,
    TEXT_B = 16384,
};
static const float RETRY_T = 0.4f;

struct run {
    struct asr_engine *eng;
    const struct asr_tok *tok;
    const struct asr_special *sp;
    struct asr_params p;
    const struct asr_sink *sink;
    const float *mel;
    int n_frames, frames, n_mels;
    int end;     /* of the stretch under way: frames, or less where a pause ends it */
    float floor; /* mel value of silence */
    const struct asr_stretch *stretch; /* NULL: windows of 30 s */
    struct asr_desk desk;
    struct asr_rules rules;
    int32_t init[8], past[MAX_PAST + ASR_MAX_STEPS];
    int n_init, n_past;
    bool prompted; /* the last attempt's prompt began with earlier text */
    float *win;    /* [2 n_audio_ctx][n_mels] */
    struct asr_try one, two;
    struct asr_cut cut[MAX_CUTS];
    struct asr_token seg_tok[ASR_MAX_STEPS];
    char text[TEXT_B];
};

struct asr_params asr_params_default(void)
{
    return (struct asr_params){
        .language = 0,
        .max_context = -1,
        .fallback = true,
        .entropy_thold = 2.4f,
        .logprob_thold = -1.0f,
        .nospeech_thold = 0.6f,
    };
}

int asr_rung(const struct asr_engine *eng, int positions)
{
    static const int ladder[] = {64, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1500};
    int most = asr_engine_hp(eng)->n_audio_ctx;
    for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++) {
        if (ladder[i] >= positions) {
            return ladder[i] < most ? ladder[i] : most;
        }
    }
    return most;
}

/* audio_ctx of a window that holds `frames` mel frames of sound. */
static int window_ctx(const struct asr_engine *eng, const struct asr_params *p, int frames)
{
    int most = asr_engine_hp(eng)->n_audio_ctx;
    if (p->audio_ctx > 0) {
        return p->audio_ctx < most ? p->audio_ctx : most;
    }
    return frames >= 2 * most ? most : asr_rung(eng, (frames + 1) / 2 + QUIET_ROOM);
}

/* Encodes [seek, seek + 2 ctx): rows of the clip, `after` from its row n_frames on. */
static int encode_at(struct asr_engine *eng, const float *mel, int n_frames, int seek, int ctx,
                     float after, float *win, struct err *e)
{
    size_t n_mels = (size_t)asr_engine_hp(eng)->n_mels;
    int rows = 2 * ctx, have = n_frames - seek;
    if (have >= rows) {
        return asr_encode(eng, mel + (size_t)seek * n_mels, ctx, e);
    }
    have = have > 0 ? have : 0;
    memcpy(win, mel + (size_t)seek * n_mels, (size_t)have * n_mels * sizeof *win);
    for (size_t i = (size_t)have * n_mels; i < (size_t)rows * n_mels; i++) {
        win[i] = after;
    }
    return asr_encode(eng, win, ctx, e);
}

static float *new_window(const struct asr_engine *eng)
{
    const struct asr_hparams *hp = asr_engine_hp(eng);
    return malloc(2 * (size_t)hp->n_audio_ctx * (size_t)hp->n_mels * sizeof(float));
}

/* ---- language ----------------------------------------------------------------------------------
 */

/* Token of language i.  OpenAI's vocabularies of 99 languages have "translate" where the hundredth
 * would be, and whisper.cpp lets it take part. */
static int32_t language_token(const struct asr_tok *tok, int i)
{
    const struct asr_special *sp = asr_tok_special(tok);
    if (i < sp->n_lang) {
        return sp->lang[i];
    }
    return asr_tok_is_openai(tok) ? sp->sot + 1 + i : -1;
}

static void language_probs(const struct asr_tok *tok, struct asr_row row, float *prob,
                           float *logit, int *best)
{
    float top = -INFINITY, sum = 0;
    *best = 0;
    for (int i = 0; i < ASR_MAX_LANG; i++) {
        int32_t id = language_token(tok, i);
        logit[i] = id >= 0 ? asr_row_exact(row, id) : -INFINITY;
        if (logit[i] > top) {
            top = logit[i];
            *best = i;
        }
    }
    for (int i = 0; i < ASR_MAX_LANG; i++) {
        prob[i] = expf(logit[i] - top);
        sum += prob[i];
    }
    for (int i = 0; i < ASR_MAX_LANG; i++) {
        prob[i] /= sum;
    }
}

int asr_detect_language(struct asr_engine *eng, const struct asr_tok *tok, const float *mel,
                        int n_frames, int audio_ctx, float *prob, float *logit, int *best,
                        struct err *e)
{
    float own_prob[ASR_MAX_LANG], own_logit[ASR_MAX_LANG];
    const struct asr_special *sp = asr_tok_special(tok);
    int most = asr_engine_hp(eng)->n_audio_ctx;
    if (!sp->multilingual) {
        return err_set(e, ERR_USAGE, "%s knows one language only: there is none to detect",
                       asr_model_path(asr_tok_model(tok)));
    }
    float *win = new_window(eng);
    if (!win) {
        return err_set(e, ERR_MEM, "no memory for a window of sound");
    }
    audio_ctx = audio_ctx > 0 && audio_ctx < most ? audio_ctx : most;
    int rc = encode_at(eng, mel, n_frames, 0, audio_ctx, 0, win, e);
    free(win);
    rc = rc < 0 ? rc : asr_decode(eng, &sp->sot, 1, 0, 1, e);
    if (rc == 0) {
        language_probs(tok, asr_row(eng, 0), prob ? prob : own_prob, logit ? logit : own_logit,
                       best);
    }
    return rc;
}

int asr_language_of(const struct asr_tok *tok, struct asr_row row)
{
    const struct asr_special *sp = asr_tok_special(tok);
    float top = -INFINITY;
    int best = 0;
    for (int i = 0; i < sp->n_lang; i++) {
        const float logit = asr_row_exact(row, sp->lang[i]);
        if (logit > top) {
            top = logit;
            best = i;
        }
    }
    return best;
}

/* The language of the prompt: the one asked for, or the likeliest that has a token. */
static int choose_language(struct run *r, struct err *e)
{
    int best, frames = r->frames < ASR_WINDOW ? r->frames : ASR_WINDOW;
    if (r->p.language >= 0) {
        if (r->p.language >= r->sp->n_lang) {
            return err_set(e, ERR_USAGE, "this model does not know the language %s",
                           asr_lang_name(r->p.language) ? asr_lang_name(r->p.language) : "?");
        }
        return 0;
    }
    int rc = asr_detect_language(r->eng, r->tok, r->mel, r->n_frames,
                                 window_ctx(r->eng, &r->p, frames), NULL, NULL, &best, e);
    if (rc < 0) {
        return rc;
    }
    r->p.language = asr_language_of(r->tok, asr_row(r->eng, 0));
    return 0;
}

/* ---- prompt ------------------------------------------------------------------------------------
 */

static int make_init(struct run *r, struct err *e)
{
    r->init[r->n_init++] = r->sp->sot;
    if (r->sp->multilingual) {
        int rc = choose_language(r, e);
        if (rc < 0) {
            return rc;
        }
        bool translate = r->p.translate && r->sp->translate >= 0;
        r->init[r->n_init++] = r->sp->lang[r->p.language];
        r->init[r->n_init++] = translate ? r->sp->translate : r->sp->transcribe;
    }
    /* The first distilled models never learned stamps (whisper.cpp's rule). */
    bool distilled = asr_tok_is_openai(r->tok) && asr_tok_vocab(r->tok) != 51866 &&
                     asr_engine_hp(r->eng)->n_text_layer == 2;
    if (distilled || r->sp->beg >= asr_tok_vocab(r->tok)) {
        r->p.no_timestamps = true;
    }
    if (r->p.no_timestamps) {
        r->init[r->n_init++] = r->sp->not_;
    }
    return 0;
}

/* OpenAI encodes a space and the stripped prompt; of a long one the end counts. */
static void take_prompt(struct run *r)
{
    const char *s = r->p.prompt ? r->p.prompt : "";
    size_t n = strlen(s), from = 0;
    while (n && strchr(" \t\r\n", s[n - 1])) {
        n--;
    }
    while (from < n && strchr(" \t\r\n", s[from])) {
        from++;
    }
    size_t len = n - from;
    char *text = len ? malloc(len + 1) : NULL;
    int32_t *id = len ? malloc((len + 1) * sizeof *id) : NULL;
    if (text && id && r->sp->prev >= 0) {
        text[0] = ' ';
        memcpy(text + 1, s + from, len);
        int k = asr_tok_bpe(r->tok, text, len + 1, id, (int)(len + 1)), skip;
        skip = k > MAX_PAST ? k - MAX_PAST : 0;
        r->n_past = k > 0 ? k - skip : 0;
        memcpy(r->past, id + skip, (size_t)r->n_past * sizeof *id);
    }
    free(text);
    free(id);
}

/* [prev, earlier text] init.  Returns the count; *sot is where start-of-transcript stands. */
static int build_prompt(struct run *r, bool with_past, int32_t *prompt, int *sot)
{
    int n = 0, take = r->n_past < MAX_PAST ? r->n_past : MAX_PAST;
    int room = asr_engine_hp(r->eng)->n_text_ctx / 2 - 1; /* 223 of 448 */
    take = take < room ? take : room;
    r->prompted = with_past && take > 0 && r->sp->prev >= 0;
    if (r->prompted) {
        prompt[n++] = r->sp->prev;
        memcpy(prompt + n, r->past + r->n_past - take, (size_t)take * sizeof *prompt);
        n += take;
        memmove(r->past, r->past + r->n_past - take, (size_t)take * sizeof *prompt);
        r->n_past = take;
    }
    *sot = n;
    memcpy(prompt + n, r->init, (size_t)r->n_init * sizeof *prompt);
    return n + r->n_init;
}

/* Earlier text for the next window: what conditioned this one, and what it kept. */
static void remember(struct run *r, const struct asr_try *t, bool silent)
{
    int n = r->prompted ? r->n_past : 0;
    if (r->p.fallback && t->failed) {
        n = 0; /* text that went wrong would go wrong again */
    }
    for (int i = 0; i < t->kept && !silent && !(r->p.fallback && t->failed); i++) {
        r->past[n++] = t->id[i];
    }
    int most = r->p.max_context < 0 ? MAX_PAST : r->p.max_context;
    if (!asr_tok_is_openai(r->tok)) {
        most = 0; /* small models are hardly taught to go on from earlier text, and fall silent */
    }
    int skip = n > most ? n - most : 0;
    memmove(r->past, r->past + skip, (size_t)(n - skip) * sizeof *r->past);
    r->n_past = n - skip;
}

/* ---- one window --------------------------------------------------------------------------------
 */

static void set_times(struct run *r, struct asr_try *t, int seek)
{
    int16_t frame[ASR_MAX_STEPS];
    if (!r->desk.align || t->n == 0) {
        return;
    }
    int left = r->end - seek;
    asr_align_cut(r->desk.align, t->n);
    asr_align_path(r->desk.align, (left + 1) / 2, frame, NULL);
    for (int i = 0; i < t->n; i++) {
        t->tok[i].t0 = (float)(seek * 0.01 + frame[i] * 0.02);
        float next = (float)(seek * 0.01 + (i + 1 < t->n ? frame[i + 1] : (left + 1) / 2) * 0.02);
        float most = t->tok[i].t0 + 1.0f; /* a token that lasts longer has silence after it */
        t->tok[i].t1 = next < most ? next : most;
    }
}

static int attempt(struct run *r, float temperature, bool with_past, int seek, struct asr_try *t,
                   struct err *e)
{
    int32_t prompt[ASR_MAX_PROMPT];
    int sot, n = build_prompt(r, with_past, prompt, &sot);
    r->rules.temperature = temperature;
    asr_picker_seed(r->desk.picker, (uint64_t)seek);
    int rc = asr_window_decode(&r->desk, &r->rules, prompt, n, sot, seek, r->end, t, e);
    if (rc < 0) {
        return rc;
    }
    if (!t->failed && t->kept > 32 && t->entropy < (double)r->p.entropy_thold) {
        t->failed = true;
    }
    set_times(r, t, seek);
    return 0;
}

static bool is_bad(const struct run *r, const struct asr_try *t)
{
    return t->failed || (t->avg_logp < (double)r->p.logprob_thold && t->nosp < r->p.nospeech_thold);
}

/* T = 0, and when that goes wrong once more with some chance, without earlier text after a loop. */
static int decode_at(struct run *r, int seek, struct asr_try **best, struct err *e)
{
    *best = &r->one;
    int rc = attempt(r, 0, true, seek, &r->one, e);
    if (rc < 0 || !r->p.fallback || r->one.cancelled || !is_bad(r, &r->one)) {
        return rc;
    }
    bool prompted = r->prompted;
    rc = attempt(r, RETRY_T, !r->one.failed, seek, &r->two, e);
    bool better = r->two.avg_logp > r->one.avg_logp;
    if (r->one.failed != r->two.failed) {
        better = r->one.failed;
    } else if (r->one.looped != r->two.looped) {
        better = r->one.looped;
    }
    if (better || r->two.cancelled) {
        *best = &r->two;
    } else {
        r->prompted = prompted;
    }
    return rc;
}

static void give_segment(struct run *r, const struct asr_try *t, const struct asr_cut *c, int seek)
{
    size_t at = 0;
    double sum = 0;
    struct asr_segment s = {.tok = r->seg_tok, .text = r->text, .nospeech = t->nosp};
    for (int i = c->first; i < c->first + c->count; i++) {
        size_t len;
        const char *b = asr_tok_bytes(r->tok, t->id[i], &len);
        if (t->id[i] >= r->sp->eot) {
            continue;
        }
        sum += t->tok[i].logp;
        r->seg_tok[s.n_tok++] = t->tok[i];
        if (at + len < TEXT_B) {
            memcpy(r->text + at, b, len);
            at += len;
        }
    }
    r->text[at] = 0;
    s.avg_logp = s.n_tok ? (float)(sum / s.n_tok) : 0;
    s.t0 = c->t0 < seek ? seek : c->t0; /* no stamp was allowed: the window's start */
    s.t1 = c->t1 > r->end ? r->end : c->t1;
    if (r->stretch) { /* no stamps there: from the first voice to the last */
        s.t0 = r->stretch->voice_0;
        s.t1 = r->stretch->voice_1;
    }
    s.t0 = s.t0 > s.t1 ? s.t1 : s.t0;
    r->sink->segment(r->sink->user, &s);
}

/* Tells the sink what the window said and returns how far to go on. */
static int give_window(struct run *r, const struct asr_try *t, int seek, bool silent)
{
    int n = t->deliver, advance = t->advance;
    int cuts = asr_cut_segments(r->tok, t->tok, t->pick, n, seek, advance, r->cut, MAX_CUTS);
    for (int i = 0; i < cuts && !silent && r->sink->segment; i++) {
        give_segment(r, t, &r->cut[i], seek);
    }
    /* Text and a single stamp at the end: nothing more is said in this window. */
    if (n > 1 && t->id[n - 2] < r->sp->beg && t->id[n - 1] > r->sp->beg) {
        advance = r->end - seek < ASR_WINDOW ? r->end - seek : ASR_WINDOW;
    }
    if (r->sink->window) {
        struct asr_window w = {
            seek, t->n,       t->kept, advance, t->failed ? 2 : t->completed ? 1 : 0,
            n,    t->advance, t->tok,  t->pick};
        r->sink->window(r->sink->user, &w);
    }
    return advance;
}

/* Windows from `from` to r->end.  Returns 1 when cancelled. */
static int run_windows(struct run *r, int from, struct err *e)
{
    bool whole = r->end == r->frames;
    for (int seek = from; seek + ASR_TAIL < r->end;) {
        struct asr_try *t;
        int left = r->end - seek;
        if (r->sink->progress) {
            r->sink->progress(r->sink->user, seek, r->frames);
        }
        int ctx = window_ctx(r->eng, &r->p, left < ASR_WINDOW ? left : ASR_WINDOW);
        int rc = encode_at(r->eng, r->mel, whole ? r->n_frames : r->end, seek, ctx,
                           whole ? 0 : r->floor, r->win, e);
        if (rc < 0) {
            return rc;
        }
        if (seek > 0 && seek + END_CLEAR >= r->frames) {
            r->n_past = 0;
        }
        rc = decode_at(r, seek, &t, e);
        if (rc < 0 || t->cancelled) {
            return rc < 0 ? rc : 1;
        }
        bool silent = t->nosp > r->p.nospeech_thold && t->avg_logp < (double)r->p.logprob_thold;
        int advance = give_window(r, t, seek, silent);
        remember(r, t, silent);
        seek += advance;
    }
    return 0;
}

/* From pause to pause, for models that learned single utterances and not 30 s of speech; without
 * stamps, which cost such models words (measured: 4 in 100) and say no more than the pauses do. */
static int run_stretches(struct run *r, struct err *e)
{
    int max = r->frames / 50 + 1, n, rc = 0;
    struct asr_stretch *s = malloc((size_t)max * sizeof *s);
    float *level = malloc((size_t)r->frames * sizeof *level);
    if (!s || !level) {
        rc = err_set(e, ERR_MEM, "no memory for the pauses of a sound");
        goto out;
    }
    float top = r->mel[0];
    for (size_t i = 1; i < (size_t)r->frames * (size_t)r->n_mels; i++) {
        top = r->mel[i] > top ? r->mel[i] : top;
    }
    if (!r->rules.no_timestamps) {
        r->rules.no_timestamps = true;
        r->init[r->n_init++] = r->sp->not_;
    }
    r->floor = top - 2; /* 80 dB below the loudest, as the normalisation has it */
    n = asr_stretches(r->mel, r->n_mels, r->frames, level, s, max);
    for (int i = 0; i < n && rc == 0; i++) {
        r->end = s[i].to;
        r->stretch = &s[i];
        rc = run_windows(r, s[i].from, e);
    }
out:
    free(s);
    free(level);
    return rc;
}

static int run_clip(struct run *r, struct err *e)
{
    bool whole = asr_tok_is_openai(r->tok) || r->p.audio_ctx > 0 || r->desk.feed;
    r->end = r->frames;
    int rc = whole ? run_windows(r, 0, e) : run_stretches(r, e);
    if (rc == 0 && r->sink->progress) {
        r->sink->progress(r->sink->user, r->frames, r->frames);
    }
    return rc < 0 ? rc : 0;
}

static int transcribe(struct asr_engine *eng, const struct asr_tok *tok, const struct asr_params *p,
                      const float *mel, int n_frames, int frames, const struct asr_sink *sink,
                      struct asr_feed *feed, struct err *e)
{
    if (frames < ASR_TAIL) {
        return 0;
    }
    struct run *r = calloc(1, sizeof *r);
    struct asr_picker *picker = r ? asr_picker_new(tok, 0) : NULL;
    float *win = picker ? new_window(eng) : NULL;
    struct asr_align *align = NULL;
    int rc;
    if (!win) {
        rc = err_set(e, ERR_MEM, "no memory for a window of sound");
        goto out;
    }
    rc = asr_align_new(&align, eng, asr_tok_model(tok), ASR_MAX_STEPS, e);
    if (rc < 0) {
        goto out;
    }
    *r = (struct run){.eng = eng,
                      .tok = tok,
                      .sp = asr_tok_special(tok),
                      .p = *p,
                      .sink = sink,
                      .mel = mel,
                      .n_frames = n_frames,
                      .frames = frames,
                      .win = win};
    r->n_mels = asr_engine_hp(eng)->n_mels;
    r->desk = (struct asr_desk){eng, tok, picker, align, sink->cancel, p->fallback, feed};
    rc = make_init(r, e);
    if (rc < 0) {
        goto out;
    }
    take_prompt(r);
    r->rules = (struct asr_rules){.no_timestamps = r->p.no_timestamps,
                                  .suppress_blank = asr_tok_is_openai(tok),
                                  .max_initial_index = 50};
    rc = run_clip(r, e);
out:
    asr_align_free(align);
    free(win);
    asr_picker_free(picker);
    free(r);
    return rc;
}

int asr_transcribe(struct asr_engine *eng, const struct asr_tok *tok, const struct asr_params *p,
                   const float *mel, int n_frames, int frames, const struct asr_sink *sink,
                   struct err *e)
{
    return transcribe(eng, tok, p, mel, n_frames, frames, sink, NULL, e);
}

int asr_transcribe_fed(struct asr_engine *eng, const struct asr_tok *tok,
                       const struct asr_params *p, const float *mel, int n_frames, int frames,
                       const struct asr_sink *sink, const int32_t *id, int n, struct err *e)
{
    struct asr_feed feed = {id, n, 0};
    return transcribe(eng, tok, p, mel, n_frames, frames, sink, &feed, e);
}
