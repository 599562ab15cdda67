/* See bench_impl.h.  Stages are timed in rounds, each round all of them, so that another program's
 * burst does not fall on one figure alone; a figure is the median of all its samples.  Decoder steps and
 * the reading that they are held against go by turns of milliseconds: others share caches and memory,
 * and their rate moves by half within seconds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "app/base/order.h"
#include "app/bench_impl.h"
#include "app/device.h"
#include "app/offline.h"
#include "app/sound.h"
#include "audio/mel.h"

enum {
    ROUNDS = 3,
    LEAST = 2,      /* samples a round, whatever they take */
    FIRST_STEP = 4, /* positions of timed decoder steps */
    LAST_STEP = 84,
    KNOWN = 48, /* tokens before a draft */
    TURN = 3,   /* samples of each in a turn, after NPU_WARM that do not count */
};

static double since_ms(int64_t t0) { return (double)(clk_ns() - t0) * 1e-6; }

/* -- what is timed: milliseconds, or negative and e ------------------------------------------------- */

static double time_mel(struct bench *b, int arg, struct err *e)
{
    struct mel *m;
    const struct asr_model *model = b->setup.model;
    (void)arg;
    if (mel_new(&m, asr_model_hp(model)->n_mels, asr_model_filters(model), e)) {
        return -1;
    }
    int64_t t = clk_ns();
    int rc = mel_clip(m, b->x, BENCH_CLIP_S * AUDIO_RATE);
    if (!rc) {
        mel_window(m, 0, BENCH_CLIP_S * 100, mel_clip_frames(BENCH_CLIP_S * AUDIO_RATE),
                   mel_max(m, 0, mel_end(m)), b->mel);
    }
    double ms = since_ms(t);
    mel_free(m);
    return rc ? (err_set(e, ERR_MEM, "no memory for the spectrogram"), -1) : ms;
}

static double time_encode(struct bench *b, int ctx, struct err *e)
{
    int64_t t = clk_ns();
    return asr_encode(b->setup.eng, b->mel, ctx, e) ? -1 : since_ms(t);
}

/* One step.  The same text token over and over: what is chosen does not change what a step costs. */
static double time_token(struct bench *b, int arg, struct err *e)
{
    struct asr_engine *eng = b->setup.eng;
    const int last = asr_engine_hp(eng)->n_text_ctx;
    int32_t word = 0, start[FIRST_STEP] = {0};
    (void)arg;
    if (b->step == 0 || b->step >= LAST_STEP || b->step >= last) {
        b->step = FIRST_STEP < last ? FIRST_STEP : last - 1;
        if (asr_decode(eng, start, b->step, 0, 0, e)) {
            return -1;
        }
    }
    int64_t t = clk_ns();
    if (asr_decode(eng, &word, 1, b->step++, 1, e)) {
        return -1;
    }
    double ms = since_ms(t);
    b->sum += asr_logits(eng, 0)[0] > 0;
    return ms;
}

static double time_prefill(struct bench *b, int n, struct err *e)
{
    int32_t tok[BENCH_PREFILL] = {0};
    int64_t t = clk_ns();
    return asr_decode(b->setup.eng, tok, n, 0, 1, e) ? -1 : since_ms(t);
}

static double time_draft(struct bench *b, int n, struct err *e)
{
    int32_t tok[BENCH_DRAFT] = {0};
    int64_t t = clk_ns();
    return asr_decode(b->setup.eng, tok, n, KNOWN, n, e) ? -1 : since_ms(t);
}

/* Mel to the last of n forced tokens: what a clip costs whatever is said in it. */
static double time_clip(struct bench *b, int n, struct err *e)
{
    struct asr_engine *eng = b->setup.eng;
    const struct asr_special *sp = asr_tok_special(b->setup.tok);
    int32_t start[2] = {sp->sot, sp->not_}, word = 0;
    const int64_t cpu = clk_cpu_ns();
    double mel = time_mel(b, 0, e);
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
    b->clip_cpu_s = (double)(clk_cpu_ns() - cpu) * 1e-9;
    return mel + since_ms(t);
}

static double time_offline(struct bench *b, int samples, struct err *e)
{
    struct asr_params p = asr_params_default();
    char *text;
    int64_t t = clk_ns();
    if (offline_text(&b->setup, b->x, samples, &p, &text, NULL, e)) {
        return -1;
    }
    free(text);
    return since_ms(t);
}

/* -- figures ---------------------------------------------------------------------------------------- */

static void fig_add(struct bench_fig *f, double v)
{
    if (f->n < BENCH_REPS) {
        f->t[f->n++] = v;
    }
}

static void fig_done(struct bench_fig *f)
{
    if (f->n) {
        const int n = f->n;
        order_doubles(f->t, (size_t)n);
        f->median = order_median(f->t, (size_t)n);
        f->lo = f->t[0];
        f->q1 = f->t[n / 4];
        f->q3 = f->t[n - 1 - n / 4];
        f->hi = f->t[n - 1];
    }
}

