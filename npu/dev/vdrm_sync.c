/* Timeline synchronisation objects, as the DRM core has them (8.1 of the reference).  A point is a
 * command's number, so that the first is 0, and waiting for 0 waits for the newest.  Under the
 * driver's mutex. */
#include <errno.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/vdrm_in.h"

enum { MAX_WAITS = 64 };

static struct vdrm_syncobj *find(struct vdrm_client *c, uint32_t handle)
{
    return handle && handle < VDRM_SYNCOBJS && c->syncobj[handle].used ? &c->syncobj[handle] : NULL;
}

uint32_t vdrm_syncobj_new(struct vdrm *v, struct vdrm_client *c)
{
    for (uint32_t i = 1; i < VDRM_SYNCOBJS; i++) {
        if (!c->syncobj[i].used) {
            c->syncobj[i] = (struct vdrm_syncobj){.used = 1};
            v->counts.syncobjs++;
            return i;
        }
    }
    return 0;
}

int vdrm_syncobj_create(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_drm_handle *a = arg;
    if (a->pad > 1) {
        return -EINVAL;
    }
    const uint32_t h = vdrm_syncobj_new(v, c);
    if (!h) {
        return -ENOMEM;
    }
    if (a->pad == 1) {
        c->syncobj[h].added = c->syncobj[h].done = 1;
    }
    a->handle = h;
    return 0;
}

int vdrm_syncobj_destroy(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_drm_handle *a = arg;
    struct vdrm_syncobj *s = find(c, a->handle);
    if (a->pad || !s) {
        return -EINVAL;
    }
    s->used = 0;
    v->counts.syncobjs--;
    pthread_cond_broadcast(&v->cv);
    return 0;
}

void vdrm_until(struct vdrm *v, int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX) {
        pthread_cond_wait(&v->cv, &v->mu);
        return;
    }
    const struct timespec t = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    pthread_cond_timedwait(&v->cv, &v->mu, &t);
}

/* 1: signalled, 0: not yet, -errno. */
static int point_state(struct vdrm_client *c, uint32_t handle, uint64_t point, uint32_t flags)
{
    const struct vdrm_syncobj *s = find(c, handle);
    if (!s) {
        return -ENOENT;
    }
    if (s->added == 0 || point >= s->added) {
        return flags & XDNA_WAIT_FOR_SUBMIT ? 0 : -EINVAL;
    }
    return s->done > (point == 0 ? s->added - 1 : point);
}

int vdrm_timeline_wait(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_timeline_wait *a = arg;
    const int fault = vdrm_fault_errno(v, V_WAIT);
    if (fault) {
        return -fault;
    }
    if (a->pad || a->flags & ~15u || a->n == 0 || a->n > MAX_WAITS) {
        return -EINVAL;
    }
    if (!a->handles || !a->points) {
        return -EFAULT;
    }
    const uint32_t *handle = (const uint32_t *)(uintptr_t)a->handles;
    const uint64_t *points = (const uint64_t *)(uintptr_t)a->points;
    uint64_t point[MAX_WAITS];
    memcpy(point, points, a->n * sizeof *point);
    for (uint32_t i = 0; i < a->n; i++) {
        /* point 0: whatever is newest at the time of the call */
        const struct vdrm_syncobj *s = find(c, handle[i]);
        if (s && point[i] == 0 && s->added) {
            point[i] = s->added - 1;
        }
    }
    for (;;) {
        uint32_t ready = 0;
        for (uint32_t i = 0; i < a->n; i++) {
            const int st = point_state(c, handle[i], point[i], a->flags);
            if (st < 0) {
                return st;
            }
            a->first = st && !ready ? i : a->first;
            ready += (uint32_t)st;
        }
        if (ready == a->n || (ready && !(a->flags & XDNA_WAIT_ALL))) {
            return 0;
        }
        if (a->deadline_ns <= clk_ns()) {
            return -ETIME;
        }
        if (!vdrm_help(v, c, handle[0], a->deadline_ns)) {
            vdrm_until(v, a->deadline_ns);
        }
    }
}

int vdrm_timeline_query(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_timeline *a = arg;
    const int fault = vdrm_fault_errno(v, V_QUERY);
    if (fault) {
        return -fault;
    }
    if (a->flags > 1 || a->n == 0 || a->n > MAX_WAITS) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        const struct vdrm_syncobj *s = find(c, ((const uint32_t *)(uintptr_t)a->handles)[i]);
        if (!s) {
            return -ENOENT;
        }
        const uint64_t n = a->flags ? s->added : s->done;
        ((uint64_t *)(uintptr_t)a->points)[i] = n ? n - 1 : 0;
    }
    return 0;
}

int vdrm_timeline_signal(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_timeline *a = arg;
    if (a->flags || a->n == 0 || a->n > MAX_WAITS) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        struct vdrm_syncobj *s = find(c, ((const uint32_t *)(uintptr_t)a->handles)[i]);
        if (!s) {
            return -ENOENT;
        }
        const uint64_t p = ((const uint64_t *)(uintptr_t)a->points)[i];
        s->added = s->added > p + 1 ? s->added : p + 1;
        s->done = s->done > p + 1 ? s->done : p + 1;
    }
    pthread_cond_broadcast(&v->cv);
    return 0;
}
