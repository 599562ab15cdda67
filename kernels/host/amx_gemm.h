/* GEMM_I8 on tiles.  A block is 32 columns of the result by 32 rows or, of rows of 16 bits (NPU_FINE), by 16
 * rows in two planes: four tiles of sums either way, k in steps of 64 bytes.  The packed weights are
 * the VNNI ones: 16 columns by 64 k are 1024 bytes in a row, one B tile.
 *
 * While a block is multiplied, the sums of the one before it are finished by the vector unit, a few rows
 * in each step: both units work at a time, and nothing waits for a store of tiles.  A panel of weights
 * stays near while the rows pass; rows pass in groups that leave room for it in the L2.
 *
 * All tiles keep the shape they got at the start: the last 16 rows of a call are the last 16, also
 * where some of them have been done (those are not finished twice).
 *
 * Part of k_template.h. */
#include "kernels/host/amx_tile.h"

enum {
    KT_TILE_ROWS = 8,        /* fewer rows are faster on vectors: a tile always takes the time of 16 */
    KT_TILE_NEAR = 512 << 10 /* bytes of rows that stay in the L2 beside a panel of weights */
};
enum kt_amx_mode { KT_AMX_PLAIN, KT_AMX_FINE, KT_AMX_DEEP, KT_AMX_W4 };

/* A block's way through: rows row..end-1, 32 columns from col on.  Tiles of rows begin at s0 and, of rows
 * from mid on, at s1. */
struct kt_amx_block {
    const int32_t *sums; /* [32 or, with the low plane, 48][32] */
    uint32_t row, mid, end, s0, s1, col;
};

/* Rows in one plane: 32 of them in a block. */
KT_INLINE int kt_amx_tall(const int mode) { return mode == KT_AMX_PLAIN || mode == KT_AMX_W4; }

/* Finishes rows of a block until `row` is at `end`. */
KT_INLINE void kt_amx_finish(const int mode, const struct k_args *a, const struct kt_end *e,
                             struct kt_amx_block *b, uint32_t end)
{
    float sum[32 * 32] __attribute__((aligned(64)));
    const uint32_t row = b->row;
    if (row >= end) {
        return;
    }
    for (float *to = sum; b->row < end; b->row++, to += 32) {
        const struct k_row *fig = (const struct k_row *)a->aux + b->row, *low = fig + a->c->m;
        /* tiles see weight + 128 also where the vectors see the weight itself */
        const vi off = vi_set((mode == KT_AMX_W4 ? 8 : 128) * fig->sum);
        if (kt_amx_tall(mode)) {
            const int32_t *s = b->sums + (b->row < b->mid ? b->row - b->s0 : 16 + b->row - b->s1) * 32;
            vf_store(to, vi_float(vi_sub(vi_load(s), off)));
            vf_store(to + 16, vi_float(vi_sub(vi_load(s + 16), off)));
            continue;
        }
        const int32_t *s = b->sums + (b->row - b->s0) * 32;
        const vi off_lo = vi_set(128 * low->sum), off_deep = vi_set(8 * fig->sum);
        for (uint32_t p = 0; p < 32; p += 16) {
            const vi hi = vi_sub(vi_load(s + p), off), lo = vi_sub(vi_load(s + 512 + p), off_lo);
            const vi deep = mode == KT_AMX_DEEP ? vi_sub(vi_load(s + 1024 + p), off_deep) : vi_zero();
            vf_store(to + p, kt_fine_sum(mode == KT_AMX_DEEP, hi, lo, deep));
        }
    }
    kt_i8_finish(a, e, sum, end - row, row, b->col, b->col + 32);
}

