/* See doc.h. */
#include "ui/doc.h"

#include <stdlib.h>
#include <string.h>

#include "ui/utf.h"

/* The tail gets two rows at most, so that guesses never push settled text off a small screen: what
 * is more is cut at its left, at a word. */
static uint32_t tail_from(const struct ui_text *t, int width)
{
    int over = ui_width(t->tail, t->tail_b) - (2 * width - 4);
    uint32_t pos = 0, end = 0;
    struct ui_clu c;
    while (over > 0 && ui_clu_next(t->tail, t->tail_b, &pos, &c)) {
        over -= c.w;
        end = pos;
    }
    if (end == 0) {
        return 0;
    }
    for (uint32_t k = end; k < t->tail_b && k < end + 24; k++) {
        if (t->tail[k] == ' ') {
            return k;
        }
    }
    return end;
}

static bool put(struct ui_doc *d, const char *s, uint32_t n)
{
    if (d->buf_n + n > d->room) {
        uint32_t room = (d->buf_n + n) * 2 + 256;
        char *b = realloc(d->buf, room);
        if (!b) {
            return false; /* the tail is not shown; it will be once it has settled */
        }
        d->buf = b;
        d->room = room;
    }
    if (n) {
        memcpy(d->buf + d->buf_n, s, n);
    }
    d->buf_n += n;
    return true;
}

void ui_doc_set(struct ui_doc *d, const struct ui_text *t, int width, const char *ellipsis)
{
    d->t = t;
    d->width = width < 2 ? 2 : width;
    d->n = t ? t->npara : 0;
    d->buf_n = d->settled = 0;
    if (!t || !t->tail_b || !t->tail) {
        return;
    }
    bool alone = t->tail_new_para || !t->npara;
    if (alone) {
        d->n++;
    } else {
        const struct ui_para *p = &t->para[t->npara - 1];
        put(d, p->text, p->text ? p->len_b : 0);
    }
    uint32_t from = tail_from(t, d->width);
    d->settled = d->buf_n;
    if (from) {
        put(d, alone ? "" : " ", alone ? 0 : 1);
        d->settled = d->buf_n;
        put(d, ellipsis, (uint32_t)strlen(ellipsis));
    } else {
        while (from < t->tail_b && t->tail[from] == ' ') {
            from++; /* the space between is not part of the guess, and not underlined */
        }
        put(d, t->tail, from);
        d->settled = d->buf_n;
    }
    put(d, t->tail + from, t->tail_b - from);
}

void ui_doc_free(struct ui_doc *d)
{
    free(d->buf);
    memset(d, 0, sizeof *d);
}

struct ui_part_text ui_doc_part(const struct ui_doc *d, uint32_t i)
{
    struct ui_part_text r = {0};
    const struct ui_text *t = d->t;
    if (!t || i >= d->n) {
        return r;
    }
    if (i < t->npara) {
        const struct ui_para *p = &t->para[i];
        r = (struct ui_part_text){p->text, p->text ? p->len_b : 0, 0, p->id, p->t_us, p->kind};
        r.settled = r.n;
    } else {
        r.id = t->npara ? t->para[t->npara - 1].id + 1 : 0;
        r.t_us = t->tail_us;
    }
    if (i + 1 == d->n && d->buf_n) {
        r.s = d->buf;
        r.n = d->buf_n;
        r.settled = d->settled;
    }
    return r;
}

int ui_doc_lines(const struct ui_doc *d, uint32_t i)
{
    struct ui_part_text p = ui_doc_part(d, i);
    struct ui_wrap w;
    struct ui_line l;
    int n = 0;
    ui_wrap_init(&w, p.s, p.n, d->width);
    while (ui_wrap_next(&w, &l)) {
        n++;
    }
    return n ? n : 1;
}

/* Rows of a paragraph with the blank one after it. */
static int height(const struct ui_doc *d, uint32_t i)
{
    return ui_doc_lines(d, i) + (i + 1 < d->n);
}

struct ui_at ui_doc_end(const struct ui_doc *d)
{
    struct ui_at at = {0, 0};
    if (d->n) {
        at.i = d->n - 1;
        at.r = height(d, at.i) - 1;
    }
    return at;
}

struct ui_at ui_doc_move(const struct ui_doc *d, struct ui_at at, int rows)
{
    if (!d->n) {
        return at;
    }
    at.r += rows;
    while (at.r < 0) {
        if (at.i == 0) {
            at.r = 0;
            break;
        }
        at.r += height(d, --at.i);
    }
    for (int h = height(d, at.i); at.r >= h; h = height(d, at.i)) {
        if (at.i + 1 >= d->n) {
            at.r = h - 1;
            break;
        }
        at.r -= h;
        at.i++;
    }
    return at;
}

struct ui_at ui_doc_find(const struct ui_doc *d, struct ui_mark m)
{
    struct ui_at at = {0, 0};
    uint32_t lo = 0, hi = d->n;
    while (lo < hi) { /* ids grow: the last paragraph whose id is not above m.id */
        uint32_t mid = lo + (hi - lo) / 2;
        if (ui_doc_part(d, mid).id <= m.id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == 0 || !d->n) {
        return at;
    }
    at.i = lo - 1;
    struct ui_part_text p = ui_doc_part(d, at.i);
    if (p.id != m.id) {
        return at;
    }
    struct ui_wrap w;
    struct ui_line l;
    int r = 0;
    ui_wrap_init(&w, p.s, p.n, d->width);
    while (ui_wrap_next(&w, &l) && m.off >= w.pos && w.pos < w.n) {
        r++;
    }
    at.r = m.off == UINT32_MAX ? height(d, at.i) - 1 : r;
    return at;
}

struct ui_mark ui_doc_mark(const struct ui_doc *d, struct ui_at at)
{
    struct ui_part_text p = ui_doc_part(d, at.i);
    struct ui_mark m = {p.id, UINT32_MAX};
    struct ui_wrap w;
    struct ui_line l;
    ui_wrap_init(&w, p.s, p.n, d->width);
    for (int r = 0; ui_wrap_next(&w, &l); r++) {
        if (r == at.r) {
            m.off = l.off;
            break;
        }
    }
    return m;
}

int ui_doc_rows(const struct ui_doc *d, struct ui_at a, struct ui_at b, int max)
{
    int n = b.r - a.r;
    for (uint32_t i = a.i; i < b.i && n < max + a.r + b.r; i++) {
        n += height(d, i);
    }
    return n < max ? n : max;
}