struct stage {
    double (*time)(struct bench *b, int arg, struct err *e);
    int arg;
};

static void stages_of(const struct bench *b, struct bench_run *r, struct stage *s)
{
    const struct asr_hparams *hp = asr_model_hp(b->setup.model);
    r->ctx[0] = hp->n_audio_ctx < 1500 ? hp->n_audio_ctx : 1500;
    r->ctx[1] = hp->n_audio_ctx < 512 ? hp->n_audio_ctx : 512;
    r->prefill = hp->n_text_ctx < BENCH_PREFILL ? hp->n_text_ctx : BENCH_PREFILL;
    r->clip_tokens = hp->n_text_ctx < BENCH_FORCED + 2 ? hp->n_text_ctx - 2 : BENCH_FORCED;
    s[BENCH_MEL] = (struct stage){time_mel, 0};
    s[BENCH_ENCODE] = (struct stage){time_encode, r->ctx[0]};
    s[BENCH_ENCODE_SHORT] = (struct stage){time_encode, r->ctx[1]};
    s[BENCH_ROWS] = (struct stage){time_prefill, r->prefill};
    s[BENCH_CLIP] = (struct stage){time_clip, r->clip_tokens};
    s[BENCH_OFFLINE] = (struct stage){time_offline, 10 * AUDIO_RATE};
}

static int time_stage(struct bench *b, struct bench_run *r, int i, const struct stage *s,
                      struct err *e)
{
    const double spend_ms = 1e3 * (b->a->seconds ? b->a->seconds : 2) / (double)ROUNDS;
    double sum = 0;
    int rc = s->time(b, s->arg, e) < 0 ? -e->code : 0; /* warms caches, is not counted */
    for (int n = 0; !rc && n < BENCH_REPS / ROUNDS && (n < LEAST || sum < spend_ms); n++) {
        const double ms = s->time(b, s->arg, e);
        if (ms < 0) {
            rc = -e->code;
            break;
        }
        fig_add(&r->fig[i], ms);
        if (i == BENCH_CLIP) {
            fig_add(&r->cpu_s, b->clip_cpu_s / BENCH_CLIP_S);
        }
        sum += ms;
    }
    return rc;
}

static int time_turn(struct bench *b, struct bench_fig *f, const struct stage *s, struct err *e)
{
    for (int i = 0; i < NPU_WARM + TURN; i++) {
        const double ms = s->time(b, s->arg, e);
        if (ms < 0) {
            return -e->code;
        }
        if (i >= NPU_WARM) {
            fig_add(f, ms);
        }
    }
    return 0;
}

/* Steps and drafts by turns with reading.  They follow a pass over the whole window: their
 * cross-attention reads all of it. */
static int time_turns(struct bench *b, struct bench_run *r, struct err *e)
{
    const struct stage step = {time_token, 0}, verify = {time_draft, BENCH_DRAFT};
    const int draft = asr_model_hp(b->setup.model)->n_text_ctx >= KNOWN + BENCH_DRAFT;
    const double spend_ms = 1e3 * (b->a->seconds ? b->a->seconds : 2);
    struct npu_reader *reader = NULL, *own = NULL;
    int rc = bench_engine_reads(b, r, e);
    rc = rc ? rc : npu_reader_new(&reader, b->setup.rt, r->threads, (size_t)(r->token_mb * 1e6), e);
    rc = rc ? rc : npu_reader_new(&own, b->setup.rt, r->threads, (size_t)(r->engine_mb * 1e6), e);
    const int64_t t0 = clk_ns();
    rc = rc ? rc : asr_encode(b->setup.eng, b->mel, r->ctx[0], e);
    for (int n = 0; !rc && n + TURN <= BENCH_REPS && (n == 0 || since_ms(t0) < 3 * spend_ms); n += TURN) {
        const double trip = r->threads > 1 ? npu_round_trip_ns() : (double)NAN;
        if (!isnan(trip)) {
            fig_add(&r->trip_ns, trip);
        }
        fig_add(&r->read_gbs, npu_reader_rate(reader, TURN));
        fig_add(&r->engine_gbs, npu_reader_rate(own, TURN));
        b->step = 0;
        rc = time_turn(b, &r->fig[BENCH_TOKEN], &step, e);
        if (!rc && draft) {
            int32_t tok[KNOWN] = {0};
            rc = asr_decode(b->setup.eng, tok, KNOWN, 0, 0, e);
            rc = rc ? rc : time_turn(b, &r->fig[BENCH_VERIFY], &verify, e);
        }
    }
    npu_reader_free(reader);
    npu_reader_free(own);
    fig_done(&r->trip_ns);
    fig_done(&r->read_gbs);
    fig_done(&r->engine_gbs);
    fig_done(&r->fig[BENCH_TOKEN]);
    fig_done(&r->fig[BENCH_VERIFY]);
    return rc;
}

