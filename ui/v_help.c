/* The help page, made from the key table, and the choice of page.  See paint.h. */
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

#include "ui/key.h"

enum { ALL_PAGES = (1 << UI_PAGE_COUNT) - 1 };

struct help {
    const struct ui_paint *p;
    struct ui_box b; /* of this column */
    int y;           /* in lines of the whole text */
    int top;         /* first line shown */
};

static void line(struct help *h, enum ui_role role, const char *label, const char *text)
{
    int y = h->y++ - h->top;
    if (y < 0 || y >= h->b.h) {
        return;
    }
    int x = ui_put(h->p->g, h->b, y, 1, role, label) + 1;
    ui_put_cut(h->p->g, h->b, y, x > 10 ? x : 10, h->b.w - 10, UI_R_TEXT, text, h->p->gl->ellipsis);
}

/* Where the help page lists a key: under its page, or under all if it leads from one to another. */
static unsigned listed_under(const struct ui_bind *k)
{
    bool between = k->act == UI_ACT_PROF || k->act == UI_ACT_MICS || k->act == UI_ACT_HELD;
    return between ? ALL_PAGES : k->pages;
}

static void keys(struct help *h, const char *name, unsigned pages)
{
    unsigned n;
    const struct ui_bind *k = ui_binds(&n);
    line(h, UI_R_TITLE, name, "");
    for (unsigned i = 0; i < n; i++) {
        if (k[i].help && listed_under(&k[i]) == pages) {
            line(h, UI_R_KEY, k[i].label, k[i].help);
        }
    }
}

static void note(struct help *h, const char *label, const char *text)
{
    line(h, UI_R_TITLE, label, text);
}

static void notes(struct help *h)
{
    const struct ui_glyphs *g = h->p->gl;
    char s[160];
    snprintf(s, sizeof s, "%s running   %s paused, ended   %s warning   %s error; a word follows",
             g->ok, g->hold, g->warn, g->bad);
    note(h, "MARKS", s);
    note(h, "TEXT", "underlined words may still change; bold ones are doubtful");
    note(h, "RTF", "processing seconds per second of sound; below 1 keeps up");
    note(h, "BAR", "C compute  T transfer  W wait  H host, the same in columns");
    note(h, "-", "nobody has measured it; dim: measured, but not lately");
    note(h, "MOUSE", "stays with the terminal: select and copy as usual");
    snprintf(s, sizeof s, "dictate %s  %s  %s  %s", h->p->v->version, h->p->v->npu.name,
             h->p->v->npu.detail, h->p->v->model);
    note(h, "THIS", s);
}

void ui_paint_help(const struct ui_paint *p)
{
    struct ui_box lay[LAY_H_COUNT];
    struct ui_row r = {0};
    ui_lay_help(p->g->rows, p->g->cols, lay);
    struct ui_box b = lay[LAY_H_TEXT];
    bool two = b.w >= 76;
    struct ui_box left = b, right = b;
    left.w = two ? b.w / 2 : b.w;
    right.x = two ? left.w : 0;
    right.w = two ? b.w - left.w : b.w;
    struct help a = {p, left, 0, p->m->help_top};
    keys(&a, "EVERYWHERE", ALL_PAGES);
    struct help c = {p, right, 0, p->m->help_top};
    if (!two) {
        a.y++;
        c.y = a.y;
    }
    keys(&c, "TRANSCRIPT", UI_ON_DICT);
    c.y++;
    keys(&c, "PROFILE", UI_ON_PROF);
    struct help d = {p, b, (a.y > c.y ? a.y : c.y) + 1, p->m->help_top};
    notes(&d);
    p->m->help_rows = b.h;
    p->m->help_lines = d.y;
    ui_row_add(&r, 0, UI_R_TITLE, 0, "help");
    ui_row_right(&r);
    if (d.y > b.h) {
        ui_row_add(&r, 2, UI_R_DIM, 0, "%s more", p->gl->up_down);
    }
    ui_row_add(&r, 1, UI_R_DIM, 3, "? or Esc goes back");
    ui_row_draw(&r, p, lay[LAY_H_TITLE], 0);
    if (b.h && b.y == 2) {
        struct ui_box rule = {1, 0, 1, p->g->cols};
        ui_paint_rule(p, rule);
    }
    struct ui_box none = {0};
    ui_paint_over(p, none, none);
}

void ui_paint(struct ui_grid *g, const struct ui_glyphs *gl, struct ui_model *m,
              const struct ui_view *v)
{
    struct ui_paint p = {g, gl, m, v};
    ui_grid_blank(g);
    if (m->page == UI_PAGE_PROF) {
        struct ui_view mixed;
        if (m->frozen) { /* frozen figures, but the state of now */
            mixed = *m->held;
            mixed.state = v->state;
            memcpy(mixed.more, v->more, sizeof mixed.more);
            memcpy(mixed.say, v->say, sizeof mixed.say);
            mixed.out = v->out;
            p.v = &mixed;
        }
        ui_paint_prof(&p);
    } else if (m->page == UI_PAGE_HELP) {
        ui_paint_help(&p);
    } else if (ui_model_list(m, v)) {
        ui_paint_list(&p);
    } else {
        ui_paint_dict(&p);
    }
}
