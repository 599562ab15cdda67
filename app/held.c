/* See held.h. */
#include "app/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/fmt.h"

struct held {
    struct held_text *v;
    int n, cap;
};

const char *held_why(enum asr_guard why)
{
    static const char *const name[] = {"silence", "no voice", "loop"};
    return (unsigned)why < sizeof name / sizeof *name ? name[why] : "?";
}

int held_new(struct held **h, struct err *e)
{
    *h = calloc(1, sizeof **h);
    return *h ? 0 : err_set(e, ERR_MEM, "no memory for texts held back");
}

void held_free(struct held *h)
{
    if (h) {
        for (int i = 0; i < h->n; i++) {
            free(h->v[i].text);
        }
        free(h->v);
        free(h);
    }
}

bool held_add(struct held *h, const struct session_ev *ev)
{
    if (h->n == h->cap) {
        int cap = h->cap ? 2 * h->cap : 32;
        struct held_text *v = realloc(h->v, (size_t)cap * sizeof(*v));
        if (!v) {
            return false;
        }
        h->v = v;
        h->cap = cap;
    }
    char *text = strdup(ev->text);
    if (text) {
        h->v[h->n++] = (struct held_text){ev->t0, ev->t1, ev->guard, ev->p, false, text};
    }
    return text != NULL;
}

void held_fill(const struct held *h, struct ui_view *v)
{
    v->held.n = (unsigned)(h->n < UI_ITEMS ? h->n : UI_ITEMS);
    v->held_all = 0;
    for (int i = 0; i < h->n; i++) {
        v->held_all += !h->v[i].back;
    }
    for (unsigned i = 0; i < v->held.n; i++) {
        const struct held_text *t = &h->v[h->n - 1 - (int)i];
        struct ui_item *it = &v->held.item[i];
        char clock[32];
        snprintf(it->text, sizeof it->text, "%.*s", (int)sizeof it->text - 1, t->text);
        snprintf(it->aside, sizeof it->aside, "%s  %s", fmt_clock(clock, sizeof clock, t->t0),
                 held_why(t->why));
        it->on = t->back;
    }
}

const struct held_text *held_take(struct held *h, int i)
{
    if (i < 0 || i >= h->n || h->v[h->n - 1 - i].back) {
        return NULL;
    }
    struct held_text *t = &h->v[h->n - 1 - i];
    t->back = true;
    return t;
}
