/* One network on one device: buffers, passes.  See engine.h.  Engine thread. */
#include "npu/asr/engine.h"

#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "kernels/k.h"
#include "npu/asr/net.h"

enum { MAX_LOGIT_ROWS = 32 };

/* Rows of logits that a pass writes as a rule; the rest has memory when it is used. */
enum { USUAL_LOGIT_ROWS = 16 };

static npu_addr take(uint32_t buf, size_t *used, size_t bytes)
{
    npu_addr a = NPU_ADDR(buf, *used);
    *used += (bytes + 63) / 64 * 64;
    return a;
}

size_t net_cross_bytes(const struct asr_engine *g)
{
    const uint32_t ctx = (uint32_t)g->hp.n_audio_ctx, heads = (uint32_t)g->dec.heads;
    const uint32_t d = (uint32_t)g->dec.state;
    return g->heads ? 2 * ((k_heads_bytes(ctx, heads, d / heads) + 63) / 64 * 64)
                    : (size_t)ctx * 2 * d * 4;
}

/* The kernels' INT8 heads hold multiples of 16 values; the decoder's queries share the encoder's
 * room. */
static int heads_fit(const struct asr_engine *g)
{
    const int e = g->enc.state / g->enc.heads, d = g->dec.state / g->dec.heads;
    return g->prec == ASR_PREC_INT8 && e % 16 == 0 && e <= 256 && d % 16 == 0 && d <= 256 &&
           g->dec.state <= g->enc.state && g->dec.heads <= g->enc.heads;
}

/* Room that only the encoder's layers need: where the decoder's keys and values of the sound will be, which are made
 * after them, as long as there is some left (`free` bytes from `at` on); otherwise of its own. */
static npu_addr take_early(uint32_t buf, size_t *used, npu_addr *at, size_t *free, size_t bytes)
{
    const size_t b = (bytes + 63) / 64 * 64;
    if (b > *free) {
        return take(buf, used, b);
    }
    *free -= b;
    *at += b;
    return *at - b;
}

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* Where the activations lie in buffer `buf`; returns the bytes needed. */
static size_t place_work(struct asr_engine *g, uint32_t buf)
{
    const struct asr_hparams *hp = &g->hp;
    const size_t actx = (size_t)hp->n_audio_ctx, tctx = (size_t)hp->n_text_ctx;
    const size_t ad = (size_t)g->enc.state, td = (size_t)g->dec.state;
    const size_t rows = actx > tctx ? actx : tctx, d = ad > td ? ad : td;
    /* the first convolution has two rows for each of the others */
    const size_t mel8 = 2 * actx * k_round(3 * (uint32_t)hp->n_mels, K_PAD_K);
    const size_t conv8 = actx * k_round(3 * (uint32_t)ad, K_PAD_K);
    const size_t row8 = k_round(4 * (uint32_t)d, K_PAD_K);
    const size_t text8 = 2 * tctx * row8; /* two planes */
    /* a LayerNorm's rows and behind them the wide ones of a part, or all wide ones (plan.c, add_mlp) */
    const size_t mlp8 = rows * k_round((uint32_t)d, K_PAD_K) + NET_MLP_MOST * row8;
    const size_t q8 = most(most(mel8, conv8), most(text8, mlp8));
    struct net_work *w = &g->at;
    size_t used = 0, early_b = g->heads ? (size_t)g->dec.layers * net_cross_bytes(g) : 0;
    w->cross = take(buf, &used, (size_t)g->dec.layers * net_cross_bytes(g));
    npu_addr early = w->cross;
    w->mel = take(buf, &used, (2 * actx + 2) * (size_t)hp->n_mels * 4);
    w->x = take(buf, &used, rows * d * 4);
    w->q8 = take(buf, &used, q8);
    w->fig = take(buf, &used, 2 * (2 * actx > rows ? 2 * actx : rows) * sizeof(struct k_row));
    /* What is never alive together shares its place: the first convolution's rows, keys and values on their way to
     * heads, the wide rows of the MLP and, where it is not early, query, key and value; attention's rows, those of a
     * LayerNorm in f32 and the encoder's results. */
    const size_t at_once = g->prec != ASR_PREC_INT8 ? rows : tctx > NET_MLP_MOST ? tctx : NET_MLP_MOST;
    const size_t mlp = (at_once < rows ? at_once : rows) * 4 * d, kvq = rows * 3 * d;
    const size_t two = kvq * 4 <= early_b ? rows * 2 * d : kvq, wide = mlp > two ? mlp : two;
    const size_t zeros = (ad * 4 + 63) / 64 * 64; /* the convolution's row before the first: stays 0 */
    w->h = take(buf, &used, zeros + wide * 4) + zeros;
    w->conv = w->h - ad * 4;
    w->kvq = kvq * 4 <= early_b ? take_early(buf, &used, &early, &early_b, kvq * 4) : w->h;
    w->att = w->y = w->enc_out = take(buf, &used, rows * d * 4);
    w->logits = take(buf, &used, MAX_LOGIT_ROWS * net_logit_stride(g) * 4);
    w->range = take(buf, &used, MAX_LOGIT_ROWS * net_pieces(g) * sizeof(struct k_range));
    if (g->prec == ASR_PREC_INT8) {
        const size_t blocks = 2 * actx / NET_BLOCK + 1;
        w->mean = take(buf, &used, blocks * row8 * 4);
        w->mean8 = take(buf, &used, 2 * blocks * row8);
        w->mean_fig = take(buf, &used, 2 * blocks * sizeof(struct k_row));
        w->mean_out = take(buf, &used, blocks * row8 * 4);
        w->centre = take(buf, &used, 2 * d * 4);
        w->cross_centre = take(buf, &used, (size_t)g->dec.layers * 2 * d * 4);
    }
    if (g->heads) {
        const uint32_t heads = (uint32_t)g->enc.heads, dh = (uint32_t)ad / heads;
        const size_t pack = k_heads_bytes((uint32_t)rows, heads, dh);
        w->hq = take(buf, &used, k_heads_bytes((uint32_t)rows, heads, dh));
        w->hk = take_early(buf, &used, &early, &early_b, pack);
        w->hv = take_early(buf, &used, &early, &early_b, pack);
    }
    g->kv_b = (size_t)g->dec.layers * (net_cross_bytes(g) + net_cache_bytes(g));
    w->kv = take(buf, &used, (size_t)g->dec.layers * net_cache_bytes(g));
    g->work_b = used - g->kv_b;
    return used;
}