/* Where the time of one more encoder pass and of one more decoder step goes. */
static int time_ops(struct bench *b, struct bench_run *r, struct err *e)
{
    int rc = 0;
    for (int k = 0; k < 2 && !rc; k++) {
        struct npu_stats s0, s1;
        const int passes = k ? 16 : 1;
        double ms = 0;
        npu_rt_stats(b->setup.rt, &s0);
        for (int i = 0; i < passes && ms >= 0; i++) {
            ms = k ? time_token(b, 0, e) : time_encode(b, r->ctx[0], e);
            if (k && i == 0) { /* the first may have set the position back */
                npu_rt_stats(b->setup.rt, &s0);
            }
        }
        rc = ms < 0 ? -e->code : 0;
        npu_rt_stats(b->setup.rt, &s1);
        for (int op = 0; op < NPU_OP_COUNT; op++) {
            const double ns = (double)(s1.op[op].wall - s0.op[op].wall);
            if (ns > 0) {
                r->op[k][r->n_op[k]++] =
                    (struct bench_op){npu_op_name(op), ns * 1e-6 / (k ? passes - 1 : 1)};
            }
        }
    }
    return rc;
}

static int time_all(struct bench *b, struct bench_run *r, struct err *e)
{
    struct stage s[BENCH_STAGES] = {0};
    struct npu_stats first = {0}, last = {0};
    const double all = bench_cpu_all_s();
    const int64_t own = clk_cpu_ns(), t0 = clk_ns();
    int rc = 0;
    stages_of(b, r, s);
    for (int round = 0; round < ROUNDS && !rc; round++) {
        for (int i = 0; i < BENCH_STAGES && !rc; i++) {
            rc = s[i].time ? time_stage(b, r, i, &s[i], e) : 0;
            if (round == 0 && i == BENCH_ENCODE) {
                npu_rt_stats(b->setup.rt, &first);
            } else if (round == 0 && i == BENCH_CLIP) { /* a whole transcription may allocate */
                npu_rt_stats(b->setup.rt, &last);
            }
        }
    }
    if (rc) {
        return rc;
    }
    r->allocs = last.allocs - first.allocs;
    const double wall = (double)(clk_ns() - t0) * 1e-9;
    r->foreign = (bench_cpu_all_s() - all - (double)(clk_cpu_ns() - own) * 1e-9) / wall;
    for (int i = 0; i < BENCH_STAGES; i++) {
        fig_done(&r->fig[i]);
    }
    fig_done(&r->cpu_s);
    return time_ops(b, r, e);
}

static int invent_sound(struct bench *b, struct err *e)
{
    const size_t bands = (size_t)asr_model_hp(b->setup.model)->n_mels;
    if (b->mel) {
        return 0;
    }
    b->x = malloc((size_t)BENCH_CLIP_S * AUDIO_RATE * sizeof *b->x);
    b->mel = calloc((size_t)BENCH_CLIP_S * 100 * bands, sizeof *b->mel);
    if (!b->x || !b->mel) {
        return err_set(e, ERR_MEM, "no memory for the sound of the bench");
    }
    sound_synth(b->x, BENCH_CLIP_S * AUDIO_RATE);
    return 0;
}

/* Opens the device alone and measures the machine, before the model's memory is counted. */
static int limits_first(struct bench *b, int columns, struct bench_run *r, struct err *e)
{
    struct app_setup *s = &b->setup;
    struct app_device d;
    int rc = app_model_find(b->a->model, s->path, sizeof s->path, e);
    rc = rc ? rc : asr_model_open(&s->model, s->path, e);
    app_device(&d, b->a, columns);
    rc = rc ? rc : npu_rt_open(&s->rt, &d.opts, e);
    if (!rc) {
        r->threads = npu_rt_threads(s->rt);
        bench_against(b, r); /* how many bytes a step reads */
        rc = bench_limits(b, r, e);
    }
    app_setup_close(s);
    return rc;
}

int bench_columns(struct bench *b, int columns, struct bench_run *r, struct err *e)
{
    int rc = limits_first(b, columns, r, e);
    bench_peak_reset();
    rc = rc ? rc : app_setup_open_cols(&b->setup, b->a, columns, e);
    rc = rc ? rc : invent_sound(b, e);
    if (rc) {
        return rc;
    }
    r->columns = npu_rt_columns(b->setup.rt);
    r->threads = npu_rt_threads(b->setup.rt);
    r->load_s = b->setup.load_s;
    asr_engine_mem(b->setup.eng, &r->mem);
    rc = time_all(b, r, e);
    r->rss_mb = bench_peak_mb();
    rc = rc ? rc : time_turns(b, r, e); /* has memory of its own to read */
    rc = rc ? rc : bench_limits(b, r, e); /* again: what was measured under others' work is too low */
    bench_against(b, r);
    return rc;
}
