/* The model loader: whole files load, and every kind of damage gives one sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/npu/mkmodel.h"

static struct mk whole(void)
{
    struct mk b = {0};
    struct asr_hparams hp = mk_hp(256 + 5 + 1501);
    mk_head(&b, &hp);
    mk_small_words(&b, NULL, 0);
    mk_tensors(&b, &hp);
    return b;
}

static void refused(const struct mk *b, const char *part)
{
    struct asr_model *m = NULL;
    struct err e = {0};
    /* A copy of the exact size, so that the sanitizer sees a read past the end. */
    uint8_t *copy = malloc(b->size + 1);
    memcpy(copy, b->data, b->size);
    int rc = asr_model_parse(&m, "x.bin", copy, b->size, &e);
    assert_int_equal(rc, -ERR_MODEL);
    assert_null(m);
    assert_int_equal(e.code, ERR_MODEL);
    assert_non_null(strstr(e.text, "x.bin"));
    if (!strstr(e.text, part)) {
        fail_msg("\"%s\" lacks \"%s\"", e.text, part);
    }
    free(copy);
}

static void loads(void **state)
{
    struct mk b = whole();
    struct asr_model *m;
    struct err e = {0};
    size_t len;
    (void)state;
    assert_int_equal(asr_model_parse(&m, "x.bin", b.data, b.size, &e), 0);
    assert_int_equal(asr_model_hp(m)->n_text_layer, 2);
    assert_string_equal(asr_model_kind(m), "8x1+2");
    assert_int_equal(asr_model_words(m), 256 + 5 + 1501);
    assert_memory_equal(asr_model_word(m, 256, &len), "<|endoftext|>", 13);
    assert_int_equal(len, 13);
    assert_null(asr_model_word(m, 1762, &len));
    assert_null(asr_model_word(m, -1, &len));
    const struct asr_tensor *t = asr_model_tensor(m, "decoder.blocks.1.mlp.0.weight");
    assert_non_null(t);
    assert_int_equal(t->ne[0], 8);
    assert_int_equal(t->ne[1], 32);
    assert_int_equal(t->size_b, 8 * 32 * 2);
    assert_null(asr_model_tensor(m, "decoder.blocks.2.mlp.0.weight"));
    assert_int_equal(asr_model_tensors(m), 7 + 15 + 4 + 2 * 24);
    assert_null(asr_model_tensor_at(m, asr_model_tensors(m)));
    uint8_t heads[8][2];
    assert_int_equal(asr_model_align_heads(m, heads, 8), 2);
    assert_int_equal(heads[1][0], 1);
    assert_int_equal(heads[1][1], 1);
    assert_int_equal(asr_model_align_heads(m, heads, 1), 1);
    asr_model_free(m);
    free(b.data);
}

/* Cut after every byte of the head and at many places of the rest. */
static void cut_anywhere(void **state)
{
    struct mk b = whole();
    (void)state;
    for (size_t n = 0; n < b.size; n += n < 200 ? 1 : 61) {
        struct mk c = {b.data, n, 0};
        refused(&c, n < 4 ? "cut short" : "x.bin");
    }
    struct mk c = {b.data, b.size - 1, 0};
    refused(&c, "cut short: tensor decoder.blocks.1.cross_attn.out.bias");
    free(b.data);
}

