/* Plans and tables as JSON.  Main thread. */
#include "app/plan_show.h"

static void json_op(struct jsonw *w, const struct plan_op *o)
{
    static const char *const part[] = {"stem", "blocks", "tail", "token"};
    jsonw_obj(w, NULL);
    jsonw_str(w, "op", o->name);
    jsonw_str(w, "part", part[o->part]);
    jsonw_str(w, "where", o->on_host ? "host" : "npu");
    jsonw_int(w, "times", o->times);
    jsonw_int(w, "heads", o->heads);
    jsonw_int(w, "m", o->M);
    jsonw_int(w, "k", o->K);
    jsonw_int(w, "n", o->N);
    jsonw_arr(w, "tile");
    if (!o->on_host && o->m && o->kind != PLAN_OP_ROWS) {
        jsonw_int(w, NULL, o->m);
        jsonw_int(w, NULL, o->k);
        jsonw_int(w, NULL, o->n);
    }
    jsonw_arr_end(w);
    jsonw_int(w, "chunks", o->chunks);
    jsonw_int(w, "calls", o->calls);
    jsonw_num(w, "ms", o->s * 1e3, 6);
    jsonw_num(w, "npu_ms", o->npu_s * 1e3, 6);
    jsonw_num(w, "host_ms", o->host_s * 1e3, 6);
    jsonw_str(w, "bound", plan_bound_name(o->bound));
    jsonw_num(w, "bytes", o->on_host ? 0 : o->bytes, 0);
    jsonw_num(w, "flops", o->flops, 0);
    jsonw_str(w, "why", o->why);
    jsonw_obj_end(w);
}

static void json_refused(struct jsonw *w, const struct plan *p)
{
    jsonw_bool(w, "retiled", p->retiled);
    jsonw_arr(w, "refused");
    for (int i = 0; i < p->refused.n && p->retiled; i++) {
        const struct plan_finding *x = &p->refused.at[i];
        jsonw_obj(w, NULL);
        jsonw_str(w, "rule", plan_rule[x->rule].name);
        jsonw_int(w, "need", x->need);
        jsonw_int(w, "have", x->have);
        jsonw_str(w, "text", x->text);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

void plan_json(struct jsonw *w, const struct plan *p)
{
    jsonw_obj(w, NULL);
    jsonw_str(w, "label", "modelled");
    jsonw_str(w, "model", p->want.shape.name);
    jsonw_str(w, "device", p->want.dev.name);
    jsonw_int(w, "columns", p->cols);
    jsonw_int(w, "audio_ctx", p->want.ctx);
    jsonw_str(w, "dispatch", plan_dispatch_name(p->want.dispatch));
    jsonw_str(w, "precision", p->want.bf16 ? "bf16" : "int8");
    jsonw_arr(w, "tile");
    jsonw_int(w, NULL, p->m);
    jsonw_int(w, NULL, p->k);
    jsonw_int(w, NULL, p->n);
    jsonw_arr_end(w);
    json_refused(w, p);
    jsonw_int(w, "overlays", p->overlays);
    jsonw_int(w, "core_data_bytes", p->l1_b);
    jsonw_int(w, "core_program_bytes", p->prog_b);
    jsonw_num(w, "blocks_ms", p->blocks_s * 1e3, 6);
    jsonw_num(w, "pass_ms", p->total_s * 1e3, 6);
    jsonw_num(w, "token_ms", p->token_s * 1e3, 6);
    jsonw_num(w, "submit_ms", p->call_s * 1e3, 6);
    jsonw_num(w, "switch_ms", p->switch_s * 1e3, 6);
    jsonw_num(w, "host_ms", p->host_s * 1e3, 6);
    jsonw_int(w, "calls", p->calls);
    jsonw_num(w, "bytes", p->bytes, 0);
    jsonw_arr(w, "ops");
    for (int i = 0; i < p->n_ops; i++) {
        json_op(w, &p->op[i]);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
}

void plan_json_table(struct jsonw *w, const struct plan_table *t)
{
    jsonw_obj(w, NULL);
    jsonw_str(w, "table", t->name);
    jsonw_str(w, "title", t->title);
    jsonw_str(w, "source", t->source);
    jsonw_str(w, "label", t->published ? "published" : "claimed");
    jsonw_arr(w, "rows");
    for (int i = 0; i < t->n; i++) {
        const struct plan_row *r = &t->row[i];
        jsonw_obj(w, NULL);
        jsonw_str(w, "what", r->what);
        jsonw_str(w, "unit", r->unit);
        jsonw_num(w, t->published ? "measured" : "claimed", r->claim, 6);
        jsonw_num(w, "model", r->model, 6);
        jsonw_num(w, "best", r->best, 6);
        jsonw_bool(w, "was_measured", r->measured);
        if (t->published) {
            jsonw_num(w, "error", r->model / r->claim - 1, 4);
        }
        jsonw_str(w, "verdict", plan_verdict_name(r->verdict));
        jsonw_str(w, "reason", r->reason);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
}
