/* The tensors of a Whisper network, as the ggml files name them.  Pure, any thread, allocates
 * nothing.  Shapes are in file order: ne[0] is the input side of a matrix. */
#include "npu/asr/arch.h"

#include <stdio.h>
#include <string.h>

enum dim { D_1, D_3, D_STATE, D_MLP, D_MELS, D_ACTX, D_TCTX, D_VOCAB };

struct row {
    const char *name;
    unsigned char n_dims, ne[3], role;
};

static const struct row ENC_TOP[] = {
    {"encoder.positional_embedding", 2, {D_STATE, D_ACTX}, ASR_ROLE_PLAIN},
    {"encoder.conv1.weight", 3, {D_3, D_MELS, D_STATE}, ASR_ROLE_CONV},
    {"encoder.conv1.bias", 2, {D_1, D_STATE}, ASR_ROLE_PLAIN},
    {"encoder.conv2.weight", 3, {D_3, D_STATE, D_STATE}, ASR_ROLE_CONV},
    {"encoder.conv2.bias", 2, {D_1, D_STATE}, ASR_ROLE_PLAIN},
    {"encoder.ln_post.weight", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"encoder.ln_post.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
};

static const struct row DEC_TOP[] = {
    {"decoder.positional_embedding", 2, {D_STATE, D_TCTX}, ASR_ROLE_PLAIN},
    {"decoder.token_embedding.weight", 2, {D_STATE, D_VOCAB}, ASR_ROLE_MATRIX},
    {"decoder.ln.weight", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"decoder.ln.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
};

/* One block; the encoder's has no cross-attention, which therefore stands last. */
static const struct row BLOCK[] = {
    {"attn_ln.weight", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"attn_ln.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"attn.query.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"attn.query.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"attn.key.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"attn.value.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"attn.value.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"attn.out.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"attn.out.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"mlp_ln.weight", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"mlp_ln.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"mlp.0.weight", 2, {D_STATE, D_MLP}, ASR_ROLE_MATRIX},
    {"mlp.0.bias", 1, {D_MLP}, ASR_ROLE_PLAIN},
    {"mlp.2.weight", 2, {D_MLP, D_STATE}, ASR_ROLE_MATRIX},
    {"mlp.2.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"cross_attn_ln.weight", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"cross_attn_ln.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"cross_attn.query.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"cross_attn.query.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"cross_attn.key.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"cross_attn.value.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"cross_attn.value.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
    {"cross_attn.out.weight", 2, {D_STATE, D_STATE}, ASR_ROLE_MATRIX},
    {"cross_attn.out.bias", 1, {D_STATE}, ASR_ROLE_PLAIN},
};

enum {
    N_ENC_TOP = sizeof ENC_TOP / sizeof *ENC_TOP,
    N_DEC_TOP = sizeof DEC_TOP / sizeof *DEC_TOP,
    N_DEC_BLOCK = sizeof BLOCK / sizeof *BLOCK,
    N_ENC_BLOCK = N_DEC_BLOCK - 9,
};

int asr_arch_count(const struct asr_hparams *hp)
{
    return N_ENC_TOP + N_DEC_TOP + hp->n_audio_layer * N_ENC_BLOCK + hp->n_text_layer * N_DEC_BLOCK;
}

static int size_of(const struct asr_hparams *hp, int dim)
{
    switch (dim) {
    case D_3:
        return 3;
    case D_STATE:
        return hp->n_audio_state;
    case D_MLP:
        return 4 * hp->n_audio_state;
    case D_MELS:
        return hp->n_mels;
    case D_ACTX:
        return hp->n_audio_ctx;
    case D_TCTX:
        return hp->n_text_ctx;
    case D_VOCAB:
        return hp->n_vocab;
    default:
        return 1;
    }
}

void asr_arch_tensor(const struct asr_hparams *hp, int i, struct asr_tensor *t, enum asr_role *role)
{
    const struct row *r;
    int enc_end = N_ENC_TOP + hp->n_audio_layer * N_ENC_BLOCK;
    if (i < N_ENC_TOP) {
        r = &ENC_TOP[i];
        snprintf(t->name, sizeof t->name, "%s", r->name);
    } else if (i < enc_end) {
        i -= N_ENC_TOP;
        r = &BLOCK[i % N_ENC_BLOCK];
        snprintf(t->name, sizeof t->name, "encoder.blocks.%d.%s", i / N_ENC_BLOCK, r->name);
    } else if (i < enc_end + N_DEC_TOP) {
        r = &DEC_TOP[i - enc_end];
        snprintf(t->name, sizeof t->name, "%s", r->name);
    } else {
        i -= enc_end + N_DEC_TOP;
        r = &BLOCK[i % N_DEC_BLOCK];
        snprintf(t->name, sizeof t->name, "decoder.blocks.%d.%s", i / N_DEC_BLOCK, r->name);
    }
    t->n_dims = r->n_dims;
    for (int d = 0; d < 4; d++) {
        t->ne[d] = d < r->n_dims ? size_of(hp, r->ne[d]) : 1;
    }
    *role = (enum asr_role)r->role;
}

bool asr_arch_type_fits(enum asr_role role, enum asr_type t)
{
    int bytes;
    if (role == ASR_ROLE_MATRIX) {
        return asr_type_block(t, &bytes) > 0;
    }
    return t == ASR_F32 || t == ASR_F16;
}

const char *asr_arch_refuse(const struct asr_hparams *hp)
{
    if (hp->n_vocab < 2 || hp->n_vocab > ASR_MAX_VOCAB) {
        return "the vocabulary is not of 2 to 200000 words";
    }
    if (hp->n_audio_ctx < 1 || hp->n_audio_ctx > 1500 || hp->n_text_ctx < 8 ||
        hp->n_text_ctx > 448) {
        return "the contexts are not of 1 to 1500 and 8 to 448 positions";
    }
    if (hp->n_audio_state < 1 || hp->n_audio_state > ASR_MAX_STATE || hp->n_audio_head < 1 ||
        hp->n_audio_state % hp->n_audio_head || hp->n_text_head < 1 ||
        hp->n_text_state != hp->n_audio_state || hp->n_text_state % hp->n_text_head) {
        return "width and heads do not fit (1 to 4096, a multiple of the heads, equal on both "
               "sides)";
    }
    if (hp->n_audio_state / hp->n_audio_head > 128 || hp->n_text_state / hp->n_text_head > 128) {
        return "a head is wider than 128";
    }
    if (hp->n_audio_layer < 1 || hp->n_audio_layer > ASR_MAX_LAYERS || hp->n_text_layer < 1 ||
        hp->n_text_layer > ASR_MAX_LAYERS) {
        return "there are not 1 to 64 layers on each side";
    }
    if (hp->n_mels < 1 || hp->n_mels > 256) {
        return "there are not 1 to 256 mel bands";
    }
    return NULL;
}
