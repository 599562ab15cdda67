/* See strategy.h.  Every strategy works on the encoder's list as the engine planned it, through the
 * ioctl boundary with caches written back as on silicon; "direct" alone goes round it. */
#include "app/strategy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "app/base/order.h"
#include "app/device.h"
#include "app/setup.h"
#include "app/sound.h"
#include "app/writer.h"
#include "audio/mel.h"
#include "npu/rt/health.h"
#include "npu/rt/rewrite.h"

enum { MAX = 40, REPS = 31, STEPS = 4, WINDOW_S = 30 };
static const double spend_ms = 500; /* a strategy is repeated so long, three times at least */

static const struct strategy table[] = {
    {"boundary", "direct", "columns called directly", "virtual", .how = HOW_LIST},
    {"boundary", "driver", "the whole list in one call", .how = HOW_LIST},
    {"columns", "1", "one column", .columns = 1, .per_call = 1},
    {"columns", "4", "four columns", .columns = 4, .per_call = 1},
    {"columns", "8", "eight columns", .columns = 8, .per_call = 1},
    {"dispatch", "serial", "one column, every call waited for", .columns = 1, .per_call = 1,
     .per_chain = 1, .in_flight = 1},
    {"dispatch", "pipelined", "one column, calls chained, four chains in flight", .columns = 1,
     .per_call = 1, .in_flight = 4},
    {"dispatch", "columns", "all columns, calls chained, four chains in flight", .per_call = 1,
     .in_flight = 4},
    {"buffers", "reused", "made once", .per_call = 1},
    {"buffers", "per-call", "made, filled, read and freed for every call", .per_call = 1,
     .how = HOW_APART},
    {"transfers", "single", "a transfer for every row, in and out", .per_call = 1, .how = HOW_ROWS},
    {"transfers", "batched", "one transfer in, one out", .per_call = 1, .how = HOW_BATCHED},
    {"transfers", "overlapped", "the next in and the last out while the columns work",
     .per_call = 1, .how = HOW_OVERLAPPED},
    {"tiles", "64x64", "a call is one tile of 64 x 64", .per_call = 1, .block_m = 64, .block_n = 64,
     .tile_m = 64, .tile_n = 64},
    {"tiles", "64x512", "a call is one tile of 64 x 512", .per_call = 1, .block_m = 64,
     .block_n = 512, .tile_m = 64, .tile_n = 512},
    {"tiles", "array", "a call is a whole operation, its tiles dealt to all columns",
     .per_call = 1},
    {"fusion", "unfused", "bias, GELU, residual, quantisation are calls of their own",
     .per_call = 1, .unfused = 1},
    {"fusion", "fused", "they are part of the product or the norm", .per_call = 1},
    {"array", "4", "npu1, a call is 4 tiles of 64 x 64: one a column", "virtual:npu1", .per_call = 1,
     .block_m = 64, .block_n = 256, .tile_m = 64, .tile_n = 64},
    {"array", "32", "npu4, a call is 32 tiles of 64 x 64: 4 rows of 8 columns", "virtual:npu4",
     .per_call = 1, .block_m = 256, .block_n = 512, .tile_m = 64, .tile_n = 64},
};

struct run {
    const struct args *a;
    struct asr_model *model;
    struct asr_tok *tok;
    float *mel; /* as it lies on the device: [1 + 2 * ctx + 1][bands], the outer rows are zero */
    int ctx;
    size_t out_b, logits_b;
    void *out, *logits; /* of the first strategy: what the others are held against */
    char path[4096];
    struct strategy_report report;
    struct strategy_result *r;
};

/* One strategy, ready to run. */
struct bed {
    struct run *run;
    const struct strategy *s;
    struct npu_rt *rt;
    struct asr_engine *eng;
    struct asr_encoder_work work;
    struct npu_list list[2]; /* the second: on the other buffer of sound */
    uint32_t staging[2], other;
    void *result; /* where a pass's output was read to */
    uint64_t in_ns, out_ns;
    int turn;
};

/* -- one pass ---------------------------------------------------------------------------------- */

