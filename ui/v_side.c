/* The panel to the left of the text in large windows.  Blocks stand in order of use; one that does
 * not fit whole is left out.  See paint.h. */
#include "ui/paint.h"

#include <stdio.h>

struct side {
    const struct ui_paint *p;
    struct ui_box b; /* inside the margins */
    int y;
};

static bool room(const struct side *s, int rows)
{
    return s->y + rows <= s->b.h;
}

static void head(struct side *s, const char *name, const char *right)
{
    ui_put(s->p->g, s->b, s->y, 0, UI_R_TITLE, name);
    ui_put_right(s->p->g, s->b, s->y++, s->b.w, UI_R_DIM, right);
}

static void sound(struct side *s)
{
    static const char *name[] = {"MICROPHONE", "SOUND FILE", "SOUND FROM A PIPE"};
    const struct ui_audio *a = &s->p->v->audio;
    int cells = s->b.w - 2;
    if (!room(s, 7)) {
        return;
    }
    head(s, name[a->src <= UI_SRC_PIPE ? a->src : 0], "");
    char line[160] = "";
    if (a->rate_in) {
        snprintf(line, sizeof line, "%.90s, %g %s %g kHz%s", a->name, a->rate_in / 1000.0,
                 s->p->gl->to, a->rate_out / 1000.0, a->channels == 2 ? ", stereo" : "");
    } else {
        snprintf(line, sizeof line, "%.90s", a->name);
    }
    ui_put_cut(s->p->g, s->b, s->y++, 0, s->b.w, UI_R_TEXT, line, s->p->gl->ellipsis);
    int x = ui_put(s->p->g, s->b, s->y, 0, UI_R_DIM, s->p->gl->open);
    double share = ui_known(a->rms_db) ? (a->rms_db.v + 60) / 60 : 0;
    ui_put(s->p->g, s->b, s->y, x + cells * 57 / 60, UI_R_DIM, s->p->gl->limit);
    ui_put(s->p->g, s->b, s->y, x, UI_R_LANE, ui_bar(s->p->gl, share, cells, false).s);
    ui_put(s->p->g, s->b, s->y++, x + cells, UI_R_DIM, s->p->gl->close);
    ui_putf(s->p->g, s->b, s->y++, 0, ui_role_of(a->rms_db, UI_R_TEXT),
            "%3s dB  peak %3s  floor %3s", ui_db(a->rms_db).s, ui_db(a->peak_db).s,
            ui_db(a->floor_db).s);
    x = ui_put(s->p->g, s->b, s->y, 0, ui_role_of(a->speech, UI_R_TEXT),
               !ui_known(a->speech) ? "voice -"
               : a->speech.v > 0.5  ? "speech"
                                    : "quiet");
    if (ui_known(a->speech_share)) {
        ui_putf(s->p->g, s->b, s->y, x, UI_R_DIM, ", %s of last minute", ui_pct(a->speech_share).s);
    }
    s->y++;
    ui_put(s->p->g, s->b, s->y++, 0, UI_R_LANE, ui_spark(s->p->gl, &a->level, s->b.w, -60, 0).s);
    x = ui_putf(s->p->g, s->b, s->y, 0, ui_role_of(a->wait_s, UI_R_TEXT), "waiting %s",
                ui_secs(a->wait_s).s);
    bool lost = ui_known(a->lost_s) && a->lost_s.v > 0;
    if (lost) {
        ui_putf(s->p->g, s->b, s->y, x + 3, UI_R_BAD, "lost %s", ui_secs(a->lost_s).s);
    } else if (a->src == UI_SRC_MIC) {
        bool bad = ui_known(a->xruns) && a->xruns.v > 0;
        ui_putf(s->p->g, s->b, s->y, x + 3, bad ? UI_R_WARN : ui_role_of(a->xruns, UI_R_TEXT),
                "xrun %s", ui_count(a->xruns).s);
    }
    s->y += 2;
}

