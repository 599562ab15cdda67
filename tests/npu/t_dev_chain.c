/* The second half of the acceptance tests (see t_dev_accept.c): chains, failures, caches, the end.
 */
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
    open_heap(
        &r, state,
        (struct vdrm_opts){.tdr_ms = 40, .faults = "job=error:0x1000006;job@2.2=error:0x1000004"});
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

static const struct profile_test all[] = {
    {"chain lengths", chain_lengths},     {"chain contents", chain_contents},
    {"chain failure", chain_failure},     {"hang", hang},
    {"destroy busy", destroy_busy},       {"stale lines", stale_lines},
    {"firmware checks", firmware_checks}, {"close leaks nothing", close_leaks_nothing},
    {"information", information},         {"wedged", wedged}};

int main(void)
{
    return run_profiles("acceptance, chains", all, sizeof all / sizeof *all);
}
