/* A Whisper model file in the ggml layout, mapped read-only and checked (dictation.md 4.9).
 *
 * Nothing in the file is trusted: every count, length, type and shape is checked against the size of
 * the file before it is used, and a file is refused with one sentence naming the place. */
#ifndef ASR_MODEL_H
#define ASR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

struct asr_hparams {
    int n_vocab;
    int n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    int n_text_ctx, n_text_state, n_text_head, n_text_layer;
    int n_mels;
    int ftype; /* as in the file */
};

/* Tensor types, numbered as in the file. */
enum asr_type {
    ASR_F32 = 0,
    ASR_F16 = 1,
    ASR_Q4_0 = 2,
    ASR_Q4_1 = 3,
    ASR_Q5_0 = 6,
    ASR_Q5_1 = 7,
    ASR_Q8_0 = 8,
    ASR_Q2_K = 10,
    ASR_Q3_K = 11,
    ASR_Q4_K = 12,
    ASR_Q5_K = 13,
    ASR_Q6_K = 14,
};

struct asr_tensor {
    char name[64];
    enum asr_type type;
    int n_dims;
    int ne[4];           /* ne[0] varies fastest; unused ones are 1 */
    const uint8_t *data; /* in the mapped file: any alignment */
    size_t size_b;
};

struct asr_model;

/* Maps and checks a file.  After success every tensor of the architecture exists with its shape. */
int asr_model_open(struct asr_model **m, const char *path, struct err *e);
/* The same for bytes that the caller keeps (fuzzing, tests). */
int asr_model_parse(struct asr_model **m, const char *name, const uint8_t *data, size_t size,
                    struct err *e);
void asr_model_free(struct asr_model *m);

const char *asr_model_path(const struct asr_model *m);
size_t asr_model_bytes(const struct asr_model *m); /* of the file */
/* The mapped file, page-aligned, asr_model_bytes() long; NULL when the caller keeps the bytes. */
const void *asr_model_map(const struct asr_model *m);
const struct asr_hparams *asr_model_hp(const struct asr_model *m);
/* Mel filters [n_mels][201]. */
const float *asr_model_filters(const struct asr_model *m);
/* Vocabulary entry id as it stands in the file; NULL when the file has none (n entries <= id). */
const uint8_t *asr_model_word(const struct asr_model *m, int id, size_t *len);
int asr_model_words(const struct asr_model *m);
/* NULL when there is none of that name. */
const struct asr_tensor *asr_model_tensor(const struct asr_model *m, const char *name);
int asr_model_tensors(const struct asr_model *m);
const struct asr_tensor *asr_model_tensor_at(const struct asr_model *m, int i);
/* The bytes of t will hardly be read again: lets the system have their pages back (they come back by
 * themselves when they are). */
void asr_model_release(const struct asr_model *m, const struct asr_tensor *t);
/* Widens row r of a tensor seen as [rows][ne[0]], by reading the file where there is one: a row here and
 * a row there would bring a page of the map into memory each, and leave it there. */
void asr_model_row(const struct asr_model *m, const struct asr_tensor *t, size_t r, float *out);
/* A short name for people: "tiny.en", "base", "large-v3-turbo", or "256x6+2" for other shapes. */
const char *asr_model_kind(const struct asr_model *m);
/* Alignment heads as (layer, head) pairs: published ones for known kinds (dictation.md 4.8), those of
 * the file PATH-without-.bin.heads beside the model if there is one, else all heads of the upper half
 * of the layers.  Returns the count, at most max. */
int asr_model_align_heads(const struct asr_model *m, uint8_t (*heads)[2], int max);

/* Name of a type ("q5_0"), values and bytes of a block; NULL/0 for unknown types. */
const char *asr_type_name(enum asr_type t);
int asr_type_block(enum asr_type t, int *bytes);

/* Widens n values of a row (n a multiple of the block) from raw bytes.  blocks.c */
void asr_widen(enum asr_type t, const uint8_t *raw, size_t n, float *out);
/* Widens row r (ne[0] values) of a tensor seen as [rows][ne[0]]. */
void asr_tensor_row(const struct asr_tensor *t, size_t row, float *out);

#endif
