/* The acceptance tests that every back end at the ioctl boundary must pass (reference
 * amdxdna.md 8.2, numbers as there), against the virtual driver in both generations on both chips.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/npu/t_dev_help.h"

static int late(const struct rig *r)
{
    return r->p->gen == VDRM_708;
}
static int npu1(const struct rig *r)
{
    return r->p->chip == VDRM_NPU1;
}

static const struct vdrm_opts quick = {.tdr_ms = 40, .drain_ms = 30};

static void open_heap(struct rig *r, void **state, struct vdrm_opts o)
{
    rig_open(r, *state, o);
    heap_new(r);
}

/* 1: sizes, offsets and codes are asserted when abi.h is compiled; here golden words: state NEW,
 * the count, the operation in bits 27:23.  (The reference prints the last two a digit too far
 * left.) */
static void golden_words(void **state)
{
    (void)state;
    assert_int_equal(xdna_header(XDNA_START_CU, 12), 0x0000C001);
    assert_int_equal(xdna_header(XDNA_START_CU, 16), 0x00010001);
    assert_int_equal(xdna_header(XDNA_START_NPU, 6), 0x0A006001);
    assert_int_equal(xdna_header(XDNA_CHAIN, 14), 0x0980E001);
    assert_int_equal(XDNA_CHAIN_B / xdna_chain_slot(11, 0), 42);
    assert_int_equal(XDNA_CHAIN_B / xdna_chain_slot(15, 0), 36);
    assert_int_equal(XDNA_CHAIN_B / xdna_chain_slot(11, 1), 78);
}

/* 2: nothing but zero in pads, extensions, flags. */
static void pads_must_be_zero(void **state)
{
    struct rig r;
    struct bench b;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    struct xdna_create_bo bo = {.flags = 1, .size = 4096, .type = XDNA_BO_SHARE};
    assert_int_equal(call(&r, XDNA_CREATE_BO, &bo), EINVAL);
    bo = (struct xdna_create_bo){.size = 4096, .type = 7};
    assert_int_equal(call(&r, XDNA_CREATE_BO, &bo), EINVAL);
    struct xdna_bo_info i = {.handle = b.data, .ext = 1};
    assert_int_equal(call(&r, XDNA_BO_INFO, &i), EINVAL);
    i = (struct xdna_bo_info){.handle = b.data, .pad = 1};
    assert_int_equal(call(&r, XDNA_BO_INFO, &i), EINVAL);
    static const struct xdna_qos qos[2];
    struct xdna_create_ctx c = {.ext_flags = 1, .qos = (uintptr_t)qos, .num_tiles = 16};
    assert_int_equal(call(&r, XDNA_CREATE_CTX, &c), EINVAL);
    c = (struct xdna_create_ctx){.num_tiles = 16};
    assert_int_equal(call(&r, XDNA_CREATE_CTX, &c), EFAULT);
    struct xdna_destroy_ctx d = {b.ctx.handle, 1};
    assert_int_equal(call(&r, XDNA_DESTROY_CTX, &d), EINVAL);
    struct xdna_exec e = {.ext = 1, .ctx = b.ctx.handle, .cmds = b.data, .cmd_count = 1};
    assert_int_equal(call(&r, XDNA_EXEC, &e), EINVAL);
    struct xdna_get_array a = {.element_b = 160, .n = 1, .pad = 1, .buffer = (uintptr_t)b.x};
    assert_int_equal(call(&r, XDNA_GET_ARRAY, &a), EINVAL);
    struct xdna_drm_handle h = {b.ctx.syncobj, 1};
    assert_int_equal(call(&r, XDNA_DRM_SYNCOBJ_DESTROY, &h), EINVAL);
    rig_close(&r);
}

/* 3: the heap's size; a second heap. */
static void heap_sizes(void **state)
{
    struct rig r;
    uint32_t h;
    rig_open(&r, *state, quick);
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, 0, &h), EINVAL);
    if (late(&r)) {
        assert_int_equal(bo_new(&r, XDNA_BO_HEAP, XDNA_HEAP_B - (1 << 20), &h), EINVAL);
    }
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, 9 * XDNA_HEAP_B, &h), late(&r) ? ENOSPC : EINVAL);
    heap_new(&r);
    assert_int_equal(bo_info(&r, r.heap_bo).xdna_addr, 0x04000000);
    /* TRAP heap once per fd: not even after the handle is closed */
    assert_int_equal(gem_close(&r, r.heap_bo), 0);
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, XDNA_HEAP_B, &h), !late(&r)  ? EBUSY
                                                                : npu1(&r) ? ENOSPC
                                                                           : EOPNOTSUPP);
    rig_close(&r);
}

