/* See plan.h: options, the model's sizes, what to print.  Main thread. */
#include "app/plan.h"

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/err.h"
#include "app/plan_here.h"
#include "app/plan_show.h"
#include "app/setup.h"
#include "npu/asr/model.h"

enum opt {
    O_MODEL = 256,
    O_DEVICE,
    O_TILE,
    O_COLUMNS,
    O_DISPATCH,
    O_FUSE,
    O_PRECISION,
    O_KERNELS,
    O_CTX,
    O_CLOCK,
    O_EXPLAIN,
    O_HERE,
    O_PLACEMENT,
    O_CONSTANTS,
    O_TABLE,
    O_JSON,
    O_HELP
};

static const struct option options[] = {
    {"model", required_argument, NULL, O_MODEL},
    {"device", required_argument, NULL, O_DEVICE},
    {"tile", required_argument, NULL, O_TILE},
    {"columns", required_argument, NULL, O_COLUMNS},
    {"dispatch", required_argument, NULL, O_DISPATCH},
    {"fuse", required_argument, NULL, O_FUSE},
    {"precision", required_argument, NULL, O_PRECISION},
    {"kernels", required_argument, NULL, O_KERNELS},
    {"audio-ctx", required_argument, NULL, O_CTX},
    {"clock", required_argument, NULL, O_CLOCK},
    {"explain", no_argument, NULL, O_EXPLAIN},
    {"placement", no_argument, NULL, O_PLACEMENT},
    {"here", no_argument, NULL, O_HERE},
    {"constants", no_argument, NULL, O_CONSTANTS},
    {"table", required_argument, NULL, O_TABLE},
    {"json", no_argument, NULL, O_JSON},
    {"help", no_argument, NULL, O_HELP},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: dictate plan [OPTIONS]\n"
    "       dictate plan --table NAME\n"
    "\n"
    "What a network would take on an NPU, by the cost model, operation by operation.\n"
    "Every figure is modelled or published by others; nothing here ran on silicon.\n"
    "\n"
    "  -m, --model NAME      tiny, base (default), small, medium, large, turbo, also\n"
    "                        .en, or a model file\n"
    "      --device DEV      npu1 (default, 4 columns) or npu4 (8 columns)\n"
    "      --tile M,K,N      tile of the linear GEMMs (default: the best that fits)\n"
    "      --columns N       columns that work: 1, 2, 4, 8\n"
    "      --dispatch KIND   serial: one column, every call waited for; pipelined:\n"
    "                        one column, calls chained; columns (default): all\n"
    "                        columns, calls chained\n"
    "      --fuse LIST       none, all, or any of epilogue,norm,attention\n"
    "                        (default: epilogue,norm)\n"
    "      --precision KIND  int8 (default) or bf16, of the linear GEMMs\n"
    "      --kernels KIND    stock (default) or tuned\n"
    "      --audio-ctx N     encoder positions, 20 ms each (default: the model's)\n"
    "      --clock MHZ       array clock (default: 1028 and 1800)\n"
    "      --here            the plan that this machine runs for a model file: buffers,\n"
    "                        commands, tiles, what is fused, placement; nothing modelled\n"
    "      --explain         how each time comes about\n"
    "      --placement       where each operation runs, and why\n"
    "      --constants       the model's constants with their sources\n"
    "      --table NAME      multicore, encoder, path220, tiles32, batched: tables of\n"
    "                        the starting documents; published: measurements\n"
    "      --json            one JSON object\n"
    "  -h, --help            this text\n";

struct ask {
    struct plan_want want;
    const char *model, *device, *table;
    double clock_mhz;
    bool here, explain, placement, constants, json, help;
};

static int whole(const char *s, long lo, long hi, const char *what, int *out, struct err *e)
{
    char *end;
    long v = strtol(s, &end, 10);
    if (end == s || *end || v < lo || v > hi) {
        return err_set(e, ERR_USAGE, "--%s %s: a number from %ld to %ld", what, s, lo, hi);
    }
    *out = (int)v;
    return 0;
}

static int tile(const char *s, struct plan_want *w, struct err *e)
{
    char extra;
    if (sscanf(s, "%d,%d,%d%c", &w->m, &w->k, &w->n, &extra) != 3 || w->m < 1 || w->k < 1 ||
        w->n < 1 || w->m > 4096 || w->k > 4096 || w->n > 4096) {
        return err_set(e, ERR_USAGE, "--tile %s: three sizes from 1 to 4096, such as 64,64,64", s);
    }
    return 0;
}

static int fuse(const char *s, unsigned *out, struct err *e)
{
    static const struct {
        const char *name;
        unsigned bits;
    } word[] = {{"none", 0},
                {"epilogue", PLAN_FUSE_EPILOGUE},
                {"norm", PLAN_FUSE_NORM},
                {"attention", PLAN_FUSE_ATTN},
                {"all", PLAN_FUSE_EPILOGUE | PLAN_FUSE_NORM | PLAN_FUSE_ATTN}};
    *out = 0;
    while (*s) {
        size_t n = strcspn(s, ",");
        size_t i = 0;
        while (i < 5 && (strlen(word[i].name) != n || strncmp(word[i].name, s, n))) {
            i++;
        }
        if (i == 5) {
            return err_set(e, ERR_USAGE,
                           "--fuse %.*s: none, all, or any of epilogue,norm,attention", (int)n, s);
        }
        *out |= word[i].bits;
        s += n + (s[n] == ',');
    }
    return 0;
}

static int one_of(const char *s, const char *const *word, int n, const char *what, int *out,
                  struct err *e)
{
    char all[64] = "";
    for (int i = 0; i < n; i++) {
        if (!strcmp(s, word[i])) {
            *out = i;
            return 0;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", word[i]);
    }
    return err_set(e, ERR_USAGE, "--%s %s: one of %s", what, s, all);
}

static int apply_word(struct ask *a, int c, const char *arg, struct err *e)
{
    static const char *const dispatch[] = {"serial", "pipelined", "columns"};
    static const char *const precision[] = {"int8", "bf16"}, *const kernels[] = {"stock", "tuned"};
    int i = 0;
    int rc = c == O_DISPATCH    ? one_of(arg, dispatch, 3, "dispatch", &i, e)
             : c == O_PRECISION ? one_of(arg, precision, 2, "precision", &i, e)
                                : one_of(arg, kernels, 2, "kernels", &i, e);
    if (rc) {
        return rc;
    }
    if (c == O_DISPATCH) {
        a->want.dispatch = (enum plan_dispatch)i;
    } else if (c == O_PRECISION) {
        a->want.bf16 = i == 1;
    } else {
        a->want.tuned = i == 1;
    }
    return 0;
}

static int apply(struct ask *a, int c, const char *arg, struct err *e)
{
    int mhz = 0, rc = 0;
    switch (c) {
    case O_MODEL:
    case 'm':
        a->model = arg;
        return 0;
    case O_DEVICE:
        a->device = arg;
        return 0;
    case O_TABLE:
        a->table = arg;
        return 0;
    case O_TILE:
        return tile(arg, &a->want, e);
    case O_FUSE:
        return fuse(arg, &a->want.fuse, e);
    case O_COLUMNS:
        return whole(arg, 1, 64, "columns", &a->want.cols, e);
    case O_CTX:
        return whole(arg, 1, 4096, "audio-ctx", &a->want.ctx, e);
    case O_CLOCK:
        rc = whole(arg, 100, 5000, "clock", &mhz, e);
        a->clock_mhz = mhz;
        return rc;
    case O_EXPLAIN:
        a->explain = true;
        return 0;
    case O_PLACEMENT:
        a->placement = true;
        return 0;
    case O_HERE:
        a->here = true;
        return 0;
    case O_CONSTANTS:
        a->constants = true;
        return 0;
    case O_JSON:
        a->json = true;
        return 0;
    case O_HELP:
    case 'h':
        a->help = true;
        return 0;
    default:
        return apply_word(a, c, arg, e);
    }
}

static int parse(struct ask *a, int argc, char **argv, struct err *e)
{
    int c, rc;
    *a = (struct ask){0};
    a->want.dispatch = PLAN_BY_COLUMN;
    a->want.fuse = PLAN_FUSE_EPILOGUE | PLAN_FUSE_NORM;
    opterr = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, ":m:h", options, NULL)) != -1) {
        if (c == '?' || c == ':') {
            return err_set(e, ERR_USAGE, "plan: %s %s: dictate plan --help lists the options",
                           argv[optind > 0 ? optind - 1 : 0],
                           c == ':' ? "needs a value" : "is no option");
        }
        if ((rc = apply(a, c, optarg, e)) != 0) {
            return rc;
        }
    }
    if (optind < argc) {
        return err_set(e, ERR_USAGE, "plan: %s: no argument is expected; a model is --model NAME",
                       argv[optind]);
    }
    return 0;
}

