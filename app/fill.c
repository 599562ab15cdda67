/* See fill.h. */
#include "app/fill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "npu/plan/cost.h"
#include "npu/rt/health.h"

enum {
    MARKS = 64,       /* one a second: windows up to a minute */
    STAGES = 8,       /* most that are shown */
    LAGS = 3,         /* the last of them: latencies */
    LANE_US = 500000, /* one sample of a lane */
    LEVEL_US = 250000,
    MARK_US = 1000000,
};

/* Everything that only grows, at one moment. */
struct mark {
    int64_t t_us;
    double work_s, audio_s, speech_s;
    struct hist_snap stage[STAGES];
    struct npu_stats npu;
};

struct fill {
    struct {
        const char *name;
        const struct hist *h;
        bool lag;  /* how late something is: takes no share of a second */
    } src[STAGES]; /* in the order of the pipeline */
    int nsrc;
    const struct app_setup *setup;
    const struct args *args;
    struct session *session;
    int window_s;
    bool over; /* the session has ended */
    int64_t start_us;
    struct mark zero; /* at start or reset */
    struct mark mark[MARKS];
    uint64_t marks; /* ever taken */
    struct mark now;
    struct mark lane; /* at the last sample of the lanes */
    int64_t level_us, sensed_us;
    struct npu_sense sense;
    struct hist draw, lag, shown, settled, final;
    double lag_s, settled_t1;
    struct hist rtf; /* of single seconds, in 1e-9 */
    /* histories survive in the view between frames */
    struct ui_hist level, rtf_hist, lag_hist, col[UI_COLS], trend[STAGES];
    struct ui_mem mem;
};

static void add_stage(struct fill *f, const char *name, const struct hist *h)
{
    f->src[f->nsrc].name = name;
    f->src[f->nsrc++].h = h;
}

int fill_new(struct fill **out, const struct app_setup *setup, struct session *s,
             const struct args *a, struct err *e)
{
    struct fill *f = calloc(1, sizeof *f);
    *out = f;
    if (!f) {
        return err_set(e, ERR_MEM, "no memory for the gauges");
    }
    f->setup = setup;
    f->session = s;
    f->args = a;
    f->window_s = 10;
    f->lag_s = f->settled_t1 = NAN;
    f->start_us = clk_us();
    npu_rt_stats(setup->rt, &f->zero.npu); /* loading the model does not count */
    f->zero.t_us = f->start_us;
    f->lane = f->now = f->zero;
    add_stage(f, "vad + mel", session_hist(s, SESSION_FRONT));
    add_stage(f, "encode", asr_engine_hist(setup->eng, ASR_STAGE_ENCODE));
    add_stage(f, "prefill", asr_engine_hist(setup->eng, ASR_STAGE_PREFILL));
    add_stage(f, "decode step", asr_engine_hist(setup->eng, ASR_STAGE_STEP));
    add_stage(f, "draw", &f->draw);
    add_stage(f, "word to shown", &f->shown);
    add_stage(f, "word to settled", &f->settled);
    add_stage(f, "end to final", &f->final);
    for (int i = f->nsrc - LAGS; i < f->nsrc; i++) {
        f->src[i].lag = true;
    }
    return 0;
}

void fill_free(struct fill *f)
{
    free(f);
}

void fill_window(struct fill *f, int s)
{
    f->window_s = s < 0 ? 0 : s > MARKS - 4 ? MARKS - 4 : s;
}

void fill_reset(struct fill *f)
{
    f->zero = f->now;
    f->marks = 0;
}

static void add_lag(struct hist *h, double s)
{
    hist_add(h, (uint64_t)(fmax(0, s) * 1e9));
}

void fill_words(struct fill *f, const struct session_ev *ev, double clock_s, bool paced)
{
    int settled = ev->final ? ev->n_word : ev->n_settled;
    double late_s = clock_s - ev->at_s; /* of the stream clock against that of the session */
    bool fresh = false;
    for (int i = 0; i < ev->n_word; i++) {
        const struct asr_word *w = &ev->word[i];
        double spoken_s = (double)w->t1 - late_s;
        if (w->lost || !paced) {
            continue;
        }
        if (w->shown_s == (float)ev->at_s) {
            add_lag(&f->shown, ev->at_s - spoken_s);
            fresh = true;
        }
        if (w->settled_s == (float)ev->at_s) {
            add_lag(&f->settled, ev->at_s - spoken_s);
        }
    }
    if (fresh) {
        f->lag_s = fmax(0, clock_s - (double)ev->word[ev->n_word - 1].t1);
        hist_add(&f->lag, (uint64_t)(f->lag_s * 1e9));
        ui_hist_add(&f->lag_hist, f->lag_s);
    }
    if (ev->final && paced) {
        add_lag(&f->final, clock_s - ev->heard_s);
    }
    if (settled > 0) {
        f->settled_t1 = (double)ev->word[settled - 1].t1;
    }
}

