/* The acceptance tests that every back end at the ioctl boundary must pass (reference amdxdna.md 8.2,
 * numbers as there), against the virtual driver in both generations on both chips. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/npu/t_dev_help.h"

static int late(const struct rig *r) { return r->p->gen == VDRM_708; }
static int npu1(const struct rig *r) { return r->p->chip == VDRM_NPU1; }

static const struct vdrm_opts quick = {.tdr_ms = 40, .drain_ms = 30};

static void open_heap(struct rig *r, void **state, struct vdrm_opts o)
{
    rig_open(r, *state, o);
    heap_new(r);
}

/* 1: sizes, offsets and codes are asserted when abi.h is compiled; here golden words: state NEW, the
 * count, the operation in bits 27:23.  (The reference prints the last two a digit too far left.) */
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
    assert_int_equal(bo_new(&r, XDNA_BO_HEAP, XDNA_HEAP_B, &h),
                     !late(&r) ? EBUSY : npu1(&r) ? ENOSPC : EOPNOTSUPP);
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
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 5000, .faults = "job@2=slow:50;wait@7=EINTR"});
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

/* 13: how long a chain may be. */
static void chain_lengths(void **state)
{
    struct rig r;
    struct bench b;
    struct chain c;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    const int most = late(&r) ? 42 : 78;
    for (int n = most; n <= most + 1; n++) {
        chain_new(&r, &b, &c, n, 3);
        memset(b.x + 64, 0, 256);
        flush(&r, b.x, 4096);
        assert_int_equal(run_to_end(&r, &b, c.bo, c.p), n == most ? XDNA_COMPLETED : XDNA_NEW);
        assert_int_equal(c.p[3], UINT32_MAX);
        assert_int_equal(state_of(c.sub_p[0]), XDNA_NEW);
    }
    rig_close(&r);
}

/* 14, 15: one opcode in a chain; handles that are commands. */
static void chain_contents(void **state)
{
    struct rig r;
    struct bench b;
    struct chain c;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    chain_new(&r, &b, &c, 3, 3);
    uint32_t *npu = c.sub_p[1];
    npu[0] = xdna_header(XDNA_START_NPU, 1 + 4 + 1);
    npu[2] = (uint32_t)b.stream_addr;
    npu[3] = 0;
    npu[4] = b.words * 4;
    npu[5] = 0;
    npu[6] = 3;
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), XDNA_NEW);
    assert_int_equal(run_to_end(&r, &b, c.sub[1], npu), XDNA_COMPLETED); /* alone it runs */
    start_cu(&b, npu, 3);
    const uint32_t good = c.p[9];
    c.p[9] = 1234;
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), XDNA_NEW);
    c.p[9] = b.data;
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), XDNA_NEW);
    c.p[9] = good;
    c.p[1] = 500; /* more than the packet holds */
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), XDNA_NEW);
    c.p[1] = 3;
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), XDNA_COMPLETED);
    rig_close(&r);
}

/* 16: a failing sub-command; TRAP its number is told, the first packet's data is gone. */
static void chain_failure(void **state)
{
    struct rig r;
    struct bench b;
    struct chain c;
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 40, .faults = "job=error:0x1000006;job@2.2=error:0x1000004"});
    bench_open(&r, &b, 16);
    chain_new(&r, &b, &c, 4, 3);
    vdrm_script(r.s, "job@1.2=error:0x1000004", NULL);
    assert_int_equal(run_to_end(&r, &b, c.bo, c.p), late(&r) ? XDNA_ERROR : XDNA_COMPLETED);
    /* TRAP the older driver's status bits read as COMPLETED: the index is the only sign */
    assert_int_equal(c.p[3], 2);
    assert_int_equal(c.sub_p[0][1], UINT32_MAX);
    assert_int_equal(c.sub_p[0][12], UINT32_MAX);
    assert_int_equal(c.sub_p[1][1], 1);
    assert_memory_equal(b.x, b.x + 64, 256); /* the first two have run */
    rig_close(&r);
}

