/* Weights from the model file into one device buffer: widened, folded, quantised, packed.
 *
 * INT8 folds each LayerNorm's gain g and bias b into the layers that read it,
 *   W (g * x + b) + c  =  (W diag(g)) x + (W b + c),
 * so that outlier gains never meet the activation scale.  Exact but for rounding, and free at run time.
 * Load time only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/k.h"
#include "npu/asr/net.h"

/* A bump allocator over the weight buffer; with base NULL it only measures. */
struct place {
    uint32_t buf;
    size_t used;
};

static npu_addr take(struct place *p, size_t bytes)
{
    npu_addr a = NPU_ADDR(p->buf, p->used);
    p->used += (bytes + 63) / 64 * 64;
    return a;
}

static void place_lin(struct place *p, struct net_lin *l, int n, int k, int i8)
{
    l->n = (uint32_t)n;
    l->k = (uint32_t)k;
    l->i8 = i8;
    l->w = take(p, i8 ? k_packed_i8_bytes(l->n, l->k) : k_packed_f32_bytes(l->n, l->k));
    l->par = take(p, (size_t)k_round(l->n, K_PAD_N) * 4 * (i8 ? 2 : 1));
}

static void place_side(struct place *p, struct net_side *s, int audio_state, int i8)
{
    const int d = s->state;
    for (int i = 0; i < s->layers; i++) {
        struct net_block *b = &s->block[i];
        b->attn_ln = take(p, (size_t)d * 8);
        b->mlp_ln = take(p, (size_t)d * 8);
        place_lin(p, &b->qkv, 3 * d, d, i8);
        place_lin(p, &b->out, d, d, i8);
        place_lin(p, &b->fc1, 4 * d, d, i8);
        place_lin(p, &b->fc2, d, 4 * d, i8);
        if (audio_state) {
            b->cross_ln = take(p, (size_t)d * 8);
            place_lin(p, &b->cross_q, d, d, i8);
            place_lin(p, &b->cross_kv, 2 * d, audio_state, i8);
            place_lin(p, &b->cross_out, d, d, i8);
        }
    }
    s->ln = take(p, (size_t)d * 8);
}

static void place_all(struct asr_engine *g, struct place *p)
{
    const int i8 = g->prec == ASR_PREC_INT8;
    p->used = 0;
    /* the first convolution reads the log-mel itself: 1 % of the work, kept in f32 */
    place_lin(p, &g->conv1, g->enc.state, 3 * g->hp.n_mels, 0);
    place_lin(p, &g->conv2, g->enc.state, 3 * g->enc.state, i8);
    g->enc_pos = take(p, (size_t)g->hp.n_audio_ctx * (size_t)g->enc.state * 4);
    place_side(p, &g->enc, 0, i8);
    place_side(p, &g->dec, g->enc.state, i8);
    place_lin(p, &g->logits, g->hp.n_vocab, g->dec.state, i8);
}

static const struct asr_tensor *find(const struct asr_engine *g, const char *prefix, int layer,
                                     const char *name)
{
    char full[96];
    if (layer < 0) {
        snprintf(full, sizeof full, "%s.%s", prefix, name);
    } else {
        snprintf(full, sizeof full, "%s.blocks.%d.%s", prefix, layer, name);
    }
    return asr_model_tensor(g->model, full);
}

static float *widen_vector(const struct asr_tensor *t, int n, float *out)
{
    if (t) {
        asr_widen(t->type, t->data, (size_t)n, out);
    } else {
        memset(out, 0, (size_t)n * sizeof *out);
    }
    return out;
}

/* One matrix of a layer: rows go to output channels from `col` on. */
struct part {
    const struct asr_tensor *w, *bias; /* bias NULL: zero */
};

/* Turns [in][3] of a convolution into [3][in], so that a row meets three frames in a row. */
static void turn_conv(const float *in, int channels, float *out)
{
    for (int c = 0; c < channels; c++) {
        for (int t = 0; t < 3; t++) {
            out[t * channels + c] = in[c * 3 + t];
        }
    }
}

