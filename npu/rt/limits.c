/* See limits.h.  Threads of its own, so that the device's are not counted in. */
#include "npu/rt/limits.h"

#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "app/base/clk.h"
#include "app/base/order.h"
#include "npu/rt/inside.h"

enum { RUNS = 7, MAX_THREADS = 16 };

enum what { INT8, F32, READ };

struct probe {
    const struct k_table *k;
    enum what what;
    uint64_t rounds;      /* of peak loops, or times the block is read */
    size_t bytes;         /* of the block */
    atomic_int *at_start; /* threads still to come */
};

struct seat {
    const struct probe *p;
    void *block;
    double amount, ns;
    pthread_t thread;
};

static void *seat_main(void *arg)
{
    struct seat *s = arg;
    const struct probe *p = s->p;
    atomic_fetch_sub(p->at_start, 1);
    while (atomic_load(p->at_start) > 0) {
    }
    for (int i = 0; p->what == READ && i < NPU_WARM; i++) {
        p->k->read(s->block, p->bytes);
    }
    const int64_t t0 = clk_ns();
    if (p->what == INT8) {
        s->amount = (double)p->k->peak_i8(p->rounds);
    } else if (p->what == F32) {
        s->amount = (double)p->k->peak_f32(p->rounds);
    } else {
        for (uint64_t i = 0; i < p->rounds; i++) {
            p->k->read(s->block, p->bytes);
        }
        s->amount = (double)p->rounds * (double)p->bytes;
    }
    s->ns = (double)(clk_ns() - t0);
    return NULL;
}

/* Amount per nanosecond of all threads together (1e9 a second). */
static double run(const struct probe *base, struct seat *seat, int threads)
{
    double rate = 0;
    atomic_int waiting = threads;
    struct probe p = *base;
    int n = 0;
    p.at_start = &waiting;
    for (int i = 0; i < threads; i++) {
        seat[i].p = &p;
        if (i && pthread_create(&seat[i].thread, NULL, seat_main, &seat[i])) {
            atomic_fetch_sub(&waiting, threads - i);
            break;
        }
        n = i;
    }
    seat_main(&seat[0]);
    for (int i = 0; i <= n; i++) {
        if (i) {
            pthread_join(seat[i].thread, NULL);
        }
        rate += seat[i].amount / seat[i].ns;
    }
    return rate;
}

/* Memory as the device's buffers have it: large pages where the kernel gives them. */
static void *block_new(size_t size)
{
    const size_t page = (size_t)2 << 20, b = (size + page - 1) / page * page;
    void *p = aligned_alloc(page, b);
    if (p) {
        madvise(p, b, MADV_HUGEPAGE); /* a refusal costs nothing */
        memset(p, 1, b);              /* pages of its own, not the one zero page */
    }
    return p;
}

static double best(const struct probe *p, struct seat *seat, int threads)
{
    double top = 0;
    for (int i = 0; i < RUNS; i++) {
        const double r = run(p, seat, threads);
        top = r > top ? r : top;
    }
    return top;
}

/* From the kernel: the C library's own figure was ten times too large on a virtual machine. */
static size_t l3_bytes(void)
{
    char unit = 0;
    long n = 0;
    FILE *f = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "re");
    if (f) {
        if (fscanf(f, "%ld%c", &n, &unit) < 1) {
            n = 0;
        }
        fclose(f);
    }
    return (size_t)(n > 0 ? n : 0) << (unit == 'M' ? 20 : unit == 'K' ? 10 : 0);
}

struct npu_reader {
    const struct k_table *k;
    struct seat seat[MAX_THREADS];
    size_t each;
    int threads;
};

void npu_reader_free(struct npu_reader *r)
{
    for (int i = 0; r && i < r->threads; i++) {
        free(r->seat[i].block);
    }
    free(r);
}

