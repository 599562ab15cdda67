/* See bench_impl.h: limits of the machine, the least work of a pass, and the machine's own figures.
 *
 * The limit of a pass counts what the network needs (multiply-adds of its shapes; INT8 weights and
 * INT8 cross keys and values of a step), not what the engine chose to do: work done twice, or bytes
 * moved twice, does not raise the limit, and a table of 4 bits does not lower it.  What the engine reads is counted
 * beside it. */
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/bench_impl.h"

static double best(double a, double b) { return b > a ? b : a; }

static void keep_best(struct npu_limits *l, const struct npu_limits *m)
{
    l->threads = m->threads;
    l->int8_gops = best(l->int8_gops, m->int8_gops);
    l->f32_gflops = best(l->f32_gflops, m->f32_gflops);
    l->l2_gbs = best(l->l2_gbs, m->l2_gbs);
    l->l3_gbs = best(l->l3_gbs, m->l3_gbs);
    l->dram_gbs = best(l->dram_gbs, m->dram_gbs);
}

/* 1, 2, 3, 4 threads and then in larger steps, so that the last row is all of them. */
static int threads_of_row(int row, int rows, int threads)
{
    return threads <= rows ? row + 1 : 1 + row * (threads - 1) / (rows - 1);
}

int bench_limits(struct bench *b, struct bench_run *r, struct err *e)
{
    int rc = 0;
    r->n_by = r->threads < BENCH_THREADS ? r->threads : BENCH_THREADS;
    for (int i = 0; i < r->n_by && !rc; i++) {
        struct npu_limits m;
        rc = npu_limits_measure(b->setup.rt, threads_of_row(i, r->n_by, r->threads), &m, e);
        if (!rc) {
            keep_best(&r->by[i], &m);
        }
    }
    if (!rc) {
        r->limits = r->by[r->n_by - 1];
    }
    return rc;
}

/* 1e9 operations (a multiply-add is two): convolutions, encoder, cross keys and values. */
static double encoder_gop(const struct asr_hparams *h, int ctx)
{
    const double m = ctx, d = h->n_audio_state, t = h->n_text_state;
    const double conv = 2 * m * 3 * h->n_mels * d + m * 3 * d * d;
    const double layer = 12 * m * d * d + 2 * m * m * d;
    return 2e-9 * (conv + h->n_audio_layer * layer + h->n_text_layer * 2 * m * d * t);
}

/* 1e6 values that a step reads: matrices of the layers and of the logits, cross keys and values. */
static double token_values(const struct asr_hparams *h)
{
    const double d = h->n_text_state;
    return 1e-6 * (h->n_text_layer * (14 * d * d + 2.0 * h->n_audio_ctx * d) + h->n_vocab * d);
}

/* Milliseconds for 1e6 bytes at 1e9 a second. */
static double over(double mb, double gbs) { return gbs > 0 ? mb / gbs : (double)NAN; }

void bench_against(const struct bench *b, struct bench_run *r)
{
    const struct asr_hparams *h = asr_model_hp(b->setup.model);
    const int i8 = b->a->precision == ASR_PREC_INT8;
    const double gops = i8 ? r->limits.int8_gops : r->limits.f32_gflops;
    for (int i = 0; i < 2; i++) {
        r->encode_gop[i] = encoder_gop(h, r->ctx[i]);
        r->encode_limit_ms[i] = gops > 0 ? r->encode_gop[i] / gops * 1e3 : (double)NAN;
    }
    r->token_mb = token_values(h) * (i8 ? 1 : 4);
    r->token_limit_ms = over(r->token_mb, r->read_gbs.median);
    r->engine_limit_ms = over(r->engine_mb, r->engine_gbs.median);
}

int bench_engine_reads(const struct bench *b, struct bench_run *r, struct err *e)
{
    const struct npu_list *enc, *dec;
    size_t bytes = 0;
    int rc = asr_engine_plan(b->setup.eng, r->ctx[0], &enc, &dec, e);
    for (int i = 0; !rc && i < dec->n; i++) {
        bytes += k_fixed_bytes(&dec->cmd[i]);
    }
    /* f32 reads what the network has; its attention is not counted above */
    r->engine_mb = b->a->precision == ASR_PREC_INT8 ? (double)bytes * 1e-6 : r->token_mb;
    return rc;
}

double bench_cpu_all_s(void)
{
    unsigned long long user = 0, nice = 0, sys = 0, idle, wait, irq = 0, soft = 0;
    FILE *f = fopen("/proc/stat", "re");
    int n = f ? fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys, &idle, &wait,
                       &irq, &soft)
              : 0;
    if (f) {
        fclose(f);
    }
    return n == 7 ? (double)(user + nice + sys + irq + soft) / (double)sysconf(_SC_CLK_TCK)
                  : (double)NAN;
}

double bench_peak_mb(void)
{
    char line[128];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) {
            break;
        }
    }
    if (f) {
        fclose(f);
    }
    return kb >= 0 ? (double)kb * 1024 / 1e6 : (double)NAN;
}

/* The kernel starts the peak afresh; where it refuses, the peak includes what went before. */
void bench_peak_reset(void)
{
    malloc_trim(0); /* what the limits left behind */
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = write(fd, "5", 1);
        (void)n;
        close(fd);
    }
}
