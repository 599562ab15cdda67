/* Plans and tables for people: at most 100 columns, plain ASCII.  Main thread; allocates nothing.
 */
#include "app/plan_show.h"

#include <math.h>
#include <string.h>

static const char *part_name(enum plan_part p)
{
    static const char *const name[] = {"stem", "block", "tail", "token"};
    return name[p];
}

static void shape(char *out, size_t cap, const struct plan_op *o)
{
    if (o->kind == PLAN_OP_GEMM || o->kind == PLAN_OP_ATTN) {
        snprintf(out, cap, "%s%lldx%lldx%lld", o->heads > 1 ? "h " : "", (long long)o->M,
                 (long long)o->K, (long long)o->N);
    } else if (o->kind == PLAN_OP_SWITCH) {
        snprintf(out, cap, "-");
    } else {
        snprintf(out, cap, "%lldx%lld", (long long)o->M, (long long)o->N);
    }
}

static void one_op(FILE *f, const struct plan_op *o)
{
    char size[40], tile[24] = "-";
    shape(size, sizeof size, o);
    if (o->m && !o->on_host && o->kind != PLAN_OP_ROWS) {
        snprintf(tile, sizeof tile, "%d,%d,%d", o->m, o->k, o->n);
    }
    fprintf(f, "%-5s %-10s %-5s %5d  %-18s %-11s %6lld %9.3f  %-8s %8.1f\n", part_name(o->part),
            o->name, o->on_host ? "host" : "NPU", o->times, size, tile, (long long)o->calls,
            o->s * 1e3, plan_bound_name(o->bound), o->on_host ? 0 : o->bytes * 1e-6);
}

enum { WIDE = 100 };

/* Words of s in lines of at most WIDE columns, all but the first behind `indent` blanks; the cursor
 * stands at column `indent` already. */
static void wrapped(FILE *f, const char *s, int indent)
{
    const size_t most = (size_t)(WIDE - indent);
    while (*s) {
        size_t n = strlen(s);
        if (n > most) {
            n = most;
            while (n > 0 && s[n] != ' ') {
                n--;
            }
            n = n ? n : most;
        }
        fprintf(f, "%.*s\n", (int)n, s);
        s += n + (s[n] == ' ');
        fprintf(f, "%*s", *s ? indent : 0, "");
    }
}

static void head(FILE *f, const struct plan *p)
{
    const struct plan_want *w = &p->want;
    fprintf(f, "model %s: %d encoder layers, width %d, %d heads; %d positions (%.1f s)\n",
            w->shape.name, w->shape.enc_layers, w->shape.width, w->shape.heads, w->ctx,
            w->ctx * .02);
    fprintf(f, "device %s: %d of %d columns x %d rows, %.0f MHz; dispatch %s\n", w->dev.name,
            p->cols, w->dev.cols, w->dev.rows, w->dev.clock_hz * 1e-6,
            plan_dispatch_name(w->dispatch));
    fprintf(f, "%s, %s kernels; fused:%s%s%s%s\n", w->bf16 ? "bf16" : "int8",
            w->tuned ? "tuned" : "stock", w->fuse & PLAN_FUSE_EPILOGUE ? " epilogue" : "",
            w->fuse & PLAN_FUSE_NORM ? " norm" : "", w->fuse & PLAN_FUSE_ATTN ? " attention" : "",
            w->fuse ? "" : " nothing");
    if (p->retiled) {
        fprintf(f, "tile %d,%d,%d is refused (operation %s):\n", w->m, w->k, w->n, p->refused_op);
        for (int i = 0; i < p->refused.n; i++) {
            fprintf(f, "  ");
            wrapped(f, p->refused.at[i].text, 2);
        }
    }
    fprintf(f,
            "tile %d,%d,%d: %.1f of 64 KB data; programs %.1f of 16 KB (assumed), %d overlay%s\n",
            p->m, p->k, p->n, (double)p->l1_b / 1024, (double)p->prog_b / 1024, p->overlays,
            p->overlays > 1 ? "s" : "");
    if (p->tiles_tried) {
        fprintf(f, "  (the least modelled time of %d tiles that fit, %d were tried)\n",
                p->tiles_fit, p->tiles_tried);
    }
    fprintf(f, "All figures are modelled; this project has not run on NPU silicon yet.\n\n");
}

void plan_show(FILE *f, const struct plan *p)
{
    head(f, p);
    fprintf(f, "%-5s %-10s %-5s %5s  %-18s %-11s %6s %9s  %-8s %8s\n", "part", "op", "where",
            "times", "size", "tile", "calls", "ms", "bound", "MB");
    for (int i = 0; i < p->n_ops; i++) {
        one_op(f, &p->op[i]);
    }
    const double audio = p->want.ctx * .02;
    fprintf(f,
            "\nblocks %.1f ms; the pass %.1f ms (%.0fx realtime without a decoder), %lld calls, "
            "%.0f MB\n",
            p->blocks_s * 1e3, p->total_s * 1e3, audio / p->total_s, (long long)p->calls,
            p->bytes * 1e-6);
    const double peak = (p->want.bf16 ? p->want.dev.mac_bf16 : p->want.dev.mac_i8) * 2 *
                        p->want.dev.clock_hz * p->cols * p->want.dev.rows;
    fprintf(
        f, "decoder %.2f ms a token; %.1f GFLOP on the NPU, %.1f %% of the %s peak of %d columns\n",
        p->token_s * 1e3, p->flops * 1e-9, 100 * p->flops / p->total_s / peak,
        p->want.bf16 ? "bf16" : "INT8", p->cols);
}

