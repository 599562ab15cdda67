/* The dump's frame: the table of cases, what stays open between cases, writing.  Main thread. */
#include "app/device.h"
#include "app/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/file.h"
#include "app/dump_impl.h"
#include "app/setup.h"
#include "app/sound.h"
#include "audio/mel.h"

enum { MAX_TABLE = 16 << 20, MAX_CLIP_S = 1800 };

/* ---- parameters --------------------------------------------------------------------------------
 */

static const char *param(const struct dump_case *c, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = c->params; s && *s;) {
        if (!strncmp(s, name, n) && s[n] == '=') {
            return s + n + 1;
        }
        s = strchr(s, ' ');
        s = s ? s + 1 : s;
    }
    return NULL;
}

long dump_int(const struct dump_case *c, const char *name, long otherwise)
{
    const char *s = param(c, name);
    return s ? strtol(s, NULL, 10) : otherwise;
}

int dump_str(const struct dump_case *c, const char *name, char *out, int size)
{
    const char *s = param(c, name);
    if (!s) {
        return 0;
    }
    snprintf(out, (size_t)size, "%.*s", (int)strcspn(s, " "), s);
    return 1;
}

int dump_list(const char **s, int32_t *out, int max)
{
    int n = 0;
    while (**s && **s != ';' && **s != ' ') {
        char *end;
        long v = strtol(*s, &end, 10);
        if (end == *s) {
            break;
        }
        if (n < max) {
            out[n++] = (int32_t)v;
        }
        *s = *end == ',' ? end + 1 : end;
    }
    if (**s == ';') {
        (*s)++;
    }
    return n;
}

int dump_step_count(int n, int k)
{
    int full = (n + k - 1) / k;
    return n <= 0 ? 0 : full + ((n - 1) % k != 0);
}

int dump_step_at(int n, int k, int j)
{
    long i = (long)j * k;
    return i < n ? (int)i : n - 1;
}

/* ---- what stays open ---------------------------------------------------------------------------
 */

static void close_model(struct dump *d)
{
    asr_engine_free(d->eng);
    asr_tok_free(d->tok);
    asr_model_free(d->model);
    d->eng = NULL;
    d->tok = NULL;
    d->model = NULL;
    d->model_path[0] = 0;
}

static void close_all(struct dump *d)
{
    close_model(d);
    free(d->mel);
    free(d->x);
    npu_rt_close(d->rt);
}

static int join(char *out, size_t size, const char *dir, const char *name, struct err *e)
{
    bool absolute = name[0] == '/' || !*dir;
    int n = snprintf(out, size, "%s%s%s", absolute ? "" : dir, absolute ? "" : "/", name);
    if (n < 0 || (size_t)n >= size) {
        return err_set(e, ERR_USAGE, "%s: the path is too long", name);
    }
    return 0;
}

int dump_model(struct dump *d, const struct dump_case *c, struct err *e)
{
    char path[sizeof d->model_path];
    int rc = join(path, sizeof path, d->models, c->model, e);
    if (rc < 0 || (d->model && !strcmp(path, d->model_path))) {
        return rc;
    }
    close_model(d);
    rc = asr_model_open(&d->model, path, e);
    rc = rc < 0 ? rc : asr_tok_new(&d->tok, d->model, e);
    if (rc < 0) {
        close_model(d);
        return rc;
    }
    strcpy(d->model_path, path);
    return 0;
}

int dump_engine(struct dump *d, const struct dump_case *c, struct err *e)
{
    int rc = dump_model(d, c, e);
    if (rc < 0 || d->eng) {
        return rc;
    }
    return asr_engine_new(&d->eng, d->model, d->rt, d->prec, e);
}

int dump_sound(struct dump *d, const struct dump_case *c, struct err *e)
{
    char path[sizeof d->clip_path];
    int rc = join(path, sizeof path, d->base, c->clip, e);
    if (rc < 0 || (d->x && !strcmp(path, d->clip_path))) {
        return rc;
    }
    free(d->x);
    d->x = NULL;
    d->bands = 0;
    rc = sound_read(path, MAX_CLIP_S, &d->x, &d->n, e);
    if (rc < 0) {
        d->x = NULL;
        return rc;
    }
    strcpy(d->clip_path, path);
    return 0;
}

