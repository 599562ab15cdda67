/* The planner: re-tiling, chunks, placement, and that its sums agree with the cost model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/plan/plan.h"

static struct plan_want want(const char *model, const char *dev)
{
    struct plan_want w = {.dispatch = PLAN_BY_COLUMN, .fuse = PLAN_FUSE_EPILOGUE | PLAN_FUSE_NORM};
    struct err e = {0};
    assert_int_equal(plan_shape_find(&w.shape, model, &e), 0);
    assert_int_equal(plan_dev_find(&w.dev, dev, &e), 0);
    return w;
}

static void make(const struct plan_want *w, struct plan *p)
{
    struct err e = {0};
    if (plan_make(w, p, &e)) {
        fail_msg("%s", e.text);
    }
}

static const struct plan_op *op(const struct plan *p, const char *name)
{
    for (int i = 0; i < p->n_ops; i++) {
        if (!strcmp(p->op[i].name, name)) {
            return &p->op[i];
        }
    }
    return NULL;
}

static struct plan p, q;

/* Blocks of base on npu1 with 64,64,64: the projection's 104 ms, and the GELU that it leaves out.
 */
static void agrees_with_the_projection(void **state)
{
    struct plan_want w = want("base", "npu1");
    struct plan_layer l;
    (void)state;
    w.m = w.k = w.n = 64;
    make(&w, &p);
    assert_false(p.retiled);
    plan_layer_time(&w.dev, 1500, 512, 8, 1, false, &l);
    const struct plan_op *fc1 = op(&p, "fc1");
    const double gelu = fc1->s - 6 * l.fc1;
    assert_true(gelu > 0 && gelu < .003);
    /* the reference pads the rows of a norm too: 36 rows of 9 bytes a value, 12 times */
    assert_true(fabs(p.blocks_s - gelu - 6 * l.total) < 1e-4);
    assert_true(fabs(6 * l.total - .104) < .001);
    assert_int_equal(p.overlays, 1);
}

static void retiles(void **state)
{
    struct plan_want w = want("base", "npu1");
    (void)state;
    w.m = 64, w.k = 64, w.n = 512;
    make(&w, &p);
    assert_true(p.retiled);
    assert_true(p.refused.n > 0);
    assert_int_equal(p.refused.at[0].rule, PLAN_R_L1);
    assert_true(p.n < 512 && p.l1_b <= 65536);
    w.m = 63;
    make(&w, &p);
    assert_true(p.retiled);
    /* left alone, the planner finds at least as good a tile as 64,64,64 */
    w.m = w.k = w.n = 0;
    make(&w, &p);
    w.m = w.k = w.n = 64;
    make(&w, &q);
    assert_true(p.total_s <= q.total_s + 1e-12);
    assert_true(p.tiles_fit > 0 && p.tiles_fit < p.tiles_tried);
    /* tiny's 384 columns are padded by 64 x 4 and not by 48 x 4 */
    w = want("tiny", "npu1");
    make(&w, &p);
    assert_int_equal(384 % (p.n * 4), 0);
}

static void chunks_n(void **state)
{
    struct plan_want w = want("large-v3", "npu1");
    (void)state;
    w.m = w.k = w.n = 64;
    make(&w, &p);
    const struct plan_op *fc1 = op(&p, "fc1"); /* N = 5120, the step allows 3840 */
    assert_int_equal(fc1->chunks, 2);
    assert_int_equal(fc1->calls, 64);
    assert_non_null(strstr(fc1->why, "2 chunks"));
    assert_int_equal(op(&p, "o")->chunks, 1);
}

static void places(void **state)
{
    struct plan_want w = want("base", "npu1");
    (void)state;
    make(&w, &p);
    assert_true(op(&p, "mel")->on_host);
    assert_true(op(&p, "token")->on_host);
    assert_false(op(&p, "qkv")->on_host);
    for (int i = 0; i < p.n_ops; i++) {
        assert_true(p.op[i].why[0]);
        assert_true(p.op[i].s >= 0 && isfinite(p.op[i].s));
        assert_true(p.op[i].on_host == (p.op[i].bound == PLAN_HOST));
    }
    /* one column of scalar-slow attention is worse than the host */
    w.dispatch = PLAN_SERIAL;
    w.ctx = 1500;
    w.dev.softmax_cyc = 500;
    make(&w, &p);
    assert_true(op(&p, "softmax")->on_host);
}

