/* The runtime on devices behind a driver: the bits of the direct path, whatever goes wrong; memory
 * as it was before a list that a device did not finish; caches; what is refused. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "npu/rt/health.h"
#include "npu/rt/rt.h"
#include "tests/npu/t_dev_block.h"

/* The block of t_dev_block.h in one buffer of the runtime; it adds onto its own input, so running
 * it twice on the same memory gives other bits than once. */
struct bed {
    struct npu_rt *rt;
    struct block b;
    struct npu_list list;
    uint8_t *m;
    uint32_t buf;
};
static uint8_t want[B_BYTES];

static void bed_open(struct bed *r, struct npu_rt_opts o)
{
    struct err e = {0};
    memset(r, 0, sizeof *r);
    o.threads = 2;
    if (npu_rt_open(&r->rt, &o, &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(npu_buf_new(r->rt, B_BYTES, "a test", &r->buf, &e), 0);
    r->m = npu_buf_map(r->rt, r->buf);
    block_plan(&r->b, r->buf);
    block_fill(&r->b, r->m, 7);
    npu_buf_wrote(r->rt, r->buf, 0, B_BYTES);
    memcpy(want, r->m, B_BYTES);
    for (int i = 0; i < r->b.n; i++) {
        assert_int_equal(npu_list_add(&r->list, &r->b.c[i]), i);
    }
}

/* Once more on what is there; the same by the reference. */
static void step(struct bed *r, const char *what)
{
    struct err e = {0};
    if (npu_list_run(r->rt, &r->list, &e)) {
        fail_msg("%s: %s", what, e.text);
    }
    block_direct(&r->b, want, 1);
    r->m = npu_buf_map(r->rt, r->buf);
    if (memcmp(r->m, want, B_BYTES)) {
        fail_msg("%s: other bits", what);
    }
}

static void bed_close(struct bed *r)
{
    npu_list_free(&r->list);
    npu_rt_close(r->rt);
}

static const struct npu_rt_opts devices[] = {
    {.device = "virtual"},
    {.device = "virtual:npu4"},
    {.device = "virtual:npu1"},
    {.device = "virtual:npu1", .linux_618 = 1},
    {.device = "virtual:npu4", .linux_618 = 1, .columns = 3},
    {.device = "virtual:npu4", .strict = 1},
    {.device = "virtual:npu1", .strict = 1, .linux_618 = 1},
    {.device = "virtual:npu1", .incoherent = 1, .per_call = 1, .per_chain = 1, .in_flight = 1},
    {.device = "virtual:npu4", .per_call = 1, .in_flight = 4},
};

static void same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct bed r;
        struct npu_rt_health h;
        struct npu_stats s;
        bed_open(&r, devices[i]);
        for (int k = 0; k < 3; k++) {
            step(&r, npu_rt_name(r.rt));
        }
        npu_rt_health(r.rt, &h);
        assert_int_equal(h.notes + (uint64_t)h.fell_back, 0);
        npu_rt_stats(r.rt, &s);
        assert_true(s.lists >= 3 && s.col[0].tiles > 0);
        bed_close(&r);
    }
}

/* Faults, counted from the opening: 1 means that the driver is given up, 2 that it is mended, 3
 * that a driver never came to be. */
static const struct {
    const char *faults;
    int fate;
    const char *part; /* of the sentence */
} rows[] = {
    {"job@3=error", 2, "failed a command list"},
    {"job@4=abort", 2, "dropped a command list"},
    {"exec@3=EIO", 2, "new context"},
    {"wait@3=ETIME", 2, "did not return"},
    {"job@3=error*0", 1, "even in a new context"},
    {"job@5=abort*0", 1, "dropped a command list"},
    {"job@3=reject", 1, "please report it"},
    {"exec@3=EIO*0", 1, "firmware does not answer"},
    {"exec@3=EAGAIN*0", 1, "too busy"},
    {"exec@3=ENOENT", 1, "unknown buffer"},
    {"exec@3=EIO;destroy=ENODEV", 1, "firmware does not answer"}, /* may still be writing */
    {"exec@3=EIO;create_ctx@2=EINVAL", 1, "no more contexts"},
    {"job@4=gone", 1, "is gone"},
    {"open=EACCES", 3, "usermod -aG render"},
    {"open=ENODEV", 3, "IOMMU"},
    {"heap=ENOMEM", 3, "64 MB code heap"},
    {"mmap=EAGAIN*0", 3, "ulimit -l"},
    {"create_ctx=EINVAL", 3, "no more contexts"},
    {"config=ETIME", 3, "firmware does not answer"},
};

