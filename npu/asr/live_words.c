/* What live recognition makes of a guess: words with times and confidence, which of them settle,
 * which are shown, which are held back because nobody speaks where they stand.  Engine thread;
 * allocates nothing. */
#include <math.h>
#include <string.h>

#include "npu/asr/live_impl.h"

enum {
    THR = 25,    /* frames (20 ms) before the end of the sound where the view is not whole */
    TRAIL = 100, /* frames (10 ms) after the last voice where words are not believed */
    EVIDENCE_BEFORE = 5, /* frames (20 ms) around the place where the decoder looks that count */
    EVIDENCE_AFTER = 10,
    /* So many words and tokens within so many frames (20 ms) are no speech. */
    STALL_WORDS = 3,
    STALL_TOKENS = 8,
    STALL_FRAMES = 2,
};

void live_find_frames(struct asr_live *l, int content)
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
    float p = 0;
    w->frame = 0;
    w->trust = 0;
    for (int i = s->first; i < end; i++) {
        w->frame = g->frame[i] > w->frame ? g->frame[i] : w->frame;
        w->trust += g->trust[i] / (float)s->count;
        p = g->logp[i] < p ? g->logp[i] : p;
    }
    w->p = expf(p);
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

/* Does anybody speak where the decoder looked for this word?  Where it did not look at one place
 * there is no saying. */
static bool has_voice(const struct asr_live *l, const struct asr_live_io *io,
                      const struct asr_span *s)
{
    const struct live_guess *g = &l->guess;
    int last = s->first + s->count - 1;
    int64_t from = l->u0 + 2 * (g->frame[s->first] - EVIDENCE_BEFORE);
    int64_t to = l->u0 + 2 * (g->frame[last] + EVIDENCE_AFTER);
    float trust = 0;
    for (int i = s->first; i <= last; i++) {
        trust += g->trust[i] / (float)s->count;
    }
    if (trust < 1) {
        return true;
    }
    from = from > l->u0 ? from : l->u0;
    to = to < l->ep.frame ? to : l->ep.frame;
    for (int64_t f = from; f < to; f++) {
        if (io->voice(io->user, f)) {
            return true;
        }
    }
    return from >= to;
}

/* Of the spans that are shown the first n become settled: their tokens move to those said, the rest
 * moves up. */
static void settle(struct asr_live *l, const struct asr_live_io *io, const struct asr_span *span,
                   int shown, int n)
{
    struct live_guess *g = &l->guess;
    l->n_word = l->n_settled;
    for (int i = 0; i < shown; i++) {
        if (has_voice(l, io, &span[i])) {
            add_word(l, &span[i], i < n);
        } else if (i < n) {
            hold(l, io, ASR_GUARD_VOICE, span[i].first, span[i].count);
        }
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

void live_accept(struct asr_live *l, const struct asr_live_io *io)
{
    struct asr_span span[LIVE_WORDS];
    enum asr_guard why;
    int spans = split(l, span), n = believed(l, span, spans, &why);
    int kept = n ? span[n - 1].first + span[n - 1].count : 0;
    hold(l, io, why, kept, l->guess.n - kept);
    hold(l, io, ASR_GUARD_LOOP, l->guess.n, l->guess.cut);
    settle(l, io, span, n, n);
    l->guess.n = l->guess.cut = l->n_prev = 0;
}

void live_take_guess(struct asr_live *l, const struct asr_live_io *io, int content)
{
    struct asr_span span[LIVE_WORDS];
    struct asr_guess now[LIVE_WORDS];
    int spans = split(l, span), n = 0;
    for (int i = 0; i < spans; i++) {
        describe(l, &span[i], &now[i]);
    }
    if (!l->guess.looped) { /* else nothing of it is sure */
        n = asr_settle(now, spans, l->prev, l->n_prev, content, THR,
                       (enum asr_settle_by)l->o.settle);
    }
    int shown = asr_show(now, spans, l->prev, l->n_prev, n, content, !l->shown);
    settle(l, io, span, shown, n);
    l->n_prev = spans - n;
    memcpy(l->prev, now + n, (size_t)l->n_prev * sizeof *now);
}

void live_cut_stall(struct asr_live *l)
{
    struct asr_span span[LIVE_WORDS];
    struct live_guess *g = &l->guess;
    int spans = split(l, span), from = 0; /* the first word of those at one place */
    float trust = 0;
    for (int i = 0; i < g->n; i++) {
        trust += g->trust[i] / (float)g->n;
    }
    for (int i = 1; i < spans && trust >= 1; i++) {
        int first = span[i].first, end = first + span[i].count;
        if (g->frame[first] - g->frame[span[from].first] > STALL_FRAMES) {
            from = i;
        } else if (i - from >= STALL_WORDS && end - span[from].first > STALL_TOKENS) {
            int at = span[from + 1].first; /* one of them may be said */
            g->cut += g->n - at;
            g->n = at;
            g->looped = true;
            g->ended = false;
            return;
        }
    }
}
