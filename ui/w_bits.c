/* Pieces that pages share: state, rules, key bar, messages.  See paint.h. */
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

#include "ui/key.h"

const char *ui_state_mark(const struct ui_glyphs *gl, const struct ui_state_info *i)
{
    return i->level == UI_BAD    ? gl->bad
           : i->level == UI_WARN ? gl->warn
           : i->held             ? gl->hold
                                 : gl->ok;
}

enum ui_role ui_state_role(const struct ui_state_info *i)
{
    return i->level == UI_BAD ? UI_R_BAD : i->level == UI_WARN ? UI_R_WARN : UI_R_OK;
}

const char *ui_state_say(const struct ui_view *v)
{
    return v->say[0] ? v->say : ui_state_info(v->state)->say;
}

struct ui_val ui_npu_busy(const struct ui_npu *n)
{
    struct ui_val r = {0, UI_NONE};
    unsigned known = 0;
    for (unsigned i = 0; i < n->ncol && i < UI_COLS; i++) {
        if (ui_known(n->col[i].busy)) {
            r.v += n->col[i].busy.v;
            r.state = known++ ? r.state : (uint8_t)UI_LIVE;
            r.state = n->col[i].busy.state < r.state ? n->col[i].busy.state : r.state;
        }
    }
    r.v = known ? r.v / known : 0;
    return r;
}

static int say_width(int cols)
{
    return cols >= 30 ? cols - 7 : cols - 3;
}

int ui_say_rows(const char *say, int cols)
{
    struct ui_wrap w;
    struct ui_line l;
    int n = 0;
    ui_wrap_init(&w, say, (uint32_t)strlen(say), say_width(cols));
    while (ui_wrap_next(&w, &l)) {
        n++;
    }
    return n;
}

void ui_paint_say(const struct ui_paint *p, struct ui_box b, bool in_rule)
{
    const struct ui_state_info *i = ui_state_info(p->v->state);
    const char *say = ui_state_say(p->v);
    struct ui_wrap w;
    struct ui_line l;
    int y = 0, x = b.w >= 30 ? 1 : 0;
    if (!say[0] || !b.h) {
        return;
    }
    if (in_rule) {
        x = ui_put(p->g, b, 0, 1, UI_R_TEXT, " ");
    }
    x = ui_put(p->g, b, 0, x, ui_state_role(i), ui_state_mark(p->gl, i)) + 1;
    ui_wrap_init(&w, say, (uint32_t)strlen(say), say_width(b.w));
    while (y < b.h && ui_wrap_next(&w, &l)) {
        ui_put(p->g, b, y, x - 1, UI_R_TEXT, " ");
        int end = ui_putn(p->g, b, y++, x, UI_R_TITLE, say + l.off, l.end - l.off);
        if (in_rule) {
            ui_put(p->g, b, 0, end, UI_R_TEXT, " ");
        }
    }
    if (ui_wrap_next(&w, &l)) { /* there is more than fits */
        ui_put(p->g, b, b.h - 1, b.w - 1, UI_R_DIM, p->gl->ellipsis);
    }
}

void ui_paint_rule(const struct ui_paint *p, struct ui_box b)
{
    ui_fill(p->g, b, 0, 0, b.w, UI_R_DIM, p->gl->hline);
}

void ui_paint_keys(const struct ui_paint *p, struct ui_box b)
{
    struct ui_row r = {0};
    unsigned n;
    const struct ui_bind *k = ui_binds(&n);
    for (unsigned i = 0; i < n; i++) {
        if (k[i].bar && k[i].pages & 1u << p->m->page) {
            const char *word = k[i].bar;
            if (k[i].act == UI_ACT_PAUSE && p->v->state == UI_ST_PAUSED) {
                word = "go on";
            } else if (k[i].act == UI_ACT_PAUSE && p->v->talk) {
                word = p->v->state != UI_ST_READY   ? "end"
                       : p->v->talk == UI_TALK_HOLD ? "hold"
                                                    : "talk";
            } else if (k[i].act == UI_ACT_FREEZE && p->m->frozen) {
                word = "thaw";
            }
            ui_row_add(&r, k[i].rank, UI_R_KEY, 3, "%s", k[i].bar_key);
            ui_row_add(&r, k[i].rank, UI_R_DIM, 1, "%s", word);
        }
    }
    ui_row_draw(&r, p, b, 0);
}

void ui_paint_one(const struct ui_paint *p)
{
    const struct ui_view *v = p->v;
    const struct ui_state_info *i = ui_state_info(v->state);
    struct ui_box b = {0, 0, 1, p->g->cols};
    struct ui_row r = {0};
    ui_row_add(&r, 0, ui_state_role(i), 0, "%s", ui_state_mark(p->gl, i));
    ui_row_add(&r, 0, ui_state_role(i), 1, "%s", i->word);
    ui_row_add(&r, 3, ui_state_role(i), 1, "%s", v->more);
    ui_row_add(&r, 2, ui_role_of(v->perf.rtf, UI_R_TEXT), 1, "RTF %s", ui_rtf(v->perf.rtf).s);
    ui_row_draw(&r, p, b, 0);
}

static void blank_row(const struct ui_paint *p, struct ui_box b)
{
    ui_fill(p->g, b, 0, 0, b.w, UI_R_TEXT, " ");
}

static void search_line(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_model *m = p->m;
    struct ui_row r = {0};
    int room = b.w - 24 > 4 ? b.w - 24 : 4;
    uint32_t from = 0;
    while (ui_width(m->query + from, m->query_n - from) > room) { /* the end being typed stays */
        do {
            from++;
        } while (from < m->query_n && ((unsigned char)m->query[from] & 0xc0) == 0x80);
    }
    ui_row_add(&r, 0, UI_R_KEY, 0, "/%.*s", (int)(m->query_n - from), m->query + from);
    ui_row_add(&r, 0, UI_R_KEY, 0, "%s", p->gl->cursor);
    ui_row_right(&r);
    if (m->hits) {
        ui_row_add(&r, 1, UI_R_TEXT, 0, "%u of %u", m->hit_no, m->hits);
    } else if (m->query_n) {
        ui_row_add(&r, 1, UI_R_WARN, 0, "not found");
    } else {
        ui_row_add(&r, 1, UI_R_DIM, 0, "Enter keeps, Esc goes back");
    }
    blank_row(p, b);
    ui_row_draw(&r, p, b, 0);
}

void ui_paint_over(const struct ui_paint *p, struct ui_box message, struct ui_box prompt)
{
    const struct ui_model *m = p->m;
    struct ui_box last = {p->g->rows - 1, 0, 1, p->g->cols};
    if (m->flash_us) {
        struct ui_box b = message.h ? message : prompt.h ? prompt : last;
        blank_row(p, b);
        ui_put_cut(p->g, b, 0, b.w >= 30 ? 1 : 0, b.w, UI_R_TITLE, m->flash, p->gl->ellipsis);
    }
    struct ui_box b = prompt.h ? prompt : message.h ? message : last;
    if (m->quit_asked) {
        struct ui_row r = {0};
        ui_row_add(&r, 0, UI_R_WARN, 0, "%s", p->gl->warn);
        ui_row_add(&r, 0, UI_R_WARN, 1, "Not saved.");
        ui_row_add(&r, 1, UI_R_TEXT, 2, "q quits anyway");
        ui_row_add(&r, 2, UI_R_TEXT, 2, "s saves");
        ui_row_add(&r, 3, UI_R_TEXT, 2, "Esc stays");
        blank_row(p, b);
        ui_row_draw(&r, p, b, 0);
    } else if (m->typing) {
        search_line(p, b);
    }
}