static void fill_part(struct asr_engine *g, const struct net_lin *l, const struct part *p,
                      uint32_t col, const float *norm, float *tmp)
{
    float *par = net_map(g, l->par);
    const uint32_t np = k_round(l->n, K_PAD_N), k = l->k;
    const int conv = p->w->n_dims == 3;
    const uint32_t rows = (uint32_t)(conv ? p->w->ne[2] : p->w->ne[1]);
    float *w = tmp, *turned = tmp + k, *bias = tmp + 2 * (size_t)k;
    widen_vector(p->bias, (int)rows, bias);
    for (uint32_t r = 0; r < rows; r++) {
        float b = bias[r];
        if (conv) {
            asr_widen(p->w->type, p->w->data + (size_t)r * (p->w->size_b / rows), k, turned);
            turn_conv(turned, (int)k / 3, w);
        } else {
            asr_tensor_row(p->w, r, w);
        }
        if (norm) {
            double add = 0;
            for (uint32_t i = 0; i < k; i++) {
                add += (double)w[i] * (double)norm[k + i];
                w[i] *= norm[i];
            }
            b += (float)add;
        }
        if (l->i8) {
            par[col + r] = k_pack_i8(net_map(g, l->w), k, col + r, w);
            par[np + col + r] = b;
        } else {
            k_pack_f32(net_map(g, l->w), k, col + r, w);
            par[col + r] = b;
        }
    }
}

/* Fills a layer from parts; norm: gain and bias [2k] to fold, or NULL. */
static void fill_lin(struct asr_engine *g, const struct net_lin *l, const struct part *p, int parts,
                     const float *norm, float *tmp)
{
    uint32_t col = 0;
    if (l->i8) {
        k_pack_i8_init(net_map(g, l->w), l->n, l->k);
    }
    for (int i = 0; i < parts; i++) {
        fill_part(g, l, &p[i], col, norm, tmp);
        col += (uint32_t)(p[i].w->n_dims == 3 ? p[i].w->ne[2] : p[i].w->ne[1]);
    }
}

/* Gain and bias of a LayerNorm to the device, and to `norm` [2n] on the host. */
static float *load_norm(struct asr_engine *g, npu_addr at, const char *prefix, int layer,
                        const char *name, int n, float *norm)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    widen_vector(find(g, prefix, layer, full), n, norm);
    snprintf(full, sizeof full, "%s.bias", name);
    widen_vector(find(g, prefix, layer, full), n, norm + n);
    memcpy(net_map(g, at), norm, (size_t)n * 8);
    return g->fold ? norm : NULL;
}

static struct part part_of(struct asr_engine *g, const char *prefix, int layer, const char *name)
{
    char full[64];
    struct part p;
    snprintf(full, sizeof full, "%s.weight", name);
    p.w = find(g, prefix, layer, full);
    snprintf(full, sizeof full, "%s.bias", name);
    p.bias = find(g, prefix, layer, full);
    return p;
}

