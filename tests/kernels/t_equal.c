/* Every table of kernels against the reference, bit for bit, on random and adversarial operands.  The
 * AMX kernels run on any CPU with AVX-512 (amx_trap.h), on their model in C anywhere.
 * KERNEL_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/base/clk.h"
#include "app/base/cpu.h"
#include "kernels/k.h"
#include "kernels/ref/ref.h"
#include "tests/kernels/amx_trap.h"

static uint64_t state;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static float rndf(void) { return (float)(int32_t)rnd() * (1.0f / 2147483648.0f); }

static uint32_t upto(uint32_t n) { return 1 + rnd() % n; }

static void *block(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) / 64 * 64);
    assert_non_null(p);
    memset(p, 0, (n + 127) / 64 * 64);
    return p;
}

#if defined(__x86_64__)
extern const struct k_table k_table_avxvnni_evex; /* avxvnni_evex.c */
static bool trapped; /* tile instructions are caught */
enum { TABLES = 6 };
#else
enum { TABLES = 2 };
#endif

/* The tables that this CPU runs.  Asked for in each test: cmocka takes the signals anew for each. */
static int tables(const struct k_table **t)
{
    unsigned have = 0;
    int n = 0;
    assert_int_equal(cpu_features(&have, NULL), 0);
#if defined(__x86_64__)
    if (have & CPU_AVX2) {
        t[n++] = &k_table_avx2;
        t[n++] = &k_table_amx_model;
    }
    if (have & CPU_AVXVNNI) {
        t[n++] = &k_table_avxvnni;
    }
    if (have & CPU_AVX512) {
        t[n++] = &k_table_avx512;
        t[n++] = &k_table_avxvnni_evex;
    }
    trapped = have & CPU_AVX512 && !(have & CPU_AMX) && amx_trap_start();
    if (have & CPU_AMX || trapped) {
        t[n++] = &k_table_amx;
    }
#elif defined(__aarch64__)
    if (have & CPU_NEON) {
        t[n++] = &k_table_neon;
    }
    if (have & CPU_I8MM) {
        t[n++] = &k_table_neon_i8mm;
    }
#endif
    return n;
}

/* Runs c in both tables in tiles of random size, compares out (and aux).  second: in[3] of the second
 * table, where that is written. */
static void both_and(const struct k_table *t, struct k_args *a, uint32_t cols, size_t out_b,
                     size_t aux_b, void *second)
{
    struct k_args b = *a;
    b.in[3] = second ? second : b.in[3];
    void *scratch = block(k_scratch_bytes(a->c));
    a->out = block(out_b);
    b.out = block(out_b);
    if (aux_b) {
        a->aux = block(aux_b);
        b.aux = block(aux_b);
    }
    k_table_c.run[a->c->op](a, 0, a->c->m, 0, cols, scratch);
    const uint32_t tm = a->c->tile_m, tn = a->c->tile_n;
    for (uint32_t i = 0; i < a->c->m; i += tm) {
        for (uint32_t j = 0; j < cols; j += tn) {
            t->run[a->c->op](&b, i, i + tm < a->c->m ? i + tm : a->c->m, j,
                             j + tn < cols ? j + tn : cols, scratch);
        }
    }
    if (memcmp(a->out, b.out, out_b) != 0 || (aux_b && memcmp(a->aux, b.aux, aux_b) != 0)) {
        fail_msg("%s differs from the reference: op %d m %u n %u k %u flags %d", t->name, a->c->op,
                 a->c->m, a->c->n, a->c->k, a->c->flags);
    }
    struct amx_trap_count tiles;
    amx_trap_count(&tiles);
    assert_false(tiles.live); /* a thread that waits carries no tiles */
    free(a->out);
    free(b.out);
    if (aux_b) {
        free(a->aux);
        free(b.aux);
    }
    free(scratch);
}

static void both(const struct k_table *t, struct k_args *a, uint32_t cols, size_t out_b,
                 size_t aux_b)
{
    both_and(t, a, cols, out_b, aux_b, NULL);
}

/* 0: noise, 1: zeros, 2: with outliers, 3: too small to be normal numbers, 4: huge beside tiny, 5: nothing
 * but the ends of the range */
