/* Weights from the model file into one device buffer: widened, folded, quantised, packed.
 *
 * INT8 folds each LayerNorm's gain g and bias b into the layers that read it,
 *   W (g * x + b) + c  =  (W diag(g)) x + (W b + c),
 * so that outlier gains never meet the activation scale.  Exact but for rounding, and free at run time.
 * Load time only. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/hash.h"
#include "kernels/k.h"
#include "npu/asr/net.h"
#include "npu/asr/pack.h"

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

/* What a layer has besides INT8 weights. */
enum { FINE = 1, BLOCKS = 2, DEEP = 4, W4 = 8 };

static void place_lin(struct place *p, struct net_lin *l, int n, int k, int i8, int with)
{
    l->n = (uint32_t)n;
    l->k = (uint32_t)k;
    l->i8 = i8;
    l->fine = i8 && with & FINE;
    l->blocks = i8 && with & BLOCKS;
    l->deep = i8 && with & DEEP;
    l->w4 = i8 && with & W4;
    l->w = take(p, !i8     ? k_packed_f32_bytes(l->n, l->k)
                   : l->w4 ? k_packed_w4_bytes(l->n, l->k)
                           : k_packed_i8_bytes(l->n, l->k) +
                                 (l->blocks || l->deep ? k_packed_low_bytes(l->n, l->k) : 0));
    l->par = take(p, (size_t)k_round(l->n, K_PAD_N) * 4 * (i8 ? 2 : 1));
}

/* Which layers have more than 8 bits, and of what (measured on the golden models, as rms error of the
 * logits in shares of their deviation; each alone, the rest in f32):
 *
 * - Rounding the encoder's weights costs 1.8 %, almost all of it through what neighbouring rows have in
 *   common: silence, the tone of a voice, what a random network makes the same for every row.  So the
 *   mean of every 96 rows is taken out and meets both planes of the weights, in 16 bits: 0.6 %, for
 *   three rows more to 96.  It also leaves less to be rounded to 8 bits in the rows.
 * - Rounding the decoder's weights costs 1.5 %, more than half of it in queries, keys and values, and much of the
 *   rest in the projection after them: these are deep (a seventh more of a layer's bytes).
 * - The decoder's activations of 8 bits would cost 1.8 %, most of it in fc2 (1.1 %, in a model with outliers
 *   2.5 %) and the projections after attention (0.7 and 0.8 %): these have 16 bits.  They cost a step nothing, which
 *   waits for its weights, but the check of a draft twice the products.  So fc1 (0.5 %) and attention over the
 *   sound (0.7 %) have 8.
 * - The token table is most of what a step reads (61 % of tiny.en's bytes, 24 % of small.en's), and of its 50,000 rows only
 *   the best few matter: these are worked out again (refine.c), so that 4 bits are enough to find them.  They put a
 *   logit off by 10 % of the logits' deviation, and by nothing where it counts. */
static void place_side(struct place *p, struct net_side *s, int audio_state, int i8)
{
    const int d = s->state, decoder = audio_state != 0;
    const int deep = decoder ? FINE | DEEP : BLOCKS, rest = decoder ? FINE : BLOCKS;
    for (int i = 0; i < s->layers; i++) {
        struct net_block *b = &s->block[i];
        b->attn_ln = take(p, (size_t)d * 8);
        b->mlp_ln = take(p, (size_t)d * 8);
        place_lin(p, &b->kvq, 3 * d, d, i8, deep);
        place_lin(p, &b->out, d, d, i8, deep);
        place_lin(p, &b->fc1, 4 * d, d, i8, decoder ? 0 : BLOCKS);
        place_lin(p, &b->fc2, d, 4 * d, i8, rest);
        if (decoder) {
            b->cross_ln = take(p, (size_t)d * 8);
            place_lin(p, &b->cross_q, d, d, i8, FINE);
            place_lin(p, &b->cross_kv, 2 * d, audio_state, i8, BLOCKS);
            place_lin(p, &b->cross_out, d, d, i8, FINE);
        }
    }
    s->ln = take(p, (size_t)d * 8);
}