int dump_mel(struct dump *d, const struct dump_case *c, int bands, struct err *e)
{
    struct mel *m = NULL;
    int rc = dump_sound(d, c, e);
    if (rc < 0 || d->bands == bands) {
        return rc;
    }
    d->bands = 0;
    float *own = NULL;
    const float *filters = NULL;
    if (d->model && asr_model_hp(d->model)->n_mels == bands) {
        filters = asr_model_filters(d->model);
    } else {
        own = malloc((size_t)bands * MEL_BINS * sizeof *own);
        if (!own) {
            return err_set(e, ERR_MEM, "no memory for %d mel filters", bands);
        }
        mel_slaney(bands, own);
        filters = own;
    }
    d->n_frames = (int)mel_clip_frames(d->n);
    d->frames = (int)mel_sound_frames(d->n);
    free(d->mel);
    d->mel = malloc((size_t)d->n_frames * (size_t)bands * sizeof *d->mel);
    rc = mel_new(&m, bands, filters, e);
    if (rc == 0 && (!d->mel || mel_clip(m, d->x, d->n) < 0)) {
        rc = err_set(e, ERR_MEM, "no memory for the spectrum of %s", d->clip_path);
    }
    if (rc == 0) {
        mel_window(m, 0, d->n_frames, d->n_frames, mel_max(m, 0, mel_end(m)), d->mel);
        d->bands = bands;
    }
    mel_free(m);
    free(own);
    return rc;
}

/* ---- files -------------------------------------------------------------------------------------
 */

int dump_put(struct dump *d, const char *id, const char *array, const char *type, const void *data,
             size_t bytes, struct err *e)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s.%s.%s", d->dir, id, array, type);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(e, ERR_DISK, "%s: the path is too long", d->dir);
    }
    char *slash = strrchr(path, '/');
    *slash = 0;
    int rc = file_mkdirs(path, e);
    *slash = '/';
    if (rc < 0) {
        return rc;
    }
    FILE *f = fopen(path, "wbe");
    size_t done = f ? fwrite(data, 1, bytes, f) : 0;
    if (!f || (fclose(f) | (done != bytes))) {
        return err_set(e, ERR_DISK, "%s: %s", path, strerror(errno));
    }
    return 0;
}

void *dump_ref(const struct dump *d, const char *id, const char *array, const char *type,
               size_t *bytes)
{
    char path[2 * sizeof d->base];
    struct file_map map;
    snprintf(path, sizeof path, "%s/%s%s%s.%s", *d->base ? d->base : ".", id, *array ? "." : "",
             array, type);
    *bytes = 0;
    if (access(path, R_OK) < 0 || file_map_open(&map, path, MAX_TABLE, ERR_FAIL, NULL) < 0) {
        return NULL;
    }
    void *p = malloc(map.size + 1);
    if (p) {
        memcpy(p, map.data, map.size);
        *bytes = map.size;
    }
    file_unmap(&map);
    return p;
}

/* ---- the two entries ---------------------------------------------------------------------------
 */

static int open_device(struct dump *d, const struct args *a, struct err *e)
{
    struct app_device o;
    d->dir = a->dump;
    d->prec = a->precision;
    app_device(&o, a, 0);
    return npu_rt_open(&d->rt, &o.opts, e);
}

/* Splits a line of the table in place; false for comments and lines with too few columns. */
static int split_line(char *line, struct dump_case *c)
{
    char *col[5] = {line};
    int n = 1;
    for (char *s = line; *s && n < 5; s++) {
        if (*s == '\t') {
            *s = 0;
            col[n++] = s + 1;
        }
    }
    if (n < 5 || line[0] == '#' || strlen(col[0]) >= sizeof c->id ||
        strlen(col[1]) >= sizeof c->kind || strstr(col[0], "..") || col[0][0] == '/') {
        return 0;
    }
    strcpy(c->id, col[0]);
    strcpy(c->kind, col[1]);
    c->model = col[2];
    c->clip = col[3];
    c->params = col[4];
    return 1;
}

