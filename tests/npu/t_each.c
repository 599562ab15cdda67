/* Short jobs that every thread does for itself (npu/dev/virt_each.c): which they are, and that nothing but the time tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/base/cpu.h"
#include "npu/dev/cmd.h"
#include "npu/dev/virt_in.h"

enum { K = 192, N = 256, HEADS = 3, D = 64, KEYS = 100, SIZE = 1 << 20, MOST = 12 };
/* where things lie in the one buffer */
enum { X = 4096, Q8 = 65536, FIG = 131072, Y = 135168, HQ = 262144, HK = 327680, HV = 393216, W = 524288, PAR = 786432 };

struct rig {
    struct npu_cmd c[MOST];
    struct dev_job j[MOST];
    uint8_t *p;
    int n;
};

static npu_addr at(uint32_t off) { return NPU_ADDR(1, off); }

static void *place(void *p, const struct dev_operand *o) { return (uint8_t *)p + (o->addr & 0xffffffff); }

static struct npu_cmd *add(struct rig *r, struct npu_cmd c)
{
    assert_true(r->n < MOST);
    r->c[r->n] = c;
    return &r->c[r->n++];
}

static struct npu_cmd *add_quant(struct rig *r, int op, unsigned flags, uint32_t m)
{
    return add(r, (struct npu_cmd){.op = (uint16_t)op, .flags = (uint16_t)flags, .m = m, .n = K, .k = K, .lda = K, .ldo = K,
                                   .tile_m = 1, .tile_n = 1, .in = {at(X)}, .out = at(Q8), .aux = at(FIG)});
}

static struct npu_cmd *add_gemm(struct rig *r, unsigned flags, uint32_t m)
{
    return add(r, (struct npu_cmd){.op = NPU_GEMM_I8, .flags = (uint16_t)(NPU_BIAS | flags), .m = m, .n = N, .k = K, .lda = K,
                                   .ldo = N, .tile_m = (uint16_t)m, .tile_n = 32, .in = {at(Q8), at(W), at(PAR)},
                                   .out = at(Y), .aux = at(FIG)});
}

static struct npu_cmd *add_heads(struct rig *r, uint32_t m)
{
    return add(r, (struct npu_cmd){.op = NPU_HEADS, .m = m, .n = HEADS * D, .k = D, .lda = K, .tile_m = 64, .tile_n = 1,
                                   .heads = HEADS, .in = {at(X)}, .out = at(HQ)});
}

static struct npu_cmd *add_attn(struct rig *r, uint32_t m)
{
    return add(r, (struct npu_cmd){.op = NPU_ATTN_I8, .m = m, .n = KEYS, .k = D, .ldo = HEADS * D, .tile_m = (uint16_t)m,
                                   .tile_n = 1, .heads = HEADS, .in = {at(HQ), at(HK), at(HV)}, .out = at(Y),
                                   .scale = {0, 0.2f}});
}

static void resolve(struct rig *r, uint8_t *p)
{
    struct err e = {0};
    for (int i = 0; i < r->n; i++) {
        if (dev_cmd_resolve(&r->c[i], i, place, p, &r->j[i], &e)) {
            fail_msg("%s", e.text);
        }
    }
}

/* The jobs, as digits, that each of `threads` threads does for itself. */
static const char *found(struct rig *r, int threads)
{
    static char text[MOST + 1];
    static uint8_t memory[SIZE];
    const struct virt v = {.dev = {.threads = threads}};
    uint8_t each[MOST];
    resolve(r, memory);
    const size_t room = virt_each_find(&v, r->j, r->n, each);
    for (int i = 0; i < r->n; i++) {
        text[i] = each[i] ? '1' : '0';
        assert_true(!each[i] || room >= r->j[i].size[DEV_OUT] + r->j[i].size[DEV_AUX]);
    }
    text[r->n] = 0;
    return text;
}

static void which_they_are(void **state)
{
    (void)state;
    for (uint32_t m = 1; m <= 5; m++) {
        struct rig r = {.n = 0};
        add_quant(&r, NPU_QUANT, 0, m);
        add_gemm(&r, 0, m);
        add_quant(&r, NPU_NORM_Q, NPU_FINE, m);
        add_gemm(&r, NPU_FINE, m);
        add_heads(&r, m);
        add_attn(&r, m);
        assert_string_equal(found(&r, 2), m == 1 ? "101010" : m <= 4 ? "101000" : "000000");
        assert_string_equal(found(&r, 1), "000000"); /* nobody to wait for */
    }
}

