/* See bench.h.  Every figure is a median of repeated runs, with the lowest and highest beside it,
 * on sound that is invented in code: the same everywhere, no file needed. */
#include "app/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/base/cpu.h"
#include "app/base/jsonw.h"
#include "app/offline.h"
#include "app/setup.h"
#include "app/sound.h"
#include "app/writer.h"
#include "audio/mel.h"
#include "npu/rt/limits.h"

enum {
    MAX_REPS = 31,
    CLIP_S = 30,
    TOKENS = 32, /* decoder steps timed a repetition */
    DRAFT = 16,  /* tokens verified in one pass */
    FORCED = 80, /* tokens of the 30 s clip */
    CTXS = 2,
};

static const int ctx_want[CTXS] = {1500, 512};
/* A figure is repeated until this much time has gone into it, at least three times. */
static const double spend_s = 2.0;

struct fig {
    double ms, lo, hi; /* median, lowest, highest */
    int reps;
};

struct result {
    int columns, threads;
    double load_s, rss_mb;
    struct asr_mem mem;
    uint64_t allocs; /* of device buffers after the first pass */
    int ctx[CTXS];
    struct fig encode[CTXS], token, prefill, draft;
    int prefill_n;
    struct npu_limits limits;
    /* Work of one pass as the device counts it, and the time it would take at the limit. */
    double encode_gop[CTXS], encode_limit_ms[CTXS], token_mb, token_limit_ms;
    double token_gbs; /* reading as many bytes as a step needs, over and over */
    struct fig clip;        /* 30 s of sound, FORCED tokens: mel, encoder, decoder */
    int clip_tokens;
    double cpu_per_audio_s;
    struct fig offline; /* 10 s through the whole program path */
};

struct bench {
    const struct args *a;
    struct app_setup setup;
    float *x, *mel;     /* 30 s of sound, its mel [3000][bands] */
    struct fig mel_fig; /* of 30 s */
    int sum;            /* keeps the optimiser from dropping what is timed */
};

static int cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One repetition; ms taken or a negative error. */
typedef double (*rep_fn)(struct bench *b, int arg, struct err *e);

static int measure(struct bench *b, rep_fn rep, int arg, struct fig *f, struct err *e)
{
    double t[MAX_REPS], sum = 0;
    int n = 0;
    double first = rep(b, arg, e); /* warms caches, is not counted */
    if (first < 0) {
        return -e->code;
    }
    while (n < MAX_REPS && (n < 3 || sum < spend_s * 1e3)) {
        t[n] = rep(b, arg, e);
        if (t[n] < 0) {
            return -e->code;
        }
        sum += t[n++];
    }
    qsort(t, (size_t)n, sizeof *t, cmp);
    *f = (struct fig){n % 2 ? t[n / 2] : (t[n / 2 - 1] + t[n / 2]) / 2, t[0], t[n - 1], n};
    return 0;
}

static double since_ms(int64_t t0)
{
    return (double)(clk_ns() - t0) * 1e-6;
}

/* -- what is timed ----------------------------------------------------------------------------- */

static double rep_mel(struct bench *b, int arg, struct err *e)
{
    struct mel *m;
    const struct asr_model *model = b->setup.model;
    int bands = asr_model_hp(model)->n_mels;
    (void)arg;
    if (mel_new(&m, bands, asr_model_filters(model), e)) {
        return -1;
    }
    int64_t t = clk_ns();
    int rc = mel_clip(m, b->x, CLIP_S * AUDIO_RATE);
    if (!rc) {
        mel_window(m, 0, CLIP_S * 100, mel_clip_frames(CLIP_S * AUDIO_RATE),
                   mel_max(m, 0, mel_end(m)), b->mel);
    }
    double ms = since_ms(t);
    mel_free(m);
    return rc ? (err_set(e, ERR_MEM, "no memory for the spectrogram"), -1) : ms;
}

static double rep_encode(struct bench *b, int ctx, struct err *e)
{
    int64_t t = clk_ns();
    if (asr_encode(b->setup.eng, b->mel, ctx, e)) {
        return -1;
    }
    return since_ms(t);
}

