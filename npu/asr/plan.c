/* Command lists of the encoder and the decoder: shapes to commands, tiles and addresses.
 *
 * Tile shapes depend on the command's shape alone, never on the number of columns: so results do not
 * either.  Large products are cut so that a tile's rows and a panel of weights stay in a core's L2;
 * products of a few rows (decoder) are cut along the output channels only. */
#include <math.h>
#include <string.h>

#include "kernels/k.h"
#include "npu/asr/net.h"

enum { FEW_ROWS = 24 };

static uint16_t small(uint32_t x, uint32_t max) { return (uint16_t)(x < max ? x : max); }

static int add(struct npu_list *l, const struct npu_cmd *c) { return npu_list_add(l, c) < 0; }

static uint16_t tile_rows(uint32_t m) { return (uint16_t)(m <= FEW_ROWS ? m : NET_BLOCK); }

/* Rows of a tile of LayerNorm and quantisation: the decoder's few go to as many columns as there can be. */
static uint16_t norm_rows(uint32_t m) { return m <= FEW_ROWS ? (uint16_t)((m + 7) / 8) : 32; }

/* Columns of a tile of a few rows.  A tile reads its weights in a run, so they are as many as can be: an eighth, so that
 * eight columns of the array have something, 2048 at most; fewer where two threads would get far from a half each. */
static uint16_t few_columns(uint32_t n)
{
    enum { MOST = 2048 / K_PAD_N };
    const uint32_t panels = (n + K_PAD_N - 1) / K_PAD_N, rounds = (panels + 8 * MOST - 1) / (8 * MOST);
    const uint32_t most = (panels + 8 * rounds - 1) / (8 * rounds);
    uint32_t best = most, least = UINT32_MAX;
    for (uint32_t p = most; 2 * p > most; p--) {
        const uint32_t tiles = (panels + p - 1) / p, half = (tiles + 1) / 2 * p;
        if (half < least - least / 32) {
            least = half;
            best = p;
        }
    }
    return (uint16_t)(best * K_PAD_N);
}

static uint32_t blocks_of(uint32_t m) { return (m + tile_rows(m) - 1) / tile_rows(m); }

/* The means that were subtracted from the blocks of m rows, as rows of 16 bits. */
static int add_means(struct asr_engine *g, struct npu_list *l, uint32_t m, uint32_t k)
{
    struct npu_cmd c = {.op = NPU_QUANT,
                        .flags = NPU_FINE,
                        .m = blocks_of(m),
                        .n = k,
                        .k = k,
                        .lda = k,
                        .ldo = k_round(k, K_PAD_K),
                        .tile_m = 4,
                        .tile_n = 1,
                        .in = {g->at.mean},
                        .out = g->at.mean8,
                        .aux = g->at.mean_fig};
    return add(l, &c);
}

/* Those means times both planes of a layer's weights. */
static int add_mean_gemm(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m)
{
    struct npu_cmd c = {.op = NPU_GEMM_I8,
                        .flags = NPU_FINE | NPU_DEEP,
                        .m = blocks_of(m),
                        .n = w->n,
                        .k = w->k,
                        .lda = k_round(w->k, K_PAD_K),
                        .ldo = k_round(w->n, K_PAD_N),
                        .tile_n = 64,
                        .in = {g->at.mean8, w->w, w->par},
                        .out = g->at.mean_out,
                        .aux = g->at.mean_fig};
    c.tile_m = (uint16_t)c.m;
    return add(l, &c);
}

/* rows x lin: a at `in` (stride lda elements), residual rows at `res` when not 0; the products of the blocks' means are
 * there. */
