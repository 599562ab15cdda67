/* See bench_impl.h: the report as one JSON object, and for people. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "app/base/cpu.h"
#include "app/bench_impl.h"

static double share(double limit_ms, double ms) { return ms > 0 ? limit_ms / ms : (double)NAN; }

/* -- JSON ------------------------------------------------------------------------------------------- */

/* Into an open object: ms (the median), lo, q1, q3, hi, n; limit_ms and share when there is one. */
static void fig_json(struct jsonw *w, const struct bench_fig *f, double limit_ms)
{
    jsonw_num(w, "ms", f->median, 4);
    jsonw_num(w, "lo", f->lo, 4);
    jsonw_num(w, "q1", f->q1, 4);
    jsonw_num(w, "q3", f->q3, 4);
    jsonw_num(w, "hi", f->hi, 4);
    jsonw_int(w, "n", f->n);
    if (limit_ms > 0) {
        jsonw_num(w, "limit_ms", limit_ms, 4);
        jsonw_num(w, "share", share(limit_ms, f->median), 4);
    }
}

static void limits_json(struct jsonw *w, const struct npu_limits *l)
{
    jsonw_int(w, "threads", l->threads);
    jsonw_num(w, "int8_gops", l->int8_gops, 2);
    jsonw_num(w, "f32_gflops", l->f32_gflops, 2);
    jsonw_num(w, "l2_gbs", l->l2_gbs, 2);
    jsonw_num(w, "l3_gbs", l->l3_gbs > 0 ? l->l3_gbs : (double)NAN, 2);
    jsonw_num(w, "dram_gbs", l->dram_gbs, 2);
}

