/* The fault matrix: each fault at each step of running lists.  Every run ends within its deadline,
 * either with the right bits (recovered) or with a sentence and a code, and never with wrong bits.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "npu/dev/xdna.h"
#include "tests/npu/t_dev_block.h"

enum { RUNS = 4, LIMIT_MS = 3000 };
enum fate { RECOVERS, FAILS, LOST }; /* LOST: fails, and at once from then on */

struct row {
    const char *faults; /* counted from after the test run */
    enum fate fate;
    const char *part; /* of the sentence */
    int resets;       /* contexts made anew: at least.  0 where it depends on what is in flight */
};

static const struct row rows[] = {
    /* how a command ends */
    {"job@2=error", RECOVERS, NULL, 0},
    {"job@1.3=error:0x1000004", RECOVERS, NULL, 0}, /* TRAP: reads as COMPLETED on older drivers */
    {"job@2.1=error:0x1000006*2", RECOVERS, NULL, 0},
    {"job@2=error*0", LOST, "command list", 1},
    {"job@1=abort", RECOVERS, NULL, 0},
    {"job@3.2=abort*2", RECOVERS, NULL, 0},
    {"job@1=abort*0", LOST, "dropped a command list", 1},
    {"job@1=hang", RECOVERS, NULL, 0},
    {"job@2.4=hang", RECOVERS, NULL, 0},
    {"job@2.4=hang*2", RECOVERS, NULL, 0},
    {"job@2=hang*0", LOST, NULL, 1},
    {"job@1=lost", RECOVERS, NULL, 0}, /* done, but nobody was told: undone before the second try */
    {"job@3=lost*2", RECOVERS, NULL, 0},
    {"job@1=slow:4*6", RECOVERS, NULL, 0},
    {"job@2=slow:400", RECOVERS, NULL, 0}, /* longer than the watchdog allows */
    {"column@3=slow:1", RECOVERS, NULL, 0},
    {"job@2=reject", FAILS, "a fault in this program", 0}, /* TRAP NEW after the fence */
    {"job@2=wedge", LOST, NULL, 1},
    {"job@2=gone", LOST, "gone", 1},
    /* handing over */
    {"exec@2=EINTR*5", RECOVERS, NULL, 0},
    {"exec@1=EAGAIN*3", RECOVERS, NULL, 0},   /* a short storm */
    {"exec@2=EAGAIN*7", RECOVERS, NULL, 1},   /* a longer one: a new context */
    {"exec@1=EAGAIN*0", LOST, "too busy", 1}, /* TRAP EAGAIN without end: never looped on */
    {"exec@2=EIO", RECOVERS, NULL, 1},
    {"exec@2=EIO*0", LOST, "firmware does not answer", 1},
    {"exec@1=ENODEV", RECOVERS, NULL, 1},
    {"exec@1=EPIPE*0", LOST, "gone", 1},
    {"exec@2=ENOMEM", RECOVERS, NULL, 1},
    {"exec@2=EINVAL", FAILS, "a fault in this program", 0},
    {"exec@2=ENOENT", FAILS, "unknown buffer", 0},
    {"exec@1=EALREADY", FAILS, "named twice", 0},
    {"exec@1=EFAULT", FAILS, "not mapped", 0},
    /* waiting */
    {"wait@1=EINTR*9", RECOVERS, NULL, 0},
    {"wait@2=ETIME", RECOVERS, NULL, 1},
    {"wait@1=ENODEV", RECOVERS, NULL, 1},
    {"wait@1=EINVAL", RECOVERS, NULL, 1},
    {"wait@1=EINVAL*2", LOST, NULL, 1},
    {"wait@1=ETIME*0", LOST, "did not return", 1},
    /* while recovering */
    {"exec@2=EIO;destroy=ENODEV", LOST, "firmware does not answer",
     1}, /* it may still be at work */
    {"exec@2=EIO;destroy=EINTR*3", RECOVERS, NULL, 1},
    {"exec@2=EIO;create_ctx=EAGAIN*2", RECOVERS, NULL, 1},
    {"exec@2=EIO;create_ctx=EINVAL", LOST, "no more contexts", 1},
    {"exec@2=EIO;create_ctx=ETIME", LOST, "firmware does not answer", 1},
    {"exec@2=EIO;create_ctx=ENODEV", LOST, "taken by another program", 1},
    {"exec@2=EIO;config=ETIME", LOST, "firmware does not answer", 1},
    {"exec@2=EIO;config=EINTR*2", RECOVERS, NULL, 1},
    {"exec@1=EIO;exec@2=EIO", LOST, NULL, 1},
    {"job@1=error;exec@3=EIO", RECOVERS, NULL, 1},
    {"job@1=hang;job@3=error", RECOVERS, NULL, 0},
    /* figures fail alone */
    {"info=EIO*0;array=EIO*0;query=EIO*0", RECOVERS, NULL, 0},
};