static int add_products(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m,
                    npu_addr in, uint32_t lda, npu_addr out, uint32_t ldo, unsigned flags,
                    npu_addr res, uint32_t ldr)
{
    struct npu_cmd c = {
        .op = w->i8 ? NPU_GEMM_I8 : NPU_GEMM_F32,
        .flags = (uint16_t)(flags | NPU_BIAS | (res ? NPU_ADD : 0) | (w->fine ? NPU_FINE : 0)),
        .m = m,
        .n = w->n,
        .k = w->k,
        .lda = lda,
        .ldo = ldo,
        .ldp = ldr,
        .in = {in, w->w, w->par, res},
        .out = out,
        .aux = w->i8 ? g->at.fig : 0,
    };
    /* the encoder's GELU: the decoder has few */
    c.flags |= (uint16_t)((w->deep ? NPU_DEEP : 0) | (w->w4 ? NPU_W4 : 0) | (w->blocks && flags & NPU_GELU ? NPU_ROUGH : 0));
    if (w->blocks) {
        c.flags |= NPU_BLOCKS;
        c.more = g->at.mean_out;
        c.ldw = k_round(w->n, K_PAD_N);
    }
    c.tile_m = tile_rows(m);
    if (m <= FEW_ROWS) {
        c.tile_n = few_columns(w->n);
    } else {
        c.tile_n = 128;
    }
    return add(l, &c);
}

/* The same after the products of the means. */
static int add_gemm(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m,
                    npu_addr in, uint32_t lda, npu_addr out, uint32_t ldo, unsigned flags,
                    npu_addr res, uint32_t ldr)
{
    const int bad = w->blocks ? add_mean_gemm(g, l, w, m) : 0;
    return bad | add_products(g, l, w, m, in, lda, out, ldo, flags, res, ldr);
}

/* Rows to s8 for layer w: about the means of blocks where it has both planes. */
static int add_rows(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, struct npu_cmd *c)
{
    c->flags = (uint16_t)((w->fine ? NPU_FINE : 0) | (w->blocks ? NPU_CENTRE : 0));
    c->n = c->k = w->k;
    c->ldo = k_round(w->k, K_PAD_K);
    c->ldp = w->k;
    c->tile_m = w->blocks ? tile_rows(c->m) : norm_rows(c->m);
    c->tile_n = 1;
    c->in[3] = w->blocks ? g->at.mean : 0;
    c->out = g->at.q8;
    c->aux = g->at.fig;
    const int bad = add(l, c);
    return bad | (w->blocks ? add_means(g, l, c->m, w->k) : 0);
}

/* The rows a linear layer will read: as they are (f32), or quantised. */
static int add_input(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m,
                     npu_addr *in, uint32_t *lda)
{
    if (!w->i8) {
        return 0;
    }
    struct npu_cmd c = {.op = NPU_QUANT, .m = m, .lda = *lda, .in = {*in}};
    const int bad = add_rows(g, l, w, &c);
    *in = c.out;
    *lda = c.ldo;
    return bad;
}

/* LayerNorm of the residual stream, gain and bias at ln, to f32 rows. */
static int add_norm(struct asr_engine *g, struct npu_list *l, npu_addr ln, uint32_t m, uint32_t k,
                    npu_addr x, npu_addr *in, uint32_t *lda)
{
    struct npu_cmd c = {.op = NPU_NORM,
                        .m = m,
                        .n = k,
                        .k = k,
                        .lda = k,
                        .ldo = k,
                        .tile_m = norm_rows(m),
                        .tile_n = 1,
                        .in = {x, ln},
                        .out = g->at.y};
    *in = c.out;
    *lda = c.ldo;
    return add(l, &c);
}

/* LayerNorm before a linear layer: to f32 rows, or straight to s8 rows (its gain and bias are inside the
 * weights then). */
static int add_norm_for(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, npu_addr ln,
                        uint32_t m, npu_addr x, npu_addr *in, uint32_t *lda)
{
    if (!w->i8) {
        return add_norm(g, l, ln, m, w->k, x, in, lda);
    }
    struct npu_cmd c = {.op = NPU_NORM_Q, .m = m, .lda = w->k, .in = {x}};
    const int bad = add_rows(g, l, w, &c);
    *in = c.out;
    *lda = c.ldo;
    return bad;
}

