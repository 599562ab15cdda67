/* The dictation page.  See paint.h and lay.h. */
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

static void title(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_view *v = p->v;
    const struct ui_state_info *i = ui_state_info(v->state);
    struct ui_row r = {0};
    bool wide = b.w >= 100;
    int gap = wide ? 4 : 3;
    ui_row_add(&r, 7, UI_R_TITLE, 0, "dictate");
    ui_row_add(&r, 0, ui_state_role(i), wide ? 3 : 2, "%s", ui_state_mark(p->gl, i));
    ui_row_add(&r, 0, ui_state_role(i), 1, "%s", i->word);
    ui_row_add(&r, 1, ui_state_role(i), 1, "%s", v->more);
    if (ui_known(v->total_us)) {
        ui_row_add(&r, 2, ui_role_of(v->clock_us, UI_R_TEXT), 2, "%s / %s", ui_clock(v->clock_us).s,
                   ui_clock(v->total_us).s);
    } else if (ui_known(v->clock_us)) {
        ui_row_add(&r, 2, ui_role_of(v->clock_us, UI_R_TEXT), 2, "%s", ui_hms(v->clock_us).s);
    }
    ui_row_add(&r, 6, UI_R_TEXT, gap, "%s", v->lang);
    ui_row_add(&r, 5, UI_R_TEXT, wide ? 4 : 2, "%s", v->model);
    ui_row_add(&r, 4, UI_R_TEXT, wide ? 4 : 2, "%s", v->npu.name);
    ui_row_right(&r);
    ui_row_add(&r, 1, ui_role_of(v->perf.rtf, UI_R_TEXT), 0, "RTF %s", ui_rtf(v->perf.rtf).s);
    if (v->perf.rtf_hist.n) {
        int cells = wide ? 24 : 10;
        double top = ui_rtf_scale(&v->perf); /* the scale of the RTF bar: full means too slow */
        ui_row_add(&r, 3, UI_R_LANE, 1, "%s", ui_spark(p->gl, &v->perf.rtf_hist, cells, 0, top).s);
    }
    ui_row_draw(&r, p, b, 0);
}

/* Level from -60 dB to full scale; the limit sign stands at -3 dB, where clipping is near. */
static void meter(const struct ui_paint *p, struct ui_row *r, int cells)
{
    const struct ui_audio *a = &p->v->audio;
    double share = ui_known(a->rms_db) ? fmin(fmax((a->rms_db.v + 60) / 60, 0), 1) : 0;
    char s[UI_BAR_MAX * 3 + 8];
    int at = cells * 57 / 60, full = (int)(share * cells);
    int lit = full > at ? at : cells; /* the bar covers the sign when it has passed it */
    snprintf(s, sizeof s, "%s", ui_bar(p->gl, share, lit < cells ? cells : at, true).s);
    ui_row_add(r, 0, UI_R_DIM, 1, "%s", p->gl->open);
    ui_row_add(r, 0, lit < cells ? UI_R_WARN : UI_R_LANE, 0, "%s", s);
    if (lit == cells) {
        ui_row_add(r, 0, UI_R_DIM, 0, "%s%*s", p->gl->limit, cells - at - 1, "");
    }
    ui_row_add(r, 0, UI_R_DIM, 0, "%s", p->gl->close);
}

static void losses(const struct ui_audio *a, struct ui_row *r)
{
    if (ui_known(a->clip) && a->clip.v >= 0.005) {
        ui_row_add(r, 1, UI_R_WARN, 3, "clips %s", ui_pct(a->clip).s);
    }
    if (ui_known(a->lost_s) && a->lost_s.v > 0) {
        ui_row_add(r, 1, UI_R_BAD, 3, "lost %s", ui_secs(a->lost_s).s);
    }
    if (a->src == UI_SRC_MIC) {
        bool bad = ui_known(a->xruns) && a->xruns.v > 0;
        ui_row_add(r, bad ? 1 : 4, bad ? UI_R_WARN : ui_role_of(a->xruns, UI_R_TEXT), 3, "xrun %s",
                   ui_count(a->xruns).s);
    }
}

static const char *speech_word(struct ui_val v)
{
    return !ui_known(v) ? "voice -" : v.v > 0.5 ? "speech" : "quiet ";
}

static void mic_row(const struct ui_paint *p, struct ui_box b)
{
    static const char *name[] = {"MIC", "FILE", "PIPE"};
    const struct ui_audio *a = &p->v->audio;
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "%s", name[a->src <= UI_SRC_PIPE ? a->src : 0]);
    meter(p, &r, b.w >= 76 ? 24 : 14);
    ui_row_add(&r, 1, ui_role_of(a->rms_db, UI_R_TEXT), 1, "%3s%s", ui_db(a->rms_db).s,
               ui_known(a->rms_db) ? " dB" : "");
    ui_row_add(&r, 5, ui_role_of(a->peak_db, UI_R_TEXT), 2, "peak %3s", ui_db(a->peak_db).s);
    ui_row_add(&r, 2, ui_role_of(a->speech, UI_R_TEXT), 2, "%s", speech_word(a->speech));
    ui_row_right(&r);
    ui_row_add(&r, 3, ui_role_of(a->wait_s, UI_R_TEXT), 0, "waiting %s", ui_secs(a->wait_s).s);
    losses(a, &r);
    ui_row_draw(&r, p, b, 0);
}

