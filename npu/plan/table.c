/* See table.h: names, verdicts.  Pure, any thread; allocates nothing. */
#include "npu/plan/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *name, *title, *source;
    void (*make)(struct plan_table *);
} known[] = {
    {"multicore", "Document 0: four columns in parallel", "MULTICORE_STRATEGY, 29 Oct 2025",
     plan_table_multicore},
    {"encoder", "Document 1: an encoder block on the NPU",
     "ENCODER INTEGRATION SUCCESS, 29 Oct 2025", plan_table_encoder},
    {"path220", "Document 2: the path to 220x", "OPTIMIZATION_STATUS_COMPLETE, 29 Oct 2025",
     plan_table_path220},
    {"tiles32", "Document 3: 4 tiles against 32 (XDNA2)", "PHASE4_32TILE_ANALYSIS, 30 Oct 2025",
     plan_table_tiles32},
    {"batched", "Document 4: larger tiles, fewer calls", "BATCHED_TILING_ANALYSIS, 21 Nov 2025",
     plan_table_batched},
    {"published", "Published measurements against the cost model",
     "whisper-xdna, IRON flm/gemm, xdna-engine, open-xdna, arXiv 2512.13282", plan_table_published},
};

const char *const plan_table_names[] = {"multicore", "encoder", "path220",
                                        "tiles32",   "batched", "published"};
const int plan_n_tables = (int)(sizeof plan_table_names / sizeof *plan_table_names);

const char *plan_verdict_name(enum plan_verdict v)
{
    static const char *const name[PLAN_VERDICTS] = {"reproduced", "not reproducible", "impossible",
                                                    "ours"};
    return v >= 0 && v < PLAN_VERDICTS ? name[v] : "?";
}

static bool is_time(const char *unit)
{
    return !strcmp(unit, "ms") || !strcmp(unit, "s") || !strcmp(unit, "us");
}

void plan_table_add(struct plan_table *t, const char *what, const char *unit, double claim,
                    double model, double best, double tolerance, bool measured, const char *reason)
{
    assert(t->n < PLAN_TABLE_ROWS);
    struct plan_row *r = &t->row[t->n++];
    *r = (struct plan_row){.what = what,
                           .unit = unit,
                           .claim = claim,
                           .model = model,
                           .best = best,
                           .tolerance = tolerance,
                           .measured = measured,
                           .reason = reason};
    const bool smaller = is_time(unit) || !strcmp(unit, "KB");
    if (isnan(claim)) {
        r->verdict = PLAN_ADDED;
    } else if (!isnan(best) && (smaller ? claim < best : claim > best)) {
        r->verdict = PLAN_IMPOSSIBLE;
    } else if (!isnan(model) && fabs(model / claim - 1) <= tolerance) {
        r->verdict = PLAN_REPRODUCED;
    } else {
        r->verdict = PLAN_NOT_REPRODUCIBLE;
    }
}

int plan_table_make(struct plan_table *t, const char *name, struct err *e)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(known[i].name, name)) {
            memset(t, 0, sizeof *t);
            t->name = known[i].name;
            t->title = known[i].title;
            t->source = known[i].source;
            t->published = !strcmp(name, "published");
            known[i].make(t);
            return 0;
        }
    }
    return err_set(e, ERR_USAGE,
                   "no table is called %s: multicore, encoder, path220, tiles32, "
                   "batched, published",
                   name);
}
