/* Buffers of the virtual driver: handles, the heap, sizes, addresses.  Under the driver's mutex. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "npu/dev/vdrm_in.h"

static const uint64_t MAX_BO = UINT64_C(1) << 36;

struct vdrm_bo *vdrm_bo(struct vdrm_client *c, uint32_t handle)
{
    return handle && handle < VDRM_HANDLES ? c->bo[handle] : NULL;
}

void vdrm_bo_put(struct vdrm *v, struct vdrm_client *c, struct vdrm_bo *b)
{
    if (!b || --b->refs) {
        return;
    }
    if (b->type == XDNA_BO_DEV && c) {
        const size_t from = b->at / XDNA_HEAP_ALIGN;
        const size_t n = (b->size + XDNA_HEAP_ALIGN - 1) / XDNA_HEAP_ALIGN;
        memset(c->unit + from, 0, n);
    }
    if (b->heap) {
        vdrm_bo_put(v, c, b->heap);
    }
    if (b->kernel) {
        munmap(b->kernel, b->size);
    }
    if (b->view) {
        munmap(b->view, b->size);
        munmap(b->base, b->size);
    }
    if (b->fd >= 0) {
        close(b->fd);
    }
    v->counts.bos--;
    free(b);
}

static uint8_t *pages(size_t n)
{
    void *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Memory that the host can map; the kernel maps the heap and packets for itself too. */
static int back(struct vdrm *v, struct vdrm_bo *b)
{
    const int kernel = b->type == XDNA_BO_HEAP || b->type == XDNA_BO_CMD;
    b->fd = -1;
    if (v->o.strict || kernel) {
        b->fd = memfd_create("npu", MFD_CLOEXEC);
        if (b->fd < 0 || ftruncate(b->fd, (off_t)b->size)) {
            return -ENOMEM;
        }
    }
    if (kernel) {
        void *p = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
        if (p == MAP_FAILED) {
            return -ENOMEM;
        }
        b->kernel = p;
    }
    if (v->o.strict && b->type != XDNA_BO_CMD) {
        b->view = pages(b->size);
        b->base = pages(b->size);
        if (!b->view || !b->base) {
            return -ENOMEM;
        }
    }
    return 0;
}

static struct vdrm_bo *bo_new(struct vdrm *v, uint32_t type, size_t size, int *rc)
{
    struct vdrm_bo *b = calloc(1, sizeof *b);
    if (!b) {
        *rc = -ENOMEM;
        return NULL;
    }
    b->refs = 1;
    b->type = type;
    b->size = size;
    b->fd = -1;
    v->counts.bos++;
    *rc = type == XDNA_BO_DEV ? 0 : back(v, b);
    if (*rc) {
        vdrm_bo_put(v, NULL, b);
        return NULL;
    }
    b->token = (UINT64_C(1) << 32) + v->next_token;
    v->next_token += (size + XDNA_PAGE) / XDNA_PAGE * XDNA_PAGE;
    return b;
}

/* Best fit in pieces of 32 KiB. */
int vdrm_heap_take(struct vdrm *v, struct vdrm_client *c, size_t n, struct vdrm_bo **out)
{
    struct vdrm_bo *h = c->heap;
    const int old = !v->gen->late;
    int rc;
    if (!h || !h->user) {
        return old ? -EINVAL : -EAGAIN;
    }
    if (n == 0 || n > h->size) {
        return -EINVAL;
    }
    const size_t need = (n + XDNA_HEAP_ALIGN - 1) / XDNA_HEAP_ALIGN,
                 all = h->size / XDNA_HEAP_ALIGN;
    size_t best = all, best_n = SIZE_MAX;
    for (size_t i = 0; i < all;) {
        size_t run = 0;
        while (i + run < all && !c->unit[i + run]) {
            run++;
        }
        if (run >= need && run < best_n) {
            best = i;
            best_n = run;
        }
        i += run + 1;
    }
    if (best == all) {
        return -ENOSPC;
    }
    struct vdrm_bo *b = bo_new(v, XDNA_BO_DEV, n, &rc);
    if (!b) {
        return rc;
    }
    memset(c->unit + best, 1, need);
    b->at = best * XDNA_HEAP_ALIGN;
    b->heap = h;
    h->refs++;
    *out = b;
    return 0;
}

static int heap_rules(struct vdrm *v, const struct vdrm_client *c, uint64_t size)
{
    if (!v->gen->late) {
        return c->heap ? -EBUSY : size == 0 || size > XDNA_HEAP_B ? -EINVAL : 0;
    }
    if (size == 0 || size % XDNA_HEAP_B) {
        return -EINVAL;
    }
    if (size > v->chip->heap_max || (c->heap && v->chip->heap_max == XDNA_HEAP_B)) {
        return -ENOSPC;
    }
    return c->heap ? -EOPNOTSUPP : 0;
}