static void rows_in(struct bed *b, npu_addr to, size_t row)
{
    const uint32_t buf = (uint32_t)(to >> 48);
    const size_t off = (size_t)(to & (((npu_addr)1 << 48) - 1));
    const int64_t start = clk_ns();
    for (size_t at = 0; at < b->work.mel_b; at += row) {
        const size_t n = b->work.mel_b - at < row ? b->work.mel_b - at : row;
        npu_buf_write(b->rt, buf, off + at, (char *)b->run->mel + at, n);
    }
    b->in_ns += (uint64_t)(clk_ns() - start);
}

static void rows_out(struct bed *b, size_t row)
{
    const int64_t start = clk_ns();
    const char *from = (const char *)asr_enc_out(b->eng);
    for (size_t at = 0; at < b->run->out_b; at += row) {
        const size_t n = b->run->out_b - at < row ? b->run->out_b - at : row;
        memcpy((char *)b->result + at, from + at, n);
    }
    b->out_ns += (uint64_t)(clk_ns() - start);
}

/* The pass after next, moved while the columns work.  Plain copies: whoever runs lists tells the
 * runtime what was written, when the thread has ended. */
struct mover {
    struct bed *b;
    void *to;
    const void *from;
    void *keep; /* where the last result goes; it was copied aside before the columns began */
    const void *last;
};

static void *move_main(void *arg)
{
    struct mover *m = arg;
    memcpy(m->to, m->from, m->b->work.mel_b);
    memcpy(m->keep, m->last, m->b->run->out_b);
    return NULL;
}

static npu_addr sound_at(const struct bed *b, int turn)
{
    return turn ? NPU_ADDR(b->other, 0) : b->work.mel;
}

static int overlapped(struct bed *b, struct err *e)
{
    const npu_addr next = sound_at(b, !b->turn);
    struct mover m = {.b = b,
                      .to = (char *)npu_buf_map(b->rt, (uint32_t)(next >> 48)) +
                            (next & (((npu_addr)1 << 48) - 1)),
                      .from = b->run->mel,
                      .keep = (char *)b->result + b->run->out_b,
                      .last = b->result};
    pthread_t t;
    if (pthread_create(&t, NULL, move_main, &m)) {
        return err_set(e, ERR_FAIL, "no thread to move sound with");
    }
    int rc = npu_list_run(b->rt, &b->list[b->turn], e);
    const int64_t start = clk_ns();
    pthread_join(t, NULL);
    b->in_ns += (uint64_t)(clk_ns() - start); /* what was not hidden */
    npu_buf_wrote(b->rt, (uint32_t)(next >> 48), (size_t)(next & (((npu_addr)1 << 48) - 1)),
                  b->work.mel_b);
    b->turn = !b->turn;
    if (!rc) {
        rows_out(b, b->run->out_b);
    }
    return rc;
}

static int pass(struct bed *b, struct err *e)
{
    const size_t mel_row = b->work.mel_b / (size_t)(2 * b->run->ctx + 2);
    int rc;
    switch (b->s->how) {
    case HOW_APART:
        return npu_list_run_apart(b->rt, &b->list[0], &b->in_ns, &b->out_ns, e);
    case HOW_ROWS:
    case HOW_BATCHED:
        rows_in(b, b->work.mel, b->s->how == HOW_ROWS ? mel_row : b->work.mel_b);
        rc = npu_list_run(b->rt, &b->list[0], e);
        rows_out(b, b->s->how == HOW_ROWS ? b->run->out_b / (size_t)b->run->ctx : b->run->out_b);
        return rc;
    case HOW_OVERLAPPED:
        return overlapped(b, e);
    default:
        return npu_list_run(b->rt, &b->list[0], e);
    }
}

/* -- setting up -------------------------------------------------------------------------------- */

static int prepare(struct bed *b, struct err *e)
{
    const struct strategy *s = b->s;
    struct npu_rewrite w = {.block_m = s->block_m,
                            .block_n = s->block_n,
                            .tile_m = (uint16_t)s->tile_m,
                            .tile_n = (uint16_t)s->tile_n,
                            .unfused = s->unfused};
    int rc = npu_rewrite(b->rt, b->work.list, &w, &b->list[0], &b->staging[0], e);
    if (!rc && s->how == HOW_OVERLAPPED) {
        rc = npu_buf_new(b->rt, b->work.mel_b, "the other sound", &b->other, e);
        w.from = b->work.mel;
        w.from_b = b->work.mel_b;
        w.to = NPU_ADDR(b->other, 0);
        rc = rc ? rc : npu_rewrite(b->rt, b->work.list, &w, &b->list[1], &b->staging[1], e);
    }
    b->result = calloc(2, b->run->out_b);
    return rc ? rc : b->result ? 0 : err_set(e, ERR_MEM, "no memory for results");
}

