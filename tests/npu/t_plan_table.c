/* The tables of claims: the regression list of aie2.md 8.3, verdict by verdict. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/plan/cost.h"
#include "npu/plan/table.h"

static struct plan_table get(const char *name)
{
    struct plan_table t;
    struct err e = {0};
    assert_int_equal(plan_table_make(&t, name, &e), 0);
    return t;
}

static const struct plan_row *row(const struct plan_table *t, const char *what)
{
    for (int i = 0; i < t->n; i++) {
        if (!strcmp(t->row[i].what, what)) {
            return &t->row[i];
        }
    }
    fail_msg("table %s has no row \"%s\"", t->name, what);
    return NULL;
}

static void expect(const struct plan_table *t, const char *what, double claim, double within,
                   enum plan_verdict v)
{
    const struct plan_row *r = row(t, what);
    assert_true(fabs(r->claim - claim) < 1e-9 * fabs(claim) + 1e-12);
    if (!(fabs(r->model / claim - 1) <= within)) {
        fail_msg("%s: %s: model %g, claim %g", t->name, what, r->model, claim);
    }
    if (r->verdict != v) {
        fail_msg("%s: %s: %s", t->name, what, plan_verdict_name(r->verdict));
    }
}

static void verdict(const struct plan_table *t, const char *what, enum plan_verdict v)
{
    if (row(t, what)->verdict != v) {
        fail_msg("%s: %s: %s", t->name, what, plan_verdict_name(row(t, what)->verdict));
    }
}

/* One core's tile, and every realtime factor of the first three documents, to 1 %. */
static void factors(void **state)
{
    struct plan_table t = get("multicore");
    (void)state;
    expect(&t, "one core: x realtime", 15.6, .01, PLAN_REPRODUCED);
    expect(&t, "pipelined submission: x realtime", 23.7, .01, PLAN_REPRODUCED);
    expect(&t, "4 columns: x realtime", 27.2, .01, PLAN_REPRODUCED);
    expect(&t, "4 columns and mel / 10: x realtime", 84.3, .01, PLAN_REPRODUCED);
    expect(&t, "4 columns: block of 6 rounds", 17.1, .01, PLAN_REPRODUCED);
    verdict(&t, "INT8 peak of a core", PLAN_IMPOSSIBLE);
    verdict(&t, "cores of the array", PLAN_NOT_REPRODUCIBLE);
    t = get("encoder");
    expect(&t, "attention tile alone", 2.042, .01, PLAN_REPRODUCED);
    expect(&t, "x realtime", 10.4, .01, PLAN_REPRODUCED);
    verdict(&t, "4 columns: x realtime", PLAN_IMPOSSIBLE); /* 86.4x through a fixed mel */
    verdict(&t, "final", PLAN_IMPOSSIBLE);
    t = get("path220");
    expect(&t, "before buffers were reused", 10.3, .01, PLAN_REPRODUCED);
    expect(&t, "threads", 15.1, .01, PLAN_REPRODUCED);
    expect(&t, "batched", 16.2, .01, PLAN_REPRODUCED);
    verdict(&t, "FFN in the breakdown", PLAN_NOT_REPRODUCIBLE);
    verdict(&t, "final, base, decoder on the NPU", PLAN_IMPOSSIBLE);
    verdict(&t, "large-v3, one hour of speech", PLAN_IMPOSSIBLE);
    verdict(&t, "with a decoder, upper end", PLAN_IMPOSSIBLE);
    /* in whole rounds, as the documents also have it */
    assert_true(fabs(plan_seed_rtf(11, .3047, 2.85e-3, 4, true) - 27.0) < .1);
    assert_true(fabs(plan_seed_rtf(11, .03047, 2.85e-3, 4, true) - 82.7) < .4);
}