static void bad_sizes(void **state)
{
    static const struct {
        int at;
        int32_t value;
        const char *part;
    } bad[] = {
        {0, 0x46554747, "GGUF"},
        {0, 1, "not a ggml"},
        {4, 0, "vocabulary"},
        {4, 2000000, "vocabulary"},
        {4, -5, "vocabulary"},
        {8, 1501, "contexts"},
        {8, 0, "contexts"},
        {12, 4104, "width"},
        {12, -8, "width"},
        {12, 7, "width"},
        {16, 0, "width"},
        {16, 3, "width"},
        {20, 65, "layers"},
        {20, 0x7fffffff, "layers"},
        {24, 449, "contexts"},
        {28, 16, "width"},
        {32, 0, "width"},
        {36, 0, "layers"},
        {40, 257, "mel bands"},
        {40, 0, "mel bands"},
        {48, 5, "mel filters"},
        {52, 200, "mel filters"},
        {56, 0x7fc00000, "not a number"},
        {40, 5, "mel filters"},
        {56 + 4 * 201 * 4, 0x7fffffff, "words"},
        {56 + 4 * 201 * 4, -1, "words"},
        {56 + 4 * 201 * 4 + 4, 0x7fffffff, "word 0"},
        {56 + 4 * 201 * 4 + 4, -1, "word 0"},
        {36, 3, "without tensor decoder.blocks.2.attn_ln.weight"},
        {36, 1, "unknown tensor decoder.blocks.1"},
        {12, 16, "width"},
        {24, 15, "positional_embedding"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mk b = whole();
        memcpy(b.data + bad[i].at, &bad[i].value, 4);
        refused(&b, bad[i].part);
        free(b.data);
    }
}

/* The head of the first tensor record: dims, name length, type, ne[2], name. */
static void bad_tensors(void **state)
{
    struct asr_hparams hp = mk_hp(256 + 5 + 1501);
    struct mk head = {0};
    (void)state;
    mk_head(&head, &hp);
    mk_small_words(&head, NULL, 0);
    static const struct {
        int word;
        int32_t value;
        const char *part;
    } bad[] = {
        {0, 0, "no tensor begins"},
        {0, 5, "no tensor begins"},
        {1, 0, "no tensor begins"},
        {1, 64, "no tensor begins"},
        {1, -1, "no tensor begins"},
        {1, 0x7fffffff, "no tensor begins"},
        {2, 4, "unknown type 4"},
        {2, -1, "unknown type"},
        {2, 99, "unknown type"},
        {2, ASR_Q8_0, "cannot be stored as q8_0"},
        {3, 9, "shape 9x16, 8x16"},
        {4, 0x7fffffff, "shape"},
        {3, -8, "shape"},
        {5, 0x7a7a7a7a, "unknown tensor"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mk b = whole();
        memcpy(b.data + head.size + 4 * (size_t)bad[i].word, &bad[i].value, 4);
        refused(&b, bad[i].part);
        free(b.data);
    }
    free(head.data);
}

static void twice_unknown_and_none(void **state)
{
    struct asr_hparams hp = mk_hp(256 + 5 + 1501);
    struct asr_tensor t;
    enum asr_role role;
    (void)state;
    struct mk b = whole();
    asr_arch_tensor(&hp, 3, &t, &role);
    mk_tensor(&b, &t, ASR_F16);
    refused(&b, "second time");
    free(b.data);

    b = whole();
    strcpy(t.name, "encoder.extra");
    mk_tensor(&b, &t, ASR_F16);
    refused(&b, "unknown tensor encoder.extra");
    free(b.data);

    b = whole();
    mk_bytes(&b, "rubbish", 7);
    refused(&b, "head of a tensor");
    free(b.data);

    b = (struct mk){0};
    mk_head(&b, &hp);
    mk_small_words(&b, NULL, 0);
    refused(&b, "no weights");
    free(b.data);
}

/* Quantised matrices, biases as {n}, control bytes in names. */
static void variants(void **state)
{
    struct asr_hparams hp = mk_hp(256 + 5 + 1501);
    struct mk b = {0};
    struct asr_model *m;
    struct err e = {0};
    (void)state;
    hp.n_audio_state = hp.n_text_state = 32;
    mk_head(&b, &hp);
    mk_small_words(&b, NULL, 0);
    for (int i = 0; i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        if (t.n_dims == 2 && t.ne[0] == 1) {
            t.n_dims = 1;
            t.ne[0] = t.ne[1];
        }
        mk_tensor(&b, &t, role == ASR_ROLE_MATRIX ? ASR_Q5_1 : ASR_F32);
    }
    assert_int_equal(asr_model_parse(&m, "x.bin", b.data, b.size, &e), 0);
    const struct asr_tensor *t = asr_model_tensor(m, "encoder.conv1.bias");
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->ne[1], 32);
    assert_int_equal(asr_model_tensor(m, "decoder.token_embedding.weight")->size_b,
                     24 * hp.n_vocab);
    asr_model_free(m);
    struct asr_tensor bad = {.name = "a\x01\x1b[2J", .n_dims = 1, .ne = {1, 1, 1, 1}};
    mk_tensor(&b, &bad, ASR_F32);
    refused(&b, "unknown tensor a??[2J");
    free(b.data);
}

static void files(void **state)
{
    struct asr_model *m = NULL;
    struct err e = {0};
    (void)state;
    assert_int_equal(asr_model_open(&m, "/nonexistent/x.bin", &e), -ERR_MODEL);
    assert_int_equal(asr_model_open(&m, "/tmp", &e), -ERR_MODEL);
    assert_int_equal(asr_model_open(&m, "/dev/zero", &e), -ERR_MODEL);
    assert_int_equal(asr_model_open(&m, "/dev/null", &e), -ERR_MODEL);
    assert_null(m);
}

/* The files for tests that whisper.cpp has: no weights. */
static void without_weights(void **state)
{
    struct asr_model *m = NULL;
    char path[1024];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct err e = {0};
        snprintf(path, sizeof path, "%s/../data/whisper-vocab/for-tests-ggml-tiny%s.bin",
                 golden_dir(), i ? ".en" : "");
        FILE *f = fopen(path, "rb");
        if (!f) {
            skip();
        }
        fclose(f);
        assert_int_equal(asr_model_open(&m, path, &e), -ERR_MODEL);
        assert_non_null(strstr(e.text, "has no weights"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),     cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(bad_sizes), cmocka_unit_test(bad_tensors),
        cmocka_unit_test(variants),  cmocka_unit_test(twice_unknown_and_none),
        cmocka_unit_test(files),     cmocka_unit_test(without_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
