/* The acceptance run for an owner of the hardware (`make check-npu`): looks, tries, measures, and
 * writes a report to send back.
 *
 *     check_npu DEVICE SOAK_SECONDS REPORT
 *
 * DEVICE: npu (the first one found), or virtual:npu1, virtual:npu4, so that this program is tested
 * too.  Exit code: 0 all well; 1 something failed; 2 usage; 4 no NPU, or it cannot be opened.
 *
 * IT HAS NOT BEEN RUN ON SILICON YET.  What needs a program that does not exist is left out, and the
 * report says so. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/base/cpu.h"
#include "kernels/aie2/manifest.h"
#include "npu/dev/abi.h"
#include "npu/dev/cmd.h"
#include "npu/dev/program.h"
#include "npu/dev/vdrm.h"
#include "npu/dev/xdna.h"
#include "npu/plan/predict.h"
#include "npu/rt/health.h"
#include "npu/rt/rt.h"
#include "tests/npu/encoder_block.h"

enum { ROWS = 300, DEFAULT_SOAK = 600 };

struct check {
    const char *device, *report;
    int soak_s, virtual, failed, passed, skipped;
    FILE *out;
    struct sys *sys;
    struct dev_chip chip;
    struct dev_program program; /* of a real one */
    const void *image;
    size_t image_b;
    int runs_lists;
};

/* -- the report -------------------------------------------------------------------------------- */

static void say(struct check *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct check *k, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    printf("%s\n", text);
    fflush(stdout);
    if (k->out) {
        fprintf(k->out, "%s\n", text);
        fflush(k->out);
    }
}

static int result(struct check *k, int ok, const char *what, const char *detail)
{
    k->passed += ok;
    k->failed += !ok;
    say(k, "%s %s%s%s", ok ? "ok" : "not ok", what, detail && detail[0] ? ": " : "",
        detail ? detail : "");
    return ok;
}

static void skip(struct check *k, const char *what, const char *why)
{
    k->skipped++;
    say(k, "skip %s: %s", what, why);
}

static const char *figure(char *buf, size_t n, struct dev_value v, const char *unit)
{
    snprintf(buf, n, v.valid ? "%lld%s" : "-", (long long)v.v, unit);
    return buf;
}

/* -- 1: who is there --------------------------------------------------------------------------- */

static void discovery(struct check *k)
{
    struct sys_node n;
    char release[64], cpu[128];
    k->sys->ops->release(k->sys, release, sizeof release);
    const uint64_t lock = k->sys->ops->memlock(k->sys);
    say(k, "# %s, Linux %s, locked memory %lld MB%s", cpu_name(cpu, (int)sizeof cpu), release,
        lock >> 60 ? -1LL : (long long)(lock >> 20), lock >> 60 ? " (unlimited)" : "");
    for (int i = 0; i < 16 && k->sys->ops->node(k->sys, i, &n); i++) {
        say(k, "# %s: %04x:%04x revision %02x, driver %s, firmware %s, %s, type %d", n.path, n.vendor,
            n.device, n.revision, n.driver[0] ? n.driver : "-", n.fw[0] ? n.fw : "-",
            n.vbnv[0] ? n.vbnv : "-", n.type);
    }
}

/* -- 2: the interface, call by call ------------------------------------------------------------ */

static int try(struct check *k, int fd, uint32_t code, void *arg)
{
    int rc;
    do {
        rc = k->sys->ops->ioctl(k->sys, fd, code, arg) ? errno : 0;
    } while (rc == EINTR);
    return rc;
}

static int try_bo(struct check *k, int fd, uint32_t type, size_t size, uint32_t *handle)
{
    struct xdna_create_bo c = {.size = size, .type = type};
    const int rc = try(k, fd, XDNA_CREATE_BO, &c);
    *handle = c.handle;
    return rc;
}

