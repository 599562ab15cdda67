/* The virtual NPU: columns are queues of tiles, served by host threads with SIMD kernels.
 *
 * Tiles of a job are dealt round robin: tile t belongs to column t mod columns, which its time is counted
 * for; the last round may be short, then the columns without a tile rest.  Which thread serves a tile follows
 * the caches instead: a job of many rows is shared out by rows, one of few along its columns
 * (virt_in.h).  A thread helps out where tiles are left when it has none of its own, so a thread that the
 * machine holds up costs no more than its share.  Whoever serves a tile, its bits are the same.
 *
 * Between two jobs threads exchange as little as can be: each has one word of what it took and one of what
 * it finished, counted on from job to job, and the next job begins when those of all add up.  Some jobs are so short that
 * even this takes longer than they do: virt_each.c.
 *
 * The submitting thread is thread 0: it lends its core to the columns it would otherwise wait for.
 * The others spin for a moment between jobs and lists, then sleep in a futex: an idle device costs
 * nothing (virt_wait.c).  Nothing is allocated while a list runs. */
#include "npu/dev/virt_in.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"

/* One writer: a plain add, visible to readers without tearing. */
static void count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* Work that only rearranges data for the kernels: shown as transfer. */
static bool moves_only(int op) { return op == NPU_COPY || op == NPU_HEADS; }

void virt_run_tile(struct worker *w, const struct dev_job *j, const struct k_args *a, uint32_t tile)
{
    const struct npu_cmd *c = a->c;
    const uint32_t mi = tile % j->tiles_m, nj = tile / j->tiles_m;
    const uint32_t m0 = mi * c->tile_m, n0 = nj * c->tile_n;
    /* the edge tiles are trimmed */
    const uint32_t m1 = c->m - m0 < c->tile_m ? c->m : m0 + c->tile_m;
    const uint32_t n1 = j->cols - n0 < c->tile_n ? j->cols : n0 + c->tile_n;
    w->v->kernels->run[c->op](a, m0, m1, n0, n1, w->scratch);
}

enum { TILE_BITS = 20 }; /* of worker.claims; the job's number is above them */

/* The next tile of x's share of job `number`, `share` tiles; -1: none is left.  x itself may not have come
 * to that job yet, or be further. */
static int64_t claim(struct worker *x, uint64_t number, uint32_t share)
{
    uint64_t c = atomic_load_explicit(&x->claims, memory_order_relaxed);
    for (;;) {
        const uint64_t at = c >> TILE_BITS;
        const uint32_t k = at == number ? (uint32_t)(c & ((1u << TILE_BITS) - 1)) : 0;
        if (at > number || k >= share) {
            return -1;
        }
        if (atomic_compare_exchange_weak(&x->claims, &c, number << TILE_BITS | (k + 1))) {
            return k;
        }
    }
}

/* Serves a tile and counts it; *now: when that begins, then when it ends. */
static void serve_tile(struct worker *w, const struct dev_job *j, const struct k_args *a, uint32_t tile, int64_t *now)
{
    const uint32_t columns = (uint32_t)w->v->dev.columns, col = tile % columns;
    const int op = a->c->op;
    virt_run_tile(w, j, a, tile);
    const int64_t then = *now;
    *now = clk_ns();
    const uint64_t spent = (uint64_t)(*now - then);
    count(moves_only(op) ? &w->fig.col_transfer[col] : &w->fig.col_busy[col], spent);
    count(&w->fig.core[col][tile / columns % DEV_MAX_ROWS], spent);
    count(&w->fig.col_tiles[col], 1);
    count(&w->fig.op_busy[op], spent);
    count(&w->fig.op_tiles[op], 1);
}

/* Takes for the list job `number`, which every thread does for itself, from worker 0, whose claims become `to`.  False:
 * it was taken. */
static bool claim_each(struct virt *v, uint64_t number, uint64_t to)
{
    uint64_t c = atomic_load_explicit(&v->worker[0].claims, memory_order_relaxed);
    while (c >> TILE_BITS < number) {
        if (atomic_compare_exchange_weak(&v->worker[0].claims, &c, to)) {
            return true;
        }
    }
    return false;
}

