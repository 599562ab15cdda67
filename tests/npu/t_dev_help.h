/* A client of the virtual driver at the ioctl boundary, for the t_dev tests: every call in one
 * line, errno as the result. */
#ifndef TESTS_NPU_T_DEV_HELP_H
#define TESTS_NPU_T_DEV_HELP_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "app/base/clk.h"
#include "npu/dev/abi.h"
#include "npu/dev/txn.h"
#include "npu/dev/vdrm.h"
#include "npu/dev/xclbin.h"

/* One profile: a driver generation on a chip. */
struct profile {
    enum vdrm_gen gen;
    enum vdrm_chip chip;
    const char *name;
};
static const struct profile profiles[4] = {
    {VDRM_708, VDRM_NPU1, "driver 0.8, npu1"},
    {VDRM_708, VDRM_NPU4, "driver 0.8, npu4"},
    {VDRM_618, VDRM_NPU1, "driver 0.1, npu1"},
    {VDRM_618, VDRM_NPU4, "driver 0.1, npu4"},
};

struct rig {
    const struct profile *p;
    struct sys *s;
    int fd;
    uint32_t heap_bo;
    uint8_t *heap;
    uint32_t pdi;
};

/* 0 or errno. */
static inline int call(struct rig *r, uint32_t code, void *arg)
{
    return r->s->ops->ioctl(r->s, r->fd, code, arg) == 0 ? 0 : errno;
}

static inline int bo_new(struct rig *r, uint32_t type, uint64_t size, uint32_t *handle)
{
    struct xdna_create_bo c = {.size = size, .type = type};
    const int rc = call(r, XDNA_CREATE_BO, &c);
    *handle = c.handle;
    return rc;
}

static inline struct xdna_bo_info bo_info(struct rig *r, uint32_t handle)
{
    struct xdna_bo_info i = {.handle = handle};
    assert_int_equal(call(r, XDNA_BO_INFO, &i), 0);
    return i;
}

static inline void *bo_map(struct rig *r, uint32_t handle, size_t n)
{
    void *p = r->s->ops->mmap(r->s, NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
                              bo_info(r, handle).map_offset);
    assert_true(p != MAP_FAILED);
    return p;
}

static inline uint32_t bo_mapped(struct rig *r, uint32_t type, size_t n, void **p)
{
    uint32_t h;
    assert_int_equal(bo_new(r, type, n, &h), 0);
    *p = bo_map(r, h, n);
    return h;
}

static inline int gem_close(struct rig *r, uint32_t h)
{
    struct xdna_drm_handle c = {h, 0};
    return call(r, XDNA_DRM_GEM_CLOSE, &c);
}

