/* The tables of the five documents that this project started from, and of published measurements,
 * recomputed row by row: what was claimed, what the claim's own arithmetic or the cost model gives,
 * and the best that is physically possible for the same quantity.
 *
 * The verdict follows from the numbers: a claim beyond the best is impossible; a recomputed value
 * within the row's tolerance is reproduced; anything else is not reproducible.  Reproduced means
 * that the arithmetic can be repeated, not that anybody measured it; `reason` says which.  Pure. */
#ifndef PLAN_TABLE_H
#define PLAN_TABLE_H

#include <stdbool.h>

#include "app/base/err.h"

enum plan_verdict {
    PLAN_REPRODUCED,
    PLAN_NOT_REPRODUCIBLE,
    PLAN_IMPOSSIBLE,
    PLAN_ADDED, /* no claim: a figure of ours beside the others */
    PLAN_VERDICTS
};

struct plan_row {
    const char *what;
    const char *unit;
    double claim;     /* of the document; published: the measurement; NaN: ours */
    double model;     /* recomputed; NaN: there is no way to compute it */
    double best;      /* physical or arithmetic limit, NaN: none named */
    double tolerance; /* relative */
    bool measured;    /* the claim was a measurement, not a projection */
    enum plan_verdict verdict;
    const char *reason;
};

enum { PLAN_TABLE_ROWS = 40 };
struct plan_table {
    const char *name, *title, *source;
    bool published; /* claim is a measurement of others, model - claim is an error */
    int n;
    struct plan_row row[PLAN_TABLE_ROWS];
};

/* multicore, encoder, path220, tiles32, batched, published.  -ERR_USAGE. */
int plan_table_make(struct plan_table *t, const char *name, struct err *e);
extern const char *const plan_table_names[];
extern const int plan_n_tables;

const char *plan_verdict_name(enum plan_verdict v);

/* For table_*.c: adds a row and works out its verdict.  Times get better as they shrink, everything
 * else as it grows. */
void plan_table_add(struct plan_table *t, const char *what, const char *unit, double claim,
                    double model, double best, double tolerance, bool measured, const char *reason);
void plan_table_multicore(struct plan_table *t);
void plan_table_encoder(struct plan_table *t);
void plan_table_path220(struct plan_table *t);
void plan_table_tiles32(struct plan_table *t);
void plan_table_batched(struct plan_table *t);
void plan_table_published(struct plan_table *t);

#endif
