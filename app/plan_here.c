/* See plan_here.h.  Commands that are alike but for their addresses stand in one row with how often
 * they come, in the order in which the first of each runs. */
#include "app/plan_here.h"

#include <string.h>

#include "app/args.h"
#include "app/base/jsonw.h"
#include "app/setup.h"

enum { MAX_KINDS = 128, MAX_FUSED = 64 };

struct kind {
    struct npu_cmd c;
    int times;
    uint32_t tiles;
};

static bool alike(const struct npu_cmd *a, const struct npu_cmd *b)
{
    return a->op == b->op && a->flags == b->flags && a->m == b->m && a->n == b->n && a->k == b->k &&
           a->tile_m == b->tile_m && a->tile_n == b->tile_n && a->heads == b->heads;
}

/* Columns of the result's tiles: heads where a command goes by heads, one where it goes by rows. */
static uint32_t across(const struct npu_cmd *c)
{
    switch (c->op) {
    case NPU_GEMM_F32:
    case NPU_GEMM_I8:
        return c->n;
    case NPU_MEAN:
        return c->k;
    case NPU_RANGE:
        return (c->n + c->k - 1) / c->k;
    default:
        return c->heads ? c->heads : 1;
    }
}

static int kinds_of(const struct npu_list *l, struct kind *k)
{
    int n = 0;
    for (int i = 0; i < l->n; i++) {
        const struct npu_cmd *c = &l->cmd[i];
        int at = 0;
        while (at < n && !alike(&k[at].c, c)) {
            at++;
        }
        if (at == n && n < MAX_KINDS) {
            const uint32_t tiles = ((c->m + c->tile_m - 1) / c->tile_m) *
                                   ((across(c) + c->tile_n - 1) / c->tile_n);
            k[n++] = (struct kind){*c, 0, tiles};
        }
        k[at < n ? at : n - 1].times++;
    }
    return n;
}

/* What stands behind the operation in the same command. */
static void fused(const struct npu_cmd *c, char *s, size_t cap)
{
    static const struct {
        unsigned flag;
        const char *word;
    } word[] = {{NPU_FINE, "16-bit rows"}, {NPU_DEEP, "two weight planes"}, {NPU_W4, "4-bit weights"},
                {NPU_BIAS, "bias"},        {NPU_GELU, "gelu"},             {NPU_MUL, "scale"},
                {NPU_ADD, "residual"},     {NPU_CAUSAL, "causal"},         {NPU_PROBS, "probabilities"},
                {NPU_AS_K, "keys"},        {NPU_AS_V, "values"},           {NPU_BLOCKS, "block rows"},
                {NPU_CENTRE, "centred"}};
    s[0] = 0;
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
        const size_t at = strlen(s);
        if (c->flags & word[i].flag && at + strlen(word[i].word) + 2 < cap) {
            snprintf(s + at, cap - at, "%s%s", at ? "," : "", word[i].word);
        }
    }
}

/* -- printing --------------------------------------------------------------------------------------- */

static void list_text(FILE *f, const char *what, const struct npu_list *l)
{
    struct kind k[MAX_KINDS];
    const int n = kinds_of(l, k);
    fprintf(f, "\n%s: %d commands\n%-15s %5s  %-16s %-9s %6s  %s\n", what, l->n, "op", "times",
            "rows x out x in", "tile", "tiles", "in the same command");
    for (int i = 0; i < n; i++) {
        const struct npu_cmd *c = &k[i].c;
        char size[48], tile[24], with[MAX_FUSED];
        snprintf(size, sizeof size, "%ux%ux%u", c->m, c->n, c->k);
        snprintf(tile, sizeof tile, "%ux%u", c->tile_m, c->tile_n);
        fused(c, with, sizeof with);
        fprintf(f, "%-15s %5d  %-16s %-9s %6u  %s\n", npu_op_name(c->op), k[i].times, size, tile,
                k[i].tiles, with);
    }
}