/* The same text token over and over: what is chosen does not change what a step costs. */
static double rep_token(struct bench *b, int arg, struct err *e)
{
    struct asr_engine *eng = b->setup.eng;
    int32_t sot = asr_tok_special(b->setup.tok)->sot, word = 0;
    int n =
        asr_engine_hp(eng)->n_text_ctx - 1 < TOKENS ? asr_engine_hp(eng)->n_text_ctx - 1 : TOKENS;
    (void)arg;
    if (asr_decode(eng, &sot, 1, 0, 1, e)) {
        return -1;
    }
    int64_t t = clk_ns();
    for (int i = 0; i < n; i++) {
        if (asr_decode(eng, &word, 1, i + 1, 1, e)) {
            return -1;
        }
        b->sum += asr_logits(eng, 0)[0] > 0;
    }
    return since_ms(t) / n;
}

static double rep_prefill(struct bench *b, int n, struct err *e)
{
    int32_t tok[64] = {0};
    int64_t t = clk_ns();
    if (asr_decode(b->setup.eng, tok, n, 0, 1, e)) {
        return -1;
    }
    return since_ms(t);
}

/* A draft of n tokens, each with its logits, behind 48 that are known. */
static double rep_draft(struct bench *b, int n, struct err *e)
{
    int32_t tok[DRAFT] = {0};
    int64_t t = clk_ns();
    if (asr_decode(b->setup.eng, tok, n, 48, n, e)) {
        return -1;
    }
    return since_ms(t);
}

/* Mel to the last of n forced tokens: what a 30 s clip costs whatever is said in it. */
static double rep_forced(struct bench *b, int n, struct err *e)
{
    struct asr_engine *eng = b->setup.eng;
    const struct asr_special *sp = asr_tok_special(b->setup.tok);
    int32_t start[2] = {sp->sot, sp->not_}, word = 0;
    double mel = rep_mel(b, 0, e);
    int64_t t = clk_ns();
    if (mel < 0 || asr_encode(eng, b->mel, asr_engine_hp(eng)->n_audio_ctx, e) ||
        asr_decode(eng, start, 2, 0, 1, e)) {
        return -1;
    }
    for (int i = 1; i < n; i++) {
        if (asr_decode(eng, &word, 1, i + 1, 1, e)) {
            return -1;
        }
    }
    return mel + since_ms(t);
}

static double rep_offline(struct bench *b, int samples, struct err *e)
{
    struct asr_params p = asr_params_default();
    char *text;
    int64_t t = clk_ns();
    if (offline_text(&b->setup, b->x, samples, &p, &text, e)) {
        return -1;
    }
    free(text);
    return since_ms(t);
}

/* -- one number of columns --------------------------------------------------------------------- */

static double rss_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*s %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return pages ? (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6 : (double)NAN;
}

struct work {
    double gop, mb;
};

/* What the device has been given between two readings: 1e9 operations, 1e6 bytes. */
static struct work work_between(const struct npu_stats *s0, const struct npu_stats *s1)
{
    struct work w = {0, 0};
    for (int op = 0; op < NPU_OP_COUNT; op++) {
        w.gop += 2e-9 * (double)(s1->op[op].macs - s0->op[op].macs);
        w.mb += 1e-6 * (double)(s1->op[op].bytes - s0->op[op].bytes);
    }
    return w;
}

/* One more pass of each kind, counted, and what it would take at the limit of the machine: an encoder
 * pass is held against the products' peak, a decoder step against reading its bytes. */
static int against_limits(struct bench *b, struct result *r, struct err *e)
{
    struct npu_stats s0, s1;
    int rc = npu_limits_measure(b->setup.rt, r->threads, &r->limits, e);
    const int i8 = b->a->precision == ASR_PREC_INT8;
    const double gops = i8 ? r->limits.int8_gops : r->limits.f32_gflops;
    for (int i = 0; !rc && i < CTXS; i++) {
        npu_rt_stats(b->setup.rt, &s0);
        rc = rep_encode(b, r->ctx[i], e) < 0 ? -e->code : 0;
        npu_rt_stats(b->setup.rt, &s1);
        r->encode_gop[i] = work_between(&s0, &s1).gop;
        r->encode_limit_ms[i] = r->encode_gop[i] / gops * 1e3;
    }
    if (!rc) {
        int32_t word = 0;
        npu_rt_stats(b->setup.rt, &s0);
        rc = asr_decode(b->setup.eng, &word, 1, TOKENS / 2, 1, e);
        npu_rt_stats(b->setup.rt, &s1);
        r->token_mb = work_between(&s0, &s1).mb;
        r->token_gbs = npu_limits_read(b->setup.rt, r->threads, (size_t)(r->token_mb * 1e6));
        r->token_limit_ms = r->token_gbs > 0 ? r->token_mb / r->token_gbs : (double)NAN;
    }
    return rc;
}