static void mended_or_given_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 4; k++) {
            struct bed r;
            struct npu_rt_health h;
            struct npu_stats s0, s1;
            struct npu_rt_opts o = {.device = k & 1 ? "virtual:npu1" : "virtual:npu4",
                                    .faults = rows[i].faults,
                                    .strict = k == 2,
                                    .linux_618 = k == 3};
            bed_open(&r, o);
            npu_rt_stats(r.rt, &s0);
            for (int n = 0; n < 6; n++) {
                step(&r, rows[i].faults);
            }
            npu_rt_health(r.rt, &h);
            if (h.fell_back != (rows[i].fate != 2) || !strstr(h.note, rows[i].part)) {
                fail_msg("%s: fell back %d, \"%s\"", rows[i].faults, h.fell_back, h.note);
            }
            assert_true(rows[i].fate == 3 || h.repeated + (uint64_t)h.fell_back > 0);
            npu_rt_stats(r.rt, &s1);
            assert_true(s1.cmds >= s0.cmds + 6 * (uint64_t)r.b.n);
            /* buffers still come and go */
            uint32_t more;
            struct err e = {0};
            assert_int_equal(npu_buf_new(r.rt, 100, "more", &more, &e), 0);
            npu_buf_free(r.rt, more);
            bed_close(&r);
        }
    }
}

static void readings(void **state)
{
    struct npu_sense s;
    struct npu_handover h;
    struct bed r;
    (void)state;
    bed_open(&r, (struct npu_rt_opts){.device = "virtual:npu1"});
    step(&r, "readings");
    npu_rt_sense(r.rt, &s);
    assert_true(s.driver && !s.real && s.contexts.valid && s.contexts.v == 1);
    assert_true(s.contexts_max.valid && s.contexts_max.v == 6);
    assert_true(s.mhz.valid && s.mhz.v == 1600);
    assert_string_equal(s.chip, "npu1");
    assert_string_equal(s.version, "0.8");
    npu_rt_handover(r.rt, &h);
    assert_true(h.calls >= 1 && h.chains >= 1 && h.wait_ns > 0);
    bed_close(&r);
    bed_open(&r, (struct npu_rt_opts){.device = "virtual:npu1", .linux_618 = 1});
    npu_rt_sense(r.rt, &s);
    assert_true(s.driver && !s.contexts_max.valid); /* the older driver does not say */
    bed_close(&r);
    bed_open(&r, (struct npu_rt_opts){.device = NULL});
    npu_rt_sense(r.rt, &s);
    assert_true(!s.driver && !s.mhz.valid && !s.contexts.valid);
    bed_close(&r);
}

static atomic_int watching;

static void *watch(void *arg)
{
    struct npu_rt *rt = arg;
    struct npu_stats s;
    struct npu_rt_health h;
    struct npu_sense sense;
    uint64_t cmds = 0;
    while (atomic_load(&watching)) {
        npu_rt_stats(rt, &s);
        npu_rt_health(rt, &h);
        npu_rt_sense(rt, &sense);
        /* counters never go back, not even when the driver is given up */
        if (s.cmds < cmds || strlen(npu_rt_name(rt)) < 10 || strlen(npu_rt_short(rt)) < 5) {
            return arg;
        }
        cmds = s.cmds;
    }
    return NULL;
}

/* Figures are read by another thread while the driver fails. */
static void watched(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        pthread_t t;
        void *bad;
        struct bed r;
        bed_open(&r, (struct npu_rt_opts){.device = "virtual:npu1",
                                          .faults = k % 2 ? "job@4=error*0" : "exec@5=EIO"});
        atomic_store(&watching, 1);
        assert_int_equal(pthread_create(&t, NULL, watch, r.rt), 0);
        for (int n = 0; n < 8; n++) {
            step(&r, "watched");
        }
        atomic_store(&watching, 0);
        assert_int_equal(pthread_join(t, &bad), 0);
        assert_null(bad);
        bed_close(&r);
    }
}

static void refused(void **state)
{
    static const struct {
        struct npu_rt_opts o;
        int rc;
        const char *part;
    } row[] = {
        {{.device = "virtual:npu1", .columns = 5}, -ERR_USAGE, "an npu1 has 4"},
        {{.device = "virtual:npu2"}, -ERR_USAGE, "virtual:npu1, virtual:npu4 or npu"},
        {{.device = "virtual:npu1", .faults = "lunch=EIO"}, -ERR_USAGE, "fault script"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct npu_rt *rt = NULL;
        struct err e = {0};
        assert_int_equal(npu_rt_open(&rt, &row[i].o, &e), row[i].rc);
        assert_non_null(strstr(e.text, row[i].part));
    }
    if (access("/dev/accel", F_OK)) {
        struct npu_rt *rt = NULL;
        struct err e = {0};
        const struct npu_rt_opts o = {.device = "npu"};
        assert_int_equal(npu_rt_open(&rt, &o, &e), -ERR_NPU);
        assert_non_null(strstr(e.text, "no AMD NPU found"));
        assert_non_null(strstr(e.text, "leave out --device npu"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits),
        cmocka_unit_test(mended_or_given_up),
        cmocka_unit_test(readings),
        cmocka_unit_test(watched),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
