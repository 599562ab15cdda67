/* Invented sessions for tests of the screen and for demo.c.  Everything is a function of (what,
 * tick), so that golden screens stay the same. */
#ifndef TESTS_UI_FIX_H
#define TESTS_UI_FIX_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/view.h"

static const char *const fix_words[] = {
    "Good morning everyone. Let us start with the list from last week, and then the two new items "
    "that Marta sent round yesterday evening.",
    "First, the report. It is finished, apart from one table.",
    "So the second point, and I want this in the minutes, is that the supplier moved the delivery "
    "to "
    "the fourteenth without telling us.",
    "We asked for a written confirmation on Tuesday.",
    "Item three. The budget for the winter quarter is unchanged, apart from the travel line, which "
    "goes down by about eight per cent.",
    "Could somebody check whether the old contract is still valid after the merger? I think it "
    "runs "
    "until the end of next June,",
};
static const char fix_tail[] = " but the notice period is";

enum { FIX_PARAS = sizeof fix_words / sizeof *fix_words };

struct fix {
    struct ui_view v;
    struct ui_text text;
    struct ui_para para[FIX_PARAS];
};

static double fix_wave(int k, double a, double b)
{
    double x = 0.5 + 0.3 * sin(k * 0.7) + 0.2 * sin(k * 1.9 + 1);
    return a + (b - a) * (x < 0 ? 0 : x > 1 ? 1 : x);
}

