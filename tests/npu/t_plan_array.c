/* What fits the array and what is refused, with the rule, the numbers and the tools' message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/plan/array.h"

static struct plan_array array(const char *name)
{
    struct plan_dev d;
    struct plan_array a;
    struct err e = {0};
    assert_int_equal(plan_dev_find(&d, name, &e), 0);
    plan_array_of(&d, &a);
    return a;
}

static void refused(const struct plan_array *a, const struct plan_use *u, enum plan_rule rule,
                    const char *part)
{
    struct plan_findings f;
    plan_check(a, u, &f);
    for (int i = 0; i < f.n; i++) {
        if (f.at[i].rule == rule) {
            if (!strstr(f.at[i].text, part)) {
                fail_msg("\"%s\" lacks \"%s\"", f.at[i].text, part);
            }
            return;
        }
    }
    fail_msg("rule \"%s\" is not broken, %d others are", plan_rule[rule].name, f.n);
}

static void allowed(const struct plan_array *a, const struct plan_use *u)
{
    struct plan_findings f;
    if (plan_check(a, u, &f)) {
        fail_msg("refused: %s", f.at[0].text);
    }
}

/* The arithmetic of aie2.md section 4, tenths of a KB. */
static void tiles(void **state)
{
    static const struct {
        enum plan_dtype t;
        int m, k, n, out_b, depth_c, tenths, ok;
    } row[] = {
        {PLAN_I8, 64, 64, 64, 0, 1, 365, 1},   {PLAN_I8, 64, 64, 64, 0, 2, 525, 1},
        {PLAN_I8, 64, 128, 64, 0, 1, 525, 1},  {PLAN_I8, 64, 64, 96, 0, 1, 485, 1},
        {PLAN_I8, 128, 64, 64, 0, 1, 605, 1},  {PLAN_I8, 64, 64, 64, 2, 2, 525, 1},
        {PLAN_BF16, 64, 64, 32, 0, 1, 365, 1}, {PLAN_BF16, 64, 64, 64, 0, 1, 525, 1},
        {PLAN_BF16, 96, 64, 64, 0, 1, 685, 0}, {PLAN_BF16, 64, 64, 512, 0, 1, 2765, 0},
    };
    const struct plan_array a = array("npu1");
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct plan_design g = {.dtype = row[i].t,
                                .m = row[i].m,
                                .k = row[i].k,
                                .n = row[i].n,
                                .cols = 4,
                                .out_b = row[i].out_b,
                                .depth_c = row[i].depth_c};
        struct plan_use u;
        plan_use_gemm(&a, &g, &u);
        assert_int_equal(plan_use_l1(&u) * 10 / 1024, row[i].tenths);
        if (row[i].ok) {
            allowed(&a, &u);
        } else {
            refused(&a, &u, PLAN_R_L1, "allocated buffers exceeded available memory");
        }
    }
}

/* The 64x512 bf16 tile of document 4: 8 + 64 + 64 KB even with single buffers. */
static void tile_64x512(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_design g = {.dtype = PLAN_BF16,
                            .m = 64,
                            .k = 64,
                            .n = 512,
                            .cols = 4,
                            .depth_a = 1,
                            .depth_b = 1,
                            .depth_c = 1,
                            .out_b = 0};
    struct plan_use u;
    (void)state;
    plan_use_gemm(&a, &g, &u);
    u.l1_c = 64 * 512 * 2; /* its result is bf16 without an accumulator */
    assert_int_equal(u.l1_a + u.l1_b + u.l1_c, 136 * 1024);
    refused(&a, &u, PLAN_R_L1, "A 8.0 + B 64.0 + C 64.0");
}

static void channels(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_design g = {.dtype = PLAN_I8, .m = 64, .k = 64, .n = 64, .cols = 4};
    struct plan_use u;
    (void)state;
    plan_use_gemm(&a, &g, &u);
    /* the whole-array design fills the memory tile's inputs exactly */
    assert_int_equal(u.mem_in, 6);
    assert_int_equal(u.mem_out, 3);
    allowed(&a, &u);
    u.core_in = 3;
    refused(&a, &u, PLAN_R_CORE_DMA, "requires 3 input/1 output DMA channels");
    /* bias as a stream of its own: a seventh input */
    g.extra_in = 1;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_MEM_DMA, "requires 7 input");
    refused(&a, &u, PLAN_R_SHIM_DMA, "no ShimNOCTile has sufficient DMA capacity");
    /* 16 workers, each fed from DDR directly */
    struct plan_use direct = {.cols = 4, .shim_in = 16, .shim_out = 16};
    refused(&a, &direct, PLAN_R_SHIM_DMA, "16 fifos in and 16 out, 4 columns have 8 and 8");
    struct plan_use eight = {.cols = 4, .shim_in = 8, .shim_out = 8};
    allowed(&a, &eight);
}