static int add_attn(struct npu_list *l, const struct net_side *s, uint32_t m, uint32_t n,
                    npu_addr q, uint32_t ldq, npu_addr keys, npu_addr vals, uint32_t ldkv,
                    npu_addr out, unsigned flags, uint32_t tile_m, npu_addr probs, uint64_t mask)
{
    const uint32_t d = (uint32_t)(s->state / s->heads);
    struct npu_cmd c = {.op = NPU_ATTN,
                        .flags = (uint16_t)(flags | (mask ? NPU_PROBS : 0)),
                        .m = m,
                        .n = n,
                        .k = d,
                        .lda = ldq,
                        .ldw = ldkv,
                        .ldo = (uint32_t)s->state,
                        .ldp = n,
                        .tile_m = (uint16_t)tile_m,
                        .tile_n = 1,
                        .heads = (uint16_t)s->heads,
                        .in = {q, keys, vals, mask ? probs : 0},
                        .out = out,
                        .mask = mask,
                        .scale = {1.0f / sqrtf((float)d)}};
    return add(l, &c);
}

/* The mean of some of m rows of keys and values, side by side at `in`.  Any vector near them all will do:
 * what it leaves is what is rounded, and nothing is lost. */
static int add_centre(struct npu_list *l, const struct net_side *s, uint32_t m, npu_addr in, uint32_t lda,
                      npu_addr out)
{
    struct npu_cmd c = {.op = NPU_MEAN,
                        .m = 1,
                        .n = m,
                        .k = 2 * (uint32_t)s->state,
                        .lda = lda,
                        .ldw = m < 64 ? 1 : 8,
                        .tile_m = 1,
                        .tile_n = 64,
                        .in = {in},
                        .out = out};
    return add(l, &c);
}

/* f32 rows of one kind to INT8 heads at `out`, about `centre` when that is not 0. */
static int add_heads(struct npu_list *l, const struct net_side *s, unsigned as, uint32_t m,
                     npu_addr in, uint32_t lda, npu_addr centre, npu_addr out)
{
    struct npu_cmd c = {.op = NPU_HEADS,
                        .flags = (uint16_t)(as | (centre ? NPU_CENTRE : 0)),
                        .m = m,
                        .n = (uint32_t)s->state,
                        .k = (uint32_t)(s->state / s->heads),
                        .lda = lda,
                        .tile_m = 64,
                        .tile_n = 4,
                        .heads = (uint16_t)s->heads,
                        .in = {in, centre},
                        .out = out};
    return add(l, &c);
}

/* INT8 attention of m query rows at hq over n keys; centre: of the values. */
static int add_attn_i8(struct asr_engine *g, struct npu_list *l, const struct net_side *s,
                       uint32_t m, uint32_t n, npu_addr keys, npu_addr vals, npu_addr centre, npu_addr probs,
                       uint64_t mask)
{
    const uint32_t d = (uint32_t)(s->state / s->heads);
    struct npu_cmd c = {.op = NPU_ATTN_I8,
                        .flags = (uint16_t)(NPU_CENTRE | (mask ? NPU_PROBS : 0)),
                        .m = m,
                        .n = n,
                        .k = d,
                        .ldo = (uint32_t)s->state,
                        .ldp = n,
                        .tile_m = small(m, 96),
                        .tile_n = 1,
                        .heads = (uint16_t)s->heads,
                        .in = {g->at.hq, keys, vals, mask ? probs : 0},
                        .out = g->at.att,
                        .mask = mask,
                        .more = centre,
                        .scale = {0, 1.44269504f / sqrtf((float)d)}};
    return add(l, &c);
}

static int add_self_attn(struct asr_engine *g, struct npu_list *l, uint32_t m)
{
    const uint32_t d = (uint32_t)g->enc.state;
    const npu_addr k = g->at.kvq, v = k + (npu_addr)d * 4, q = k + (npu_addr)d * 8;
    if (!g->heads) {
        return add_attn(l, &g->enc, m, m, q, 3 * d, k, v, 3 * d, g->at.att, 0, 48, 0, 0);
    }
    const npu_addr ck = g->at.centre, cv = ck + (npu_addr)d * 4;
    int bad = add_centre(l, &g->enc, m, k, 3 * d, ck);
    bad |= add_heads(l, &g->enc, 0, m, q, 3 * d, 0, g->at.hq);
    bad |= add_heads(l, &g->enc, NPU_AS_K, m, k, 3 * d, ck, g->at.hk);
    bad |= add_heads(l, &g->enc, NPU_AS_V, m, v, 3 * d, cv, g->at.hv);
    return bad | add_attn_i8(g, l, &g->enc, m, m, g->at.hk, g->at.hv, cv, 0, 0);
}