static void expect(struct check *k, const char *what, int got, int want, int or)
{
    char text[80];
    snprintf(text, sizeof text, "errno %d (%s)", got, got ? strerror(got) : "none");
    result(k, got == want || got == or, what, text);
}

/* The acceptance tests of the reference's 8.2 that need neither a program nor a fault; the others
 * run on the virtual driver only. */
static void interface(struct check *k, const char *node)
{
    uint32_t h = 0;
    struct xdna_drm_version v = {.name_n = 0};
    const int fd = k->sys->ops->open(k->sys, node);
    if (!result(k, fd >= 0, "interface: open", node)) {
        return;
    }
    expect(k, "interface: version", try(k, fd, XDNA_DRM_VERSION, &v), 0, 0);
    struct xdna_create_bo flags = {.flags = 1, .size = 4096, .type = XDNA_BO_SHARE};
    /* the legacy driver gives the flags a meaning */
    expect(k, "interface: flags of a buffer", try(k, fd, XDNA_CREATE_BO, &flags), EINVAL,
           v.major == 1 ? 0 : EINVAL);
    expect(k, "interface: a buffer of an unknown type", try_bo(k, fd, 7, 4096, &h), EINVAL, EINVAL);
    expect(k, "interface: code memory before the heap", try_bo(k, fd, XDNA_BO_DEV, 4096, &h), EAGAIN,
           EINVAL);
    struct xdna_qos qos[2] = {{0}};
    struct xdna_create_ctx c = {.qos = (uintptr_t)qos, .max_opc = 2048, .num_tiles = 16};
    expect(k, "interface: a context before the heap", try(k, fd, XDNA_CREATE_CTX, &c), ENOENT, EINVAL);
    expect(k, "interface: a heap of 64 MB", try_bo(k, fd, XDNA_BO_HEAP, XDNA_HEAP_B, &h), 0, 0);
    struct xdna_bo_info info = {.handle = 4711};
    expect(k, "interface: an unknown buffer", try(k, fd, XDNA_BO_INFO, &info), ENOENT, ENOENT);
    struct xdna_exec e = {.ctx = 4711, .cmds = 1, .cmd_count = 1};
    expect(k, "interface: a command for no context", try(k, fd, XDNA_EXEC, &e), EINVAL, EINVAL);
    struct xdna_get_info i = {99, 8, (uintptr_t)&info};
    expect(k, "interface: an unknown question", try(k, fd, XDNA_GET_INFO, &i), EOPNOTSUPP, EINVAL);
    k->sys->ops->close(k->sys, fd);
}

/* -- 3: the driver, buffers, figures ----------------------------------------------------------- */

static void buffers(struct check *k, struct dev_xdna *x)
{
    static const size_t sizes[] = {1, 4096, 4097, 1 << 20, (8 << 20) + 64, 64 << 20};
    enum { N = sizeof sizes / sizeof *sizes };
    uint32_t bo[N] = {0};
    struct err e = {0};
    int ok = 1;
    for (int i = 0; i < N && ok; i++) {
        ok = !dev_xdna_bo_new(x, sizes[i], "a buffer of the check", &bo[i], &e);
        uint8_t *p = ok ? dev_xdna_bo_map(x, bo[i]) : NULL;
        for (size_t at = 0; p && at < sizes[i]; at += 997) {
            ok &= p[at] == 0;
            p[at] = (uint8_t)(at * 31 + (size_t)i);
        }
        dev_xdna_wrote(x, bo[i], 0, sizes[i]);
    }
    for (int i = 0; i < N && ok; i++) {
        const uint8_t *p = dev_xdna_bo_map(x, bo[i]);
        for (size_t at = 0; at < sizes[i]; at += 997) {
            ok &= p[at] == (uint8_t)(at * 31 + (size_t)i);
        }
    }
    for (int i = 0; i < N; i++) {
        dev_xdna_bo_free(x, bo[i]);
    }
    result(k, ok, "buffers: 1 byte to 64 MB, zeroed, apart from each other", e.text);
}

