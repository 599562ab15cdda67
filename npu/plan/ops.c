/* The operations of an encoder pass and of one decoder step, by what is fused.  Shapes only: tiles,
 * costs and places come later (plan.c).  Pure, any thread; allocates nothing. */
#include "npu/plan/plan.h"

#include <string.h>

static struct plan_op *add(struct plan *p, enum plan_part part, const char *name,
                           enum plan_kind kind, int times)
{
    struct plan_op *o = &p->op[p->n_ops++];
    memset(o, 0, sizeof *o);
    o->name = name;
    o->kind = kind;
    o->part = part;
    o->times = times;
    o->heads = 1;
    o->chunks = 1;
    return o;
}

/* e: bytes of an operand's value, ec: of a result's. */
static struct plan_op *gemm(struct plan *p, enum plan_part part, const char *name, int times,
                            int64_t M, int64_t K, int64_t N, int e, int ec)
{
    struct plan_op *o = add(p, part, name, PLAN_OP_GEMM, times);
    o->M = M, o->K = K, o->N = N;
    o->ea = o->eb = e;
    o->ec = ec;
    return o;
}

static void rows(struct plan *p, enum plan_part part, const char *name, int times, int64_t M,
                 int64_t N, double cyc, double in, double out)
{
    struct plan_op *o = add(p, part, name, PLAN_OP_ROWS, times);
    o->M = M, o->N = N;
    o->cyc = cyc;
    o->bytes_in = in, o->bytes_out = out;
}

static void attention(struct plan *p, int L, int64_t T)
{
    const struct plan_want *w = &p->want;
    const int H = w->shape.heads, hd = w->shape.width / H;
    const int64_t Tp = (T + 255) / 256 * 256; /* keys padded as rows are */
    if (w->fuse & PLAN_FUSE_ATTN) {
        struct plan_op *o = add(p, PLAN_BLOCKS, "attention", PLAN_OP_ATTN, L);
        o->heads = H;
        o->M = T, o->K = hd, o->N = Tp;
        /* 64 queries by 32 keys: Q, packed K|V twice, O and P fill a core (aie2.md 6, E3) */
        o->m = 64, o->k = hd, o->n = 32;
        o->ea = o->eb = 2, o->ec = 2;
        o->fixed_tile = true;
        return;
    }
    struct plan_op *o = gemm(p, PLAN_BLOCKS, "qk", L, T, hd, Tp, 2, 2);
    o->heads = H;
    o->m = 32, o->k = 64, o->n = 64;
    o->fixed_tile = true;
    rows(p, PLAN_BLOCKS, "softmax", L, (int64_t)H * T, Tp,
         w->tuned ? w->dev.softmax_cyc_t : w->dev.softmax_cyc, 2, 2);
    o = gemm(p, PLAN_BLOCKS, "pv", L, T, Tp, hd, 2, 2);
    o->heads = H;
    /* the columns together cover a head, 16 values each at least */
    o->m = 64, o->k = 64, o->n = p->cols < 4 ? 64 / p->cols : 16;
    o->fixed_tile = true;
}

/* Residual, LayerNorm, quantise before qkv and before fc1. */
static void norms(struct plan *p, int L, int64_t T, int d, int wb)
{
    const struct plan_dev *dev = &p->want.dev;
    if (p->want.fuse & PLAN_FUSE_NORM) {
        rows(p, PLAN_BLOCKS, "norm", 2 * L, T, d, dev->norm_cyc, 8, wb);
        return;
    }
    rows(p, PLAN_BLOCKS, "residual", 2 * L, T, d, dev->add_cyc, 8, 4);
    rows(p, PLAN_BLOCKS, "norm", 2 * L, T, d, dev->norm_cyc - dev->add_cyc, 4, 4);
    rows(p, PLAN_BLOCKS, wb == 1 ? "quantise" : "narrow", 2 * L, T, d, dev->add_cyc, 4, wb);
}

static void block(struct plan *p, int64_t T, int d, int wb)
{
    const struct plan_dev *dev = &p->want.dev;
    const int L = p->want.shape.enc_layers;
    const bool epi = p->want.fuse & PLAN_FUSE_EPILOGUE;
    norms(p, L, T, d, wb);
    gemm(p, PLAN_BLOCKS, "qkv", L, T, d, 3 * (int64_t)d, wb, epi ? 2 : 4);
    if (!epi) {
        rows(p, PLAN_BLOCKS, "bias qkv", L, T, 3 * (int64_t)d, dev->add_cyc, 4, 2);
    }
    attention(p, L, T);
    gemm(p, PLAN_BLOCKS, "o", L, T, d, d, wb, 4);
    if (!epi) {
        rows(p, PLAN_BLOCKS, "bias o", L, T, d, dev->add_cyc, 4, 4);
    }
    struct plan_op *o = gemm(p, PLAN_BLOCKS, "fc1", L, T, d, 4 * (int64_t)d, wb, epi ? wb : 4);
    if (epi) {
        o->cyc = dev->gelu_fused_cyc;
    } else {
        rows(p, PLAN_BLOCKS, "bias gelu", L, T, 4 * (int64_t)d, dev->gelu_cyc, 4, wb);
    }
    gemm(p, PLAN_BLOCKS, "fc2", L, T, 4 * (int64_t)d, d, wb, 4);
    if (!epi) {
        rows(p, PLAN_BLOCKS, "bias fc2", L, T, d, dev->add_cyc, 4, 4);
    }
}

/* One greedy step: every weight once, the cross keys and values once. */
static void token(struct plan *p, int d, int wb)
{
    const struct plan_shape *s = &p->want.shape;
    struct plan_op *o = add(p, PLAN_TOKEN, "token", PLAN_OP_HOST, 1);
    const double weights = 14.0 * d * d * s->dec_layers + (double)s->vocab * d;
    const double cross = 2.0 * p->want.ctx * d * s->dec_layers;
    o->M = 1, o->K = d, o->N = s->vocab;
    o->flops = 2 * (weights + cross);
    o->bytes = (weights + cross) * wb;
    o->calls = 10 * (int64_t)s->dec_layers + 1; /* of a device that did it */
}

void plan_list_ops(struct plan *p)
{
    const struct plan_want *w = &p->want;
    const int d = w->shape.width, wb = w->bf16 ? 2 : 1;
    const int64_t T = w->ctx;
    p->n_ops = 0;
    struct plan_op *o = add(p, PLAN_STEM, "mel", PLAN_OP_HOST, 1);
    o->M = 2 * T, o->N = w->shape.mels;
    o->bytes = 2.0 * (double)T * (160 * 4 + w->shape.mels * 4);
    /* im2col by the host; K is rounded up to whole tiles later; always bf16 */
    o = gemm(p, PLAN_STEM, "conv1", 1, 2 * T, 3 * (int64_t)w->shape.mels, d, 2, 2);
    o->cyc = w->dev.gelu_fused_cyc;
    o = gemm(p, PLAN_STEM, "conv2", 1, T, 3 * (int64_t)d, d, 2, 4);
    o->cyc = w->dev.gelu_fused_cyc;
    block(p, T, d, wb);
    rows(p, PLAN_TAIL, "norm post", 1, T, d, w->dev.norm_cyc, 8, wb);
    gemm(p, PLAN_TAIL, "cross kv", w->shape.dec_layers, T, d, 2 * (int64_t)d, wb, 2);
    token(p, d, wb);
}
