/* Memory of the driver: the code heap, buffers in it, buffers for tensors, packets; and which lines
 * of them the host has written.  The submitting thread. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "npu/dev/xdna_in.h"

static int create(struct dev_xdna *x, uint32_t type, size_t size, enum x_step step,
                  uint32_t *handle, struct xdna_bo_info *info, struct err *e)
{
    struct xdna_create_bo c = {.size = size, .type = type};
    int rc = x_call(x, XDNA_CREATE_BO, &c);
    if (rc) {
        return x_fail(x, step, rc, e);
    }
    *info = (struct xdna_bo_info){.handle = c.handle};
    rc = x_call(x, XDNA_BO_INFO, info);
    if (rc) {
        x_gem_close(x, c.handle);
        return x_fail(x, step, rc, e);
    }
    *handle = c.handle;
    return 0;
}

/* Whole, once, shared: the first map is the device's address. */
static void *map(struct dev_xdna *x, void *at, size_t n, uint64_t off, struct err *e)
{
    const int flags = MAP_SHARED | (at ? MAP_FIXED : 0) | (x->o.lock_maps ? MAP_LOCKED : 0);
    for (int again = 0; again < 3; again++) {
        void *p = x->sys->ops->mmap(x->sys, at, n, PROT_READ | PROT_WRITE, flags, x->fd, off);
        if (p != MAP_FAILED) {
            return p;
        }
        if (errno != EINTR && errno != EAGAIN) {
            break;
        }
    }
    x_fail(x, X_MAP, errno, e);
    return NULL;
}

/* -- the heap ---------------------------------------------------------------------------------- */

/* 64 MiB at an address that is a multiple of 64 MiB: from twice as much room, one part is kept. */
int x_heap_open(struct dev_xdna *x, struct err *e)
{
    struct xdna_bo_info info;
    const size_t n = XDNA_HEAP_B;
    int rc = create(x, XDNA_BO_HEAP, n, X_HEAP, &x->heap_bo, &info, e);
    if (rc) {
        return rc;
    }
    uint8_t *room =
        mmap(NULL, 2 * n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        return x_fail(x, X_MAP, ENOMEM, e);
    }
    uint8_t *at = (uint8_t *)(((uintptr_t)room + n - 1) & ~(uintptr_t)(n - 1));
    x->heap = map(x, at, n, info.map_offset, e);
    if (at > room) {
        munmap(room, (size_t)(at - room));
    }
    if (at + n < room + 2 * n) {
        munmap(at + n, (size_t)(room + 2 * n - (at + n)));
    }
    if (!x->heap) {
        munmap(at, n);
        return -e->code;
    }
    return 0;
}

void x_heap_close(struct dev_xdna *x)
{
    if (x->heap) {
        x->sys->ops->munmap(x->sys, x->heap, XDNA_HEAP_B);
        x->heap = NULL;
    }
    x_gem_close(x, x->heap_bo);
    x->heap_bo = 0;
}

int x_dev_new(struct dev_xdna *x, size_t size, uint32_t *handle, uint64_t *addr, uint8_t **host,
              struct err *e)
{
    struct xdna_bo_info info;
    uint32_t h;
    const int rc = create(x, XDNA_BO_DEV, size, X_DEV, &h, &info, e);
    if (rc) {
        return rc;
    }
    /* what a kernel says is checked before it becomes a pointer */
    if (info.xdna_addr < XDNA_HEAP_BASE || info.xdna_addr % XDNA_HEAP_ALIGN ||
        info.xdna_addr - XDNA_HEAP_BASE > XDNA_HEAP_B - size) {
        x_gem_close(x, h);
        return x_fail(x, X_DEV, ERANGE, e);
    }
    *handle = h;
    *addr = info.xdna_addr;
    *host = x->heap + (info.xdna_addr - XDNA_HEAP_BASE);
    return 0;
}

int x_packet_new(struct dev_xdna *x, struct x_packet *p, struct err *e)
{
    struct xdna_bo_info info;
    if (p->p) {
        return 0;
    }
    const int rc = create(x, XDNA_BO_CMD, XDNA_PAGE, X_BO, &p->handle, &info, e);
    if (rc) {
        return rc;
    }
    p->p = map(x, NULL, XDNA_PAGE, info.map_offset, e);
    if (!p->p) {
        x_packet_free(x, p);
        return -e->code;
    }
    return 0;
}