/* A published name, or the sizes in a model file (by path, or a name that dictate finds). */
static int shape_of(const char *name, struct plan_shape *s, struct err *e)
{
    struct asr_model *m = NULL;
    struct err unknown = {0};
    char path[4096];
    if (!plan_shape_find(s, name, &unknown)) {
        return 0;
    }
    if (app_model_find(name, path, sizeof path, e)) {
        /* a path says what is wrong with it; a name may be meant as a shape */
        *e = strchr(name, '/') ? *e : unknown;
        return -e->code;
    }
    int rc = asr_model_open(&m, path, e);
    if (!rc) {
        const struct asr_hparams *hp = asr_model_hp(m);
        *s = (struct plan_shape){.enc_layers = hp->n_audio_layer,
                                 .dec_layers = hp->n_text_layer,
                                 .width = hp->n_audio_state,
                                 .heads = hp->n_audio_head,
                                 .mels = hp->n_mels,
                                 .vocab = hp->n_vocab,
                                 .ctx = hp->n_audio_ctx};
        snprintf(s->name, sizeof s->name, "%s", asr_model_kind(m));
    }
    asr_model_free(m);
    return rc;
}

static int print_json(struct jsonw *w)
{
    if (!jsonw_ok(w) || !w->buf) {
        fprintf(stderr, "dictate: no memory for the JSON object\n");
        return ERR_MEM;
    }
    puts(w->buf);
    return 0;
}

