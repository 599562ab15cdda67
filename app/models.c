/* dictate models: which there are, what is in one, and fetching one (models_get.c).  Main thread.
 */
#include "app/models.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/args.h"
#include "app/base/fmt.h"
#include "app/base/jsonw.h"
#include "app/models_known.h"
#include "app/setup.h"
#include "npu/asr/model.h"
#include "npu/asr/tok.h"

enum { MAX_TYPES = 32 };

static const char *weight_type(const struct asr_model *m)
{
    const struct asr_tensor *t = asr_model_tensor(m, "decoder.token_embedding.weight");
    const char *name = t ? asr_type_name(t->type) : NULL;
    return name ? name : "unknown";
}

static const char *vocabulary(const struct asr_model *m)
{
    switch (asr_model_hp(m)->n_vocab) {
    case 51864:
        return "English (GPT-2)";
    case 51865:
        return "multilingual";
    case 51866:
        return "multilingual, v3";
    default:
        return "its own, special tokens by name";
    }
}

/* -- list
 * ------------------------------------------------------------------------------------------ */

/* One file: a line or an object.  Damaged ones are shown too, with the reason. */
static void list_one(struct jsonw *w, int json, const char *path)
{
    struct asr_model *m = NULL;
    struct err e = {0};
    char size[24];
    int rc = asr_model_open(&m, path, &e);
    if (json) {
        jsonw_obj(w, NULL);
        jsonw_str(w, "path", path);
        jsonw_str(w, "kind", rc ? NULL : asr_model_kind(m));
        jsonw_str(w, "type", rc ? NULL : weight_type(m));
        if (rc) {
            jsonw_null(w, "bytes");
        } else {
            jsonw_int(w, "bytes", (int64_t)asr_model_bytes(m));
        }
        jsonw_str(w, "error", rc ? e.text : NULL);
        jsonw_obj_end(w);
    } else if (rc) {
        jsonw_fmt(w, "  cannot be used: %s\n", e.text);
    } else {
        jsonw_fmt(w, "  %-16s %-5s %10s  %s\n", asr_model_kind(m), weight_type(m),
                  fmt_bytes(size, sizeof size, (double)asr_model_bytes(m)), path);
    }
    if (!rc) {
        asr_model_free(m);
    }
}

static int is_model_name(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return d->d_name[0] != '.' && dot && strcmp(dot, ".bin") == 0;
}

static int list_dir(struct jsonw *w, int json, const char *dir)
{
    struct dirent **de = NULL;
    int n = scandir(dir, &de, is_model_name, alphasort), found = 0;
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        int k = snprintf(path, sizeof path, "%s/%s", dir, de[i]->d_name);
        if (k > 0 && (size_t)k < sizeof path) {
            list_one(w, json, path);
            found++;
        }
        free(de[i]);
    }
    free(de);
    return found;
}

/* Was the folder listed before under another name? */
static int seen(const char *dir, char **real, int n)
{
    real[n] = realpath(dir, NULL);
    for (int i = 0; real[n] && i < n; i++) {
        if (real[i] && !strcmp(real[i], real[n])) {
            return 1;
        }
    }
    return !real[n];
}

static void list_known(struct jsonw *w, int json)
{
    if (!json) {
        jsonw_text(w, "To be fetched with dictate models get NAME:\n");
    }
    for (int i = 0; i < models_n_known; i++) {
        const struct models_known *k = &models_known[i];
        if (json) {
            jsonw_obj(w, NULL);
            jsonw_str(w, "name", k->name);
            jsonw_str(w, "size", k->size);
            jsonw_str(w, "sha1", k->sha1);
            jsonw_obj_end(w);
        } else {
            jsonw_fmt(w, "  %-20s %8s\n", k->name, k->size);
        }
    }
}

static int list(struct jsonw *w, int json)
{
    enum { MAX_DIRS = 16 };
    char dir[PATH_MAX], *real[MAX_DIRS] = {0};
    int found = 0;
    if (json) {
        jsonw_obj(w, NULL);
        jsonw_arr(w, "found");
    } else {
        jsonw_text(w, "Found:\n");
    }
    for (int i = 0; i < MAX_DIRS && app_model_dir(i, dir, sizeof dir); i++) {
        if (*dir && !seen(dir, real, i)) {
            found += list_dir(w, json, dir);
        }
    }
    for (int i = 0; i < MAX_DIRS; i++) {
        free(real[i]);
    }
    if (json) {
        jsonw_arr_end(w);
        jsonw_arr(w, "known");
    } else if (!found) {
        jsonw_text(w, "  none\n");
    }
    list_known(w, json);
    if (json) {
        jsonw_arr_end(w);
        jsonw_obj_end(w);
        jsonw_text(w, "\n");
    }
    return 0;
}

/* -- info
 * ------------------------------------------------------------------------------------------ */

struct type_sum {
    int count;
    double bytes;
};

static void sum_types(const struct asr_model *m, struct type_sum *t)
{
    for (int i = 0; i < asr_model_tensors(m); i++) {
        const struct asr_tensor *x = asr_model_tensor_at(m, i);
        if ((int)x->type >= 0 && (int)x->type < MAX_TYPES) {
            t[x->type].count++;
            t[x->type].bytes += (double)x->size_b;
        }
    }
}

