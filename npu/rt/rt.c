/* Opening, buffers, counters.  See rt.h. */
#include "npu/rt/rt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "app/base/clk.h"
#include "app/base/cpu.h"
#include "npu/dev/cmd.h"
#include "npu/rt/inside.h"

int npu_rt_open(struct npu_rt **out, const struct npu_rt_opts *o, struct err *e)
{
    unsigned features = 0;
    int rc = cpu_features(&features, e);
    if (rc) {
        return rc;
    }
    if (o->columns < 0 || o->columns > NPU_MAX_COLS) {
        return err_set(e, ERR_USAGE, "%d columns: 1 to %d are possible", o->columns, NPU_MAX_COLS);
    }
    if (o->threads < 0 || o->threads > DEV_MAX_THREADS) {
        return err_set(e, ERR_USAGE, "%d threads: 1 to %d are possible", o->threads,
                       DEV_MAX_THREADS);
    }
    struct npu_rt *rt = calloc(1, sizeof *rt);
    if (!rt) {
        return err_set(e, ERR_MEM, "no memory for the NPU runtime");
    }
    pthread_mutex_init(&rt->mu, NULL);
    atomic_init(&rt->now, &rt->names);
    rt->kernels = k_choose(features);
    rc = rt_device_open(rt, o, e);
    if (rc) {
        npu_rt_close(rt);
        return rc;
    }
    *out = rt;
    return 0;
}

void npu_rt_close(struct npu_rt *rt)
{
    if (!rt) {
        return;
    }
    if (rt->dev) {
        rt->dev->ops->close(rt->dev);
    }
    for (uint32_t i = 1; i < RT_MAX_BUFS; i++) {
        npu_buf_free(rt, i);
    }
    rt_device_close(rt);
    pthread_mutex_destroy(&rt->mu);
    free(rt);
}

const char *npu_rt_name(const struct npu_rt *rt) { return atomic_load(&rt->now)->text; }
const char *npu_rt_short(const struct npu_rt *rt) { return atomic_load(&rt->now)->brief; }
const char *npu_rt_isa(const struct npu_rt *rt) { return rt->kernels->name; }
int npu_rt_columns(const struct npu_rt *rt) { return rt->columns; }
int npu_rt_threads(const struct npu_rt *rt) { return rt->threads; }

/* A map of its own: zeroed, given back whole.  It begins where a large page can, also for a file that takes its
 * place (buf_file.c). */
static void *plain_memory(size_t size)
{
    const size_t more = size < RT_LARGE ? 0 : RT_LARGE;
    char *p = size && size <= SIZE_MAX - more
                  ? mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                  : MAP_FAILED;
    if (p == MAP_FAILED) {
        return NULL;
    }
    if (more) {
        const size_t before = (RT_LARGE - (uintptr_t)p % RT_LARGE) % RT_LARGE;
        if (before) {
            munmap(p, before);
        }
        p += before;
        munmap(p + size, more - before); /* never nothing: before is less than a large page */
    }
    madvise(p, size, MADV_HUGEPAGE); /* fewer TLB misses; a refusal costs nothing */
    return p;
}

int npu_buf_new(struct npu_rt *rt, size_t size, const char *what, uint32_t *buf, struct err *e)
{
    uint32_t i = 1;
    *buf = 0;
    while (i < RT_MAX_BUFS && rt->buf[i].data) {
        i++;
    }
    if (i == RT_MAX_BUFS) {
        return err_set(e, ERR_NPU, "more than %d device buffers", RT_MAX_BUFS - 1);
    }
    size = (size + 4095) / 4096 * 4096;
    struct rt_buf b = {NULL, size, 0};
    if (rt->driven) { /* all memory is the driver's, so its numbers are ours */
        int rc = dev_xdna_bo_new(rt->x, size, what, &b.bo, e);
        if (rc) {
            return rc;
        }
        b.data = dev_xdna_bo_map(rt->x, b.bo);
    } else {
        b.data = plain_memory(size);
    }
    if (!b.data || (b.bo && b.bo != i)) {
        return err_set(e, ERR_MEM, "no memory for %s: %zu MB are needed", what, size >> 20);
    }
    rt->buf[i] = b;
    atomic_fetch_add_explicit(&rt->buf_bytes, size, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->buf_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->allocs, 1, memory_order_relaxed);
    *buf = i;
    return 0;
}