void fill_drawn(struct fill *f, int64_t ns)
{
    hist_add(&f->draw, (uint64_t)(ns > 0 ? ns : 0));
}

/* -- marks ------------------------------------------------------------------------------------- */

static void take_now(struct fill *f, const struct session_stat *s)
{
    struct mark *m = &f->now;
    m->t_us = clk_us();
    m->work_s = s->work_s;
    m->audio_s = s->audio_s;
    m->speech_s = s->speech_s;
    for (int i = 0; i < f->nsrc; i++) {
        hist_snap(f->src[i].h, &m->stage[i]);
    }
    npu_rt_stats(f->setup->rt, &m->npu);
}

/* The mark that lies s seconds back, or as far back as there is; 0: the zero.  Once the session is
 * over nothing moves any more, and the whole of it is what figures are about. */
static const struct mark *back(const struct fill *f, int s)
{
    if (!s || !f->marks || f->over) {
        return &f->zero;
    }
    uint64_t n = f->marks < MARKS ? f->marks : MARKS;
    uint64_t k = (uint64_t)s < n ? (uint64_t)s : n;
    return &f->mark[(f->marks - k) % MARKS];
}

static double real_time_factor(const struct mark *a, const struct mark *b)
{
    double audio = b->audio_s - a->audio_s;
    return audio > 0.05 ? (b->work_s - a->work_s) / audio : (double)NAN;
}

static struct ui_val val(double v)
{
    return isfinite(v) ? ui_live(v) : (struct ui_val){0};
}

static void read_mem(struct fill *f)
{
    struct asr_mem m;
    long pages = 0, threads = 0;
    char line[128];
    asr_engine_mem(f->setup->eng, &m);
    f->mem.weights = ui_live((double)m.weights);
    f->mem.kv = ui_live((double)m.kv);
    f->mem.buf_used = ui_live((double)f->now.npu.buf_bytes);
    FILE *p = fopen("/proc/self/statm", "re");
    if (p) {
        if (fscanf(p, "%*s %ld", &pages) == 1) {
            f->mem.rss = ui_live((double)pages * (double)sysconf(_SC_PAGESIZE));
        }
        fclose(p);
    }
    p = fopen("/proc/self/status", "re");
    while (p && fgets(line, sizeof line, p)) {
        if (sscanf(line, "Threads: %ld", &threads) == 1) {
            f->mem.threads = ui_live((double)threads);
        }
    }
    if (p) {
        fclose(p);
    }
}

/* Once a second: a mark, and what is worth reading that often. */
static void each_second(struct fill *f)
{
    const struct mark *last = back(f, 1);
    if (f->over || f->now.t_us - last->t_us < MARK_US) {
        return;
    }
    double rtf = real_time_factor(last, &f->now);
    ui_hist_add(&f->rtf_hist, rtf);
    if (isfinite(rtf)) {
        hist_add(&f->rtf, (uint64_t)(rtf * 1e9));
    }
    for (int i = 0; i < f->nsrc; i++) {
        struct hist_snap d;
        hist_since(&f->now.stage[i], &last->stage[i], &d);
        ui_hist_add(&f->trend[i], d.n ? (double)hist_q(&d, 0.95) * 1e-6 : (double)NAN);
    }
    f->mark[f->marks++ % MARKS] = f->now;
    read_mem(f);
}

/* -- parts of the view ------------------------------------------------------------------------- */

static const char *source_name(const struct args *a, const char *mic)
{
    const char *slash = a->n_pos ? strrchr(a->pos[0], '/') : NULL;
    if (*mic) {
        return mic;
    }
    return !strcmp(a->pos[0], "-") ? "standard input" : slash ? slash + 1 : a->pos[0];
}

