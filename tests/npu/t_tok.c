/* Tokens: the golden tokenizer, detokenizer and special cases, and small named vocabularies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/asr/tok.h"
#include "tests/npu/mkmodel.h"

struct bench {
    struct mk file;
    struct asr_model *model;
    struct asr_tok *tok;
};

static void bench_open(struct bench *b)
{
    struct err e = {0};
    assert_int_equal(asr_model_parse(&b->model, "x.bin", b->file.data, b->file.size, &e), 0);
    assert_int_equal(asr_tok_new(&b->tok, b->model, &e), 0);
}

static void bench_close(struct bench *b)
{
    asr_tok_free(b->tok);
    asr_model_free(b->model);
    free(b->file.data);
}

static int base64(const char *s, uint8_t *out)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int have = 0, n = 0;
    for (; *s && *s != ' ' && *s != '='; s++) {
        bits = bits << 6 | (uint32_t)(strchr(set, *s) - set);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return n;
}

/* A model with Whisper's true vocabulary and next to no network. */
static int whisper_bench(struct bench *b, bool english)
{
    struct asr_hparams hp = mk_hp(english ? 51864 : 51865);
    char path[1024], line[512];
    memset(b, 0, sizeof *b);
    snprintf(path, sizeof path, "%s/../data/whisper-vocab/%s.tiktoken", golden_dir(),
             english ? "gpt2" : "multilingual");
    FILE *f = *golden_dir() ? fopen(path, "r") : NULL;
    if (!f) {
        return -1;
    }
    mk_head(&b->file, &hp);
    mk_int(&b->file, english ? 50256 : 50257);
    while (fgets(line, sizeof line, f)) {
        uint8_t word[256];
        int n = base64(line, word);
        mk_word(&b->file, word, (size_t)n);
    }
    fclose(f);
    mk_tensors(&b->file, &hp);
    bench_open(b);
    return 0;
}

typedef int (*encode_fn)(const struct asr_tok *t, const char *s, size_t len, int32_t *ids, int max);

static int compare(const struct asr_tok *t, encode_fn encode, const char *lang,
                   const char *ids_name, const char *off_name)
{
    char path[128];
    size_t n, size;
    char *text = golden_read("tokenizer/strings.bin", &n);
    snprintf(path, sizeof path, "tokenizer/%s.string_off.i32", lang);
    int32_t *at = golden_read(path, &n);
    snprintf(path, sizeof path, "tokenizer/%s.%s.i32", lang, ids_name);
    int32_t *want = golden_read(path, &size);
    snprintf(path, sizeof path, "tokenizer/%s.%s.i32", lang, off_name);
    int32_t *off = golden_read(path, &size);
    int strings = (int)(n / 4) - 1, bad = 0;
    assert_true(text && at && want && off && strings == 62);
    for (int i = 0; i < strings; i++) {
        int32_t got[2048];
        int k = encode(t, text + at[i], (size_t)(at[i + 1] - at[i]), got, 2048);
        int w = off[i + 1] - off[i];
        bool optional = encode == asr_tok_bpe && w == 0; /* not UTF-8: no reference */
        if (!optional && (k != w || memcmp(got, want + off[i], 4 * (size_t)w))) {
            print_message("%s %s string %d: %d ids, %d wanted\n", lang, ids_name, i, k, w);
            bad++;
        }
    }
    free(text);
    free(at);
    free(want);
    free(off);
    return bad;
}

static void detokenize(const struct asr_tok *t, const char *lang)
{
    char path[128];
    size_t n, text_b;
    snprintf(path, sizeof path, "detokenizer/%s.in_ids.i32", lang);
    int32_t *ids = golden_read(path, &n);
    snprintf(path, sizeof path, "detokenizer/%s.in_off.i32", lang);
    int32_t *off = golden_read(path, &n);
    snprintf(path, sizeof path, "detokenizer/%s.text.bin", lang);
    char *text = golden_read(path, &text_b);
    assert_true(ids && off && text);
    size_t at = 0;
    for (int i = 0; i < off[n / 4 - 1]; i++) {
        size_t len;
        const char *s = asr_tok_bytes(t, ids[i], &len);
        assert_true(at + len <= text_b);
        assert_memory_equal(s, text + at, len);
        at += len;
    }
    assert_int_equal(at, text_b);
    free(ids);
    free(off);
    free(text);
}

static void golden_tokens(void **state)
{
    struct bench b;
    (void)state;
    for (int english = 0; english < 2; english++) {
        const char *lang = english ? "en" : "multi";
        if (whisper_bench(&b, english) < 0) {
            skip();
        }
        assert_int_equal(compare(b.tok, asr_tok_greedy, lang, "ids", "id_off"), 0);
        assert_int_equal(compare(b.tok, asr_tok_bpe, lang, "bpe_ids", "bpe_off"), 0);
        detokenize(b.tok, lang);
        bench_close(&b);
    }
}

static void golden_special(void **state)
{
    (void)state;
    for (int n = 51864; n <= 51866; n++) {
        char path[64];
        size_t size;
        struct asr_special s;
        assert_int_equal(asr_special_by_size(n, &s), 0);
        snprintf(path, sizeof path, "special/%d.special.i32", n);
        int32_t *want = golden_read(path, &size);
        if (!want) {
            skip();
        }
        const int32_t got[] = {s.eot,  s.sot,  s.translate, s.transcribe, s.solm,
                               s.prev, s.nosp, s.not_,      s.beg,        s.n_lang};
        assert_memory_equal(got, want, sizeof got);
        free(want);
        snprintf(path, sizeof path, "special/%d.lang.i32", n);
        want = golden_read(path, &size);
        assert_int_equal(size, 4 * s.n_lang);
        assert_memory_equal(s.lang, want, size);
        free(want);
    }
    struct asr_special s;
    assert_int_equal(asr_special_by_size(51867, &s), -ERR_MODEL);
}