static void descriptors(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_design g = {
        .dtype = PLAN_I8, .m = 64, .k = 64, .n = 64, .cols = 4, .M = 1536, .K = 512, .N = 2048};
    struct plan_use u;
    (void)state;
    plan_use_gemm(&a, &g, &u);
    allowed(&a, &u);
    assert_int_equal(u.shim_bds_dir, 8);
    g.live_rows = 8;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_SHIM_BD, "no space for this bd");
    g.live_rows = 5;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_SHIM_QUEUE, "10 queued in one direction, there are 8");
    /* N = 4096 with a step of 256 rows; 3840 is the largest that goes */
    g.live_rows = 0;
    g.N = 4096;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_STEP, "aie.dma_bd op Stride 3 exceeds the [1:1048576] range");
    g.N = plan_max_n(&a, 64, 64, 4);
    assert_int_equal(g.N, 3840);
    plan_use_gemm(&a, &g, &u);
    allowed(&a, &u);
    /* the logits of xdna-engine: a step of 256 x 52224 */
    g.N = 52224;
    plan_use_gemm(&a, &g, &u);
    assert_int_equal(u.step, 13369344);
    refused(&a, &u, PLAN_R_STEP, "13369344");
    struct plan_use odd = {.run_b = 6};
    refused(&a, &odd, PLAN_R_RUN, "6 bytes");
    struct plan_use turn = {.turn_b = 1};
    refused(&a, &turn, PLAN_R_TURN, "1 bytes");
    struct plan_use wrap = {.wrap = 1024};
    refused(&a, &wrap, PLAN_R_WRAP, "1024");
    struct plan_use iter = {.iter = 65};
    refused(&a, &iter, PLAN_R_ITER, "65");
}

static void memories(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_design g = {
        .dtype = PLAN_I8, .m = 64, .k = 64, .n = 64, .cols = 4, .K = 2048, .b_panel = true};
    struct plan_use u;
    (void)state;
    plan_use_gemm(&a, &g, &u);
    allowed(&a, &u); /* a panel of 2048 x 64 twice: 256 KB */
    g.K = 4096;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_L2, "a memory tile has 512 KB");
    struct plan_use prog = {.prog_b = 11232 + 10240};
    refused(&a, &prog, PLAN_R_PROGRAM, "section .text will not fit");
    prog.prog_b = 11232;
    allowed(&a, &prog);
}

static void locks(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_use u = {.depth = 64};
    (void)state;
    refused(&a, &u, PLAN_R_LOCK_VALUE, "64 objects in a fifo, there are 63");
    u.depth = 63;
    allowed(&a, &u);
    struct plan_use many = {.core_locks = 18};
    refused(&a, &many, PLAN_R_LOCKS, "18");
}

static void divisible(void **state)
{
    const struct plan_array a = array("npu1");
    struct plan_design g = {.dtype = PLAN_I8, .m = 64, .k = 64, .n = 64, .cols = 4};
    struct plan_use u;
    (void)state;
    g.M = 1500;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_DIVIDE, "M = 1500 is no multiple of 256");
    g.M = 0, g.K = 240;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_DIVIDE, "K = 240 is no multiple of 64");
    g.K = 0, g.N = 384;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_DIVIDE, "N = 384 is no multiple of 256");
    g.n = 48;
    plan_use_gemm(&a, &g, &u);
    allowed(&a, &u);
    g.n = 40;
    plan_use_gemm(&a, &g, &u);
    refused(&a, &u, PLAN_R_MICRO, "64,64,40");
    g.n = 0;
    g.N = 0;
    struct plan_use zero = {.of_m = 8, .m = 0};
    refused(&a, &zero, PLAN_R_MICRO, "0,0,0");
}

static void contexts(void **state)
{
    const struct plan_array a1 = array("npu1"), a4 = array("npu4");
    struct plan_use u = {.contexts = 7};
    (void)state;
    refused(&a1, &u, PLAN_R_CONTEXTS, "DRM_IOCTL_AMDXDNA_CREATE_HWCTX IOCTL failed (err=-22)");
    allowed(&a4, &u);
    u.contexts = 17;
    refused(&a4, &u, PLAN_R_CONTEXTS, "17 hardware contexts, there are 16");
    u.contexts = 6;
    allowed(&a1, &u);
    struct plan_use two = {.overlays = 2};
    refused(&a1, &two, PLAN_R_OVERLAY, "2 overlays");
}

static void devices(void **state)
{
    const struct plan_array a1 = array("npu1"), a4 = array("virtual:npu4");
    struct plan_use u = {.built_for = "npu2"};
    struct plan_dev d;
    struct err e = {0};
    (void)state;
    refused(&a1, &u, PLAN_R_DEVICE, "zeros");
    allowed(&a4, &u);
    u.built_for = "npu1";
    refused(&a4, &u, PLAN_R_DEVICE, "zeros");
    struct plan_use wide = {.cols = 8};
    refused(&a1, &wide, PLAN_R_COLUMNS, "8 columns, the device has 4");
    allowed(&a4, &wide);
    assert_int_equal(a1.rows * a1.cols, 16);
    assert_int_equal(a4.rows * a4.cols, 32);
    assert_int_equal(plan_dev_find(&d, "npu9", &e), -ERR_USAGE);
}

/* Every column count of both devices carries the resident GEMM. */
static void all_columns(void **state)
{
    (void)state;
    for (int dev = 0; dev < 2; dev++) {
        const struct plan_array a = array(dev ? "npu4" : "npu1");
        for (int cols = 1; cols <= a.cols; cols *= 2) {
            struct plan_design g = {.dtype = PLAN_I8,
                                    .m = 64,
                                    .k = 64,
                                    .n = 64,
                                    .cols = cols,
                                    .M = 1536,
                                    .K = 512,
                                    .N = 512,
                                    .out_b = 2};
            struct plan_use u;
            plan_use_gemm(&a, &g, &u);
            allowed(&a, &u);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles),       cmocka_unit_test(tile_64x512), cmocka_unit_test(channels),
        cmocka_unit_test(descriptors), cmocka_unit_test(memories),    cmocka_unit_test(locks),
        cmocka_unit_test(divisible),   cmocka_unit_test(contexts),    cmocka_unit_test(devices),
        cmocka_unit_test(all_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