static int load_positions(struct asr_engine *g, struct err *e)
{
    const size_t n = (size_t)g->hp.n_text_ctx * (size_t)g->dec.state;
    const struct asr_tensor *pos = asr_model_tensor(g->model, "decoder.positional_embedding");
    g->embed = asr_model_tensor(g->model, "decoder.token_embedding.weight");
    g->dec_pos = malloc(n * sizeof *g->dec_pos);
    g->row = malloc(n * sizeof *g->row);
    g->widened = malloc((size_t)g->dec.state * sizeof *g->widened);
    g->xmask = calloc((size_t)g->dec.layers, sizeof *g->xmask);
    g->xat = calloc((size_t)g->dec.layers, sizeof *g->xat);
    if (!g->dec_pos || !g->row || !g->widened || !g->xmask || !g->xat) {
        return err_set(e, ERR_MEM, "no memory for the decoder");
    }
    asr_widen(pos->type, pos->data, n, g->dec_pos);
    return 0;
}

int asr_engine_new(struct asr_engine **eng, const struct asr_model *model, struct npu_rt *rt,
                   enum asr_precision prec, struct err *e)
{
    return asr_engine_new_packed(eng, model, rt, prec, NULL, e);
}

int asr_engine_new_packed(struct asr_engine **eng, const struct asr_model *model, struct npu_rt *rt,
                          enum asr_precision prec, const char *packs, struct err *e)
{
    struct asr_engine *g = calloc(1, sizeof *g);
    int rc;
    if (!g) {
        return err_set(e, ERR_MEM, "no memory for the engine");
    }
    g->model = model;
    g->hp = *asr_model_hp(model);
    g->rt = rt;
    g->prec = prec;
    g->packs = prec == ASR_PREC_INT8 && asr_model_map(model) ? packs : NULL;
    g->fold = prec == ASR_PREC_INT8;
    g->enc = (struct net_side){g->hp.n_audio_layer, g->hp.n_audio_state, g->hp.n_audio_head, NULL, 0};
    g->dec = (struct net_side){g->hp.n_text_layer, g->hp.n_text_state, g->hp.n_text_head, NULL, 0};
    g->heads = heads_fit(g);
    rc = load_positions(g, e);
    if (!rc) {
        rc = net_load(g, e);
    }
    if (!rc) {
        rc = npu_buf_new(rt, place_work(g, 0), "activations and the KV cache", &g->work_buf, e);
    }
    if (rc) {
        asr_engine_free(g);
        return rc;
    }
    place_work(g, g->work_buf);
    /* few utterances fill the decoder's positions, few drafts all rows */
    const npu_addr offset = ((npu_addr)1 << 48) - 1;
    const size_t logits = net_logit_stride(g) * 4;
    npu_buf_sparse(rt, g->work_buf, (size_t)(g->at.kv & offset), (size_t)g->dec.layers * net_cache_bytes(g));
    npu_buf_sparse(rt, g->work_buf, (size_t)(g->at.logits & offset) + USUAL_LOGIT_ROWS * logits,
                   (MAX_LOGIT_ROWS - USUAL_LOGIT_ROWS) * logits);
    *eng = g;
    return 0;
}