static struct bench small_bench(void)
{
    static const char *const merge[] = {"th", " th", " the", "he", "in", " '"};
    struct bench b = {0};
    struct asr_hparams hp = mk_hp(256 + 6 + 5 + 1501);
    mk_head(&b.file, &hp);
    mk_small_words(&b.file, merge, 6);
    mk_tensors(&b.file, &hp);
    bench_open(&b);
    return b;
}

static void small_vocabulary(void **state)
{
    struct bench b = small_bench();
    const struct asr_special *s = asr_tok_special(b.tok);
    int32_t ids[32];
    size_t len;
    (void)state;
    assert_int_equal(s->eot, 262);
    assert_int_equal(s->sot, 263);
    assert_int_equal(s->prev, 264);
    assert_int_equal(s->nosp, 265);
    assert_int_equal(s->not_, 266);
    assert_int_equal(s->beg, 267);
    assert_int_equal(s->solm, -1);
    assert_int_equal(s->translate, -1);
    assert_int_equal(s->n_lang, 0);
    assert_false(s->multilingual);
    /* " the": th, then " th"; "he" is a later merge than both, so " the" comes as one. */
    assert_int_equal(asr_tok_bpe(b.tok, " the thin", 9, ids, 32), 3);
    assert_int_equal(ids[0], 258);
    assert_int_equal(ids[1], 257);
    assert_int_equal(ids[2], 260);
    /* Names of special tokens in text are text. */
    int n = asr_tok_bpe(b.tok, "<|endoftext|>", 13, ids, 32);
    assert_true(n > 1);
    for (int i = 0; i < n; i++) {
        assert_true(ids[i] < s->eot);
    }
    assert_int_equal(asr_tok_bpe(b.tok, "abcdef", 6, ids, 5), -1);
    assert_int_equal(asr_tok_bpe(b.tok, "", 0, ids, 5), 0);
    assert_memory_equal(asr_tok_bytes(b.tok, s->beg + 1500, &len), "<|30.00|>", 9);
    assert_int_equal(len, 9);
    asr_tok_bytes(b.tok, 100000, &len);
    assert_int_equal(len, 0);
    asr_tok_bytes(b.tok, -1, &len);
    assert_int_equal(len, 0);
    /* A zero byte is a word like any other. */
    assert_int_equal(asr_tok_greedy(b.tok, "\0", 1, ids, 5), 1);
    assert_int_equal(ids[0], 0);
    bench_close(&b);
}

/* A text as long as a command line takes a bounded time. */
static void long_text(void **state)
{
    struct bench b = small_bench();
    enum { N = 100000 };
    char *text = malloc(N);
    int32_t *ids = malloc(N * sizeof *ids);
    (void)state;
    memset(text, 't', N);
    assert_int_equal(asr_tok_bpe(b.tok, text, N, ids, N), N);
    for (int i = 1; i < N; i += 2) {
        text[i] = 'h';
    }
    assert_int_equal(asr_tok_bpe(b.tok, text, N, ids, N), N / 2);
    free(ids);
    free(text);
    bench_close(&b);
}

static void refused_vocabularies(void **state)
{
    struct asr_hparams hp = mk_hp(300);
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct mk b = {0};
        struct asr_model *m;
        struct asr_tok *t;
        struct err e = {0};
        mk_head(&b, &hp);
        mk_int(&b, 5);
        mk_word(&b, "a", 1);
        mk_word(&b, kind ? "<|endoftext|>" : "b", kind ? 13 : 1);
        mk_word(&b, "<|startoftranscript|>", 21);
        mk_word(&b, "<|notimestamps|>", 16);
        mk_word(&b, "<|0.00|>", 8);
        mk_tensors(&b, &hp);
        assert_int_equal(asr_model_parse(&m, "x.bin", b.data, b.size, &e), 0);
        assert_int_equal(asr_tok_new(&t, m, &e), -ERR_MODEL);
        assert_null(t);
        assert_non_null(strstr(e.text, kind ? "must end with the stamps" : "<|endoftext|>"));
        asr_model_free(m);
        free(b.data);
    }
}

static void languages(void **state)
{
    (void)state;
    assert_int_equal(asr_lang_index("en"), 0);
    assert_int_equal(asr_lang_index("German"), 2);
    assert_int_equal(asr_lang_index("yue"), 99);
    assert_int_equal(asr_lang_index("klingon"), -1);
    assert_string_equal(asr_lang_code(98), "su");
    assert_string_equal(asr_lang_name(7), "japanese");
    assert_null(asr_lang_code(100));
    assert_null(asr_lang_name(-1));
    for (int i = 0; i < ASR_MAX_LANG; i++) {
        assert_int_equal(asr_lang_index(asr_lang_code(i)), i);
        assert_int_equal(asr_lang_index(asr_lang_name(i)), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_tokens),        cmocka_unit_test(golden_special),
        cmocka_unit_test(small_vocabulary),     cmocka_unit_test(long_text),
        cmocka_unit_test(refused_vocabularies), cmocka_unit_test(languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