static void fill_audio(struct fill *f, const struct session_stat *s, struct ui_view *v)
{
    struct ui_audio *a = &v->audio;
    const struct level_now *l = &s->cap.level;
    struct audio_got got;
    const struct mark *minute = back(f, 60);
    if (session_got(f->session, &got)) {
        a->src = got.mic ? UI_SRC_MIC : got.live ? UI_SRC_PIPE : UI_SRC_FILE;
        snprintf(a->name, sizeof a->name, "%.*s", (int)sizeof a->name - 1,
                 source_name(f->args, session_mic(f->session)));
        a->rate_in = (unsigned)got.rate;
        a->channels = (unsigned)got.channels;
        a->rate_out = AUDIO_RATE;
        v->total_us = got.seconds >= 0 ? ui_live(got.seconds * 1e6) : (struct ui_val){0};
    }
    if (l->live) {
        uint8_t vs = s->paused || s->mic_gone || s->phase != SESSION_HEARING ? UI_STALE : UI_LIVE;
        a->rms_db = (struct ui_val){(double)l->rms_db, vs};
        a->peak_db = (struct ui_val){(double)l->peak_db, vs};
        a->floor_db = (struct ui_val){(double)l->floor_db, vs};
        a->clip = (struct ui_val){(double)l->clipped, vs};
        a->speech = (struct ui_val){s->speech, vs};
        if (f->now.t_us - f->level_us >= LEVEL_US) {
            f->level_us = f->now.t_us;
            ui_hist_add(&f->level, vs == UI_LIVE ? (double)l->rms_db : (double)NAN);
        }
    }
    double heard = f->now.audio_s - minute->audio_s;
    a->speech_share =
        heard > 1 ? val((f->now.speech_s - minute->speech_s) / heard) : (struct ui_val){0};
    a->wait_s = val(s->cap.waiting_s + s->inside_s);
    a->xruns = val((double)s->cap.xruns);
    a->lost_s = val(s->cap.lost_s);
    a->level = f->level;
}

static void fill_stage(struct fill *f, struct ui_perf *p, int i, const struct mark *from,
                       double audio)
{
    struct ui_stage *g = &p->stage[p->nstage++];
    struct hist_snap all, d;
    hist_since(&f->now.stage[i], &f->zero.stage[i], &all);
    hist_since(&f->now.stage[i], &from->stage[i], &d);
    snprintf(g->name, sizeof g->name, "%s", f->src[i].name);
    g->calls = val((double)all.n);
    g->trend = f->trend[i];
    if (!all.n) {
        return;
    }
    g->last = val((double)all.last_ns * 1e-6);
    g->share =
        audio > 0.05 && !f->src[i].lag ? val((double)d.sum_ns * 1e-9 / audio) : (struct ui_val){0};
    uint8_t vs = d.n ? UI_LIVE : UI_STALE; /* nothing in the window: since the start, dimmed */
    const struct hist_snap *h = d.n ? &d : &all;
    g->p50 = (struct ui_val){(double)hist_q(h, 0.50) * 1e-6, vs};
    g->p95 = (struct ui_val){(double)hist_q(h, 0.95) * 1e-6, vs};
    g->p99 = (struct ui_val){(double)hist_q(h, 0.99) * 1e-6, vs};
    g->max = (struct ui_val){(double)h->max_ns * 1e-6, vs};
}

/* Where the seconds went: column times are summed over columns that share host threads, so they are
 * divided by the threads that can run at once. */
static void fill_parts(struct fill *f, struct ui_perf *p, const struct mark *from, double audio)
{
    const struct npu_stats *a = &from->npu, *b = &f->now.npu;
    double busy = 0, move = 0, list = (double)(b->list_ns - a->list_ns) * 1e-9;
    int lanes = npu_rt_threads(f->setup->rt), cols = b->columns;
    for (int i = 0; i < cols && i < NPU_MAX_COLS; i++) {
        busy += (double)(b->col[i].busy - a->col[i].busy) * 1e-9;
        move += (double)(b->col[i].transfer - a->col[i].transfer) * 1e-9;
    }
    lanes = lanes < 1 ? 1 : lanes > cols ? cols : lanes;
    busy /= lanes;
    move /= lanes;
    double work = f->now.work_s - from->work_s;
    if (audio <= 0.05) {
        return;
    }
    double over = busy + move > list && busy + move > 0 ? list / (busy + move) : 1;
    p->part[UI_PART_COMPUTE] = val(busy * over / audio);
    p->part[UI_PART_TRANSFER] = val(move * over / audio);
    p->part[UI_PART_WAIT] = val(fmax(0, list - busy - move) / audio);
    p->part[UI_PART_HOST] = val(fmax(0, work - list) / audio);
}