static npu_addr cross_at(const struct asr_engine *g, int layer)
{
    return g->at.cross + (npu_addr)layer * net_cross_bytes(g);
}

/* Centre of a decoder layer's cross keys; its values' follows. */
static npu_addr cross_centre_at(const struct asr_engine *g, int layer)
{
    return g->at.cross_centre + (npu_addr)layer * 2 * (npu_addr)g->dec.state * 4;
}

/* Keys and values of the sound for one decoder layer. */
static int add_cross_kv(struct asr_engine *g, struct npu_list *l, int layer, uint32_t m,
                        npu_addr in, uint32_t lda)
{
    const uint32_t d = (uint32_t)g->dec.state;
    const struct net_lin *w = &g->dec.block[layer].cross_kv;
    const npu_addr at = cross_at(g, layer);
    if (!g->heads) {
        return add_gemm(g, l, w, m, in, lda, at, 2 * d, 0, 0, 0);
    }
    int bad = add_gemm(g, l, w, m, in, lda, g->at.h, 2 * d, 0, 0, 0);
    const npu_addr centre = cross_centre_at(g, layer);
    bad |= add_centre(l, &g->dec, m, g->at.h, 2 * d, centre);
    bad |= add_heads(l, &g->dec, NPU_AS_K, m, g->at.h, 2 * d, centre, at);
    return bad | add_heads(l, &g->dec, NPU_AS_V, m, g->at.h + (npu_addr)d * 4, 2 * d,
                           centre + (npu_addr)d * 4, at + net_cross_bytes(g) / 2);
}

/* Attention of the queries at h over the sound. */
static int add_cross_attn(struct asr_engine *g, struct npu_list *l, int layer, uint32_t m)
{
    const uint32_t d = (uint32_t)g->dec.state, ctx = (uint32_t)g->ctx;
    const npu_addr at = cross_at(g, layer);
    if (!g->heads) {
        return add_attn(l, &g->dec, m, ctx, g->at.h, d, at, at + (npu_addr)d * 4, 2 * d,
                        g->at.att, 0, 1, g->xat[layer], g->xmask[layer]);
    }
    int bad = add_heads(l, &g->dec, 0, m, g->at.h, d, 0, g->at.hq);
    return bad | add_attn_i8(g, l, &g->dec, m, ctx, at, at + net_cross_bytes(g) / 2,
                             cross_centre_at(g, layer) + (npu_addr)d * 4, g->xat[layer], g->xmask[layer]);
}

/* The MLP after its LayerNorm, rows at `in`, part by part.  The first rows come last: a command that adds onto the
 * residual stream from its beginning on ends a step (engine.c, run_probed). */
static int add_mlp_parts(struct asr_engine *g, struct npu_list *l, const struct net_block *b, uint32_t m, uint32_t d,
                         npu_addr in, uint32_t lda)
{
    const struct net_work at = g->at;
    const npu_addr means = k_round(b->fc1.n, K_PAD_N) * 4, figure = sizeof(struct k_row);
    int bad = add_mean_gemm(g, l, &b->fc1, m);
    for (uint32_t i = (m - 1) / NET_MLP_ROWS * NET_MLP_ROWS; i < m; i -= NET_MLP_ROWS) { /* below 0 it is huge */
        const uint32_t rows = m - i < NET_MLP_ROWS ? m - i : NET_MLP_ROWS;
        const npu_addr x = at.x + (npu_addr)i * d * 4;
        npu_addr h = at.h;
        uint32_t ldh = 4 * d;
        g->at.fig = at.fig + i * figure;
        g->at.mean_out = at.mean_out + i / NET_BLOCK * means;
        bad |= add_products(g, l, &b->fc1, rows, in + (npu_addr)i * lda, lda, h, ldh, NPU_GELU, 0, 0);
        /* behind what all rows of the LayerNorm need */
        g->at.q8 = at.q8 + (npu_addr)m * lda;
        g->at.fig = at.fig + m * figure;
        g->at.mean_out = at.mean_out + blocks_of(m) * means;
        bad |= add_input(g, l, &b->fc2, rows, &h, &ldh);
        bad |= add_gemm(g, l, &b->fc2, rows, h, ldh, x, d, 0, x, d);
        g->at = at;
    }
    return bad;
}

