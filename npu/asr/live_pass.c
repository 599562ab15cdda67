/* One pass of live recognition: encode the utterance so far, decode after the settled words, decide
 * which more are settled.  Engine thread; allocates nothing.
 *
 * The guess of the pass before is a draft: one batched decoder pass checks all of it, and only what
 * differs or is new costs a step of its own. */
#include <math.h>
#include <string.h>

#include "npu/asr/live_impl.h"
#include "npu/asr/window.h"

enum {
    QUIET_ROOM = 65, /* positions of silence after the sound: 1.3 s, the cue that it ends */
    THR = 25,
    THR_END = 4,   /* frames (20 ms) before the end where the view is not whole */
    MAX_ROWS = 32, /* logits rows that one decoder pass may ask for */
    TRAIL = 100,   /* frames (10 ms) after the last voice where words are not believed */
};

void live_forget(struct asr_live *l)
{
    l->n_said = l->said_frame = l->n_prev = l->n_word = l->n_settled = 0;
    l->guess.n = l->guess.cut = 0;
    l->guess.ended = l->guess.looped = false;
    l->pass = 0;
    l->shown = false;
    l->look = 0;
    l->detected = false;
}

/* ---- prompt ------------------------------------------------------------------------------------
 */

static int build_prompt(struct asr_live *l, int32_t *p, int *sot)
{
    const struct asr_special *sp = l->sp;
    int n = 0;
    if (sp->prev >= 0 && l->n_prompt + l->n_context > 0) {
        p[n++] = sp->prev;
        memcpy(p + n, l->prompt, (size_t)l->n_prompt * sizeof *p);
        n += l->n_prompt;
        memcpy(p + n, l->context, (size_t)l->n_context * sizeof *p);
        n += l->n_context;
    }
    *sot = n;
    p[n++] = sp->sot;
    if (sp->multilingual) {
        p[n++] = sp->lang[l->language];
        p[n++] = l->o.params.translate && sp->translate >= 0 ? sp->translate : sp->transcribe;
    }
    p[n++] = sp->not_;
    return n;
}

/* Once per utterance, as soon as there is a second of it. */
static int find_language(struct asr_live *l, int content, struct err *e)
{
    if (!l->detect || l->detected) {
        return 0;
    }
    int rc = asr_decode(l->eng, &l->sp->sot, 1, 0, 1, e);
    if (rc == 0) {
        l->language = asr_language_of(l->tok, asr_logits(l->eng, 0));
        l->detected = content >= 50;
    }
    return rc;
}

/* ---- decoding ----------------------------------------------------------------------------------
 */

struct turn {
    struct asr_live *l;
    struct asr_rules rules;
    int32_t token[LIVE_CONTEXT + LIVE_PROMPT + 8 + 2 * LIVE_TOKENS];
    int32_t text[2 * LIVE_TOKENS]; /* settled, then guessed: what the rules look at */
    int n_init, sot, budget;
};

/* Tokens that the sound not yet settled can hold. */
static int budget_of(const struct asr_live *l, int content)
{
    /* Fast speech has 5 words a second; a word has 1.3 tokens, of a small vocabulary 3. */
    float rate = asr_tok_is_openai(l->tok) ? 7.0f : 15.0f;
    float open_s = (float)(content - l->said_frame) * 0.02f;
    int n = 8 + (int)ceilf(rate * (open_s > 0 ? open_s : 0));
    int room = LIVE_TOKENS - 1 - l->n_said;
    return n < room ? n : room;
}

static void guess_add(struct turn *t, const struct asr_pick *p)
{
    struct live_guess *g = &t->l->guess;
    g->id[g->n] = p->id;
    g->logp[g->n] = p->logp;
    t->text[t->l->n_said + g->n] = p->id;
    g->n++;
}

