/* The virtual driver's outside: profiles, opening and closing, the table of ioctls, core calls of
 * DRM.  See vdrm.h. */
#include "npu/dev/vdrm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "npu/dev/vdrm_in.h"

static const struct vdrm_gen_info gens[VDRM_GENS] = {
    [VDRM_708] = {"7.1.3-virtual", 8, 1, 2000, sizeof(struct xdna_ctx_entry)},
    [VDRM_618] = {"6.18.8-virtual", 1, 0, 60000, offsetof(struct xdna_ctx_entry, name)},
};
static const struct vdrm_chip_info chips[VDRM_CHIPS] = {
    [VDRM_NPU4] = {"npu4",
                   "NPU Strix",
                   0x17f0,
                   0x10,
                   8,
                   8,
                   0,
                   4,
                   16,
                   8 * XDNA_HEAP_B,
                   {1, 1, 2, 64},
                   1267,
                   1800,
                   1},
    [VDRM_NPU1] = {"npu1",
                   "RyzenAI-npu1",
                   0x1502,
                   0x00,
                   5,
                   4,
                   1,
                   3,
                   6,
                   XDNA_HEAP_B,
                   {1, 5, 5, 391},
                   847,
                   1600,
                   0},
};

static struct vdrm *of(struct sys *s)
{
    return (struct vdrm *)s;
}

static int sys_fail(int e)
{
    errno = e;
    return -1;
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

/* -- node, open, close ------------------------------------------------------------------------- */

static int v_node(struct sys *s, int i, struct sys_node *n)
{
    const struct vdrm *v = of(s);
    if (i > 0 || v->o.no_node) {
        return 0;
    }
    *n = (struct sys_node){.path = "/dev/accel/accel0",
                           .driver = "amdxdna",
                           .vendor = 0x1022,
                           .device = v->chip->device,
                           .revision = v->chip->revision};
    snprintf(n->fw, sizeof n->fw, "%u.%u.%u.%u", v->chip->fw.major, v->chip->fw.minor,
             v->chip->fw.patch, v->chip->fw.build);
    snprintf(n->vbnv, sizeof n->vbnv, "%s", v->chip->vbnv);
    return 1;
}

static int v_orphans(struct sys *s)
{
    return of(s)->o.no_node;
}

static int v_open(struct sys *s, const char *path)
{
    struct vdrm *v = of(s);
    int slot = 0, fd = -1;
    pthread_mutex_lock(&v->mu);
    int fault = v->o.no_node || strcmp(path, "/dev/accel/accel0") != 0
                    ? ENOENT
                    : vdrm_fault_errno(v, V_OPEN);
    while (slot < VDRM_CLIENTS && v->client[slot]) {
        slot++;
    }
    fault = fault ? fault : v->gone ? ENODEV : slot == VDRM_CLIENTS ? EMFILE : 0;
    struct vdrm_client *c = fault ? NULL : calloc(1, sizeof *c);
    if (c) {
        fd = eventfd(0, EFD_CLOEXEC); /* a number that is ours alone */
        c->fd = fd;
        v->client[slot] = fd >= 0 ? c : NULL;
        v->counts.fds += fd >= 0;
    }
    if (c && fd < 0) {
        free(c);
    }
    pthread_mutex_unlock(&v->mu);
    return fault ? sys_fail(fault) : fd;
}

static void drop_all(struct vdrm *v, struct vdrm_client *c)
{
    for (int i = 0; i < VDRM_CTXS; i++) {
        while (c->ctx[i]) {
            if (!c->ctx[i]->closing) {
                vdrm_ctx_end(v, c->ctx[i]);
            } else {
                pthread_cond_wait(&v->cv, &v->mu); /* someone else ends it */
            }
        }
    }
    while (c->waiters) {
        pthread_cond_wait(&v->cv, &v->mu);
    }
    for (int i = 1; i < VDRM_SYNCOBJS; i++) {
        v->counts.syncobjs -= c->syncobj[i].used;
    }
    for (int i = 1; i < VDRM_HANDLES; i++) {
        vdrm_bo_put(v, c, c->bo[i]);
        c->bo[i] = NULL;
    }
    vdrm_bo_put(v, c, c->heap);
}

static int v_close(struct sys *s, int fd)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    struct vdrm_client *c = client_of(v, fd);
    if (c) {
        c->fd = -1; /* nobody gets in any more */
        drop_all(v, c);
        for (int i = 0; i < VDRM_CLIENTS; i++) {
            v->client[i] = v->client[i] == c ? NULL : v->client[i];
        }
        v->counts.fds--;
        free(c);
    }
    pthread_mutex_unlock(&v->mu);
    return c ? close(fd) : sys_fail(EBADF);
}