static int add_mlp(struct asr_engine *g, struct npu_list *l, const struct net_side *s,
                   const struct net_block *b, uint32_t m)
{
    const uint32_t d = (uint32_t)s->state;
    npu_addr in;
    uint32_t lda;
    int bad = add_norm_for(g, l, &b->fc1, b->mlp_ln, m, g->at.x, &in, &lda);
    if (b->fc1.blocks && m > NET_MLP_MOST) {
        return bad | add_mlp_parts(g, l, b, m, d, in, lda);
    }
    bad |= add_gemm(g, l, &b->fc1, m, in, lda, g->at.h, 4 * d, NPU_GELU, 0, 0);
    in = g->at.h;
    lda = 4 * d;
    bad |= add_input(g, l, &b->fc2, m, &in, &lda);
    return bad | add_gemm(g, l, &b->fc2, m, in, lda, g->at.x, d, 0, g->at.x, d);
}

/* What follows attention: output projection onto the residual stream. */
static int add_out(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m,
                   uint32_t d)
{
    npu_addr in = g->at.att;
    uint32_t lda = d;
    int bad = add_input(g, l, w, m, &in, &lda);
    return bad | add_gemm(g, l, w, m, in, lda, g->at.x, d, 0, g->at.x, d);
}

int net_plan_encoder(struct asr_engine *g, int ctx, struct err *e)
{
    struct npu_list *l = &g->enc_list;
    const uint32_t d = (uint32_t)g->enc.state, mels = (uint32_t)g->hp.n_mels, m = (uint32_t)ctx;
    npu_addr in;
    uint32_t lda;
    int bad = 0;
    l->n = 0;
    l->checked = 0;
    l->what = "encoder";
    /* A row of the convolutions is three frames in a row: rows overlap, nothing is copied.  Both
     * inputs begin with a frame of zeros. */
    in = g->at.mel;
    lda = mels;
    bad |= add_input(g, l, &g->conv1, 2 * m, &in, &lda);
    bad |= add_gemm(g, l, &g->conv1, 2 * m, in, lda, g->at.conv + (npu_addr)d * 4, d, NPU_GELU, 0,
                    0);
    in = g->at.conv;
    lda = 2 * d;
    bad |= add_input(g, l, &g->conv2, m, &in, &lda);
    bad |= add_gemm(g, l, &g->conv2, m, in, lda, g->at.x, d, NPU_GELU, g->enc_pos, d);
    for (int i = 0; i < g->enc.layers; i++) {
        const struct net_block *b = &g->enc.block[i];
        bad |= add_norm_for(g, l, &b->kvq, b->attn_ln, m, g->at.x, &in, &lda);
        bad |= add_gemm(g, l, &b->kvq, m, in, lda, g->at.kvq, 3 * d, 0, 0, 0);
        bad |= add_self_attn(g, l, m);
        bad |= add_out(g, l, &b->out, m, d);
        bad |= add_mlp(g, l, &g->enc, b, m);
    }
    npu_addr q8 = 0;
    uint32_t ldq8 = 0;
    bad |= add_norm(g, l, g->enc.ln, m, d, g->at.x, &in, &lda);
    l->cmd[l->n - 1].out = g->at.enc_out;
    if (g->fold) {
        /* the same for every layer */
        bad |= add_norm_for(g, l, &g->dec.block[0].cross_kv, 0, m, g->at.x, &q8, &ldq8);
    }
    for (int i = 0; i < g->dec.layers; i++) {
        bad |= add_cross_kv(g, l, i, m, g->fold ? q8 : g->at.enc_out, g->fold ? ldq8 : d);
    }
    return bad ? err_set(e, ERR_MEM, "no memory for the encoder's command list") : 0;
}

/* Keys and values of m rows to the cache at `now`, and their queries.  One row's query lies behind its value, where the
 * next row's key will be; those of several rows would lie in one another's way, and so they come from elsewhere. */