void asr_engine_free(struct asr_engine *g)
{
    if (!g) {
        return;
    }
    npu_buf_free(g->rt, g->weight_buf);
    npu_buf_free(g->rt, g->work_buf);
    npu_buf_free(g->rt, g->xattn_buf);
    npu_list_free(&g->enc_list);
    npu_list_free(&g->dec_list);
    free(g->enc.block);
    free(g->dec.block);
    free(g->dec_pos);
    free(g->row);
    free(g->widened);
    free(g->xmask);
    free(g->xat);
    free(g->probe_conv);
    free(g->probe_enc);
    free(g->probe_dec);
    free(g);
}

const struct asr_hparams *asr_engine_hp(const struct asr_engine *g) { return &g->hp; }
enum asr_precision asr_engine_precision(const struct asr_engine *g) { return g->prec; }

void asr_engine_mem(const struct asr_engine *g, struct asr_mem *m)
{
    *m = (struct asr_mem){g->weight_b, g->kv_b, g->work_b};
}

/* -- probing: the lists command by command, keeping the residual stream after each step ------------ */

static int run_one(struct asr_engine *g, const struct npu_cmd *c, struct err *e)
{
    struct npu_list one = {0};
    int rc = npu_list_add(&one, c) < 0 ? err_set(e, ERR_MEM, "no memory for a command")
                                       : npu_list_run(g->rt, &one, e);
    npu_list_free(&one);
    return rc;
}

/* rows x d floats of x into slot i of `to`. */
static void keep(const struct asr_engine *g, float *to, int slot, int first, int rows, int d)
{
    const size_t n = (size_t)rows * (size_t)d;
    memcpy(to + (size_t)slot * n, (const float *)net_map(g, g->at.x) + (size_t)first * (size_t)d,
           n * sizeof *to);
}

/* Every command that adds onto the residual stream ends a step. */
static int run_probed(struct asr_engine *g, struct npu_list *l, float *to, int first, int rows,
                      int d, struct err *e)
{
    int slot = 0, rc = 0;
    if (l == &g->dec_list) {
        keep(g, to, slot++, first, rows, d);
    }
    for (int i = 0; i < l->n && !rc; i++) {
        struct npu_cmd c = l->cmd[i];
        if (c.out == g->at.x && c.in[3] == g->enc_pos) {
            c.flags &= (uint16_t)~NPU_ADD;
            rc = run_one(g, &c, e);
            keep(g, g->probe_conv, 0, first, rows, d);
        }
        rc = rc ? rc : run_one(g, &l->cmd[i], e);
        if (c.out == g->at.x) {
            keep(g, to, slot++, first, rows, d);
        }
    }
    return rc;
}

int asr_probe(struct asr_engine *g, int on, struct err *e)
{
    const size_t ad = (size_t)g->enc.state, ctx = (size_t)g->hp.n_audio_ctx;
    if (on && !g->probe_enc) {
        g->probe_conv = malloc(ctx * ad * 4);
        g->probe_enc = malloc((1 + 2 * (size_t)g->enc.layers) * ctx * ad * 4);
        g->probe_dec = malloc((1 + 3 * (size_t)g->dec.layers) * (size_t)g->dec.state * 4);
        if (!g->probe_conv || !g->probe_enc || !g->probe_dec) {
            free(g->probe_conv);
            free(g->probe_enc);
            free(g->probe_dec);
            g->probe_conv = g->probe_enc = g->probe_dec = NULL;
            return err_set(e, ERR_MEM, "no memory to keep the residual stream");
        }
    }
    g->probe = on;
    return 0;
}

