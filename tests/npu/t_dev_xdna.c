/* The driver on the virtual device: the same bits as without a driver, in every way of dispatching;
 * discovery and sentences; figures; addresses, caches and processes. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "npu/dev/xdna.h"
#include "tests/npu/t_dev_block.h"

struct world {
    struct sys *s;
    struct dev_xdna *x;
    char notes[600];
};

static void keep_note(void *ctx, const char *text)
{
    struct world *w = ctx;
    strncat(w->notes, text, sizeof w->notes - strlen(w->notes) - 1);
    strncat(w->notes, "; ", sizeof w->notes - strlen(w->notes) - 1);
}

static int world_open(struct world *w, const struct profile *p, struct vdrm_opts o,
                      struct dev_xdna_opts d, struct err *e)
{
    memset(w, 0, sizeof *w);
    o.gen = p->gen;
    o.chip = p->chip;
    o.kernels = k_choose(0);
    o.threads = 2;
    assert_int_equal(vdrm_new(&w->s, &o, e), 0);
    d.xclbin = vdrm_xclbin(w->s, &d.xclbin_b);
    d.note = keep_note;
    d.note_ctx = w;
    return dev_xdna_open(&w->x, w->s, &d, e);
}

static void world_close(struct world *w)
{
    struct vdrm_counts c;
    dev_xdna_close(w->x);
    vdrm_count(w->s, &c);
    assert_int_equal(c.bos, 0);
    assert_int_equal(c.contexts + c.syncobjs + c.maps + c.fds, 0);
    vdrm_free(w->s);
}

static uint8_t want[B_BYTES], got[B_BYTES];

/* Runs the block three times through the driver and compares all of memory. */
static void same_bits(struct world *w, int by_jobs)
{
    struct block b;
    struct err e = {0};
    struct vdrm_counts n;
    uint32_t bo;
    assert_int_equal(dev_xdna_bo_new(w->x, B_BYTES, "test", &bo, &e), 0);
    block_plan(&b, bo);
    assert_true(b.end <= B_BYTES);
    uint8_t *p = dev_xdna_bo_map(w->x, bo);
    block_fill(&b, p, 12345);
    dev_xdna_wrote(w->x, bo, 0, b.end);
    memcpy(want, p, B_BYTES);
    block_direct(&b, want, 3);
    for (int i = 0; i < 3; i++) {
        int rc;
        if (by_jobs) {
            struct dev *d = dev_xdna_dev(w->x);
            struct dev_job j[B_CMDS];
            for (int k = 0; k < b.n; k++) {
                assert_int_equal(dev_cmd_resolve(&b.c[k], k, direct_at, p, &j[k], &e), 0);
            }
            rc = d->ops->run(d, j, b.n, 1 << 16, &e);
        } else {
            rc = dev_xdna_run(w->x, b.c, b.n, &e);
        }
        if (rc) {
            fail_msg("%s", e.text);
        }
    }
    memcpy(got, p, B_BYTES);
    assert_memory_equal(got, want, B_BYTES);
    vdrm_count(w->s, &n);
    assert_int_equal(n.stale_lines, 0);
    assert_int_equal(n.lost_lines, 0);
    dev_xdna_bo_free(w->x, bo);
}

static void dispatches(void **state)
{
    static const struct dev_xdna_opts ways[] = {
        {.in_flight = 2},                                /* as many as fit, two in flight */
        {.in_flight = 1, .per_call = 1, .per_chain = 1}, /* serial, call by call */
        {.in_flight = 4, .per_call = 1, .per_chain = 1}, /* pipelined, call by call */
        {.in_flight = 2, .per_call = 1},                 /* one chain of calls */
        {.in_flight = 4, .per_call = 2, .per_chain = 3}, /* chains overlapping */
    };
    const struct profile *p = *state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int strict = 0; strict < 2; strict++) {
            struct world w;
            struct err e = {0};
            struct dev_xdna_stats st;
            if (world_open(&w, p, (struct vdrm_opts){.strict = strict}, ways[i], &e)) {
                fail_msg("%s", e.text);
            }
            same_bits(&w, strict);
            dev_xdna_stats(w.x, &st);
            assert_int_equal(st.lists, 4); /* with the test run */
            assert_int_equal(st.again + st.resets, 0);
            assert_true(ways[i].per_call != 1 || st.calls == 1 + 3 * B_CMDS);
            assert_true(strict ? st.sync_b > 0 : st.sync_b == 0);
            assert_string_equal(w.notes, "");
            world_close(&w);
        }
    }
}