static void info_plain(struct jsonw *w, const struct asr_model *m, const struct asr_tok *tok)
{
    const struct asr_hparams *h = asr_model_hp(m);
    struct type_sum t[MAX_TYPES] = {{0, 0}};
    char size[24];
    uint8_t heads[256][2];
    sum_types(m, t);
    jsonw_fmt(w, "file        %s, %s\n", asr_model_path(m),
              fmt_bytes(size, sizeof size, (double)asr_model_bytes(m)));
    jsonw_fmt(w, "kind        %s\n", asr_model_kind(m));
    jsonw_fmt(w, "vocabulary  %d tokens, %d of them in the file: %s\n", h->n_vocab,
              asr_model_words(m), vocabulary(m));
    if (tok) {
        const struct asr_special *s = asr_tok_special(tok);
        jsonw_fmt(w, "languages   %s\n", s->multilingual ? "many" : "English only");
        jsonw_fmt(w, "special     end %d, start %d, no speech %d, no times %d, first time %d\n",
                  s->eot, s->sot, s->nosp, s->not_, s->beg);
    }
    jsonw_fmt(w, "encoder     %d layers, %d heads, width %d, %d positions\n", h->n_audio_layer,
              h->n_audio_head, h->n_audio_state, h->n_audio_ctx);
    jsonw_fmt(w, "decoder     %d layers, %d heads, width %d, %d positions\n", h->n_text_layer,
              h->n_text_head, h->n_text_state, h->n_text_ctx);
    jsonw_fmt(w, "mel bands   %d\n", h->n_mels);
    jsonw_fmt(w, "ftype       %d\n", h->ftype);
    jsonw_fmt(w, "alignment   %d heads\n", asr_model_align_heads(m, heads, 256));
    for (int i = 0; i < MAX_TYPES; i++) {
        if (t[i].count) {
            const char *name = asr_type_name((enum asr_type)i);
            jsonw_fmt(w, "tensors     %4d of type %-5s %s\n", t[i].count, name ? name : "?",
                      fmt_bytes(size, sizeof size, t[i].bytes));
        }
    }
}

static void info_json(struct jsonw *w, const struct asr_model *m)
{
    const struct asr_hparams *h = asr_model_hp(m);
    const struct {
        const char *name;
        int v;
    } field[] = {
        {"n_vocab", h->n_vocab},
        {"n_audio_ctx", h->n_audio_ctx},
        {"n_audio_state", h->n_audio_state},
        {"n_audio_head", h->n_audio_head},
        {"n_audio_layer", h->n_audio_layer},
        {"n_text_ctx", h->n_text_ctx},
        {"n_text_state", h->n_text_state},
        {"n_text_head", h->n_text_head},
        {"n_text_layer", h->n_text_layer},
        {"n_mels", h->n_mels},
        {"ftype", h->ftype},
        {"words", asr_model_words(m)},
    };
    struct type_sum t[MAX_TYPES] = {{0, 0}};
    sum_types(m, t);
    jsonw_obj(w, NULL);
    jsonw_str(w, "path", asr_model_path(m));
    jsonw_int(w, "bytes", (int64_t)asr_model_bytes(m));
    jsonw_str(w, "kind", asr_model_kind(m));
    jsonw_str(w, "type", weight_type(m));
    jsonw_str(w, "vocabulary", vocabulary(m));
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        jsonw_int(w, field[i].name, field[i].v);
    }
    jsonw_obj(w, "tensors");
    for (int i = 0; i < MAX_TYPES; i++) {
        const char *name = asr_type_name((enum asr_type)i);
        if (t[i].count && name) {
            jsonw_obj(w, name);
            jsonw_int(w, "count", t[i].count);
            jsonw_num(w, "bytes", t[i].bytes, 0);
            jsonw_obj_end(w);
        }
    }
    jsonw_obj_end(w);
    jsonw_obj_end(w);
    jsonw_text(w, "\n");
}

static int info(struct jsonw *w, int json, const char *name, struct err *e)
{
    struct asr_model *m = NULL;
    struct asr_tok *tok = NULL;
    char path[PATH_MAX];
    int rc = app_model_find(name, path, sizeof path, e);
    if (!rc) {
        rc = asr_model_open(&m, path, e);
    }
    if (!rc) {
        rc = asr_tok_new(&tok, m, e);
    }
    if (!rc && json) {
        info_json(w, m);
    } else if (!rc) {
        info_plain(w, m, tok);
    }
    asr_tok_free(tok);
    asr_model_free(m);
    return rc;
}

/* -- the command
 * ------------------------------------------------------------------------------------ */

static int command(struct jsonw *w, const struct args *a, struct err *e)
{
    int json = a->format == ARGS_FMT_JSON;
    const char *what = a->pos[0], *name = a->n_pos > 1 ? a->pos[1] : NULL;
    if (!strcmp(what, "list") && !name) {
        return list(w, json);
    }
    if (!strcmp(what, "info") && name) {
        return info(w, json, name, e);
    }
    if (!strcmp(what, "get") && name) {
        return models_get(name, a->quiet, e);
    }
    return err_set(e, ERR_USAGE,
                   "dictate models %.40s: \"list\", \"info FILE\" or \"get NAME\" is needed", what);
}

int models_main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    struct jsonw w;
    jsonw_init(&w);
    int rc = args_parse_cmd(&a, ARGS_MODELS, argc, argv, &e);
    if (!rc && a.help) {
        args_usage(stdout, ARGS_MODELS);
    } else if (!rc) {
        rc = command(&w, &a, &e);
    }
    if (!rc && !jsonw_ok(&w)) {
        rc = err_set(&e, ERR_MEM, "no memory for the result");
    }
    if (!rc && w.len) {
        fwrite(w.buf, 1, w.len, stdout);
    }
    if (!rc && fflush(stdout)) {
        rc = err_set(&e, ERR_DISK, "standard output cannot be written");
    }
    jsonw_free(&w);
    return rc ? args_complain(&e) : 0;
}