static void list_json(struct jsonw *w, const char *key, const struct npu_list *l)
{
    struct kind k[MAX_KINDS];
    const int n = kinds_of(l, k);
    jsonw_obj(w, key);
    jsonw_int(w, "commands", l->n);
    jsonw_arr(w, "kinds");
    for (int i = 0; i < n; i++) {
        const struct npu_cmd *c = &k[i].c;
        char with[MAX_FUSED];
        fused(c, with, sizeof with);
        jsonw_obj(w, NULL);
        jsonw_str(w, "op", npu_op_name(c->op));
        jsonw_int(w, "times", k[i].times);
        jsonw_int(w, "m", c->m);
        jsonw_int(w, "n", c->n);
        jsonw_int(w, "k", c->k);
        jsonw_int(w, "tile_m", c->tile_m);
        jsonw_int(w, "tile_n", c->tile_n);
        jsonw_int(w, "tiles", k[i].tiles);
        jsonw_str(w, "fused", with);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
}

static void show_text(FILE *f, const struct app_setup *s, int ctx, const struct npu_list *enc,
                      const struct npu_list *dec)
{
    struct asr_mem m;
    const int columns = npu_rt_columns(s->rt);
    asr_engine_mem(s->eng, &m);
    fprintf(f, "model %s (%s), int8; encoder context %d (%.1f s)\n%s, %s kernels\n", s->name,
            asr_model_kind(s->model), ctx, ctx * .02, npu_rt_name(s->rt), npu_rt_isa(s->rt));
    fprintf(f,
            "buffers, made once: weights %.1f MB (packed for these kernels), activations %.1f MB,\n"
            "  keys and values %.1f MB\n",
            (double)m.weights / 1e6, (double)m.work / 1e6, (double)m.kv / 1e6);
    fprintf(f,
            "placement: tile t of a command on column t mod %d, %d columns on %d host thread%s, which\n"
            "  take tiles of the others when they have none; on the host: log-mel, the text's\n"
            "  embeddings, the best few logits once more in f32, the choice of a token\n",
            columns, columns, npu_rt_threads(s->rt), npu_rt_threads(s->rt) == 1 ? "" : "s");
    list_text(f, "encoder pass, with the decoder's keys and values of the sound", enc);
    list_text(f, "decoder step, after 4 tokens", dec);
}

static int show_json(FILE *f, const struct app_setup *s, int ctx, const struct npu_list *enc,
                     const struct npu_list *dec, struct err *e)
{
    struct asr_mem m;
    struct jsonw w;
    asr_engine_mem(s->eng, &m);
    jsonw_init(&w);
    jsonw_obj(&w, NULL);
    jsonw_str(&w, "plan", "run here");
    jsonw_str(&w, "model", s->name);
    jsonw_str(&w, "precision", "int8");
    jsonw_int(&w, "audio_ctx", ctx);
    jsonw_str(&w, "device", npu_rt_name(s->rt));
    jsonw_str(&w, "isa", npu_rt_isa(s->rt));
    jsonw_int(&w, "columns", npu_rt_columns(s->rt));
    jsonw_int(&w, "threads", npu_rt_threads(s->rt));
    jsonw_obj(&w, "buffers");
    jsonw_int(&w, "weights", (int64_t)m.weights);
    jsonw_int(&w, "activations", (int64_t)m.work);
    jsonw_int(&w, "kv", (int64_t)m.kv);
    jsonw_obj_end(&w);
    jsonw_str(&w, "placement", "tile t on column t mod columns");
    list_json(&w, "encoder", enc);
    list_json(&w, "decoder", dec);
    jsonw_obj_end(&w);
    int rc = jsonw_ok(&w) ? 0 : err_set(e, ERR_MEM, "no memory for the JSON object");
    if (!rc) {
        fprintf(f, "%s\n", w.buf);
    }
    jsonw_free(&w);
    return rc;
}

int plan_here(FILE *f, const char *model, const char *device, int columns, int ctx, bool json,
              struct err *e)
{
    struct args a = {.cmd = ARGS_BENCH, .model = model, .device = device, .language = -2};
    struct app_setup s = {0};
    const struct npu_list *enc, *dec;
    int rc = app_setup_open_cols(&s, &a, columns, e);
    if (rc) {
        return rc;
    }
    const int all = asr_engine_hp(s.eng)->n_audio_ctx;
    ctx = ctx ? ctx : all;
    rc = asr_engine_plan(s.eng, ctx, &enc, &dec, e);
    if (!rc && json) {
        rc = show_json(f, &s, ctx, enc, dec, e);
    } else if (!rc) {
        show_text(f, &s, ctx, enc, dec);
    }
    app_setup_close(&s);
    return rc;
}