/* 4: TRAP DEV before the heap is mapped: EAGAIN or EINVAL, at once. */
static void dev_before_heap(void **state)
{
    struct rig r;
    uint32_t h, heap;
    const int want = ((const struct profile *)*state)->gen == VDRM_708 ? EAGAIN : EINVAL;
    rig_open(&r, *state, quick);
    assert_int_equal(bo_new(&r, XDNA_BO_DEV, 4096, &h), want);
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, XDNA_HEAP_B, &heap), 0);
    assert_int_equal(bo_new(&r, XDNA_BO_DEV, 4096, &h), want);
    rig_close(&r);
}

/* 5: device addresses of DEV buffers. */
static void dev_addresses(void **state)
{
    struct rig r;
    uint32_t h, first = 0;
    int n = 0, rc;
    open_heap(&r, state, quick);
    while ((rc = bo_new(&r, XDNA_BO_DEV, (1 << 20) + (n % 3) * 5000, &h)) == 0) {
        const struct xdna_bo_info i = bo_info(&r, h);
        assert_true(i.xdna_addr >= 0x04000000 && i.xdna_addr + (1 << 20) <= 0x08000000);
        assert_int_equal(i.xdna_addr % 32768, 0);
        assert_true(i.map_offset == XDNA_NO_ADDR);
        assert_int_equal(i.vaddr, (uintptr_t)r.heap + (i.xdna_addr - XDNA_HEAP_BASE));
        first = first ? first : h;
        n++;
    }
    assert_int_equal(rc, ENOSPC);
    assert_true(n >= 60 && n <= 64);
    assert_int_equal(gem_close(&r, first), 0);
    assert_int_equal(bo_new(&r, XDNA_BO_DEV, 1 << 20, &h), 0);
    assert_int_equal(bo_info(&r, h).xdna_addr, 0x04000000);
    rig_close(&r);
}

/* TRAP addresses of SHARE buffers: newer drivers tell the first map's, older ones ~0; ask twice. */
static void share_addresses(void **state)
{
    struct rig r;
    uint32_t h;
    open_heap(&r, state, quick);
    assert_int_equal(bo_new(&r, XDNA_BO_SHARE, 5000, &h), 0);
    assert_true(bo_info(&r, h).xdna_addr == XDNA_NO_ADDR);
    void *p = bo_map(&r, h, 8192);
    const struct xdna_bo_info i = bo_info(&r, h);
    assert_int_equal(i.vaddr, (uintptr_t)p);
    assert_true(i.xdna_addr == (late(&r) ? (uintptr_t)p : XDNA_NO_ADDR));
    assert_ptr_equal(r.s->ops->mmap(r.s, NULL, 8192, PROT_READ, MAP_PRIVATE, r.fd, i.map_offset),
                     MAP_FAILED);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(bo_new(&r, XDNA_BO_CMD, 65536, &h), late(&r) ? 0 : EINVAL);
    assert_int_equal(r.s->ops->munmap(r.s, p, 8192), 0);
    rig_close(&r);
}

/* 6, 7: contexts: what they need, how many there are. */
static void contexts(void **state)
{
    struct rig r;
    struct xdna_create_ctx c[20];
    rig_open(&r, *state, quick);
    const uint32_t tiles = npu1(&r) ? 16 : 32;
    const int limit = npu1(&r) ? 6 : 16;
    assert_int_equal(ctx_new(&r, tiles, &c[0]), ENOENT);
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, XDNA_HEAP_B, &r.heap_bo), 0);
    assert_int_equal(ctx_new(&r, tiles, &c[0]), late(&r) ? EAGAIN : EINVAL);
    assert_int_equal(r.s->ops->close(r.s, r.fd), 0);
    r.fd = r.s->ops->open(r.s, "/dev/accel/accel0");
    heap_new(&r);
    assert_int_equal(ctx_new(&r, 0, &c[0]), EINVAL);
    assert_int_equal(ctx_new(&r, 3, &c[0]), EINVAL);
    assert_int_equal(ctx_new(&r, 99, &c[0]), EINVAL);
    for (int i = 0; i < limit; i++) {
        assert_int_equal(ctx_new(&r, tiles, &c[i]), 0);
        assert_true(c[i].handle >= 1 && c[i].doorbell == XDNA_NO_DOORBELL && c[i].syncobj);
    }
    /* TRAP seventh context: EINVAL, nothing more telling */
    assert_int_equal(ctx_new(&r, tiles, &c[limit]), EINVAL);
    assert_int_equal(ctx_end(&r, c[2].handle), 0);
    assert_int_equal(ctx_end(&r, c[2].handle), EINVAL);
    assert_int_equal(ctx_new(&r, tiles, &c[2]), 0);
    struct xdna_ctx_entry e[20];
    struct xdna_get_array a = {XDNA_ARRAY_CONTEXTS, sizeof e[0], 20, 0, (uintptr_t)e};
    assert_int_equal(call(&r, XDNA_GET_ARRAY, &a), 0);
    assert_int_equal(a.n, limit);
    assert_int_equal(a.element_b, late(&r) ? 160 : 144);
    assert_int_equal(e[0].cols, npu1(&r) ? 4 : 8);
    assert_int_equal(e[0].start_col, npu1(&r) ? 1 : 0);
    rig_close(&r);
}