static void fix_stage(struct ui_perf *p, const char *name, double calls, double p50, double share)
{
    struct ui_stage *s = &p->stage[p->nstage++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->calls = ui_live(calls);
    s->last = ui_live(p50 * 1.02);
    s->p50 = ui_live(p50);
    s->p95 = ui_live(p50 * 1.12);
    s->p99 = ui_live(p50 * 1.4);
    s->max = ui_live(p50 * 2.6);
    s->share = ui_live(share);
    for (int k = 0; k < 40; k++) {
        ui_hist_add(&s->trend, fix_wave(k + (int)p->nstage, p50, p50 * 1.3));
    }
}

static void fix_op(struct ui_npu *n, const char *name, double calls, double s, double tops,
                   double gbs, double peak, const char *place)
{
    struct ui_op *o = &n->op[n->nop++];
    snprintf(o->name, sizeof o->name, "%s", name);
    snprintf(o->place, sizeof o->place, "%s", place);
    o->calls = ui_live(calls);
    o->total_s = ui_live(s);
    o->mean_us = ui_live(s * 1e6 / calls);
    if (tops > 0) {
        o->tops = ui_live(tops);
    }
    if (gbs > 0) {
        o->gbs = ui_live(gbs);
    }
    if (peak > 0) {
        o->peak = ui_live(peak);
    }
}

static void fix_perf(struct ui_perf *p, double speed)
{
    p->window_s = ui_live(10);
    p->rtf = ui_live(0.36 * speed);
    p->rtf_p50 = ui_live(0.35 * speed);
    p->rtf_p95 = ui_live(0.41 * speed);
    p->part[UI_PART_COMPUTE] = ui_live(0.21 * speed);
    p->part[UI_PART_TRANSFER] = ui_live(0.07 * speed);
    p->part[UI_PART_WAIT] = ui_live(0.02 * speed);
    p->part[UI_PART_HOST] = ui_live(0.06 * speed);
    for (int k = 0; k < 60; k++) {
        ui_hist_add(&p->rtf_hist, fix_wave(k, 0.3, 0.42) * speed);
    }
    fix_stage(p, "capture", 38350, 0.1, 0.004 * speed);
    fix_stage(p, "vad + mel", 7670, 0.2 * speed, 0.010 * speed);
    fix_stage(p, "encode", 545, 208.9 * speed, 0.19 * speed);
    fix_stage(p, "prefill", 545, 11.0 * speed, 0.015 * speed);
    fix_stage(p, "decode step", 4360, 18.2 * speed, 0.13 * speed);
    fix_stage(p, "submit", 5450, 0.03, 0.002 * speed);
    fix_stage(p, "settle + draw", 7670, 0.8, 0.009 * speed);
}

static void fix_model(struct ui_npu *n, double us, const char *bound)
{
    struct ui_op *o = &n->op[n->nop - 1];
    o->model_us = ui_live(us);
    snprintf(o->bound, sizeof o->bound, "%s", bound);
}

static void fix_npu(struct ui_npu *n, unsigned ncol)
{
    snprintf(n->name, sizeof n->name, "virt %ucol", ncol);
    snprintf(n->detail, sizeof n->detail, "AVX-512 VNNI");
    snprintf(n->timed_by, sizeof n->timed_by, "timed by the host");
    snprintf(n->why_none, sizeof n->why_none, "this kernel has no column sensor");
    n->lane_step_s = 1;
    n->ncol = ncol;
    for (unsigned i = 0; i < ncol; i++) {
        struct ui_col *c = &n->col[i];
        double b = 0.31 - 0.03 * i;
        if (i >= 6) {
            continue; /* no sensor there */
        }
        c->busy = ui_live(b);
        c->compute = ui_live(b * 0.75);
        c->transfer = ui_live(b * 0.2);
        c->wait = ui_live(b * 0.05);
        for (int r = 0; r < UI_ROWS; r++) {
            c->row[r] = ui_live(b * (0.4 + 0.2 * r));
        }
        for (int k = 0; k < 90; k++) {
            ui_hist_add(&c->hist, fix_wave(k + (int)i * 3, 0, 2 * b));
        }
    }
    fix_op(n, "gemm i8", 53410, 81.4, 2.31, 3.1, 0.51, "array");
    fix_model(n, 1640, "compute");
    fix_op(n, "gemv i8", 427280, 61.0, 0.03, 13.6, 0.45, "array");
    fix_model(n, 171, "DDR");
    fix_op(n, "softmax", 19620, 9.8, 0, 1.2, 0.20, "array");
    fix_model(n, 5710, "stream");
    fix_op(n, "layer norm", 124260, 3.1, 0, 4.4, 0.36, "array");
    fix_op(n, "dma in", 481000, 21.0, 0, 5.9, 0.39, "array");
    fix_op(n, "requant", 65400, 4.1, 0, 0, 0, "host");
    n->lists_sent = ui_live(5450);
    n->lists_done = ui_live(5449);
    n->errors = n->timeouts = ui_live(0);
    n->repeated = ui_live(2);
    n->resets = n->fell_back = ui_live(0);
    snprintf(n->device, sizeof n->device, "virtual npu1 amdxdna 0.8");
    snprintf(n->model_of, sizeof n->model_of, "npu1");
    n->mhz = ui_live(1600);
    n->contexts = ui_live(1);
    n->contexts_max = ui_live(6);
    n->shim_in = ui_live(2.1e9);
    n->shim_out = ui_live(640e6);
}

static void fix_audio(struct ui_audio *a, enum ui_src src)
{
    a->src = (uint8_t)src;
    snprintf(a->name, sizeof a->name, "%s", src == UI_SRC_MIC ? "default" : "talk.flac");
    a->rate_in = 48000;
    a->rate_out = 16000;
    a->channels = 2;
    a->rms_db = ui_live(-18);
    a->peak_db = ui_live(-6);
    a->floor_db = ui_live(-52);
    a->clip = ui_live(0);
    a->speech = ui_live(1);
    a->speech_share = ui_live(0.71);
    a->wait_s = ui_live(0.2);
    if (src == UI_SRC_MIC) {
        a->xruns = ui_live(0);
    }
    for (int k = 0; k < 60; k++) {
        ui_hist_add(&a->level, fix_wave(k, -55, -8));
    }
}

static void fix_text(struct fix *f)
{
    static const int64_t at[] = {694, 706, 718, 729, 740, 751};
    for (int i = 0; i < FIX_PARAS; i++) {
        f->para[i].id = 10 + (uint32_t)i;
        f->para[i].t_us = at[i] * 1000000;
        f->para[i].text = fix_words[i];
        f->para[i].len_b = (uint32_t)strlen(fix_words[i]);
    }
    f->text.para = f->para;
    f->text.npara = FIX_PARAS;
    f->text.tail = fix_tail;
    f->text.tail_b = sizeof fix_tail - 1;
    f->v.text = &f->text;
}

/* A healthy session with a microphone.  *f must stay where it is: the view points into it. */
static void fix_make(struct fix *f, enum ui_src src, unsigned ncol, double speed)
{
    struct ui_view *v = &f->v;
    memset(f, 0, sizeof *f);
    v->state = src == UI_SRC_FILE ? UI_ST_PLAYING : UI_ST_LISTENING;
    v->clock_us = ui_live(767e6);
    if (src == UI_SRC_FILE) {
        v->total_us = ui_live(1830e6);
    }
    snprintf(v->model, sizeof v->model, "small-int8");
    snprintf(v->model_detail, sizeof v->model_detail, "12 + 12 layers");
    snprintf(v->lang, sizeof v->lang, "en");
    snprintf(v->version, sizeof v->version, "0.1.0");
    fix_audio(&v->audio, src);
    fix_perf(&v->perf, speed);
    fix_npu(&v->npu, ncol);
    v->lag.now_s = ui_live(0.9);
    v->lag.p50_s = ui_live(0.8);
    v->lag.p95_s = ui_live(1.4);
    v->lag.trail_s = ui_live(1.6);
    for (int k = 0; k < 60; k++) {
        ui_hist_add(&v->lag.hist, fix_wave(k * 2, 0.4, 1.5));
    }
    v->mem.weights = ui_live(241e6);
    v->mem.weights_mapped = true;
    v->mem.kv = ui_live(18e6);
    v->mem.buf_used = ui_live(64e6);
    v->mem.rss = ui_live(318e6);
    v->mem.heap = ui_live(31e6);
    v->mem.threads = ui_live(14);
    snprintf(v->out.file, sizeof v->out.file, "notes-2026-11-20.txt");
    v->out.words = ui_live(1482);
    v->out.saved_us = ui_live(761e6);
    fix_text(f);
}

#endif