static int stages(struct bench *b, struct result *r, struct err *e)
{
    struct npu_stats s0, s1;
    const struct asr_hparams *hp = asr_model_hp(b->setup.model);
    int rc = 0;
    if (!b->mel_fig.reps) { /* does not depend on columns */
        rc = measure(b, rep_mel, 0, &b->mel_fig, e);
    }
    for (int i = 0; !rc && i < CTXS; i++) {
        r->ctx[i] = ctx_want[i] < hp->n_audio_ctx ? ctx_want[i] : hp->n_audio_ctx;
        rc = measure(b, rep_encode, r->ctx[i], &r->encode[i], e);
        if (!rc && !i) {
            npu_rt_stats(b->setup.rt, &s0);
        }
    }
    rc = rc ? rc : measure(b, rep_token, 0, &r->token, e);
    r->prefill_n = hp->n_text_ctx < 32 ? hp->n_text_ctx : 32;
    rc = rc ? rc : measure(b, rep_prefill, r->prefill_n, &r->prefill, e);
    if (!rc) {
        npu_rt_stats(b->setup.rt, &s1);
        r->allocs = s1.allocs - s0.allocs;
    }
    if (!rc && hp->n_text_ctx >= 48 + DRAFT) {
        rc = measure(b, rep_draft, DRAFT, &r->draft, e);
    }
    r->clip_tokens = hp->n_text_ctx < FORCED + 2 ? hp->n_text_ctx - 2 : FORCED;
    rc = rc ? rc : measure(b, rep_forced, r->clip_tokens, &r->clip, e);
    if (!rc) {
        const int64_t cpu = clk_cpu_ns();
        rc = rep_forced(b, r->clip_tokens, e) < 0 ? -e->code : 0;
        r->cpu_per_audio_s = (double)(clk_cpu_ns() - cpu) * 1e-9 / CLIP_S;
    }
    rc = rc ? rc : measure(b, rep_offline, 10 * AUDIO_RATE, &r->offline, e);
    return rc ? rc : against_limits(b, r, e);
}

static int run_columns(struct bench *b, int columns, struct result *r, struct err *e)
{
    int rc = app_setup_open_cols(&b->setup, b->a, columns, e);
    if (rc) {
        return rc;
    }
    if (!b->mel) {
        int bands = asr_model_hp(b->setup.model)->n_mels;
        b->x = malloc(CLIP_S * AUDIO_RATE * sizeof *b->x);
        b->mel = calloc((size_t)CLIP_S * 100 * (size_t)bands, sizeof *b->mel);
        if (!b->x || !b->mel) {
            rc = err_set(e, ERR_MEM, "no memory for the sound of the bench");
            goto out;
        }
        sound_synth(b->x, CLIP_S * AUDIO_RATE);
    }
    r->columns = npu_rt_columns(b->setup.rt);
    r->threads = npu_rt_threads(b->setup.rt);
    r->load_s = b->setup.load_s;
    rc = stages(b, r, e);
    r->rss_mb = rss_mb();
    asr_engine_mem(b->setup.eng, &r->mem);
out:
    return rc;
}

/* -- printing ---------------------------------------------------------------------------------- */

/* {"ms":…,"lo":…,"hi":…,"n":…}; audio_s > 0 adds the real-time factor. */
static void fig_json(struct jsonw *w, const char *key, const struct fig *f, double audio_s)
{
    jsonw_obj(w, key);
    jsonw_num(w, "ms", f->ms, 4);
    jsonw_num(w, "lo", f->lo, 4);
    jsonw_num(w, "hi", f->hi, 4);
    jsonw_int(w, "n", f->reps);
    if (audio_s > 0) {
        jsonw_num(w, "rtf", f->ms / 1e3 / audio_s, 6);
    }
    jsonw_obj_end(w);
}