enum { KINDS = 6 };

static void fill(float *x, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = kind == 1   ? 0
               : kind == 3 ? rndf() * 1e-39f
               : kind == 4 ? rndf() * (rnd() % 2 ? 1e15f : 1e-15f)
               : kind == 5 ? (rnd() % 2 ? 1.0f : -1.0f)
                           : rndf() * (kind == 2 && rnd() % 50 == 0 ? 1e4f : 1.0f);
    }
}

static void test_rows(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 300 * nt; round++) {
        struct npu_cmd c = {.m = upto(9), .k = upto(300), .tile_m = (uint16_t)upto(5), .tile_n = 32};
        const uint8_t ops[] = {NPU_QUANT, NPU_NORM, NPU_NORM_Q, NPU_COPY};
        c.op = ops[rnd() % 4];
        c.n = c.k;
        c.lda = c.k + rnd() % 9;
        const int to_s8 = c.op == NPU_QUANT || c.op == NPU_NORM_Q;
        const uint32_t planes = to_s8 && rnd() % 2 ? 2 : 1;
        c.flags = planes == 2 ? NPU_FINE : 0;
        c.ldo = to_s8 ? k_round(c.k, 64) + 64 * (rnd() % 2) : c.k + rnd() % 5;
        float *x = block((size_t)c.m * c.lda * 4), *gain = block((size_t)c.k * 8);
        fill(x, (size_t)c.m * c.lda, round % KINDS);
        fill(gain, 2 * (size_t)c.k, 0);
        float *mean = block((size_t)c.m * (c.k + 4) * 8), *second = mean + (size_t)c.m * (c.k + 4);
        c.flags |= to_s8 && rnd() % 2 ? NPU_CENTRE : 0;
        c.ldp = c.k + rnd() % 4;
        struct k_args a = {.c = &c, .in = {x, gain, NULL, mean}};
        both_and(t[round % nt], &a, 1, (size_t)c.m * c.ldo * (to_s8 ? planes : 4),
                 to_s8 ? planes * c.m * sizeof(struct k_row) : 0, second);
        assert_memory_equal(mean, second, (size_t)c.m * (c.k + 4) * 4);
        free(mean);
        free(x);
        free(gain);
    }
}

/* What follows a product, as an operation of its own. */
static void test_after(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 200 * nt; round++) {
        struct npu_cmd c = {.op = NPU_COPY, .m = upto(9), .k = upto(200), .tile_n = 1};
        c.flags = (uint16_t)(rnd() & (NPU_BIAS | NPU_GELU | NPU_ROUGH | NPU_ADD | NPU_MUL));
        c.n = c.k;
        c.tile_m = (uint16_t)upto(5);
        c.lda = c.n + rnd() % 3, c.ldo = c.n + rnd() % 3, c.ldp = c.n + rnd() % 3;
        const uint32_t np = k_round(c.n, 32);
        float *x = block((size_t)c.m * c.lda * 4), *par = block((size_t)np * 8);
        float *more = block((size_t)c.m * c.ldp * 4);
        fill(x, (size_t)c.m * c.lda, round % KINDS);
        fill(par, 2 * (size_t)np, 0);
        fill(more, (size_t)c.m * c.ldp, 0);
        struct k_args a = {.c = &c, .in = {x, NULL, par, more}};
        both(t[round % nt], &a, 1, (size_t)c.m * c.ldo * 4, 0);
        free(x);
        free(par);
        free(more);
    }
}

