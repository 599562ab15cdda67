/* The runtime: lists are checked, results do not depend on columns or threads, figures add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/k.h"
#include "npu/rt/rt.h"

enum { M = 150, N = 200, K = 96 };

struct rig {
    struct npu_rt *rt;
    uint32_t buf;
    struct npu_list list;
    npu_addr a, w, par, out, fig, q;
};

static struct npu_rt *open_rt(int columns, int threads)
{
    struct npu_rt_opts o = {.columns = columns, .threads = threads};
    struct npu_rt *rt = NULL;
    struct err e = {0};
    if (npu_rt_open(&rt, &o, &e) != 0) {
        fail_msg("%s", e.text);
    }
    return rt;
}

/* Quantise, multiply with GELU, twice over. */
static void rig_open(struct rig *r, int columns, int threads)
{
    struct err e = {0};
    memset(r, 0, sizeof *r);
    r->rt = open_rt(columns, threads);
    assert_int_equal(npu_buf_new(r->rt, 1 << 20, "a test", &r->buf, &e), 0);
    r->a = NPU_ADDR(r->buf, 0);
    r->q = NPU_ADDR(r->buf, 100 << 10);
    r->fig = NPU_ADDR(r->buf, 200 << 10);
    r->w = NPU_ADDR(r->buf, 300 << 10);
    r->par = NPU_ADDR(r->buf, 400 << 10);
    r->out = NPU_ADDR(r->buf, 500 << 10);
    char *base = npu_buf_map(r->rt, r->buf);
    float row[K], *par = (float *)(void *)(base + (400 << 10)), *a = (float *)(void *)base;
    uint8_t *w = (uint8_t *)base + (300 << 10);
    srand(1);
    k_pack_i8_init(w, N, K);
    for (int j = 0; j < N; j++) {
        for (int t = 0; t < K; t++) {
            row[t] = (float)rand() / (float)RAND_MAX - 0.5f;
        }
        par[j] = k_pack_i8(w, K, (uint32_t)j, row);
        par[k_round(N, 32) + (uint32_t)j] = 0.1f;
    }
    for (int i = 0; i < M * K; i++) {
        a[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    struct npu_cmd c = {.op = NPU_QUANT, .m = M, .n = K, .k = K, .lda = K, .ldo = k_round(K, 64),
                        .tile_m = 16, .tile_n = 1, .in = {r->a}, .out = r->q, .aux = r->fig};
    assert_int_equal(npu_list_add(&r->list, &c), 0);
    c = (struct npu_cmd){.op = NPU_GEMM_I8, .flags = NPU_BIAS | NPU_GELU, .m = M, .n = N, .k = K,
                         .lda = k_round(K, 64), .ldo = N, .tile_m = 24, .tile_n = 64,
                         .in = {r->q, r->w, r->par}, .out = r->out, .aux = r->fig};
    assert_int_equal(npu_list_add(&r->list, &c), 1);
}

static void rig_close(struct rig *r)
{
    npu_list_free(&r->list);
    npu_rt_close(r->rt);
}

static void test_same_bits(void **unused)
{
    static float first[M * N];
    (void)unused;
    for (int columns = 1; columns <= NPU_MAX_COLS; columns++) {
        for (int threads = 1; threads <= 4; threads++) {
            struct rig r;
            struct err e = {0};
            rig_open(&r, columns, threads);
            for (int pass = 0; pass < 20; pass++) {
                float *out = (float *)(void *)((char *)npu_buf_map(r.rt, r.buf) + (500 << 10));
                memset(out, 0, sizeof first);
                assert_int_equal(npu_list_run(r.rt, &r.list, &e), 0);
                if (columns == 1 && threads == 1 && pass == 0) {
                    memcpy(first, out, sizeof first);
                } else if (memcmp(first, out, sizeof first) != 0) {
                    fail_msg("%d columns on %d threads, pass %d differs", columns, threads, pass);
                }
            }
            rig_close(&r);
        }
    }
}

static void test_figures(void **unused)
{
    struct rig r;
    struct err e = {0};
    struct npu_stats s;
    (void)unused;
    rig_open(&r, 3, 2);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(npu_list_run(r.rt, &r.list, &e), 0);
    }
    npu_rt_stats(r.rt, &s);
    assert_int_equal(s.columns, 3);
    assert_int_equal(s.lists, 5);
    assert_int_equal(s.cmds, 10);
    assert_int_equal(s.op[NPU_GEMM_I8].calls, 5);
    assert_int_equal(s.op[NPU_GEMM_I8].macs, 5ull * M * N * K);
    /* 150 rows in tiles of 24, 200 columns in tiles of 64: 7 x 4, the last ones trimmed */
    assert_int_equal(s.op[NPU_GEMM_I8].tiles, 5 * 28);
    uint64_t tiles = 0, busy = 0, ops = 0;
    for (int c = 0; c < 3; c++) {
        tiles += s.col[c].tiles;
        busy += s.col[c].busy + s.col[c].transfer;
        assert_true(s.col[c].busy > 0);
        uint64_t cores = 0; /* the column's time, core by core: 9 or more tiles, so each has some */
        for (int k = 0; k < NPU_MAX_ROWS; k++) {
            assert_true(s.col[c].row[k] > 0);
            cores += s.col[c].row[k];
        }
        assert_int_equal(cores, s.col[c].busy + s.col[c].transfer);
    }
    /* rows, weights, parameters and figures in; INT8 rows and figures, then the product out */
    assert_int_equal(s.out_b, 5ull * (M * k_round(K, 64) + M * 8 + M * N * 4));
    assert_int_equal(s.in_b, 5ull * (M * K * 4 + M * k_round(K, 64) + M * 8 +
                                     k_packed_i8_bytes(N, K) + 2 * 4 * k_round(N, 32)));
    for (int i = 0; i < NPU_OP_COUNT; i++) {
        ops += s.op[i].busy;
    }
    assert_int_equal(tiles, 5 * (28 + 10));
    assert_int_equal(busy, ops);
    rig_close(&r);
}

static double two_us(const void *ctx, const struct npu_cmd *c, int *bound)
{
    *bound = c->op == NPU_GEMM_I8 ? 3 : 1;
    return *(const double *)ctx;
}

static void test_model(void **unused)
{
    const double each = 2e-6;
    struct rig r;
    struct err e = {0};
    struct npu_stats s;
    (void)unused;
    rig_open(&r, 3, 1);
    npu_rt_predict(r.rt, two_us, &each);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(npu_list_run(r.rt, &r.list, &e), 0);
    }
    npu_rt_stats(r.rt, &s);
    assert_int_equal(s.op[NPU_GEMM_I8].model_ns, 4 * 2000);
    assert_int_equal(s.op[NPU_GEMM_I8].model_bound, 3);
    assert_int_equal(s.op[NPU_QUANT].model_bound, 1);
    assert_int_equal(s.op[NPU_COPY].model_ns, 0);
    rig_close(&r);
}