static enum vdrm_step step_of(uint32_t type)
{
    return type == XDNA_BO_HEAP  ? V_HEAP
           : type == XDNA_BO_DEV ? V_DEV
           : type == XDNA_BO_CMD ? V_CMD
                                 : V_SHARE;
}

int vdrm_create_bo(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_create_bo *a = arg;
    struct vdrm_bo *b = NULL;
    uint32_t h = 1;
    int rc = -vdrm_fault_errno(v, step_of(a->type));
    if (rc) {
        return rc;
    }
    if (a->flags || a->type < XDNA_BO_SHARE || a->type > XDNA_BO_CMD || a->size > MAX_BO) {
        return -EINVAL;
    }
    if (a->vaddr) {
        return -EOPNOTSUPP; /* host pages as buffers: nobody here uses them */
    }
    while (h < VDRM_HANDLES && c->bo[h]) {
        h++;
    }
    if (h == VDRM_HANDLES) {
        return -ENOMEM;
    }
    const size_t size = (a->size + XDNA_PAGE - 1) / XDNA_PAGE * XDNA_PAGE;
    if (a->type == XDNA_BO_HEAP) {
        rc = heap_rules(v, c, a->size);
    } else if (a->type == XDNA_BO_CMD && !v->gen->late && (a->size < 4 || a->size > 32768)) {
        rc = -EINVAL;
    } else if (a->size == 0) {
        rc = -EINVAL;
    }
    if (!rc && a->type == XDNA_BO_DEV) {
        rc = vdrm_heap_take(v, c, size, &b);
    } else if (!rc) {
        b = bo_new(v, a->type, size, &rc);
    }
    if (rc) {
        return rc;
    }
    if (a->type == XDNA_BO_HEAP) {
        c->heap = b; /* until the client is gone, whatever happens to the handle */
        b->refs++;
    }
    c->bo[h] = b;
    b->handle = a->handle = h;
    return 0;
}

int vdrm_bo_info(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_bo_info *a = arg;
    const struct vdrm_bo *b = vdrm_bo(c, a->handle);
    int rc = -vdrm_fault_errno(v, V_BO_INFO);
    if (rc || a->ext || a->ext_flags || a->pad) {
        return rc ? rc : -EINVAL;
    }
    if (!b) {
        return -ENOENT;
    }
    a->map_offset = b->type == XDNA_BO_DEV ? XDNA_NO_ADDR : b->token;
    a->vaddr = b->user ? (uint64_t)(uintptr_t)b->user : XDNA_NO_ADDR;
    a->xdna_addr = v->gen->late ? a->vaddr : XDNA_NO_ADDR;
    if (b->type == XDNA_BO_HEAP) {
        a->xdna_addr = XDNA_HEAP_BASE;
    } else if (b->type == XDNA_BO_DEV) {
        a->xdna_addr = XDNA_HEAP_BASE + b->at;
        a->vaddr = b->heap->user ? (uint64_t)(uintptr_t)b->heap->user + b->at : XDNA_NO_ADDR;
    }
    return 0;
}

int vdrm_sync_bo(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_sync_bo *a = arg;
    const struct vdrm_bo *b = vdrm_bo(c, a->handle);
    int rc = -vdrm_fault_errno(v, V_SYNC);
    if (rc) {
        return rc;
    }
    if (!b) {
        return -ENOENT;
    }
    if (a->direction > XDNA_FROM_DEVICE ||
        (v->gen->late && (a->offset >= b->size || a->offset + a->size < a->offset))) {
        return -EINVAL;
    }
    const uint8_t *p = b->type != XDNA_BO_DEV ? b->user
                       : b->heap->user        ? b->heap->user + b->at
                                              : NULL;
    if (p && a->offset < b->size) {
        const size_t left = b->size - a->offset;
        vdrm_flush_locked(v, p + a->offset, a->size < left ? a->size : left);
    }
    /* newer drivers then ask the firmware for a debug buffer, and this is none */
    return a->direction == XDNA_FROM_DEVICE && v->gen->minor >= 3 ? -EINVAL : 0;
}

int vdrm_gem_close(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_drm_handle *a = arg;
    struct vdrm_bo *b = vdrm_bo(c, a->handle);
    if (!b) {
        return -EINVAL;
    }
    c->bo[a->handle] = NULL;
    vdrm_bo_put(v, c, b);
    return 0;
}

int vdrm_prime(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_drm_prime *a = arg;
    const struct vdrm_bo *b = vdrm_bo(c, a->handle);
    (void)v;
    if (!b) {
        return -ENOENT;
    }
    if (b->fd < 0) {
        return -EOPNOTSUPP; /* DEV buffers, and pages without a file */
    }
    a->fd = dup(b->fd);
    return a->fd < 0 ? -errno : 0;
}
