/* Devices by name, buffers, counters.  See rt.h. */
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

static const struct {
    const char *name;
    int columns;
} profile[] = {
    {"npu4", 8}, /* XDNA2: 8 columns */
    {"npu1", 4}, /* XDNA1: 4 columns usable by one context */
};

static int find_profile(const char *device, struct err *e)
{
    if (!device || strcmp(device, "virtual") == 0) {
        return 0;
    }
    for (int i = 0; i < (int)(sizeof profile / sizeof *profile); i++) {
        if (strncmp(device, "virtual:", 8) == 0 && strcmp(device + 8, profile[i].name) == 0) {
            return i;
        }
    }
    if (strcmp(device, "npu") == 0) {
        return err_set(e, ERR_NPU,
                       "this version drives the virtual NPU only; use --device virtual:npu4");
    }
    return err_set(e, ERR_USAGE, "device %.40s is not known; use virtual:npu1, virtual:npu4 or npu",
                   device);
}

int npu_rt_open(struct npu_rt **out, const struct npu_rt_opts *o, struct err *e)
{
    unsigned features = 0;
    int which = find_profile(o->device, e);
    int rc = which < 0 ? which : cpu_features(&features, e);
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
    rt->kernels = k_choose(features);
    rc = dev_virt_open(&rt->dev, o->columns ? o->columns : profile[which].columns,
                       o->threads ? o->threads : cpu_count(), rt->kernels, e);
    if (rc) {
        free(rt);
        return rc;
    }
    snprintf(rt->name, sizeof rt->name, "virtual NPU (%s), %d column%s on %d thread%s, %s",
             profile[which].name, rt->dev->columns, rt->dev->columns == 1 ? "" : "s",
             rt->dev->threads, rt->dev->threads == 1 ? "" : "s", rt->kernels->name);
    snprintf(rt->short_name, sizeof rt->short_name, "virt %dcol", rt->dev->columns);
    *out = rt;
    return 0;
}

void npu_rt_close(struct npu_rt *rt)
{
    if (!rt) {
        return;
    }
    rt->dev->ops->close(rt->dev);
    for (uint32_t i = 1; i < RT_MAX_BUFS; i++) {
        npu_buf_free(rt, i);
    }
    free(rt);
}

const char *npu_rt_name(const struct npu_rt *rt) { return rt->name; }
const char *npu_rt_short(const struct npu_rt *rt) { return rt->short_name; }
const char *npu_rt_isa(const struct npu_rt *rt) { return rt->kernels->name; }
int npu_rt_columns(const struct npu_rt *rt) { return rt->dev->columns; }
int npu_rt_threads(const struct npu_rt *rt) { return rt->dev->threads; }

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
    /* a map of its own: zeroed, page-aligned, given back whole */
    void *p = size ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                   : MAP_FAILED;
    if (p == MAP_FAILED) {
        return err_set(e, ERR_MEM, "no memory for %s: %zu MB are needed", what, size >> 20);
    }
    madvise(p, size, MADV_HUGEPAGE); /* fewer TLB misses; a refusal costs nothing */
    rt->buf[i] = (struct rt_buf){p, size};
    atomic_fetch_add_explicit(&rt->buf_bytes, size, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->buf_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->allocs, 1, memory_order_relaxed);
    *buf = i;
    return 0;
}

void npu_buf_free(struct npu_rt *rt, uint32_t buf)
{
    if (buf && buf < RT_MAX_BUFS && rt->buf[buf].data) {
        munmap(rt->buf[buf].data, rt->buf[buf].size);
        atomic_fetch_sub_explicit(&rt->buf_bytes, rt->buf[buf].size, memory_order_relaxed);
        atomic_fetch_sub_explicit(&rt->buf_count, 1, memory_order_relaxed);
        rt->buf[buf] = (struct rt_buf){NULL, 0};
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

void npu_buf_write(struct npu_rt *rt, uint32_t buf, size_t off, const void *data, size_t size)
{
    const int64_t start = clk_ns();
    memcpy((char *)rt->buf[buf].data + off, data, size);
    atomic_fetch_add_explicit(&rt->write_ns, (uint64_t)(clk_ns() - start), memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->write_bytes, size, memory_order_relaxed);
}

const char *npu_op_name(int op) { return dev_op_name(op); }

void npu_rt_stats(const struct npu_rt *rt, struct npu_stats *s)
{
    struct dev_stats d;
    rt->dev->ops->stats(rt->dev, &d);
    memset(s, 0, sizeof *s);
    s->columns = rt->dev->columns;
    for (int c = 0; c < s->columns; c++) {
        const uint64_t used = d.col[c].busy + d.col[c].transfer;
        s->col[c] = (struct npu_col_stats){d.col[c].busy, d.col[c].transfer,
                                           d.list_ns > used ? d.list_ns - used : 0, d.col[c].tiles};
    }
    for (int i = 0; i < NPU_OP_COUNT; i++) {
        s->op[i] = (struct npu_op_stats){d.op[i].calls, d.op[i].tiles, d.op[i].bytes,
                                         d.op[i].macs,  d.op[i].busy,  d.op[i].wall};
    }
    s->lists = d.lists;
    s->cmds = d.cmds;
    s->list_ns = d.list_ns;
    s->submit_ns = atomic_load_explicit(&rt->submit_ns, memory_order_relaxed);
    s->write_ns = atomic_load_explicit(&rt->write_ns, memory_order_relaxed);
    s->write_bytes = atomic_load_explicit(&rt->write_bytes, memory_order_relaxed);
    s->buf_bytes = atomic_load_explicit(&rt->buf_bytes, memory_order_relaxed);
    s->buf_count = atomic_load_explicit(&rt->buf_count, memory_order_relaxed);
    s->allocs = atomic_load_explicit(&rt->allocs, memory_order_relaxed);
}