static int bed_open(struct bed *b, struct run *r, const struct strategy *s, struct err *e)
{
    struct app_device d;
    int rc;
    *b = (struct bed){.run = r, .s = s};
    app_device(&d, r->a, s->columns);
    d.opts.device = s->device ? s->device : r->report.device;
    d.opts.columns = s->columns;
    d.opts.per_call = s->per_call;
    d.opts.per_chain = s->per_chain;
    d.opts.in_flight = s->in_flight;
    d.opts.incoherent = 1;
    rc = npu_rt_open(&b->rt, &d.opts, e);
    rc = rc ? rc : asr_engine_new(&b->eng, r->model, b->rt, r->a->precision, e);
    /* fills the engine's buffers with the sound, and plans */
    rc = rc ? rc : asr_encode(b->eng, r->mel + asr_model_hp(r->model)->n_mels, r->ctx, e);
    if (!rc) {
        asr_encoder_work(b->eng, &b->work);
        r->out_b = (size_t)r->ctx * (size_t)asr_model_hp(r->model)->n_audio_state * 4;
        rc = prepare(b, e);
    }
    return rc;
}

static void bed_close(struct bed *b)
{
    for (int i = 0; i < 2; i++) {
        npu_list_free(&b->list[i]);
        if (b->rt) {
            npu_buf_free(b->rt, b->staging[i]);
        }
    }
    if (b->rt) {
        npu_buf_free(b->rt, b->other);
    }
    asr_engine_free(b->eng);
    npu_rt_close(b->rt);
    free(b->result);
}

/* -- equal bits -------------------------------------------------------------------------------- */

/* A pass into memory that was spoilt before, then decoder steps on what it left. */
static int verify(struct bed *b, int *same, struct err *e)
{
    struct run *r = b->run;
    const int n = asr_model_hp(r->model)->n_vocab;
    int32_t tok[STEPS] = {asr_tok_special(r->tok)->sot, 0, 1, 2};
    char *out = (char *)(uintptr_t)asr_enc_out(b->eng);
    memset(out, 0xa5, r->out_b);
    npu_buf_wrote(b->rt, (uint32_t)(b->work.out >> 48),
                  (size_t)(b->work.out & (((npu_addr)1 << 48) - 1)), r->out_b);
    int rc = pass(b, e);
    out = (char *)(uintptr_t)asr_enc_out(b->eng); /* a device that was given up leaves its buffers */
    const size_t row = (size_t)n * sizeof(float);
    const int first = !r->out;
    if (first) {
        r->logits_b = STEPS * row;
        r->out = malloc(r->out_b);
        r->logits = malloc(r->logits_b);
        if (!r->out || !r->logits) {
            return err_set(e, ERR_MEM, "no memory for results");
        }
        memcpy(r->out, out, r->out_b);
    }
    *same = !rc && memcmp(out, r->out, r->out_b) == 0;
    for (int i = 0; i < STEPS && !rc; i++) {
        rc = asr_decode(b->eng, &tok[i], 1, i, 1, e);
        if (!rc && first) {
            memcpy((char *)r->logits + (size_t)i * row, asr_logits(b->eng, 0), row);
        }
        *same &= !rc && memcmp((char *)r->logits + (size_t)i * row, asr_logits(b->eng, 0), row) == 0;
    }
    return rc;
}

/* -- timing ------------------------------------------------------------------------------------ */

static void fill(struct strategy_result *o, const struct bed *b, const struct npu_handover *h0,
                 const struct npu_stats *s0, double sum_ms)
{
    struct npu_handover h;
    struct npu_stats s;
    const double each = 1e-6 / o->n;
    npu_rt_handover(b->rt, &h);
    npu_rt_stats(b->rt, &s);
    o->part.pack = each * (double)(h.pack_ns - h0->pack_ns + s.submit_ns - s0->submit_ns + b->in_ns);
    o->part.sync = each * (double)(h.sync_ns - h0->sync_ns);
    o->part.submit = each * (double)(h.submit_ns - h0->submit_ns);
    o->part.kernel = each * (double)(s.list_ns - s0->list_ns);
    o->part.unpack = each * (double)(h.unpack_ns - h0->unpack_ns + b->out_ns);
    const double rest = sum_ms / o->n - o->part.pack - o->part.sync - o->part.submit -
                        o->part.kernel - o->part.unpack;
    o->part.wait = rest > 0 ? rest : 0;
    o->calls = (double)(h.calls - h0->calls) / o->n;
    o->chains = (double)(h.chains - h0->chains) / o->n;
    o->commands = (double)(s.cmds - s0->cmds) / o->n;
    o->moved_mb = 1e-6 * (double)(h.sync_b - h0->sync_b) / o->n;
}

