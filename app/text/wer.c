/* See wer.h.  Levenshtein distance over two rows, each cell carrying the counts of its path, so
 * that memory is linear; time is the product of the lengths.  Pure; any thread. */
#include "app/text/wer.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/text/buf.h"

/* Texts as numbers: equal numbers are equal words or characters. */
struct seq {
    uint64_t *v;
    size_t n;
};

struct cell {
    size_t sub, ins, del;
};

static size_t cost(const struct cell *c)
{
    return c->sub + c->ins + c->del;
}

/* 64-bit FNV-1a: two words of one text pair colliding is out of the question in practice. */
static uint64_t hash(const char *s, size_t len)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    }
    return h;
}

static int seq_of(const char *s, int by_word, struct seq *q)
{
    size_t len = strlen(s);
    q->n = 0;
    q->v = malloc((len + 1) * sizeof *q->v);
    if (!q->v) {
        return -1;
    }
    for (size_t i = 0; i < len;) {
        if (by_word) {
            size_t n = strcspn(s + i, " ");
            if (n) {
                q->v[q->n++] = hash(s + i, n);
            }
            i += n + 1;
        } else {
            int32_t cp;
            i += text_char(s + i, len - i, &cp);
            q->v[q->n++] = (uint64_t)(uint32_t)cp;
        }
    }
    return 0;
}

static void row(const struct seq *hyp, uint64_t r, const struct cell *up, struct cell *cur)
{
    cur[0] = up[0];
    cur[0].del++;
    for (size_t j = 0; j < hyp->n; j++) {
        struct cell best = up[j];
        if (r != hyp->v[j]) {
            best.sub++;
            if (cost(&up[j + 1]) + 1 < cost(&best)) {
                best = up[j + 1];
                best.del++;
            }
            if (cost(&cur[j]) + 1 < cost(&best)) {
                best = cur[j];
                best.ins++;
            }
        }
        cur[j + 1] = best;
    }
}

static int distance(const char *ref, const char *hyp, int by_word, struct text_errors *e)
{
    struct seq r = {0}, h = {0};
    struct cell *up = NULL, *cur = NULL;
    int rc = -1;
    memset(e, 0, sizeof *e);
    if (seq_of(ref, by_word, &r) < 0 || seq_of(hyp, by_word, &h) < 0) {
        goto out;
    }
    up = calloc(h.n + 1, sizeof *up);
    cur = calloc(h.n + 1, sizeof *cur);
    if (!up || !cur) {
        goto out;
    }
    for (size_t j = 0; j <= h.n; j++) {
        up[j].ins = j;
    }
    for (size_t i = 0; i < r.n; i++) {
        row(&h, r.v[i], up, cur);
        struct cell *t = up;
        up = cur;
        cur = t;
    }
    e->sub = up[h.n].sub;
    e->ins = up[h.n].ins;
    e->del = up[h.n].del;
    e->n = r.n;
    rc = 0;
out:
    free(r.v);
    free(h.v);
    free(up);
    free(cur);
    return rc;
}

int text_wer(const char *ref, const char *hyp, struct text_errors *e)
{
    return distance(ref, hyp, 1, e);
}

int text_cer(const char *ref, const char *hyp, struct text_errors *e)
{
    return distance(ref, hyp, 0, e);
}

void text_errors_add(struct text_errors *sum, const struct text_errors *e)
{
    sum->sub += e->sub;
    sum->ins += e->ins;
    sum->del += e->del;
    sum->n += e->n;
}

size_t text_errors_count(const struct text_errors *e)
{
    return e->sub + e->ins + e->del;
}

double text_errors_rate(const struct text_errors *e)
{
    return e->n ? (double)text_errors_count(e) / (double)e->n : NAN;
}