/* One product of c's operation, sizes, tiles and planes; what follows it by chance. */
static void gemm_case(const struct k_table *t, struct npu_cmd c)
{
    const int i8 = c.op == NPU_GEMM_I8;
    const uint32_t planes = c.flags & NPU_FINE ? 2 : 1;
    c.flags |= (uint16_t)(rnd() & (NPU_BIAS | NPU_GELU | NPU_ROUGH | NPU_ADD | NPU_MUL | NPU_BLOCKS));
    c.ldw = c.n + rnd() % 3;
    c.lda = i8 ? k_round(c.k, 64) : c.k + rnd() % 3;
    c.ldo = c.n + rnd() % 3;
    c.ldp = c.n + rnd() % 3;
    const uint32_t np = k_round(c.n, 32);
    float *par = block((size_t)np * 12), *add = block((size_t)c.m * c.ldp * 4);
    float *row = block((size_t)c.k * 4);
    fill(par, 3 * (size_t)np, 0);
    fill(add, (size_t)c.m * c.ldp, 0);
    float *blocks = block((size_t)c.m * c.ldw * 4);
    fill(blocks, (size_t)c.m * c.ldw, 0);
    struct k_args a = {.c = &c, .in = {NULL, NULL, par, add}, .more = blocks};
    uint8_t *w = block(i8 ? k_packed_i8_bytes(c.n, c.k) + k_packed_low_bytes(c.n, c.k)
                          : k_packed_f32_bytes(c.n, c.k));
    uint8_t *under = w + (i8 ? k_packed_i8_bytes(c.n, c.k) : 0);
    void *x = block((size_t)c.m * c.lda * (i8 ? planes : 4));
    struct k_row *fig = block(planes * c.m * sizeof *fig);
    const int kind = (int)(rnd() % KINDS);
    const bool one_way = rnd() % 4 == 0; /* the largest sums there are: 16 bits on the way would overflow first */
    if (i8) {
        k_pack_i8_init(w, c.n, c.k);
        k_pack_low_init(under, c.n, c.k);
    }
    if (c.flags & NPU_W4) {
        k_pack_w4_init(w, c.n, c.k);
    }
    for (uint32_t j = 0; j < c.n; j++) {
        fill(row, c.k, kind);
        for (uint32_t k = 0; one_way && k < c.k; k++) {
            row[k] = j % 2 ? 1 : -1;
        }
        if (c.flags & NPU_W4) {
            par[j] = k_pack_w4(w, c.k, j, row);
        } else if (i8) {
            par[j] = k_pack_i8(w, c.k, j, row);
            k_pack_low(under, w, c.k, j, row, par[j]);
        } else {
            k_pack_f32((float *)(void *)w, c.k, j, row);
        }
    }
    for (uint32_t i = 0; i8 && i < planes * c.m; i++) {
        /* adversarial: rows of +-127 against columns of +-127 */
        fig[i].scale = kind == 1 ? 0 : 0.01f;
        for (uint32_t j = 0; j < c.k; j++) {
            int8_t v = (int8_t)(kind == 2 ? (rnd() & 1 ? 127 : -127) : (int)(rnd() % 255) - 127);
            v = !one_way ? v : i % 2 ? 127 : -127;
            ((int8_t *)x)[(size_t)i * c.lda + j] = v;
            fig[i].sum += v;
        }
    }
    if (!i8) {
        fill(x, (size_t)c.m * c.lda, kind);
    }
    a.in[0] = x;
    a.in[1] = w;
    a.aux = fig;
    both(t, &a, c.n, (size_t)c.m * c.ldo * 4, 0);
    free(w);
    free(x);
    free(fig);
    free(par);
    free(add);
    free(blocks);
    free(row);
}

/* One product of a shape, everything else by chance. */
static void gemm_round(const struct k_table *t, int i8, uint32_t m, uint32_t n, uint32_t k)
{
    const uint16_t planes[] = {0, 0, NPU_FINE, NPU_FINE | NPU_DEEP, NPU_W4};
    struct npu_cmd c = {.op = i8 ? NPU_GEMM_I8 : NPU_GEMM_F32, .m = m, .n = n, .k = k};
    c.tile_m = (uint16_t)upto(m > 32 && rnd() % 2 ? 100 : 20); /* more rows than a decoder has go another way */
    c.tile_n = (uint16_t)(32 * upto(4));
    c.flags = i8 ? planes[rnd() % 5] : 0;
    gemm_case(t, c);
}

static void test_gemm(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 400 * nt; round++) {
        gemm_round(t[round % nt], (int)(rnd() % 2), upto(30), upto(200), upto(200));
    }
}

