/* The device's part of the profile page: columns and operations.  See paint.h. */
#include "ui/paint.h"

#include <stdio.h>

static void lanes_head(const struct ui_paint *p, struct ui_box b, int cells, bool parts,
                       double full)
{
    const struct ui_npu *n = &p->v->npu;
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "COLUMN");
    ui_row_add(&r, 0, UI_R_DIM, 1, "busy");
    if (parts) {
        ui_row_add(&r, 1, UI_R_DIM, 4, "C/T/W");
    }
    ui_row_add(&r, 1, UI_R_DIM, parts ? 3 : 1, "rows");
    ui_row_add(&r, 4, UI_R_DIM, 1, "0-%.0f%%", full * 100);
    if (n->lane_step_s > 0) {
        double all = (cells - 1) * n->lane_step_s;
        ui_row_add(&r, 2, UI_R_DIM, 2, "%.*f s, newest at %s", all < 10 ? 1 : 0, all, p->gl->sweep);
    } else {
        ui_row_add(&r, 2, UI_R_DIM, 2, "newest at %s", p->gl->sweep);
    }
    ui_row_right(&r);
    ui_row_add(&r, 3, UI_R_DIM, 0, "%s", n->timed_by);
    ui_row_draw(&r, p, b, 0);
}

/* Percent without its sign, for C/T/W. */
static int hundredths(struct ui_val v)
{
    return ui_known(v) && v.v > 0 ? (int)(fmin(v.v, 9.99) * 100 + 0.5) : 0;
}

/* The cores of a column, a cell each. */
static int cores(const struct ui_paint *p, struct ui_box b, int y, int x, const struct ui_col *c)
{
    for (int i = 0; i < UI_ROWS; i++) {
        struct ui_hist one = {0};
        const bool known = ui_known(c->row[i]);
        ui_hist_add(&one, known ? c->row[i].v : NAN);
        x = ui_put(p->g, b, y, x, known ? UI_R_LANE : UI_R_DIM,
                   known ? ui_spark(p->gl, &one, 1, 0, 1).s : "-");
    }
    return x;
}

void ui_paint_lanes(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    if (!b.h) {
        return;
    }
    bool parts = b.w >= 110;
    int x = parts ? 28 : 18, cells = b.w - x;
    cells = cells > UI_HIST ? UI_HIST : cells;
    double full = ui_lane_full(n, cells);
    lanes_head(p, b, cells, parts, full);
    for (int i = 0; i < b.h - 1 && i < (int)n->ncol && i < UI_COLS; i++) {
        const struct ui_col *c = &n->col[i];
        ui_putf(p->g, b, i + 1, 2, UI_R_TEXT, "c%d", i);
        ui_put_right(p->g, b, i + 1, 11, ui_role_of(c->busy, UI_R_TEXT), ui_pct(c->busy).s);
        if (!ui_known(c->busy)) {
            ui_putf(p->g, b, i + 1, x, UI_R_DIM, "no reading%s%s", n->why_none[0] ? ": " : "",
                    n->why_none);
            continue;
        }
        if (parts && ui_known(c->compute)) {
            ui_putf(p->g, b, i + 1, 14, UI_R_TEXT, "%d/%d/%d", hundredths(c->compute),
                    hundredths(c->transfer), hundredths(c->wait));
        }
        cores(p, b, i + 1, x - 5, c);
        ui_lane(p, b, i + 1, x, cells, &c->hist, full);
    }
}

/* All columns in one row, a cell each, or one for each of their cores: for windows without room for
 * lanes. */
void ui_paint_cells(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    if (!b.h) {
        return;
    }
    int x = ui_put(p->g, b, 0, b.w >= 30 ? 1 : 0, UI_R_TITLE, b.w >= 30 ? "COLUMNS" : "COL") + 1;
    const bool each = (int)n->ncol * (UI_ROWS + 1) + 26 <= b.w;
    if (each) {
        x = ui_putf(p->g, b, 0, x, UI_R_DIM, "x %d rows ", UI_ROWS);
    }
    for (unsigned i = 0; i < n->ncol && i < UI_COLS; i++) {
        if (each) {
            x = cores(p, b, 0, x, &n->col[i]) + 1;
            continue;
        }
        struct ui_hist one = {0};
        ui_hist_add(&one, ui_known(n->col[i].busy) ? n->col[i].busy.v : NAN);
        bool known = ui_known(n->col[i].busy);
        x = ui_put(p->g, b, 0, x, known ? UI_R_LANE : UI_R_DIM,
                   known ? ui_spark(p->gl, &one, 1, 0, 1).s : "?");
    }
    struct ui_val busy = ui_npu_busy(n);
    ui_putf(p->g, b, 0, x + 1, ui_role_of(busy, UI_R_TEXT), "busy %s", ui_pct(busy).s);
}

/* Indices of the operations, most time first. */
static unsigned by_time(const struct ui_npu *n, unsigned index[UI_OPS])
{
    unsigned count = n->nop < UI_OPS ? n->nop : UI_OPS;
    for (unsigned i = 0; i < count; i++) {
        double t = ui_known(n->op[i].total_s) ? n->op[i].total_s.v : -1;
        unsigned at = i;
        for (; at > 0; at--) {
            struct ui_val o = n->op[index[at - 1]].total_s;
            if ((ui_known(o) ? o.v : -1) >= t) {
                break;
            }
            index[at] = index[at - 1];
        }
        index[at] = i;
    }
    return count;
}