/* Picks after what is said so far; false when the guess ends here. */
static bool choose(struct turn *t, const float *logits, struct asr_pick *p)
{
    struct live_guess *g = &t->l->guess;
    *p = asr_picker_step(t->l->picker, &t->rules, logits, t->text, t->l->n_said + g->n, false, 0);
    if (p->id >= t->l->sp->eot) {
        g->ended = true;
        return false;
    }
    guess_add(t, p);
    int off = asr_tail_repeat(g->id, g->n);
    if (off) {
        g->n -= off;
        g->cut = off;
        g->looped = true;
        return false;
    }
    return g->n < t->budget;
}

/* The prompt, the settled tokens and the draft in one pass; then as much of the draft as holds.
 * Returns 1 when the guess goes on after it. */
static int check_draft(struct turn *t, const int32_t *draft, int n_draft, struct err *e)
{
    struct asr_live *l = t->l;
    struct asr_pick p;
    int base = t->n_init + l->n_said, n = base;
    memcpy(t->token + t->n_init, l->said, (size_t)l->n_said * sizeof *t->token);
    memcpy(t->token + base, draft, (size_t)n_draft * sizeof *t->token);
    n += n_draft;
    /* Where nothing is settled, the row of start-of-transcript tells silence from speech. */
    int before =
        l->n_said == 0 && n_draft + t->n_init - t->sot <= MAX_ROWS ? t->n_init - t->sot - 1 : 0;
    int rc = asr_decode(l->eng, t->token, n, 0, n_draft + 1 + before, e);
    if (rc < 0) {
        return rc;
    }
    l->guess.nosp = l->n_said == 0 ? asr_nospeech(l->tok, asr_logits(l->eng, 0)) : -1;
    l->work.batch = n;
    asr_align_begin(l->align, asr_enc_ctx(l->eng));
    for (int i = 0; i < l->n_said; i++) {
        asr_align_take(l->align, l->eng, t->n_init - 1 + i);
    }
    for (int i = 0; i <= n_draft; i++) {
        asr_align_take(l->align, l->eng, base - 1 + i);
        if (!choose(t, asr_logits(l->eng, before + i), &p)) {
            return 0;
        }
        if (i < n_draft && p.id != draft[i]) {
            break;
        }
    }
    return 1;
}

static int decode(struct turn *t, struct err *e)
{
    struct asr_live *l = t->l;
    struct live_guess *g = &l->guess;
    int32_t draft[MAX_ROWS];
    struct asr_pick p;
    int n_draft = g->n < MAX_ROWS - 1 ? g->n : MAX_ROWS - 1;
    int text_ctx = asr_engine_hp(l->eng)->n_text_ctx;
    n_draft = n_draft < t->budget - 1 ? n_draft : t->budget - 1;
    n_draft = n_draft > 0 ? n_draft : 0;
    memcpy(draft, g->id, (size_t)n_draft * sizeof *draft);
    memcpy(t->text, l->said, (size_t)l->n_said * sizeof *t->text);
    g->n = g->cut = 0;
    g->ended = g->looped = false;
    int rc = check_draft(t, draft, n_draft, e);
    while (rc > 0) {
        int past = t->n_init + l->n_said + g->n - 1;
        if (past + 1 >= text_ctx) {
            break;
        }
        rc = asr_decode(l->eng, &g->id[g->n - 1], 1, past, 1, e);
        if (rc < 0) {
            return rc;
        }
        l->work.steps++;
        asr_align_take(l->align, l->eng, 0);
        rc = choose(t, asr_logits(l->eng, 0), &p);
    }
    return rc < 0 ? rc : 0;
}

/* ---- words -------------------------------------------------------------------------------------
 */

static void find_frames(struct asr_live *l, int content)
{
    int16_t frame[2 * LIVE_TOKENS + 1];
    float trust[2 * LIVE_TOKENS + 1];
    struct live_guess *g = &l->guess;
    asr_align_path(l->align, content, frame, trust);
    int rows = asr_align_rows(l->align);
    for (int i = 0; i <= g->n; i++) {
        int r = l->n_said + i;
        /* A row for the end is missing where the budget cut the guess off. */
        g->frame[i] = r < rows ? frame[r] : (int16_t)(content - 1);
        g->trust[i] = r < rows ? trust[r] : 0;
    }
}

