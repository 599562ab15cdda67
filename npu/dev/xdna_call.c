/* Calls of the driver: which are made again, and how often.  Any thread. */
#include <errno.h>
#include <time.h>

#include "npu/dev/xdna_in.h"

enum { TRIES = 6 }; /* 1 + 2 + 4 + 8 + 16 ms between them */

/* EAGAIN may mean "try later" and may mean "the heap is not mapped", which no trying mends: so a
 * few times, and never without end. */
int x_call(const struct dev_xdna *x, uint32_t code, void *arg)
{
    for (int again = 0;;) {
        if (x->sys->ops->ioctl(x->sys, x->fd, code, arg) == 0) {
            return 0;
        }
        const int e = errno;
        if (e == EINTR) {
            continue;
        }
        if (e != EAGAIN || ++again == TRIES) {
            return e;
        }
        const struct timespec t = {0, 1000000L << (again - 1)};
        nanosleep(&t, NULL);
    }
}

/* Over is not the same as done: the packet's state tells.  0, ETIME or another errno. */
int x_wait(const struct dev_xdna *x, uint64_t seq, int64_t deadline_ns)
{
    const uint32_t handle = x->syncobj;
    struct xdna_timeline_wait w = {.handles = (uintptr_t)&handle,
                                   .points = (uintptr_t)&seq,
                                   .deadline_ns = deadline_ns,
                                   .n = 1,
                                   .flags = XDNA_WAIT_FOR_SUBMIT};
    /* the deadline is absolute, so a call that a signal cut short goes on with the same */
    return x_call(x, XDNA_DRM_TIMELINE_WAIT, &w);
}

void x_gem_close(const struct dev_xdna *x, uint32_t handle)
{
    struct xdna_drm_handle h = {handle, 0};
    if (handle) {
        x_call(x, XDNA_DRM_GEM_CLOSE, &h);
    }
}

/* One writer: a plain add, visible to readers without tearing. */
void x_count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void x_flush(struct dev_xdna *x, const void *p, size_t n)
{
    if (!x->sys->coherent && n) {
        x->sys->ops->flush(x->sys, p, n);
        x_count(&x->sync_b, n);
    }
}