static void lag(struct side *s)
{
    const struct ui_lag *l = &s->p->v->lag;
    if (!room(s, 4)) {
        return;
    }
    head(s, "LAG, speech to screen", "");
    ui_putf(s->p->g, s->b, s->y++, 0, ui_role_of(l->now_s, UI_R_TEXT), "now %s  p50 %s  p95 %s",
            ui_secs(l->now_s).s, ui_fix(l->p50_s, 1).s, ui_fix(l->p95_s, 1).s);
    ui_put(s->p->g, s->b, s->y++, 0, UI_R_LANE,
           ui_spark(s->p->gl, &l->hist, s->b.w, 0, ui_hist_max(&l->hist, s->b.w, 1)).s);
    ui_putf(s->p->g, s->b, s->y++, 0, ui_role_of(l->trail_s, UI_R_TEXT), "settled text trails %s",
            ui_secs(l->trail_s).s);
    s->y++;
}

static void engine(struct side *s)
{
    const struct ui_perf *f = &s->p->v->perf;
    int end50 = s->b.w - 9, shown = 0;
    if (!f->nstage || !room(s, 3)) {
        return;
    }
    head(s, "STAGE, ms", "p95");
    ui_put_right(s->p->g, s->b, s->y - 1, end50, UI_R_DIM, "p50");
    for (unsigned i = 0; i < f->nstage && i < UI_STAGES && shown < 7 && room(s, 1); i++) {
        const struct ui_stage *t = &f->stage[i];
        if (!ui_known(t->share) || t->share.v < f->rtf.v * 0.01) {
            continue; /* less than a hundredth of the work: the profile page has them all */
        }
        ui_put_cut(s->p->g, s->b, s->y, 0, end50 - 8, UI_R_TEXT, t->name, s->p->gl->ellipsis);
        ui_put_right(s->p->g, s->b, s->y, end50, ui_role_of(t->p50, UI_R_TEXT), ui_ms(t->p50).s);
        ui_put_right(s->p->g, s->b, s->y++, s->b.w, ui_role_of(t->p95, UI_R_TEXT), ui_ms(t->p95).s);
        shown++;
    }
    s->y++;
}

static void device(struct side *s)
{
    const struct ui_npu *n = &s->p->v->npu;
    int cells = s->b.w - 9;
    if (!n->ncol || !room(s, 3)) {
        return;
    }
    char name[48];
    double full = ui_lane_full(n, cells);
    if (full < 1) {
        snprintf(name, sizeof name, "COLUMNS 0-%.0f%%", full * 100);
    } else {
        snprintf(name, sizeof name, "COLUMNS %.20s", n->name);
    }
    head(s, name, "busy");
    for (unsigned i = 0; i < n->ncol && i < UI_COLS && room(s, 1); i++) {
        const struct ui_col *c = &n->col[i];
        ui_putf(s->p->g, s->b, s->y, 0, UI_R_TEXT, "c%u", i);
        if (ui_known(c->busy)) {
            ui_lane(s->p, s->b, s->y, 4, cells, &c->hist, full);
        }
        ui_put_right(s->p->g, s->b, s->y++, s->b.w, ui_role_of(c->busy, UI_R_TEXT),
                     ui_pct(c->busy).s);
    }
    s->y++;
}

static void memory(struct side *s)
{
    const struct ui_mem *m = &s->p->v->mem;
    if (!room(s, 3)) {
        return;
    }
    head(s, "MEMORY", "");
    ui_putf(s->p->g, s->b, s->y++, 0, ui_role_of(m->weights, UI_R_TEXT), "weights %s%s",
            ui_bytes(m->weights).s, m->weights_mapped ? ", mapped" : "");
    ui_putf(s->p->g, s->b, s->y++, 0, ui_role_of(m->rss, UI_R_TEXT), "kv %s   rss %s",
            ui_bytes(m->kv).s, ui_bytes(m->rss).s);
}

void ui_paint_side(const struct ui_paint *p, struct ui_box b)
{
    struct side s = {p, {b.y, b.x + 1, b.h, b.w - 2}, 0};
    sound(&s);
    lag(&s);
    engine(&s);
    device(&s);
    memory(&s);
}
