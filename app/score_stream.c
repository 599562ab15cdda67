/* See score_stream.h. */
#include "app/score_stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "app/cost.h"
#include "app/front.h"
#include "app/lag.h"
#include "app/score_pair.h"
#include "audio/src.h"
#include "npu/asr/live.h"

enum { PIECE = AUDIO_RATE / 50 }; /* samples a microphone gives at a time: 20 ms */
static const double GAP_S = 0.5;  /* who was silent for so long begins to speak */

/* One row under way. */
struct hearing {
    struct score_stream *sum;
    const struct asr_hparams *hp;
    const struct score_spoken *spoken;
    struct front *front;
    struct asr_live *live;
    struct lag lag;
    double now_s;     /* the clock */
    double charged_s; /* by passes of the present step */
    int64_t step_ns;  /* when it began */
    bool silence;
    struct score_word *word; /* final ones, n of cap */
    size_t n, cap;
    struct jsonw text;
    int rc;
};

static void figure_add(struct score_figure *f, double ms)
{
    if (!isfinite(ms)) {
        return;
    }
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 256;
        double *p = realloc(f->ms, cap * sizeof *p);
        if (!p) {
            f->lost = true;
            return;
        }
        f->ms = p;
        f->cap = cap;
    }
    f->ms[f->n++] = ms;
}

void score_stream_free(struct score_stream *s)
{
    free(s->first.ms);
    free(s->tentative.ms);
    free(s->settled.ms);
    free(s->final.ms);
    memset(s, 0, sizeof *s);
}

/* -- what asr_live asks ------------------------------------------------------------------------ */

static double on_cost(void *user, const struct asr_live_work *w)
{
    struct hearing *h = user;
    double s = cost_pass(h->hp, w);
    h->charged_s += s;
    return s;
}

static void on_mel(void *user, int64_t first, int n, int64_t norm0, int64_t norm1, float *out)
{
    struct hearing *h = user;
    front_mel(h->front, first, n, norm0, norm1, out);
}

static bool on_voice(void *user, int64_t frame)
{
    struct hearing *h = user;
    return front_voice(h->front, frame);
}

static double spent(const struct hearing *h)
{
    return h->sum->wall ? (double)(clk_ns() - h->step_ns) * 1e-9 : h->charged_s;
}

/* Joins entries to words and keeps them with their times. */
static void keep_words(struct hearing *h, const struct asr_utt *u)
{
    for (int i = 0; i < u->n_word && i < LAG_WORDS; i++) {
        const struct asr_word *w = &u->word[i];
        const struct lag_word *t = &h->lag.word[i];
        jsonw_fmt(&h->text, "%s%s", h->text.len && !w->glue ? " " : "", w->text);
        if (w->glue && h->n) { /* as late as its last piece */
            struct score_word *k = &h->word[h->n - 1];
            k->shown = fmax(k->shown, t->shown);
            k->settled = fmax(k->settled, t->settled);
            continue;
        }
        if (h->n == h->cap) {
            size_t cap = h->cap ? 2 * h->cap : 256;
            struct score_word *p = realloc(h->word, cap * sizeof *p);
            if (!p) {
                h->rc = -ERR_MEM;
                return;
            }
            h->word = p;
            h->cap = cap;
        }
        struct score_word *k = &h->word[h->n++];
        memcpy(k->text, w->text, sizeof k->text);
        k->shown = t->shown;
        k->settled = t->settled;
        h->sum->noise_words += h->silence;
    }
}

/* When the speaker began what became utterance u; NAN when nobody did, or went on from before. */
static double onset(const struct hearing *h, const struct asr_utt *u)
{
    const struct score_spoken *s = h->spoken;
    double before = -INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        if (isnan(s->end[i])) {
            continue;
        }
        if (s->end[i] > u->voice0) {
            double at = s->start && !isnan(s->start[i]) ? s->start[i] : u->voice0;
            return at - before >= GAP_S && at < u->heard ? at : (double)NAN;
        }
        before = s->end[i];
    }
    return (double)NAN;
}

static void explain(const struct asr_utt *u, double at)
{
    fprintf(stderr, "%9.3f  utt %u pass %d heard %.2f%s ", at, u->id, u->pass, u->heard,
            u->final ? " final:" : ":");
    for (int i = 0; i < u->n_word; i++) {
        fprintf(stderr, "%s%s%s", i == u->n_settled ? " |" : "", u->word[i].glue ? "" : " ",
                u->word[i].text);
    }
    fprintf(stderr, "\n");
}

static void on_utt(void *user, const struct asr_utt *u)
{
    struct hearing *h = user;
    double at = h->now_s + spent(h);
    if (h->sum->explain) {
        explain(u, at);
    }
    lag_utt(&h->lag, u->id, u->word, u->n_word, u->n_settled, u->final, at);
    if (u->final) {
        figure_add(&h->sum->first, 1e3 * (h->lag.first_s - onset(h, u)));
        figure_add(&h->sum->final, 1e3 * (at - u->heard));
        keep_words(h, u);
    }
}

