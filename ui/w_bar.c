/* Bars, sparks, lanes and the RTF bar.  See paint.h. */
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

static double clamp01(double v)
{
    return !(v > 0) ? 0 : (v > 1 ? 1 : v);
}

struct ui_bar ui_bar(const struct ui_glyphs *gl, double share, int cells, bool pad)
{
    struct ui_bar r;
    size_t n = 0;
    cells = cells > UI_BAR_MAX ? UI_BAR_MAX : (cells < 0 ? 0 : cells);
    int eighths = (int)(clamp01(share) * cells * 8 + 0.5);
    if (eighths == 0 && share > 0) {
        eighths = 1; /* little is not nothing */
    }
    for (int i = 0; i < cells; i++) {
        int e = eighths - i * 8;
        const char *s = e >= 8 ? gl->full : (e > 0 ? gl->part[e] : "");
        if (!*s && pad) {
            s = " ";
        }
        size_t k = strlen(s);
        memcpy(r.s + n, s, k);
        n += k;
    }
    r.s[n] = 0;
    return r;
}

/* Sample number k of all, NAN where it was never taken or is gone. */
static double sample(const struct ui_hist *h, int64_t k)
{
    if (k < 0 || k >= (int64_t)h->n || k + UI_HIST < (int64_t)h->n) {
        return NAN;
    }
    return (double)h->v[k % UI_HIST];
}

static const char *height(const struct ui_glyphs *gl, double v)
{
    if (!isfinite(v)) {
        return " ";
    }
    int i = (int)(clamp01(v) * 7.999);
    return gl->spark[i];
}

struct ui_bar ui_spark(const struct ui_glyphs *gl, const struct ui_hist *h, int cells, double lo,
                       double hi)
{
    struct ui_bar r;
    size_t n = 0;
    cells = cells > UI_BAR_MAX ? UI_BAR_MAX : (cells < 0 ? 0 : cells);
    for (int i = 0; i < cells; i++) {
        double v = sample(h, (int64_t)h->n - cells + i);
        const char *s = height(gl, hi > lo ? (v - lo) / (hi - lo) : 0);
        size_t k = strlen(s);
        memcpy(r.s + n, s, k);
        n += k;
    }
    r.s[n] = 0;
    return r;
}

double ui_hist_max(const struct ui_hist *h, int cells, double least)
{
    double top = least;
    for (int i = 0; i < cells; i++) {
        double v = sample(h, (int64_t)h->n - 1 - i);
        top = isfinite(v) && v > top ? v : top;
    }
    return top;
}

double ui_lane_full(const struct ui_npu *n, int cells)
{
    static const double steps[] = {0.05, 0.1, 0.25, 0.5};
    double top = 0;
    for (unsigned i = 0; i < n->ncol && i < UI_COLS; i++) {
        top = ui_hist_max(&n->col[i].hist, cells > UI_HIST ? UI_HIST : cells, top);
    }
    for (unsigned i = 0; top > 0 && i < sizeof steps / sizeof *steps; i++) {
        if (top <= steps[i]) {
            return steps[i];
        }
    }
    return 1;
}

void ui_lane(const struct ui_paint *p, struct ui_box b, int y, int x, int cells,
             const struct ui_hist *h, double full)
{
    cells = cells > UI_HIST ? UI_HIST : cells;
    if (cells < 2) {
        return;
    }
    int64_t n = (int64_t)h->n;
    int head = (int)(n % cells);
    for (int j = 0; j < cells; j++) {
        /* newest sample that falls on this cell */
        int64_t back = ((int64_t)head - 1 - j) % cells;
        int64_t k = n - 1 - (back < 0 ? back + cells : back);
        if (j == head) {
            ui_put(p->g, b, y, x + j, UI_R_DIM, p->gl->sweep);
        } else {
            ui_put(p->g, b, y, x + j, UI_R_LANE, height(p->gl, sample(h, k) / full));
        }
    }
}

double ui_rtf_scale(const struct ui_perf *f)
{
    double v = 0;
    v = ui_known(f->rtf) ? f->rtf.v : v;
    v = ui_known(f->rtf_p95) && f->rtf_p95.v > v ? f->rtf_p95.v : v;
    double scale = 1.2;
    if (!ui_known(f->rtf)) {
        return scale;
    }
    while (v < scale / 12 && scale > 0.0013) {
        scale /= 10;
    }
    while (v > scale && scale < 1e6) {
        scale *= 2;
    }
    return scale;
}