static void fill_perf(struct fill *f, struct ui_view *v)
{
    struct ui_perf *p = &v->perf;
    const struct mark *from = back(f, f->window_s);
    double audio = f->now.audio_s - from->audio_s;
    struct hist_snap r;
    p->window_s = f->window_s && !f->over ? ui_live(f->window_s) : (struct ui_val){0};
    p->rtf = val(real_time_factor(from, &f->now));
    hist_snap(&f->rtf, &r);
    if (r.n) {
        p->rtf_p50 = val((double)hist_q(&r, 0.50) * 1e-9);
        p->rtf_p95 = val((double)hist_q(&r, 0.95) * 1e-9);
    }
    p->rtf_hist = f->rtf_hist;
    fill_parts(f, p, from, audio);
    for (int i = 0; i < f->nsrc; i++) {
        fill_stage(f, p, i, from, audio);
    }
}

static void fill_lag(struct fill *f, const struct session_stat *s, struct ui_lag *l)
{
    struct hist_snap h;
    hist_snap(&f->lag, &h);
    if (h.n) {
        l->now_s = val(f->lag_s);
        l->p50_s = val((double)hist_q(&h, 0.50) * 1e-9);
        l->p95_s = val((double)hist_q(&h, 0.95) * 1e-9);
    }
    if (isfinite(f->settled_t1) && s->speech && s->phase == SESSION_HEARING) {
        l->trail_s = val(fmax(0, s->clock_s - f->settled_t1));
    }
    l->hist = f->lag_hist;
}

static void fill_cols(struct fill *f, struct ui_npu *n)
{
    const struct mark *from = back(f, f->window_s);
    double wall = (double)(f->now.t_us - from->t_us) * 1e3;
    double step = (double)(f->now.t_us - f->lane.t_us) * 1e3;
    bool sample = f->now.t_us - f->lane.t_us >= LANE_US;
    n->ncol = (unsigned)f->now.npu.columns < UI_COLS ? (unsigned)f->now.npu.columns : UI_COLS;
    for (unsigned i = 0; i < n->ncol && i < NPU_MAX_COLS; i++) {
        const struct npu_col_stats *a = &from->npu.col[i], *b = &f->now.npu.col[i];
        const struct npu_col_stats *c = &f->lane.npu.col[i];
        struct ui_col *u = &n->col[i];
        if (wall > 0) {
            double busy = (double)(b->busy - a->busy) / wall;
            double move = (double)(b->transfer - a->transfer) / wall;
            u->compute = val(busy);
            u->transfer = val(move);
            u->wait = val((double)(b->wait - a->wait) / wall);
            u->busy = val(fmin(1, busy + move));
            for (int r = 0; r < UI_ROWS; r++) {
                u->row[r] = val(fmin(1, (double)(b->row[r] - a->row[r]) / wall));
            }
        }
        if (sample) {
            double got = (double)(b->busy - c->busy + b->transfer - c->transfer);
            ui_hist_add(&f->col[i], fmin(1, got / step));
        }
        u->hist = f->col[i];
    }
    if (sample) {
        f->lane = f->now;
    }
}

static struct ui_val reading(struct npu_reading r)
{
    return r.valid ? ui_live((double)r.v) : (struct ui_val){0};
}

/* What the device is and how it is.  The driver is asked once a second. */
static void fill_device(struct fill *f, struct ui_npu *n)
{
    const struct npu_rt *rt = f->setup->rt;
    const struct mark *from = back(f, f->window_s);
    const double wall = (double)(f->now.t_us - from->t_us) * 1e-6;
    const struct npu_sense *s = &f->sense;
    struct npu_rt_health h;
    npu_rt_health(rt, &h);
    if (!f->sensed_us || f->now.t_us - f->sensed_us >= MARK_US) {
        f->sensed_us = f->now.t_us;
        npu_rt_sense(rt, &f->sense);
    }
    if (s->driver) {
        snprintf(n->device, sizeof n->device, "%s %s amdxdna %s%s", s->real ? "real" : "virtual",
                 s->chip, s->version, h.fell_back ? " given up" : "");
    } else {
        snprintf(n->device, sizeof n->device, "virtual %s, %s", s->chip,
                 h.fell_back ? "driver given up" : "no driver");
    }
    n->mhz = reading(s->mhz);
    n->contexts = reading(s->contexts);
    n->contexts_max = reading(s->contexts_max);
    n->power_w = s->power_mw.valid ? ui_live((double)s->power_mw.v * 1e-3) : (struct ui_val){0};
    if (s->driver) {
        n->errors = reading(s->errors);
        n->repeated = val((double)h.repeated);
        n->resets = val((double)h.resets);
    }
    n->fell_back = val(h.fell_back);
    if (wall > 0) {
        n->shim_in = val((double)(f->now.npu.in_b - from->npu.in_b) / wall);
        n->shim_out = val((double)(f->now.npu.out_b - from->npu.out_b) / wall);
    }
}