/* -- the clock --------------------------------------------------------------------------------- */

/* Gives the recogniser its turn; the clock goes on by what it cost.  As asr_live_step. */
static int turn(struct hearing *h, bool end, struct err *e)
{
    struct asr_live_io io = {.user = h, .mel = on_mel, .voice = on_voice, .utt = on_utt};
    int64_t keep = 0;
    h->step_ns = clk_ns();
    h->charged_s = 0;
    int rc = asr_live_step(h->live, &io, front_have(h->front), end, &keep, e);
    double s = spent(h);
    if (rc >= 0) {
        h->now_s += s;
        h->sum->work_s += s;
        h->sum->passes += (uint64_t)rc;
        front_drop(h->front, keep);
        rc = h->rc ? err_set(e, ERR_MEM, "no memory for the words") : rc;
    }
    return rc;
}

/* Takes the sound that has come by now. */
static int take(struct hearing *h, const float *x, int64_t n, int64_t *at, struct err *e)
{
    int64_t come = (int64_t)(h->now_s * AUDIO_RATE / PIECE + 1e-6) * PIECE;
    come = come < n ? come : n;
    int64_t t = clk_ns(), k = come - *at;
    if (k <= 0) {
        return 0;
    }
    int rc = front_push(h->front, x + *at, (int)k, e);
    *at = come;
    double s =
        h->sum->wall ? (double)(clk_ns() - t) * 1e-9 : (double)k / AUDIO_RATE * cost_front();
    h->now_s += s;
    h->sum->work_s += s;
    return rc;
}

static int hear(struct hearing *h, const float *x, int64_t n, struct err *e)
{
    int64_t at = 0;
    int rc = 0;
    while (rc >= 0 && at < n) {
        rc = take(h, x, n, &at, e);
        if (rc >= 0 && at < n) {
            rc = turn(h, false, e);
        }
        if (rc == 0 && at < n) { /* nothing to do: until the next piece comes */
            h->now_s = (floor(h->now_s * AUDIO_RATE / PIECE + 1e-6) + 1) * PIECE / AUDIO_RATE;
        }
    }
    rc = rc < 0 ? rc : front_finish(h->front, e);
    do {
        rc = rc < 0 ? rc : turn(h, true, e);
    } while (rc > 0);
    return rc;
}

static void latencies(struct hearing *h)
{
    const struct score_spoken *s = h->spoken;
    int *pair = s->n ? malloc(s->n * sizeof *pair) : NULL;
    if (!pair || score_pair(s->word, s->n, h->word, h->n, pair) < 0) {
        h->rc = s->n ? -ERR_MEM : h->rc;
        free(pair);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (pair[i] >= 0) {
            figure_add(&h->sum->tentative, 1e3 * (h->word[pair[i]].shown - s->end[i]));
            figure_add(&h->sum->settled, 1e3 * (h->word[pair[i]].settled - s->end[i]));
        }
    }
    free(pair);
}

int score_stream_row(struct score_stream *s, struct app_setup *setup, const struct asr_params *p,
                     const float *x, int64_t n, const struct score_spoken *spoken, bool silence,
                     char **text, struct err *e)
{
    struct asr_live_opts o = asr_live_opts_default();
    struct hearing *h = calloc(1, sizeof *h);
    *text = NULL;
    if (!h) {
        return err_set(e, ERR_MEM, "no memory for a stream");
    }
    int64_t cpu = clk_cpu_ns();
    h->sum = s;
    h->hp = asr_model_hp(setup->model);
    h->spoken = spoken;
    h->silence = silence;
    lag_init(&h->lag);
    jsonw_init(&h->text);
    o.params = *p;
    app_setup_fit(setup, &o.params);
    o.cost = s->wall ? NULL : on_cost;
    o.cost_user = h;
    int rc = front_new(&h->front, h->hp->n_mels, asr_model_filters(setup->model), e);
    rc = rc ? rc : asr_live_new(&h->live, setup->eng, setup->tok, &o, e);
    rc = rc ? rc : hear(h, x, n, e);
    if (rc >= 0) {
        latencies(h);
        s->audio_s += (double)n / AUDIO_RATE;
        s->noise_s += silence ? (double)n / AUDIO_RATE : 0;
        s->words += h->lag.words;
        s->taken_back += h->lag.taken_back;
        s->retractions += h->lag.retractions;
        s->cpu_s += (double)(clk_cpu_ns() - cpu) * 1e-9;
        jsonw_raw(&h->text, "", 0);
        *text = jsonw_ok(&h->text) && !h->rc ? strdup(h->text.buf) : NULL;
        rc = *text ? 0 : err_set(e, ERR_MEM, "no memory for the words");
    }
    asr_live_free(h->live);
    front_free(h->front);
    jsonw_free(&h->text);
    free(h->word);
    free(h);
    return rc;
}