/* The cache detector finds what the driver was not told. */
static void forgotten_write(void **state)
{
    struct world w;
    struct block b;
    struct err e = {0};
    struct vdrm_counts n;
    uint32_t bo;
    assert_int_equal(
        world_open(&w, *state, (struct vdrm_opts){.strict = 1}, (struct dev_xdna_opts){0}, &e), 0);
    assert_int_equal(dev_xdna_bo_new(w.x, B_BYTES, "test", &bo, &e), 0);
    block_plan(&b, bo);
    uint8_t *p = dev_xdna_bo_map(w.x, bo);
    block_fill(&b, p, 1);
    assert_int_equal(dev_xdna_run(w.x, b.c, b.n, &e), 0); /* new buffers are flushed once */
    vdrm_count(w.s, &n);
    assert_int_equal(n.stale_lines, 0);
    p[0] ^= 1; /* a weight: nothing but the host writes there */
    assert_int_equal(dev_xdna_run(w.x, b.c, b.n, &e), 0);
    vdrm_count(w.s, &n);
    assert_true(n.stale_lines > 0);
    world_close(&w);
}

/* A list longer than one chain, one stream, one budget; many buffers. */
static void long_lists(void **state)
{
    struct world w;
    struct err e = {0};
    enum { N = 5000 };
    struct npu_cmd *c = calloc(N, sizeof *c);
    uint32_t bo[3];
    struct dev_xdna_stats st;
    assert_int_equal(
        world_open(&w, *state, (struct vdrm_opts){0}, (struct dev_xdna_opts){.in_flight = 3}, &e),
        0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dev_xdna_bo_new(w.x, 65536, "test", &bo[i], &e), 0);
    }
    float *p = dev_xdna_bo_map(w.x, bo[0]);
    for (int i = 0; i < 16; i++) {
        p[i] = (float)i;
    }
    dev_xdna_wrote(w.x, bo[0], 0, 64);
    for (int i = 0; i < N; i++) { /* each copies what the one before it wrote */
        c[i] = (struct npu_cmd){.op = NPU_COPY,
                                .m = 1,
                                .n = 16,
                                .k = 16,
                                .lda = 16,
                                .ldo = 16,
                                .tile_m = 1,
                                .tile_n = 32};
        c[i].in[0] = NPU_ADDR(bo[i % 3], (i / 3 % 500) * 64);
        c[i].out = NPU_ADDR(bo[(i + 1) % 3], ((i + 1) / 3 % 500) * 64);
    }
    if (dev_xdna_run(w.x, c, N, &e)) {
        fail_msg("%s", e.text);
    }
    const float *end = dev_xdna_bo_map(w.x, bo[N % 3]);
    assert_memory_equal(end + (N / 3 % 500) * 16, p, 64);
    dev_xdna_stats(w.x, &st);
    assert_true(st.execs > 3);
    /* heavy commands get chains of their own, so that the watchdog sees a sign in time */
    struct npu_cmd big = {.op = NPU_GEMM_F32,
                          .m = 4,
                          .n = 32,
                          .k = 64,
                          .lda = 64,
                          .ldo = 32,
                          .tile_m = 16,
                          .tile_n = 32};
    big.in[0] = NPU_ADDR(bo[0], 0);
    big.in[1] = NPU_ADDR(bo[1], 0);
    big.in[2] = NPU_ADDR(bo[0], 8192);
    big.out = NPU_ADDR(bo[2], 0);
    assert_int_equal(dev_xdna_run(w.x, &big, 1, &e), 0);
    free(c);
    world_close(&w);
}