static void ops_json(struct jsonw *w, const char *key, const struct bench_op *op, int n)
{
    jsonw_arr(w, key);
    for (int i = 0; i < n; i++) {
        jsonw_obj(w, NULL);
        jsonw_str(w, "op", op[i].name);
        jsonw_num(w, "ms", op[i].ms, 4);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

static void encode_json(struct jsonw *w, const struct bench_run *r)
{
    jsonw_arr(w, "encode");
    for (int i = 0; i < 2; i++) {
        const struct bench_fig *f = &r->fig[BENCH_ENCODE + i];
        jsonw_obj(w, NULL);
        jsonw_int(w, "audio_ctx", r->ctx[i]);
        fig_json(w, f, r->encode_limit_ms[i]);
        jsonw_num(w, "gop", r->encode_gop[i], 4);
        jsonw_num(w, "rtf", f->median / 1e3 / (r->ctx[i] * 0.02), 6);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

static void decode_json(struct jsonw *w, const struct bench_run *r)
{
    const struct bench_fig *draft = &r->fig[BENCH_VERIFY], *clip = &r->fig[BENCH_CLIP];
    jsonw_obj(w, "token");
    fig_json(w, &r->fig[BENCH_TOKEN], r->token_limit_ms);
    jsonw_num(w, "mb", r->token_mb, 3);
    jsonw_num(w, "limit_gbs", r->read_gbs.median, 2);
    jsonw_num(w, "engine_mb", r->engine_mb, 3);
    jsonw_num(w, "engine_gbs", r->engine_gbs.median, 2);
    jsonw_num(w, "engine_limit_ms", r->engine_limit_ms, 4);
    jsonw_obj_end(w);
    jsonw_num(w, "draft16_ms", draft->n ? draft->median : (double)NAN, 4);
    jsonw_num(w, "draft16_tokens", draft->n ? draft->median / r->fig[BENCH_TOKEN].median : (double)NAN, 3);
    jsonw_obj(w, "prefill");
    jsonw_int(w, "tokens", r->prefill);
    fig_json(w, &r->fig[BENCH_ROWS], 0);
    jsonw_obj_end(w);
    jsonw_obj(w, "clip");
    jsonw_num(w, "seconds", BENCH_CLIP_S, 0);
    jsonw_int(w, "tokens", r->clip_tokens);
    fig_json(w, clip, r->encode_limit_ms[0] + r->clip_tokens * r->token_limit_ms);
    jsonw_num(w, "x_realtime", BENCH_CLIP_S * 1e3 / clip->median, 2);
    jsonw_num(w, "cpu_s_per_audio_s", r->cpu_s.median, 5);
    jsonw_obj_end(w);
    jsonw_obj(w, "offline_10s");
    fig_json(w, &r->fig[BENCH_OFFLINE], 0);
    jsonw_obj_end(w);
}

/* One run, into an open object. */
static void run_json(struct jsonw *w, const struct bench_run *r)
{
    jsonw_int(w, "columns", r->columns);
    jsonw_int(w, "threads", r->threads);
    jsonw_num(w, "load_s", r->load_s, 4);
    jsonw_obj(w, "limits");
    limits_json(w, &r->limits);
    jsonw_num(w, "trip_ns", r->trip_ns.n ? r->trip_ns.median : (double)NAN, 1);
    jsonw_arr(w, "by_threads");
    for (int i = 0; i < r->n_by; i++) {
        jsonw_obj(w, NULL);
        limits_json(w, &r->by[i]);
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
    jsonw_obj_end(w);
    jsonw_num(w, "mel_ms", r->fig[BENCH_MEL].median, 4);
    jsonw_obj(w, "mel");
    fig_json(w, &r->fig[BENCH_MEL], 0);
    jsonw_obj_end(w);
    encode_json(w, r);
    decode_json(w, r);
    ops_json(w, "encode_ops", r->op[0], r->n_op[0]);
    ops_json(w, "token_ops", r->op[1], r->n_op[1]);
    jsonw_int(w, "allocations_after_first_pass", (int64_t)r->allocs);
    jsonw_num(w, "rss_mb", r->rss_mb, 1);
    jsonw_num(w, "weights_mb", (double)r->mem.weights / 1e6, 2);
    jsonw_num(w, "kv_mb", (double)r->mem.kv / 1e6, 2);
    jsonw_num(w, "work_mb", (double)r->mem.work / 1e6, 2);
    jsonw_num(w, "cpu_s_per_audio_s", r->cpu_s.median, 5);
    jsonw_num(w, "foreign_cpus", r->foreign, 3);
}

static const char *precision_of(const struct bench *b)
{
    return b->a->precision == ASR_PREC_INT8 ? "int8" : "f32";
}

void bench_print_json(const struct bench *b, const struct bench_run *r, int n, struct jsonw *w)
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
    jsonw_str(w, "precision", precision_of(b));
    run_json(w, &r[0]);
    if (n > 1) {
        jsonw_arr(w, "runs");
        for (int i = 0; i < n; i++) {
            jsonw_obj(w, NULL);
            run_json(w, &r[i]);
            jsonw_obj_end(w);
        }
        jsonw_arr_end(w);
    }
    jsonw_obj_end(w);
    jsonw_text(w, "\n");
}

/* -- for people ------------------------------------------------------------------------------------- */

/* audio_s > 0: how many times real time; limit_ms > 0: the share of the machine's limit. */
static void row(struct jsonw *w, const char *name, const struct bench_fig *f, double audio_s,
                double limit_ms)
{
    jsonw_fmt(w, "  %-20s %9.3f  %9.3f %9.3f %9.3f %4d", name, f->median, f->lo, f->q3, f->hi, f->n);
    if (limit_ms > 0) {
        jsonw_fmt(w, "  %9.3f %4.0f %%", limit_ms, 100 * share(limit_ms, f->median));
    } else if (audio_s > 0) {
        jsonw_fmt(w, "  %16s", "");
    }
    if (audio_s > 0) {
        jsonw_fmt(w, " %7.0f x", audio_s * 1e3 / f->median);
    }
    jsonw_text(w, "\n");
}

static void limits_text(struct jsonw *w, const struct bench_run *r)
{
    jsonw_text(w, "limits of this machine  INT8 GOP/s  f32 GFLOP/s  GB/s from L2      L3    DRAM\n");
    for (int i = 0; i < r->n_by; i++) {
        const struct npu_limits *l = &r->by[i];
        jsonw_fmt(w, "  %3d thread%-12s %9.0f    %9.0f       %9.0f ", l->threads,
                  l->threads == 1 ? "" : "s", l->int8_gops, l->f32_gflops, l->l2_gbs);
        if (l->l3_gbs > 0) {
            jsonw_fmt(w, "%7.0f", l->l3_gbs);
        } else {
            jsonw_fmt(w, "%7s", "-");
        }
        jsonw_fmt(w, " %7.1f\n", l->dram_gbs);
    }
    jsonw_fmt(w, "  weights, keys and values of a decoder step are %.1f MB; as many are read over and over at %.1f GB/s\n",
              r->token_mb, r->read_gbs.median);
    jsonw_fmt(w, "  the engine's step reads %.1f MB, which takes %.3f ms at %.1f GB/s\n", r->engine_mb,
              r->engine_limit_ms, r->engine_gbs.median);
    if (r->trip_ns.n) {
        jsonw_fmt(w, "  a word from one thread to another and back takes %.0f ns (%.0f to %.0f)\n",
                  r->trip_ns.median, r->trip_ns.lo, r->trip_ns.hi);
    }
}

static void ops_text(struct jsonw *w, const char *what, const struct bench_op *op, int n)
{
    jsonw_fmt(w, "  %s:", what);
    for (int i = 0; i < n; i++) {
        jsonw_fmt(w, "%s %s %.3g", i ? "," : "", op[i].name, op[i].ms);
    }
    jsonw_text(w, " ms\n");
}

static void run_text(struct jsonw *w, const struct bench_run *r)
{
    char name[32];
    jsonw_fmt(w, "\n%d column%s on %d thread%s, loaded in %.3f s\n", r->columns,
              r->columns == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s", r->load_s);
    limits_text(w, r);
    jsonw_text(w, "stage                     median     lowest  quartile   highest    n   limit ms share "
                  "real time\n");
    row(w, "mel of 30 s, host", &r->fig[BENCH_MEL], BENCH_CLIP_S, 0);
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "encode %.1f s", r->ctx[k] * 0.02);
        row(w, name, &r->fig[BENCH_ENCODE + k], r->ctx[k] * 0.02, r->encode_limit_ms[k]);
    }
    snprintf(name, sizeof name, "prefill %d tokens", r->prefill);
    row(w, name, &r->fig[BENCH_ROWS], 0, 0);
    row(w, "decoder step", &r->fig[BENCH_TOKEN], 0, r->token_limit_ms);
    if (r->fig[BENCH_VERIFY].n) {
        row(w, "verify 16 tokens", &r->fig[BENCH_VERIFY], 0, 0);
    }
    snprintf(name, sizeof name, "30 s, %d tokens", r->clip_tokens);
    row(w, name, &r->fig[BENCH_CLIP], BENCH_CLIP_S,
        r->encode_limit_ms[0] + r->clip_tokens * r->token_limit_ms);
    row(w, "10 s, whole program", &r->fig[BENCH_OFFLINE], 10, 0);
    ops_text(w, "encoder pass", r->op[0], r->n_op[0]);
    ops_text(w, "decoder step", r->op[1], r->n_op[1]);
    if (r->fig[BENCH_VERIFY].n) {
        jsonw_fmt(w, "  verifying 16 tokens costs %.2f steps;",
                  r->fig[BENCH_VERIFY].median / r->fig[BENCH_TOKEN].median);
    }
    jsonw_fmt(w, "  %.4f CPU seconds a second of sound\n", r->cpu_s.median);
    jsonw_fmt(w, "  at most %.0f MB resident: weights %.1f, KV cache %.1f, activations %.1f MB\n",
              r->rss_mb, (double)r->mem.weights / 1e6, (double)r->mem.kv / 1e6,
              (double)r->mem.work / 1e6);
    if (r->foreign > 0.05) {
        jsonw_fmt(w, "  other programs used %.2f CPUs meanwhile: not a quiet machine\n", r->foreign);
    }
}

void bench_print_text(const struct bench *b, const struct bench_run *r, int n, struct jsonw *w)
{
    char cpu[128];
    const struct app_setup *s = &b->setup;
    cpu_name(cpu, (int)sizeof cpu);
    jsonw_fmt(w, "%s, %s kernels\n%s (%s), %s\nmeasured here, milliseconds\n", cpu, npu_rt_isa(s->rt),
              s->name, asr_model_kind(s->model), precision_of(b));
    for (int i = 0; i < n; i++) {
        run_text(w, &r[i]);
    }
}
