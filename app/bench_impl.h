/* The parts of `dictate bench`: what is timed (bench_stage.c), what it is held against
 * (bench_limit.c), how it is printed (bench_print.c).  For app/bench*.c alone.  Main thread. */
#ifndef APP_BENCH_IMPL_H
#define APP_BENCH_IMPL_H

#include <stdint.h>

#include "app/base/err.h"
#include "app/base/jsonw.h"
#include "app/setup.h"
#include "npu/rt/limits.h"

enum {
    BENCH_CLIP_S = 30,   /* seconds of sound that stages and clip work on */
    BENCH_FORCED = 80,   /* tokens of the clip */
    BENCH_DRAFT = 16,    /* tokens verified in one pass */
    BENCH_PREFILL = 32,  /* tokens of a prompt */
    BENCH_REPS = 256,    /* samples kept of one figure */
    BENCH_THREADS = 8,   /* rows of limits by threads */
};

/* A figure: its samples (of a stage: milliseconds), and their median, lowest, quartiles and highest. */
struct bench_fig {
    double median, lo, q1, q3, hi;
    int n;
    double t[BENCH_REPS];
};

enum bench_stage {
    BENCH_MEL,     /* log-mel of 30 s, one thread of the host */
    BENCH_ENCODE,  /* audio_ctx 1500, or all the model has */
    BENCH_ENCODE_SHORT, /* 512 */
    BENCH_TOKEN,   /* one decoder step, with its logits */
    BENCH_ROWS,    /* a prompt of BENCH_PREFILL tokens, one row of logits */
    BENCH_VERIFY,  /* BENCH_DRAFT tokens with the logits of each */
    BENCH_CLIP,    /* mel, encoder, BENCH_FORCED decoder steps */
    BENCH_OFFLINE, /* 10 s through the whole program path */
    BENCH_STAGES
};

/* What one kind of operation took in a pass, wall time. */
struct bench_op {
    const char *name;
    double ms;
};

/* Everything measured with one number of columns. */
struct bench_run {
    int columns, threads;
    double load_s, rss_mb; /* rss: the most that was resident since the model began to load */
    struct asr_mem mem;
    uint64_t allocs; /* device buffers made after the first pass */
    int ctx[2];      /* of the two encoder stages */
    int clip_tokens, prefill;
    struct bench_fig fig[BENCH_STAGES], cpu_s; /* cpu_s: CPU seconds a second of sound, of the clip */
    struct bench_op op[2][NPU_OP_COUNT];       /* of an encoder pass, of a decoder step */
    int n_op[2];

    struct npu_limits limits;               /* with `threads` threads */
    struct npu_limits by[BENCH_THREADS];    /* with 1, 2, ... threads */
    int n_by;
    struct bench_fig trip_ns;  /* a word between two threads and back, by turns with steps; n 0: one thread */
    /* By turns with steps: reading as many bytes as INT8 weights, keys and values of a step are, and as many as the engine
     * reads. */
    struct bench_fig read_gbs, engine_gbs;
    /* What a pass has to do whatever computes it, and the time that takes at the limit. */
    double encode_gop[2], encode_limit_ms[2], token_mb, token_limit_ms;
    double engine_mb, engine_limit_ms; /* what the engine's own step reads: less, its token table has 4 bits */
    double foreign; /* CPU seconds that other programs took, for each second that this took */
};

struct bench {
    const struct args *a;
    struct app_setup setup;
    float *x, *mel; /* 30 s of sound, its mel [3000][bands] */
    int step;       /* decoder position of the next timed step */
    int sum;        /* keeps the optimiser from dropping what is timed */
    double clip_cpu_s; /* CPU seconds of the clip just timed */
};

/* bench_stage.c: opens what b->a asks for with `columns` columns (0: the device's own) and fills r.
 * The setup stays open for whoever prints.  -ERR_*. */
int bench_columns(struct bench *b, int columns, struct bench_run *r, struct err *e);

/* bench_limit.c: measures the machine; called before and after the stages, the better figures stay. */
int bench_limits(struct bench *b, struct bench_run *r, struct err *e);
/* Works out what the stages are held against.  The model is open. */
void bench_against(const struct bench *b, struct bench_run *r);
/* Counts what a step of the engine reads; the next decoder pass needs an encoder pass before it.  -ERR_*. */
int bench_engine_reads(const struct bench *b, struct bench_run *r, struct err *e);
/* CPU seconds used by all programs since the machine began, NaN when it cannot be known. */
double bench_cpu_all_s(void);
/* The most memory that was resident since bench_peak_reset(), in 1e6 bytes, NaN: not known. */
double bench_peak_mb(void);
void bench_peak_reset(void);

/* bench_print.c: n runs, of which the first also stands at the top of the object. */
void bench_print_json(const struct bench *b, const struct bench_run *r, int n, struct jsonw *w);
void bench_print_text(const struct bench *b, const struct bench_run *r, int n, struct jsonw *w);

#endif
