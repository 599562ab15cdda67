/* The profile page: where a second goes.  See paint.h and lay.h. */
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

static void title(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_view *v = p->v;
    const struct ui_perf *f = &v->perf;
    const struct ui_state_info *i = ui_state_info(v->state);
    struct ui_row r = {0};
    bool wide = b.w >= 110, live = v->state == UI_ST_LISTENING || v->state == UI_ST_PLAYING;
    ui_row_add(&r, 6, UI_R_TITLE, 0, "profile");
    if (p->m->frozen) {
        ui_row_add(&r, 0, UI_R_WARN, 2, "%s FROZEN", p->gl->hold);
    } else {
        ui_row_add(&r, 0, ui_state_role(i), 2, "%s %s", ui_state_mark(p->gl, i),
                   live ? "LIVE" : i->word);
        ui_row_add(&r, 1, ui_state_role(i), 1, "%s", v->more);
    }
    if (ui_known(f->window_s)) {
        ui_row_add(&r, 3, UI_R_TEXT, 2, "last %.4g s", f->window_s.v);
    } else {
        ui_row_add(&r, 3, UI_R_TEXT, 2, "since start");
    }
    ui_row_add(&r, 5, UI_R_TEXT, 3, "%s", v->npu.name);
    if (wide) {
        ui_row_add(&r, 8, UI_R_DIM, 1, "%s", v->npu.detail);
    }
    ui_row_add(&r, 7, UI_R_TEXT, 3, "%s", v->model);
    if (wide) {
        ui_row_add(&r, 9, UI_R_DIM, 1, "%s", v->model_detail);
    }
    ui_row_right(&r);
    ui_row_add(&r, 0, ui_role_of(f->rtf, UI_R_TITLE), 0, "RTF %s", ui_rtf(f->rtf).s);
    ui_row_add(&r, 4, ui_role_of(f->rtf_p50, UI_R_TEXT), 2, "p50 %s", ui_rtf(f->rtf_p50).s);
    ui_row_add(&r, 2, ui_role_of(f->rtf_p95, UI_R_TEXT), 2, "p95 %s", ui_rtf(f->rtf_p95).s);
    ui_row_draw(&r, p, b, 0);
}

/* Right edges of the number columns; 0: not shown at this width. */
struct cols {
    int name, calls, last, p50, p95, p99, max, share, bar, bar_w, trend, trend_w;
};

static struct cols columns_at(int w)
{
    struct cols c = {.name = 15};
    if (w >= 110) {
        c = (struct cols){15, 22, 31, 40, 49, 58, 67, 75, 77, w - 104, w - 26, 25};
    } else if (w >= 72) {
        c = (struct cols){15, 21, 29, 37, 45, 0, 53, 61, 63, w - 63, 0, 0};
    } else if (w >= 56) {
        c = (struct cols){15, 0, 0, 24, 33, 0, 0, 41, 43, w - 43, 0, 0};
    } else if (w >= 34) {
        c = (struct cols){14, 0, 0, 22, 0, 0, 0, 30, 32, w - 32, 0, 0};
    } else {
        c.name = w - 9;
        c.p50 = w;
    }
    c.bar_w = c.bar_w > UI_BAR_MAX ? UI_BAR_MAX : c.bar_w;
    return c;
}

static void cell(const struct ui_paint *p, struct ui_box b, int y, int end, enum ui_role role,
                 const char *s)
{
    if (end) {
        ui_put_right(p->g, b, y, end, role, s);
    }
}

static void stage_head(const struct ui_paint *p, struct ui_box b, const struct cols *c, int first,
                       int rows)
{
    int n = (int)p->v->perf.nstage;
    char s[64];
    if (n > rows && rows > 0) {
        snprintf(s, sizeof s, "STAGE %d-%d/%d", first + 1, first + rows, n);
    } else {
        snprintf(s, sizeof s, "STAGE");
    }
    ui_put(p->g, b, 0, b.w >= 30 ? 1 : 0, UI_R_TITLE, s);
    cell(p, b, 0, c->calls, UI_R_DIM, "calls");
    cell(p, b, 0, c->last, UI_R_DIM, "last");
    cell(p, b, 0, c->p50, UI_R_DIM, "p50 ms");
    cell(p, b, 0, c->p95, UI_R_DIM, "p95");
    cell(p, b, 0, c->p99, UI_R_DIM, "p99");
    cell(p, b, 0, c->max, UI_R_DIM, "max");
    cell(p, b, 0, c->share, UI_R_DIM, "of 1 s");
    if (c->trend_w) {
        ui_put(p->g, b, 0, c->trend, UI_R_DIM, "p95, trend");
    }
}

