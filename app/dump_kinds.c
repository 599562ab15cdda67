/* What each kind of case computes and writes (golden/README.md).  Main thread. */
#include "app/dump_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/segment.h"
#include "npu/asr/transcribe.h"
#include "npu/asr/window.h"

enum { MAX_PROMPT = 448, MAX_TOP = 64, MAX_TOKENS = 448, MAX_ROWS = 64 };

static int no_memory(const struct dump_case *c, struct err *e)
{
    return err_set(e, ERR_MEM, "no memory for the case %s", c->id);
}

/* Copies the chosen rows of src [n][width]; returns their number. */
static int sample_rows(const float *src, int n, int width, int step, float *out)
{
    int rows = dump_step_count(n, step);
    for (int j = 0; j < rows; j++) {
        memcpy(out + (size_t)j * (size_t)width,
               src + (size_t)dump_step_at(n, step, j) * (size_t)width, (size_t)width * sizeof *out);
    }
    return rows;
}

static int put_floats(struct dump *d, const struct dump_case *c, const char *array, const float *x,
                      size_t n, struct err *e)
{
    return dump_put(d, c->id, array, "f32", x, n * sizeof *x, e);
}

static int put_ints(struct dump *d, const struct dump_case *c, const char *array, const int32_t *x,
                    size_t n, struct err *e)
{
    return dump_put(d, c->id, array, "i32", x, n * sizeof *x, e);
}

static int step_of(const struct dump_case *c, const char *name, int otherwise)
{
    long k = dump_int(c, name, otherwise);
    return k < 1 ? 1 : k > 1 << 20 ? 1 << 20 : (int)k;
}

/* ---- mel, encoder ------------------------------------------------------------------------------
 */

static int run_mel(struct dump *d, const struct dump_case *c, struct err *e)
{
    int bands = (int)dump_int(c, "bands", 80), step = step_of(c, "step", 1);
    if (bands < 1 || bands > 256) {
        return err_set(e, ERR_USAGE, "%s: %d mel bands", c->id, bands);
    }
    int rc = dump_mel(d, c, bands, e);
    if (rc < 0) {
        return rc;
    }
    /* Frames that hear some of the sound: those after are all alike. */
    int heard = (int)dump_int(c, "frames", (d->n + 159) / 160 + 10);
    heard = heard < d->n_frames ? heard : d->n_frames;
    float *out = malloc((size_t)(heard + 2) * (size_t)bands * sizeof *out);
    if (!out) {
        return no_memory(c, e);
    }
    /* Here the last of the chosen frames is that of the clip, not of those heard. */
    int rows = (heard + step - 1) / step;
    for (int j = 0; j < rows; j++) {
        memcpy(out + (size_t)j * (size_t)bands, d->mel + (size_t)j * (size_t)step * (size_t)bands,
               (size_t)bands * sizeof *out);
    }
    memcpy(out + (size_t)rows * (size_t)bands, d->mel + (size_t)(d->n_frames - 1) * (size_t)bands,
           (size_t)bands * sizeof *out);
    const int32_t info[2] = {d->n_frames, d->frames};
    rc = put_floats(d, c, "mel", out, (size_t)(rows + 1) * (size_t)bands, e);
    rc = rc < 0 ? rc : put_ints(d, c, "info", info, 2, e);
    free(out);
    return rc;
}

/* Encodes mel frames [offset, offset + 2 ctx) of the case's clip. */
static int encode(struct dump *d, const struct dump_case *c, int *ctx, struct err *e)
{
    int rc = dump_engine(d, c, e);
    if (rc < 0) {
        return rc;
    }
    const struct asr_hparams *hp = asr_model_hp(d->model);
    long offset = dump_int(c, "offset", 0);
    *ctx = (int)dump_int(c, "audio_ctx", hp->n_audio_ctx);
    *ctx = *ctx < 1 || *ctx > hp->n_audio_ctx ? hp->n_audio_ctx : *ctx;
    rc = dump_mel(d, c, hp->n_mels, e);
    if (rc < 0) {
        return rc;
    }
    size_t mels = (size_t)hp->n_mels, rows = 2 * (size_t)*ctx;
    size_t from = offset > 0 && offset < d->n_frames ? (size_t)offset : 0;
    size_t have = (size_t)d->n_frames - from < rows ? (size_t)d->n_frames - from : rows;
    float *win = calloc(rows * mels, sizeof *win);
    if (!win) {
        return no_memory(c, e);
    }
    memcpy(win, d->mel + from * mels, have * mels * sizeof *win);
    rc = asr_encode(d->eng, win, *ctx, e);
    free(win);
    return rc;
}