/* 17: a hang: the watchdog, the others in flight, the context afterwards. */
static void hang(void **state)
{
    struct rig r;
    struct bench b;
    uint64_t seq;
    uint32_t cmd[2], *p[2];
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 40, .faults = "job=hang"});
    bench_open(&r, &b, 16);
    for (int i = 0; i < 2; i++) {
        cmd[i] = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p[i]);
        start_cu(&b, p[i], 3);
    }
    const int64_t start = clk_ns();
    assert_int_equal(submit(&r, &b, cmd[0], &seq), 0);
    assert_int_equal(submit(&r, &b, cmd[1], &seq), 0);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, 1, 5000, 0), 0);
    assert_true(clk_ns() - start >= 39 * 1000000);
    assert_int_equal(state_of(p[0]), late(&r) ? XDNA_TIMEOUT : XDNA_ABORT);
    assert_int_equal(state_of(p[1]), XDNA_ABORT);
    assert_int_equal(p[1][1], UINT32_MAX);
    if (late(&r) && !npu1(&r)) {
        assert_int_equal(p[0][1], 1); /* a health record */
    }
    start_cu(&b, p[0], 3);
    assert_int_equal(run_to_end(&r, &b, cmd[0], p[0]), XDNA_COMPLETED);
    rig_close(&r);
}

/* 18: DESTROY with work in flight. */
static void destroy_busy(void **state)
{
    struct rig r;
    struct bench b;
    uint64_t seq;
    uint32_t cmd, *p;
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 60000, .drain_ms = 30, .faults = "job=hang"});
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    assert_int_equal(submit(&r, &b, cmd, &seq), 0);
    const int64_t start = clk_ns();
    assert_int_equal(ctx_end(&r, b.ctx.handle), 0);
    assert_true(clk_ns() - start < (int64_t)7 * 1000000000);
    assert_int_equal(state_of(p), XDNA_ABORT);
    /* the timeline outlives its context, all points signalled */
    assert_int_equal(wait_for(&r, b.ctx.syncobj, seq, 0, 0), 0);
    struct xdna_drm_handle h = {b.ctx.syncobj, 0};
    assert_int_equal(call(&r, XDNA_DRM_SYNCOBJ_DESTROY, &h), 0);
    rig_close(&r);
}

/* 19: TRAP caches: what was not flushed is not seen, on either side. */
static void stale_lines(void **state)
{
    struct rig r;
    struct bench b;
    uint32_t cmd, *p;
    struct vdrm_counts c;
    open_heap(&r, state, (struct vdrm_opts){.strict = 1});
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    vdrm_count(r.s, &c);
    assert_int_equal(c.stale_lines, 0);
    assert_true(b.x[64 + 3] == 0); /* the host still sees its own old line */
    flush(&r, b.x + 64, 256);
    assert_memory_equal(b.x, b.x + 64, 256);
    /* an input that was written and not flushed */
    b.x[5] = -1;
    start_cu(&b, p, 3);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    vdrm_count(r.s, &c);
    assert_int_equal(c.stale_lines, 1);
    flush(&r, b.x + 64, 256);
    assert_true(b.x[64 + 5] == 5.5f);
    /* a stream that was written and not flushed */
    memset(b.stream_p, 0, 16);
    start_cu(&b, p, 3);
    run_to_end(&r, &b, cmd, p);
    vdrm_count(r.s, &c);
    assert_true(c.stale_lines >= 2);
    /* SYNC_BO flushes too; TRAP from the device it then says EINVAL on newer drivers */
    struct xdna_sync_bo s = {b.data, XDNA_TO_DEVICE, 0, 4096};
    assert_int_equal(call(&r, XDNA_SYNC_BO, &s), 0);
    s.direction = XDNA_FROM_DEVICE;
    assert_int_equal(call(&r, XDNA_SYNC_BO, &s), late(&r) ? EINVAL : 0);
    s.offset = 8192;
    s.direction = XDNA_TO_DEVICE;
    assert_int_equal(call(&r, XDNA_SYNC_BO, &s), late(&r) ? EINVAL : 0);
    rig_close(&r);
}