/* Each case differs in one thing from those above. */
static void which_they_are_not(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        struct rig r = {.n = 0};
        struct npu_cmd *q = add_quant(&r, NPU_QUANT, 0, 2), *g = add_gemm(&r, 0, 2);
        switch (i) {
        case 0: g->out = q->in[0]; break; /* what others may still be reading */
        case 1: g->out = at(X + 2 * K * 4 - 4); break; /* a word of it */
        case 2: g->flags |= NPU_ADD, g->in[3] = at(FIG), g->ldp = N; break; /* what is written for the list alone */
        case 3: g->in[0] = at(Q8 + 64); break; /* other rows */
        case 4: g->m = 1, g->tile_m = 1; break; /* fewer */
        case 5: g->lda = 2 * K; break; /* further apart */
        case 6: g->aux = at(FIG + 64); break; /* other figures */
        case 7: q->flags |= NPU_CENTRE, q->in[3] = at(HQ), q->ldp = K; break; /* a mean of them all */
        default: r.c[1] = (struct npu_cmd){.op = NPU_COPY, .m = 2, .n = 32, .k = 32, .lda = K / 4, .ldo = 32, .tile_m = 1,
                                           .tile_n = 1, .in = {at(Q8)}, .out = at(Y)};
        }
        assert_string_equal(found(&r, 2), "00");
    }
    struct rig r = {.n = 0};
    add_quant(&r, NPU_QUANT, 0, 1); /* the last one: nobody reads it */
    assert_string_equal(found(&r, 2), "0");
}

static void fill(uint8_t *p)
{
    uint32_t seed = 5;
    float w[K];
    memset(p, 0, SIZE);
    for (uint32_t i = 0; i < 5 * K; i++) {
        seed = seed * 1664525u + 1013904223u;
        ((float *)(void *)(p + X))[i] = (float)(int32_t)seed * 1e-9f;
    }
    for (uint32_t i = HK; i < W; i++) {
        p[i] = (uint8_t)(i * 37);
    }
    /* figures of the keys and values: numbers */
    for (uint32_t i = 0; i < HEADS * k_round(KEYS, K_PAD_R); i++) {
        const size_t pack = (size_t)HEADS * k_round(KEYS, K_PAD_R) * D;
        const struct k_row f = {i % k_round(KEYS, K_PAD_R) < KEYS ? 0.01f + (float)i * 1e-5f : 0, (int32_t)i};
        memcpy(p + HK + pack + i * sizeof f, &f, sizeof f);
        memcpy(p + HV + pack + i * sizeof f, &f, sizeof f);
    }
    k_pack_i8_init(p + W, N, K);
    for (uint32_t j = 0; j < N; j++) {
        for (uint32_t t = 0; t < K; t++) {
            w[t] = (float)((j * 31 + t * 17) % 101) / 101.0f - 0.5f;
        }
        ((float *)(void *)(p + PAR))[j] = k_pack_i8(p + W, K, j, w);
        ((float *)(void *)(p + PAR))[N + j] = 0.1f;
    }
}

static size_t scratch_of(const struct rig *r)
{
    size_t most = 64;
    for (int i = 0; i < r->n; i++) {
        const size_t b = k_scratch_bytes(&r->c[i]);
        most = b > most ? b : most;
    }
    return most;
}

/* A list like a step's, twice over, whose second half begins with what the first one left: every byte of the buffer as one
 * thread leaves it, again and again. */
static void same_bytes(void **state)
{
    uint8_t *want = malloc(SIZE), *got = malloc(SIZE);
    unsigned features = 0;
    (void)state;
    assert_int_equal(cpu_features(&features, NULL), 0);
    for (uint32_t m = 1; m <= 5; m++) {
        struct rig r = {.n = 0};
        for (int half = 0; half < 2; half++) {
            add_quant(&r, NPU_QUANT, NPU_FINE, m);
            add_gemm(&r, NPU_FINE, m)->out = at(Y + 65536);
            add_heads(&r, m)->in[0] = at(Y + 65536);
            add_attn(&r, m)->out = at(X); /* what the quantised rows came from */
            add_quant(&r, NPU_NORM_Q, 0, m);
            add_gemm(&r, NPU_GELU, m)->out = half ? at(X) : at(Y); /* in the second half on top of what was read */
        }
        for (int threads = 1; threads <= 8; threads += threads < 4 ? 1 : 4) {
            struct dev *d;
            assert_int_equal(dev_virt_open(&d, 8, threads, k_choose(features), NULL), 0);
            uint8_t *p = threads == 1 ? want : got;
            fill(p);
            resolve(&r, p);
            for (int pass = 0; pass < 50; pass++) {
                assert_int_equal(d->ops->run(d, r.j, r.n, scratch_of(&r), NULL), 0);
            }
            assert_memory_equal(p, want, SIZE);
            d->ops->close(d);
        }
    }
    free(want);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_they_are),
        cmocka_unit_test(which_they_are_not),
        cmocka_unit_test(same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
