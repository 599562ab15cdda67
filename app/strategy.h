/* `dictate bench --strategy NAME|all`, `--dispatch LIST`: the same encoder pass handed to the device
 * in different ways, each of them run, timed and compared bit for bit.  Main thread. */
#ifndef APP_STRATEGY_H
#define APP_STRATEGY_H

#include "app/args.h"
#include "app/base/jsonw.h"

/* Exit code; ERR_FAIL when results differ. */
int strategy_main(const struct args *a);

/* What is below is for app/strategy*.c alone. */

enum strategy_how {
    HOW_LIST,       /* the list as it is */
    HOW_APART,      /* every call with buffers of its own */
    HOW_ROWS,       /* with sound in and result out, row by row */
    HOW_BATCHED,    /* each in one piece */
    HOW_OVERLAPPED, /* by a second thread while the columns work on the pass before */
};

struct strategy {
    const char *group, *name, *what;
    const char *device; /* NULL: the one asked for */
    int columns;        /* 0: all */
    int per_call, per_chain, in_flight;
    unsigned block_m, block_n, tile_m, tile_n;
    int unfused;
    enum strategy_how how;
};

/* Milliseconds of one pass on the average; total: the median of the passes. */
struct strategy_split {
    double pack, sync, submit, kernel, wait, unpack;
};
struct strategy_result {
    struct strategy s;
    char name[24];
    int columns, threads;
    double ms, lo, hi;
    int n;
    struct strategy_split part;
    double calls, chains, commands, moved_mb; /* of one pass */
    int same;                                 /* encoder output and logits, bit for bit */
    char note[256];                           /* what the device said, "" : nothing */
};
struct strategy_report {
    const char *model, *kind, *device, *isa;
    int ctx;
    struct strategy_result *r;
    int n, same;
};

void strategy_print_json(const struct strategy_report *p, struct jsonw *w);
void strategy_print_text(const struct strategy_report *p, struct jsonw *w);

#endif