/* The stages of one run, into an open object. */
static void stages_json(struct jsonw *w, const struct result *r)
{
    jsonw_int(w, "threads", r->threads);
    jsonw_num(w, "load_s", r->load_s, 4);
    jsonw_obj(w, "limits");
    jsonw_num(w, "int8_gops", r->limits.int8_gops, 4);
    jsonw_num(w, "f32_gflops", r->limits.f32_gflops, 4);
    jsonw_num(w, "l2_gbs", r->limits.l2_gbs, 4);
    jsonw_num(w, "l3_gbs", r->limits.l3_gbs > 0 ? r->limits.l3_gbs : (double)NAN, 4);
    jsonw_num(w, "dram_gbs", r->limits.dram_gbs, 4);
    jsonw_obj_end(w);
    jsonw_arr(w, "encode");
    for (int i = 0; i < CTXS; i++) {
        jsonw_obj(w, NULL);
        jsonw_int(w, "audio_ctx", r->ctx[i]);
        jsonw_num(w, "ms", r->encode[i].ms, 4);
        jsonw_num(w, "lo", r->encode[i].lo, 4);
        jsonw_num(w, "hi", r->encode[i].hi, 4);
        jsonw_int(w, "n", r->encode[i].reps);
        jsonw_num(w, "gop", r->encode_gop[i], 4);
        jsonw_num(w, "limit_ms", r->encode_limit_ms[i], 4);
        jsonw_num(w, "rtf", r->encode[i].ms / 1e3 / (r->ctx[i] * 0.02), 6);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_obj(w, "token");
    jsonw_num(w, "ms", r->token.ms, 4);
    jsonw_num(w, "lo", r->token.lo, 4);
    jsonw_num(w, "hi", r->token.hi, 4);
    jsonw_num(w, "mb", r->token_mb, 4);
    jsonw_num(w, "limit_ms", r->token_limit_ms, 4);
    jsonw_num(w, "limit_gbs", r->token_gbs, 4);
    jsonw_obj_end(w);
    jsonw_num(w, "draft16_ms", r->draft.reps ? r->draft.ms : (double)NAN, 4);
    jsonw_obj(w, "prefill");
    jsonw_int(w, "tokens", r->prefill_n);
    jsonw_num(w, "ms", r->prefill.ms, 4);
    jsonw_num(w, "lo", r->prefill.lo, 4);
    jsonw_num(w, "hi", r->prefill.hi, 4);
    jsonw_obj_end(w);
    jsonw_obj(w, "clip");
    jsonw_num(w, "seconds", CLIP_S, 4);
    jsonw_int(w, "tokens", r->clip_tokens);
    jsonw_num(w, "ms", r->clip.ms, 4);
    jsonw_num(w, "lo", r->clip.lo, 4);
    jsonw_num(w, "hi", r->clip.hi, 4);
    jsonw_num(w, "x_realtime", CLIP_S * 1e3 / r->clip.ms, 4);
    jsonw_num(w, "cpu_per_audio_s", r->cpu_per_audio_s, 4);
    jsonw_obj_end(w);
    fig_json(w, "offline_10s", &r->offline, 10);
    jsonw_int(w, "allocations_after_first_pass", (int64_t)r->allocs);
    jsonw_num(w, "rss_mb", r->rss_mb, 1);
    jsonw_num(w, "weights_mb", (double)r->mem.weights / 1e6, 2);
    jsonw_num(w, "kv_mb", (double)r->mem.kv / 1e6, 2);
}

static void print_json(const struct bench *b, const struct result *r, int n, struct jsonw *w)
{
    char cpu[128];
    const struct app_setup *s = &b->setup;
    cpu_name(cpu, (int)sizeof cpu);
    jsonw_obj(w, NULL);
    jsonw_str(w, "version", DICTATE_VERSION);
    jsonw_str(w, "measured", "here"); /* nothing in this object is modelled */
    jsonw_str(w, "cpu", cpu);
    jsonw_int(w, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    jsonw_str(w, "isa", npu_rt_isa(s->rt));
    jsonw_str(w, "device", npu_rt_name(s->rt));
    jsonw_str(w, "model", s->name);
    jsonw_str(w, "kind", asr_model_kind(s->model));
    jsonw_str(w, "precision", b->a->precision == ASR_PREC_INT8 ? "int8" : "f32");
    jsonw_int(w, "columns", r[0].columns);
    jsonw_num(w, "mel_ms", b->mel_fig.ms, 4);
    fig_json(w, "mel", &b->mel_fig, CLIP_S);
    /* The first run's figures also stand at the top, for those who compare one run with another. */
    stages_json(w, &r[0]);
    jsonw_arr(w, "runs");
    for (int i = 0; i < n; i++) {
        jsonw_obj(w, NULL);
        jsonw_int(w, "columns", r[i].columns);
        stages_json(w, &r[i]);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
    jsonw_text(w, "\n");
}

/* audio_s > 0: how many times real time; limit_ms > 0: the share of the machine's limit. */
static void row(struct jsonw *w, const char *name, const struct fig *f, double audio_s,
                double limit_ms)
{
    jsonw_fmt(w, "  %-22s %9.3f ms  %9.3f .. %-9.3f", name, f->ms, f->lo, f->hi);
    if (audio_s > 0) {
        jsonw_fmt(w, " %8.0f x real time", audio_s * 1e3 / f->ms);
    }
    if (limit_ms > 0) {
        jsonw_fmt(w, "%s %3.0f %% of the limit, %.3f ms", audio_s > 0 ? "," : "", 100 * limit_ms / f->ms,
                  limit_ms);
    }
    jsonw_text(w, "\n");
}

static void print_text(const struct bench *b, const struct result *r, int n, struct jsonw *w)
{
    char cpu[128], name[32];
    const struct app_setup *s = &b->setup;
    cpu_name(cpu, (int)sizeof cpu);
    jsonw_fmt(w, "%s, %s kernels\n%s (%s), %s\n", cpu, npu_rt_isa(s->rt), s->name,
              asr_model_kind(s->model), b->a->precision == ASR_PREC_INT8 ? "int8" : "f32");
    jsonw_text(w, "measured here: median, lowest .. highest\n\n");
    row(w, "mel of 30 s, host", &b->mel_fig, CLIP_S, 0);
    for (int i = 0; i < n; i++) {
        jsonw_fmt(w, "\n%d column%s on %d thread%s, loaded in %.2f s, %.0f MB resident\n",
                  r[i].columns, r[i].columns == 1 ? "" : "s", r[i].threads,
                  r[i].threads == 1 ? "" : "s", r[i].load_s, r[i].rss_mb);
        for (int k = 0; k < CTXS; k++) {
            snprintf(name, sizeof name, "encode %.1f s", r[i].ctx[k] * 0.02);
            row(w, name, &r[i].encode[k], r[i].ctx[k] * 0.02, r[i].encode_limit_ms[k]);
        }
        snprintf(name, sizeof name, "prefill %d tokens", r[i].prefill_n);
        row(w, name, &r[i].prefill, 0, 0);
        row(w, "decoder step", &r[i].token, 0, r[i].token_limit_ms);
        if (r[i].draft.reps) {
            row(w, "verify 16 tokens", &r[i].draft, 0, 0);
        }
        snprintf(name, sizeof name, "30 s, %d tokens", r[i].clip_tokens);
        row(w, name, &r[i].clip, CLIP_S, 0);
        row(w, "10 s, whole program", &r[i].offline, 10, 0);
        jsonw_fmt(w,
                  "  limits on %d thread%s: INT8 %.0f GOP/s, f32 %.0f GFLOP/s, L2 %.0f, L3 %.0f, "
                  "DRAM %.1f GB/s\n  a decoder step moves %.1f MB; as many are read at %.1f GB/s\n",
                  r[i].threads, r[i].threads == 1 ? "" : "s", r[i].limits.int8_gops,
                  r[i].limits.f32_gflops, r[i].limits.l2_gbs, r[i].limits.l3_gbs,
                  r[i].limits.dram_gbs, r[i].token_mb, r[i].token_gbs);
    }
}

int bench_main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    struct result r[ARGS_COLUMN_LIST] = {{0}};
    struct bench b = {.a = &a};
    struct jsonw w;
    if (args_parse_cmd(&a, ARGS_BENCH, argc, argv, &e)) {
        return args_complain(&e);
    }
    int n = a.n_columns ? a.n_columns : 1, rc = 0;
    jsonw_init(&w);
    for (int i = 0; i < n && !rc; i++) {
        app_setup_close(&b.setup);
        rc = run_columns(&b, a.n_columns ? a.column_list[i] : 0, &r[i], &e);
    }
    if (!rc) {
        (a.format == ARGS_FMT_JSON ? print_json : print_text)(&b, r, n, &w);
        rc = jsonw_ok(&w) ? 0 : err_set(&e, ERR_MEM, "no memory for the report");
    }
    if (!rc) {
        struct writer *wr;
        rc = writer_open(&wr, a.out, false, &e);
        if (!rc) {
            writer_put(wr, w.buf, w.len);
            rc = writer_close(wr, 1000, &e);
        }
    }
    app_setup_close(&b.setup);
    jsonw_free(&w);
    free(b.x);
    free(b.mel);
    return rc ? args_complain(&e) : 0;
}