static int measure(struct bed *b, struct strategy_result *o, struct err *e)
{
    struct npu_handover h0;
    struct npu_stats s0;
    double t[REPS], sum = 0;
    npu_rt_handover(b->rt, &h0);
    npu_rt_stats(b->rt, &s0);
    b->in_ns = b->out_ns = 0;
    for (o->n = 0; o->n < REPS && (o->n < 3 || sum < spend_ms); o->n++) {
        const int64_t start = clk_ns();
        const int rc = pass(b, e);
        if (rc) {
            return rc;
        }
        sum += t[o->n] = (double)(clk_ns() - start) * 1e-6;
    }
    fill(o, b, &h0, &s0, sum);
    order_doubles(t, (size_t)o->n);
    o->ms = order_median(t, (size_t)o->n);
    o->lo = t[0];
    o->hi = t[o->n - 1];
    return 0;
}

static int one(struct run *r, struct strategy_result *o, struct err *e)
{
    struct bed b;
    struct npu_rt_health h;
    int rc = bed_open(&b, r, &o->s, e);
    rc = rc ? rc : verify(&b, &o->same, e); /* and warms up */
    rc = rc ? rc : measure(&b, o, e);
    if (!rc) {
        int again;
        rc = verify(&b, &again, e);
        o->same &= again;
        o->columns = npu_rt_columns(b.rt);
        o->threads = npu_rt_threads(b.rt);
        r->report.isa = npu_rt_isa(b.rt); /* the kernels' table outlives the device */
        npu_rt_health(b.rt, &h);
        snprintf(o->note, sizeof o->note, "%.*s", (int)sizeof o->note - 1, h.note);
    }
    bed_close(&b);
    return rc;
}

/* -- what is asked for ------------------------------------------------------------------------- */

static int listed(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
        if (strcspn(p, ",") == n && !memcmp(p, word, n)) {
            return 1;
        }
    }
    return 0;
}

static void take(struct run *r, const struct strategy *s, const char *name)
{
    struct strategy_result *o = &r->r[r->report.n];
    if (r->report.n < MAX) {
        *o = (struct strategy_result){.s = *s};
        snprintf(o->name, sizeof o->name, "%.*s", (int)sizeof o->name - 1, name);
        r->report.n++;
    }
}

/* all, a group, or GROUP:NAME; several with commas. */
static int choose(struct run *r, struct err *e)
{
    const struct args *a = r->a;
    const int npu1 = !strcmp(r->report.device, "virtual:npu1");
    char whole[48];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct strategy *s = &table[i];
        const int dispatch = !strcmp(s->group, "dispatch"), columns = !strcmp(s->group, "columns");
        snprintf(whole, sizeof whole, "%s:%s", s->group, s->name);
        int want = listed(a->strategy, "all") || listed(a->strategy, s->group) ||
                   listed(a->strategy, whole);
        want = a->dispatch && dispatch ? listed(a->dispatch, s->name) : want;
        if (columns && a->n_columns) { /* --columns 1,2,4 */
            for (int k = 0; want && k < a->n_columns && s == &table[2]; k++) {
                struct strategy c = *s;
                c.columns = a->column_list[k];
                c.what = "so many columns";
                snprintf(whole, sizeof whole, "%d", c.columns);
                take(r, &c, whole);
            }
            continue;
        }
        if (want && !(npu1 && s->columns > 4)) {
            take(r, s, s->name);
        }
    }
    if (!r->report.n) {
        return err_set(e, ERR_USAGE,
                       "--strategy %.40s is not known; use all, boundary, columns, dispatch, "
                       "buffers, transfers, tiles, fusion, array, or GROUP:NAME",
                       a->strategy ? a->strategy : a->dispatch);
    }
    return 0;
}