/* Serves what is left of x's share of job i. */
static uint32_t serve(struct worker *w, struct worker *x, int i, int64_t *now)
{
    const struct virt *v = w->v;
    const struct dev_job *j = &v->job[i];
    const struct k_args args = virt_each_args(w, i);
    const uint32_t share = virt_share(v, (uint32_t)x->index, j);
    uint32_t served = 0;
    int64_t k = x == w && w->begun ? 0 : claim(x, v->number + (uint64_t)i, share);
    for (w->begun = false; k >= 0; k = claim(x, v->number + (uint64_t)i, share)) {
        serve_tile(w, j, &args, virt_tile(v, (uint32_t)x->index, j, (uint32_t)k), now);
        served++;
    }
    return served;
}

/* Serves job i, which every thread does for itself, for the list. */
static uint32_t serve_each(struct worker *w, int i, int64_t *now)
{
    const struct dev_job *j = &w->v->job[i];
    const uint32_t tiles = j->tiles_m * j->tiles_n;
    for (uint32_t t = 0; t < tiles; t++) {
        serve_tile(w, j, &j->args, t, now);
    }
    return tiles;
}

/* Tells the others of tiles that w finished. */
static void tell(struct worker *w, uint32_t served)
{
    if (served) {
        atomic_fetch_add(&w->done, served);
    }
}

/* What others left of job i. */
static void serve_others(struct worker *w, int i, uint32_t goal, int64_t *now)
{
    struct virt *v = w->v;
    for (int k = 0; k < v->dev.threads && !virt_finished(v, goal); k++) {
        if (&v->worker[k] == w) {
            continue;
        }
        uint32_t served = 0;
        if (k == 0 && i && v->each[i - 1]) { /* worker 0 has not come yet? */
            const uint64_t number = v->number + (uint64_t)i - 1;
            served = claim_each(v, number, number << TILE_BITS | 1) ? serve_each(w, i - 1, now) : 0;
        }
        tell(w, served + serve(w, &v->worker[k], i, now));
    }
}

/* 1: w was helped onto another processor, or has left its own to worker 0, and should go home. */
static int run_job(struct worker *w, int i, uint32_t goal)
{
    struct virt *v = w->v;
    const bool is_short = v->job[i].tiles_m == 1, late = i && w->late == i;
    int64_t now = clk_ns();
    virt_hold(w, i);
    tell(w, w->owes + (late ? 0 : serve(w, w, i, &now)));
    w->owes = 0;
    /* Looking for what others left takes words from them that they need at once.  A short job is most often over
     * before that. */
    if (is_short) {
        virt_ahead(w, i, goal);
    }
    if (!late) {
        serve_others(w, i, goal, &now);
    }
    const int home = virt_release(w);
    if (atomic_load(&v->waiting) && virt_finished(v, goal)) {
        atomic_fetch_add(&v->bell, 1);
        virt_wake(&v->bell);
    }
    if (home) {
        return 1;
    }
    if (!is_short) {
        virt_ahead(w, i, goal);
    }
    return virt_wait_job(w, i, goal);
}

/* Worker 0 does job i, which the others do for themselves, for the list, and takes its first tile of the next job with it:
 * the others hear of both at once.  When one of them was here before, worker 0 leaves the next job to them. */
static void run_each(struct worker *w, int i)
{
    const uint64_t number = w->v->number + (uint64_t)i;
    int64_t now = clk_ns();
    virt_each_begin(w, i);
    w->begun = claim_each(w->v, number, (number + 1) << TILE_BITS | 1);
    w->late = w->begun ? 0 : i + 1;
    w->owes = w->begun ? serve_each(w, i, &now) : 0;
}

/* What all workers together have finished when job i is done, given the same of the job before it. */
static uint32_t goal_of(const struct virt *v, int i, uint32_t before)
{
    return before + v->job[i].tiles_m * v->job[i].tiles_n;
}

/* Serves the open list to its end.  1: left early, to go home and come again. */
static int serve_list(struct worker *w)
{
    uint32_t goal = w->v->goal;
    int away = 0;
    w->ahead.job = 0;
    for (int i = 0; i < w->v->n_job && !away; i++) {
        goal = goal_of(w->v, i, goal);
        if (w->v->each[i]) {
            virt_each_do(w, i, goal_of(w->v, i + 1, goal));
        } else {
            away = run_job(w, i, goal);
        }
    }
    return away;
}