static const struct dev_xdna_opts ways[] = {
    {.in_flight = 2},
    {.in_flight = 1, .per_call = 1, .per_chain = 1},
    {.in_flight = 4, .per_call = 1, .per_chain = 1},
    {.in_flight = 2, .per_call = 1, .per_chain = 5},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void ignore(void *ctx, const char *text)
{
    atomic_int *notes = ctx;
    assert_true(text[0] != 0);
    atomic_fetch_add(notes, 1);
}

static uint8_t start[B_BYTES], want[B_BYTES];

/* What the device does once the faults are over. */
static void afterwards(const struct row *r, struct sys *s, struct dev_xdna *x, uint32_t bo,
                       const struct block *b)
{
    struct err e = {0};
    uint8_t *m = dev_xdna_bo_map(x, bo);
    vdrm_script(s, NULL, NULL);
    if (r->fate == LOST) { /* at once from now on */
        assert_int_equal(dev_xdna_run(x, b->c, b->n, &e), -ERR_NPU_HANG);
        assert_non_null(strstr(e.text, "given up"));
    } else if (r->fate == FAILS) { /* our call was wrong, the device is well */
        memcpy(m, start, B_BYTES);
        dev_xdna_wrote(x, bo, 0, B_BYTES);
        assert_int_equal(dev_xdna_run(x, b->c, b->n, &e), 0);
        assert_memory_equal(m, want, B_BYTES);
    }
}

/* The block four times under one row of faults. */
static void run_row(const struct profile *p, const struct row *r, struct dev_xdna_opts way,
                    struct vdrm_opts o)
{
    struct sys *s;
    struct dev_xdna *x = NULL;
    struct block b;
    struct err e = {0};
    struct vdrm_counts n;
    struct dev_xdna_stats st;
    struct dev_sense sense;
    atomic_int notes = 0;
    uint32_t bo;
    int rc = 0, i;
    o.gen = p->gen;
    o.chip = p->chip;
    o.kernels = k_choose(0);
    assert_int_equal(vdrm_new(&s, &o, &e), 0);
    way.xclbin = vdrm_xclbin(s, &way.xclbin_b);
    way.note = ignore;
    way.note_ctx = &notes;
    way.wait_ms = way.wait_ms ? way.wait_ms : 300;
    assert_int_equal(dev_xdna_open(&x, s, &way, &e), 0);
    assert_int_equal(dev_xdna_bo_new(x, B_BYTES, "test", &bo, &e), 0);
    block_plan(&b, bo);
    uint8_t *m = dev_xdna_bo_map(x, bo);
    block_fill(&b, m, 99);
    dev_xdna_wrote(x, bo, 0, b.end);
    memcpy(want, m, B_BYTES);
    assert_int_equal(vdrm_script(s, r->faults, &e), 0);
    const int64_t began = clk_ns();
    for (i = 0; i < RUNS && !rc; i++) {
        memcpy(start, want, B_BYTES);
        e.text[0] = 0;
        rc = dev_xdna_run(x, b.c, b.n, &e);
        block_direct(&b, want, 1);
        if (!rc && memcmp(m, want, B_BYTES) != 0) {
            fail_msg("%s, %s, run %d: wrong bits", r->faults, p->name, i);
        }
    }
    const int64_t ms = (clk_ns() - began) / 1000000;
    dev_xdna_sense(x, &sense);
    dev_xdna_stats(x, &st);
    const int ok = r->fate == RECOVERS ? rc == 0 && st.resets >= (uint64_t)r->resets
                                       : rc == (r->fate == LOST ? -ERR_NPU_HANG : -ERR_NPU) &&
                                             e.text[0] && (!r->part || strstr(e.text, r->part));
    if (!ok || ms > LIMIT_MS || (r->fate == RECOVERS && st.again && !atomic_load(&notes))) {
        fail_msg("%s, %s, %d/%d/%d: %d after %lld ms, %d resets, %s", r->faults, p->name,
                 way.in_flight, way.per_call, way.per_chain, rc, (long long)ms, (int)st.resets,
                 e.text);
    }
    afterwards(r, s, x, bo, &b);
    vdrm_count(s, &n);
    assert_true(n.faults > 0 || strncmp(r->faults, "column", 6) == 0);
    assert_int_equal(n.stale_lines + n.lost_lines, 0);
    assert_true(n.syncobjs <= 1 && n.contexts <= 1); /* those of contexts given up are gone */
    dev_xdna_close(x);
    vdrm_count(s, &n);
    assert_int_equal(n.bos + n.contexts + n.syncobjs + n.maps + n.fds, 0);
    vdrm_free(s);
}

static void matrix(void **state)
{
    const struct profile *p = *state;
    for (int w = 0; w < WAYS; w++) {
        for (size_t i = w ? (size_t)w - 1 : 0; i < sizeof rows / sizeof *rows; i += w ? 3 : 1) {
            run_row(
                p, &rows[i], ways[w],
                (struct vdrm_opts){.tdr_ms = 45, .drain_ms = 5, .strict = (w + (int)i) % 3 == 0});
        }
    }
}

/* A kernel whose watchdog never bites: the driver's own deadline does. */
static void own_deadline(void **state)
{
    static const struct row hangs[] = {{"job@2=hang", RECOVERS, NULL, 1},
                                       {"job@1=lost", RECOVERS, NULL, 1},
                                       {"job@2=hang*0", LOST, "did not return", 1}};
    for (int i = 0; i < 3; i++) {
        struct dev_xdna_opts way = ways[i];
        way.wait_ms = 60;
        run_row(*state, &hangs[i], way,
                (struct vdrm_opts){.tdr_ms = 600000, .drain_ms = 5, .strict = i == 1});
    }
}

/* TRAP in a chain an older driver turns the firmware's status into a state: 4 reads as COMPLETED.
 */
static void status_bits(void **state)
{
    static const struct row row[] = {{"job@1.3=error:0x1000004", RECOVERS, NULL, 0},
                                     {"job@4.1=error:0x4000004", RECOVERS, NULL, 0},
                                     {"job@2=error:0x1000001*0", LOST, NULL, 1},
                                     {"job@2.2=error:0x1000008", RECOVERS, NULL, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        run_row(*state, &row[i], ways[3], (struct vdrm_opts){.tdr_ms = 1000, .drain_ms = 5});
    }
}

/* Figures are read by another thread while lists run and fail. */
struct reader {
    struct dev_xdna *x;
    atomic_int quit;
};
static void *read_figures(void *arg)
{
    struct reader *r = arg;
    struct dev_sense s;
    struct dev_xdna_stats st;
    struct dev_stats d;
    while (!atomic_load(&r->quit)) {
        dev_xdna_sense(r->x, &s);
        dev_xdna_stats(r->x, &st);
        dev_xdna_dev(r->x)->ops->stats(dev_xdna_dev(r->x), &d);
        const struct timespec ms = {0, 1000000};
        nanosleep(&ms, NULL);
    }
    return NULL;
}

static void figures_beside(void **state)
{
    const struct profile *p = *state;
    struct sys *s;
    struct reader r = {0};
    struct block b;
    struct err e = {0};
    uint32_t bo;
    pthread_t t;
    const struct vdrm_opts o = {
        .gen = p->gen, .chip = p->chip, .kernels = k_choose(0), .threads = 2, .tdr_ms = 20};
    struct dev_xdna_opts d = {.in_flight = 3, .per_call = 2, .per_chain = 2};
    assert_int_equal(vdrm_new(&s, &o, &e), 0);
    d.xclbin = vdrm_xclbin(s, &d.xclbin_b);
    assert_int_equal(dev_xdna_open(&r.x, s, &d, &e), 0);
    assert_int_equal(dev_xdna_bo_new(r.x, B_BYTES, "test", &bo, &e), 0);
    block_plan(&b, bo);
    block_fill(&b, dev_xdna_bo_map(r.x, bo), 7);
    vdrm_script(s, "job@9=error;job@30=hang;exec@50=EIO;job@60=abort*2", NULL);
    pthread_create(&t, NULL, read_figures, &r);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(dev_xdna_run(r.x, b.c, b.n, &e), 0);
    }
    atomic_store(&r.quit, 1);
    pthread_join(t, NULL);
    dev_xdna_close(r.x);
    vdrm_free(s);
}

static void scripts(void **state)
{
    static const char *const bad[] = {"job",     "job@", "nothing=EIO", "exec=hang",
                                      "job=EIO", "job=", "exec=EWHAT",  "job@1=error;;x=1"};
    struct sys *s;
    struct err e;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct vdrm_opts o = {.kernels = k_choose(0), .faults = bad[i]};
        assert_int_equal(vdrm_new(&s, &o, &e), -ERR_USAGE);
        assert_non_null(strstr(e.text, "not understood"));
    }
}

static const struct profile_test all[] = {{"matrix", matrix},
                                          {"own deadline", own_deadline},
                                          {"status bits", status_bits},
                                          {"figures beside", figures_beside}};

int main(void)
{
    const struct CMUnitTest once[] = {cmocka_unit_test(scripts)};
    const int rc = run_profiles("faults", all, sizeof all / sizeof *all);
    return rc + cmocka_run_group_tests(once, NULL, NULL);
}
