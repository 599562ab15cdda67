/* The tensors of a Whisper network: which names, which shapes, in which order.  Pure. */
#ifndef ASR_ARCH_H
#define ASR_ARCH_H

#include <stdbool.h>

#include "npu/asr/model.h"

enum asr_role {
    ASR_ROLE_MATRIX, /* 2-D weight: any type */
    ASR_ROLE_CONV,   /* 3-D convolution kernel: f32 or f16 */
    ASR_ROLE_PLAIN,  /* bias, gain, positions: f32 or f16 */
};

enum { ASR_MAX_LAYERS = 64, ASR_MAX_STATE = 4096, ASR_MAX_VOCAB = 200000, ASR_FFT_BINS = 201 };

/* How many tensors a network of these (checked) sizes has. */
int asr_arch_count(const struct asr_hparams *hp);
/* Name, dimensions and role of tensor i; the rest of *t is left alone. */
void asr_arch_tensor(const struct asr_hparams *hp, int i, struct asr_tensor *t,
                     enum asr_role *role);
/* May a tensor of this role be stored as type t? */
bool asr_arch_type_fits(enum asr_role role, enum asr_type t);
/* Checks every size against the limits; the sentence is the reason, NULL when all is well. */
const char *asr_arch_refuse(const struct asr_hparams *hp);

#endif