static bool is_absent(const struct dump *d, const struct dump_case *c)
{
    char path[4096];
    return strcmp(c->model, "-") &&
           (join(path, sizeof path, d->models, c->model, NULL) < 0 || access(path, F_OK) < 0);
}

static int run_table(struct dump *d, char *text, struct err *e)
{
    char last[256] = "";
    int done = 0;
    for (char *line = text, *next; line && *line; line = next) {
        struct dump_case c;
        next = strchr(line, '\n');
        if (next) {
            *next++ = 0;
        }
        if (!split_line(line, &c)) {
            continue;
        }
        if (is_absent(d, &c)) {
            if (strcmp(last, c.model)) {
                fprintf(stderr, "dictate: no %s in %s: its cases are passed over\n", c.model,
                        d->models);
                snprintf(last, sizeof last, "%s", c.model);
            }
            continue;
        }
        int rc = dump_run(d, &c, e);
        if (rc < 0) {
            return rc;
        }
        done++;
    }
    fprintf(stderr, "dictate: %d cases written to %s\n", done, d->dir);
    return 0;
}

int dump_cases(const struct args *a, struct err *e)
{
    struct dump *d = calloc(1, sizeof *d);
    struct file_map map = {0};
    char *text = NULL;
    if (!d) {
        return err_set(e, ERR_MEM, "no memory for a dump");
    }
    int rc = file_map_open(&map, a->cases, MAX_TABLE, ERR_USAGE, e);
    if (rc == 0) {
        const char *slash = strrchr(a->cases, '/');
        snprintf(d->base, sizeof d->base, "%.*s", slash ? (int)(slash - a->cases) : 0, a->cases);
        d->models = a->models_dir ? a->models_dir : ".";
        text = malloc(map.size + 1);
        rc = text ? open_device(d, a, e) : err_set(e, ERR_MEM, "no memory for %s", a->cases);
    }
    if (rc == 0) {
        memcpy(text, map.data, map.size);
        text[map.size] = 0;
        rc = run_table(d, text, e);
    }
    free(text);
    file_unmap(&map);
    close_all(d);
    free(d);
    return rc;
}

void dump_model_id(const char *path, char *id, int size)
{
    static const char *const after[] = {"-outliers", "-stops", "-f32", "-q"};
    char name[128];
    const char *slash = strrchr(path, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    char *s = !strncmp(name, "ggml-", 5) ? name + 5 : name;
    size_t n = strlen(s);
    if (n > 4 && !strcmp(s + n - 4, ".bin")) {
        s[n - 4] = 0;
    }
    char *rest = s + strlen(s);
    for (char *p = strchr(s, '-'); p; p = strchr(p + 1, '-')) {
        if (p[1] == 's' && p[2] >= '0' && p[2] <= '9') {
            snprintf(id, (size_t)size, "%s", s);
            return;
        }
        for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
            rest = !strncmp(p, after[i], strlen(after[i])) && p < rest ? p : rest;
        }
    }
    snprintf(id, (size_t)size, "%.*s-s1%s", (int)(rest - s), s, rest);
}

static int join_ids(char *s, size_t size, const int32_t *id, int n)
{
    size_t at = strlen(s);
    for (int i = 0; i < n && at < size; i++) {
        at += (size_t)snprintf(s + at, size - at, "%d%s", id[i], i + 1 < n ? "," : "");
    }
    return (int)at;
}