const float *asr_probe_conv(const struct asr_engine *g) { return g->probe_conv; }

const float *asr_probe_enc(const struct asr_engine *g, int i)
{
    return g->probe_enc + (size_t)i * (size_t)g->ctx * (size_t)g->enc.state;
}

const float *asr_probe_dec(const struct asr_engine *g, int i)
{
    return g->probe_dec + (size_t)i * (size_t)g->dec.state;
}

/* -- passes ---------------------------------------------------------------------------------------- */

int asr_encode(struct asr_engine *g, const float *mel, int audio_ctx, struct err *e)
{
    const size_t mels = (size_t)g->hp.n_mels, frames = 2 * (size_t)audio_ctx;
    const size_t row = mels * sizeof *mel;
    const int64_t t0 = clk_ns();
    int rc = 0;
    if (audio_ctx < 1 || audio_ctx > g->hp.n_audio_ctx) {
        return err_set(e, ERR_FAIL, "an audio context of %d; 1 to %d are possible", audio_ctx,
                       g->hp.n_audio_ctx);
    }
    /* frame t in row t + 1; the rows before and after are zero */
    const size_t at = (size_t)(g->at.mel & (((npu_addr)1 << 48) - 1));
    npu_buf_write(g->rt, g->work_buf, at + row, mel, frames * row);
    memset((char *)net_map(g, g->at.mel) + (frames + 1) * row, 0, row);
    npu_buf_wrote(g->rt, g->work_buf, at + (frames + 1) * row, row);
    if (g->enc_list_ctx != audio_ctx) {
        rc = net_plan_encoder(g, audio_ctx, e);
        g->enc_list_ctx = rc ? 0 : audio_ctx;
    }
    if (!rc) {
        rc = g->probe ? run_probed(g, &g->enc_list, g->probe_enc, 0, audio_ctx, g->enc.state, e)
                      : npu_list_run(g->rt, &g->enc_list, e);
    }
    g->ctx = rc ? 0 : audio_ctx;
    hist_add(&g->hist[ASR_STAGE_ENCODE], (uint64_t)(clk_ns() - t0));
    return rc;
}

int asr_enc_ctx(const struct asr_engine *g) { return g->ctx; }

const float *asr_enc_out(const struct asr_engine *g) { return net_map(g, g->at.enc_out); }

void asr_encoder_work(const struct asr_engine *g, struct asr_encoder_work *w)
{
    *w = (struct asr_encoder_work){.list = &g->enc_list,
                                   .mel = g->at.mel,
                                   .mel_b = (2 * (size_t)g->ctx + 2) * (size_t)g->hp.n_mels * 4,
                                   .out = g->at.enc_out};
}

/* Token embedding plus position for n tokens, into the residual stream. */
static int embed(struct asr_engine *g, const int32_t *tokens, int n, int n_past, struct err *e)
{
    const size_t d = (size_t)g->dec.state;
    for (int i = 0; i < n; i++) {
        float *x = g->row + (size_t)i * d;
        const float *pos = g->dec_pos + (size_t)(n_past + i) * d;
        if (tokens[i] < 0 || tokens[i] >= g->hp.n_vocab) {
            return err_set(e, ERR_FAIL, "token %d: the vocabulary has %d", tokens[i],
                           g->hp.n_vocab);
        }
        asr_model_row(g->model, g->embed, (size_t)tokens[i], x);
        for (size_t j = 0; j < d; j++) {
            x[j] += pos[j];
        }
    }
    npu_buf_write(g->rt, g->work_buf, (size_t)(g->at.x & (((npu_addr)1 << 48) - 1)), g->row,
                  (size_t)n * d * sizeof(float));
    return 0;
}

