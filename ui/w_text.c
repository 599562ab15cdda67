/* The transcript: settled words, the underlined tail, time stamps, hits.  See paint.h. */
#include "ui/paint.h"

#include <string.h>

enum { TEXT_MAX = 80 }; /* cells: reading slows beyond this, however wide the window */

struct pen {
    const struct ui_paint *p;
    struct ui_box b;
    int indent;
    bool live; /* the cursor is drawn after the last word */
};

/* A hit's role for the byte at off, walking hits in step with the bytes. */
struct hits {
    uint32_t off, len; /* current or next hit, len 0: none left */
};

static void next_hit(const struct ui_model *m, const struct ui_part_text *t, uint32_t from,
                     struct hits *h)
{
    if (!ui_find_next(&m->find, t->s, t->settled, from, &h->off, &h->len)) {
        h->len = 0;
    }
}

/* Is the byte at off of paragraph i in a doubtful word?  Few words are. */
static bool doubtful(const struct ui_text *t, uint32_t i, uint32_t off)
{
    uint32_t lo = 0, hi = t->ndoubt; /* the last one that begins at or before the place */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const struct ui_doubt *d = &t->doubt[mid];
        if (d->para < i || (d->para == i && d->off <= off)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo > 0 && t->doubt[lo - 1].para == i &&
           off < t->doubt[lo - 1].off + t->doubt[lo - 1].len;
}

static enum ui_role role_at(const struct pen *pen, const struct ui_part_text *t, uint32_t i,
                            uint32_t off, struct hits *h)
{
    const struct ui_model *m = pen->p->m;
    while (h->len && off >= h->off + h->len) {
        next_hit(m, t, h->off + h->len, h);
    }
    if (h->len && off >= h->off) {
        return m->hit.len && m->hit.para == i && m->hit.off == h->off ? UI_R_HIT_AT : UI_R_HIT;
    }
    if (off >= t->settled) {
        return UI_R_TENT;
    }
    if (doubtful(pen->p->v->text, i, off)) {
        return UI_R_DOUBT;
    }
    return t->kind == UI_PARA_NOTE ? UI_R_DIM : UI_R_TEXT;
}

static int draw_line(const struct pen *pen, const struct ui_part_text *t, uint32_t i,
                     const struct ui_line *l, int y, struct hits *h)
{
    struct ui_clu c;
    uint32_t pos = l->off;
    int x = pen->indent;
    while (pos < l->end && ui_clu_next(t->s, l->end, &pos, &c)) {
        enum ui_role role = role_at(pen, t, i, c.off, h);
        x = ui_putn(pen->p->g, pen->b, y, x, role, t->s + c.off, c.len);
    }
    return x;
}

/* Draws paragraph i from its line r on at row y; returns the row after it. */
static int draw_para(const struct pen *pen, uint32_t i, int r, int y)
{
    const struct ui_doc *d = &pen->p->m->doc;
    struct ui_part_text t = ui_doc_part(d, i);
    struct ui_wrap w;
    struct ui_line l;
    struct hits h = {0, 0};
    int n = 0, x = pen->indent, row = y;
    next_hit(pen->p->m, &t, 0, &h);
    if (r == 0 && pen->indent > 1) {
        ui_put(pen->p->g, pen->b, y, 1, UI_R_STAMP, ui_stamp(t.t_us).s);
    }
    ui_wrap_init(&w, t.s, t.n, d->width);
    while (row < pen->b.h && ui_wrap_next(&w, &l)) {
        if (n++ >= r) {
            x = draw_line(pen, &t, i, &l, row++, &h);
        }
    }
    if (n == 0 && r == 0) {
        row++; /* a paragraph that has no words yet */
    }
    if (i + 1 == d->n && pen->live && w.pos >= w.n && row > y) {
        ui_put(pen->p->g, pen->b, row - 1, x, UI_R_TENT, pen->p->gl->cursor);
    }
    return row;
}

static const char *hint(const struct ui_view *v)
{
    switch (v->state) {
    case UI_ST_LOADING:
        return "Opening the model.";
    case UI_ST_LISTENING:
        return v->audio.src == UI_SRC_MIC ? "Speak: words appear here." : "Waiting for speech.";
    case UI_ST_PLAYING:
        return "Waiting for speech.";
    case UI_ST_DONE:
    case UI_ST_STOPPED:
        return "No speech was found.";
    default:
        return "";
    }
}

/* Cells that stamps take; none in narrow windows. */
static int indent_of(const struct ui_model *m, const struct ui_text *t, int w)
{
    if (!m->stamps || w < 50) {
        return w < 30 ? 0 : 1;
    }
    int64_t last = t && t->npara ? t->para[t->npara - 1].t_us : 0;
    last = t && t->tail_us > last ? t->tail_us : last;
    return last >= INT64_C(3600000000) ? 10 : 8;
}

void ui_paint_text(const struct ui_paint *p, struct ui_box b)
{
    struct ui_model *m = p->m;
    struct pen pen = {p, b, indent_of(m, p->v->text, b.w), false};
    /* One cell stays free at the right edge: terminals disagree on the width of some characters. */
    int width = b.w - pen.indent - 1;
    ui_doc_set(&m->doc, p->v->text, width > TEXT_MAX ? TEXT_MAX : width, p->gl->ellipsis);
    m->text_h = b.h;
    const struct ui_state_info *st = ui_state_info(p->v->state);
    pen.live = !st->held && st->level != UI_BAD;
    if (!m->doc.n) {
        ui_put(p->g, b, 0, pen.indent, UI_R_DIM, hint(p->v));
        return;
    }
    struct ui_at top = m->follow ? ui_doc_move(&m->doc, ui_doc_end(&m->doc), -(b.h - 1))
                                 : ui_doc_find(&m->doc, m->top);
    int y = 0, r = top.r;
    for (uint32_t i = top.i; i < m->doc.n && y < b.h; i++) {
        y = draw_para(&pen, i, r, y) + 1;
        r = 0;
    }
}

int ui_text_below(const struct ui_model *m)
{
    if (m->follow || !m->doc.n) {
        return 0;
    }
    struct ui_at end = ui_doc_end(&m->doc);
    struct ui_at bottom = ui_doc_move(&m->doc, ui_doc_find(&m->doc, m->top), m->text_h - 1);
    return ui_doc_rows(&m->doc, bottom, end, 999);
}