/* What the driver refuses before the device sees it. */
static void bad_lists(void **state)
{
    struct world w;
    struct block b;
    struct err e = {0};
    uint32_t bo;
    struct dev_xdna_stats st;
    assert_int_equal(world_open(&w, *state, (struct vdrm_opts){0}, (struct dev_xdna_opts){0}, &e),
                     0);
    assert_int_equal(dev_xdna_bo_new(w.x, B_BYTES, "test", &bo, &e), 0);
    assert_int_equal(dev_xdna_bo_new(w.x, 0, "nothing", &bo + 0, &e), -ERR_NPU);
    block_plan(&b, 1);
    b.c[2].out = NPU_ADDR(1, B_BYTES - 64);
    assert_int_equal(dev_xdna_run(w.x, b.c, b.n, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "command 2 (heads): head pack lies outside its buffer"));
    block_plan(&b, 9);
    assert_int_equal(dev_xdna_run(w.x, b.c, b.n, &e), -ERR_NPU);
    b.c[0].op = 99;
    assert_int_equal(dev_xdna_run(w.x, b.c, b.n, &e), -ERR_NPU);
    b.c[0] = (struct npu_cmd){.op = NPU_COPY,
                              .m = UINT32_MAX,
                              .n = 1,
                              .k = UINT32_MAX,
                              .lda = UINT32_MAX,
                              .ldo = UINT32_MAX,
                              .tile_m = 1,
                              .tile_n = 1};
    assert_int_equal(dev_xdna_run(w.x, b.c, 1, &e), -ERR_NPU);
    struct k_row local;
    struct npu_cmd c = {
        .op = NPU_COPY, .m = 1, .n = 1, .k = 1, .lda = 1, .ldo = 1, .tile_m = 1, .tile_n = 1};
    const struct dev_job j = {.args = {.c = &c, .in = {&local}, .out = &local}};
    struct dev *d = dev_xdna_dev(w.x);
    assert_int_equal(d->ops->run(d, &j, 1, 64, &e), -ERR_NPU);
    dev_xdna_stats(w.x, &st);
    assert_int_equal(st.lists, 1);
    assert_null(dev_xdna_bo_map(w.x, 77));
    assert_int_equal(dev_xdna_bo_size(w.x, 1), B_BYTES);
    world_close(&w);
}

