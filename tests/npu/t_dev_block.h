/* A small transformer block as a command list, with every kind of operation and a residual that is
 * overwritten in place; and its result on the column workers without any driver. */
#ifndef TESTS_NPU_T_DEV_BLOCK_H
#define TESTS_NPU_T_DEV_BLOCK_H

#include "npu/dev/cmd.h"
#include "tests/npu/t_dev_help.h"

enum { B_ROWS = 20, B_D = 64, B_HEADS = 4, B_K = 16, B_FF = 128, B_CMDS = 13, B_BYTES = 1 << 18 };

struct block {
    struct npu_cmd c[B_CMDS];
    int n;
    size_t x, weights, end; /* offsets: residual stream, first weight, first free byte */
    size_t consts_b;        /* weights and parameters end here */
};

static inline uint32_t block_rnd(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    *s ^= *s << 5;
    return *s;
}

static inline size_t take(struct block *b, size_t n)
{
    const size_t at = b->end;
    b->end += (n + 63) / 64 * 64;
    return at;
}

static inline struct npu_cmd *cmd(struct block *b, int op, uint32_t m, uint32_t n, uint32_t k)
{
    struct npu_cmd *c = &b->c[b->n++];
    *c = (struct npu_cmd){.op = (uint16_t)op, .m = m, .n = n, .k = k, .tile_m = 16, .tile_n = 32};
    c->lda = k;
    c->ldo = n;
    return c;
}

/* weights of n x k on INT8 with scale and bias */
static inline void weights(struct block *b, struct npu_cmd *c, uint32_t buf)
{
    const int i8 = c->op == NPU_GEMM_I8;
    c->in[1] =
        NPU_ADDR(buf, take(b, i8 ? k_packed_i8_bytes(c->n, c->k) : k_packed_f32_bytes(c->n, c->k)));
    c->in[2] = NPU_ADDR(buf, take(b, k_round(c->n, K_PAD_N) * 4 * (i8 ? 2 : 1)));
    c->flags |= NPU_BIAS;
}