/* Every way in which a command can lie outside its buffers, or make no sense. */
static void test_refused(void **unused)
{
    struct rig r;
    (void)unused;
    rig_open(&r, 2, 1);
    const struct npu_cmd good = r.list.cmd[1];
    for (int i = 0; i < 20; i++) {
        struct npu_cmd *c = &r.list.cmd[1];
        struct err e = {0};
        *c = good;
        switch (i) {
        case 0: c->op = 0; break;
        case 1: c->op = 200; break;
        case 2: c->m = 0; break;
        case 3: c->tile_n = 0; break;
        case 4: c->tile_n = 33; break;
        case 5: c->in[0] = 0; break;
        case 6: c->in[1] = NPU_ADDR(99, 0); break;
        case 7: c->in[2] = NPU_ADDR(r.buf, (1 << 20) - 64); break;
        case 8: c->out = NPU_ADDR(r.buf, (uint64_t)1 << 40); break;
        case 9: c->m = 0xffffffffu; break;
        case 10: c->ldo = 0xffffffffu; break;
        case 11: c->k = 0xffffff00u; break;
        case 12: c->aux = 0; break;
        /* the product of rows and stride is 0 in 64 bits */
        case 13: c->m = 0x80000001u, c->lda = 0x80000000u, c->k = 64; break;
        /* 16-bit rows are two planes: twice as many figures as fit */
        case 14: c->flags |= NPU_FINE, c->aux = NPU_ADDR(r.buf, (1 << 20) - 12 * M); break;
        case 15: c->flags |= NPU_FINE, c->in[0] = NPU_ADDR(r.buf, (1 << 20) - 128 * M - 4); break;
        case 16: c->out = r.w; break; /* a result over the weights */
        case 17: c->flags |= NPU_W4 | NPU_FINE; break;
        /* half the bytes, and 64 of them missing */
        case 18: c->flags |= NPU_W4, c->in[1] = NPU_ADDR(r.buf, (1 << 20) - k_packed_w4_bytes(N, K) + 64); break;
        default: c->in[0] = r.q + 1; break;
        }
        r.list.checked = 0;
        assert_int_equal(npu_list_run(r.rt, &r.list, &e), -ERR_NPU);
        assert_non_null(strstr(e.text, "command 1"));
    }
    rig_close(&r);
}

static void test_names(void **unused)
{
    struct npu_rt *rt = NULL;
    struct err e = {0};
    (void)unused;
    struct npu_rt_opts o = {.device = "virtual:npu1", .threads = 1};
    assert_int_equal(npu_rt_open(&rt, &o, &e), 0);
    assert_int_equal(npu_rt_columns(rt), 4);
    npu_rt_close(rt);
    o = (struct npu_rt_opts){.device = "toaster"};
    assert_int_equal(npu_rt_open(&rt, &o, &e), -ERR_USAGE);
    assert_non_null(strstr(e.text, "toaster"));
    o = (struct npu_rt_opts){.columns = 9};
    assert_int_equal(npu_rt_open(&rt, &o, &e), -ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
