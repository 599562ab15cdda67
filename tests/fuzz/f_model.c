/* libFuzzer: any bytes as a model file, then its vocabulary.
 *
 *     clang-14 -g -O1 -fsanitize=fuzzer,address,undefined -I. -D_GNU_SOURCE tests/fuzz/f_model.c \
 *         npu/asr/{model,arch,blocks,heads,tok,split,lang}.c app/base/{err,file}.c -lutf8proc -lm
 *
 * A seed for the corpus comes from F_MODEL_SEED=FILE: it is written and the program ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/model.h"
#include "npu/asr/tok.h"
#include "tests/npu/mkmodel.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small files of every kind that loads, so that mutations reach the end of the parser. */
static void write_seed(const char *path)
{
    static const char *const merge[] = {"th", " th", " the"};
    struct asr_hparams hp = mk_hp(256 + 3 + 5 + 1501);
    struct mk b = {0};
    hp.n_audio_ctx = hp.n_text_ctx = 8;
    hp.n_mels = 1;
    hp.n_text_layer = 1;
    mk_head(&b, &hp);
    mk_small_words(&b, merge, 3);
    mk_tensors(&b, &hp);
    FILE *f = fopen(path, "wb");
    if (f) {
        fwrite(b.data, 1, b.size, f);
        fclose(f);
    }
    free(b.data);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *path = getenv("F_MODEL_SEED");
    (void)argc;
    (void)argv;
    if (path) {
        write_seed(path);
        exit(0);
    }
    return 0;
}

static void use_tokens(const struct asr_model *m)
{
    static const char text[] = " the tenth \xe2\x82\xac 12 don't  \xff\n<|endoftext|>";
    struct asr_tok *t = NULL;
    struct err e = {0};
    int32_t ids[64];
    if (asr_tok_new(&t, m, &e) < 0) {
        if (!e.text[0] || t) {
            abort();
        }
        return;
    }
    int n = asr_tok_bpe(t, text, sizeof text - 1, ids, 64);
    n = n < 0 ? 0 : n;
    size_t len, sum = 0;
    for (int i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= asr_tok_vocab(t)) {
            abort();
        }
        const char *s = asr_tok_bytes(t, ids[i], &len);
        sum += len ? (unsigned char)s[len - 1] : 0;
    }
    asr_tok_greedy(t, text, sizeof text - 1, ids, 64);
    for (int i = -1; i <= asr_tok_vocab(t); i += 97) {
        const char *s = asr_tok_bytes(t, i, &len);
        sum += len ? (unsigned char)s[len - 1] : 0;
    }
    volatile size_t keep = sum;
    (void)keep;
    asr_tok_free(t);
}

static void use_tensors(const struct asr_model *m)
{
    float row[4096 * 4];
    double sum = 0;
    for (int i = 0; i < asr_model_tensors(m); i++) {
        const struct asr_tensor *t = asr_model_tensor_at(m, i);
        size_t rows = (size_t)t->ne[1] * (size_t)t->ne[2];
        asr_tensor_row(t, 0, row);
        sum += (double)row[0];
        asr_tensor_row(t, rows - 1, row);
        sum += (double)row[t->ne[0] - 1];
    }
    volatile double keep = sum;
    (void)keep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asr_model *m = NULL;
    struct err e = {0};
    int rc = asr_model_parse(&m, "fuzz", data, size, &e);
    if (rc < 0) {
        if (m || e.code != -rc || !e.text[0] || strlen(e.text) >= sizeof e.text) {
            abort();
        }
        return 0;
    }
    use_tensors(m);
    use_tokens(m);
    asr_model_free(m);
    return 0;
}