static void leave(struct worker *w)
{
    atomic_store(&w->inside, 0);
    if (atomic_fetch_sub(&w->v->active, 1) == 1) {
        virt_wake(&w->v->active);
    }
}

/* Waits at the gate for a list that is not `last`; returns its number, 0 to quit. */
static uint32_t next_list(struct worker *w, uint32_t last)
{
    struct virt *v = w->v;
    uint32_t g = atomic_load_explicit(&v->gate, memory_order_acquire);
    for (int i = 0; i < VIRT_SPIN && !virt_in_the_way(w); i++) {
        g = atomic_load_explicit(&v->gate, memory_order_acquire);
        if ((g & 1 && g != last) || atomic_load_explicit(&v->quit, memory_order_relaxed)) {
            break;
        }
        virt_pause();
    }
    while (g = atomic_load(&v->gate), !(g & 1 && g != last) && !atomic_load(&v->quit)) {
        atomic_fetch_add(&v->sleepers, 1);
        if (!atomic_load(&v->quit) && atomic_load(&v->gate) == g) {
            virt_sleep(&v->gate, g);
        }
        atomic_fetch_sub(&v->sleepers, 1);
    }
    return atomic_load(&v->quit) ? 0 : g;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct virt *v = w->v;
    uint32_t last = 0, g;
    while ((g = next_list(w, last)) != 0) {
        int away = 0;
        /* Inside only if the list is still open once we are counted. */
        virt_enter(w);
        atomic_fetch_add(&v->active, 1);
        atomic_store(&w->inside, 1);
        if (atomic_load(&v->gate) == g) {
            away = serve_list(w);
            last = away ? last : g;
        }
        leave(w);
        if (away || atomic_load_explicit(&w->home, memory_order_relaxed)) {
            virt_go_home(w);
        }
    }
    return NULL;
}

static int grow(struct virt *v, size_t scratch_b, size_t room_b, struct err *e)
{
    if (scratch_b > v->scratch_b || room_b > v->room_b) {
        scratch_b = scratch_b > v->scratch_b ? (scratch_b + 4095) / 4096 * 4096 : v->scratch_b;
        room_b = room_b > v->room_b ? (room_b + 4095) / 4096 * 4096 : v->room_b;
        for (int i = 0; i < v->dev.threads; i++) {
            char *p = aligned_alloc(4096, scratch_b + room_b);
            if (!p) {
                return err_set(e, ERR_MEM, "no memory for %zu bytes of tile memory", scratch_b + room_b);
            }
            free(v->worker[i].scratch);
            v->worker[i].scratch = p;
            v->worker[i].room = p + scratch_b;
        }
        v->scratch_b = scratch_b;
        v->room_b = room_b;
    }
    return 0;
}

/* What the threads need for n jobs. */
static int prepare(struct virt *v, const struct dev_job *job, int n, size_t scratch_b, struct err *e)
{
    if (n > v->each_cap) {
        uint8_t *p = realloc(v->each, (size_t)n);
        if (!p) {
            return err_set(e, ERR_MEM, "no memory for a list of %d commands", n);
        }
        v->each = p;
        v->each_cap = n;
    }
    return n ? grow(v, scratch_b, virt_each_find(v, job, n, v->each), e) : 0;
}

static int virt_run(struct dev *d, const struct dev_job *job, int n, size_t scratch_b,
                    struct err *e)
{
    struct virt *v = (struct virt *)d;
    int rc = prepare(v, job, n, scratch_b, e);
    if (rc || n == 0) {
        return rc;
    }
    const int64_t start = clk_ns();
    int64_t then = start;
    v->job = job;
    v->n_job = n;
    v->goal = 0;
    for (int k = 0; k < v->dev.threads; k++) {
        v->goal += atomic_load(&v->worker[k].done);
    }
    uint32_t goal = v->goal;
    v->worker[0].ahead.job = v->worker[0].late = 0;
    v->worker[0].thread = pthread_self();
    atomic_store(&v->worker[0].cpu, sched_getcpu());
    atomic_store(&v->worker[0].inside, 1);
    atomic_fetch_add(&v->gate, 1);
    if (atomic_load(&v->sleepers)) {
        virt_wake(&v->gate);
    }
    for (int i = 0; i < n; i++) {
        const int op = job[i].args.c->op;
        goal = goal_of(v, i, goal);
        if (v->each[i]) {
            run_each(&v->worker[0], i);
        }
        while (!v->each[i] && run_job(&v->worker[0], i, goal)) {
            virt_go_home(&v->worker[0]);
        }
        const int64_t now = clk_ns();
        count(&v->op_calls[op], 1);
        count(&v->op_wall[op], (uint64_t)(now - then));
        count(&v->op_bytes[op], job[i].bytes);
        count(&v->op_macs[op], job[i].macs);
        then = now;
    }
    atomic_fetch_add(&v->gate, 1);
    /* Nobody may look at the jobs once we return. */
    virt_wait_empty(v);
    v->number += (uint64_t)n;
    atomic_store(&v->worker[0].inside, 0);
    count(&v->lists, 1);
    count(&v->cmds, (uint64_t)n);
    count(&v->list_ns, (uint64_t)(clk_ns() - start));
    return 0;
}