static void figures(struct check *k, struct dev_xdna *x)
{
    struct dev_sense s;
    char a[32], b[32], c[32], d[32];
    dev_xdna_sense(x, &s);
    say(k, "# %s, amdxdna %s, firmware %s", s.name, s.driver, s.firmware);
    say(k, "# clocks %s of %s, contexts %s of %s", figure(a, sizeof a, s.h_mhz, " MHz"),
        figure(b, sizeof b, s.h_max_mhz, " MHz"), figure(c, sizeof c, s.contexts, ""),
        figure(d, sizeof d, s.contexts_max, ""));
    say(k, "# power %s, temperature %s, mode %s, column 0 busy %s",
        figure(a, sizeof a, s.power_mw, " mW"), figure(b, sizeof b, s.temp_c, " C"),
        figure(c, sizeof c, s.power_mode, ""), figure(d, sizeof d, s.col_pct[0], " %"));
    result(k, !s.contexts.valid || s.contexts.v >= 1, "figures: our context is counted", "");
}

/* -- 4: a stream of the tool chain with a known answer ----------------------------------------- */

/* The INT8 product of the manifest: integers, so there is one right answer. */
static void known_product(struct check *k, struct dev_xdna *x)
{
    const struct k_aie_manifest *m = &k->program.manifest;
    const uint32_t M = m->known.m, K = m->known.k, N = m->known.n;
    struct file_map stream = {0};
    struct err e = {0};
    uint32_t bo[3] = {0};
    uint64_t seed = m->known.seed;
    int shape = -1;
    for (int i = 0; i < m->n_shapes; i++) {
        shape = strcmp(m->shape[i].program, m->known.program) == 0 ? i : shape;
    }
    if (!m->known.program[0] || shape < 0) {
        skip(k, "known answer", "the manifest has none");
        return;
    }
    int rc = dev_program_stream(&k->program, shape, &stream, &e);
    const size_t size[3] = {(size_t)M * K, (size_t)K * N, (size_t)M * N * 4};
    for (int i = 0; i < 3 && !rc; i++) {
        rc = dev_xdna_bo_new(x, size[i], "the known answer", &bo[i], &e);
    }
    if (!rc) {
        k_aie_known_fill(dev_xdna_bo_map(x, bo[0]), size[0], &seed);
        k_aie_known_fill(dev_xdna_bo_map(x, bo[1]), size[1], &seed);
        memset(dev_xdna_bo_map(x, bo[2]), 0xa5, size[2]);
        for (int i = 0; i < 3; i++) {
            dev_xdna_wrote(x, bo[i], 0, size[i]);
        }
        const int64_t start = clk_ns();
        rc = dev_xdna_exec(x, (const uint32_t *)(const void *)stream.data, stream.size / 4, bo, 3, &e);
        say(k, "# known answer: %u x %u x %u INT8 in %.3f ms, first call", M, K, N,
            (double)(clk_ns() - start) * 1e-6);
    }
    const int ok = !rc && k_aie_hash(dev_xdna_bo_map(x, bo[2]), size[2]) == m->known.hash;
    result(k, ok, "known answer: the product's sums, bit for bit",
           rc ? e.text : ok ? "" : "other numbers (a program of the other family gives zeros)");
    for (int i = 0; i < 3; i++) {
        dev_xdna_bo_free(x, bo[i]);
    }
    file_unmap(&stream);
}

/* -- 5: lists ---------------------------------------------------------------------------------- */

struct bed {
    struct npu_rt *rt;
    struct npu_list list;
    struct encoder_block b;
    uint32_t buf;
    uint8_t *start, *want; /* before, after */
};

static void *plain(void *p, const struct dev_operand *o)
{
    return (uint8_t *)p + (o->addr & (((uint64_t)1 << 48) - 1));
}