/* Everything in buffer `buf`; constants first, so that a flush of them is one range. */
static inline void block_plan(struct block *b, uint32_t buf)
{
    struct npu_cmd *c, *gemm[4];
    size_t at[3];
    memset(b, 0, sizeof *b);
    struct npu_cmd *norm = cmd(b, NPU_NORM_Q, B_ROWS, B_D, B_D);
    gemm[0] = cmd(b, NPU_GEMM_I8, B_ROWS, 3 * B_D, B_D);
    struct npu_cmd *heads[3];
    for (int i = 0; i < 3; i++) {
        heads[i] = cmd(b, NPU_HEADS, B_ROWS, B_D, B_K);
    }
    struct npu_cmd *attn = cmd(b, NPU_ATTN_I8, B_ROWS, B_ROWS, B_K);
    struct npu_cmd *quant = cmd(b, NPU_QUANT, B_ROWS, B_D, B_D);
    gemm[1] = cmd(b, NPU_GEMM_I8, B_ROWS, B_D, B_D);
    struct npu_cmd *norm2 = cmd(b, NPU_NORM, B_ROWS, B_D, B_D);
    gemm[2] = cmd(b, NPU_GEMM_F32, B_ROWS, B_FF, B_D);
    gemm[3] = cmd(b, NPU_GEMM_F32, B_ROWS, B_D, B_FF);
    struct npu_cmd *attn2 = cmd(b, NPU_ATTN, B_ROWS, B_ROWS, B_K);
    c = cmd(b, NPU_COPY, B_ROWS, B_D, B_D);
    for (int i = 0; i < 4; i++) {
        weights(b, gemm[i], buf);
    }
    norm2->in[1] = NPU_ADDR(buf, take(b, 2 * B_D * 4));
    b->consts_b = b->end;
    b->x = take(b, B_ROWS * B_D * 4);
    const npu_addr x = NPU_ADDR(buf, b->x), rows = NPU_ADDR(buf, take(b, B_ROWS * B_D));
    const npu_addr fig = NPU_ADDR(buf, take(b, B_ROWS * 8));
    const npu_addr qkv = NPU_ADDR(buf, take(b, B_ROWS * 3 * B_D * 4));
    const npu_addr mix = NPU_ADDR(buf, take(b, B_ROWS * B_D * 4));
    const npu_addr wide = NPU_ADDR(buf, take(b, B_ROWS * B_FF * 4));
    norm->in[0] = x, norm->out = rows, norm->aux = fig;
    gemm[0]->in[0] = rows, gemm[0]->aux = fig, gemm[0]->out = qkv;
    for (int i = 0; i < 3; i++) {
        at[i] = take(b, k_heads_bytes(B_ROWS, B_HEADS, B_K));
        heads[i]->in[0] = qkv + (size_t)i * B_D * 4;
        heads[i]->lda = 3 * B_D;
        heads[i]->heads = B_HEADS;
        heads[i]->tile_n = 2;
        heads[i]->flags = i == 1 ? NPU_AS_K : i == 2 ? NPU_AS_V : 0;
        heads[i]->out = NPU_ADDR(buf, at[i]);
        attn->in[i] = heads[i]->out;
    }
    attn->out = mix, attn->ldo = B_D, attn->heads = B_HEADS, attn->tile_n = 1;
    attn->scale[0] = attn->scale[1] = 0.25f;
    quant->in[0] = mix, quant->out = rows, quant->aux = fig;
    gemm[1]->in[0] = rows, gemm[1]->aux = fig, gemm[1]->flags |= NPU_ADD;
    gemm[1]->in[3] = x, gemm[1]->ldp = B_D, gemm[1]->out = x; /* in place */
    norm2->in[0] = x, norm2->out = mix;
    gemm[2]->in[0] = mix, gemm[2]->flags |= NPU_GELU, gemm[2]->out = wide;
    gemm[3]->in[0] = wide, gemm[3]->flags |= NPU_ADD;
    gemm[3]->in[3] = x, gemm[3]->ldp = B_D, gemm[3]->out = x; /* and again */
    attn2->in[0] = attn2->in[1] = attn2->in[2] = x;
    attn2->lda = attn2->ldw = attn2->ldo = B_D, attn2->heads = B_HEADS, attn2->tile_n = 1;
    attn2->tile_m = 1, attn2->flags = NPU_CAUSAL, attn2->scale[0] = 0.25f, attn2->out = mix;
    c->in[0] = mix, c->out = NPU_ADDR(buf, take(b, B_ROWS * B_D * 4));
}

static inline void block_fill(const struct block *b, uint8_t *p, uint32_t seed)
{
    float *x = (float *)(void *)(p + b->x);
    for (size_t i = 0; i < b->consts_b / 4; i++) {
        /* as f32: small numbers; as u8 weights: any bytes */
        ((float *)(void *)p)[i] = (float)(int32_t)block_rnd(&seed) * 1e-10f;
    }
    for (int i = 0; i < B_ROWS * B_D; i++) {
        x[i] = (float)(int32_t)block_rnd(&seed) * 1e-9f;
    }
}

static inline void *direct_at(void *p, const struct dev_operand *o)
{
    return (uint8_t *)p + (o->addr & (((uint64_t)1 << 48) - 1));
}

/* Runs the list on column workers directly, over memory p. */
static inline void block_direct(const struct block *b, uint8_t *p, int times)
{
    struct dev *d;
    struct dev_job j[B_CMDS];
    size_t scratch = 64;
    assert_int_equal(dev_virt_open(&d, 4, 1, k_choose(0), NULL), 0);
    for (int i = 0; i < b->n; i++) {
        assert_int_equal(dev_cmd_resolve(&b->c[i], i, direct_at, p, &j[i], NULL), 0);
        const size_t s = k_scratch_bytes(&b->c[i]);
        scratch = s > scratch ? s : scratch;
    }
    for (int i = 0; i < times; i++) {
        assert_int_equal(d->ops->run(d, j, b->n, scratch, NULL), 0);
    }
    d->ops->close(d);
}

#endif