static uint64_t get(const _Atomic uint64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void virt_stats(const struct dev *d, struct dev_stats *s)
{
    const struct virt *v = (const struct virt *)d;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < v->dev.threads; i++) {
        const struct figures *f = &v->worker[i].fig;
        for (int c = 0; c < v->dev.columns; c++) {
            s->col[c].busy += get(&f->col_busy[c]);
            s->col[c].transfer += get(&f->col_transfer[c]);
            s->col[c].tiles += get(&f->col_tiles[c]);
            for (int r = 0; r < DEV_MAX_ROWS; r++) {
                s->col[c].row[r] += get(&f->core[c][r]);
            }
        }
        for (int op = 0; op < NPU_OP_COUNT; op++) {
            s->op[op].busy += get(&f->op_busy[op]);
            s->op[op].tiles += get(&f->op_tiles[op]);
        }
    }
    for (int op = 0; op < NPU_OP_COUNT; op++) {
        s->op[op].calls = get(&v->op_calls[op]);
        s->op[op].wall = get(&v->op_wall[op]);
        s->op[op].bytes = get(&v->op_bytes[op]);
        s->op[op].macs = get(&v->op_macs[op]);
    }
    s->lists = get(&v->lists);
    s->cmds = get(&v->cmds);
    s->list_ns = get(&v->list_ns);
}

static void virt_close(struct dev *d)
{
    struct virt *v = (struct virt *)d;
    atomic_store(&v->quit, true);
    atomic_fetch_add(&v->gate, 2); /* changes the futex word, opens nothing */
    virt_wake(&v->gate);
    for (int i = 1; i <= v->started; i++) {
        pthread_join(v->worker[i].thread, NULL);
    }
    for (int i = 0; v->worker && i < v->dev.threads; i++) {
        free(v->worker[i].scratch);
    }
    free(v->worker);
    free(v->each);
    free(v);
}

int dev_virt_open(struct dev **d, int columns, int threads, const struct k_table *kernels,
                  struct err *e)
{
    static const struct dev_ops ops = {virt_run, virt_stats, virt_close};
    struct virt *v = aligned_alloc(64, (sizeof *v + 63) / 64 * 64);
    /* a column is one engine: more threads than columns would have nothing of their own */
    threads = threads < columns ? threads : columns;
    if (!v) {
        return err_set(e, ERR_MEM, "no memory for the virtual NPU");
    }
    memset(v, 0, sizeof *v);
    v->dev = (struct dev){&ops, columns, threads};
    v->number = 1;
    v->kernels = kernels;
    v->worker = aligned_alloc(64, (size_t)threads * sizeof *v->worker);
    if (!v->worker) {
        v->dev.threads = 0;
        virt_close(&v->dev);
        return err_set(e, ERR_MEM, "no memory for the virtual NPU");
    }
    memset(v->worker, 0, (size_t)threads * sizeof *v->worker);
    for (int i = 0; i < threads; i++) {
        v->worker[i].v = v;
        v->worker[i].index = i;
        if (i && pthread_create(&v->worker[i].thread, NULL, worker_main, &v->worker[i])) {
            virt_close(&v->dev);
            return err_set(e, ERR_NPU, "cannot start thread %d of the virtual NPU", i);
        }
        v->started = i;
    }
    *d = &v->dev;
    return 0;
}