static void tiles32(void **state)
{
    const struct plan_table t = get("tiles32");
    (void)state;
    assert_true(fabs(plan_amdahl(.2, 3.5) - 1.167) < .001);
    expect(&t, "the same by Amdahl's law", 1.17, .01, PLAN_REPRODUCED);
    expect(&t, "x realtime, 32 tiles", 5.59, .01, PLAN_REPRODUCED);
    verdict(&t, "encoder, 32 tiles", PLAN_NOT_REPRODUCIBLE);
    verdict(&t, "revised plan, upper end", PLAN_IMPOSSIBLE);
}

static void batched(void **state)
{
    const struct plan_table t = get("batched");
    (void)state;
    assert_true(row(&t, "calls of 64x64 tiles")->model == 3008);
    assert_true(row(&t, "calls of 64x512 tiles")->model == 376);
    verdict(&t, "calls of 64x64 tiles", PLAN_REPRODUCED);
    verdict(&t, "64x512: core memory", PLAN_IMPOSSIBLE);
    verdict(&t, "64x512: all calls", PLAN_IMPOSSIBLE);
    assert_true(fabs(row(&t, "64x512: all calls")->model - 157) < 2);
    verdict(&t, "calls of 128x512 tiles", PLAN_NOT_REPRODUCIBLE);
    /* the whole array does that product in about a millisecond */
    assert_true(fabs(row(&t, "the same product, whole array")->model - 1.04) < .01);
    verdict(&t, "the same product, whole array", PLAN_ADDED);
}

static void published(void **state)
{
    static const char *const wx[] = {
        "WX bf16 1536x1536x384",        "WX bf16 1536x5120x1280",
        "WX bf16 1536x1280x1280",       "WX bf16 1536x64x1536",
        "WX bf16 512x512x512",          "WX large-v3 encoder, ctx 512",
        "WX large-v3 encoder, ctx 768", "WX large-v3 encoder, ctx 1024",
        "WX large-v3 encoder, ctx 1500"};
    const struct plan_table t = get("published");
    (void)state;
    for (size_t i = 0; i < sizeof wx / sizeof *wx; i++) {
        expect(&t, wx[i], row(&t, wx[i])->claim, .15, PLAN_REPRODUCED);
    }
    expect(&t, "WX bf16 512x512x512", .267, .15, PLAN_REPRODUCED);
    expect(&t, "WX pair of context switches", 2.81, .01, PLAN_REPRODUCED);
    expect(&t, "XE pool, one overlay a shape", 427, .05, PLAN_REPRODUCED);
    for (int i = 0; i < t.n; i++) {
        if (!strncmp(t.row[i].what, "IRON stock", 10)) {
            const bool first = !strcmp(t.row[i].what, "IRON stock 256x512x512");
            expect(&t, t.row[i].what, t.row[i].claim, first ? .20 : .10, PLAN_REPRODUCED);
        }
    }
    /* what the model does not describe has to say so */
    verdict(&t, "WX small, service", PLAN_NOT_REPRODUCIBLE);
    verdict(&t, "XE resident overlay", PLAN_NOT_REPRODUCIBLE);
}

static void all_tables(void **state)
{
    struct plan_table t;
    struct err e = {0};
    (void)state;
    assert_int_equal(plan_n_tables, 6);
    for (int i = 0; i < plan_n_tables; i++) {
        t = get(plan_table_names[i]);
        assert_true(t.n > 9);
        for (int k = 0; k < t.n; k++) {
            const struct plan_row *r = &t.row[k];
            assert_true(strlen(r->reason) > 3);
            /* no verdict without numbers */
            if (r->verdict == PLAN_REPRODUCED) {
                assert_false(isnan(r->model));
            } else if (r->verdict == PLAN_IMPOSSIBLE) {
                assert_false(isnan(r->best));
            }
        }
    }
    assert_int_equal(plan_table_make(&t, "nothing", &e), -ERR_USAGE);
    assert_non_null(strstr(e.text, "published"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors),   cmocka_unit_test(tiles32),    cmocka_unit_test(batched),
        cmocka_unit_test(published), cmocka_unit_test(all_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