static int add_kvq(struct asr_engine *g, struct npu_list *l, const struct net_lin *w, uint32_t m, npu_addr in,
                   uint32_t lda, npu_addr now, npu_addr *q, uint32_t *ldq)
{
    const uint32_t d = (uint32_t)g->dec.state;
    const npu_addr to = m == 1 ? now : g->at.h;
    const struct npu_cmd c = {.op = NPU_COPY,
                              .m = m,
                              .n = 2 * d,
                              .k = 2 * d,
                              .lda = 3 * d,
                              .ldo = (uint32_t)net_cache_stride(g),
                              .tile_m = norm_rows(m),
                              .tile_n = 1,
                              .in = {to},
                              .out = now};
    *q = to + (npu_addr)d * 8;
    *ldq = 3 * d;
    const int bad = add_gemm(g, l, w, m, in, lda, to, 3 * d, 0, 0, 0);
    return bad | (m > 1 ? add(l, &c) : 0);
}

/* Where the best logits are, for refine.c, and what all of them add up to, for pick.c: a tile for each column. */
static int add_range(const struct asr_engine *g, struct npu_list *l, uint32_t rows)
{
    const uint32_t pieces = (uint32_t)net_pieces(g);
    const struct npu_cmd c = {.op = NPU_RANGE,
                              .m = rows,
                              .n = (uint32_t)g->hp.n_vocab,
                              .k = ASR_PIECE,
                              .lda = (uint32_t)net_logit_stride(g),
                              .ldo = pieces * (uint32_t)(sizeof(struct k_range) / sizeof(float)),
                              .tile_m = (uint16_t)rows,
                              .tile_n = (uint16_t)((pieces + 7) / 8),
                              .in = {g->at.logits},
                              .out = g->at.range};
    return add(l, &c);
}

int net_plan_decoder(struct asr_engine *g, int n, int n_past, int rows, struct err *e)
{
    struct npu_list *l = &g->dec_list;
    const uint32_t d = (uint32_t)g->dec.state, m = (uint32_t)n;
    npu_addr in;
    uint32_t lda;
    int bad = 0;
    l->n = 0;
    l->checked = 0;
    l->what = "decoder";
    for (int i = 0; i < g->dec.layers; i++) {
        const struct net_block *b = &g->dec.block[i];
        const npu_addr kv = g->at.kv + (npu_addr)i * net_cache_bytes(g);
        const uint32_t stride = (uint32_t)net_cache_stride(g);
        const npu_addr now = kv + (npu_addr)n_past * stride * 4;
        npu_addr q;
        uint32_t ldq;
        bad |= add_norm_for(g, l, &b->kvq, b->attn_ln, m, g->at.x, &in, &lda);
        bad |= add_kvq(g, l, &b->kvq, m, in, lda, now, &q, &ldq);
        bad |= add_attn(l, &g->dec, m, (uint32_t)(n_past + n), q, ldq, kv, kv + (npu_addr)d * 4, stride,
                        g->at.att, NPU_CAUSAL, m, 0, 0);
        bad |= add_out(g, l, &b->out, m, d);
        bad |= add_norm_for(g, l, &b->cross_q, b->cross_ln, m, g->at.x, &in, &lda);
        bad |= add_gemm(g, l, &b->cross_q, m, in, lda, g->at.h, d, 0, 0, 0);
        bad |= add_cross_attn(g, l, i, m);
        bad |= add_out(g, l, &b->cross_out, m, d);
        bad |= add_mlp(g, l, &g->dec, b, m);
    }
    if (rows) {
        const npu_addr x = g->at.x + (npu_addr)(n - rows) * d * 4;
        if (g->fold) {
            /* rows in f32 too, for refine.c */
            bad |= add_norm(g, l, g->dec.ln, (uint32_t)rows, d, x, &in, &lda);
        }
        bad |= add_norm_for(g, l, &g->logits, g->dec.ln, (uint32_t)rows, x, &in, &lda);
        bad |= add_gemm(g, l, &g->logits, (uint32_t)rows, in, lda, g->at.logits,
                        (uint32_t)net_logit_stride(g), 0, 0, 0);
        bad |= add_range(g, l, (uint32_t)rows);
    }
    return bad ? err_set(e, ERR_MEM, "no memory for the decoder's command list") : 0;
}
