/* See out.h.  Main thread. */
#include "app/out.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/utf8.h"

void out_init(struct out *o, enum args_format f, out_put_fn put, out_put_fn say, void *user)
{
    static const struct out_ops *const ops[] = {&out_plain, &out_plain, &out_txt,
                                                &out_json,  &out_srt,   &out_vtt};
    *o = (struct out){.ops = ops[f], .put = put, .say = say, .user = user, .last = 0};
    o->stamps = o->ops == &out_plain;
    jsonw_init(&o->w);
}

void out_free(struct out *o)
{
    jsonw_free(&o->w);
}

static bool is_space(uint32_t c)
{
    return c <= ' ' || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029;
}

char *out_line(const char *text)
{
    size_t n = strlen(text), o = 0;
    char *line = malloc(3 * n + 1); /* a bad byte becomes three */
    bool gap = false;
    if (!line) {
        return NULL;
    }
    for (size_t i = 0; i < n;) {
        int len;
        char c[4];
        uint32_t u = utf8_next(text + i, n - i, &len);
        i += (size_t)len;
        if (is_space(u)) {
            gap = o > 0;
            continue;
        }
        if (gap) {
            line[o++] = ' ';
            gap = false;
        }
        int k = utf8_put(c, u);
        memcpy(line + o, c, (size_t)k);
        o += (size_t)k;
    }
    line[o] = 0;
    return line;
}

void out_start(struct out *o, const struct out_start *s)
{
    if (o->ops->start) {
        o->ops->start(o, s);
    }
}

void out_update(struct out *o, const struct out_update *u)
{
    if (o->ops->update) {
        o->ops->update(o, u);
    }
}

void out_segment(struct out *o, const struct out_segment *s)
{
    struct out_segment clean = *s;
    char *line = out_line(s->text);
    if (line && *line) {
        clean.text = line;
        o->ops->segment(o, &clean);
    }
    free(line);
}

void out_note(struct out *o, enum out_level level, const char *state, const char *fmt, ...)
{
    char text[512], line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (o->quiet && level == OUT_NOTE) {
        return;
    }
    if (o->ops->note) {
        o->ops->note(o, level, state, text);
        return;
    }
    char *clean = out_line(text);
    int n = snprintf(line, sizeof line, "%s: %s\n", level == OUT_NOTE ? "note" : "warning",
                     clean ? clean : "?");
    free(clean);
    if (o->say && n > 0) {
        o->say(o->user, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    }
}

void out_gap(struct out *o, const struct out_gap *g)
{
    if (o->ops->gap) {
        o->ops->gap(o, g);
    }
}

void out_mark(struct out *o, const struct out_gap *g)
{
    if (o->ops->mark) {
        o->ops->mark(o, g);
    }
}

void out_held(struct out *o, const struct out_held *h)
{
    if (o->ops->held) {
        o->ops->held(o, h);
    }
}

/* For formats of text: a line, a cue of its own. */
void out_mark_line(struct out *o, const struct out_gap *g)
{
    struct out_segment s = {.t0 = g->t0,
                            .t1 = g->t1,
                            .text = g->text,
                            .avg_logp = NAN,
                            .nospeech = NAN,
                            .at_s = g->at_s};
    out_segment(o, &s);
}

void out_end(struct out *o, const struct out_end *e)
{
    if (o->ops->end) {
        o->ops->end(o, e);
    }
}