/* The same list by kernels/ref, in plain C, on memory of ours. */
static int by_reference(struct bed *b, struct err *e)
{
    struct dev *d;
    struct dev_job *j = calloc((size_t)b->b.n, sizeof *j);
    int rc = j ? dev_virt_open(&d, 8, cpu_count(), &k_table_c, e) : err_set(e, ERR_MEM, "no memory");
    if (rc) {
        free(j);
        return rc;
    }
    for (int i = 0; i < b->b.n && !rc; i++) {
        rc = dev_cmd_resolve(&b->b.c[i], i, plain, b->want, &j[i], e);
    }
    rc = rc ? rc : d->ops->run(d, j, b->b.n, 1 << 20, e);
    d->ops->close(d);
    free(j);
    return rc;
}

static int bed_open(struct check *k, struct bed *b, struct err *e)
{
    const struct npu_rt_opts o = {.device = k->device, .incoherent = 1};
    memset(b, 0, sizeof *b);
    int rc = npu_rt_open(&b->rt, &o, e);
    encoder_block_plan(&b->b, 1, ROWS, 1);
    rc = rc ? rc : npu_buf_new(b->rt, b->b.end, "an encoder block", &b->buf, e);
    b->start = malloc(b->b.end);
    b->want = malloc(b->b.end);
    if (!rc && (!b->start || !b->want)) {
        rc = err_set(e, ERR_MEM, "no memory for an encoder block");
    }
    if (rc) {
        return rc;
    }
    encoder_block_fill(&b->b, b->start, 5);
    memcpy(b->want, b->start, b->b.end);
    for (int i = 0; i < b->b.n; i++) {
        if (npu_list_add(&b->list, &b->b.c[i]) < 0) {
            return err_set(e, ERR_MEM, "no memory for a list");
        }
    }
    return by_reference(b, e);
}

static void bed_close(struct bed *b)
{
    npu_list_free(&b->list);
    npu_rt_close(b->rt);
    free(b->start);
    free(b->want);
}

/* Once from the start; 1: the right bits. */
static int once(struct bed *b, struct err *e)
{
    npu_buf_write(b->rt, b->buf, 0, b->start, b->b.end);
    return !npu_list_run(b->rt, &b->list, e) &&
           memcmp(npu_buf_map(b->rt, b->buf), b->want, b->b.end) == 0;
}

static void timing(struct check *k, struct bed *b)
{
    struct plan_dev d;
    struct npu_stats s0, s1;
    struct err e;
    double measured = 0, modelled = 0;
    enum { TIMES = 20 };
    if (plan_dev_find(&d, k->chip.columns == 8 ? "npu4" : "npu1", &e)) {
        skip(k, "timing", e.text);
        return;
    }
    npu_rt_predict(b->rt, plan_predict, &d);
    b->list.checked = 0;
    npu_rt_stats(b->rt, &s0);
    int ok = 1;
    for (int i = 0; i < TIMES; i++) {
        ok &= once(b, &e);
    }
    npu_rt_stats(b->rt, &s1);
    npu_rt_predict(b->rt, NULL, NULL);
    say(k, "# an encoder block of %d rows, ms: measured %s, modelled for an %s (stock kernels)", ROWS,
        k->virtual ? "on this processor" : "on the NPU", d.name);
    for (int i = 1; i < NPU_OP_COUNT; i++) {
        const double ms = (double)(s1.op[i].wall - s0.op[i].wall) * 1e-6 / TIMES;
        const double model = (double)s1.op[i].model_ns * 1e-6 / TIMES;
        if (s1.op[i].calls > s0.op[i].calls || model > 0) {
            say(k, "#   %-16s %8.3f %8.3f  %s", npu_op_name(i), ms, model,
                plan_bound_name((enum plan_bound)s1.op[i].model_bound));
            measured += ms;
            modelled += model;
        }
    }
    say(k, "#   %-16s %8.3f %8.3f", "all", measured, modelled);
    if (k->virtual) {
        result(k, ok && measured > 0 && modelled > 0, "timing: measured and modelled",
               "a virtual device is not what the model speaks of");
    } else {
        char text[80];
        snprintf(text, sizeof text, "%.2f of the model", measured / modelled);
        result(k, ok && measured < 2 * modelled && measured > modelled / 4,
               "timing: within a quarter and twice the model", text);
    }
}