/* Every size of each of the three once in each table, the others by chance. */
static void test_gemm_sizes(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int i = 0; i < nt; i++) {
        for (uint32_t size = 1; size <= 200; size++) {
            gemm_round(t[i], (int)(rnd() % 2), size, upto(70), upto(70));
            gemm_round(t[i], (int)(rnd() % 2), upto(20), size, upto(200));
            gemm_round(t[i], (int)(rnd() % 2), upto(20), upto(200), size);
        }
        printf("compared: %s\n", t[i]->name);
    }
}

/* Both planes of a weight give it back to a 32nd of a step. */
static void test_low_plane(void **unused)
{
    (void)unused;
    for (int round = 0; round < 200; round++) {
        const uint32_t n = upto(70), k = upto(300), kp = k_round(k, 64);
        float *row = block((size_t)k * 4);
        uint8_t *w = block(k_packed_i8_bytes(n, k)), *low = block(k_packed_low_bytes(n, k));
        k_pack_i8_init(w, n, k);
        k_pack_low_init(low, n, k);
        for (uint32_t j = 0; j < n; j++) {
            fill(row, k, round % 3);
            const float scale = k_pack_i8(w, k, j, row);
            k_pack_low(low, w, k, j, row, scale);
            for (uint32_t t = 0; t < k; t++) {
                const int q = w[(size_t)(j / 16) * kp * 16 + t / 4 * 64 + j % 16 * 4 + t % 4] - 128;
                const int two = low[(size_t)(j / 16) * kp * 8 + t / 8 * 64 + j % 16 * 4 + t % 4];
                const int r = (t % 8 < 4 ? two & 15 : two >> 4) - 8;
                const float back = scale * ((float)q + (float)r / 16);
                /* a step and a half sixteenth: -8..7 has no +8 */
                assert_true(fabsf(back - row[t]) <= scale * (1.0f / 16) * 1.001f);
            }
        }
        free(row);
        free(w);
        free(low);
    }
}

/* Value t of channel j in weights of 4 bits. */
static int half_of(const uint8_t *w, uint32_t kp, uint32_t j, uint32_t t)
{
    const int two = w[(size_t)(j / 32) * kp * 16 + t / 4 * 64 + j % 16 * 4 + t % 4];
    return (j % 32 < 16 ? two & 15 : two >> 4) - 8;
}

/* Weights of 4 bits: nearest steps, ends clipped; no worse than with the scale that clips nothing, and beyond n and k zero. */
static void test_w4(void **unused)
{
    (void)unused;
    for (int round = 0; round < 200; round++) {
        const uint32_t n = upto(70), k = upto(300), kp = k_round(k, 64);
        float *row = block((size_t)k * 4);
        uint8_t *w = block(k_packed_w4_bytes(n, k));
        k_pack_w4_init(w, n, k);
        for (uint32_t j = 0; j < n; j++) {
            fill(row, k, round % 3);
            const float scale = k_pack_w4(w, k, j, row);
            float most = 0;
            double sum = 0, plain = 0;
            for (uint32_t t = 0; t < k; t++) {
                most = fmaxf(most, fabsf(row[t]));
            }
            for (uint32_t t = 0; t < k; t++) {
                const int q = half_of(w, kp, j, t);
                const float left = row[t] - scale * (float)q, whole = most * (1 / 7.5f);
                assert_true(fabsf(left) <= scale * 0.5001f || q == (left > 0 ? 7 : -8));
                sum += t < k / 64 * 64 ? (double)(left * left) : 0;
                const float p = whole > 0 ? row[t] - whole * fmaxf(fminf(rintf(row[t] / whole), 7), -8) : 0;
                plain += t < k / 64 * 64 ? (double)(p * p) : 0;
            }
            assert_true(sum <= plain * 1.0001);
            for (uint32_t t = k; t < kp; t++) {
                assert_int_equal(half_of(w, kp, j, t), 0);
            }
        }
        for (uint32_t j = n; j < k_round(n, 32); j++) {
            assert_int_equal(half_of(w, kp, j, 0), 0);
        }
        memset(row, 0, (size_t)k * 4);
        assert_true(k_pack_w4(w, k, 0, row) == 0);
        row[0] = INFINITY;
        assert_true(k_pack_w4(w, k, 0, row) == 0);
        free(row);
        free(w);
    }
}