static int put_residuals(struct dump *d, const struct dump_case *c, int ctx, float *buf,
                         struct err *e)
{
    const struct asr_hparams *hp = asr_model_hp(d->model);
    int step = step_of(c, "resid_step", 16), width = hp->n_audio_state;
    size_t at = 0;
    for (int i = 0; i < 1 + 2 * hp->n_audio_layer; i++) {
        at += (size_t)sample_rows(asr_probe_enc(d->eng, i), ctx, width, step, buf + at) *
              (size_t)width;
    }
    return put_floats(d, c, "resid", buf, at, e);
}

static int run_enc(struct dump *d, const struct dump_case *c, struct err *e)
{
    int ctx, step = step_of(c, "step", 1);
    int probe = dump_int(c, "resid_step", 0) > 0;
    int rc = dump_engine(d, c, e);
    rc = rc < 0 ? rc : asr_probe(d->eng, probe, e);
    rc = rc < 0 ? rc : encode(d, c, &ctx, e);
    if (rc < 0) {
        return rc;
    }
    const struct asr_hparams *hp = asr_model_hp(d->model);
    size_t width = (size_t)hp->n_audio_state;
    size_t most = (size_t)(ctx + 1) * width * (probe ? 1 + 2 * (size_t)hp->n_audio_layer : 1);
    float *out = malloc(most * sizeof *out);
    if (!out) {
        return no_memory(c, e);
    }
    int rows = sample_rows(asr_enc_out(d->eng), ctx, (int)width, step, out);
    rc = put_floats(d, c, "enc", out, (size_t)rows * width, e);
    if (probe) {
        rows = sample_rows(asr_probe_conv(d->eng), ctx, (int)width, step, out);
        rc = rc < 0 ? rc : put_floats(d, c, "conv", out, (size_t)rows * width, e);
        rc = rc < 0 ? rc : put_residuals(d, c, ctx, out, e);
        asr_probe(d->eng, 0, NULL);
    }
    free(out);
    return rc;
}

/* ---- logits ------------------------------------------------------------------------------------
 */

/* Rows of logits, sub-sampled, with their largest and their sum, gathered for writing. */
struct rows {
    int n, max, vocab, step, width, top;
    float *logits, *top_val, *lse;
    int32_t *top_id;
};

static int rows_new(struct rows *r, int max, int vocab, int step, int top)
{
    *r = (struct rows){0,   max,  vocab, step, dump_step_count(vocab, step),
                       top, NULL, NULL,  NULL, NULL};
    size_t n = (size_t)max;
    r->logits = malloc(n * (size_t)r->width * sizeof *r->logits);
    r->top_val = malloc(n * (size_t)top * sizeof *r->top_val);
    r->top_id = malloc(n * (size_t)top * sizeof *r->top_id);
    r->lse = malloc(n * sizeof *r->lse);
    return r->logits && r->top_val && r->top_id && r->lse ? 0 : -ERR_MEM;
}

static void rows_free(struct rows *r)
{
    free(r->logits);
    free(r->top_val);
    free(r->top_id);
    free(r->lse);
}