/* One step: 64 k of 16 or (two) 32 rows, 32 columns. */
KT_INLINE void kt_amx_step(amx_regs x, int two, const int8_t *a0, const int8_t *a1, size_t lda,
                           const uint8_t *b0, const uint8_t *b1)
{
    AMX_LOAD(x, 6, b0, 64);
    AMX_LOAD(x, 4, a0, lda);
    AMX_DOT_SU(x, 0, 4, 6);
    AMX_LOAD(x, 7, b1, 64);
    AMX_DOT_SU(x, 1, 4, 7);
    if (two) {
        AMX_LOAD(x, 5, a1, lda);
        AMX_DOT_SU(x, 2, 5, 6);
        AMX_DOT_SU(x, 3, 5, 7);
    }
}

/* 64 k of the low plane of 32 columns, 4 bits each, to two B tiles. */
KT_INLINE void kt_amx_unpack(const uint8_t *under, size_t panel, uint8_t *to)
{
    for (uint32_t p = 0; p < 2; p++, under += panel) {
        for (uint32_t t = 0; t < 8; t++, to += 128) {
            const vl u = vl_load(under + 64 * t);
            vi_store((int32_t *)(void *)to, vl_even(u));
            vi_store((int32_t *)(void *)(to + 64), vl_odd(u));
        }
    }
}

/* The same of weights of 4 bits: one half of every byte is of one tile, the other of the other. */
KT_INLINE void kt_amx_unpack_w4(const uint8_t *w, uint8_t *to)
{
    for (uint32_t t = 0; t < 16; t++, w += 64, to += 64) {
        const vl u = vl_load(w);
        vi_store((int32_t *)(void *)to, vl_even(u));
        vi_store((int32_t *)(void *)(to + 1024), vl_odd(u));
    }
}

/* Products of one block into its sums, the block before it (`last`) finished meanwhile.  first: the panel's
 * first block; ask: the next panel is asked for.  low: room for the panel's low plane or weights of 4 bits, as tiles;
 * these are made a step before they are multiplied. */
KT_INLINE void kt_amx_products(const int mode, amx_regs x, const struct k_args *a, const struct kt_end *e,
                               const struct kt_amx_block *b, struct kt_amx_block *last, int first, int ask,
                               uint8_t *low)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K), steps = kp / 64;
    const size_t panel = (size_t)16 * kp, lda = c->lda;
    const uint8_t *w = (const uint8_t *)a->in[1] + (size_t)b->col * kp;
    const uint8_t *under = (const uint8_t *)a->in[1] + ((size_t)k_round(c->n, K_PAD_N) + b->col / 2) * kp;
    const int8_t *a0 = (const int8_t *)a->in[0] + b->s0 * lda;
    const int8_t *a1 = kt_amx_tall(mode) ? (const int8_t *)a->in[0] + b->s1 * lda : a0 + c->m * lda;
    const int two = !kt_amx_tall(mode) || b->mid < b->end;
    const uint8_t *w4 = (const uint8_t *)a->in[1] + (size_t)b->col / 2 * kp;
    const uint32_t share = (last->end - last->row + steps - 1) / steps;
    int32_t *sums = (int32_t *)(uintptr_t)b->sums;
    AMX_ZERO(x, 0);
    AMX_ZERO(x, 1);
    AMX_ZERO(x, 2);
    AMX_ZERO(x, 3);
    if (mode == KT_AMX_W4 && first) {
        kt_amx_unpack_w4(w4, low);
    }
    for (uint32_t t = 0; t < kp; t += 64) {
        if (mode == KT_AMX_W4) {
            AMX_ORDER();
            kt_amx_step(x, two, a0 + t, a1 + t, lda, low + (size_t)t * 32, low + (size_t)t * 32 + 1024);
            if (first && t + 64 < kp) {
                kt_amx_unpack_w4(w4 + ((size_t)t + 64) * 16, low + ((size_t)t + 64) * 32);
            }
        } else {
            kt_amx_step(x, two, a0 + t, a1 + t, lda, w + (size_t)t * 16, w + panel + (size_t)t * 16);
        }
        if (ask && mode == KT_AMX_W4) {
            kt_ask(w4 + panel + (size_t)t * 16, 1024);
        } else if (ask) {
            kt_ask(w + 2 * panel + (size_t)t * 16, 1024);
            kt_ask(w + 3 * panel + (size_t)t * 16, 1024);
        }
        if (mode == KT_AMX_DEEP && first) {
            kt_amx_unpack(under + (size_t)t * 8, panel / 2, low + (size_t)t * 32);
            if (ask) {
                kt_ask(under + panel + (size_t)t * 8, 512);
                kt_ask(under + 3 * panel / 2 + (size_t)t * 8, 512);
            }
        }
        const uint32_t due = last->row + share;
        kt_amx_finish(mode, a, e, last, due < last->end ? due : last->end);
    }
    AMX_STORE(x, 0, sums, 128);
    AMX_STORE(x, 1, sums + 16, 128);
    if (two) {
        AMX_STORE(x, 2, sums + 512, 128);
        AMX_STORE(x, 3, sums + 528, 128);
    }
    if (mode != KT_AMX_DEEP) {
        return;
    }
    AMX_ZERO(x, 0);
    AMX_ZERO(x, 1);
    AMX_ORDER();
    for (uint32_t t = 0; t < kp; t += 64) {
        kt_amx_step(x, 0, a0 + t, NULL, lda, low + (size_t)t * 32, low + (size_t)t * 32 + 1024);
    }
    AMX_ORDER();
    AMX_STORE(x, 0, sums + 1024, 128);
    AMX_STORE(x, 1, sums + 1040, 128);
}