static void dispatches(void **state)
{
    struct plan_want w = want("base", "npu1");
    double s[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        w.dispatch = (enum plan_dispatch)i;
        make(&w, &p);
        s[i] = p.total_s;
        assert_int_equal(p.cols, i == PLAN_BY_COLUMN ? 4 : 1);
    }
    assert_true(s[PLAN_SERIAL] > s[PLAN_PIPELINED]);
    assert_true(s[PLAN_PIPELINED] > s[PLAN_BY_COLUMN]);
    /* columns: never four times, the call and the memory do not share */
    assert_true(s[PLAN_PIPELINED] / s[PLAN_BY_COLUMN] < 4);
    struct err e = {0};
    w.cols = 3;
    assert_int_equal(plan_make(&w, &p, &e), -ERR_USAGE);
    w.cols = 8;
    assert_int_equal(plan_make(&w, &p, &e), -ERR_USAGE);
    w = want("base", "npu4");
    w.cols = 8;
    make(&w, &q);
    assert_int_equal(q.cols, 8);
}

static void fuses(void **state)
{
    struct plan_want w = want("base", "npu1");
    (void)state;
    make(&w, &p);
    w.fuse = 0;
    make(&w, &q);
    assert_true(q.total_s > p.total_s);
    assert_true(q.calls > p.calls);
    assert_true(q.bytes > p.bytes);
    assert_non_null(op(&q, "bias gelu"));
    assert_null(op(&p, "bias gelu"));
    /* fused attention does not fit beside the rest: two overlays, two changes a layer */
    w.fuse = PLAN_FUSE_EPILOGUE | PLAN_FUSE_NORM | PLAN_FUSE_ATTN;
    make(&w, &q);
    assert_int_equal(q.overlays, 2);
    assert_true(fabs(q.switch_s - 12 * 1.4e-3) < 1e-9);
    assert_int_equal(op(&q, "switch")->bound, PLAN_SWITCH);
    assert_true(op(&q, "attention")->s < op(&p, "qk")->s + op(&p, "softmax")->s + op(&p, "pv")->s);
}

static void models(void **state)
{
    static const char *const name[] = {"tiny",           "tiny.en",   "base",  "base.en",
                                       "small",          "medium.en", "large", "large-v2",
                                       "large-v3-turbo", "turbo"};
    struct plan_shape s;
    struct err e = {0};
    double last = 0;
    (void)state;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        for (int dev = 0; dev < 2; dev++) {
            struct plan_want w = want(name[i], dev ? "npu4" : "npu1");
            make(&w, &p);
            assert_true(p.n_ops > 10 && p.total_s > 0);
            if (!dev && strchr("tbsml", name[i][0]) && !strchr(name[i], '.') && i < 7) {
                assert_true(p.total_s > last); /* larger models take longer */
                last = p.total_s;
            }
        }
    }
    assert_int_equal(plan_shape_find(&s, "large.en", &e), -ERR_USAGE);
    assert_int_equal(plan_shape_find(&s, "", &e), -ERR_USAGE);
    assert_int_equal(plan_shape_find(&s, ".en", &e), -ERR_USAGE);
}

/* Half the context costs less than half: attention is quadratic. */
static void context(void **state)
{
    struct plan_want w = want("base", "npu1");
    struct err e = {0};
    (void)state;
    w.ctx = 1500;
    make(&w, &p);
    w.ctx = 512;
    make(&w, &q);
    assert_true(q.blocks_s < p.blocks_s / 2.9);
    w.ctx = 5000;
    assert_int_equal(plan_make(&w, &p, &e), -ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_projection),
        cmocka_unit_test(retiles),
        cmocka_unit_test(chunks_n),
        cmocka_unit_test(places),
        cmocka_unit_test(dispatches),
        cmocka_unit_test(fuses),
        cmocka_unit_test(models),
        cmocka_unit_test(context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