static void rows_add(struct rows *r, const float *l)
{
    if (r->n == r->max) {
        return;
    }
    float *val = r->top_val + (size_t)r->n * (size_t)r->top;
    int32_t *id = r->top_id + (size_t)r->n * (size_t)r->top;
    int have = 0;
    for (int i = 0; i < r->vocab; i++) {
        if (have == r->top && !(l[i] > val[have - 1])) {
            continue;
        }
        int at = have < r->top ? have++ : have - 1;
        for (; at > 0 && l[i] > val[at - 1]; at--) {
            val[at] = val[at - 1];
            id[at] = id[at - 1];
        }
        val[at] = l[i];
        id[at] = i;
    }
    double sum = 0;
    for (int i = 0; i < r->vocab; i++) {
        sum += exp((double)l[i] - val[0]);
    }
    r->lse[r->n] = (float)(val[0] + log(sum));
    sample_rows(l, r->vocab, 1, r->step, r->logits + (size_t)r->n * (size_t)r->width);
    r->n++;
}

static int rows_put(struct dump *d, const struct dump_case *c, const struct rows *r, struct err *e)
{
    size_t n = (size_t)r->n;
    int rc = put_floats(d, c, "logits", r->logits, n * (size_t)r->width, e);
    rc = rc < 0 ? rc : put_ints(d, c, "top_id", r->top_id, n * (size_t)r->top, e);
    rc = rc < 0 ? rc : put_floats(d, c, "top_val", r->top_val, n * (size_t)r->top, e);
    return rc < 0 ? rc : put_floats(d, c, "lse", r->lse, n, e);
}

static int top_of(const struct dump_case *c)
{
    int top = step_of(c, "top", 20);
    return top < MAX_TOP ? top : MAX_TOP;
}

static int bad_prompt(const struct dump_case *c, struct err *e)
{
    return err_set(e, ERR_USAGE, "%s: the prompt does not fit the model", c->id);
}

static int check_ids(const struct dump *d, const struct dump_case *c, const int32_t *id, int n,
                     struct err *e)
{
    const struct asr_hparams *hp = asr_model_hp(d->model);
    for (int i = 0; i < n; i++) {
        if (id[i] < 0 || id[i] >= hp->n_vocab) {
            return bad_prompt(c, e);
        }
    }
    return n < 1 || n > hp->n_text_ctx ? bad_prompt(c, e) : 0;
}

static int logits_of_prompt(struct dump *d, const struct dump_case *c, const int32_t *p, int n,
                            struct rows *r, float *nosp, struct err *e)
{
    int32_t sot = asr_tok_special(d->tok)->sot;
    int at = n - 1;
    while (at > 0 && p[at] != sot) {
        at--;
    }
    int rows = n - at > 32 ? 1 : n - at;
    int rc = check_ids(d, c, p, n, e);
    rc = rc < 0 ? rc : asr_decode(d->eng, p, n, 0, rows, e);
    if (rc == 0) {
        *nosp = asr_nospeech(d->tok, asr_row(d->eng, 0));
        rows_add(r, asr_logits(d->eng, rows - 1));
    }
    return rc;
}

static int put_decoder_residuals(struct dump *d, const struct dump_case *c, struct err *e)
{
    const struct asr_hparams *hp = asr_model_hp(d->model);
    size_t width = (size_t)hp->n_text_state, n = 1 + 3 * (size_t)hp->n_text_layer;
    float *out = malloc(n * width * sizeof *out);
    if (!out) {
        return no_memory(c, e);
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(out + i * width, asr_probe_dec(d->eng, (int)i), width * sizeof *out);
    }
    int rc = put_floats(d, c, "resid", out, n * width, e);
    free(out);
    return rc;
}

static int run_logits(struct dump *d, const struct dump_case *c, struct err *e)
{
    char list[4096] = "";
    int32_t prompt[MAX_PROMPT];
    float nosp[MAX_ROWS];
    struct rows r = {0};
    const char *s = list;
    int ctx, rc = encode(d, c, &ctx, e);
    if (rc < 0) {
        return rc;
    }
    dump_str(c, "prompts", list, sizeof list);
    if (rows_new(&r, MAX_ROWS, asr_model_hp(d->model)->n_vocab, step_of(c, "step", 64), top_of(c)) <
        0) {
        rc = no_memory(c, e);
    }
    while (rc == 0 && *s && r.n < MAX_ROWS) {
        int n = dump_list(&s, prompt, MAX_PROMPT);
        rc = n ? 0 : bad_prompt(c, e);
        rc = rc < 0 ? rc : asr_probe(d->eng, !*s, e); /* the last prompt's residual stream */
        rc = rc < 0 ? rc : logits_of_prompt(d, c, prompt, n, &r, &nosp[r.n], e);
    }
    rc = rc < 0 ? rc : rows_put(d, c, &r, e);
    rc = rc < 0 ? rc : put_floats(d, c, "nosp", nosp, (size_t)r.n, e);
    rc = rc < 0 || r.n == 0 ? rc : put_decoder_residuals(d, c, e);
    asr_probe(d->eng, 0, NULL);
    rows_free(&r);
    return rc;
}