/* The prompts of the golden cases: bare, with task and without stamps, with earlier text. */
static void usual_prompts(const struct asr_tok *tok, char *s, size_t size)
{
    static const char text[] = " And so my fellow Americans, ask";
    const struct asr_special *p = asr_tok_special(tok);
    int32_t id[32], t[16];
    int n = asr_tok_bpe(tok, text, sizeof text - 1, t, 16);
    n = n < 0 ? 0 : n;
#define PUT(...)                                                                                   \
    do {                                                                                           \
        const int32_t v[] = {__VA_ARGS__};                                                         \
        join_ids(s, size, v, (int)(sizeof v / sizeof *v));                                         \
        strncat(s, ";", size - strlen(s) - 1);                                                     \
    } while (0)
    PUT(p->sot);
    if (p->multilingual) {
        PUT(p->sot, p->lang[0], p->transcribe);
        PUT(p->sot, p->lang[0], p->transcribe, p->not_);
        PUT(p->sot, p->lang[2], p->translate, p->not_);
        id[0] = p->prev;
        memcpy(id + 1, t, (size_t)n * sizeof *t);
        const int32_t end[] = {p->sot, p->lang[0], p->transcribe, p->not_};
        memcpy(id + 1 + n, end, sizeof end);
        join_ids(s, size, id, n + 5);
        return;
    }
    PUT(p->sot, p->not_);
#undef PUT
    id[0] = p->prev;
    memcpy(id + 1, t, (size_t)n * sizeof *t);
    id[1 + n] = p->sot;
    id[2 + n] = p->not_;
    join_ids(s, size, id, n + 3);
    strncat(s, ";", size - strlen(s) - 1);
    id[0] = p->sot;
    id[1] = p->beg;
    memcpy(id + 2, t, (size_t)n * sizeof *t);
    join_ids(s, size, id, 2 + (n > 5 ? 5 : n));
}

static int clip_cases(struct dump *d, const char *sound, int ctx, struct err *e)
{
    char params[4096], model[128], clip[80];
    const char *slash = strrchr(sound, '/');
    const struct asr_hparams *hp = asr_model_hp(d->model);
    struct dump_case c = {.model = d->model_path, .clip = sound, .params = params};
    dump_model_id(d->model_path, model, sizeof model);
    snprintf(clip, sizeof clip, "%s", slash ? slash + 1 : sound);
    clip[strcspn(clip, ".")] = 0;
    ctx = ctx > 0 && ctx < hp->n_audio_ctx ? ctx : hp->n_audio_ctx;

    int rc = dump_sound(d, &c, e);
    if (rc < 0) {
        return rc;
    }
    snprintf(c.id, sizeof c.id, "mel/%s-%d", clip, hp->n_mels);
    strcpy(c.kind, "mel");
    snprintf(params, sizeof params, "bands=%d step=1", hp->n_mels);
    rc = dump_run(d, &c, e);

    snprintf(c.id, sizeof c.id, "enc/%s/%s-c%d", model, clip, ctx);
    strcpy(c.kind, "enc");
    /* About 64 rows, as the golden data have it. */
    snprintf(params, sizeof params, "audio_ctx=%d offset=0 step=%d", ctx,
             ctx >= 1500           ? 24
             : (ctx + 32) / 64 > 1 ? (ctx + 32) / 64
                                   : 1);
    rc = rc < 0 ? rc : dump_run(d, &c, e);

    snprintf(c.id, sizeof c.id, "logits/%s/%s-c%d", model, clip, ctx);
    strcpy(c.kind, "logits");
    snprintf(params, sizeof params, "audio_ctx=%d step=64 top=20 prompts=", ctx);
    usual_prompts(d->tok, params, sizeof params);
    rc = rc < 0 ? rc : dump_run(d, &c, e);

    for (int nt = 0; nt < 2 && rc == 0; nt++) {
        snprintf(c.id, sizeof c.id, "tok/%s/%s-%s", model, clip, nt ? "nt" : "ts");
        strcpy(c.kind, "tok");
        snprintf(params, sizeof params, "no_timestamps=%d max_context=0 audio_ctx=%d language=en",
                 nt, ctx);
        rc = dump_run(d, &c, e);
    }
    return rc;
}

int dump_clip(const struct args *a, struct err *e)
{
    struct dump *d = calloc(1, sizeof *d);
    char path[4096];
    if (!d) {
        return err_set(e, ERR_MEM, "no memory for a dump");
    }
    struct dump_case c = {.model = path, .clip = a->pos[0], .params = ""};
    d->models = "";
    int rc = app_model_find(a->model, path, sizeof path, e);
    rc = rc < 0 ? rc : open_device(d, a, e);
    rc = rc < 0 ? rc : dump_model(d, &c, e);
    rc = rc < 0 ? rc : clip_cases(d, a->pos[0], a->audio_ctx, e);
    close_all(d);
    free(d);
    return rc;
}