/* norm, tmp: scratch of 2 and 4 times the widest row; post: the encoder's last LayerNorm. */
static void fill_block(struct asr_engine *g, const struct net_side *s, const char *prefix, int i,
                       float *norm, float *tmp, const float *post)
{
    const struct net_block *b = &s->block[i];
    const float *fold = load_norm(g, b->attn_ln, prefix, i, "attn_ln", s->state, norm);
    struct part qkv[3] = {part_of(g, prefix, i, "attn.query"), part_of(g, prefix, i, "attn.key"),
                          part_of(g, prefix, i, "attn.value")};
    fill_lin(g, &b->qkv, qkv, 3, fold, tmp);
    struct part one = part_of(g, prefix, i, "attn.out");
    fill_lin(g, &b->out, &one, 1, NULL, tmp);
    if (b->cross_q.n) {
        fold = load_norm(g, b->cross_ln, prefix, i, "cross_attn_ln", s->state, norm);
        one = part_of(g, prefix, i, "cross_attn.query");
        fill_lin(g, &b->cross_q, &one, 1, fold, tmp);
        struct part kv[2] = {part_of(g, prefix, i, "cross_attn.key"),
                             part_of(g, prefix, i, "cross_attn.value")};
        fill_lin(g, &b->cross_kv, kv, 2, g->fold ? post : NULL, tmp);
        one = part_of(g, prefix, i, "cross_attn.out");
        fill_lin(g, &b->cross_out, &one, 1, NULL, tmp);
    }
    fold = load_norm(g, b->mlp_ln, prefix, i, "mlp_ln", s->state, norm);
    one = part_of(g, prefix, i, "mlp.0");
    fill_lin(g, &b->fc1, &one, 1, fold, tmp);
    one = part_of(g, prefix, i, "mlp.2");
    fill_lin(g, &b->fc2, &one, 1, NULL, tmp);
}

int net_load(struct asr_engine *g, struct err *e)
{
    struct place p = {0, 0};
    const int state = g->enc.state > g->dec.state ? g->enc.state : g->dec.state;
    /* the widest row is fc2's or a convolution's; the longest bias the logits' */
    const size_t wide = 4 * (size_t)state > 3 * (size_t)g->hp.n_mels ? 4 * (size_t)state
                                                                       : 3 * (size_t)g->hp.n_mels;
    float *norm = NULL, *post = NULL, *tmp = NULL;
    int rc;
    g->enc.block = calloc((size_t)g->enc.layers, sizeof *g->enc.block);
    g->dec.block = calloc((size_t)g->dec.layers, sizeof *g->dec.block);
    if (!g->enc.block || !g->dec.block) {
        return err_set(e, ERR_MEM, "no memory for the layers of the model");
    }
    place_all(g, &p);
    rc = npu_buf_new(g->rt, p.used, "the weights", &g->weight_buf, e);
    if (rc) {
        return rc;
    }
    g->weight_b = p.used;
    p.buf = g->weight_buf;
    place_all(g, &p);

    norm = malloc(2 * wide * sizeof *norm);
    post = malloc(2 * wide * sizeof *post);
    tmp = malloc((2 * wide + (size_t)(g->hp.n_vocab > (int)wide ? g->hp.n_vocab : (int)wide)) *
                 sizeof *tmp);
    if (!norm || !post || !tmp) {
        rc = err_set(e, ERR_MEM, "no memory to prepare the weights");
        goto out;
    }
    struct part one = part_of(g, "encoder", -1, "conv1");
    fill_lin(g, &g->conv1, &one, 1, NULL, tmp);
    one = part_of(g, "encoder", -1, "conv2");
    fill_lin(g, &g->conv2, &one, 1, NULL, tmp);
    const struct asr_tensor *pos = find(g, "encoder", -1, "positional_embedding");
    asr_widen(pos->type, pos->data, (size_t)g->hp.n_audio_ctx * (size_t)g->enc.state,
              net_map(g, g->enc_pos));
    load_norm(g, g->enc.ln, "encoder", -1, "ln_post", g->enc.state, post);
    for (int i = 0; i < g->enc.layers; i++) {
        fill_block(g, &g->enc, "encoder", i, norm, tmp, NULL);
    }
    for (int i = 0; i < g->dec.layers; i++) {
        fill_block(g, &g->dec, "decoder", i, norm, tmp, post);
    }
    const float *fold = load_norm(g, g->dec.ln, "decoder", -1, "ln", g->dec.state, norm);
    struct part table = {g->embed, NULL};
    fill_lin(g, &g->logits, &table, 1, fold, tmp);
out:
    free(norm);
    free(post);
    free(tmp);
    return rc;
}