/* TRAP columns: a narrow context of another width keeps a wide one out (npu1). */
static void columns(void **state)
{
    struct rig r;
    struct xdna_create_ctx c[4];
    struct xdna_qos hard[2] = {{.gops = 1000000, .fps = 1000}};
    open_heap(&r, state, quick);
    assert_int_equal(ctx_new(&r, 4, &c[0]), 0);
    assert_int_equal(ctx_new(&r, 16, &c[1]), npu1(&r) ? ENODEV : 0);
    assert_int_equal(ctx_new(&r, 4, &c[2]), 0);
    struct xdna_create_ctx q = {.qos = (uintptr_t)hard, .max_opc = 2048, .num_tiles = 4};
    assert_int_equal(call(&r, XDNA_CREATE_CTX, &q), EINVAL);
    rig_close(&r);
}

/* 8: compute units. */
static void units(void **state)
{
    struct rig r;
    struct xdna_create_ctx c;
    uint32_t share, dev;
    open_heap(&r, state, quick);
    assert_int_equal(ctx_new(&r, 16, &c), 0);
    assert_int_equal(bo_new(&r, XDNA_BO_DEV, 4096, &dev), 0);
    assert_int_equal(bo_new(&r, XDNA_BO_SHARE, 4096, &share), 0);
    assert_int_equal(config(&r, c.handle + 1, dev, 1, 0), EINVAL);
    assert_int_equal(config(&r, c.handle, dev, 33, 0), EINVAL);
    assert_int_equal(config(&r, c.handle, dev, 0, 16), EINVAL);
    assert_int_equal(config(&r, c.handle, dev, 2, 16), EINVAL);
    assert_int_equal(config(&r, c.handle, dev, 1, 4097), E2BIG);
    assert_int_equal(config(&r, c.handle, share, 1, 0), EINVAL);
    assert_int_equal(config(&r, c.handle, 77, 1, 0), EINVAL);
    assert_int_equal(config(&r, c.handle, dev, 32, 0), 0);
    assert_int_equal(config(&r, c.handle, dev, 1, 0), EINVAL);
    struct xdna_config_ctx dbg = {c.handle, XDNA_ASSIGN_DEBUG, 5, 0, 0};
    assert_int_equal(call(&r, XDNA_CONFIG_CTX, &dbg), late(&r) ? EINVAL : EOPNOTSUPP);
    rig_close(&r);
}

/* 9: what EXEC refuses at once. */
static void exec_checks(void **state)
{
    struct rig r;
    struct bench b;
    uint32_t cmd, *p, args[4];
    uint64_t seq;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    struct xdna_exec e = {.ctx = b.ctx.handle, .cmds = cmd};
    assert_int_equal(call(&r, XDNA_EXEC, &e), EINVAL);
    e.cmd_count = 2;
    assert_int_equal(call(&r, XDNA_EXEC, &e), EINVAL);
    e = (struct xdna_exec){.ctx = b.ctx.handle, .type = 1, .cmds = cmd, .cmd_count = 1};
    assert_int_equal(call(&r, XDNA_EXEC, &e), EINVAL);
    uint32_t *many = calloc(4096, 4);
    assert_int_equal(exec_args(&r, b.ctx.handle, cmd, many, 4096, &seq), EINVAL);
    free(many);
    assert_int_equal(exec_args(&r, b.ctx.handle, 0, args, 0, &seq), EINVAL);
    assert_int_equal(exec_args(&r, b.ctx.handle, b.data, args, 0, &seq), EINVAL);
    assert_int_equal(exec_args(&r, b.ctx.handle + 9, cmd, args, 0, &seq), EINVAL);
    args[0] = b.stream;
    args[1] = 1999;
    assert_int_equal(exec_args(&r, b.ctx.handle, cmd, args, 2, &seq), ENOENT);
    /* TRAP a buffer named twice */
    args[1] = b.stream;
    assert_int_equal(exec_args(&r, b.ctx.handle, cmd, args, 2, &seq), EALREADY);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    assert_memory_equal(b.x, b.x + 64, 256);
    rig_close(&r);
}

