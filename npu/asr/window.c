/* One window of sound to tokens.  Engine thread; allocates nothing. */
#include "npu/asr/window.h"

#include <math.h>
#include <string.h>

int asr_tail_repeat(const int32_t *id, int n)
{
    for (int p = 1; p <= 6; p++) {
        int same = 0; /* tokens at the end that equal those one period before */
        while (same + p < n && id[n - 1 - same] == id[n - 1 - same - p]) {
            same++;
        }
        if (same + p >= 12 && same >= 2 * p) {
            return same / p * p;
        }
    }
    return 0;
}

double asr_tail_entropy(const int32_t *id, int n)
{
    int from = n > 32 ? n - 32 : 0;
    double h = 0;
    for (int i = from; i < n; i++) {
        int count = 0, earlier = 0;
        for (int j = from; j < n; j++) {
            count += id[j] == id[i];
            earlier += j < i && id[j] == id[i];
        }
        if (!earlier) {
            double p = (double)count / (n - from);
            h -= p * log(p);
        }
    }
    return h;
}

/* Where the tokens without stamps repeat; stamps differ from round to round and hide it. */
static int repeats(const struct asr_try *t, int32_t beg)
{
    int32_t text[ASR_MAX_STEPS];
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        if (t->id[i] < beg) {
            text[n++] = t->id[i];
        }
    }
    return asr_tail_repeat(text, n);
}

/* Takes the repeated rounds off the end, stamps among them included. */
static void cut_repeats(struct asr_try *t, int off, int32_t beg)
{
    int n = t->n;
    while (n > 0 && off > 0) {
        n--;
        off -= t->id[n] < beg;
    }
    t->n = n;
    t->kept = t->kept < n ? t->kept : n;
}

enum step { GO_ON, STOP };

struct state {
    bool has_ts;
    int seek, end, limit;
};

/* What the newest token means for the window: whisper.cpp's rules, in its order. */
static enum step judge(const struct asr_desk *d, const struct asr_rules *r, struct state *s,
                       struct asr_try *t)
{
    const struct asr_special *sp = asr_tok_special(d->tok);
    int i = t->n - 1;
    int32_t id = t->id[i];
    if (id > sp->beg) {
        int delta = 2 * (id - sp->beg);
        if (s->has_ts && t->advance > delta && t->kept < i) {
            t->failed = true; /* back in time */
            return STOP;
        }
        t->advance = delta;
        t->kept = i + 1;
        s->has_ts = true;
    }
    bool at_end = s->seek + t->advance + ASR_TAIL >= s->end;
    if (id == sp->eot || (s->has_ts && at_end)) {
        if (t->kept == 0 && !r->no_timestamps) {
            /* A vocabulary that may begin with the end says so of silence. */
            if (!at_end && !(i == 0 && !r->suppress_blank)) {
                t->failed = true;
                return STOP;
            }
            t->kept = i + 1;
        }
        if (r->no_timestamps) {
            t->kept = i + 1;
            t->advance = ASR_WINDOW;
        }
        t->completed = true;
        return STOP;
    }
    if (i == s->limit - 1 && (t->kept == 0 || t->advance < ASR_WINDOW / 2)) {
        t->failed = true; /* the budget is used up and hardly a stamp: a loop */
        return STOP;
    }
    return GO_ON;
}

static void score(struct asr_try *t)
{
    int n = t->kept ? t->kept : t->n;
    double sum = 0;
    t->deliver = t->failed ? t->n : t->kept;
    for (int i = 0; i < n; i++) {
        sum += t->tok[i].logp;
    }
    t->avg_logp = n ? sum / n : 0;
    t->entropy = asr_tail_entropy(t->id, t->kept);
}

/* Returns false when the tokens to be fed are used up. */
static bool push(struct asr_try *t, const struct asr_pick *p, struct asr_feed *feed)
{
    int32_t id = p->id;
    if (feed) {
        if (feed->at >= feed->n) {
            return false;
        }
        id = feed->id[feed->at++];
    }
    t->pick[t->n] = *p;
    t->id[t->n] = id;
    t->tok[t->n] = (struct asr_token){id, p->logp, -1, -1};
    t->n++;
    return true;
}

int asr_window_decode(const struct asr_desk *d, const struct asr_rules *rules,
                      const int32_t *prompt, int n, int sot, int seek, int end, struct asr_try *t,
                      struct err *e)
{
    const struct asr_special *sp = asr_tok_special(d->tok);
    const int text_ctx = asr_engine_hp(d->eng)->n_text_ctx;
    struct state s = {false, seek, end, text_ctx / 2 - 4};
    int past = n, row = n - 1, rows = n - sot;
    t->n = t->kept = 0;
    t->failed = t->completed = t->looped = t->cancelled = false;
    t->advance = ASR_WINDOW;
    if (s.limit > ASR_MAX_STEPS) {
        s.limit = ASR_MAX_STEPS;
    }
    if (s.limit > text_ctx - n) {
        s.limit = text_ctx - n;
    }
    int rc = asr_decode(d->eng, prompt, n, 0, rows, e);
    if (rc < 0) {
        return rc;
    }
    t->nosp = asr_nospeech(d->tok, asr_row(d->eng, 0));
    if (d->align) {
        asr_align_begin(d->align, asr_enc_ctx(d->eng));
    }
    for (int i = 0; i < s.limit; i++) {
        struct asr_pick p = asr_picker_step(d->picker, rules, asr_row(d->eng, rows - 1), t->id, t->n, s.has_ts,
                                            t->advance);
        if (!push(t, &p, d->feed)) {
            t->cancelled = true;
            break;
        }
        if (d->align) {
            asr_align_take(d->align, d->eng, row);
        }
        if (judge(d, rules, &s, t) == STOP || i == s.limit - 1) {
            break;
        }
        int off = d->guard ? repeats(t, sp->beg) : 0;
        if (off) {
            cut_repeats(t, off, sp->beg);
            t->failed = t->looped = true;
            break;
        }
        if (d->cancel && atomic_load_explicit(d->cancel, memory_order_relaxed)) {
            t->cancelled = true;
            break;
        }
        rc = asr_decode(d->eng, &t->id[t->n - 1], 1, past++, 1, e);
        if (rc < 0) {
            return rc;
        }
        row = 0;
        rows = 1;
    }
    score(t);
    return 0;
}
