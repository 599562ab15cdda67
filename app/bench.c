/* See bench.h: options, one run for each number of columns, the report. */
#include "app/bench.h"

#include <stdlib.h>

#include "app/bench_impl.h"
#include "app/strategy.h"
#include "app/writer.h"

static int write_report(const struct args *a, const struct jsonw *w, struct err *e)
{
    struct writer *wr;
    int rc = writer_open(&wr, a->out, false, e);
    if (!rc) {
        writer_put(wr, w->buf, w->len);
        rc = writer_close(wr, 1000, e);
    }
    return rc;
}

int bench_main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    struct bench b = {.a = &a};
    struct jsonw w;
    if (args_parse_cmd(&a, ARGS_BENCH, argc, argv, &e)) {
        return args_complain(&e);
    }
    if (a.strategy || a.dispatch) {
        return strategy_main(&a);
    }
    if (a.audio_ctx) {
        err_set(&e, ERR_USAGE, "--audio-ctx goes with --strategy here; the stages have their own");
        return args_complain(&e);
    }
    const int n = a.n_columns ? a.n_columns : 1;
    struct bench_run *r = calloc((size_t)n, sizeof *r);
    int rc = r ? 0 : err_set(&e, ERR_MEM, "no memory for %d runs", n);
    jsonw_init(&w);
    for (int i = 0; i < n && !rc; i++) {
        app_setup_close(&b.setup);
        rc = bench_columns(&b, a.n_columns ? a.column_list[i] : 0, &r[i], &e);
    }
    if (!rc) {
        (a.format == ARGS_FMT_JSON ? bench_print_json : bench_print_text)(&b, r, n, &w);
        rc = jsonw_ok(&w) ? write_report(&a, &w, &e) : err_set(&e, ERR_MEM, "no memory for the report");
    }
    app_setup_close(&b.setup);
    jsonw_free(&w);
    free(b.x);
    free(b.mel);
    free(r);
    return rc ? args_complain(&e) : 0;
}
