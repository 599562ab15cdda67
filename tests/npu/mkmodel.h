/* A small model file in memory, for tests: sizes, words and weights as the caller wants them. */
#ifndef TESTS_MKMODEL_H
#define TESTS_MKMODEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/arch.h"

struct mk {
    uint8_t *data;
    size_t size, cap;
};

static inline void mk_bytes(struct mk *b, const void *p, size_t n)
{
    if (b->size + n > b->cap) {
        b->cap = 2 * (b->size + n) + 4096;
        b->data = realloc(b->data, b->cap);
    }
    memcpy(b->data + b->size, p, n);
    b->size += n;
}

static inline void mk_int(struct mk *b, int32_t v)
{
    mk_bytes(b, &v, 4);
}

static inline struct asr_hparams mk_hp(int n_vocab)
{
    return (struct asr_hparams){
        .n_vocab = n_vocab,
        .n_audio_ctx = 16,
        .n_audio_state = 8,
        .n_audio_head = 2,
        .n_audio_layer = 1,
        .n_text_ctx = 16,
        .n_text_state = 8,
        .n_text_head = 2,
        .n_text_layer = 2,
        .n_mels = 4,
        .ftype = 1,
    };
}

static inline void mk_head(struct mk *b, const struct asr_hparams *hp)
{
    const int32_t v[] = {0x67676d6c,       hp->n_vocab,
                         hp->n_audio_ctx,  hp->n_audio_state,
                         hp->n_audio_head, hp->n_audio_layer,
                         hp->n_text_ctx,   hp->n_text_state,
                         hp->n_text_head,  hp->n_text_layer,
                         hp->n_mels,       hp->ftype,
                         hp->n_mels,       201};
    float f = 0.25f;
    mk_bytes(b, v, sizeof v);
    for (int i = 0; i < hp->n_mels * 201; i++) {
        mk_bytes(b, &f, 4);
    }
}

static inline void mk_word(struct mk *b, const void *s, size_t n)
{
    mk_int(b, (int32_t)n);
    mk_bytes(b, s, n);
}

/* A tensor's record; the data are zeros. */
static inline void mk_tensor(struct mk *b, const struct asr_tensor *t, int type)
{
    int bytes, block = asr_type_block((enum asr_type)type, &bytes);
    size_t n = 1;
    mk_int(b, t->n_dims);
    mk_int(b, (int32_t)strlen(t->name));
    mk_int(b, type);
    for (int d = 0; d < t->n_dims; d++) {
        mk_int(b, t->ne[d]);
        n *= (size_t)t->ne[d];
    }
    mk_bytes(b, t->name, strlen(t->name));
    n = block ? n / (size_t)block * (size_t)bytes : n;
    uint8_t *zero = calloc(1, n);
    mk_bytes(b, zero, n);
    free(zero);
}

static inline void mk_tensors(struct mk *b, const struct asr_hparams *hp)
{
    for (int i = 0; i < asr_arch_count(hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(hp, i, &t, &role);
        mk_tensor(b, &t, role == ASR_ROLE_PLAIN ? ASR_F32 : ASR_F16);
    }
}

/* A tensor of small noise in f32 (gains: near 1), always the same. */
static inline void mk_noise(struct mk *b, const struct asr_tensor *t, uint32_t seed)
{
    size_t n = 1;
    size_t len = strlen(t->name);
    bool gain = len > 9 && !strcmp(t->name + len - 9, "ln.weight");
    mk_int(b, t->n_dims);
    mk_int(b, (int32_t)len);
    mk_int(b, ASR_F32);
    for (int d = 0; d < t->n_dims; d++) {
        mk_int(b, t->ne[d]);
        n *= (size_t)t->ne[d];
    }
    mk_bytes(b, t->name, len);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        float v = ((float)(seed >> 8) / 16777216.0f - 0.5f) * 0.5f + (gain ? 1.0f : 0.0f);
        mk_bytes(b, &v, 4);
    }
}

/* The vocabulary of the bundled kind: 256 bytes, the given merges, specials by name, 1501 stamps.
 * Returns how many words there are. */
static inline int mk_small_words(struct mk *b, const char *const *merge, int n_merge)
{
    static const char *const special[] = {"<|endoftext|>", "<|startoftranscript|>",
                                          "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"};
    int n = 256 + n_merge + 5 + 1501;
    mk_int(b, n);
    for (int i = 0; i < 256; i++) {
        uint8_t c = (uint8_t)i;
        mk_word(b, &c, 1);
    }
    for (int i = 0; i < n_merge; i++) {
        mk_word(b, merge[i], strlen(merge[i]));
    }
    for (int i = 0; i < 5; i++) {
        mk_word(b, special[i], strlen(special[i]));
    }
    for (int i = 0; i < 1501; i++) {
        char s[32];
        snprintf(s, sizeof s, "<|%d.%02d|>", i / 50, i % 50 * 2);
        mk_word(b, s, strlen(s));
    }
    return n;
}

/* Folder of the golden data ("" when there is none), and one of its files, read whole. */
static inline const char *golden_dir(void)
{
    const char *const try[] = {getenv("DICTATE_GOLDEN"), "tests/gold/shared", "../shared/golden"};
    for (size_t i = 0; i < sizeof try / sizeof *try; i++) {
        char path[1024];
        if (try[i]) {
            snprintf(path, sizeof path, "%s/cases.tsv", try[i]);
            FILE *f = fopen(path, "rb");
            if (f) {
                fclose(f);
                return try[i];
            }
        }
    }
    return "";
}

static inline void *golden_read(const char *name, size_t *size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", golden_dir(), name);
    FILE *f = *golden_dir() ? fopen(path, "rb") : NULL;
    *size = 0;
    if (!f) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *p = malloc((size_t)n + 1);
    *size = fread(p, 1, (size_t)n, f);
    p[*size] = 0;
    fclose(f);
    return p;
}

#endif