static void describe(const struct asr_live *l, const struct asr_span *s, struct asr_guess *w)
{
    const struct live_guess *g = &l->guess;
    struct asr_word text;
    int end = s->first + s->count;
    w->text[0] = 0;
    if (asr_words_text(l->tok, g->id, s, &text, 1)) {
        strcpy(w->text, text.text);
    }
    w->frame = 0;
    w->trust = 0;
    for (int i = s->first; i < end; i++) {
        w->frame = g->frame[i] > w->frame ? g->frame[i] : w->frame;
        w->trust += g->trust[i] / (float)s->count;
    }
    w->next = end < g->n || g->ended ? g->frame[end] : -1;
}

/* Appends the entries of a word. */
static void add_word(struct asr_live *l, const struct asr_span *s, bool settled)
{
    const struct live_guess *g = &l->guess;
    struct asr_word *w = l->word + l->n_word;
    int end = s->first + s->count;
    int n = asr_words_text(l->tok, g->id, s, w, LIVE_WORDS - l->n_word);
    double start = (double)l->u0 * 0.01;
    float p = 0;
    for (int i = s->first; i < end; i++) {
        p = g->logp[i] < p ? g->logp[i] : p;
    }
    double t0 = start + g->frame[s->first] * 0.02, t1 = start + g->frame[end - 1] * 0.02 + 0.3;
    double next = start + g->frame[end] * 0.02;
    t1 = next > t0 + 0.04 && next < t1 ? next : t1;
    for (int i = 0; i < n; i++) {
        w[i].t0 = (float)t0;
        w[i].t1 = (float)t1;
        w[i].p = expf(p);
        w[i].settled = settled;
        if (i == 0 && l->n_word == 0) {
            w[i].glue = false;
        }
    }
    l->n_word += n;
}

/* The first n of the spans become settled: their tokens move to those said, the rest moves up. */
static void settle(struct asr_live *l, const struct asr_span *span, int spans, int n)
{
    struct live_guess *g = &l->guess;
    l->n_word = l->n_settled;
    for (int i = 0; i < spans; i++) {
        add_word(l, &span[i], i < n);
        if (i + 1 == n) {
            l->n_settled = l->n_word;
        }
    }
    int tokens = n ? span[n - 1].first + span[n - 1].count : 0;
    if (tokens) {
        memcpy(l->said + l->n_said, g->id, (size_t)tokens * sizeof *l->said);
        l->n_said += tokens;
        l->said_frame = g->frame[tokens - 1];
        g->n -= tokens;
        memmove(g->id, g->id + tokens, (size_t)(g->n + g->cut) * sizeof *g->id);
        memmove(g->logp, g->logp + tokens, (size_t)(g->n + g->cut) * sizeof *g->logp);
        memmove(g->frame, g->frame + tokens, (size_t)(g->n + 1) * sizeof *g->frame);
        memmove(g->trust, g->trust + tokens, (size_t)(g->n + 1) * sizeof *g->trust);
    }
}

/* Words well after the last voice are not in the sound.  *why: what held back the rest. */
static int believed(const struct asr_live *l, const struct asr_span *span, int spans,
                    enum asr_guard *why)
{
    const struct live_guess *g = &l->guess;
    int64_t end = l->ep.voiced_last - l->u0 + TRAIL;
    double sum = 0;
    for (int i = 0; i < g->n; i++) {
        sum += (double)g->logp[i];
    }
    if (l->n_said == 0 && g->n && g->nosp > l->o.params.nospeech_thold &&
        sum / g->n < (double)l->o.params.logprob_thold) {
        *why = ASR_GUARD_SILENCE;
        return 0;
    }
    *why = ASR_GUARD_VOICE;
    while (spans > 0 && 2 * g->frame[span[spans - 1].first] > end &&
           g->trust[span[spans - 1].first] > 1) {
        spans--;
    }
    return spans;
}

static int split(const struct asr_live *l, struct asr_span *span)
{
    bool by_char = l->sp->multilingual && asr_words_by_char(l->language);
    return asr_words_split(l->tok, l->guess.id, l->guess.n, by_char, span, LIVE_WORDS);
}

