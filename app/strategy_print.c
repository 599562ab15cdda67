/* See strategy.h: the report as one JSON object, and as a table for people. */
#include <string.h>

#include "app/args.h"
#include "app/base/cpu.h"
#include "app/strategy.h"

static void one_json(const struct strategy_result *r, struct jsonw *w)
{
    const struct strategy_split *p = &r->part;
    jsonw_obj(w, NULL);
    jsonw_str(w, "group", r->s.group);
    jsonw_str(w, "name", r->name);
    jsonw_str(w, "what", r->s.what);
    jsonw_int(w, "columns", r->columns);
    jsonw_int(w, "threads", r->threads);
    jsonw_num(w, "commands", r->commands, 1);
    jsonw_num(w, "calls", r->calls, 1);
    jsonw_num(w, "submits", r->chains, 1);
    jsonw_num(w, "ms", r->ms, 4);
    jsonw_num(w, "lo", r->lo, 4);
    jsonw_num(w, "hi", r->hi, 4);
    jsonw_int(w, "n", r->n);
    jsonw_num(w, "pack_ms", p->pack, 4);
    jsonw_num(w, "sync_ms", p->sync, 4);
    jsonw_num(w, "submit_ms", p->submit, 4);
    jsonw_num(w, "kernel_ms", p->kernel, 4);
    jsonw_num(w, "wait_ms", p->wait, 4);
    jsonw_num(w, "unpack_ms", p->unpack, 4);
    jsonw_num(w, "sync_mb", r->moved_mb, 3);
    jsonw_bool(w, "identical", r->same);
    jsonw_str(w, "note", r->note[0] ? r->note : NULL);
    jsonw_obj_end(w);
}

void strategy_print_json(const struct strategy_report *p, struct jsonw *w)
{
    char cpu[128];
    jsonw_obj(w, NULL);
    jsonw_str(w, "version", DICTATE_VERSION);
    jsonw_str(w, "measured", "here"); /* nothing in this object is modelled */
    jsonw_str(w, "cpu", cpu_name(cpu, (int)sizeof cpu));
    jsonw_str(w, "isa", p->isa);
    jsonw_str(w, "device", p->device);
    jsonw_str(w, "model", p->model);
    jsonw_str(w, "kind", p->kind);
    jsonw_int(w, "audio_ctx", p->ctx);
    jsonw_bool(w, "identical", p->same);
    jsonw_arr(w, "strategies");
    for (int i = 0; i < p->n; i++) {
        one_json(&p->r[i], w);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
    jsonw_text(w, "\n");
}

void strategy_print_text(const struct strategy_report *p, struct jsonw *w)
{
    char cpu[128];
    const char *group = "";
    jsonw_fmt(w, "%s, %s kernels\n%s (%s), encoder pass of %d positions, %s\n",
              cpu_name(cpu, (int)sizeof cpu), p->isa, p->model, p->kind, p->ctx, p->device);
    jsonw_text(w, "measured here, milliseconds a pass: median, and where the time went (average)\n\n");
    jsonw_fmt(w, "  %-11s %9s %7s %7s %7s %7s %7s %8s %7s %7s  %s\n", "", "ms", "calls", "submits",
              "pack", "sync", "submit", "kernel", "wait", "unpack", "bits");
    for (int i = 0; i < p->n; i++) {
        const struct strategy_result *r = &p->r[i];
        if (strcmp(group, r->s.group)) {
            jsonw_fmt(w, "%s\n", r->s.group);
            group = r->s.group;
        }
        jsonw_fmt(w, "  %-11s %9.3f %7.0f %7.0f %7.3f %7.3f %7.3f %8.3f %7.3f %7.3f  %s\n", r->name,
                  r->ms, r->calls, r->chains, r->part.pack, r->part.sync, r->part.submit,
                  r->part.kernel, r->part.wait, r->part.unpack, r->same ? "same" : "DIFFER");
        jsonw_fmt(w, "    %s; %d column%s on %d thread%s\n", r->s.what, r->columns,
                  r->columns == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s");
        if (r->note[0]) {
            jsonw_fmt(w, "    %s\n", r->note);
        }
    }
    jsonw_fmt(w, "\n%s\n", p->same ? "results are the same, bit for bit" : "RESULTS DIFFER");
}
