/* Hardware contexts of the virtual driver: creation in the kernel's order of checks, columns,
 * limits, compute units, the end.  Under the driver's mutex. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/vdrm_in.h"

enum { CORE_ROWS = 4 };

struct vdrm_ctx *vdrm_ctx(struct vdrm_client *c, uint32_t id)
{
    for (int i = 0; i < VDRM_CTXS; i++) {
        if (c->ctx[i] && c->ctx[i]->id == id && !c->ctx[i]->closing) {
            return c->ctx[i];
        }
    }
    return NULL;
}

int vdrm_tasks(const struct vdrm *v)
{
    return v->counts.contexts + v->o.foreign;
}

/* The dead firmware: EINVAL, ETIME or EIO at first, then the device is gone. */
static int dead(struct vdrm *v, int answer)
{
    if (v->wedged && ++v->wedged > 4) {
        v->gone = true;
    }
    return v->gone ? -ENODEV : v->wedged ? -answer : 0;
}

/* Users of the partition (start, cols); -1: it overlaps another one. */
static int users(const struct vdrm *v, int start, int cols)
{
    int n = 0;
    for (int i = 0; i < VDRM_CLIENTS; i++) {
        for (int j = 0; v->client[i] && j < VDRM_CTXS; j++) {
            const struct vdrm_ctx *x = v->client[i]->ctx[j];
            if (x && x->start == start && x->cols == cols) {
                n++;
            } else if (x && start < x->start + x->cols && x->start < start + cols) {
                return -1;
            }
        }
    }
    return n;
}

static int place(const struct vdrm *v, int cols, int *start)
{
    const struct vdrm_chip_info *chip = v->chip;
    const int from = chip->all_columns || cols > chip->usable ? 0 : chip->first;
    int best = -1, best_users = 0;
    if (chip->all_columns) {
        *start = 0;
        return 0;
    }
    for (int s = from; s + cols <= chip->cols; s++) {
        const int n = users(v, s, cols);
        if (n == 0) {
            *start = s;
            return 0;
        }
        if (n > 0 && (best < 0 || n < best_users)) {
            best = s;
            best_users = n;
        }
    }
    *start = best;
    return best < 0 ? -ENODEV : 0;
}

static int qos_ok(const struct vdrm *v, const struct xdna_create_ctx *a, const struct xdna_qos *q,
                  int cols)
{
    const uint64_t rate = q->latency_ms ? 1000 / q->latency_ms : 0;
    const uint64_t fps = q->fps > rate ? q->fps : rate;
    const uint64_t per_col = v->chip->generation == 3 ? 2048 : 4096;
    const uint64_t opc = v->gen->late ? per_col * (uint64_t)cols : a->max_opc;
    const uint64_t need = (uint64_t)q->gops * fps * (v->gen->late ? 2 : 1);
    return need <= opc * v->chip->h_mhz / 1000;
}

static int checks(struct vdrm *v, struct vdrm_client *c, const struct xdna_create_ctx *a,
                  struct xdna_qos *q)
{
    if (a->ext || a->ext_flags || a->umq_bo || a->log_bo) {
        return -EINVAL;
    }
    if (!a->qos) {
        return -EFAULT;
    }
    memset(q, 0, sizeof *q);
    memcpy(q, (const void *)(uintptr_t)a->qos, 24); /* in-tree drivers take 24 bytes */
    if (v->gone) {
        return -ENODEV;
    }
    return c->heap ? 0 : -ENOENT;
}

