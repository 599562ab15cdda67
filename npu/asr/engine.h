/* One Whisper network on one device: encoder passes and decoder steps as command lists.
 *
 * The engine never calls a kernel: it writes command lists once (a plan), patches their few changing
 * numbers, and lets the device run them.  Owned by one thread at a time.  Nothing is allocated after
 * asr_engine_new. */
#ifndef ASR_ENGINE_H
#define ASR_ENGINE_H

#include <stdint.h>

#include "app/base/err.h"
#include "app/base/hist.h"
#include "kernels/k.h"
#include "npu/asr/model.h"
#include "npu/rt/rt.h"

enum asr_precision {
    ASR_PREC_INT8, /* INT8 linear layers: the default */
    ASR_PREC_F32,  /* reference path: everything in f32 */
};

struct asr_engine;

/* Widens, quantises and packs the weights into device buffers.  model and rt must outlive it. */
int asr_engine_new(struct asr_engine **eng, const struct asr_model *model, struct npu_rt *rt,
                   enum asr_precision prec, struct err *e);
/* The same, but takes INT8 weights that an earlier run has packed from folder `packs`, and leaves them
 * there when there were none (pack.h); NULL: neither. */
int asr_engine_new_packed(struct asr_engine **eng, const struct asr_model *model, struct npu_rt *rt,
                          enum asr_precision prec, const char *packs, struct err *e);
void asr_engine_free(struct asr_engine *eng);

const struct asr_hparams *asr_engine_hp(const struct asr_engine *eng);
enum asr_precision asr_engine_precision(const struct asr_engine *eng);

/* Encoder pass, and the decoder's cross keys and values.
 * mel: [2 * audio_ctx][n_mels], normalised log-mel, one frame a row.  1 <= audio_ctx <= n_audio_ctx.
 * Rows beyond audio_ctx take no part: results do not depend on what ran before. */
int asr_encode(struct asr_engine *eng, const float *mel, int audio_ctx, struct err *e);
int asr_enc_ctx(const struct asr_engine *eng); /* audio_ctx of the last pass, 0 before */
/* Encoder output [audio_ctx][n_audio_state], valid until the next pass of either side. */
const float *asr_enc_out(const struct asr_engine *eng);

/* The encoder's work as it was planned for the last pass: for comparing ways of handing it over.
 * Addresses are the engine's; the list is lent until the next asr_encode. */
struct asr_encoder_work {
    const struct npu_list *list;
    npu_addr mel; /* [1 + 2 ctx + 1][n_mels] f32, a row of zeros before and after the frames */
    size_t mel_b;
    npu_addr out; /* of asr_enc_out */
};
void asr_encoder_work(const struct asr_engine *eng, struct asr_encoder_work *w);

/* Decoder pass over n tokens at positions n_past .. n_past + n - 1 (n_past + n <= n_text_ctx).
 * The KV cache holds positions 0 .. n_past - 1; every pass forgets what it held behind them.
 * Logits are worked out for the last `rows` of the n rows (1 <= rows <= n, rows <= 32; 0: none). */
int asr_decode(struct asr_engine *eng, const int32_t *tokens, int n, int n_past, int rows,
               struct err *e);
/* Logits [n_vocab] of row i of those asked for in the last pass (0 is the oldest). */
const float *asr_logits(const struct asr_engine *eng, int i);

/* The same with what the device found in each ASR_PIECE of them (kernels/k.h), [pieces], or NULL: not known.  Where the
 * sum is no number, the three are not those of the logits. */
enum { ASR_PIECE = 512 };
struct asr_row {
    const float *logits;
    const struct k_range *piece;
    /* What INT8 rounds away: a logit that is `doubt` below another is smaller.  Those above `known` are exact, at least
     * the largest of them.  eng NULL: all are. */
    float doubt, known;
    struct asr_engine *eng;
    int i;
};
struct asr_row asr_row(struct asr_engine *eng, int i);
/* The logit of a token, worked out in f32 from the last LayerNorm's row and the model file's token table. */
float asr_row_exact(struct asr_row row, int32_t id);
/* `logit` [n_vocab] is the row under rules: those of tokens from..to-1 that may be the largest become exact. */
void asr_row_refine(struct asr_row row, float *logit, int32_t from, int32_t to);

/* The plan: the command lists of an encoder pass at audio_ctx and of a decoder step after 4 tokens, made
 * but not run.  Valid until the next pass; the next decoder pass needs an encoder pass before it. */
int asr_engine_plan(struct asr_engine *eng, int audio_ctx, const struct npu_list **enc,
                    const struct npu_list **dec, struct err *e);

/* Cross-attention rows kept by decoder passes: which (layer, head) pairs; none at first.
 * n <= ASR_MAX_XHEADS. */
enum { ASR_MAX_XHEADS = 64 };
int asr_xattn_select(struct asr_engine *eng, const uint8_t (*heads)[2], int n, struct err *e);
/* Probabilities [audio_ctx] for token row `row` (0 .. n-1 of the last pass) and selected pair i. */
const float *asr_xattn(const struct asr_engine *eng, int row, int i);

/* Residual stream after every step, for --dump: when `on`, passes run in pieces and keep copies.
 * Encoder: conv [ctx][state], resid [1 + 2 layers][ctx][state].
 * Decoder: resid [1 + 3 layers][state] of the last row.  Costs time and memory; off by default. */
int asr_probe(struct asr_engine *eng, int on, struct err *e);
const float *asr_probe_conv(const struct asr_engine *eng);
const float *asr_probe_enc(const struct asr_engine *eng, int i);
const float *asr_probe_dec(const struct asr_engine *eng, int i);

/* How long passes took, by kind; any thread may read. */
enum asr_stage {
    ASR_STAGE_ENCODE,
    ASR_STAGE_PREFILL, /* decoder passes of several tokens */
    ASR_STAGE_STEP,    /* of one */
    ASR_STAGES
};
const struct hist *asr_engine_hist(const struct asr_engine *eng, enum asr_stage stage);

/* Sizes for the memory row of the profile, bytes. */
struct asr_mem {
    uint64_t weights, kv, work;
};
void asr_engine_mem(const struct asr_engine *eng, struct asr_mem *m);

#endif
