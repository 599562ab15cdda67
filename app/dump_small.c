/* The kinds of case that need no engine: blocks, GELU, special tokens, text to ids and back.
 * Main thread. */
#include "app/dump_impl.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "kernels/ref/ref.h"

int dump_blocks(struct dump *d, const struct dump_case *c, struct err *e)
{
    size_t bytes;
    enum asr_type type = (enum asr_type)dump_int(c, "ggml_type", -1);
    int block, values = asr_type_block(type, &block);
    uint8_t *raw = values ? dump_ref(d, c->id, "raw", "bin", &bytes) : NULL;
    if (!raw) {
        return 0;
    }
    size_t n = bytes / (size_t)block * (size_t)values;
    float *out = malloc((n + 1) * sizeof *out);
    int rc = out ? 0 : err_set(e, ERR_MEM, "no memory for the case %s", c->id);
    if (rc == 0) {
        asr_widen(type, raw, n, out);
        rc = dump_put(d, c->id, "deq", "f32", out, n * sizeof *out, e);
    }
    free(out);
    free(raw);
    return rc;
}

int dump_gelu(struct dump *d, const struct dump_case *c, struct err *e)
{
    size_t bytes;
    float *x = dump_ref(d, c->id, "x", "f32", &bytes);
    if (!x) {
        return 0;
    }
    for (size_t i = 0; i < bytes / sizeof *x; i++) {
        x[i] = ref_gelu(x[i]);
    }
    int rc = dump_put(d, c->id, "y", "f32", x, bytes, e);
    free(x);
    return rc;
}

int dump_special(struct dump *d, const struct dump_case *c, struct err *e)
{
    struct asr_special s;
    if (asr_special_by_size((int)dump_int(c, "n_vocab", 0), &s) < 0) {
        return 0;
    }
    const int32_t v[] = {s.eot,  s.sot,  s.translate, s.transcribe, s.solm,
                         s.prev, s.nosp, s.not_,      s.beg,        s.n_lang};
    int rc = dump_put(d, c->id, "special", "i32", v, sizeof v, e);
    return rc < 0 ? rc
                  : dump_put(d, c->id, "lang", "i32", s.lang, (size_t)s.n_lang * sizeof *s.lang, e);
}

/* The size in a model's header, 0 when it is none. */
static int vocab_of(const char *path)
{
    int32_t v[2] = {0, 0};
    FILE *f = fopen(path, "rbe");
    if (!f || fread(v, 4, 2, f) != 2 || v[0] != 0x67676d6c) {
        v[1] = 0;
    }
    if (f) {
        fclose(f);
    }
    return v[1];
}