void x_packet_free(struct dev_xdna *x, struct x_packet *p)
{
    if (p->p) {
        x->sys->ops->munmap(x->sys, p->p, XDNA_PAGE);
    }
    x_gem_close(x, p->handle);
    *p = (struct x_packet){0};
}

/* -- buffers for tensors ----------------------------------------------------------------------- */

int dev_xdna_bo_new(struct dev_xdna *x, size_t size, const char *what, uint32_t *bo, struct err *e)
{
    struct xdna_bo_info info = {0};
    struct x_bo b = {0};
    struct err local;
    uint32_t i = 1;
    int rc = x_same_process(x, e);
    e = e ? e : &local;
    *bo = 0;
    while (i < X_BOS && x->bo[i].map) {
        i++;
    }
    if (i == X_BOS || size == 0) {
        return err_set(e, ERR_NPU, "%s: %s", what,
                       size ? "more than 255 buffers" : "a buffer of no bytes");
    }
    b.size = (size + XDNA_PAGE - 1) / XDNA_PAGE * XDNA_PAGE;
    if (!rc) {
        rc = create(x, XDNA_BO_SHARE, b.size, X_BO, &b.handle, &info, e);
    }
    if (rc) {
        return rc;
    }
    b.map = map(x, NULL, b.size, info.map_offset, e);
    if (!b.map) {
        x_gem_close(x, b.handle);
        return -e->code;
    }
    /* the address is known once it is mapped; older drivers say ~0 and mean the map itself */
    info = (struct xdna_bo_info){.handle = b.handle};
    rc = x_call(x, XDNA_BO_INFO, &info);
    b.addr = info.xdna_addr == XDNA_NO_ADDR ? (uintptr_t)b.map : info.xdna_addr;
    if (rc) {
        x->sys->ops->munmap(x->sys, b.map, b.size);
        x_gem_close(x, b.handle);
        return x_fail(x, X_BO, rc, e);
    }
    x->bo[i] = b;
    x->bo_top = (int)i > x->bo_top ? (int)i : x->bo_top;
    /* its zeroes may still sit in caches */
    spans_add(&x->dirty, (uintptr_t)b.map, (uintptr_t)b.map + b.size);
    x_count(&x->bos, 1);
    x_count(&x->bo_b, b.size);
    *bo = i;
    return 0;
}

void dev_xdna_bo_free(struct dev_xdna *x, uint32_t bo)
{
    if (bo == 0 || bo >= X_BOS || !x->bo[bo].map) {
        return;
    }
    struct x_bo *b = &x->bo[bo];
    spans_remove(&x->dirty, (uintptr_t)b->map, (uintptr_t)b->map + b->size);
    x->sys->ops->munmap(x->sys, b->map, b->size);
    x_gem_close(x, b->handle);
    x_count(&x->bos, (uint64_t)-1);
    x_count(&x->bo_b, -(uint64_t)b->size);
    *b = (struct x_bo){0};
}

void *dev_xdna_bo_map(const struct dev_xdna *x, uint32_t bo)
{
    return bo < X_BOS ? x->bo[bo].map : NULL;
}

size_t dev_xdna_bo_size(const struct dev_xdna *x, uint32_t bo)
{
    return bo < X_BOS ? x->bo[bo].size : 0;
}

void dev_xdna_wrote(struct dev_xdna *x, uint32_t bo, size_t off, size_t size)
{
    if (bo < X_BOS && off < x->bo[bo].size) {
        const size_t left = x->bo[bo].size - off;
        const uintptr_t at = (uintptr_t)x->bo[bo].map + off;
        spans_add(&x->dirty, at, at + (size < left ? size : left));
    }
}

/* The buffer and offset that a pointer lies in; 0: found. */
int x_find(const struct dev_xdna *x, const void *p, npu_addr *a)
{
    for (int i = 1; i <= x->bo_top; i++) {
        const struct x_bo *b = &x->bo[i];
        if (b->map && (const uint8_t *)p >= b->map && (const uint8_t *)p < b->map + b->size) {
            *a = NPU_ADDR(i, (const uint8_t *)p - b->map);
            return 0;
        }
    }
    return -1;
}