static void stage_row(const struct ui_paint *p, struct ui_box b, int y, const struct cols *c,
                      const struct ui_stage *s, double largest)
{
    int x = b.w >= 30 ? 1 : 0;
    ui_put_cut(p->g, b, y, x, c->name - x, UI_R_TEXT, s->name, p->gl->ellipsis);
    cell(p, b, y, c->calls, ui_role_of(s->calls, UI_R_TEXT), ui_count(s->calls).s);
    cell(p, b, y, c->last, ui_role_of(s->last, UI_R_TEXT), ui_ms(s->last).s);
    cell(p, b, y, c->p50, ui_role_of(s->p50, UI_R_TEXT), ui_ms(s->p50).s);
    cell(p, b, y, c->p95, ui_role_of(s->p95, UI_R_TEXT), ui_ms(s->p95).s);
    cell(p, b, y, c->p99, ui_role_of(s->p99, UI_R_TEXT), ui_ms(s->p99).s);
    cell(p, b, y, c->max, ui_role_of(s->max, UI_R_TEXT), ui_ms(s->max).s);
    cell(p, b, y, c->share, ui_role_of(s->share, UI_R_TEXT), ui_pct1(s->share).s);
    if (c->bar_w > 3 && ui_known(s->share) && largest > 0) {
        double part = s->share.v / largest; /* the figure is absolute, the bar compares */
        ui_put(p->g, b, y, c->bar, UI_R_LANE, ui_bar(p->gl, part, c->bar_w, false).s);
    }
    if (c->trend_w) {
        double top = ui_hist_max(&s->trend, c->trend_w, 1e-9);
        ui_put(p->g, b, y, c->trend, UI_R_LANE, ui_spark(p->gl, &s->trend, c->trend_w, 0, top).s);
    }
}

static void stages(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_perf *f = &p->v->perf;
    struct cols c = columns_at(b.w);
    unsigned index[UI_STAGES] = {0};
    int n = f->nstage < UI_STAGES ? (int)f->nstage : UI_STAGES, rows = b.h - 1;
    int last = n > rows ? n - rows : 0;
    p->m->stage_rows = rows;
    p->m->stage_top = p->m->stage_top > last ? last : p->m->stage_top;
    ui_model_sorted(p->m, f, index);
    stage_head(p, b, &c, p->m->stage_top, rows);
    if (!n) {
        ui_put(p->g, b, 1, 1, UI_R_DIM, "nothing has run yet");
    }
    double largest = 0;
    for (int i = 0; i < n; i++) {
        double v = ui_known(f->stage[i].share) ? f->stage[i].share.v : 0;
        largest = v > largest ? v : largest;
    }
    for (int y = 0; y < rows && p->m->stage_top + y < n; y++) {
        stage_row(p, b, y + 1, &c, &f->stage[index[p->m->stage_top + y]], largest);
    }
}

static void mem_row(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_mem *m = &p->v->mem;
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "MEM");
    ui_row_add(&r, 0, ui_role_of(m->weights, UI_R_TEXT), 1, "weights %s%s", ui_bytes(m->weights).s,
               m->weights_mapped ? " mapped" : "");
    ui_row_add(&r, 1, ui_role_of(m->kv, UI_R_TEXT), 2, "kv %s", ui_bytes(m->kv).s);
    if (ui_known(m->buf_all)) {
        ui_row_add(&r, 3, ui_role_of(m->buf_used, UI_R_TEXT), 2, "buffers %s of %s",
                   ui_bytes(m->buf_used).s, ui_bytes(m->buf_all).s);
    } else {
        ui_row_add(&r, 3, ui_role_of(m->buf_used, UI_R_TEXT), 2, "buffers %s",
                   ui_bytes(m->buf_used).s);
    }
    ui_row_add(&r, 2, ui_role_of(m->rss, UI_R_TEXT), 2, "rss %s", ui_bytes(m->rss).s);
    if (ui_known(m->heap)) {
        ui_row_add(&r, 5, ui_role_of(m->heap, UI_R_TEXT), 2, "heap %s", ui_bytes(m->heap).s);
    }
    if (ui_known(m->threads)) {
        ui_row_add(&r, 6, ui_role_of(m->threads, UI_R_TEXT), 2, "threads %s",
                   ui_count(m->threads).s);
    }
    ui_row_add(&r, 4, ui_role_of(p->v->npu.power_w, UI_R_TEXT), 2, "power %s%s",
               ui_fix(p->v->npu.power_w, 1).s, ui_known(p->v->npu.power_w) ? " W" : "");
    ui_row_draw(&r, p, b, 0);
}