static void test_mean(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 100 * nt; round++) {
        struct npu_cmd c = {.op = NPU_MEAN, .m = 1, .n = upto(200), .k = upto(200), .ldw = upto(20)};
        c.tile_m = 1;
        c.tile_n = (uint16_t)(16 * upto(4));
        c.lda = c.k + rnd() % 4;
        float *x = block((size_t)c.n * c.lda * 4);
        fill(x, (size_t)c.n * c.lda, round % KINDS);
        struct k_args a = {.c = &c, .in = {x}};
        both(t[round % nt], &a, c.k, (size_t)c.k * 4, 0);
        free(x);
    }
}

static void test_range(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 100 * nt; round++) {
        struct npu_cmd c = {.op = NPU_RANGE, .m = upto(5), .n = upto(600), .k = upto(100)};
        const uint32_t pieces = (c.n + c.k - 1) / c.k;
        c.tile_m = (uint16_t)upto(3);
        c.tile_n = (uint16_t)upto(4);
        c.lda = c.n + rnd() % 4;
        c.ldo = 3 * pieces + rnd() % 3;
        float *x = block((size_t)c.m * c.lda * 4);
        fill(x, (size_t)c.m * c.lda, round % KINDS);
        struct k_args a = {.c = &c, .in = {x}};
        both(t[round % nt], &a, pieces, (size_t)c.m * c.ldo * 4, 0);
        free(x);
    }
}

static void test_attn(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 120 * nt; round++) {
        const uint32_t ds[] = {16, 32, 48, 64, 80, 128, 24};
        struct npu_cmd c = {.op = NPU_ATTN, .m = upto(60), .n = upto(150), .k = ds[rnd() % 7]};
        c.heads = (uint16_t)upto(3);
        c.tile_m = rnd() % 2 ? 1 : 48;
        c.tile_n = 1;
        if (rnd() % 2) {
            c.flags |= NPU_CAUSAL;
            c.n = c.n < c.m ? c.m : c.n;
        }
        if ((c.tile_m == 1 || c.flags & NPU_CAUSAL) && rnd() % 2) {
            c.flags |= NPU_PROBS;
            c.mask = 1 + rnd() % ((1u << c.heads) - 1);
        }
        c.lda = c.ldw = c.ldo = c.heads * c.k;
        c.ldp = c.n;
        c.scale[0] = 0.125f;
        const size_t probs = (size_t)c.heads * c.m * c.ldp;
        float *q = block((size_t)c.m * c.lda * 4), *kv = block((size_t)c.n * c.ldw * 4), *p = block(probs * 8);
        fill(q, (size_t)c.m * c.lda, round % 4);
        fill(kv, (size_t)c.n * c.ldw, round % 4);
        struct k_args a = {.c = &c, .in = {q, kv, kv, p}};
        both_and(t[round % nt], &a, c.heads, (size_t)c.m * c.ldo * 4, 0, p + probs);
        assert_memory_equal(p, p + probs, probs * 4);
        free(q);
        free(kv);
        free(p);
    }
}

/* A pack of heads from random rows, by the reference; *rows_out are the rows. */
static uint8_t *pack(uint32_t m, uint32_t heads, uint32_t k, int flags, int kind)
{
    struct npu_cmd c = {.op = NPU_HEADS, .flags = (uint16_t)flags, .m = m, .k = k, .lda = heads * k};
    c.heads = (uint16_t)heads;
    float *x = block((size_t)m * heads * k * 4);
    uint8_t *p = block(k_heads_bytes(m, heads, k));
    fill(x, (size_t)m * heads * k, kind);
    struct k_args a = {.c = &c, .in = {x}, .out = p};
    k_table_c.run[NPU_HEADS](&a, 0, m, 0, heads, NULL);
    free(x);
    return p;
}