/* TRAP fork: the device works in the memory of the process that opened it. */
static void fork_is_refused(void **state)
{
    struct world w;
    struct err e = {0};
    int status;
    assert_int_equal(world_open(&w, *state, (struct vdrm_opts){0}, (struct dev_xdna_opts){0}, &e),
                     0);
    const pid_t child = fork();
    if (child == 0) {
        struct npu_cmd c = {0};
        uint32_t bo;
        const int a = dev_xdna_run(w.x, &c, 1, &e), b = dev_xdna_bo_new(w.x, 4096, "x", &bo, &e);
        _exit(a == -ERR_NPU && b == -ERR_NPU && strstr(e.text, "another process") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    same_bits(&w, 0);
    world_close(&w);
}

static void figures(void **state)
{
    const struct profile *p = *state;
    struct world w;
    struct err e = {0};
    struct dev_sense s;
    struct dev_stats st;
    const int late = p->gen == VDRM_708;
    assert_int_equal(
        world_open(&w, p, (struct vdrm_opts){.foreign = 2}, (struct dev_xdna_opts){0}, &e), 0);
    same_bits(&w, 0);
    dev_xdna_sense(w.x, &s);
    assert_string_equal(s.driver, late ? "0.8" : "0.1");
    assert_true(s.h_mhz.valid && s.h_mhz.v == (p->chip == VDRM_NPU1 ? 1600 : 1800));
    assert_true(s.contexts.valid && s.contexts.v == 3);
    assert_true(s.submissions.valid && s.submissions.v >= 4 && s.completions.v == s.submissions.v);
    assert_true(s.errors.valid && s.errors.v == 0);
    /* TRAP older drivers lack these: no figure, no error */
    assert_int_equal(s.col_pct[0].valid, late);
    assert_int_equal(s.contexts_max.valid, late);
    assert_int_equal(s.busy_ns.valid, late);
    assert_false(s.power_mw.valid || s.temp_c.valid);
    assert_true(!late || s.contexts_max.v == (p->chip == VDRM_NPU1 ? 6 : 16));
    dev_xdna_dev(w.x)->ops->stats(dev_xdna_dev(w.x), &st);
    assert_true(st.col[0].tiles > 0 && st.op[NPU_GEMM_I8].calls == 6);
    /* each question may fail alone */
    vdrm_script(w.s, "info=EINVAL*0;array=EOPNOTSUPP*0", NULL);
    dev_xdna_sense(w.x, &s);
    assert_false(s.h_mhz.valid || s.contexts.valid || s.tops_max.valid || s.errors.valid);
    vdrm_script(w.s, "array=EOPNOTSUPP*0", NULL); /* the oldest driver: only the old question */
    dev_xdna_sense(w.x, &s);
    assert_true(s.contexts.valid && s.contexts.v == 3 && s.completions.valid);
    world_close(&w);
}

/* Streams of the tool chain: checked, then handed over; the virtual firmware knows only lists. */
static void streams(void **state)
{
    const struct profile *p = *state;
    struct world w;
    struct err e = {0};
    const uint32_t gen = p->chip == VDRM_NPU1 ? 3 : 4;
    uint32_t bo, t[8] = {0x06000100u | gen << 16, 0x0104, 1, 20, 5};
    assert_int_equal(world_open(&w, p, (struct vdrm_opts){0}, (struct dev_xdna_opts){0}, &e), 0);
    assert_int_equal(dev_xdna_bo_new(w.x, 4096, "test", &bo, &e), 0);
    assert_int_equal(dev_xdna_exec(w.x, t, 5, &bo, 1, &e), -ERR_NPU_HANG);
    t[0] ^= 7 << 16;
    assert_int_equal(dev_xdna_exec(w.x, t, 5, &bo, 1, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "generation"));
    t[0] = 0x464C457F;
    assert_int_equal(dev_xdna_exec(w.x, t, 5, &bo, 1, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "ELF"));
    const uint32_t twice[2] = {bo, bo};
    t[0] = 0x06000100u | gen << 16;
    assert_int_equal(dev_xdna_exec(w.x, t, 5, twice, 2, &e), -ERR_NPU);
    same_bits(&w, 0);
    world_close(&w);
}

/* -- opening: one sentence for each thing that can be wrong ------------------------------------ */

static void expect(const struct profile *p, struct vdrm_opts o, struct dev_xdna_opts d, int code,
                   const char *part)
{
    struct world w;
    struct err e = {0};
    const int rc = world_open(&w, p, o, d, &e);
    if (rc != -code || !strstr(e.text, part)) {
        fail_msg("fault %s: %d, %s; %s expected", o.faults ? o.faults : "-", rc, e.text, part);
    }
    world_close(&w);
}

static const struct {
    const char *faults;
    int code;
    const char *part;
} opening[] = {
    {"open=EACCES", ERR_NPU, "usermod -aG render"},
    {"open=EPERM", ERR_NPU, "--device /dev/accel/accel0"},
    {"open=ENODEV", ERR_NPU, "IOMMU"},
    {"open=EOPNOTSUPP", ERR_NPU, "IOMMU"},
    {"open=EINVAL", ERR_NPU, "IOMMU"},
    {"open=ENOENT", ERR_NPU, "amdxdna loaded?"},
    {"version=EIO", ERR_NPU, "version"},
    {"heap=ENOMEM", ERR_MEM, "64 MB code heap"},
    {"heap=EBUSY", ERR_NPU, "second heap"},
    {"heap=ENOSPC", ERR_NPU, "second heap"},
    {"heap=EAGAIN*0", ERR_NPU, "EAGAIN"},
    {"mmap=EAGAIN*0", ERR_MEM, "ulimit -l unlimited"},
    {"mmap=ENOMEM", ERR_MEM, "memory"},
    {"create_ctx=ENOENT", ERR_NPU, "no heap"},
    {"create_ctx=EINVAL", ERR_NPU, "no more contexts"},
    {"create_ctx=ENODEV", ERR_NPU, "taken by another program"},
    {"create_ctx=ETIME", ERR_NPU, "firmware does not answer"},
    {"create_ctx=EAGAIN*0", ERR_NPU, "heap is not mapped"},
    {"create_ctx=ENOMEM", ERR_MEM, "memory"},
    {"config=ETIME", ERR_NPU, "firmware does not answer"},
    {"config=EINVAL", ERR_NPU, "refuses the program"},
    {"config=E2BIG", ERR_NPU, "E2BIG"},
    {"dev=ENOSPC", ERR_NPU, "heap is full"},
    {"dev=EAGAIN*0", ERR_NPU, "heap is not mapped"},
    {"cmd=ENOMEM", ERR_MEM, "memory"},
    {"share=ENOMEM", ERR_MEM, "memory"},
    {"bo_info=EINVAL", ERR_NPU, "EINVAL"},
    {"exec=EALREADY", ERR_NPU, "named twice"},
    {"exec=ENOENT", ERR_NPU, "unknown buffer"},
    {"exec=EIO*0", ERR_NPU_HANG, "firmware does not answer"},
    {"exec=EAGAIN*0", ERR_NPU_HANG, "too busy"},
    {"job=reject", ERR_NPU, "command"},
    {"job=error*0", ERR_NPU_HANG, "failed a command list"},
    {"job=abort*0", ERR_NPU_HANG, "dropped a command list"},
};

static void sentences(void **state)
{
    const struct profile *p = *state;
    for (size_t i = 0; i < sizeof opening / sizeof *opening; i++) {
        expect(p, (struct vdrm_opts){.faults = opening[i].faults, .tdr_ms = 30},
               (struct dev_xdna_opts){0}, opening[i].code, opening[i].part);
    }
    expect(p, (struct vdrm_opts){.foreign = 16}, (struct dev_xdna_opts){0}, ERR_NPU,
           "in use by process 4000, 4001");
    expect(p, (struct vdrm_opts){.no_node = 1}, (struct dev_xdna_opts){0}, ERR_NPU,
           "did not start it");
    expect(p, (struct vdrm_opts){0}, (struct dev_xdna_opts){.node = "/dev/accel/accel7"}, ERR_NPU,
           "no AMD NPU");
    expect(p, (struct vdrm_opts){0}, (struct dev_xdna_opts){.kernel = "OTHER"}, ERR_NPU,
           "no kernel named OTHER");
    /* TRAP MAP_LOCKED runs into the memory limit and looks like a missing device; we do not use it
     */
    expect(p, (struct vdrm_opts){.memlock_b = 8 << 20}, (struct dev_xdna_opts){.lock_maps = 1},
           ERR_MEM, "ulimit -l unlimited");
    struct world w;
    struct err e = {0};
    assert_int_equal(
        world_open(&w, p, (struct vdrm_opts){.memlock_b = 8 << 20}, (struct dev_xdna_opts){0}, &e),
        0);
    world_close(&w);
    /* every sentence ends with the facts that a report needs */
    assert_true(world_open(&w, p, (struct vdrm_opts){.faults = "create_ctx=ETIME"},
                           (struct dev_xdna_opts){0}, &e) < 0);
    assert_non_null(
        strstr(e.text, p->gen == VDRM_708 ? "amdxdna 0.8, firmware" : "amdxdna 0.1, firmware"));
    assert_non_null(strstr(e.text, p->chip == VDRM_NPU1 ? "1502:00" : "17f0:10"));
    assert_non_null(strstr(e.text, "-virtual"));
    world_close(&w);
}

/* -- sysfs, as the real side reads it ---------------------------------------------------------- */

static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void opened(const char *root, const char *part)
{
    struct sys *s;
    struct dev_xdna *x;
    struct err e = {0};
    assert_int_equal(sys_real_new(&s, root), 0);
    assert_int_equal(dev_xdna_open(&x, s, &(struct dev_xdna_opts){0}, &e), -ERR_NPU);
    if (!strstr(e.text, part)) {
        fail_msg("%s; %s expected", e.text, part);
    }
    sys_real_free(s);
}

static void sysfs(void **state)
{
    char root[] = "/tmp/t_dev_sysfs_XXXXXX", cmd_text[64];
    struct sys *s;
    struct sys_node n;
    (void)state;
    assert_non_null(mkdtemp(root));
    opened(root, "no AMD NPU found");
    put(root, "sys/bus/pci/devices/0000:c5:00.1/vendor", "0x1022\n");
    put(root, "sys/bus/pci/devices/0000:c5:00.1/device", "0x1502\n");
    opened(root, "did not start it");
    put(root, "sys/class/accel/accel0/device/vendor", "0x8086\n"); /* another maker's */
    put(root, "sys/class/accel/accel0/device/device", "0x7d1d\n");
    opened(root, "did not start it");
    put(root, "sys/class/accel/accel3/device/vendor", "0x1022\n");
    put(root, "sys/class/accel/accel3/device/device", "0x17f1\n");
    put(root, "sys/class/accel/accel3/device/revision", "0x10\n");
    opened(root, "generation that is not supported");
    put(root, "sys/class/accel/accel3/device/device", "0x17f0\n");
    put(root, "sys/class/accel/accel3/device/device_type", "1\n");
    opened(root, "generation that is not supported");
    put(root, "sys/class/accel/accel3/device/device_type", "0\n");
    put(root, "sys/class/accel/accel3/device/fw_version", "1.1.2.64\n");
    put(root, "sys/class/accel/accel3/device/vbnv", "NPU Strix\n");
    opened(root, "amdxdna loaded?"); /* the node itself is not there */
    assert_int_equal(sys_real_new(&s, root), 0);
    assert_int_equal(s->ops->node(s, 1, &n), 1);
    assert_string_equal(n.path, "/dev/accel/accel3");
    assert_string_equal(n.fw, "1.1.2.64");
    assert_string_equal(n.vbnv, "NPU Strix");
    assert_true(n.device == 0x17f0 && n.revision == 0x10 && n.type == 0);
    assert_int_equal(s->ops->node(s, 2, &n), 0);
    put(root, "dev/accel/accel3", "");
    opened(root, ""); /* a file is no device: some sentence, no crash */
    assert_true(s->ops->memlock(s) > 0);
    sys_real_free(s);
    snprintf(cmd_text, sizeof cmd_text, "rm -r %s", root);
    assert_int_equal(system(cmd_text), 0);
}

static const struct profile_test all[] = {
    {"dispatches", dispatches}, {"forgotten write", forgotten_write},
    {"long lists", long_lists}, {"bad lists", bad_lists},
    {"fork", fork_is_refused},  {"figures", figures},
    {"streams", streams},       {"sentences", sentences}};

int main(void)
{
    const struct CMUnitTest once[] = {cmocka_unit_test(sysfs)};
    const int rc = run_profiles("driver", all, sizeof all / sizeof *all);
    return rc + cmocka_run_group_tests(once, NULL, NULL);
}