/* Cross-attention of every head at the newest position, frames by xstep. */
static size_t take_heads(const struct dump *d, int row, int heads, int ctx, int step, float *out)
{
    size_t at = 0;
    for (int i = 0; i < heads; i++) {
        at += (size_t)sample_rows(asr_xattn(d->eng, row, i), ctx, 1, step, out + at);
    }
    return at;
}

struct forced {
    int32_t prompt[MAX_PROMPT], token[MAX_TOKENS], xrow[MAX_ROWS];
    int n_prompt, n_token, n_xrow, heads, xstep, ctx;
    struct rows r;
    float *x;
    size_t n_x;
};

static int decode_forced(struct dump *d, const struct dump_case *c, struct forced *f, struct err *e)
{
    int rc = check_ids(d, c, f->prompt, f->n_prompt, e);
    rc = rc < 0 ? rc : check_ids(d, c, f->token, f->n_token, e);
    if (rc < 0 || f->n_prompt + f->n_token > asr_model_hp(d->model)->n_text_ctx) {
        return rc < 0 ? rc : bad_prompt(c, e);
    }
    for (int j = 0; j < f->n_token; j++) {
        rc = j == 0 ? asr_decode(d->eng, f->prompt, f->n_prompt, 0, 1, e)
                    : asr_decode(d->eng, &f->token[j - 1], 1, f->n_prompt + j - 1, 1, e);
        if (rc < 0) {
            return rc;
        }
        rows_add(&f->r, asr_logits(d->eng, 0));
        for (int i = 0; i < f->n_xrow; i++) {
            if (f->xrow[i] == j) {
                f->n_x += take_heads(d, j == 0 ? f->n_prompt - 1 : 0, f->heads, f->ctx, f->xstep,
                                     f->x + f->n_x);
            }
        }
    }
    return 0;
}

static int run_forced(struct dump *d, const struct dump_case *c, struct err *e)
{
    char text[4096];
    const char *s = text;
    uint8_t head[ASR_MAX_XHEADS][2];
    struct forced *f = calloc(1, sizeof *f);
    if (!f) {
        return no_memory(c, e);
    }
    int rc = encode(d, c, &f->ctx, e);
    if (rc < 0) {
        free(f);
        return rc;
    }
    const struct asr_hparams *hp = asr_model_hp(d->model);
    if (dump_str(c, "prompt", text, sizeof text)) {
        f->n_prompt = dump_list(&s, f->prompt, MAX_PROMPT);
    }
    s = text;
    if (dump_str(c, "tokens", text, sizeof text)) {
        f->n_token = dump_list(&s, f->token, MAX_TOKENS);
    }
    s = text;
    if (hp->n_text_layer * hp->n_text_head <= ASR_MAX_XHEADS &&
        dump_str(c, "xrows", text, sizeof text)) {
        f->n_xrow = dump_list(&s, f->xrow, MAX_ROWS);
        f->heads = hp->n_text_layer * hp->n_text_head;
    }
    for (int i = 0; i < f->heads; i++) {
        head[i][0] = (uint8_t)(i / hp->n_text_head);
        head[i][1] = (uint8_t)(i % hp->n_text_head);
    }
    f->xstep = step_of(c, "xstep", 1);
    f->x = malloc(((size_t)f->n_xrow * (size_t)f->heads * ((size_t)f->ctx + 1) + 1) * sizeof *f->x);
    if (!f->x || rows_new(&f->r, f->n_token, hp->n_vocab, step_of(c, "step", 512), top_of(c)) < 0) {
        rc = no_memory(c, e);
    }
    rc = rc < 0 ? rc : asr_xattn_select(d->eng, (const uint8_t(*)[2])head, f->heads, e);
    rc = rc < 0 ? rc : decode_forced(d, c, f, e);
    rc = rc < 0 ? rc : rows_put(d, c, &f->r, e);
    rc = rc < 0 || !f->n_x ? rc : put_floats(d, c, "xattn", f->x, f->n_x, e);
    asr_xattn_select(d->eng, (const uint8_t(*)[2])head, 0, NULL);
    rows_free(&f->r);
    free(f->x);
    free(f);
    return rc;
}