static double rss_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        pages = fscanf(f, "%*s %ld", &pages) == 1 ? pages : 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void soak(struct check *k, struct bed *b)
{
    const int64_t end = clk_ns() + (int64_t)k->soak_s * 1000000000;
    struct npu_rt_health h0, h;
    struct npu_sense s;
    struct err e = {0};
    char text[400];
    double worst = 0, sum = 0, early = 0;
    long runs = 0, wrong = 0;
    int64_t tell = clk_ns();
    npu_rt_health(b->rt, &h0);
    do {
        const int64_t start = clk_ns();
        const int ok = once(b, &e);
        const double ms = (double)(clk_ns() - start) * 1e-6;
        worst = ms > worst ? ms : worst;
        sum += ms;
        runs++;
        wrong += !ok;
        if (runs == 50) {
            early = rss_mb();
        }
        if (clk_ns() - tell > (int64_t)60 * 1000000000) {
            tell = clk_ns();
            npu_rt_sense(b->rt, &s);
            printf("  soak: %ld blocks, %ld wrong, %lld s left\n", runs, wrong,
                   (long long)((end - tell) / 1000000000));
            fflush(stdout);
        }
    } while (clk_ns() < end && !(e.code && wrong));
    npu_rt_health(b->rt, &h);
    npu_rt_sense(b->rt, &s);
    say(k, "# soak of %d s: %ld blocks, mean %.3f ms, worst %.3f ms; %llu repeated, %llu resets", k->soak_s,
        runs, sum / (double)runs, worst, (unsigned long long)(h.repeated - h0.repeated),
        (unsigned long long)(h.resets - h0.resets));
    snprintf(text, sizeof text, "%ld of %ld wrong%s%s", wrong, runs, e.code ? ": " : "",
             e.code ? e.text : "");
    result(k, wrong == 0, "soak: the right bits each time", text);
    result(k, !h.fell_back, "soak: the driver stays", h.note);
    snprintf(text, sizeof text, "%.1f MB after 50 blocks, %.1f MB at the end", early, rss_mb());
    result(k, runs < 50 || rss_mb() < early + 16, "soak: memory does not grow", text);
    result(k, !s.contexts.valid || s.contexts.v >= 1, "soak: the context is there", "");
}

static void lists(struct check *k)
{
    struct bed b;
    struct err e = {0};
    if (!k->runs_lists) {
        static const char why[] = "no program for command lists exists yet (kernels/aie2/README.md)";
        skip(k, "encoder block against the reference", why);
        skip(k, "timing against the model", why);
        skip(k, "soak", why);
        return;
    }
    int rc = bed_open(k, &b, &e);
    if (result(k, !rc, "lists: device and reference", rc ? e.text : npu_rt_name(b.rt))) {
        result(k, once(&b, &e), "lists: an encoder block, bit for bit as kernels/ref", e.text);
        timing(k, &b);
        soak(k, &b);
    }
    bed_close(&b);
}

/* -- the whole --------------------------------------------------------------------------------- */

static void driver(struct check *k)
{
    struct dev_xdna *x = NULL;
    struct err e = {0};
    const struct dev_xdna_opts o = {.xclbin = k->image, .xclbin_b = k->image_b};
    const int64_t start = clk_ns();
    const int rc = dev_xdna_open(&x, k->sys, &o, &e);
    if (!result(k, !rc, "driver: heap, context, program, test run", rc ? e.text : dev_xdna_name(x))) {
        return;
    }
    say(k, "# opened in %.1f ms", (double)(clk_ns() - start) * 1e-6);
    k->runs_lists = dev_xdna_runs_lists(x);
    figures(k, x);
    buffers(k, x);
    if (k->runs_lists) {
        skip(k, "known answer of a stream", "this device's program takes lists");
    } else {
        known_product(k, x);
    }
    dev_xdna_close(x);
}

