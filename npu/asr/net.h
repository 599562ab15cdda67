/* The engine's insides: where weights and activations live on the device.  For engine.c, weights.c
 * and plan.c alone. */
#ifndef ASR_NET_H
#define ASR_NET_H

#include "npu/asr/engine.h"

/* A linear layer in a device buffer: out = a w^T (+ bias). */
struct net_lin {
    npu_addr w, par;
    uint32_t n, k;
    int i8;
    int fine; /* INT8 with activations of 16 bits */
    /* Low planes (kernels/k.h) lie behind the weights.  deep: every row meets them; blocks: rows are
     * INT8 about the mean of every NET_BLOCK of them, and only that mean meets both planes. */
    int deep, blocks;
    int w4; /* weights of 4 bits */
};

struct net_block {
    npu_addr attn_ln, cross_ln, mlp_ln; /* gain, bias; unused where folded into the weights */
    struct net_lin kvq, out, cross_q, cross_kv, cross_out, fc1, fc2;
};

struct net_side {
    int layers, state, heads;
    struct net_block *block;
    npu_addr ln; /* last LayerNorm */
};

/* Rows of a tile of the large products, which share a mean. */
enum { NET_BLOCK = 96 };

/* Rows of the encoder that pass the MLP together, on INT8: their wide rows (4 state) are 3 to 5 MB, and are read where
 * they were written before others take their place in the caches.  Up to NET_MLP_MOST rows pass in one part. */
enum { NET_MLP_ROWS = 4 * NET_BLOCK, NET_MLP_MOST = 6 * NET_BLOCK };


/* Activations: one buffer each, sized for the largest pass. */
struct net_work {
    npu_addr mel, conv, x, y, q8, fig, kvq, att, h, cross, kv, enc_out, logits;
    npu_addr range; /* of logits: struct k_range [rows][net_pieces()], see struct asr_row */
    npu_addr hq, hk, hv; /* INT8 heads: queries, keys, values */
    npu_addr mean, mean8, mean_fig, mean_out; /* of blocks: f32, two planes of s8; times the weights */
    npu_addr centre;                    /* of keys and values: [2 state] */
    npu_addr cross_centre;              /* the same for each decoder layer */
};

struct asr_engine {
    const struct asr_model *model;
    struct asr_hparams hp;
    struct npu_rt *rt;
    enum asr_precision prec;
    int fold;  /* LayerNorm gains are inside the weights (INT8) */
    int heads; /* attention over the sound runs on INT8 heads */

    struct net_side enc, dec;
    struct net_lin conv1, conv2, logits;
    npu_addr enc_pos; /* [n_audio_ctx][state] */
    const struct asr_tensor *embed;
    float *dec_pos; /* [n_text_ctx][state] */
    float *row;     /* [n_text_ctx][state]: embeddings on their way in */

    const char *packs; /* folder for packed weights, NULL: none; while loading */
    uint32_t weight_buf, work_buf, xattn_buf;
    uint64_t weight_b, kv_b, work_b;
    struct net_work at;

    struct npu_list enc_list, dec_list;
    int enc_list_ctx; /* audio_ctx the encoder's list was made for */
    int ctx;          /* of the last encoder pass */
    int dec_rows, dec_n; /* of the last decoder pass */
    float *widened;      /* [text state]: a row of the token table */

    uint8_t xhead[ASR_MAX_XHEADS][2];
    int n_xhead;
    uint64_t *xmask; /* [text layers] */
    npu_addr *xat;   /* [text layers]: probabilities of a layer's chosen heads */

    struct hist hist[ASR_STAGES];

    int probe;
    float *probe_enc, *probe_dec, *probe_conv;
};

/* What net_load makes of a model file.  Raise it with every change of what stands in the weight
 * buffer: packs of other versions are not read. */
enum { NET_PACK_VERSION = 4 };

/* Floats from a row of logits to the next: whole cache lines, or every other row's stores straddle two. */
static inline size_t net_logit_stride(const struct asr_engine *g) { return ((size_t)g->hp.n_vocab + 15) / 16 * 16; }

static inline size_t net_pieces(const struct asr_engine *g)
{
    return ((size_t)g->hp.n_vocab + ASR_PIECE - 1) / ASR_PIECE;
}

/* A decoder layer's cache is its rows of key and value.  Floats from a row to the next: an odd number of cache
 * lines, so that the keys of one head do not meet in a few sets of the nearest cache. */
static inline size_t net_cache_stride(const struct asr_engine *g)
{
    const size_t lines = (2 * (size_t)g->dec.state + 15) / 16;
    return 16 * (lines | 1);
}

/* With a row more, for the query of the last (plan.c, add_kvq). */
static inline size_t net_cache_bytes(const struct asr_engine *g)
{
    return ((size_t)g->hp.n_text_ctx + 1) * net_cache_stride(g) * 4;
}

/* weights.c */
int net_load(struct asr_engine *g, struct err *e);
/* refine.c: the best logits of row i, worked out again from the unrounded token table. */
void net_refine(struct asr_engine *g, int i);
/* plan.c: writes the lists. */
int net_plan_encoder(struct asr_engine *g, int ctx, struct err *e);
int net_plan_decoder(struct asr_engine *g, int n, int n_past, int rows, struct err *e);

/* Bytes of one layer's cross keys (and, after them, values). */
size_t net_cross_bytes(const struct asr_engine *g);

static inline void *net_map(const struct asr_engine *g, npu_addr a)
{
    return (char *)npu_buf_map(g->rt, (uint32_t)(a >> 48)) + (a & (((npu_addr)1 << 48) - 1));
}

#endif