static inline void heap_new(struct rig *r)
{
    const size_t n = XDNA_HEAP_B;
    assert_int_equal(bo_new(r, XDNA_BO_HEAP, n, &r->heap_bo), 0);
    uint8_t *room =
        mmap(NULL, 2 * n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at = (uint8_t *)(((uintptr_t)room + n - 1) & ~(uintptr_t)(n - 1));
    r->heap = r->s->ops->mmap(r->s, at, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, r->fd,
                              bo_info(r, r->heap_bo).map_offset);
    assert_ptr_equal(r->heap, at);
    if (at > room) {
        munmap(room, (size_t)(at - room));
    }
    if (at + n < room + 2 * n) {
        munmap(at + n, (size_t)(room + 2 * n - (at + n)));
    }
}

static inline uint8_t *dev_ptr(struct rig *r, uint32_t h, uint64_t *addr)
{
    *addr = bo_info(r, h).xdna_addr;
    return r->heap + (*addr - XDNA_HEAP_BASE);
}

static inline void flush(struct rig *r, const void *p, size_t n)
{
    r->s->ops->flush(r->s, p, n);
}

static inline int ctx_new(struct rig *r, uint32_t tiles, struct xdna_create_ctx *c)
{
    static const struct xdna_qos qos[2];
    *c = (struct xdna_create_ctx){.qos = (uintptr_t)qos, .max_opc = 2048, .num_tiles = tiles};
    return call(r, XDNA_CREATE_CTX, c);
}

static inline int ctx_end(struct rig *r, uint32_t h)
{
    struct xdna_destroy_ctx d = {h, 0};
    return call(r, XDNA_DESTROY_CTX, &d);
}

static inline int config(struct rig *r, uint32_t ctx, uint32_t bo, int n, uint32_t size)
{
    struct {
        struct xdna_cu_list l;
        struct xdna_cu cu[64];
    } u;
    memset(&u, 0, sizeof u);
    u.l.n = (uint16_t)n;
    for (int i = 0; i < 64; i++) {
        u.cu[i].bo = bo;
    }
    struct xdna_config_ctx c = {ctx, XDNA_CONFIG_CU, (uintptr_t)&u,
                                size ? size : 8 + 8 * (uint32_t)n, 0};
    return call(r, XDNA_CONFIG_CTX, &c);
}

/* The program that the virtual firmware knows, in the heap. */
static inline void load_pdi(struct rig *r)
{
    struct xclbin x;
    size_t n;
    uint64_t addr;
    const void *file = vdrm_xclbin(r->s, &n);
    assert_int_equal(xclbin_parse(file, n, "DICTATE", &x, NULL), 0);
    assert_int_equal(bo_new(r, XDNA_BO_DEV, x.pdi_b, &r->pdi), 0);
    uint8_t *p = dev_ptr(r, r->pdi, &addr);
    memcpy(p, x.pdi, x.pdi_b);
    flush(r, p, x.pdi_b);
}

static inline int exec_args(struct rig *r, uint32_t ctx, uint64_t cmd, const uint32_t *args,
                            uint32_t n, uint64_t *seq)
{
    struct xdna_exec e = {
        .ctx = ctx, .cmds = cmd, .args = (uintptr_t)args, .cmd_count = 1, .arg_count = n};
    const int rc = call(r, XDNA_EXEC, &e);
    *seq = e.seq;
    return rc;
}

static inline int wait_for(struct rig *r, uint32_t syncobj, uint64_t point, int ms, uint32_t flags)
{
    struct xdna_timeline_wait w = {.handles = (uintptr_t)&syncobj,
                                   .points = (uintptr_t)&point,
                                   .deadline_ns = clk_ns() + (int64_t)ms * 1000000,
                                   .n = 1,
                                   .flags = flags};
    return call(r, XDNA_DRM_TIMELINE_WAIT, &w);
}

static inline void rig_open(struct rig *r, const struct profile *p, struct vdrm_opts o)
{
    struct err e;
    memset(r, 0, sizeof *r);
    r->p = p;
    o.gen = p->gen;
    o.chip = p->chip;
    o.kernels = k_choose(0);
    o.threads = o.threads ? o.threads : 1;
    if (vdrm_new(&r->s, &o, &e)) {
        fail_msg("%s", e.text);
    }
    r->fd = r->s->ops->open(r->s, "/dev/accel/accel0");
    assert_true(r->fd >= 0);
}

static inline void rig_close(struct rig *r)
{
    struct vdrm_counts c;
    assert_int_equal(r->s->ops->close(r->s, r->fd), 0);
    if (r->heap) {
        r->s->ops->munmap(r->s, r->heap, XDNA_HEAP_B);
    }
    vdrm_count(r->s, &c);
    assert_int_equal(c.contexts, 0);
    assert_int_equal(c.syncobjs, 0);
    assert_int_equal(c.fds, 0);
    vdrm_free(r->s);
}

/* Everything that a command needs: context, program, one stream that copies a row of 64 floats. */
struct bench {
    struct xdna_create_ctx ctx;
    uint32_t stream, data;
    uint64_t stream_addr;
    uint32_t words;
    uint8_t *stream_p;
    float *x; /* row 0 is copied to row 1 */
};

static inline void bench_open(struct rig *r, struct bench *b, uint32_t tiles)
{
    struct npu_cmd c = {.op = NPU_COPY,
                        .m = 1,
                        .n = 64,
                        .k = 64,
                        .lda = 64,
                        .ldo = 64,
                        .tile_m = 1,
                        .tile_n = 32,
                        .in = {NPU_ADDR(1, 0)},
                        .out = NPU_ADDR(1, 256)};
    assert_int_equal(ctx_new(r, tiles, &b->ctx), 0);
    load_pdi(r);
    assert_int_equal(config(r, b->ctx.handle, r->pdi, 1, 0), 0);
    b->data = bo_mapped(r, XDNA_BO_SHARE, 4096, (void **)&b->x);
    assert_int_equal(bo_new(r, XDNA_BO_DEV, 4096, &b->stream), 0);
    b->stream_p = dev_ptr(r, b->stream, &b->stream_addr);
    const struct txn_buf buf = {(uintptr_t)b->x, 4096};
    *txn_list_begin(b->stream_p, r->p->chip == VDRM_NPU1 ? 3 : 4, 4, &buf, 1, 1) = c;
    b->words = (uint32_t)(txn_list_bytes(1, 1) / 4);
    flush(r, b->stream_p, 4096);
    for (int i = 0; i < 64; i++) {
        b->x[i] = (float)i + 0.5f;
    }
    flush(r, b->x, 4096);
}

/* START_CU with `bos` buffers. */
static inline void start_cu(const struct bench *b, uint32_t *p, int bos)
{
    const uint64_t a = (uintptr_t)b->x;
    memset(p, 0, 256);
    p[0] = xdna_header(XDNA_START_CU, (uint32_t)(1 + 5 + 2 * bos));
    p[1] = 1;
    p[2] = XDNA_RUN_STREAM;
    p[4] = (uint32_t)b->stream_addr;
    p[6] = b->words;
    for (int i = 0; i < bos; i++) {
        p[7 + 2 * i] = (uint32_t)a;
        p[8 + 2 * i] = (uint32_t)(a >> 32);
    }
}

static inline int submit(struct rig *r, const struct bench *b, uint32_t cmd, uint64_t *seq)
{
    const uint32_t args[2] = {b->stream, b->data};
    return exec_args(r, b->ctx.handle, cmd, args, 2, seq);
}

static inline int state_of(const uint32_t *p)
{
    return xdna_header_state(p[0]);
}

/* A chain of n packets, each a START_CU with `bos` buffers. */
struct chain {
    uint32_t bo, *p, sub[128], *sub_p[128];
    int n;
};
static inline void chain_new(struct rig *r, const struct bench *b, struct chain *c, int n, int bos)
{
    c->n = n;
    c->bo = bo_mapped(r, XDNA_BO_CMD, 4096, (void **)&c->p);
    memset(c->p, 0, 4096);
    c->p[0] = xdna_header(XDNA_CHAIN, 6 + 2 * (uint32_t)n);
    c->p[1] = (uint32_t)n;
    c->p[3] = UINT32_MAX;
    for (int i = 0; i < n; i++) {
        c->sub[i] = bo_mapped(r, XDNA_BO_CMD, 4096, (void **)&c->sub_p[i]);
        start_cu(b, c->sub_p[i], bos);
        c->p[7 + 2 * i] = c->sub[i];
    }
}

/* Runs a command to its fence; returns its state. */
static inline int run_to_end(struct rig *r, const struct bench *b, uint32_t cmd, const uint32_t *p)
{
    uint64_t seq;
    assert_int_equal(submit(r, b, cmd, &seq), 0);
    assert_int_equal(wait_for(r, b->ctx.syncobj, seq, 10000, 0), 0);
    return state_of(p);
}

/* Every test on every profile. */
struct profile_test {
    const char *name;
    CMUnitTestFunction fn;
};
static inline int run_profiles(const char *group, const struct profile_test *t, size_t n)
{
    struct CMUnitTest *u = calloc(4 * n, sizeof *u);
    char(*name)[80] = calloc(4 * n, sizeof *name);
    for (size_t i = 0; u && name && i < 4 * n; i++) {
        const struct profile *p = &profiles[i / n];
        snprintf(name[i], sizeof name[i], "%s, %s", t[i % n].name, p->name);
        u[i] = (struct CMUnitTest){name[i], t[i % n].fn, NULL, NULL, (void *)(uintptr_t)p};
    }
    const int rc = _cmocka_run_group_tests(group, u, 4 * n, NULL, NULL);
    free(u);
    free(name);
    return rc;
}

#endif