static int open_sys(struct check *k, struct err *e)
{
    unsigned features = 0;
    int rc = cpu_features(&features, e);
    if (rc || !k->virtual) {
        return rc ? rc : sys_real_new(&k->sys, NULL) ? err_set(e, ERR_MEM, "no memory") : 0;
    }
    const struct vdrm_opts o = {.chip = strcmp(k->device, "virtual:npu1") ? VDRM_NPU4 : VDRM_NPU1,
                                .kernels = k_choose(features),
                                .incoherent = 1};
    return vdrm_new(&k->sys, &o, e);
}

/* The image that the driver loads: the virtual device's own, or one that `make xclbin` built. */
static int open_program(struct check *k, struct err *e)
{
    char folder[4200];
    const char *base = getenv("DICTATE_XCLBIN");
    if (k->virtual) {
        k->image = vdrm_xclbin(k->sys, &k->image_b);
        return 0;
    }
    snprintf(folder, sizeof folder, "%s/%s", base && *base ? base : "build/xclbin", k->chip.family);
    const int rc = dev_program_load(&k->program, folder, k->chip.family, k->chip.columns, "gemm-i8-i32", e);
    k->image = k->program.xclbin.data;
    k->image_b = k->program.xclbin.size;
    return rc;
}

static int run(struct check *k)
{
    struct err e = {0};
    int rc = open_sys(k, &e);
    if (rc) {
        say(k, "check-npu: %s", e.text);
        return 1;
    }
    discovery(k);
    rc = dev_xdna_find(k->sys, NULL, &k->chip, &e);
    if (rc) {
        say(k, "check-npu: %s", e.text);
        return 4;
    }
    result(k, 1, "discovery", k->chip.name);
    interface(k, k->chip.path);
    rc = open_program(k, &e);
    if (result(k, !rc, "programs: manifest, hashes, device", e.text)) {
        driver(k);
        lists(k);
    }
    return k->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct check k = {.device = argc > 1 ? argv[1] : "npu", .report = argc > 3 ? argv[3] : NULL};
    const time_t now = time(NULL);
    char when[40];
    k.soak_s = argc > 2 ? atoi(argv[2]) : DEFAULT_SOAK;
    k.virtual = strncmp(k.device, "virtual", 7) == 0;
    if (argc > 4 || k.soak_s < 1 ||
        (strcmp(k.device, "npu") && strcmp(k.device, "virtual:npu1") &&
         strcmp(k.device, "virtual:npu4"))) {
        fprintf(stderr, "check-npu: usage: check_npu npu|virtual:npu1|virtual:npu4 SECONDS REPORT\n");
        return 2;
    }
    k.out = k.report ? fopen(k.report, "we") : NULL;
    if (k.report && !k.out) {
        fprintf(stderr, "check-npu: %s cannot be written: %s\n", k.report, strerror(errno));
        return 1;
    }
    strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", gmtime(&now));
    say(&k, "# dictate check-npu, %s, %s, soak of %d s", k.device, when, k.soak_s);
    say(&k, "# STATE: this program has been run on virtual devices only, not on silicon yet");
    const int rc = run(&k);
    say(&k, "%d passed, %d failed, %d skipped", k.passed, k.failed, k.skipped);
    if (rc != 4 && k.report) {
        printf("The report is %s.%s\n", k.report,
               k.virtual ? "" : " Please send it back: it is the first of its kind.");
    }
    if (k.sys) {
        k.virtual ? vdrm_free(k.sys) : sys_real_free(k.sys);
    }
    dev_program_free(&k.program);
    if (k.out) {
        fclose(k.out);
    }
    return rc;
}