static int table(const struct ask *a, struct err *e)
{
    struct plan_table t;
    struct jsonw w;
    int rc = plan_table_make(&t, a->table, e);
    if (rc) {
        return rc;
    }
    if (!a->json) {
        plan_show_table(stdout, &t);
        return 0;
    }
    jsonw_init(&w);
    plan_json_table(&w, &t);
    rc = -print_json(&w);
    jsonw_free(&w);
    return rc;
}

static int plan(struct ask *a, struct err *e)
{
    static struct plan p; /* 20 KB: too much for a stack frame in a test under a sanitizer */
    struct jsonw w;
    int rc = shape_of(a->model ? a->model : "base", &a->want.shape, e);
    rc = rc ? rc : plan_dev_find(&a->want.dev, a->device ? a->device : "npu1", e);
    if (rc) {
        return rc;
    }
    if (a->clock_mhz > 0) {
        a->want.dev.clock_hz = a->clock_mhz * 1e6;
    }
    rc = plan_make(&a->want, &p, e);
    if (rc) {
        return rc;
    }
    if (a->json) {
        jsonw_init(&w);
        plan_json(&w, &p);
        rc = -print_json(&w);
        jsonw_free(&w);
        return rc;
    }
    plan_show(stdout, &p);
    if (a->explain) {
        plan_show_explain(stdout, &p);
    }
    if (a->placement || a->explain) {
        plan_show_placement(stdout, &p);
    }
    return 0;
}

int plan_main(int argc, char **argv)
{
    struct ask a;
    struct err e = {0};
    int rc = parse(&a, argc, argv, &e);
    if (!rc && a.help) {
        fputs(help, stdout);
        return 0;
    }
    if (!rc && a.constants) {
        plan_show_constants(stdout);
        return 0;
    }
    if (!rc && a.here) {
        rc = plan_here(stdout, a.model, a.device, a.want.cols, a.want.ctx, a.json, &e);
    } else {
        rc = rc ? rc : a.table ? table(&a, &e) : plan(&a, &e);
    }
    if (rc && e.text[0]) {
        fprintf(stderr, "dictate: %s\n", e.text);
    }
    return -rc;
}