static void test_heads(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 100 * nt; round++) {
        const uint16_t as[] = {0, NPU_AS_K, NPU_AS_V};
        struct npu_cmd c = {.op = NPU_HEADS, .flags = as[rnd() % 3], .m = upto(70)};
        c.heads = (uint16_t)upto(4);
        c.k = 16 * upto(8);
        c.n = c.k;
        c.lda = c.heads * c.k + rnd() % 5;
        c.tile_m = (uint16_t)(16 * upto(3));
        c.tile_n = (uint16_t)upto(2);
        float *x = block((size_t)c.m * c.lda * 4);
        fill(x, (size_t)c.m * c.lda, round % KINDS);
        float *mu = block((size_t)c.heads * c.k * 4);
        fill(mu, (size_t)c.heads * c.k, 0);
        c.flags |= rnd() % 2 ? NPU_CENTRE : 0;
        struct k_args a = {.c = &c, .in = {x, mu}};
        both(t[round % nt], &a, c.heads, k_heads_bytes(c.m, c.heads, c.k), 0);
        free(x);
        free(mu);
    }
}

/* One attention on INT8 heads of c's sizes, tiles and flags. */
static void attn_case(const struct k_table *t, struct npu_cmd c, int kind)
{
    const uint32_t pairs = c.flags & NPU_PROBS ? (uint32_t)__builtin_popcountll(c.mask) : 0;
    c.op = NPU_ATTN_I8;
    c.tile_n = 1;
    c.ldo = c.heads * c.k + rnd() % 3;
    c.ldp = c.n + rnd() % 3;
    c.scale[1] = 1.44269504f / sqrtf((float)c.k);
    const size_t probs = (size_t)pairs * c.m * c.ldp + 1;
    float *mu = block((size_t)c.heads * c.k * 4), *p = block(probs * 8);
    fill(mu, (size_t)c.heads * c.k, 0);
    uint8_t *q = pack(c.m, c.heads, c.k, 0, kind);
    uint8_t *k = pack(c.n, c.heads, c.k, NPU_AS_K, kind == 5 ? 5 : (int)(rnd() % KINDS));
    uint8_t *v = pack(c.n, c.heads, c.k, NPU_AS_V, kind == 5 ? 5 : (int)(rnd() % KINDS));
    struct k_args a = {.c = &c, .in = {q, k, v, p}, .more = mu};
    both_and(t, &a, c.heads, (size_t)c.m * c.ldo * 4, 0, p + probs);
    assert_memory_equal(p, p + probs, probs * 4);
    free(q);
    free(k);
    free(v);
    free(mu);
    free(p);
}

static void test_attn_i8(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int round = 0; round < 120 * nt; round++) {
        struct npu_cmd c = {.m = upto(40), .n = upto(200), .k = 16 * upto(8)};
        c.heads = (uint16_t)upto(3);
        c.tile_m = (uint16_t)upto(40);
        c.mask = 1 + rnd() % ((1u << c.heads) - 1);
        c.flags = (uint16_t)(rnd() & (NPU_CENTRE | NPU_PROBS));
        attn_case(t[round % nt], c, round / nt % KINDS);
    }
}

#include "tests/kernels/tile_cases.h"

/* Lowest time of a few runs of the whole command, ns. */
static int64_t lowest(const struct k_table *t, const struct k_args *a, uint32_t cols)
{
    int64_t best = INT64_MAX;
    void *scratch = block(k_scratch_bytes(a->c));
    for (int i = 0; i < 15; i++) {
        const int64_t start = clk_ns();
        t->run[a->c->op](a, 0, a->c->m, 0, cols, scratch);
        const int64_t took = clk_ns() - start;
        best = took < best ? took : best;
    }
    free(scratch);
    return best;
}

/* What underflows costs no more than what does not: softmax of scores a thousand apart, GELU far below
 * zero.  An exponential that ends below the normal numbers takes some CPUs ten times as long. */
