/* Encoder layers as the engine writes them, on invented weights: for measurements and for the
 * acceptance run.  Everything lies in one buffer. */
#ifndef TESTS_NPU_ENCODER_BLOCK_H
#define TESTS_NPU_ENCODER_BLOCK_H

#include <stdint.h>
#include <string.h>

#include "kernels/k.h"

enum { EB_D = 512, EB_HEADS = 8, EB_HK = 64, EB_FF = 2048, EB_LAYERS = 6, EB_PER_LAYER = 12 };

struct encoder_block {
    struct npu_cmd c[EB_LAYERS * EB_PER_LAYER];
    int n;
    size_t end; /* bytes of the buffer */
};

static inline npu_addr eb_room(struct encoder_block *m, uint32_t buf, size_t n)
{
    const size_t at = m->end;
    m->end += (n + 63) / 64 * 64;
    return NPU_ADDR(buf, at);
}

static inline struct npu_cmd *eb_add(struct encoder_block *m, int op, uint32_t rows, uint32_t n,
                                     uint32_t k)
{
    struct npu_cmd *c = &m->c[m->n++];
    *c = (struct npu_cmd){.op = (uint16_t)op,
                          .m = rows,
                          .n = n,
                          .k = k,
                          .lda = k,
                          .ldo = n,
                          .tile_m = 64,
                          .tile_n = 128};
    return c;
}

static inline struct npu_cmd *eb_gemm(struct encoder_block *m, uint32_t buf, uint32_t rows,
                                      uint32_t n, uint32_t k, npu_addr a, npu_addr fig,
                                      npu_addr out)
{
    struct npu_cmd *c = eb_add(m, NPU_GEMM_I8, rows, n, k);
    c->in[0] = a, c->aux = fig, c->out = out;
    c->in[1] = eb_room(m, buf, k_packed_i8_bytes(n, k));
    c->in[2] = eb_room(m, buf, k_round(n, K_PAD_N) * 8);
    c->flags = NPU_BIAS;
    return c;
}

/* layers x (norm, qkv, heads, attention, quantise, o + residual, norm, fc1, quantise, fc2 + residual)
 * on `rows` rows. */
static inline void encoder_block_plan(struct encoder_block *m, uint32_t buf, uint32_t rows,
                                      int layers)
{
    memset(m, 0, sizeof *m);
    const npu_addr x = eb_room(m, buf, (size_t)rows * EB_D * 4);
    const npu_addr q = eb_room(m, buf, (size_t)rows * EB_FF);
    const npu_addr fig = eb_room(m, buf, (size_t)rows * 8);
    const npu_addr wide = eb_room(m, buf, (size_t)rows * EB_FF * 4);
    npu_addr pack[3];
    for (int i = 0; i < 3; i++) {
        pack[i] = eb_room(m, buf, k_heads_bytes(rows, EB_HEADS, EB_HK));
    }
    for (int l = 0; l < layers; l++) {
        struct npu_cmd *c = eb_add(m, NPU_NORM_Q, rows, EB_D, EB_D);
        c->in[0] = x, c->out = q, c->aux = fig;
        eb_gemm(m, buf, rows, 3 * EB_D, EB_D, q, fig, wide);
        for (int i = 0; i < 3; i++) {
            c = eb_add(m, NPU_HEADS, rows, EB_D, EB_HK);
            c->in[0] = wide + (size_t)i * EB_D * 4, c->lda = 3 * EB_D, c->out = pack[i];
            c->heads = EB_HEADS, c->tile_n = 2;
            c->flags = i == 1 ? NPU_AS_K : i == 2 ? NPU_AS_V : 0;
        }
        c = eb_add(m, NPU_ATTN_I8, rows, rows, EB_HK);
        c->in[0] = pack[0], c->in[1] = pack[1], c->in[2] = pack[2], c->out = wide, c->ldo = EB_D;
        c->heads = EB_HEADS, c->tile_n = 1, c->scale[0] = c->scale[1] = 0.125f;
        c = eb_add(m, NPU_QUANT, rows, EB_D, EB_D);
        c->in[0] = wide, c->out = q, c->aux = fig;
        c = eb_gemm(m, buf, rows, EB_D, EB_D, q, fig, x);
        c->flags |= NPU_ADD, c->in[3] = x, c->ldp = EB_D;
        c = eb_add(m, NPU_NORM_Q, rows, EB_D, EB_D);
        c->in[0] = x, c->out = q, c->aux = fig;
        c = eb_gemm(m, buf, rows, EB_FF, EB_D, q, fig, wide);
        c->flags |= NPU_GELU;
        c = eb_add(m, NPU_QUANT, rows, EB_FF, EB_FF);
        c->in[0] = wide, c->out = q, c->aux = fig;
        c = eb_gemm(m, buf, rows, EB_D, EB_FF, q, fig, x);
        c->flags |= NPU_ADD, c->in[3] = x, c->ldp = EB_D;
    }
}

/* Small numbers everywhere; as weights, any bytes. */
static inline void encoder_block_fill(const struct encoder_block *m, void *p, uint32_t seed)
{
    for (size_t i = 0; i < m->end / 4; i++) {
        seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
        ((float *)p)[i] = (float)(int32_t)seed * 1e-10f;
    }
}

#endif
