/* Lists written another way give the bits of the list as it was: cut, taken apart, moved, with
 * buffers of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/k.h"
#include "npu/rt/rewrite.h"

enum { M = 150, N = 200, K = 96, KP = 128, NP = 224, AT = 256 << 10, MEM = 4 << 20 };

struct bed {
    struct npu_rt *rt;
    struct npu_list list;
    uint32_t buf;
    size_t end, first; /* first: where results begin */
    npu_addr rows;     /* the input */
};

static uint32_t seed = 9;
static float rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return (float)(int32_t)seed * 4e-10f;
}

static npu_addr room(struct bed *b, size_t n)
{
    const size_t at = b->end;
    b->end += (n + 63) / 64 * 64;
    assert_true(b->end <= MEM);
    return NPU_ADDR(b->buf, at);
}

static npu_addr numbers(struct bed *b, size_t n)
{
    const npu_addr a = room(b, n * 4);
    float *p = (float *)(void *)((char *)npu_buf_map(b->rt, b->buf) + (a & 0xffffffffffff));
    for (size_t i = 0; i < n; i++) {
        p[i] = rnd();
    }
    return a;
}

static void add(struct bed *b, struct npu_cmd c)
{
    assert_true(npu_list_add(&b->list, &c) >= 0);
}

/* norm and quantise, a product with everything after it, rows of blocks, the residual in place. */
static void bed_open(struct bed *b, const char *device)
{
    struct err e = {0};
    const struct npu_rt_opts o = {.device = device, .threads = 2};
    memset(b, 0, sizeof *b);
    seed = 9;
    assert_int_equal(npu_rt_open(&b->rt, &o, &e), 0);
    assert_int_equal(npu_buf_new(b->rt, MEM, "a test", &b->buf, &e), 0);
    b->rows = numbers(b, M * K);
    const npu_addr w = room(b, k_packed_i8_bytes(N, K)), par = numbers(b, 3 * NP);
    const npu_addr w4 = room(b, k_packed_w4_bytes(N, K));
    const npu_addr w2 = numbers(b, k_packed_f32_bytes(K, N) / 4), par2 = numbers(b, 2 * 96);
    const npu_addr more = numbers(b, 4 * NP), side = numbers(b, M * N);
    uint8_t *p = (uint8_t *)npu_buf_map(b->rt, b->buf) + (w & 0xffffffffffff);
    float row[K];
    uint8_t *p4 = (uint8_t *)npu_buf_map(b->rt, b->buf) + (w4 & 0xffffffffffff);
    k_pack_i8_init(p, N, K);
    k_pack_w4_init(p4, N, K);
    for (uint32_t j = 0; j < N; j++) {
        for (int t = 0; t < K; t++) {
            row[t] = rnd();
        }
        (void)k_pack_i8(p, K, j, row);
        (void)k_pack_w4(p4, K, j, row);
    }
    b->first = b->end;
    const npu_addr x = room(b, M * K * 4), q = room(b, M * KP), fig = room(b, M * 8);
    const npu_addr wide = room(b, M * N * 4);
    add(b, (struct npu_cmd){.op = NPU_COPY, .m = M, .n = K, .k = K, .lda = K, .ldo = K, .tile_m = 32,
                            .tile_n = 1, .in = {b->rows}, .out = x});
    add(b, (struct npu_cmd){.op = NPU_NORM_Q, .flags = NPU_CENTRE, .m = M, .n = K, .k = K, .lda = K,
                            .ldo = KP, .ldp = K, .tile_m = 32, .tile_n = 1,
                            .in = {x, 0, 0, room(b, 5 * K * 4)}, .out = q, .aux = fig});
    add(b, (struct npu_cmd){.op = NPU_GEMM_I8, .flags = NPU_BIAS | NPU_GELU | NPU_ROUGH | NPU_MUL | NPU_ADD,
                            .m = M, .n = N, .k = K, .lda = KP, .ldo = N, .ldp = N, .tile_m = 48,
                            .tile_n = 64, .in = {q, w, par, side}, .out = wide, .aux = fig});
    add(b, (struct npu_cmd){.op = NPU_GEMM_I8, .flags = NPU_BIAS | NPU_ADD | NPU_W4,
                            .m = M, .n = N, .k = K, .lda = KP, .ldo = N, .ldp = N, .tile_m = 48,
                            .tile_n = 64, .in = {q, w4, par, wide}, .out = wide, .aux = fig});
    add(b, (struct npu_cmd){.op = NPU_GEMM_F32, .flags = NPU_BIAS | NPU_BLOCKS | NPU_GELU | NPU_ADD,
                            .m = M, .n = K, .k = N, .lda = N, .ldw = NP, .ldo = K, .ldp = K,
                            .tile_m = 48, .tile_n = 32, .in = {wide, w2, par2, x}, .out = x,
                            .more = more});
    npu_buf_wrote(b->rt, b->buf, 0, MEM);
}