/* -- ioctls ------------------------------------------------------------------------------------ */

static int version(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_drm_version *a = arg;
    static const char *const text[3] = {XDNA_DRIVER_NAME, "20251212",
                                        "AMD XDNA DRM implementation"};
    uint64_t *const n[3] = {&a->name_n, &a->date_n, &a->desc_n};
    const uint64_t to[3] = {a->name, a->date, a->desc};
    const int rc = -vdrm_fault_errno(v, V_VERSION);
    (void)c;
    if (rc) {
        return rc;
    }
    a->major = 0;
    a->minor = v->gen->minor;
    a->patch = 0;
    for (int i = 0; i < 3; i++) {
        const uint64_t len = strlen(text[i]), fit = *n[i] < len ? *n[i] : len;
        if (to[i] && fit) {
            memcpy((void *)(uintptr_t)to[i], text[i], fit);
        }
        *n[i] = len;
    }
    return 0;
}

static int get_cap(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_drm_cap *a = arg;
    (void)v, (void)c;
    a->value = a->cap == 0x13 || a->cap == 0x14; /* syncobj, timelines */
    return 0;
}

/* Only the legacy driver has it for this kind of queue. */
static int wait_cmd(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    (void)v, (void)c, (void)arg;
    return -EOPNOTSUPP;
}

static const struct call {
    uint32_t code;
    int (*fn)(struct vdrm *v, struct vdrm_client *c, void *arg);
    int root;
} calls[] = {
    {XDNA_CREATE_CTX, vdrm_create_ctx, 0},
    {XDNA_DESTROY_CTX, vdrm_destroy_ctx, 0},
    {XDNA_CONFIG_CTX, vdrm_config_ctx, 0},
    {XDNA_CREATE_BO, vdrm_create_bo, 0},
    {XDNA_BO_INFO, vdrm_bo_info, 0},
    {XDNA_SYNC_BO, vdrm_sync_bo, 0},
    {XDNA_EXEC, vdrm_exec, 0},
    {XDNA_GET_INFO, vdrm_get_info, 0},
    {XDNA_SET_STATE, vdrm_set_state, 1},
    {XDNA_WAIT_CMD, wait_cmd, 0},
    {XDNA_GET_ARRAY, vdrm_get_array, 0},
    {XDNA_DRM_VERSION, version, 0},
    {XDNA_DRM_GEM_CLOSE, vdrm_gem_close, 0},
    {XDNA_DRM_GET_CAP, get_cap, 0},
    {XDNA_DRM_PRIME_TO_FD, vdrm_prime, 0},
    {XDNA_DRM_SYNCOBJ_CREATE, vdrm_syncobj_create, 0},
    {XDNA_DRM_SYNCOBJ_DESTROY, vdrm_syncobj_destroy, 0},
    {XDNA_DRM_TIMELINE_WAIT, vdrm_timeline_wait, 0},
    {XDNA_DRM_SYNCOBJ_QUERY, vdrm_timeline_query, 0},
    {XDNA_DRM_TIMELINE_SIGNAL, vdrm_timeline_signal, 0},
};

/* Calls are found by number alone; of the struct the smaller size is copied, the rest is zero. */
static int v_ioctl(struct sys *s, int fd, uint32_t code, void *arg)
{
    struct vdrm *v = of(s);
    uint64_t buf[16] = {0};
    int rc = -EINVAL;
    pthread_mutex_lock(&v->mu);
    struct vdrm_client *c = client_of(v, fd);
    for (size_t i = 0; c && i < sizeof calls / sizeof *calls; i++) {
        const struct call *k = &calls[i];
        if (XDNA_CODE_TYPE(code) != 'd' || XDNA_CODE_NR(code) != XDNA_CODE_NR(k->code)) {
            continue;
        }
        const uint32_t theirs = XDNA_CODE_SIZE(code), ours = XDNA_CODE_SIZE(k->code);
        const uint32_t n = theirs < ours ? theirs : ours;
        memcpy(buf, arg, n);
        c->waiters++;
        rc = v->gone ? -ENODEV : k->root && !v->o.root ? -EACCES : k->fn(v, c, buf);
        c->waiters--;
        pthread_cond_broadcast(&v->cv);
        if (rc == 0) {
            memcpy(arg, buf, n);
        }
        break;
    }
    pthread_mutex_unlock(&v->mu);
    return !c ? sys_fail(EBADF) : rc < 0 ? sys_fail(-rc) : 0;
}

