/* The figures of a view as JSON: every number on the screen, under the name it has in ui/view.h. */
#include "app/fill.h"

#include <math.h>

static void value(struct jsonw *w, const char *key, struct ui_val v, int decimals)
{
    jsonw_num(w, key, v.state == UI_NONE ? (double)NAN : v.v, decimals);
}

static void stages(const struct ui_perf *p, struct jsonw *w)
{
    jsonw_arr(w, "stages");
    for (unsigned i = 0; i < p->nstage; i++) {
        const struct ui_stage *g = &p->stage[i];
        jsonw_obj(w, NULL);
        jsonw_str(w, "name", g->name);
        value(w, "calls", g->calls, 0);
        value(w, "last_ms", g->last, 4);
        value(w, "p50_ms", g->p50, 4);
        value(w, "p95_ms", g->p95, 4);
        value(w, "p99_ms", g->p99, 4);
        value(w, "max_ms", g->max, 4);
        value(w, "share", g->share, 6);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

static void columns(const struct ui_npu *n, struct jsonw *w)
{
    jsonw_arr(w, "columns");
    for (unsigned i = 0; i < n->ncol; i++) {
        const struct ui_col *c = &n->col[i];
        jsonw_obj(w, NULL);
        value(w, "busy", c->busy, 4);
        value(w, "compute", c->compute, 4);
        value(w, "transfer", c->transfer, 4);
        value(w, "wait", c->wait, 4);
        jsonw_arr(w, "rows");
        for (int r = 0; r < UI_ROWS; r++) {
            value(w, NULL, c->row[r], 4);
        }
        jsonw_arr_end(w);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_arr(w, "ops");
    for (unsigned i = 0; i < n->nop; i++) {
        const struct ui_op *o = &n->op[i];
        jsonw_obj(w, NULL);
        jsonw_str(w, "name", o->name);
        jsonw_str(w, "place", o->place);
        value(w, "calls", o->calls, 0);
        value(w, "total_s", o->total_s, 6);
        value(w, "mean_us", o->mean_us, 3);
        value(w, "tops", o->tops, 4);
        value(w, "gbs", o->gbs, 3);
        value(w, "peak", o->peak, 4);
        value(w, "model_us", o->model_us, 3);
        jsonw_str(w, "bound", o->bound[0] ? o->bound : NULL);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

void fill_json(const struct ui_view *v, struct jsonw *w)
{
    static const char *const part[UI_PART_COUNT] = {"compute", "transfer", "wait", "host"};
    jsonw_obj(w, NULL);
    jsonw_str(w, "version", v->version);
    jsonw_str(w, "state", ui_state_info(v->state)->id);
    jsonw_str(w, "model", v->model);
    jsonw_str(w, "device", v->npu.name);
    jsonw_str(w, "isa", v->npu.detail);
    jsonw_str(w, "timed_by", v->npu.timed_by);
    value(w, "window_s", v->perf.window_s, 0);
    jsonw_num(w, "clock_s", v->clock_us.v * 1e-6, 3);
    value(w, "rtf", v->perf.rtf, 5);
    value(w, "rtf_p50", v->perf.rtf_p50, 5);
    value(w, "rtf_p95", v->perf.rtf_p95, 5);
    jsonw_obj(w, "parts");
    for (int i = 0; i < UI_PART_COUNT; i++) {
        value(w, part[i], v->perf.part[i], 5);
    }
    jsonw_obj_end(w);
    value(w, "lag_s", v->lag.now_s, 3);
    value(w, "lag_p50_s", v->lag.p50_s, 3);
    value(w, "lag_p95_s", v->lag.p95_s, 3);
    stages(&v->perf, w);
    columns(&v->npu, w);
    value(w, "lists", v->npu.lists_done, 0);
    jsonw_str(w, "device_detail", v->npu.device);
    jsonw_str(w, "model_of", v->npu.model_of);
    value(w, "mhz", v->npu.mhz, 0);
    value(w, "contexts", v->npu.contexts, 0);
    value(w, "contexts_max", v->npu.contexts_max, 0);
    value(w, "shim_in_b_s", v->npu.shim_in, 0);
    value(w, "shim_out_b_s", v->npu.shim_out, 0);
    value(w, "errors", v->npu.errors, 0);
    value(w, "repeated", v->npu.repeated, 0);
    value(w, "resets", v->npu.resets, 0);
    value(w, "fell_back", v->npu.fell_back, 0);
    value(w, "weights_b", v->mem.weights, 0);
    value(w, "kv_b", v->mem.kv, 0);
    value(w, "buffers_b", v->mem.buf_used, 0);
    value(w, "rss_b", v->mem.rss, 0);
    value(w, "threads", v->mem.threads, 0);
    value(w, "xruns", v->audio.xruns, 0);
    value(w, "lost_s", v->audio.lost_s, 3);
    jsonw_obj_end(w);
}