/* A buffer that the command does not name, a program that is not known: ERROR, never silent. */
static void firmware_checks(void **state)
{
    struct rig r;
    struct bench b;
    uint64_t seq;
    char why[200];
    uint32_t cmd, *p;
    open_heap(&r, state, quick);
    bench_open(&r, &b, 16);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    assert_int_equal(exec_args(&r, b.ctx.handle, cmd, &b.stream, 1, &seq), 0);
    assert_int_equal(wait_for(&r, b.ctx.syncobj, seq, 5000, 0), 0);
    assert_int_equal(state_of(p), XDNA_ERROR);
    vdrm_report(r.s, why, sizeof why);
    assert_non_null(strstr(why, "no buffer of the command"));
    start_cu(&b, p, 3);
    p[2] = 9; /* no stream asked for */
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_ERROR);
    /* a stream of the other generation */
    b.stream_p[2] ^= 7;
    start_cu(&b, p, 3);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_ERROR);
    struct xdna_create_ctx c;
    assert_int_equal(ctx_new(&r, 16, &c), 0);
    assert_int_equal(config(&r, c.handle, b.stream, 1, 0), 0); /* no program in there */
    b.ctx = c;
    start_cu(&b, p, 3);
    assert_int_equal(run_to_end(&r, &b, cmd, p), XDNA_ERROR);
    vdrm_report(r.s, why, sizeof why);
    assert_non_null(strstr(why, "no program"));
    rig_close(&r);
}

/* 20: closing the file with everything alive leaves nothing. */
static void close_leaks_nothing(void **state)
{
    struct rig r;
    struct bench b;
    struct chain c;
    uint64_t seq;
    struct vdrm_counts n;
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 60000, .drain_ms = 10, .faults = "job=hang"});
    bench_open(&r, &b, 16);
    chain_new(&r, &b, &c, 3, 3);
    assert_int_equal(submit(&r, &b, c.bo, &seq), 0);
    assert_int_equal(r.s->ops->close(r.s, r.fd), 0);
    r.s->ops->munmap(r.s, r.heap, XDNA_HEAP_B);
    r.s->ops->munmap(r.s, b.x, 4096);
    r.s->ops->munmap(r.s, c.p, 4096);
    for (int i = 0; i < 3; i++) {
        r.s->ops->munmap(r.s, c.sub_p[i], 4096);
    }
    vdrm_count(r.s, &n);
    assert_int_equal(n.bos, 0);
    assert_int_equal(n.contexts + n.syncobjs + n.maps + n.fds, 0);
    vdrm_free(r.s);
}