/* Tells n tokens of the guess from `first` on as held back. */
static void hold(const struct asr_live *l, const struct asr_live_io *io, enum asr_guard why,
                 int first, int n)
{
    const struct live_guess *g = &l->guess;
    const struct asr_span all = {.first = first, .count = n};
    struct asr_word piece[LIVE_TOKENS / 4];
    char text[sizeof piece];
    int at = g->frame[first < g->n ? first : g->n], end = g->frame[g->n];
    size_t len = 0;
    double sum = 0;
    if (!io->held || n <= 0) {
        return;
    }
    int k = asr_words_text(l->tok, g->id, &all, piece, LIVE_TOKENS / 4);
    for (int i = 0; i < k; i++) {
        size_t m = strlen(piece[i].text);
        memcpy(text + len, piece[i].text, m);
        len += m;
    }
    text[len] = 0;
    for (int i = first; i < first + n; i++) {
        sum += (double)g->logp[i];
    }
    struct asr_held h = {
        .utt = l->id,
        .why = why,
        .t0 = (double)l->u0 * 0.01 + at * 0.02,
        .t1 = (double)l->u0 * 0.01 + (end > at ? end : at) * 0.02,
        .text = text,
        .p = (float)exp(sum / n),
    };
    if (len) {
        io->held(io->user, &h);
    }
}

void live_accept(struct asr_live *l, const struct asr_live_io *io)
{
    struct asr_span span[LIVE_WORDS];
    enum asr_guard why;
    int spans = split(l, span), n = believed(l, span, spans, &why);
    int kept = n ? span[n - 1].first + span[n - 1].count : 0;
    hold(l, io, why, kept, l->guess.n - kept);
    hold(l, io, ASR_GUARD_LOOP, l->guess.n, l->guess.cut);
    settle(l, span, n, n);
    l->guess.n = l->guess.cut = l->n_prev = 0;
}

static void take_guess(struct asr_live *l, int content)
{
    struct asr_span span[LIVE_WORDS];
    struct asr_guess now[LIVE_WORDS];
    int spans = split(l, span), n;
    for (int i = 0; i < spans; i++) {
        describe(l, &span[i], &now[i]);
    }
    n = asr_settle(now, spans, l->prev, l->n_prev, content, THR, (enum asr_settle_by)l->o.settle);
    settle(l, span, spans, n);
    l->n_prev = spans - n;
    memcpy(l->prev, now + n, (size_t)l->n_prev * sizeof *now);
}

int live_pass(struct asr_live *l, const struct asr_live_io *io, int64_t c1, bool last,
              struct err *e)
{
    struct turn t = {.l = l};
    int64_t frames = c1 - l->u0;
    frames = frames < l->most_frames ? frames : l->most_frames;
    int content = (int)(frames + 1) / 2, ctx = asr_rung(l->eng, content + QUIET_ROOM);
    int asked = l->o.params.audio_ctx;
    if (asked > ctx) {
        ctx = asked < l->most_frames / 2 ? asked : l->most_frames / 2;
    }
    content = content < ctx ? content : ctx;
    l->work = (struct asr_live_work){.ctx = ctx};
    io->mel(io->user, l->u0, 2 * ctx, l->u0, l->u0 + frames, l->mel);
    int rc = asr_encode(l->eng, l->mel, ctx, e);
    rc = rc < 0 ? rc : find_language(l, content, e);
    if (rc < 0) {
        return rc;
    }
    t.rules =
        (struct asr_rules){.no_timestamps = true, .suppress_blank = asr_tok_is_openai(l->tok)};
    t.n_init = build_prompt(l, t.token, &t.sot);
    t.budget = budget_of(l, content);
    rc = t.budget > 0 ? decode(&t, e) : 0;
    if (rc < 0) {
        return rc;
    }
    find_frames(l, content);
    l->passed = c1;
    l->pass++;
    if (last) {
        live_accept(l, io);
    } else {
        take_guess(l, content);
    }
    return 0;
}