void npu_buf_free(struct npu_rt *rt, uint32_t buf)
{
    if (buf && buf < RT_MAX_BUFS && rt->buf[buf].data) {
        if (rt->buf[buf].bo) {
            dev_xdna_bo_free(rt->x, rt->buf[buf].bo);
        } else {
            munmap(rt->buf[buf].data, rt->buf[buf].size);
        }
        atomic_fetch_sub_explicit(&rt->buf_bytes, rt->buf[buf].size, memory_order_relaxed);
        atomic_fetch_sub_explicit(&rt->buf_count, 1, memory_order_relaxed);
        rt->buf[buf] = (struct rt_buf){0};
    }
}

void *npu_buf_map(struct npu_rt *rt, uint32_t buf)
{
    return buf < RT_MAX_BUFS ? rt->buf[buf].data : NULL;
}

size_t npu_buf_size(const struct npu_rt *rt, uint32_t buf)
{
    return buf < RT_MAX_BUFS ? rt->buf[buf].size : 0;
}

void npu_buf_wrote(struct npu_rt *rt, uint32_t buf, size_t off, size_t size)
{
    if (rt->driven && buf < RT_MAX_BUFS) {
        dev_xdna_wrote(rt->x, rt->buf[buf].bo, off, size);
    }
}

void npu_buf_write(struct npu_rt *rt, uint32_t buf, size_t off, const void *data, size_t size)
{
    const int64_t start = clk_ns();
    memcpy((char *)rt->buf[buf].data + off, data, size);
    npu_buf_wrote(rt, buf, off, size);
    atomic_fetch_add_explicit(&rt->write_ns, (uint64_t)(clk_ns() - start), memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->write_bytes, size, memory_order_relaxed);
}

const char *npu_op_name(int op) { return dev_op_name(op); }

static void add_stats(struct npu_stats *s, const struct dev_stats *d)
{
    for (int c = 0; c < s->columns; c++) {
        s->col[c].busy += d->col[c].busy;
        s->col[c].transfer += d->col[c].transfer;
        s->col[c].tiles += d->col[c].tiles;
        for (int r = 0; r < NPU_MAX_ROWS; r++) {
            s->col[c].row[r] += d->col[c].row[r];
        }
    }
    for (int i = 0; i < NPU_OP_COUNT; i++) {
        struct npu_op_stats *o = &s->op[i];
        o->calls += d->op[i].calls;
        o->tiles += d->op[i].tiles;
        o->bytes += d->op[i].bytes;
        o->macs += d->op[i].macs;
        o->busy += d->op[i].busy;
        o->wall += d->op[i].wall;
    }
    s->lists += d->lists;
    s->cmds += d->cmds;
    s->list_ns += d->list_ns;
}

void npu_rt_predict(struct npu_rt *rt, npu_model_fn fn, const void *ctx)
{
    rt->model = fn;
    rt->model_ctx = ctx;
}

void npu_rt_stats(const struct npu_rt *rt, struct npu_stats *s)
{
    struct dev_stats d;
    pthread_mutex_t *mu = (pthread_mutex_t *)&rt->mu;
    memset(s, 0, sizeof *s);
    s->columns = rt->columns;
    if (rt->x) {
        struct dev *driver = dev_xdna_dev(rt->x);
        driver->ops->stats(driver, &d);
        add_stats(s, &d);
    }
    pthread_mutex_lock(mu);
    struct dev *direct = rt->dev;
    pthread_mutex_unlock(mu);
    if (direct) { /* and what it has done since the driver was given up */
        direct->ops->stats(direct, &d);
        add_stats(s, &d);
    }
    for (int c = 0; c < s->columns; c++) {
        const uint64_t used = s->col[c].busy + s->col[c].transfer;
        s->col[c].wait = s->list_ns > used ? s->list_ns - used : 0;
    }
    for (int i = 0; i < NPU_OP_COUNT; i++) {
        s->op[i].model_ns = atomic_load_explicit(&rt->model_ns[i], memory_order_relaxed);
        s->op[i].model_bound = atomic_load_explicit(&rt->model_bound[i], memory_order_relaxed);
    }
    s->in_b = atomic_load_explicit(&rt->in_b, memory_order_relaxed);
    s->out_b = atomic_load_explicit(&rt->out_b, memory_order_relaxed);
    s->submit_ns = atomic_load_explicit(&rt->submit_ns, memory_order_relaxed);
    s->write_ns = atomic_load_explicit(&rt->write_ns, memory_order_relaxed);
    s->write_bytes = atomic_load_explicit(&rt->write_bytes, memory_order_relaxed);
    s->buf_bytes = atomic_load_explicit(&rt->buf_bytes, memory_order_relaxed);
    s->buf_count = atomic_load_explicit(&rt->buf_count, memory_order_relaxed);
    s->allocs = atomic_load_explicit(&rt->allocs, memory_order_relaxed);
}
