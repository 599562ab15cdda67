/* See lines.h. */
#include "app/lines.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CUE_S = 6, CUE_BYTES = 84 };

void lines_init(struct lines *l, struct out *out, bool cues)
{
    *l = (struct lines){.out = out, .cues = cues};
}

void lines_free(struct lines *l)
{
    free(l->word);
    free(l->view);
    memset(l, 0, sizeof *l);
}

struct out_word lines_word(const struct asr_word *w)
{
    return (struct out_word){
        .text = w->text,
        .t0 = (double)w->t0,
        .t1 = (double)w->t1,
        .p = w->lost ? (double)NAN : (double)w->p,
        .glue = w->glue,
        .doubt = w->doubt,
        .lost = w->lost,
        .live = true,
        .shown_s = (double)w->shown_s,
        .settled_s = (double)w->settled_s,
    };
}

static bool grow(struct lines *l)
{
    if (l->n < l->cap) {
        return true;
    }
    int cap = l->cap ? 2 * l->cap : 64;
    struct asr_word *w = realloc(l->word, (size_t)cap * sizeof *w);
    if (w) {
        l->word = w;
    }
    struct out_word *v = realloc(l->view, (size_t)cap * sizeof *v);
    if (v) {
        l->view = v;
    }
    if (!w || !v) {
        return false;
    }
    l->cap = cap;
    return true;
}

/* "Mr." and "J." end no sentence; "3." may, and is taken to. */
static bool ends_sentence(const char *w)
{
    static const char *const abbr[] = {"Mr.", "Mrs.", "Ms.", "Dr.", "St.", "vs.", "e.g.", "i.e."};
    size_t n = strlen(w);
    while (n && strchr("\"')]", w[n - 1])) {
        n--;
    }
    if (!n || !strchr(".?!", w[n - 1])) {
        return false;
    }
    for (size_t i = 0; i < sizeof abbr / sizeof *abbr; i++) {
        if (!strcasecmp(w, abbr[i])) {
            return false;
        }
    }
    return !(n == 2 && isupper((unsigned char)w[0]) && w[0] != 'I');
}

/* Puts out the first n words. */
static void put(struct lines *l, int n, double at_s)
{
    struct jsonw text;
    double sum = 0;
    int said = 0;
    jsonw_init(&text);
    for (int i = 0; i < n; i++) {
        const struct asr_word *w = &l->word[i];
        jsonw_fmt(&text, "%s%s", i && !w->glue ? " " : "", w->text);
        l->view[i] = lines_word(w);
        if (w->lost) {
            continue;
        }
        sum += log(w->p > 0 ? (double)w->p : 1e-9);
        said++;
        l->words += !w->glue;
    }
    if (n && jsonw_ok(&text)) {
        struct out_segment s = {
            .t0 = (double)l->word[0].t0,
            .t1 = (double)l->word[n - 1].t1,
            .text = text.buf,
            .word = l->view,
            .n_word = n,
            .avg_logp = said ? sum / said : NAN,
            .nospeech = NAN,
            .at_s = at_s,
        };
        out_segment(l->out, &s);
        l->segments++;
    }
    jsonw_free(&text);
    l->n -= n;
    memmove(l->word, l->word + n, (size_t)l->n * sizeof *l->word);
}

/* How many of the words at the front make a line that is complete, 0: none yet. */
static int complete(const struct lines *l)
{
    size_t bytes = 0;
    for (int i = 0; i < l->n; i++) {
        bytes += strlen(l->word[i].text) + 1;
        if (ends_sentence(l->word[i].text) && !(i + 1 < l->n && l->word[i + 1].glue)) {
            return i + 1;
        }
        bool full = bytes > CUE_BYTES || l->word[i].t1 - l->word[0].t0 > CUE_S;
        if (l->cues && full && i && !l->word[i].glue) {
            return i;
        }
    }
    return 0;
}

void lines_utt(struct lines *l, const struct session_ev *ev)
{
    int n;
    if (ev->utt != l->utt) {
        lines_flush(l, ev->at_s);
        l->utt = ev->utt;
        l->taken = 0;
    }
    int settled = ev->final ? ev->n_word : ev->n_settled;
    for (; l->taken < settled && grow(l); l->taken++) {
        l->word[l->n++] = ev->word[l->taken];
    }
    while ((n = complete(l)) > 0) {
        put(l, n, ev->at_s);
    }
    if (ev->final) {
        lines_flush(l, ev->at_s);
    }
}

void lines_flush(struct lines *l, double at_s)
{
    if (l->n) {
        put(l, l->n, at_s);
    }
}