struct pusher {
    struct rig *r;
    struct bench *b;
    uint32_t cmd;
    _Atomic int64_t done;
};
static void *push(void *arg)
{
    struct pusher *p = arg;
    uint64_t seq;
    submit(p->r, p->b, p->cmd, &seq);
    atomic_store(&p->done, clk_ns());
    return NULL;
}

/* 10: TRAP four commands in flight; the fifth EXEC blocks until one has ended. */
static void fifth_blocks(void **state)
{
    struct rig r;
    struct bench b;
    uint64_t seq;
    uint32_t cmd[5], *p[5];
    pthread_t t;
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 5000, .faults = "job=slow:60*0"});
    bench_open(&r, &b, 16);
    for (int i = 0; i < 5; i++) {
        cmd[i] = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p[i]);
        start_cu(&b, p[i], 3);
    }
    const int64_t start = clk_ns();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(submit(&r, &b, cmd[i], &seq), 0);
        assert_int_equal(seq, i);
    }
    struct pusher push5 = {&r, &b, cmd[4], 0};
    pthread_create(&t, NULL, push, &push5);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 1, 5000, 0), 0);
    pthread_join(t, NULL);
    assert_true(atomic_load(&push5.done) - start >= 55 * 1000000);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 4, 5000, XDNA_WAIT_FOR_SUBMIT), 0);
    assert_int_equal(state_of(p[4]), XDNA_COMPLETED);
    rig_close(&r);
}

/* 11: waiting. */
static void waiting(void **state)
{
    struct rig r;
    struct bench b;
    uint32_t cmd, *p;
    uint64_t seq, point = 0;
    open_heap(&r, state,
              (struct vdrm_opts){.tdr_ms = 5000, .faults = "job@2=slow:50;wait@7=EINTR"});
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    /* TRAP point 0 is "whatever is newest": nothing is there yet */
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 0, 0, 0), EINVAL);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    assert_int_equal(submit(&r, &b, cmd, &seq), 0);
    assert_int_equal(seq, 1);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 1, 0, 0), ETIME);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 5, 100, 0), EINVAL);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 5, 1, XDNA_WAIT_FOR_SUBMIT), ETIME);
    assert_int_equal(wait_for(&r, 60, 1, 1, 0), ENOENT);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 1, 5000, 0), EINTR);
    /* point 0 waits for point 1 here */
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 0, 5000, 0), 0);
    assert_int_equal(state_of(p), XDNA_COMPLETED);
    struct xdna_timeline q = {(uintptr_t)&b.ctx.syncobj, (uintptr_t)&point, 1, 0};
    assert_int_equal(call(&r, XDNA_DRM_SYNCOBJ_QUERY, &q), 0);
    assert_int_equal(point, 1);
    struct xdna_wait_cmd old = {b.ctx.handle, 10, 0};
    assert_int_equal(call(&r, XDNA_WAIT_CMD, &old), EOPNOTSUPP);
    rig_close(&r);
}

/* 12: TRAP a packet that the kernel refuses: its fence signals, its state stays NEW. */
static void refused_packets(void **state)
{
    struct rig r;
    struct bench b;
    uint32_t cmd, *p;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    static const int ops[] = {2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 18, 21, 22};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        start_cu(&b, p, 3);
        p[0] = xdna_header(ops[i], 12);
        assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_NEW);
    }
    start_cu(&b, p, 3);
    p[1] = 0; /* no unit */
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_NEW);
    start_cu(&b, p, 3);
    p[0] = xdna_header(XDNA_START_CU, 2000); /* beyond the buffer */
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_NEW);
    start_cu(&b, p, 3);
    p[0] = xdna_header(XDNA_START_CU, 1); /* nothing but the mask */
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_NEW);
    start_cu(&b, p, 3);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    rig_close(&r);
}

static const struct profile_test all[] = {{"golden words", golden_words},
                                          {"pads must be zero", pads_must_be_zero},
                                          {"heap sizes", heap_sizes},
                                          {"dev before heap", dev_before_heap},
                                          {"dev addresses", dev_addresses},
                                          {"share addresses", share_addresses},
                                          {"contexts", contexts},
                                          {"columns", columns},
                                          {"units", units},
                                          {"exec checks", exec_checks},
                                          {"fifth blocks", fifth_blocks},
                                          {"waiting", waiting},
                                          {"refused packets", refused_packets}};

int main(void)
{
    return run_profiles("acceptance", all, sizeof all / sizeof *all);
}