/* Rows m0..m1-1, panel by panel, in groups of rows that stay near. */
KT_INLINE void kt_amx_gemm(const int mode, const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0,
                           uint32_t n1, uint8_t *low)
{
    const struct kt_end e = kt_i8_end_of(a, m0);
    const uint32_t high = m1 - m0 < 16 ? m1 - m0 : 16, last = m1 - high;
    const uint32_t by = kt_amx_tall(mode) ? 32 : 16, near = KT_TILE_NEAR / (a->c->lda * 32 / by) / 32 * 32;
    const uint32_t group = near > 32 ? near : 32;
    const int ask = m1 - m0 <= KT_FEW;
    int32_t sums[2][48 * 32] __attribute__((aligned(64)));
    struct kt_amx_block done = {.row = 0, .end = 0};
    const struct amx_cfg cfg = amx_cfg_of(high, 64);
    int turn = 0;
    AMX_STATE(x);
    AMX_CONFIG(x, &cfg);
    for (uint32_t g = m0; g < m1; g += group) {
        const uint32_t g1 = m1 - g < group ? m1 : g + group;
        for (uint32_t j = n0; j < n1; j += 32) {
            for (uint32_t i = g; i < g1; i += by, turn ^= 1) {
                struct kt_amx_block b = {.sums = sums[turn], .row = i, .col = j};
                b.end = g1 - i < by ? g1 : i + by;
                b.mid = g1 - i < 16 ? g1 : i + 16;
                b.s0 = i < last ? i : last;
                b.s1 = b.mid < last ? b.mid : last;
                kt_amx_products(mode, x, a, &e, &b, &done, i == g, ask && i == g, low);
                done = b;
            }
        }
    }
    AMX_RELEASE();
    kt_amx_finish(mode, a, &e, &done, done.end);
}

static void kt_gemm_amx(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                        void *scratch)
{
    const unsigned flags = a->c->flags;
    if (m1 - m0 < KT_TILE_ROWS) {
        kt_gemm_i8(a, m0, m1, n0, n1, scratch);
    } else if (flags & NPU_W4) {
        kt_amx_gemm(KT_AMX_W4, a, m0, m1, n0, n1, scratch);
    } else if (!(flags & NPU_FINE)) {
        kt_amx_gemm(KT_AMX_PLAIN, a, m0, m1, n0, n1, NULL);
    } else if (!(flags & NPU_DEEP)) {
        kt_amx_gemm(KT_AMX_FINE, a, m0, m1, n0, n1, NULL);
    } else {
        kt_amx_gemm(KT_AMX_DEEP, a, m0, m1, n0, n1, scratch);
    }
}