int npu_reader_new(struct npu_reader **out, const struct npu_rt *rt, int threads, size_t bytes,
                   struct err *e)
{
    struct npu_reader *r = calloc(1, sizeof *r);
    int ok = r != NULL;
    *out = r;
    if (ok) {
        r->k = rt->kernels;
        r->threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
        r->each = (bytes / (size_t)r->threads + 1023) / 1024 * 1024;
    }
    for (int i = 0; ok && i < r->threads; i++) {
        r->seat[i].block = block_new(r->each);
        ok = r->seat[i].block != NULL;
    }
    if (!ok) {
        npu_reader_free(r);
        *out = NULL;
        return err_set(e, ERR_MEM, "no memory for %zu MB to measure with", bytes >> 20);
    }
    return 0;
}

double npu_reader_rate(struct npu_reader *r, int times)
{
    const struct probe p = {r->k, READ, (uint64_t)times, r->each, NULL};
    return run(&p, r->seat, r->threads);
}

struct trip {
    alignas(64) atomic_int word;  /* odd: there, even: back */
    alignas(64) atomic_bool late; /* nobody goes on waiting */
};

enum { TRIPS = 200, TRIP_RUNS = 9, TRIP_MOST_NS = 5000000 };

static void *trip_main(void *arg)
{
    struct trip *t = arg;
    for (int i = 1; i < 2 * TRIPS * TRIP_RUNS && !atomic_load(&t->late); i += 2) {
        while (atomic_load(&t->word) != i && !atomic_load_explicit(&t->late, memory_order_relaxed)) {
        }
        atomic_store(&t->word, i + 1);
    }
    return NULL;
}

double npu_round_trip_ns(void)
{
    struct trip t = {0};
    double ns[TRIP_RUNS];
    pthread_t other;
    int n = 0, at = 1;
    unsigned polls = 0;
    const int64_t begun = clk_ns();
    if (pthread_create(&other, NULL, trip_main, &t)) {
        return (double)NAN;
    }
    while (n < TRIP_RUNS && !atomic_load(&t.late)) {
        const int64_t t0 = clk_ns();
        for (int i = 0; i < TRIPS && !atomic_load(&t.late); i++, at += 2) {
            atomic_store(&t.word, at);
            while (atomic_load(&t.word) != at + 1 && !atomic_load_explicit(&t.late, memory_order_relaxed)) {
                if (++polls % 1024 == 0 && clk_ns() - begun > TRIP_MOST_NS) {
                    atomic_store(&t.late, true);
                }
            }
        }
        ns[n++] = (double)(clk_ns() - t0) / TRIPS;
    }
    const int late = atomic_load(&t.late);
    atomic_store(&t.late, true);
    pthread_join(other, NULL);
    n -= late; /* the run that was broken off */
    order_doubles(ns, (size_t)n);
    return n ? order_median(ns, (size_t)n) : (double)NAN;
}

int npu_limits_measure(const struct npu_rt *rt, int threads, struct npu_limits *l, struct err *e)
{
    const size_t big = (size_t)128 << 20;
    struct seat seat[MAX_THREADS];
    const struct k_table *k = rt->kernels;
    const int slow = k == &k_table_c;
    int rc = 0;
    memset(seat, 0, sizeof seat);
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    for (int i = 0; i < threads && !rc; i++) {
        seat[i].block = block_new(big);
        if (!seat[i].block) {
            rc = err_set(e, ERR_MEM, "no memory for %zu MB to measure with", big >> 20);
        }
    }
    if (!rc) {
        const struct probe i8 = {k, INT8, slow ? 1000000 : 2000000, 0, NULL};
        const struct probe f32 = {k, F32, slow ? 1000000 : 2000000, 0, NULL};
        const struct probe l2 = {k, READ, 200, (size_t)512 << 10, NULL};
        const struct probe l3 = {k, READ, 10, (size_t)4 << 20, NULL};
        const struct probe dram = {k, READ, 1, big, NULL};
        memset(l, 0, sizeof *l);
        l->threads = threads;
        l->int8_gops = best(&i8, seat, threads);
        l->f32_gflops = best(&f32, seat, threads);
        l->l2_gbs = best(&l2, seat, threads);
        if (l3_bytes() >= (size_t)threads * l3.bytes) {
            l->l3_gbs = best(&l3, seat, threads);
        }
        l->dram_gbs = best(&dram, seat, threads);
    }
    for (int i = 0; i < threads; i++) {
        free(seat[i].block);
    }
    return rc;
}