/* ---- transcription, language -------------------------------------------------------------------
 */

/* What a run says, window by window. */
struct said {
    const struct dump *d;
    int32_t *ids, *win, *seg, *pick; /* [n][2], [w][6], [s][4], [n] */
    float *score;                    /* [n][3] */
    size_t n, w, s, cap;
    bool full;
};

static int said_new(struct said *a, const struct dump *d)
{
    /* A window moves on by a stamp at least, yet hardly ever by less than a second. */
    size_t windows = (size_t)d->frames / 100 + 8;
    memset(a, 0, sizeof *a);
    a->d = d;
    a->cap = windows * ASR_MAX_STEPS;
    a->ids = malloc(a->cap * 2 * sizeof *a->ids);
    a->win = malloc(a->cap * 6 * sizeof *a->win);
    a->seg = malloc(a->cap * 4 * sizeof *a->seg);
    a->pick = malloc(a->cap * sizeof *a->pick);
    a->score = malloc(a->cap * 3 * sizeof *a->score);
    return a->ids && a->win && a->seg && a->pick && a->score ? 0 : -ERR_MEM;
}

static void said_free(struct said *a)
{
    free(a->ids);
    free(a->win);
    free(a->seg);
    free(a->pick);
    free(a->score);
}

static void take_window(void *user, const struct asr_window *w)
{
    struct said *a = user;
    struct asr_cut cut[ASR_MAX_STEPS];
    if (a->n + (size_t)w->n_sampled > a->cap || a->w + 1 > a->cap ||
        a->s + ASR_MAX_STEPS > a->cap) {
        a->full = true;
        return;
    }
    int first = (int)a->n;
    for (int i = 0; i < w->n_sampled; i++, a->n++) {
        const struct asr_pick *p = &w->pick[i];
        a->ids[2 * a->n] = w->tok[i].id;
        a->ids[2 * a->n + 1] = p->second;
        a->pick[a->n] = p->id;
        a->score[3 * a->n] = p->logp;
        a->score[3 * a->n + 1] = p->margin;
        a->score[3 * a->n + 2] = p->ts_margin;
    }
    const int32_t row[6] = {w->seek, w->n_sampled, w->n_kept, w->advance, w->status, first};
    memcpy(a->win + 6 * a->w++, row, sizeof row);
    int cuts = asr_cut_segments(a->d->tok, w->tok, w->pick, w->n_deliver, w->seek, w->delta, cut,
                                ASR_MAX_STEPS);
    for (int i = 0; i < cuts; i++) {
        int32_t *s = a->seg + 4 * a->s++;
        s[0] = (int32_t)cut[i].t0;
        s[1] = (int32_t)cut[i].t1;
        s[2] = first + cut[i].first;
        s[3] = cut[i].count;
    }
}

static struct asr_params params_of(const struct dump *d, const struct dump_case *c)
{
    struct asr_params p = asr_params_default();
    char language[16] = "en";
    p.no_timestamps = dump_int(c, "no_timestamps", 0) != 0;
    p.max_context = (int)dump_int(c, "max_context", 0);
    p.audio_ctx = (int)dump_int(c, "audio_ctx", 0);
    p.audio_ctx = p.audio_ctx ? p.audio_ctx : asr_model_hp(d->model)->n_audio_ctx;
    p.fallback = false;
    dump_str(c, "language", language, sizeof language);
    p.language = strcmp(language, "auto") ? asr_lang_index(language) : -1;
    return p;
}