/* The two stages that take most of a second, in the order of the pipeline. */
static void dear_stages(const struct ui_perf *f, struct ui_row *r)
{
    int best[2] = {-1, -1};
    for (int i = 0; i < (int)f->nstage && i < UI_STAGES; i++) {
        double s = ui_known(f->stage[i].share) ? f->stage[i].share.v : 0;
        if (s <= 0) {
            continue;
        }
        if (best[0] < 0 || s > f->stage[best[0]].share.v) {
            best[1] = best[0];
            best[0] = i;
        } else if (best[1] < 0 || s > f->stage[best[1]].share.v) {
            best[1] = i;
        }
    }
    int lo = best[0], hi = best[1];
    if (hi >= 0 && hi < lo) {
        lo = best[1];
        hi = best[0];
    }
    for (int k = 0; k < 2; k++) {
        int i = k ? hi : lo;
        if (i >= 0) {
            const struct ui_stage *s = &f->stage[i];
            ui_row_add(r, 3, ui_role_of(s->p50, UI_R_TEXT), 3, "%s %s ms", s->name,
                       ui_ms(s->p50).s);
        }
    }
}

static void lag_row(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_lag *l = &p->v->lag;
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, "LAG");
    if (ui_known(l->now_s)) {
        ui_row_add(&r, 0, ui_role_of(l->now_s, UI_R_TEXT), 1, "%s s to screen, p95 %s",
                   ui_fix(l->now_s, 1).s, ui_fix(l->p95_s, 1).s);
    } else {
        ui_row_add(&r, 0, UI_R_DIM, 1, "-");
    }
    ui_row_right(&r);
    dear_stages(&p->v->perf, &r);
    struct ui_val busy = ui_npu_busy(&p->v->npu);
    ui_row_add(&r, 4, ui_role_of(busy, UI_R_TEXT), 3, "columns %s", ui_pct(busy).s);
    ui_row_draw(&r, p, b, 0);
}

static void file_row(const struct ui_paint *p, struct ui_box b)
{
    const struct ui_out *o = &p->v->out;
    struct ui_row r = {0};
    const char *name = o->file;
    if (b.w < 100 && strlen(name) > 34 && strrchr(name, '/')) {
        name = strrchr(name, '/') + 1;
    }
    ui_row_add(&r, 0, ui_role_of(o->words, UI_R_TEXT), 0,
               !ui_known(o->words) ? "words %s" : o->words.v == 1 ? "%s word" : "%s words",
               ui_count(o->words).s);
    if (p->v->held_all) {
        ui_row_add(&r, 5, UI_R_DIM, 2, "%u held back (b)", p->v->held_all);
    }
    if (name[0]) {
        ui_row_add(&r, 3, UI_R_TEXT, 1, "%s %.70s", p->gl->to, name);
        if (o->unsaved) {
            ui_row_add(&r, 1, UI_R_WARN, 2, "%s not saved", p->gl->warn);
        } else if (ui_known(o->saved_us)) {
            ui_row_add(&r, 4, UI_R_DIM, 2, "saved %s", ui_hms(o->saved_us).s);
        }
    } else {
        ui_row_add(&r, 3, UI_R_DIM, 2, o->unsaved ? "kept in memory only" : "no output file");
    }
    ui_row_right(&r);
    int below = ui_text_below(p->m);
    if (p->m->follow) {
        ui_row_add(&r, 2, UI_R_DIM, 0, "following");
    } else {
        ui_row_add(&r, 0, UI_R_KEY, 0, "%s G", p->gl->down);
        ui_row_add(&r, 1, UI_R_TEXT, 1, "%d%s rows below", below, below >= 999 ? "+" : "");
    }
    ui_row_draw(&r, p, b, 0);
}

/* Where no row of its own tells that text waits below, the rule does. */
static void below_in_rule(const struct ui_paint *p, struct ui_box rule)
{
    char s[48];
    int below = ui_text_below(p->m);
    if (rule.h && !p->m->follow) {
        snprintf(s, sizeof s, " %s G %d below ", p->gl->down, below);
        ui_put_right(p->g, rule, 0, rule.w - 1, UI_R_KEY, s);
    }
}

void ui_paint_dict(const struct ui_paint *p)
{
    struct ui_box lay[LAY_DICT_COUNT];
    struct ui_lay_dict_in in = {p->g->rows, p->g->cols, 0};
    in.say_rows = ui_say_rows(ui_state_say(p->v), in.cols);
    ui_lay_dict(&in, lay);
    if (!lay[LAY_TEXT].h) {
        ui_paint_one(p);
        return;
    }
    title(p, lay[LAY_TITLE]);
    ui_paint_rule(p, lay[LAY_RULE1]);
    ui_paint_rule(p, lay[LAY_RULE2]);
    ui_paint_text(p, lay[LAY_TEXT]);
    if (lay[LAY_SIDE].h) {
        struct ui_box v = lay[LAY_VRULE];
        for (int y = 0; y < v.h; y++) {
            ui_put(p->g, v, y, 0, UI_R_DIM, p->gl->vline);
        }
        ui_put(p->g, lay[LAY_RULE1], 0, v.x, UI_R_DIM, p->gl->tee_down);
        ui_put(p->g, lay[LAY_RULE2], 0, v.x, UI_R_DIM, p->gl->tee_up);
        ui_paint_side(p, lay[LAY_SIDE]);
    }
    bool own = lay[LAY_SAY].h > 0;
    if (!lay[LAY_FILE].h) {
        below_in_rule(p, lay[LAY_RULE2]);
    }
    ui_paint_say(p, own ? lay[LAY_SAY] : lay[LAY_RULE2], !own);
    if (lay[LAY_MIC].h) {
        mic_row(p, lay[LAY_MIC]);
    }
    if (lay[LAY_LAG].h) {
        lag_row(p, lay[LAY_LAG]);
    }
    if (lay[LAY_FILE].h) {
        file_row(p, lay[LAY_FILE]);
    }
    if (lay[LAY_KEYS].h) {
        ui_paint_keys(p, lay[LAY_KEYS]);
    }
    ui_paint_over(p, lay[LAY_FILE], lay[LAY_KEYS]);
}