static const struct part {
    char letter;
    const char *word;
    enum ui_role role;
} parts[UI_PART_COUNT] = {
    [UI_PART_COMPUTE] = {'C', "compute", UI_R_COMPUTE},
    [UI_PART_TRANSFER] = {'T', "transfer", UI_R_TRANSFER},
    [UI_PART_WAIT] = {'W', "wait", UI_R_WAIT},
    [UI_PART_HOST] = {'H', "host", UI_R_HOST},
};

/* Letters from x on; returns the number of cells used. */
static int bar_letters(const struct ui_paint *p, struct ui_box b, int x, int cells, double scale)
{
    const struct ui_perf *f = &p->v->perf;
    double sum = 0;
    int at = 0;
    for (int i = 0; i < UI_PART_COUNT; i++) {
        sum += ui_known(f->part[i]) && f->part[i].v > 0 ? f->part[i].v : 0;
        int end = (int)(clamp01(sum / scale) * cells + 0.5);
        char s[2] = {parts[i].letter, 0};
        at += end > at ? ui_fill(p->g, b, 0, x + at, end - at, parts[i].role, s) - (x + at) : 0;
    }
    if (at == 0 && ui_known(f->rtf) && f->rtf.v > 0) { /* the whole is known, its parts are not */
        int n = (int)(clamp01(f->rtf.v / scale) * cells + 0.5);
        at = ui_fill(p->g, b, 0, x, n > 0 ? n : 1, UI_R_LANE, "=") - x;
    }
    return at;
}

void ui_rtf_bar(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_perf *f = &p->v->perf;
    double scale = ui_rtf_scale(f);
    char end[24];
    snprintf(end, sizeof end, "%.4g RTF", scale);
    int lead = 3, cells = b.w - lead - 1 - 2 - (int)strlen(end);
    if (cells < 8) { /* too narrow for a scale: the figure says it all */
        lead = 0;
        cells = b.w - 2;
        end[0] = 0;
    } else {
        ui_put(p->g, b, 0, 1, UI_R_DIM, "0");
    }
    int x = ui_put(p->g, b, 0, lead, UI_R_DIM, p->gl->open);
    int used = bar_letters(p, b, x, cells, scale);
    if (!ui_known(f->rtf) && used == 0) {
        ui_put(p->g, b, 0, x + 1, UI_R_DIM, "-");
    }
    double limit = scale >= 1.2 ? 1 : scale / 1.2;
    int mark = (int)(limit / scale * cells + 0.5);
    if (mark >= 0 && mark < cells) {
        bool past = used > mark && scale >= 1.2;
        ui_put(p->g, b, 0, x + mark, past ? UI_R_BAD : UI_R_TITLE, p->gl->limit);
    }
    x = ui_put(p->g, b, 0, x + cells, UI_R_DIM, p->gl->close);
    ui_put(p->g, b, 0, x + 1, UI_R_DIM, end);
}

void ui_rtf_legend(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_perf *f = &p->v->perf;
    struct ui_row r = {0};
    double scale = ui_rtf_scale(f);
    for (int i = 0; i < UI_PART_COUNT; i++) {
        ui_row_add(&r, 0, parts[i].role, b.w < 100 ? 2 : 3, "%c", parts[i].letter);
        ui_row_add(&r, 2, UI_R_DIM, 1, "%s", parts[i].word);
        ui_row_add(&r, 0, ui_role_of(f->part[i], UI_R_TEXT), 1, "%s", ui_pct1(f->part[i]).s);
    }
    ui_row_right(&r);
    ui_row_add(&r, 1, UI_R_TITLE, 0, "%s", p->gl->limit);
    if (!ui_known(f->rtf)) {
        ui_row_add(&r, 1, UI_R_DIM, 1, "real time");
    } else if (scale < 1.2) {
        ui_row_add(&r, 1, UI_R_DIM, 1, "%.0fx real time", 1.2 / scale);
    } else if (f->rtf.v <= 1) {
        ui_row_add(&r, 1, UI_R_DIM, 1, "real time, %.0f%% free", fmin(1 - f->rtf.v, 1) * 100);
    } else {
        ui_row_add(&r, 1, UI_R_BAD, 1, "real time is lost");
    }
    ui_row_draw(&r, p, b, 0);
}