static int check(const struct args *a, struct err *e)
{
    static const char *const word[] = {"serial", "pipelined", "columns"};
    for (const char *p = a->dispatch; p && *p; p += strcspn(p, ","), p += *p == ',') {
        const size_t n = strcspn(p, ",");
        int ok = 0;
        for (int i = 0; i < 3; i++) {
            ok |= strlen(word[i]) == n && !memcmp(word[i], p, n);
        }
        if (!ok) {
            return err_set(e, ERR_USAGE, "--dispatch needs serial, pipelined, columns, not \"%.*s\"",
                           (int)n, p);
        }
    }
    if (a->device && !strcmp(a->device, "npu")) {
        return err_set(e, ERR_USAGE, "strategies are compared on virtual devices; make check-npu "
                                     "tries a real one");
    }
    return 0;
}

/* -- the whole --------------------------------------------------------------------------------- */

static int open_all(struct run *r, struct err *e)
{
    const struct args *a = r->a;
    struct mel *m = NULL;
    float *x = NULL;
    int rc = app_model_find(a->model, r->path, sizeof r->path, e);
    rc = rc ? rc : asr_model_open(&r->model, r->path, e);
    rc = rc ? rc : asr_tok_new(&r->tok, r->model, e);
    if (rc) {
        return rc;
    }
    const struct asr_hparams *hp = asr_model_hp(r->model);
    const char *slash = strrchr(r->path, '/');
    r->ctx = a->audio_ctx && a->audio_ctx < hp->n_audio_ctx ? a->audio_ctx : hp->n_audio_ctx;
    r->report.ctx = r->ctx;
    r->report.model = slash ? slash + 1 : r->path;
    r->report.kind = asr_model_kind(r->model);
    x = malloc(WINDOW_S * AUDIO_RATE * sizeof *x);
    r->mel = calloc((size_t)(2 * r->ctx + 2) * (size_t)hp->n_mels, sizeof *r->mel);
    r->r = calloc(MAX, sizeof *r->r);
    if (!x || !r->mel || !r->r) {
        rc = err_set(e, ERR_MEM, "no memory for the sound of the bench");
        goto out;
    }
    sound_synth(x, WINDOW_S * AUDIO_RATE);
    rc = mel_new(&m, hp->n_mels, asr_model_filters(r->model), e);
    if (!rc && mel_clip(m, x, WINDOW_S * AUDIO_RATE)) {
        rc = err_set(e, ERR_MEM, "no memory for the spectrogram");
    }
    if (!rc) {
        mel_window(m, 0, 2 * r->ctx, mel_clip_frames(WINDOW_S * AUDIO_RATE),
                   mel_max(m, 0, mel_end(m)), r->mel + hp->n_mels);
    }
out:
    mel_free(m);
    free(x);
    return rc;
}

static int report(struct run *r, struct err *e)
{
    struct jsonw w;
    struct writer *wr;
    jsonw_init(&w);
    (r->a->format == ARGS_FMT_JSON ? strategy_print_json : strategy_print_text)(&r->report, &w);
    int rc = jsonw_ok(&w) ? writer_open(&wr, r->a->out, false, e)
                          : err_set(e, ERR_MEM, "no memory for the report");
    if (!rc) {
        writer_put(wr, w.buf, w.len);
        rc = writer_close(wr, 1000, e);
    }
    jsonw_free(&w);
    return rc;
}

int strategy_main(const struct args *a)
{
    struct err e = {0};
    struct run r = {.a = a, .report = {.same = 1}};
    r.report.device = !a->device || !strcmp(a->device, "virtual") ? "virtual:npu4" : a->device;
    int rc = check(a, &e);
    rc = rc ? rc : open_all(&r, &e);
    r.report.r = r.r;
    rc = rc ? rc : choose(&r, &e);
    for (int i = 0; i < r.report.n && !rc; i++) {
        rc = one(&r, &r.r[i], &e);
        r.report.same &= r.r[i].same;
    }
    rc = rc ? rc : report(&r, &e);
    if (!rc && !r.report.same) {
        rc = err_set(&e, ERR_FAIL, "the strategies' results differ: a fault in this program, please "
                                   "report it");
    }
    asr_tok_free(r.tok);
    asr_model_free(r.model);
    free(r.mel);
    free(r.out);
    free(r.logits);
    free(r.r);
    return rc ? args_complain(&e) : 0;
}
