/* Command lists: building, checking every address and shape, handing over. */
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/cmd.h"
#include "npu/rt/inside.h"

int npu_list_add(struct npu_list *l, const struct npu_cmd *c)
{
    if (l->n == l->cap) {
        int cap = l->cap ? 2 * l->cap : 64;
        struct npu_cmd *p = realloc(l->cmd, (size_t)cap * sizeof *p);
        if (!p) {
            return -ERR_MEM;
        }
        l->cmd = p;
        l->cap = cap;
    }
    l->cmd[l->n] = *c;
    l->checked = 0;
    return l->n++;
}

void npu_list_free(struct npu_list *l)
{
    free(l->cmd);
    free(l->jobs);
    memset(l, 0, sizeof *l);
}

/* Where an operand lies: dev_cmd_resolve() has bounded every size by then. */
static void *place(void *ctx, const struct dev_operand *o)
{
    const struct npu_rt *rt = ctx;
    const uint64_t buf = o->addr >> 48, off = o->addr & (((uint64_t)1 << 48) - 1);
    if (buf == 0 || buf >= RT_MAX_BUFS || !rt->buf[buf].data || off > rt->buf[buf].size ||
        o->bytes > rt->buf[buf].size - off || off % 4) {
        return NULL;
    }
    return (char *)rt->buf[buf].data + off;
}

/* What the list comes to, each time it runs. */
static void sum_up(const struct npu_rt *rt, struct npu_list *l)
{
    double top[NPU_OP_COUNT] = {0};
    const struct dev_job *j = l->jobs;
    l->in_b = l->out_b = 0;
    memset(l->model_ns, 0, sizeof l->model_ns);
    for (int i = 0; i < l->n; i++) {
        l->out_b += j[i].out_b;
        l->in_b += j[i].bytes - j[i].out_b;
        if (rt->model) {
            int bound = 0, op = l->cmd[i].op;
            const double s = rt->model(rt->model_ctx, &l->cmd[i], &bound);
            l->model_ns[op] += (uint64_t)(s * 1e9);
            if (s > top[op]) { /* the longest command decides */
                top[op] = s;
                l->model_bound[op] = (int8_t)bound;
            }
        }
    }
}

static void count_up(struct npu_rt *rt, const struct npu_list *l)
{
    atomic_fetch_add_explicit(&rt->in_b, l->in_b, memory_order_relaxed);
    atomic_fetch_add_explicit(&rt->out_b, l->out_b, memory_order_relaxed);
    for (int op = 0; op < NPU_OP_COUNT && rt->model; op++) {
        if (l->model_ns[op]) {
            atomic_fetch_add_explicit(&rt->model_ns[op], l->model_ns[op], memory_order_relaxed);
            atomic_store_explicit(&rt->model_bound[op], l->model_bound[op], memory_order_relaxed);
        }
    }
}

static int check_list(struct npu_rt *rt, struct npu_list *l, struct err *e)
{
    if (l->n > l->jobs_cap) {
        struct dev_job *p = realloc(l->jobs, (size_t)l->cap * sizeof *p);
        if (!p) {
            return err_set(e, ERR_MEM, "no memory for a list of %d commands", l->n);
        }
        l->jobs = p;
        l->jobs_cap = l->cap;
    }
    l->scratch_b = 0;
    for (int i = 0; i < l->n; i++) {
        int rc = dev_cmd_resolve(&l->cmd[i], i, place, rt, (struct dev_job *)l->jobs + i, e);
        if (rc) {
            return rc;
        }
        size_t b = k_scratch_bytes(&l->cmd[i]);
        l->scratch_b = b > l->scratch_b ? b : l->scratch_b;
    }
    sum_up(rt, l);
    l->checked = 1;
    return 0;
}

int npu_list_run(struct npu_rt *rt, struct npu_list *l, struct err *e)
{
    struct err why;
    if (!l->checked) {
        const int64_t start = clk_ns();
        int rc = check_list(rt, l, e);
        atomic_fetch_add_explicit(&rt->submit_ns, (uint64_t)(clk_ns() - start),
                                  memory_order_relaxed);
        if (rc) {
            return rc;
        }
    }
    count_up(rt, l);
    if (rt->driven) {
        int rc = dev_xdna_run(rt->x, l->cmd, l->n, &why);
        if (rc != -ERR_NPU_HANG && rc != -ERR_NPU) {
            *e = rc ? why : *e;
            return rc;
        }
        /* The list was checked, so whatever the driver says is about the device. */
        if (rt_fall_back(rt, &why)) {
            *e = why;
            return rc;
        }
        rc = check_list(rt, l, e); /* buffers may lie elsewhere now */
        if (rc) {
            return rc;
        }
    }
    return rt->dev->ops->run(rt->dev, l->jobs, l->n, l->scratch_b, e);
}