static int take_internal(struct vdrm *v, struct vdrm_client *c, struct vdrm_ctx *x)
{
    for (int i = 0; i < 4; i++) {
        const int rc = vdrm_heap_take(v, c, XDNA_PAGE, &x->internal[i]);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

static void ctx_free(struct vdrm *v, struct vdrm_ctx *x)
{
    for (int i = 0; i < 4; i++) {
        vdrm_bo_put(v, x->client, x->internal[i]);
    }
    for (int i = 0; i < x->n_cus; i++) {
        vdrm_bo_put(v, x->client, x->cu_bo[i]);
    }
    for (int i = 0; i < XDNA_MAX_IN_FLIGHT; i++) {
        free(x->job[i].arg);
    }
    free(x->jobs);
    free(x);
}

static uint32_t new_id(struct vdrm *v, struct vdrm_client *c)
{
    uint32_t *last = v->gen->late ? &v->last_id : &c->last_id;
    const uint32_t max = v->gen->late ? 1024 : 255;
    do {
        *last = *last % max + 1;
    } while (vdrm_ctx(c, *last));
    return *last;
}

/* Columns, quality of service, firmware; then the context counts. */
static int admit(struct vdrm *v, struct vdrm_client *c, const struct xdna_create_ctx *a,
                 const struct xdna_qos *q, struct vdrm_ctx *x)
{
    const int cols = (int)(a->num_tiles / CORE_ROWS);
    int rc = take_internal(v, c, x);
    if (rc) {
        return rc;
    }
    if (cols == 0 || cols > v->chip->cols) {
        return -EINVAL;
    }
    if (!qos_ok(v, a, q, cols)) {
        return -EINVAL;
    }
    x->cols = v->chip->all_columns ? v->chip->cols : cols;
    rc = place(v, x->cols, &x->start);
    if (rc) {
        return rc;
    }
    rc = dead(v, EINVAL);
    if (rc) {
        return rc;
    }
    /* the firmware's words: no more contexts; the heap is not where it must be */
    if (vdrm_tasks(v) >= v->chip->ctx_limit || (uintptr_t)c->heap->user % XDNA_HEAP_B ||
        c->heap->size < XDNA_HEAP_B) {
        return -EINVAL;
    }
    return 0;
}

int vdrm_create_ctx(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_create_ctx *a = arg;
    struct xdna_qos q;
    int slot = 0, rc = checks(v, c, a, &q);
    if (!rc) {
        rc = -vdrm_fault_errno(v, V_CREATE_CTX);
    }
    if (rc) {
        return rc;
    }
    while (slot < VDRM_CTXS && c->ctx[slot]) {
        slot++;
    }
    struct vdrm_ctx *x = slot < VDRM_CTXS ? calloc(1, sizeof *x) : NULL;
    if (!x) {
        return -ENOMEM;
    }
    x->v = v;
    x->client = c;
    rc = admit(v, c, a, &q, x);
    x->syncobj = rc ? 0 : vdrm_syncobj_new(v, c);
    if (!rc && !x->syncobj) {
        rc = -ENOMEM;
    }
    if (!rc && pthread_create(&x->thread, NULL, vdrm_worker, x)) {
        c->syncobj[x->syncobj].used = 0;
        v->counts.syncobjs--;
        rc = -ENOMEM;
    }
    if (rc) {
        ctx_free(v, x);
        return rc;
    }
    x->id = new_id(v, c);
    c->ctx[slot] = x;
    v->counts.contexts++;
    a->handle = x->id;
    a->syncobj = x->syncobj;
    a->doorbell = XDNA_NO_DOORBELL;
    return 0;
}

/* Waits for work in flight, then cancels it, then the worker ends. */
void vdrm_ctx_end(struct vdrm *v, struct vdrm_ctx *x)
{
    struct vdrm_client *c = x->client;
    const int64_t deadline = clk_ns() + (int64_t)v->o.drain_ms * 1000000;
    x->closing = true;
    while (x->count && clk_ns() < deadline) {
        vdrm_until(v, deadline);
    }
    x->cancel = x->quit = true;
    pthread_cond_broadcast(&v->cv);
    pthread_mutex_unlock(&v->mu);
    pthread_join(x->thread, NULL);
    pthread_mutex_lock(&v->mu);
    if (c->syncobj[x->syncobj].used) {
        c->syncobj[x->syncobj].done = c->syncobj[x->syncobj].added;
    }
    for (int i = 0; i < VDRM_CTXS; i++) {
        c->ctx[i] = c->ctx[i] == x ? NULL : c->ctx[i];
    }
    c->busy_ns += x->busy_ns;
    v->counts.contexts--;
    ctx_free(v, x);
    pthread_cond_broadcast(&v->cv);
}

int vdrm_destroy_ctx(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_destroy_ctx *a = arg;
    struct vdrm_ctx *x = vdrm_ctx(c, a->handle);
    const int rc = -vdrm_fault_errno(v, V_DESTROY);
    if (rc || a->pad || !x) {
        return rc ? rc : -EINVAL;
    }
    vdrm_ctx_end(v, x);
    return 0;
}

static int config_units(struct vdrm *v, struct vdrm_client *c, struct vdrm_ctx *x,
                        const struct xdna_config_ctx *a)
{
    const struct xdna_cu_list *l = (const void *)(uintptr_t)a->value;
    const struct xdna_cu *cu = (const void *)(l + 1);
    if (a->size > XDNA_PAGE) {
        return -E2BIG;
    }
    if (!l) {
        return -EFAULT;
    }
    if (x->n_cus || a->size < sizeof *l || l->n == 0 || l->n > XDNA_MAX_CUS ||
        a->size < sizeof *l + l->n * sizeof *cu || l->pad[0] || l->pad[1] || l->pad[2]) {
        return -EINVAL;
    }
    for (int i = 0; i < l->n; i++) {
        const struct vdrm_bo *b = vdrm_bo(c, cu[i].bo);
        if (!b || b->type != XDNA_BO_DEV || cu[i].pad[0] || cu[i].pad[1] || cu[i].pad[2]) {
            return -EINVAL;
        }
    }
    const int rc = dead(v, ETIME);
    if (rc) {
        return rc;
    }
    for (int i = 0; i < l->n; i++) {
        x->cu_bo[i] = vdrm_bo(c, cu[i].bo);
        x->cu_bo[i]->refs++; /* it is sent again after a reset */
        x->cu_hash[i] = 0;   /* the firmware loads it with the first command */
    }
    x->n_cus = l->n;
    return 0;
}

int vdrm_config_ctx(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_config_ctx *a = arg;
    struct vdrm_ctx *x = vdrm_ctx(c, a->handle);
    const int rc = -vdrm_fault_errno(v, V_CONFIG);
    if (rc || a->pad || !x) {
        return rc ? rc : -EINVAL;
    }
    if (a->param == XDNA_CONFIG_CU) {
        return config_units(v, c, x, a);
    }
    if (a->param == XDNA_ASSIGN_DEBUG || a->param == XDNA_REMOVE_DEBUG) {
        return v->gen->minor >= 3 ? -EINVAL : -EOPNOTSUPP; /* none is ever attached */
    }
    return -EINVAL;
}