static void place_all(struct asr_engine *g, struct place *p)
{
    const int i8 = g->prec == ASR_PREC_INT8;
    p->used = 0;
    place_lin(p, &g->conv1, g->enc.state, 3 * g->hp.n_mels, i8, BLOCKS);
    place_lin(p, &g->conv2, g->enc.state, 3 * g->enc.state, i8, BLOCKS);
    g->enc_pos = take(p, (size_t)g->hp.n_audio_ctx * (size_t)g->enc.state * 4);
    place_side(p, &g->enc, 0, i8);
    place_side(p, &g->dec, g->enc.state, i8);
    place_lin(p, &g->logits, g->hp.n_vocab, g->dec.state, i8, W4);
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

/* Row r of matrix `w` becomes output channel `to` of layer l; tmp holds two rows. */
static void fill_row(struct asr_engine *g, const struct net_lin *l, const struct asr_tensor *w,
                     uint32_t r, uint32_t to, float bias, const float *norm, float *tmp)
{
    float *par = net_map(g, l->par), *row = tmp, *turned = tmp + l->k;
    const uint32_t np = k_round(l->n, K_PAD_N), k = l->k;
    if (w->n_dims == 3) {
        asr_widen(w->type, w->data + r * (w->size_b / (size_t)w->ne[2]), k, turned);
        turn_conv(turned, (int)k / 3, row);
    } else {
        asr_tensor_row(w, r, row);
    }
    if (norm) {
        double add = 0;
        for (uint32_t i = 0; i < k; i++) {
            add += (double)row[i] * (double)norm[k + i];
            row[i] *= norm[i];
        }
        bias += (float)add;
    }
    if (l->i8) {
        uint8_t *packed = net_map(g, l->w);
        par[to] = l->w4 ? k_pack_w4(packed, k, to, row) : k_pack_i8(packed, k, to, row);
        if (l->blocks || l->deep) {
            k_pack_low(packed + k_packed_i8_bytes(l->n, k), packed, k, to, row, par[to]);
        }
        par[np + to] = bias;
    } else {
        k_pack_f32(net_map(g, l->w), k, to, row);
        par[to] = bias;
    }
}

static void fill_part(struct asr_engine *g, const struct net_lin *l, const struct part *p,
                      uint32_t col, const float *norm, float *tmp)
{
    const uint32_t rows = (uint32_t)(p->w->n_dims == 3 ? p->w->ne[2] : p->w->ne[1]);
    float *bias = tmp + 2 * (size_t)l->k;
    widen_vector(p->bias, (int)rows, bias);
    for (uint32_t r = 0; r < rows; r++) {
        fill_row(g, l, p->w, r, col + r, bias[r], norm, tmp);
    }
    asr_model_release(g->model, p->w);
}

/* Fills a layer from parts; norm: gain and bias [2k] to fold, or NULL. */
static void fill_lin(struct asr_engine *g, const struct net_lin *l, const struct part *p, int parts,
                     const float *norm, float *tmp)
{
    uint32_t col = 0;
    if (l->i8) {
        uint8_t *w = net_map(g, l->w);
        k_pack_i8_init(w, l->n, l->k);
        if (l->blocks || l->deep) {
            k_pack_low_init(w + k_packed_i8_bytes(l->n, l->k), l->n, l->k);
        }
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
    struct part kvq[3] = {part_of(g, prefix, i, "attn.key"), part_of(g, prefix, i, "attn.value"),
                          part_of(g, prefix, i, "attn.query")};
    fill_lin(g, &b->kvq, kvq, 3, fold, tmp);
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

/* -- the work in pieces, for as many threads as the device has -------------------------------------- */

enum { TABLE_PIECE = 4096 }; /* rows of the token table in a piece */

struct loader {
    struct asr_engine *g;
    const float *post, *last; /* the encoder's and the decoder's last LayerNorm */
    size_t wide;
    atomic_int next, failed;
};

/* Rows r0.. of the token table, which is also the matrix of the logits. */
static void fill_table(struct asr_engine *g, uint32_t r0, const float *last, float *tmp)
{
    const struct net_lin *l = &g->logits;
    const uint32_t end = l->n - r0 < TABLE_PIECE ? l->n : r0 + TABLE_PIECE;
    for (uint32_t r = r0; r < end; r++) {
        fill_row(g, l, g->embed, r, r, 0, g->fold ? last : NULL, tmp);
    }
}

/* Piece i; 0 when there is none. */
static int load_piece(struct loader *l, int i, float *norm, float *tmp)
{
    struct asr_engine *g = l->g;
    if (i == 0) {
        struct part one = part_of(g, "encoder", -1, "conv1");
        fill_lin(g, &g->conv1, &one, 1, NULL, tmp);
        one = part_of(g, "encoder", -1, "conv2");
        fill_lin(g, &g->conv2, &one, 1, NULL, tmp);
        const struct asr_tensor *pos = find(g, "encoder", -1, "positional_embedding");
        asr_widen(pos->type, pos->data, (size_t)g->hp.n_audio_ctx * (size_t)g->enc.state,
                  net_map(g, g->enc_pos));
        return 1;
    }
    i--;
    if (i < g->enc.layers) {
        fill_block(g, &g->enc, "encoder", i, norm, tmp, NULL);
        return 1;
    }
    i -= g->enc.layers;
    if (i < g->dec.layers) {
        fill_block(g, &g->dec, "decoder", i, norm, tmp, l->post);
        return 1;
    }
    i -= g->dec.layers;
    if ((uint64_t)i * TABLE_PIECE < g->logits.n) {
        fill_table(g, (uint32_t)i * TABLE_PIECE, l->last, tmp);
        return 1;
    }
    return 0;
}

static void *load_main(void *arg)
{
    struct loader *l = arg;
    /* norm, a row and its turned copy, biases of the longest layer */
    float *norm = malloc(2 * l->wide * sizeof *norm);
    float *tmp = malloc((2 * l->wide + 4 * l->wide) * sizeof *tmp);
    if (!norm || !tmp) {
        atomic_store(&l->failed, 1);
    }
    while (!atomic_load(&l->failed) && load_piece(l, atomic_fetch_add(&l->next, 1), norm, tmp)) {
    }
    free(norm);
    free(tmp);
    return NULL;
}

static int load_all(struct loader *l, int threads, struct err *e)
{
    enum { MAX = 16 };
    pthread_t t[MAX];
    int n = 0;
    while (n < threads - 1 && n < MAX && pthread_create(&t[n], NULL, load_main, l) == 0) {
        n++;
    }
    load_main(l); /* alone it does everything */
    while (n > 0) {
        pthread_join(t[--n], NULL);
    }
    return atomic_load(&l->failed) ? err_set(e, ERR_MEM, "no memory to prepare the weights") : 0;
}

/* -- packs ------------------------------------------------------------------------------------------ */

/* A little of what packing makes: another layout or rounding has another hash. */
static uint64_t hash_packing(uint64_t h)
{
    enum { N = 40, K = 70 };
    uint8_t packed[16384];
    float row[K], scale;
    if (k_packed_i8_bytes(N, K) > sizeof packed) {
        return h; /* its size tells it from the present layout */
    }
    k_pack_i8_init(packed, N, K);
    for (uint32_t n = 0; n < N; n++) {
        for (uint32_t k = 0; k < K; k++) {
            row[k] = (float)((n * 37 + k * 101) % 255) - 127.3f;
        }
        scale = k_pack_i8(packed, K, n, row);
        h = hash64(&scale, sizeof scale, h);
    }
    return hash64(packed, k_packed_i8_bytes(N, K), h);
}

static uint64_t hash_side(const struct net_side *s, uint64_t h)
{
    return hash64(s->block, (size_t)s->layers * sizeof *s->block, hash64(&s->ln, sizeof s->ln, h));
}

/* Everything but the model file that decides what stands in the weight buffer; places are laid out
 * from buffer 0. */
static uint64_t hash_layout(const struct asr_engine *g, size_t bytes)
{
    const uint64_t first[4] = {NET_PACK_VERSION, (uint64_t)g->prec, (uint64_t)g->fold, bytes};
    uint64_t h = hash_packing(hash64(first, sizeof first, pack_program()));
    h = hash_side(&g->enc, hash_side(&g->dec, h));
    h = hash64(&g->conv1, sizeof g->conv1, h);
    h = hash64(&g->conv2, sizeof g->conv2, h);
    return hash64(&g->enc_pos, sizeof g->enc_pos, hash64(&g->logits, sizeof g->logits, h));
}

/* 1: the weight buffer is there, from an earlier run. */
static int load_pack(struct asr_engine *g, size_t bytes, struct pack_id *id)
{
    if (!g->packs) {
        return 0;
    }
    id->layout = hash_layout(g, bytes);
    id->content = pack_hash(asr_model_map(g->model), asr_model_bytes(g->model),
                            npu_rt_threads(g->rt), 1);
    return pack_open(g->rt, g->packs, id, bytes, &g->weight_buf);
}

int net_load(struct asr_engine *g, struct err *e)
{
    struct place p = {0, 0};
    struct pack_id id = {0, 0};
    const int state = g->enc.state > g->dec.state ? g->enc.state : g->dec.state;
    /* the widest row is fc2's or a convolution's; the longest bias the logits' */
    const size_t wide = 4 * (size_t)state > 3 * (size_t)g->hp.n_mels ? 4 * (size_t)state
                                                                       : 3 * (size_t)g->hp.n_mels;
    float *post;
    int rc;
    g->enc.block = calloc((size_t)g->enc.layers, sizeof *g->enc.block);
    g->dec.block = calloc((size_t)g->dec.layers, sizeof *g->dec.block);
    if (!g->enc.block || !g->dec.block) {
        return err_set(e, ERR_MEM, "no memory for the layers of the model");
    }
    place_all(g, &p);
    g->weight_b = p.used;
    const int packed = load_pack(g, p.used, &id);
    rc = packed ? 0 : npu_buf_new(g->rt, p.used, "the weights", &g->weight_buf, e);
    if (rc) {
        return rc;
    }
    p.buf = g->weight_buf;
    place_all(g, &p);
    if (packed) {
        return 0;
    }

    post = malloc(2 * wide * sizeof *post);
    if (!post) {
        return err_set(e, ERR_MEM, "no memory to prepare the weights");
    }
    load_norm(g, g->enc.ln, "encoder", -1, "ln_post", g->enc.state, post);
    load_norm(g, g->dec.ln, "decoder", -1, "ln", g->dec.state, post + wide);
    if (g->logits.i8) {
        k_pack_w4_init(net_map(g, g->logits.w), g->logits.n, g->logits.k);
    }
    struct loader l = {.g = g, .post = post, .last = post + wide, .wide = wide};
    rc = load_all(&l, npu_rt_threads(g->rt), e);
    asr_model_release(g->model, g->embed);
    free(post);
    if (!rc && g->packs) {
        pack_save(g->packs, &id, npu_buf_map(g->rt, g->weight_buf), g->weight_b,
                  npu_rt_threads(g->rt));
    }
    return rc;
}