static void ops_line(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    unsigned index[UI_OPS] = {0}, count = by_time(n, index);
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "OPS");
    for (unsigned i = 0; i < count && i < 5; i++) {
        const struct ui_op *o = &n->op[index[i]];
        ui_row_add(&r, (int)i, UI_R_TEXT, i ? 3 : 1, "%s", o->name);
        ui_row_add(&r, (int)i, ui_role_of(o->total_s, UI_R_TEXT), 1, "%s s",
                   ui_fix(o->total_s, 1).s);
        if (ui_known(o->model_us)) {
            ui_row_add(&r, (int)i, UI_R_DIM, 1, "(%s, model %s us, %s)", ui_fix(o->mean_us, 0).s,
                       ui_fix(o->model_us, 0).s, o->bound);
        }
    }
    ui_row_draw(&r, p, b, 0);
}

static void ops_row(const struct ui_paint *p, struct ui_box b, int y, const struct ui_op *o,
                    int extra)
{
    const struct ui_val v[] = {o->calls, o->total_s, o->mean_us, o->model_us, o->tops, o->gbs};
    const struct ui_num s[] = {ui_count(o->calls),     ui_fix(o->total_s, o->total_s.v < 9.995 ? 2 : 1), ui_fix(o->mean_us, 0),
                               ui_fix(o->model_us, 0), ui_fix(o->tops, 2),    ui_fix(o->gbs, 1)};
    static const int end[] = {23, 31, 39, 48, 63, 69};
    ui_put_cut(p->g, b, y, 1, 15, UI_R_TEXT, o->name, p->gl->ellipsis);
    for (int i = 0; i < 6; i++) {
        ui_put_right(p->g, b, y, end[i], ui_role_of(v[i], UI_R_TEXT), s[i].s);
    }
    ui_put(p->g, b, y, 49, o->bound[0] ? UI_R_TEXT : UI_R_DIM, o->bound[0] ? o->bound : "-");
    ui_put(p->g, b, y, 71, UI_R_TEXT, o->place);
    if (extra > 4) {
        ui_put_right(p->g, b, y, 86, ui_role_of(o->peak, UI_R_TEXT), ui_pct(o->peak).s);
    }
    if (extra > 4 && ui_known(o->peak)) {
        ui_put(p->g, b, y, 88, UI_R_LANE, ui_bar(p->gl, o->peak.v, extra, false).s);
    }
}

/* What the device is, how fast, who uses it, what goes through it. */
void ui_paint_device(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    struct ui_row r = {0};
    if (!b.h) {
        return;
    }
    ui_row_add(&r, 0, UI_R_TITLE, 0, "DEV");
    ui_row_add(&r, 0, UI_R_TEXT, 1, "%s", n->device[0] ? n->device : "-");
    ui_row_add(&r, 2, ui_role_of(n->mhz, UI_R_TEXT), 2, "%s MHz", ui_count(n->mhz).s);
    ui_row_add(&r, 1, ui_role_of(n->contexts, UI_R_TEXT), 2, "contexts %s of %s",
               ui_count(n->contexts).s, ui_count(n->contexts_max).s);
    if (b.w >= 110) {
        ui_row_add(&r, 3, ui_role_of(n->shim_in, UI_R_TEXT), 2, "shim %s/s in",
                   ui_bytes(n->shim_in).s);
        ui_row_add(&r, 3, ui_role_of(n->shim_out, UI_R_TEXT), 1, "%s/s out",
                   ui_bytes(n->shim_out).s);
    } else {
        const bool giga = n->shim_in.v >= 1e9 || n->shim_out.v >= 1e9;
        const double unit = giga ? 1e-9 : 1e-6;
        const struct ui_val in = {n->shim_in.v * unit, n->shim_in.state};
        const struct ui_val to = {n->shim_out.v * unit, n->shim_out.state};
        ui_row_add(&r, 3, ui_role_of(in, UI_R_TEXT), 2, "shim %s/%s %s/s", ui_fix(in, giga).s,
                   ui_fix(to, giga).s, giga ? "GB" : "MB");
    }
    ui_row_draw(&r, p, b, 0);
}

void ui_paint_ops(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_npu *n = &p->v->npu;
    static const struct {
        int end;
        const char *word;
    } head[] = {{23, "calls"}, {31, "total s"}, {39, "mean us"}, {48, "model us"}, {54, "bound"},
                {63, "TOP/s"}, {69, "GB/s"},    {76, "where"},   {87, "of peak"}};
    if (!b.h) {
        return;
    }
    if (b.h < 3 || b.w < 74) {
        b.h = 1;
        ops_line(p, b);
        return;
    }
    unsigned index[UI_OPS] = {0}, count = by_time(n, index);
    int extra = b.w >= 110 ? (b.w - 90 > 40 ? 40 : b.w - 90) : 0;
    ui_put(p->g, b, 0, 1, UI_R_TITLE, "OP");
    if (n->model_of[0]) { /* whose model */
        ui_putf(p->g, b, 0, 4, UI_R_DIM, "(model: %s)", n->model_of);
    }
    for (unsigned i = 0; i < sizeof head / sizeof *head - (extra ? 0 : 1); i++) {
        ui_put_right(p->g, b, 0, head[i].end, UI_R_DIM, head[i].word);
    }
    for (unsigned i = 0; i < count && (int)i < b.h - 1; i++) {
        ops_row(p, b, (int)i + 1, &n->op[index[i]], extra);
    }
}