/* -- small answers ----------------------------------------------------------------------------- */

static uint64_t v_memlock(struct sys *s)
{
    return of(s)->o.memlock_b ? of(s)->o.memlock_b : UINT64_MAX;
}

static void v_release(struct sys *s, char *buf, size_t n)
{
    snprintf(buf, n, "%s", of(s)->gen->release);
}

static int64_t v_busy_ns(struct sys *s, int fd)
{
    struct vdrm *v = of(s);
    int64_t ns = -1; /* the older driver does not tell */
    pthread_mutex_lock(&v->mu);
    const struct vdrm_client *c = client_of(v, fd);
    if (c && v->gen->late) {
        ns = c->busy_ns;
        for (int i = 0; i < VDRM_CTXS; i++) {
            ns += c->ctx[i] ? c->ctx[i]->busy_ns : 0;
        }
    }
    pthread_mutex_unlock(&v->mu);
    return ns;
}

static void v_figures(struct sys *s, struct dev_stats *st)
{
    of(s)->array->ops->stats(of(s)->array, st);
}

/* -- making one -------------------------------------------------------------------------------- */

void vdrm_free(struct sys *s)
{
    struct vdrm *v = of(s);
    if (!v) {
        return;
    }
    while (v->n_maps) { /* as when a process ends */
        vdrm_munmap(s, v->map[0].p, v->map[0].n);
    }
    if (v->array) {
        v->array->ops->close(v->array);
    }
    pthread_mutex_destroy(&v->mu);
    pthread_mutex_destroy(&v->array_mu);
    pthread_cond_destroy(&v->cv);
    free(v->image);
    free(v);
}

static void init_locks(struct vdrm *v)
{
    pthread_condattr_t a;
    pthread_mutex_init(&v->mu, NULL);
    pthread_mutex_init(&v->array_mu, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&v->cv, &a);
    pthread_condattr_destroy(&a);
}

int vdrm_new(struct sys **out, const struct vdrm_opts *o, struct err *e)
{
    static const struct sys_ops ops = {v_node,    v_orphans, v_open,      v_close,
                                       v_ioctl,   vdrm_mmap, vdrm_munmap, vdrm_flush,
                                       v_memlock, v_release, v_busy_ns,   v_figures};
    struct vdrm *v = calloc(1, sizeof *v);
    if (!v) {
        return err_set(e, ERR_MEM, "no memory for the virtual NPU");
    }
    init_locks(v);
    v->o = *o;
    v->o.faults = NULL;
    v->gen = &gens[o->gen];
    v->chip = &chips[o->chip];
    v->o.tdr_ms = o->tdr_ms ? o->tdr_ms : v->gen->tdr_ms;
    v->o.drain_ms = o->drain_ms ? o->drain_ms : 2000;
    v->last_event = clk_ns();
    const int columns = o->columns ? o->columns : v->chip->usable;
    int rc = vdrm_fault_parse(&v->faults, o->faults, e);
    if (!rc &&
        vdrm_image(v->chip->generation, v->chip->usable, &v->image, &v->image_b, &v->program)) {
        rc = err_set(e, ERR_MEM, "no memory for the virtual NPU");
    }
    if (!rc) {
        rc = dev_virt_open(&v->array, columns, o->threads ? o->threads : 1, o->kernels, e);
    }
    if (rc) {
        vdrm_free(&v->sys);
        return rc;
    }
    v->sys = (struct sys){&ops, !o->strict && !o->incoherent, 10 * 60 * 1000, 1, v->array->threads};
    *out = &v->sys;
    return 0;
}

int vdrm_script(struct sys *s, const char *faults, struct err *e)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    const int rc = vdrm_fault_parse(&v->faults, faults, e);
    pthread_mutex_unlock(&v->mu);
    return rc;
}

void vdrm_count(struct sys *s, struct vdrm_counts *c)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    *c = v->counts;
    pthread_mutex_unlock(&v->mu);
}

void vdrm_report(struct sys *s, char *text, size_t n)
{
    struct vdrm *v = of(s);
    pthread_mutex_lock(&v->mu);
    snprintf(text, n, "%s", v->report);
    pthread_mutex_unlock(&v->mu);
}

const void *vdrm_xclbin(struct sys *s, size_t *bytes)
{
    *bytes = of(s)->image_b;
    return of(s)->image;
}