void plan_show_explain(FILE *f, const struct plan *p)
{
    fprintf(f,
            "\nHow the times come about, ms of one time (the largest of the first four binds, the\n"
            "call is added; DDR: both operands are read again for every block of the other):\n");
    fprintf(f, "%-10s %9s %9s %9s %9s %9s %6s %8s\n", "op", "compute", "DDR", "shim", "core",
            "submit", "chunks", "k-tiles");
    for (int i = 0; i < p->n_ops; i++) {
        const struct plan_op *o = &p->op[i];
        const struct plan_time *t = &o->t;
        if (o->on_host || o->kind == PLAN_OP_SWITCH) {
            continue;
        }
        const double n = (double)(o->kind == PLAN_OP_ATTN ? 1 : o->chunks * o->heads);
        const double shim = t->shim_in > t->shim_out ? t->shim_in : t->shim_out;
        fprintf(f, "%-10s %9.3f %9.3f %9.3f %9.3f %9.3f %6d %8lld\n", o->name, t->compute * n * 1e3,
                t->ddr * n * 1e3, shim * n * 1e3, t->core * n * 1e3, t->call * 1e3, o->chunks,
                (long long)t->tiles);
    }
    const double kernel = p->total_s - p->call_s - p->switch_s - p->host_s;
    fprintf(f,
            "\nOverhead laid open: submit %.1f ms, switches %.1f ms, host %.1f ms, kernels and\n"
            "transfers %.1f ms; packing 0 (weights are packed at load), unpacking 0 (results stay\n"
            "in chained buffers).\n",
            p->call_s * 1e3, p->switch_s * 1e3, p->host_s * 1e3, kernel * 1e3);
    const double share = kernel / p->total_s;
    fprintf(f,
            "Amdahl: kernels are %.0f %% of the pass; twice as fast they make it %.2fx, without "
            "limit %.2fx.\n",
            100 * share, plan_amdahl(share, 2), plan_amdahl(share, INFINITY));
    fprintf(f,
            "serial: one column, a call costs %.0f us each; chained calls cost %.0f us after the "
            "first (assumed).\n",
            p->want.dev.call_s * 1e6, p->want.dev.chain_s * 1e6);
}

void plan_show_placement(FILE *f, const struct plan *p)
{
    fprintf(f, "\nPlacement:\n");
    for (int i = 0; i < p->n_ops; i++) {
        fprintf(f, "%-10s %-5s ", p->op[i].name, p->op[i].on_host ? "host" : "NPU");
        wrapped(f, p->op[i].why, 17);
    }
}

void plan_show_constants(FILE *f)
{
    fprintf(f,
            "Trust: M measured by the source, D documented, C computed or fitted, ? assumed.\n\n");
    fprintf(f, "%-15s %-17s %10s %10s    %s\n", "constant", "unit", "npu1", "npu4", "source");
    for (int i = 0; i < plan_n_const; i++) {
        const struct plan_const *c = &plan_const[i];
        fprintf(f, "%-15s %-17s %10.4g %10.4g  %c ", c->name, c->unit, c->npu1, c->npu4, c->trust);
        wrapped(f, c->source, 59);
    }
}

static void number(char *out, size_t cap, double v, const char *unit)
{
    if (isnan(v)) {
        snprintf(out, cap, "-");
    } else if (isinf(v)) {
        snprintf(out, cap, "inf");
    } else {
        const double a = fabs(v);
        snprintf(out, cap, "%.*f %s", a >= 100 ? 0 : a >= 10 ? 1 : a >= .1 ? 2 : 4, v, unit);
    }
}

static int table_row(FILE *f, const struct plan_table *t, const struct plan_row *r)
{
    char claim[32], model[32], best[32], err[16] = "";
    number(claim, sizeof claim, r->claim, r->unit);
    number(model, sizeof model, r->model, r->unit);
    number(best, sizeof best, r->best, r->unit);
    if (t->published && !isnan(r->model)) {
        snprintf(err, sizeof err, "%+.0f %%", 100 * (r->model / r->claim - 1));
    }
    fprintf(f, "%-37s %13s %13s %13s  %s\n", r->what, claim, model, t->published ? err : best,
            plan_verdict_name(r->verdict));
    char reason[400];
    snprintf(reason, sizeof reason, "%s%s",
             t->published || r->verdict == PLAN_ADDED ? ""
             : r->measured                            ? "claim measured; "
                                                      : "claim computed; ",
             r->reason);
    fprintf(f, "    ");
    wrapped(f, reason, 4);
    return (int)r->verdict;
}

void plan_show_table(FILE *f, const struct plan_table *t)
{
    int count[PLAN_VERDICTS] = {0};
    fprintf(f, "%s\n(%s)\n\n", t->title, t->source);
    fprintf(f, "%-37s %13s %13s %13s  %s\n", "", t->published ? "measured" : "claimed", "model",
            t->published ? "error" : "at best", "verdict");
    for (int i = 0; i < t->n; i++) {
        count[table_row(f, t, &t->row[i])]++;
    }
    fprintf(f, "\n%d rows: %d reproduced, %d not reproducible, %d impossible", t->n,
            count[PLAN_REPRODUCED], count[PLAN_NOT_REPRODUCIBLE], count[PLAN_IMPOSSIBLE]);
    fprintf(f, count[PLAN_ADDED] ? "; %d of ours beside them.\n" : ".\n", count[PLAN_ADDED]);
    if (t->published) {
        fprintf(f,
                "\"Measured\" is published by the source named; the model's figures are ours.\n");
    } else {
        fprintf(f,
                "\"Reproduced\" repeats the document's own arithmetic or log; whether that means "
                "anything\nstands below the row.  \"At best\" is a physical limit, or one that the "
                "document's own\nfigures set.  Nothing here was measured by this project.\n");
    }
}