static void test_underflow(void **unused)
{
    const struct k_table *t[TABLES];
    int nt = tables(t);
    (void)unused;
    for (int i = 0; i < nt; i++) {
        struct npu_cmd at = {.op = NPU_ATTN_I8, .m = 12, .n = 400, .k = 64, .ldo = 64, .heads = 1,
                             .tile_m = 12, .tile_n = 1};
        struct npu_cmd ge = {.op = NPU_GEMM_I8, .flags = NPU_BIAS | NPU_GELU, .m = 24, .n = 128, .k = 64,
                             .lda = 64, .ldo = 128, .tile_m = 24, .tile_n = 128};
        uint8_t *q = pack(at.m, 1, at.k, 0, 0), *k = pack(at.n, 1, at.k, NPU_AS_K, 0);
        uint8_t *v = pack(at.n, 1, at.k, NPU_AS_V, 0), *w = block(k_packed_i8_bytes(ge.n, ge.k));
        float *out = block(24 * 128 * 4), *par = block(2 * 128 * 4);
        struct k_row *fig = block(24 * sizeof *fig);
        int8_t *x = block(24 * 64);
        const struct k_args attn = {.c = &at, .in = {q, k, v}, .out = out};
        const struct k_args gelu = {.c = &ge, .in = {x, w, par}, .out = out, .aux = fig};
        int64_t took[3][2];
        k_pack_i8_init(w, ge.n, ge.k);
        for (int far = 0; far < 2; far++) {
            at.scale[1] = far ? 1000.0f : 0.1f;
            for (int j = 0; j < 128; j++) {
                par[128 + j] = far ? -60.0f : 0.5f;
            }
            took[0][far] = lowest(t[i], &attn, 1);
            ge.flags = NPU_BIAS | NPU_GELU;
            took[1][far] = lowest(t[i], &gelu, ge.n);
            ge.flags |= NPU_ROUGH;
            took[2][far] = lowest(t[i], &gelu, ge.n);
        }
        for (int op = 0; op < 3; op++) {
            if (took[op][1] > 3 * took[op][0] + 2000) {
                fail_msg("%s: %s takes %lld ns where it underflows, %lld where not", t[i]->name,
                         op ? "GELU" : "softmax", (long long)took[op][1], (long long)took[op][0]);
            }
        }
        free(q), free(k), free(v), free(w), free(out), free(par), free(fig), free(x);
    }
}

/* The polynomial against the C library. */
static void test_functions(void **unused)
{
    (void)unused;
    for (float x = -87; x < 88; x += 0.0137f) {
        assert_true(fabs(ref_exp(x) / exp((double)x) - 1) < 4e-7);
    }
    for (float x = REF_EXP_LO; x <= 0; x += 0.00137f) {
        assert_true(fabs(ref_exp_sum(x) / exp((double)x) - 1) < 1.2e-5); /* x log2 e itself is rounded */
    }
    for (int32_t u = 0; u < 32768; u++) {
        const double is = 32767 * exp2(-u / 2048.0);
        assert_true(fabs(ref_soft(u) - is) <= 0.0025 * is + 1);
    }
    assert_int_equal(ref_soft(0), 32767);
    assert_true(ref_exp(-1000) > 0 && isfinite(ref_exp(1000)) && isfinite(ref_exp(NAN)));
    for (float x = -12; x < 12; x += 0.00137f) {
        double u = 0.79788456080286535588 * ((double)x + 0.044715 * x * x * x);
        assert_true(fabs(ref_gelu(x) - 0.5 * x * (1 + tanh(u))) < 2e-6);
        assert_true(fabs(ref_gelu_rough(x) - 0.5 * x * (1 + tanh(u))) < 7.5e-5);
    }
    for (float x = 12; x < 1e30f; x *= 1.7f) {
        assert_true(fabsf(ref_gelu_rough(-x)) <= x * 4e-7f && fabsf(ref_gelu_rough(x) - x) <= x * 4e-7f);
    }
    assert_true(isfinite(ref_gelu_rough(0)) && ref_gelu_rough(0) == 0);
}

int main(void)
{
    const char *seed = getenv("KERNEL_SEED");
    state = seed ? strtoull(seed, NULL, 0) : 20261121;
    printf("KERNEL_SEED=%llu\n", (unsigned long long)state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_gemm_sizes),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_low_plane),     cmocka_unit_test(test_w4),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_attn),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_attn_i8),
        cmocka_unit_test(test_tiles_gemm),
        cmocka_unit_test(test_tiles_attn),
#if defined(__x86_64__)
        cmocka_unit_test(test_tiles_used),
#endif
        cmocka_unit_test(test_peak),
        cmocka_unit_test(test_underflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