static void fill_npu(struct fill *f, struct ui_npu *n)
{
    const struct npu_rt *rt = f->setup->rt;
    const struct npu_stats *s = &f->now.npu, *z = &f->zero.npu;
    snprintf(n->name, sizeof n->name, "%.*s", (int)sizeof n->name - 1, npu_rt_short(rt));
    snprintf(n->detail, sizeof n->detail, "%.*s", (int)sizeof n->detail - 1, npu_rt_isa(rt));
    snprintf(n->timed_by, sizeof n->timed_by, "timed by the host");
    n->lane_step_s = LANE_US * 1e-6;
    fill_cols(f, n);
    fill_device(f, n);
    const bool array = f->sense.driver && !n->fell_back.v; /* through a driver */
    for (int i = 1; i < NPU_OP_COUNT && n->nop < UI_OPS; i++) {
        double calls = (double)(s->op[i].calls - z->op[i].calls);
        double wall = (double)(s->op[i].wall - z->op[i].wall);
        if (calls <= 0) {
            continue;
        }
        struct ui_op *o = &n->op[n->nop++];
        snprintf(o->name, sizeof o->name, "%.*s", (int)sizeof o->name - 1, npu_op_name(i));
        snprintf(o->place, sizeof o->place, "%s", array ? "array" : "columns");
        const double model = (double)(s->op[i].model_ns - z->op[i].model_ns);
        if (model > 0) {
            o->model_us = val(model * 1e-3 / calls);
            snprintf(o->bound, sizeof o->bound, "%.*s", (int)sizeof o->bound - 1,
                     plan_bound_name((enum plan_bound)s->op[i].model_bound));
        }
        o->calls = val(calls);
        o->total_s = val(wall * 1e-9);
        o->mean_us = val(wall * 1e-3 / calls);
        uint64_t macs = s->op[i].macs - z->op[i].macs;
        if (wall > 0) {
            o->tops = macs ? val(2 * (double)macs / wall * 1e-3) : (struct ui_val){0};
            o->gbs = val((double)(s->op[i].bytes - z->op[i].bytes) / wall);
        }
    }
    n->lists_sent = n->lists_done = val((double)(s->lists - z->lists));
    snprintf(n->model_of, sizeof n->model_of, "%s", f->sense.chip);
}

static void fill_names(struct fill *f, struct ui_view *v)
{
    const struct app_setup *s = f->setup;
    const struct asr_hparams *hp = asr_model_hp(s->model);
    struct asr_params p = args_params(f->args);
    const char *prec = asr_engine_precision(s->eng) == ASR_PREC_INT8 ? "int8" : "f32";
    const char *lang = asr_tok_special(s->tok)->multilingual ? asr_lang_code(p.language) : "en";
    snprintf(v->model, sizeof v->model, "%.28s-%s", s->name, prec);
    snprintf(v->model_detail, sizeof v->model_detail, "%d + %d layers", hp->n_audio_layer,
             hp->n_text_layer);
    snprintf(v->lang, sizeof v->lang, "%s", lang ? lang : "auto");
    snprintf(v->version, sizeof v->version, "%s", DICTATE_VERSION);
}

void fill_view(struct fill *f, const struct session_stat *s, const struct state *st,
               const struct transcript *tr, const struct writer_stat *wr, struct ui_view *v)
{
    memset(v, 0, sizeof *v);
    take_now(f, s);
    f->over = s->phase == SESSION_ENDED;
    each_second(f);
    fill_names(f, v);
    v->state = st->now;
    snprintf(v->more, sizeof v->more, "%s", st->more);
    snprintf(v->say, sizeof v->say, "%s", st->say);
    v->clock_us = val(s->clock_s * 1e6);
    fill_audio(f, s, v);
    fill_perf(f, v);
    fill_lag(f, s, &v->lag);
    fill_npu(f, &v->npu);
    v->mem = f->mem;
    v->out.words = val(transcript_words(tr));
    if (wr) {
        snprintf(v->out.file, sizeof v->out.file, "%.*s", (int)sizeof v->out.file - 1,
                 f->args->out);
        v->out.unsaved = wr->pending_b > 0 && wr->failing;
        v->out.saved_us =
            wr->saved_us ? val((double)(wr->saved_us - f->start_us)) : (struct ui_val){0};
    }
    v->text = transcript_text(tr);
}