int asr_decode(struct asr_engine *g, const int32_t *tokens, int n, int n_past, int rows,
               struct err *e)
{
    if (g->ctx == 0) {
        return err_set(e, ERR_FAIL, "the decoder needs an encoder pass first");
    }
    if (n < 1 || n_past < 0 || n_past + n > g->hp.n_text_ctx || rows < 0 || rows > n ||
        rows > MAX_LOGIT_ROWS) {
        return err_set(e, ERR_FAIL, "%d tokens after %d, %d rows: at most %d positions, %d rows", n,
                       n_past, rows, g->hp.n_text_ctx, MAX_LOGIT_ROWS);
    }
    const int64_t t0 = clk_ns();
    int rc = embed(g, tokens, n, n_past, e);
    if (!rc) {
        rc = net_plan_decoder(g, n, n_past, rows, e);
    }
    if (!rc) {
        rc = g->probe ? run_probed(g, &g->dec_list, g->probe_dec, n - 1, 1, g->dec.state, e)
                      : npu_list_run(g->rt, &g->dec_list, e);
    }
    for (int i = 0; i < rows && !rc && g->fold; i++) {
        net_refine(g, i);
    }
    g->dec_rows = rc ? 0 : rows;
    g->dec_n = rc ? 0 : n;
    hist_add(&g->hist[n > 1 ? ASR_STAGE_PREFILL : ASR_STAGE_STEP], (uint64_t)(clk_ns() - t0));
    return rc;
}

int asr_engine_plan(struct asr_engine *g, int audio_ctx, const struct npu_list **enc,
                    const struct npu_list **dec, struct err *e)
{
    const int past = g->hp.n_text_ctx > 4 ? 4 : 0;
    if (audio_ctx < 1 || audio_ctx > g->hp.n_audio_ctx) {
        return err_set(e, ERR_FAIL, "an audio context of %d; 1 to %d are possible", audio_ctx,
                       g->hp.n_audio_ctx);
    }
    g->enc_list_ctx = 0;
    g->ctx = audio_ctx; /* the decoder's attention goes over as many */
    int rc = net_plan_encoder(g, audio_ctx, e);
    rc = rc ? rc : net_plan_decoder(g, 1, past, 1, e);
    g->ctx = 0;
    *enc = &g->enc_list;
    *dec = &g->dec_list;
    return rc;
}

const struct hist *asr_engine_hist(const struct asr_engine *g, enum asr_stage stage)
{
    return &g->hist[stage];
}

const float *asr_logits(const struct asr_engine *g, int i)
{
    return i < 0 || i >= g->dec_rows
               ? NULL
               : (const float *)net_map(g, g->at.logits) + (size_t)i * net_logit_stride(g);
}

/* -- cross-attention rows -------------------------------------------------------------------------- */

int asr_xattn_select(struct asr_engine *g, const uint8_t (*heads)[2], int n, struct err *e)
{
    const size_t pair = (size_t)g->hp.n_text_ctx * (size_t)g->hp.n_audio_ctx * 4;
    if (n < 0 || n > ASR_MAX_XHEADS) {
        return err_set(e, ERR_FAIL, "%d attention heads, at most %d", n, ASR_MAX_XHEADS);
    }
    for (int i = 0; i < n; i++) {
        if (heads[i][0] >= g->dec.layers || heads[i][1] >= g->dec.heads) {
            return err_set(e, ERR_MODEL, "the model has no head %d in layer %d", heads[i][1],
                           heads[i][0]);
        }
    }
    npu_buf_free(g->rt, g->xattn_buf);
    g->xattn_buf = 0;
    g->n_xhead = 0;
    memset(g->xmask, 0, (size_t)g->dec.layers * sizeof *g->xmask);
    if (n == 0) {
        return 0;
    }
    int rc = npu_buf_new(g->rt, (size_t)n * pair, "attention rows", &g->xattn_buf, e);
    if (rc) {
        return rc;
    }
    npu_buf_sparse(g->rt, g->xattn_buf, 0, (size_t)n * pair); /* a step writes a row of each */
    for (int i = 0; i < n; i++) {
        memcpy(g->xhead[i], heads[i], 2);
        g->xmask[heads[i][0]] |= UINT64_C(1) << heads[i][1];
    }
    g->n_xhead = n;
    size_t at = 0;
    for (int i = 0; i < g->dec.layers; i++) {
        g->xat[i] = NPU_ADDR(g->xattn_buf, at);
        at += (size_t)__builtin_popcountll(g->xmask[i]) * pair;
    }
    return 0;
}

const float *asr_xattn(const struct asr_engine *g, int row, int i)
{
    if (i < 0 || i >= g->n_xhead || row < 0 || row >= g->dec_n) {
        return NULL;
    }
    const int layer = g->xhead[i][0], head = g->xhead[i][1];
    const size_t pair =
        (size_t)__builtin_popcountll(g->xmask[layer] & ((UINT64_C(1) << head) - 1));
    return (const float *)net_map(g, g->xat[layer]) +
           (pair * (size_t)g->dec_n + (size_t)row) * (size_t)g->ctx;
}