static void bed_close(struct bed *b)
{
    npu_list_free(&b->list);
    npu_rt_close(b->rt);
}

static void spoil(struct bed *b)
{
    memset((char *)npu_buf_map(b->rt, b->buf) + b->first, 0xa5, b->end - b->first);
    npu_buf_wrote(b->rt, b->buf, b->first, b->end - b->first);
}

static uint8_t want[MEM];

static void expect(struct bed *b, const char *what)
{
    if (memcmp(npu_buf_map(b->rt, b->buf), want, b->end)) {
        fail_msg("%s: other bits", what);
    }
}

static void same_bits(void **state)
{
    static const struct {
        const char *what;
        struct npu_rewrite w;
        int least; /* commands */
    } row[] = {
        {"as it is", {0}, 5},
        {"64 x 64", {64, 64, 64, 64, 0, 0, 0, 0}, 3 + 3 + 2 * 3 * 4 + 2 * 2},
        {"64 x 512", {64, 512, 64, 512, 0, 0, 0, 0}, 3 + 3 + 2 * 3 + 2},
        {"32 x 96", {32, 96, 16, 32, 0, 0, 0, 0}, 5 + 5 + 2 * 5 * 3 + 4},
        {"apart", {.unfused = 1}, 1 + 2 + 2 + 2 + 2},
        {"apart, 64 x 64", {64, 64, 64, 64, 1, 0, 0, 0}, 20},
    };
    static const char *const devices[] = {"virtual", "virtual:npu1"};
    struct err e = {0};
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct bed b;
        bed_open(&b, devices[d]);
        spoil(&b);
        assert_int_equal(npu_list_run(b.rt, &b.list, &e), 0);
        memcpy(want, npu_buf_map(b.rt, b.buf), b.end);
        for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
            struct npu_list l = {0};
            uint32_t staging;
            assert_int_equal(npu_rewrite(b.rt, &b.list, &row[i].w, &l, &staging, &e), 0);
            if (l.n < row[i].least) {
                fail_msg("%s: %d commands", row[i].what, l.n);
            }
            for (int k = 0; k < 2; k++) {
                spoil(&b);
                if (npu_list_run(b.rt, &l, &e)) {
                    fail_msg("%s: %s", row[i].what, e.text);
                }
                expect(&b, row[i].what);
            }
            npu_list_free(&l);
            npu_buf_free(b.rt, staging);
        }
        uint64_t in = 0, out = 0;
        spoil(&b);
        assert_int_equal(npu_list_run_apart(b.rt, &b.list, &in, &out, &e), 0);
        expect(&b, "buffers of their own");
        assert_true(in > 0 && out > 0);
        bed_close(&b);
    }
}

/* The input somewhere else. */
static void moved(void **state)
{
    struct bed b;
    struct err e = {0};
    struct npu_list l = {0};
    uint32_t other, staging;
    (void)state;
    bed_open(&b, "virtual");
    spoil(&b);
    assert_int_equal(npu_list_run(b.rt, &b.list, &e), 0);
    memcpy(want, npu_buf_map(b.rt, b.buf), b.end);
    assert_int_equal(npu_buf_new(b.rt, M * K * 4, "other rows", &other, &e), 0);
    memcpy(npu_buf_map(b.rt, other), npu_buf_map(b.rt, b.buf), M * K * 4);
    const struct npu_rewrite w = {.from = b.rows, .from_b = M * K * 4, .to = NPU_ADDR(other, 0)};
    assert_int_equal(npu_rewrite(b.rt, &b.list, &w, &l, &staging, &e), 0);
    assert_int_equal(staging, 0);
    memset(npu_buf_map(b.rt, b.buf), 0, M * K * 4); /* nobody reads it any more */
    memset(want, 0, M * K * 4);
    spoil(&b);
    assert_int_equal(npu_list_run(b.rt, &l, &e), 0);
    expect(&b, "moved");
    npu_list_free(&l);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
