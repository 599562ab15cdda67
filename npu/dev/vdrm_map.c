/* Maps of the virtual driver's buffers, and the model of CPU caches: with `strict` a buffer exists
 * three times, as the host sees it, as the device sees it, and as they last agreed.  A flush writes
 * lines that the host changed to the device, and drops the others so that the host sees the
 * device's. Any thread. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "npu/dev/vdrm_in.h"

enum { LINE = 64 };

static struct vdrm *of(struct sys *s)
{
    return (struct vdrm *)s;
}

static struct vdrm_client *client_of(struct vdrm *v, int fd)
{
    for (int i = 0; i < VDRM_CLIENTS && fd >= 0; i++) {
        if (v->client[i] && v->client[i]->fd == fd) {
            return v->client[i];
        }
    }
    return NULL;
}

static int may_map(struct vdrm *v, const struct vdrm_bo *b, size_t n, int flags)
{
    if (!b || b->type == XDNA_BO_DEV || !(flags & MAP_SHARED) || n > b->size) {
        return EINVAL;
    }
    if (!v->gen->late && n != b->size) {
        return ENOMEM; /* in one piece, says the older driver */
    }
    if (b->maps && (b->fd < 0 || !v->gen->late)) {
        return EEXIST; /* and once */
    }
    if (flags & MAP_LOCKED && v->o.memlock_b && n > v->o.memlock_b) {
        return EAGAIN;
    }
    return v->n_maps == VDRM_MAPS ? ENOMEM : 0;
}

static void *map_locked(struct vdrm *v, void *at, size_t n, int prot, int flags, int fd,
                        uint64_t off)
{
    struct vdrm_client *c = client_of(v, fd);
    struct vdrm_bo *b = NULL;
    for (int i = 1; c && i < VDRM_HANDLES && !b; i++) {
        b = c->bo[i] && c->bo[i]->token == off ? c->bo[i] : NULL;
    }
    errno = !c ? EBADF : v->gone ? ENODEV : vdrm_fault_errno(v, V_MMAP);
    if (!errno) {
        errno = may_map(v, b, n, flags);
    }
    if (errno) {
        return MAP_FAILED;
    }
    const int fixed = flags & MAP_FIXED;
    void *p = b->fd >= 0
                  ? mmap(at, n, prot, MAP_SHARED | fixed, b->fd, 0)
                  : mmap(at, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
    if (p == MAP_FAILED) {
        return p;
    }
    if (b->fd < 0) {
        madvise(p, n, MADV_HUGEPAGE); /* fewer TLB misses; a refusal costs nothing */
    }
    b->user = b->user ? b->user : p; /* the first map is the device's address */
    b->maps++;
    b->refs++;
    v->map[v->n_maps++] = (struct vdrm_map){p, n, b};
    v->counts.maps++;
    return p;
}

void *vdrm_mmap(struct sys *s, void *at, size_t n, int prot, int flags, int fd, uint64_t off)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    void *p = map_locked(v, at, n, prot, flags, fd, off);
    const int saved = errno;
    if (p == MAP_FAILED && fd == -1 && flags & MAP_ANONYMOUS) {
        p = mmap(at, n, prot, flags, -1, 0); /* not ours: reserving room for the heap */
    }
    pthread_mutex_unlock(&v->mu);
    if (p == MAP_FAILED) {
        errno = saved;
    }
    return p;
}

static struct vdrm_client *owner(struct vdrm *v, const struct vdrm_bo *b)
{
    for (int i = 0; i < VDRM_CLIENTS; i++) {
        struct vdrm_client *c = v->client[i];
        if (c && (c->heap == b || (b->handle < VDRM_HANDLES && c->bo[b->handle] == b))) {
            return c;
        }
    }
    return NULL;
}

int vdrm_munmap(struct sys *s, void *p, size_t n)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    for (int i = 0; i < v->n_maps; i++) {
        if (v->map[i].p != p) {
            continue;
        }
        struct vdrm_bo *b = v->map[i].bo;
        b->refs++;
        while (b->busy) { /* the device still works on it */
            pthread_cond_wait(&v->cv, &v->mu);
        }
        for (i = 0; i < v->n_maps && v->map[i].p != p; i++) {
        }
        if (i < v->n_maps) {
            v->map[i] = v->map[--v->n_maps];
            v->counts.maps--;
            b->maps--;
            b->refs--;
            b->user = b->user == p ? NULL : b->user;
        }
        vdrm_bo_put(v, owner(v, b), b);
        break;
    }
    pthread_mutex_unlock(&v->mu);
    return munmap(p, n);
}

/* -- caches ------------------------------------------------------------------------------------ */

static void flush_lines(struct vdrm *v, struct vdrm_bo *b, uint8_t *host, size_t from, size_t to)
{
    for (size_t at = from / LINE * LINE; at < to; at += LINE) {
        uint8_t *h = host + at, *d = b->view + at, *base = b->base + at;
        if (memcmp(h, base, LINE) != 0) {
            v->counts.lost_lines += memcmp(d, base, LINE) != 0;
            memcpy(d, h, LINE);
        } else if (memcmp(d, base, LINE) != 0) {
            memcpy(h, d, LINE);
        }
        memcpy(base, h, LINE);
    }
}

void vdrm_flush_locked(struct vdrm *v, const uint8_t *p, size_t n)
{
    for (int i = 0; v->o.strict && n && i < v->n_maps; i++) {
        const struct vdrm_map *m = &v->map[i];
        if (m->bo->view && p < m->p + m->n && p + n > m->p) {
            const size_t from = p > m->p ? (size_t)(p - m->p) : 0;
            const size_t to = p + n < m->p + m->n ? (size_t)(p + n - m->p) : m->n;
            flush_lines(v, m->bo, m->p, from, to);
        }
    }
}

void vdrm_flush(struct sys *s, const void *p, size_t n)
{
    struct vdrm *v = of(s);
    if (v->o.strict) {
        pthread_mutex_lock(&v->mu);
        vdrm_flush_locked(v, p, n);
        pthread_mutex_unlock(&v->mu);
    } else if (v->o.incoherent) {
        sys_flush_lines(p, n);
    }
}

uint64_t vdrm_stale(struct vdrm *v, const struct vdrm_bo *b, size_t off, size_t n)
{
    uint64_t lines = 0;
    const uint8_t *host = b->user;
    (void)v;
    for (size_t at = off / LINE * LINE; host && at < off + n && at < b->size; at += LINE) {
        lines += memcmp(host + at, b->base + at, LINE) != 0;
    }
    return lines;
}