/* Feeds the reference's tokens, if they are beside the table, and writes the choices. */
static int put_picks(struct dump *d, const struct dump_case *c, const struct asr_params *p,
                     struct said *a, struct err *e)
{
    size_t bytes;
    int32_t *ref = dump_ref(d, c->id, "ids", "i32", &bytes);
    if (!ref) {
        return 0;
    }
    int n = (int)(bytes / 8);
    for (int i = 0; i < n; i++) {
        ref[i] = ref[2 * i];
    }
    struct asr_sink sink = {.user = a, .window = take_window};
    a->n = a->w = a->s = 0;
    int rc = check_ids(d, c, ref, n < 400 ? n : 400, e);
    rc = rc < 0 ? rc
                : asr_transcribe_fed(d->eng, d->tok, p, d->mel, d->n_frames, d->frames, &sink, ref,
                                     n, e);
    free(ref);
    return rc < 0 ? rc : put_ints(d, c, "pick", a->pick, a->n, e);
}

static int run_tok(struct dump *d, const struct dump_case *c, struct err *e)
{
    struct said a;
    int rc = dump_engine(d, c, e);
    rc = rc < 0 ? rc : dump_mel(d, c, asr_model_hp(d->model)->n_mels, e);
    if (rc < 0) {
        return rc;
    }
    struct asr_params p = params_of(d, c);
    struct asr_sink sink = {.user = &a, .window = take_window};
    rc = said_new(&a, d) < 0 ? no_memory(c, e) : 0;
    rc = rc < 0 ? rc : asr_transcribe(d->eng, d->tok, &p, d->mel, d->n_frames, d->frames, &sink, e);
    if (rc == 0 && a.full) {
        rc = err_set(e, ERR_FAIL, "%s: more tokens than a dump can hold", c->id);
    }
    rc = rc < 0 ? rc : put_ints(d, c, "ids", a.ids, 2 * a.n, e);
    rc = rc < 0 ? rc : put_floats(d, c, "score", a.score, 3 * a.n, e);
    rc = rc < 0 ? rc : put_ints(d, c, "win", a.win, 6 * a.w, e);
    rc = rc < 0 ? rc : put_ints(d, c, "seg", a.seg, 4 * a.s, e);
    rc = rc < 0 ? rc : put_picks(d, c, &p, &a, e);
    said_free(&a);
    return rc;
}

static int run_lang(struct dump *d, const struct dump_case *c, struct err *e)
{
    float prob[ASR_MAX_LANG], logit[ASR_MAX_LANG];
    int best;
    int rc = dump_engine(d, c, e);
    rc = rc < 0 ? rc : dump_mel(d, c, asr_model_hp(d->model)->n_mels, e);
    rc = rc < 0
             ? rc
             : asr_detect_language(d->eng, d->tok, d->mel, d->n_frames, 0, prob, logit, &best, e);
    if (rc < 0) {
        return rc;
    }
    const int32_t id = best;
    rc = put_floats(d, c, "prob", prob, ASR_MAX_LANG, e);
    rc = rc < 0 ? rc : put_floats(d, c, "logit", logit, ASR_MAX_LANG, e);
    return rc < 0 ? rc : put_ints(d, c, "best", &id, 1, e);
}

/* ---- by kind -----------------------------------------------------------------------------------
 */

int dump_run(struct dump *d, const struct dump_case *c, struct err *e)
{
    static const struct {
        const char *kind;
        int (*run)(struct dump *d, const struct dump_case *c, struct err *e);
    } kinds[] = {
        {"mel", run_mel},
        {"enc", run_enc},
        {"logits", run_logits},
        {"forced", run_forced},
        {"tok", run_tok},
        {"lang", run_lang},
        {"blocks", dump_blocks},
        {"gelu", dump_gelu},
        {"special", dump_special},
        {"tokenizer", dump_tokenizer},
        {"detokenizer", dump_detokenizer},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!strcmp(kinds[i].kind, c->kind)) {
            return kinds[i].run(d, c, e);
        }
    }
    return 0;
}