/* A count that should stay 0 is a warning when it does not. */
static void count(struct ui_row *r, int rank, const char *word, struct ui_val v)
{
    enum ui_role role = ui_known(v) && v.v > 0 ? UI_R_WARN : ui_role_of(v, UI_R_TEXT);
    ui_row_add(r, rank, role, 2, "%s %s", word, ui_count(v).s);
}

static void cmd_row(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "CMD");
    ui_row_add(&r, 0, ui_role_of(n->lists_sent, UI_R_TEXT), 1, "lists %s sent",
               ui_count(n->lists_sent).s);
    ui_row_add(&r, 0, ui_role_of(n->lists_done, UI_R_TEXT), 2, "%s done",
               ui_count(n->lists_done).s);
    count(&r, 1, "errors", n->errors);
    count(&r, 2, "timeouts", n->timeouts);
    count(&r, 1, "repeated", n->repeated);
    count(&r, 3, "resets", n->resets);
    count(&r, 1, "fall-backs", n->fell_back);
    count(&r, 5, "preempted", n->preempted);
    count(&r, 6, "migrated", n->migrated);
    ui_row_draw(&r, p, b, 0);
}

void ui_paint_prof(const struct ui_paint *p)
{
    const struct ui_view *v = p->v;
    struct ui_box lay[LAY_P_COUNT];
    struct ui_lay_prof_in in = {p->g->rows,          p->g->cols,
                                (int)v->perf.nstage, (int)v->npu.ncol,
                                (int)v->npu.nop,     ui_say_rows(ui_state_say(v), p->g->cols)};
    in.stages = in.stages > UI_STAGES ? UI_STAGES : in.stages;
    in.columns = in.columns > UI_COLS ? UI_COLS : in.columns;
    in.ops = in.ops > UI_OPS ? UI_OPS : in.ops;
    ui_lay_prof(&in, lay);
    if (!lay[LAY_P_BAR].h) {
        ui_paint_one(p);
        return;
    }
    title(p, lay[LAY_P_TITLE]);
    ui_rtf_bar(p, lay[LAY_P_BAR]);
    if (lay[LAY_P_LEGEND].h) {
        ui_rtf_legend(p, lay[LAY_P_LEGEND]);
    }
    stages(p, lay[LAY_P_STAGE]);
    ui_paint_lanes(p, lay[LAY_P_LANES]);
    ui_paint_cells(p, lay[LAY_P_CELLS]);
    ui_paint_device(p, lay[LAY_P_DEV]);
    ui_paint_ops(p, lay[LAY_P_OPS]);
    for (int i = LAY_P_RULE1; i <= LAY_P_RULE4; i++) {
        ui_paint_rule(p, lay[i]);
    }
    if (lay[LAY_P_MEM].h) {
        mem_row(p, lay[LAY_P_MEM]);
    }
    if (lay[LAY_P_CMD].h) {
        cmd_row(p, lay[LAY_P_CMD]);
    }
    if (lay[LAY_P_SAY].h) {
        ui_paint_say(p, lay[LAY_P_SAY], false);
    }
    if (lay[LAY_P_KEYS].h) {
        ui_paint_keys(p, lay[LAY_P_KEYS]);
    }
    ui_paint_over(p, lay[LAY_P_SAY].h ? lay[LAY_P_SAY] : lay[LAY_P_CMD], lay[LAY_P_KEYS]);
}