/* Opens the first model of the folder that has the vocabulary a case names; 0: there is none. */
static int open_vocabulary(struct dump *d, const struct dump_case *c, struct err *e)
{
    char kind[32] = "", first[256] = "";
    dump_str(c, "vocabulary", kind, sizeof kind);
    int want = !strcmp(kind, "gpt2") ? 51864 : 51865;
    DIR *dir = opendir(d->models);
    for (struct dirent *f; dir && (f = readdir(dir));) {
        char path[4096];
        size_t n = strlen(f->d_name);
        snprintf(path, sizeof path, "%s/%s", d->models, f->d_name);
        if (f->d_type != DT_DIR && f->d_type != DT_FIFO && n > 4 && n < sizeof first &&
            !strcmp(f->d_name + n - 4, ".bin") && vocab_of(path) == want &&
            (!*first || strcmp(f->d_name, first) < 0)) {
            strcpy(first, f->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (!*first) {
        fprintf(stderr, "dictate: no model with the vocabulary of %s in %s\n", c->id, d->models);
        return 0;
    }
    struct dump_case with = *c;
    with.model = first;
    int rc = dump_model(d, &with, e);
    return rc < 0 ? rc : 1;
}

static int is_utf8(const char *s, size_t n)
{
    while (n) {
        utf8proc_int32_t ch;
        utf8proc_ssize_t k =
            utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &ch);
        if (k <= 0) {
            return 0;
        }
        s += k;
        n -= (size_t)k;
    }
    return 1;
}

/* Offsets must lie in order within n. */
static int offsets_fit(const int32_t *off, size_t count, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        if (off[i] < (i ? off[i - 1] : 0) || (size_t)off[i] > n) {
            return 0;
        }
    }
    return count > 0;
}

static int put_ids(struct dump *d, const struct dump_case *c, const char *text, const int32_t *off,
                   int strings, int bpe, struct err *e)
{
    size_t most = (size_t)off[strings], at = 0;
    int32_t *ids = malloc((most + 1) * sizeof *ids);
    int32_t *id_off = calloc((size_t)strings + 1, sizeof *id_off);
    int rc = ids && id_off ? 0 : err_set(e, ERR_MEM, "no memory for the case %s", c->id);
    for (int i = 0; rc == 0 && i < strings; i++) {
        const char *s = text + off[i];
        size_t len = (size_t)(off[i + 1] - off[i]);
        int room = (int)(most - at), n = 0;
        if (!bpe) {
            n = asr_tok_greedy(d->tok, s, len, ids + at, room);
        } else if (is_utf8(s, len)) {
            n = asr_tok_bpe(d->tok, s, len, ids + at, room);
        }
        at += n > 0 ? (size_t)n : 0;
        id_off[i + 1] = (int32_t)at;
    }
    rc = rc < 0 ? rc : dump_put(d, c->id, bpe ? "bpe_ids" : "ids", "i32", ids, at * 4, e);
    rc = rc < 0 ? rc
                : dump_put(d, c->id, bpe ? "bpe_off" : "id_off", "i32", id_off,
                           ((size_t)strings + 1) * 4, e);
    free(ids);
    free(id_off);
    return rc;
}

int dump_tokenizer(struct dump *d, const struct dump_case *c, struct err *e)
{
    size_t n, bytes;
    int rc = open_vocabulary(d, c, e);
    if (rc <= 0) {
        return rc;
    }
    char *text = dump_ref(d, "tokenizer/strings", "", "bin", &n);
    int32_t *off = dump_ref(d, c->id, "string_off", "i32", &bytes);
    rc = 0;
    if (text && off && offsets_fit(off, bytes / 4, n)) {
        int strings = (int)(bytes / 4) - 1;
        rc = put_ids(d, c, text, off, strings, 0, e);
        rc = rc < 0 ? rc : put_ids(d, c, text, off, strings, 1, e);
    }
    free(text);
    free(off);
    return rc;
}

int dump_detokenizer(struct dump *d, const struct dump_case *c, struct err *e)
{
    size_t n, bytes, at = 0;
    int rc = open_vocabulary(d, c, e);
    if (rc <= 0) {
        return rc;
    }
    int32_t *ids = dump_ref(d, c->id, "in_ids", "i32", &n);
    int32_t *off = dump_ref(d, c->id, "in_off", "i32", &bytes);
    int32_t *text_off = off ? calloc(bytes / 4 + 1, 4) : NULL;
    char *text = ids ? malloc(n / 4 * 256 + 1) : NULL; /* the longest word has 128 bytes */
    rc = 0;
    if (text && text_off && offsets_fit(off, bytes / 4, n / 4)) {
        for (size_t i = 0; i + 1 < bytes / 4; i++) {
            for (int32_t j = off[i]; j < off[i + 1]; j++) {
                size_t len;
                const char *s = asr_tok_bytes(d->tok, ids[j], &len);
                len = len < 256 ? len : 256;
                memcpy(text + at, s, len);
                at += len;
            }
            text_off[i + 1] = (int32_t)at;
        }
        rc = dump_put(d, c->id, "text", "bin", text, at, e);
        rc = rc < 0 ? rc : dump_put(d, c->id, "text_off", "i32", text_off, bytes, e);
    }
    free(ids);
    free(off);
    free(text_off);
    free(text);
    return rc;
}