/* 21, 22: state and information. */
static void information(void **state)
{
    struct rig r;
    uint64_t mode = 0;
    struct xdna_metadata m = {0};
    rig_open(&r, *state, quick);
    struct xdna_get_info i = {0, sizeof mode, (uintptr_t)&mode};
    assert_int_equal(call(&r, XDNA_SET_STATE, &i), EACCES);
    i = (struct xdna_get_info){99, sizeof m, (uintptr_t)&m};
    assert_int_equal(call(&r, XDNA_GET_INFO, &i), EOPNOTSUPP);
    i = (struct xdna_get_info){XDNA_INFO_METADATA, 6, (uintptr_t)&m};
    assert_int_equal(call(&r, XDNA_GET_INFO, &i), 0);
    assert_int_equal(i.size, 6);
    assert_int_equal(m.cols, npu1(&r) ? 5 : 8);
    assert_int_equal(m.rows, 0);
    struct xdna_resources res;
    i = (struct xdna_get_info){XDNA_INFO_RESOURCES, sizeof res, (uintptr_t)&res};
    assert_int_equal(call(&r, XDNA_GET_INFO, &i), late(&r) ? 0 : EOPNOTSUPP);
    struct xdna_sensor sensor[10];
    i = (struct xdna_get_info){XDNA_INFO_SENSORS, sizeof sensor, (uintptr_t)sensor};
    assert_int_equal(call(&r, XDNA_GET_INFO, &i), late(&r) ? 0 : EOPNOTSUPP);
    struct xdna_firmware f;
    i = (struct xdna_get_info){XDNA_INFO_FIRMWARE, sizeof f, (uintptr_t)&f};
    assert_int_equal(call(&r, XDNA_GET_INFO, &i), 0);
    assert_int_equal(f.build, npu1(&r) ? 391 : 64);
    assert_int_equal(r.s->ops->ioctl(r.s, r.fd, 0xC0106455, &i), -1);
    assert_int_equal(errno, EINVAL);
    /* a longer struct than the kernel's still finds its call, by number */
    struct {
        struct xdna_get_info i;
        uint64_t more;
    } wide = {{XDNA_INFO_FIRMWARE, sizeof f, (uintptr_t)&f}, 5};
    assert_int_equal(call(&r, XDNA_CODE_WR(0x47, sizeof wide), &wide), 0);
    rig_close(&r);
}

/* The firmware dies: EINVAL, ETIME, EIO, then the device is gone. */
static void wedged(void **state)
{
    struct rig r;
    struct bench b;
    uint64_t seq;
    uint32_t cmd, *p;
    struct xdna_create_ctx c;
    open_heap(&r, state, (struct vdrm_opts){.tdr_ms = 20, .faults = "job=wedge"});
    bench_open(&r, &b, 16);
    assert_int_equal(ctx_new(&r, 16, &c), 0);
    cmd = bo_mapped(&r, XDNA_BO_CMD, 4096, (void **)&p);
    start_cu(&b, p, 3);
    assert_int_not_equal(run_to_end(&r, &b, cmd, p), XDNA_COMPLETED);
    struct xdna_create_ctx d;
    assert_int_equal(ctx_new(&r, 16, &d), EINVAL);
    assert_int_equal(config(&r, c.handle, r.pdi, 1, 0), ETIME);
    assert_int_equal(submit(&r, &b, cmd, &seq), EIO);
    assert_int_equal(config(&r, c.handle, r.pdi, 1, 0), ENODEV);
    assert_int_equal(submit(&r, &b, cmd, &seq), ENODEV);
    rig_close(&r);
}

#define TEST(fn)                                                                                  \
    {                                                                                             \
        #fn, fn                                                                                   \
    }
static const struct {
    const char *name;
    CMUnitTestFunction fn;
} all[] = {TEST(golden_words),    TEST(pads_must_be_zero), TEST(heap_sizes),    TEST(dev_before_heap),
           TEST(dev_addresses),   TEST(share_addresses),   TEST(contexts),      TEST(columns),
           TEST(units),           TEST(exec_checks),       TEST(fifth_blocks),  TEST(waiting),
           TEST(refused_packets), TEST(chain_lengths),     TEST(chain_contents), TEST(chain_failure),
           TEST(hang),            TEST(destroy_busy),      TEST(stale_lines),   TEST(firmware_checks),
           TEST(close_leaks_nothing), TEST(information),   TEST(wedged)};

int main(void)
{
    enum { N = sizeof all / sizeof *all };
    static char name[4 * N][80];
    static struct CMUnitTest t[4 * N];
    for (int i = 0; i < 4 * N; i++) {
        const struct profile *p = &profiles[i / N];
        snprintf(name[i], sizeof name[i], "%s, %s", all[i % N].name, p->name);
        t[i] = (struct CMUnitTest){name[i], all[i % N].fn, NULL, NULL, (void *)(uintptr_t)p};
    }
    return _cmocka_run_group_tests("acceptance", t, 4 * N, NULL, NULL);
}
