/* See words.h. */
#include "app/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int words_make(struct words *w, const struct asr_tok *tok, const struct asr_segment *s, double t_s)
{
    size_t bytes = 0, len, at = 0;
    memset(w, 0, sizeof *w);
    for (int i = 0; i < s->n_tok; i++) {
        if (asr_tok_bytes(tok, s->tok[i].id, &len)) {
            bytes += len;
        }
    }
    if (!bytes) {
        return 0;
    }
    w->word = calloc((size_t)s->n_tok, sizeof *w->word);
    w->pool = malloc(bytes + (size_t)s->n_tok);
    if (!w->word || !w->pool) {
        words_free(w);
        return -ERR_MEM;
    }
    for (int i = 0; i < s->n_tok; i++) {
        const struct asr_token *t = &s->tok[i];
        const char *b = asr_tok_bytes(tok, t->id, &len);
        if (!b || !len) {
            continue;
        }
        double p = exp((double)t->logp);
        bool first = b[0] == ' ' || !w->n;
        if (first) {
            if (w->n) {
                w->pool[at++] = 0;
            }
            struct out_word *o = &w->word[w->n++];
            o->text = w->pool + at;
            o->t0 = o->t1 = NAN;
            o->p = p;
            if (b[0] == ' ') {
                b++;
                len--;
            }
        }
        memcpy(w->pool + at, b, len);
        at += len;
        struct out_word *o = &w->word[w->n - 1];
        if (t->t0 >= 0) {
            o->t0 = isnan(o->t0) ? t->t0 + t_s : o->t0;
            o->t1 = t->t1 + t_s;
        }
        o->p = p < o->p ? p : o->p;
    }
    w->pool[at] = 0;
    return 0;
}

void words_free(struct words *w)
{
    free(w->word);
    free(w->pool);
    memset(w, 0, sizeof *w);
}

int words_count(const char *text)
{
    int n = 0;
    bool in = false;
    for (; *text; text++) {
        bool space = (unsigned char)*text <= ' ';
        n += !space && !in;
        in = !space;
    }
    return n;
}
