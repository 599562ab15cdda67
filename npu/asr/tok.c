/* Tokens: ids to bytes, text to ids, the special ones.  Immutable after asr_tok_new, so any thread
 * may use it; the two directions allocate nothing. */
#include "npu/asr/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/split.h"

enum { NAME_B = 24, STAMPS = 1501, MAX_PIECE = 1024 };

struct asr_tok {
    const struct asr_model *model;
    struct asr_special sp;
    int n_vocab;
    int32_t *slot; /* hash of the text tokens' bytes: id + 1, 0 empty */
    uint32_t mask;
    char (*name)[NAME_B]; /* of ids from eot on, where the file has none; else NULL */
};

/* ---- special tokens ----------------------------------------------------------------------------
 */

int asr_special_by_size(int n_vocab, struct asr_special *s)
{
    if (n_vocab < 51864 || n_vocab > 51866) {
        return -ERR_MODEL;
    }
    memset(s, 0, sizeof *s);
    s->multilingual = n_vocab > 51864;
    s->n_lang = n_vocab == 51866 ? 100 : 99;
    s->eot = s->multilingual ? 50257 : 50256;
    s->sot = s->eot + 1;
    for (int i = 0; i < s->n_lang; i++) {
        s->lang[i] = s->sot + 1 + i;
    }
    s->translate = s->sot + 1 + s->n_lang;
    s->transcribe = s->translate + 1;
    s->solm = s->translate + 2;
    s->prev = s->translate + 3;
    s->nosp = s->translate + 4;
    s->not_ = s->translate + 5;
    s->beg = s->translate + 6;
    return 0;
}

static const char *special_name(const struct asr_special *s, int32_t id, char *buf, size_t size)
{
    const struct {
        int32_t id;
        const char *name;
    } fixed[] = {
        {s->eot, "<|endoftext|>"},       {s->sot, "<|startoftranscript|>"},
        {s->translate, "<|translate|>"}, {s->transcribe, "<|transcribe|>"},
        {s->solm, "<|startoflm|>"},      {s->prev, "<|startofprev|>"},
        {s->nosp, "<|nospeech|>"},       {s->not_, "<|notimestamps|>"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (fixed[i].id == id) {
            return fixed[i].name;
        }
    }
    if (id >= s->beg) {
        int t = (id - s->beg) * 2;
        snprintf(buf, size, "<|%d.%02d|>", t / 100, t % 100);
    } else {
        snprintf(buf, size, "<|%s|>", asr_lang_code(id - s->sot - 1));
    }
    return buf;
}

/* Is the word this name? */
static bool is_word(const uint8_t *w, size_t len, const char *name)
{
    return len == strlen(name) && !memcmp(w, name, len);
}

/* The token of an optional name, -1: not there.  Specials stand at the end, so search from there.
 */
static int32_t named(const struct asr_model *m, const char *name)
{
    for (int i = asr_model_words(m) - 1; i >= 0; i--) {
        size_t len;
        const uint8_t *w = asr_model_word(m, i, &len);
        if (is_word(w, len, name)) {
            return i;
        }
    }
    return -1;
}

static void named_languages(const struct asr_model *m, struct asr_special *s)
{
    for (int i = 0; i < ASR_MAX_LANG; i++) {
        char name[16];
        snprintf(name, sizeof name, "<|%s|>", asr_lang_code(i));
        int32_t id = named(m, name);
        if (id < 0) {
            break;
        }
        s->lang[s->n_lang++] = id;
    }
    s->multilingual = s->n_lang > 0 && s->transcribe >= 0;
}

/* Special tokens by their names in the vocabulary; every one must come after the text. */
static int special_by_name(const struct asr_model *m, struct asr_special *s, struct err *e)
{
    memset(s, 0, sizeof *s);
    const struct {
        int32_t *id;
        const char *name;
        bool must;
    } want[] = {
        {&s->eot, "<|endoftext|>", true},
        {&s->sot, "<|startoftranscript|>", true},
        {&s->translate, "<|translate|>", false},
        {&s->transcribe, "<|transcribe|>", false},
        {&s->solm, "<|startoflm|>", false},
        {&s->prev, "<|startofprev|>", false},
        {&s->nosp, "<|nospeech|>", false},
        {&s->not_, "<|notimestamps|>", true},
        {&s->beg, "<|0.00|>", false},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        *want[i].id = named(m, want[i].name);
        if (*want[i].id < 0 && want[i].must) {
            return err_set(e, ERR_MODEL,
                           "%s: a vocabulary of %d words must name its token %s, it does not",
                           asr_model_path(m), asr_model_hp(m)->n_vocab, want[i].name);
        }
        if (*want[i].id >= 0 && *want[i].id < s->eot) {
            return err_set(e, ERR_MODEL, "%s: token %s stands before <|endoftext|>",
                           asr_model_path(m), want[i].name);
        }
    }
    named_languages(m, s);
    return 0;
}

/* Stamps must be the last words, 20 ms apart: the rules take every id from beg on as a stamp. */
static int check_stamps(const struct asr_model *m, struct asr_special *s, struct err *e)
{
    int n_vocab = asr_model_hp(m)->n_vocab;
    if (s->beg < 0) {
        s->beg = n_vocab; /* none: every id is below */
        return 0;
    }
    bool good = n_vocab - s->beg <= STAMPS && asr_model_words(m) == n_vocab;
    for (int i = s->beg; good && i < n_vocab; i++) {
        char name[NAME_B];
        size_t len;
        const uint8_t *w = asr_model_word(m, i, &len);
        good = is_word(w, len, special_name(s, i, name, sizeof name));
    }
    if (!good) {
        return err_set(e, ERR_MODEL,
                       "%s: the vocabulary must end with the stamps <|0.00|>, <|0.02|>, ...",
                       asr_model_path(m));
    }
    return 0;
}

/* ---- bytes to ids ------------------------------------------------------------------------------
 */

static uint32_t hash(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) {
        h = (h ^ p[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

static int32_t lookup(const struct asr_tok *t, const char *s, size_t n)
{
    for (uint32_t i = hash(s, n) & t->mask; t->slot[i]; i = (i + 1) & t->mask) {
        size_t len;
        const uint8_t *w = asr_model_word(t->model, t->slot[i] - 1, &len);
        if (len == n && !memcmp(w, s, n)) {
            return t->slot[i] - 1;
        }
    }
    return -1;
}

static int index_words(struct asr_tok *t)
{
    int n = asr_model_words(t->model);
    uint32_t size = 16;
    if (n > t->sp.eot) {
        n = t->sp.eot;
    }
    while (size < 2 * (uint32_t)n) {
        size *= 2;
    }
    t->mask = size - 1;
    t->slot = calloc(size, sizeof *t->slot);
    if (!t->slot) {
        return -ERR_MEM;
    }
    for (int id = 0; id < n; id++) {
        size_t len;
        const uint8_t *w = asr_model_word(t->model, id, &len);
        if (len == 0) {
            continue;
        }
        uint32_t i = hash(w, len) & t->mask;
        for (; t->slot[i]; i = (i + 1) & t->mask) {
            size_t old_len;
            const uint8_t *old = asr_model_word(t->model, t->slot[i] - 1, &old_len);
            if (old_len == len && !memcmp(old, w, len)) {
                break; /* of equal words (spoilt vocabularies) the last counts, as in whisper.cpp */
            }
        }
        t->slot[i] = id + 1;
    }
    return 0;
}

static int name_specials(struct asr_tok *t)
{
    size_t n = (size_t)(t->n_vocab - t->sp.eot);
    t->name = calloc(n, sizeof *t->name);
    if (!t->name) {
        return -ERR_MEM;
    }
    for (size_t i = 0; i < n; i++) {
        char buf[NAME_B];
        snprintf(t->name[i], NAME_B, "%s",
                 special_name(&t->sp, t->sp.eot + (int32_t)i, buf, sizeof buf));
    }
    return 0;
}

int asr_tok_new(struct asr_tok **out, const struct asr_model *m, struct err *e)
{
    struct asr_tok *t = calloc(1, sizeof *t);
    int rc = 0;
    *out = NULL;
    if (!t) {
        goto no_memory;
    }
    t->model = m;
    t->n_vocab = asr_model_hp(m)->n_vocab;
    if (asr_special_by_size(t->n_vocab, &t->sp) == 0) {
        rc = name_specials(t);
    } else {
        rc = special_by_name(m, &t->sp, e);
        rc = rc < 0 ? rc : check_stamps(m, &t->sp, e);
        if (rc < 0) {
            asr_tok_free(t);
            return rc;
        }
    }
    if (rc < 0 || index_words(t) < 0) {
        goto no_memory;
    }
    *out = t;
    return 0;
no_memory:
    asr_tok_free(t);
    return err_set(e, ERR_MEM, "%s: no memory for the vocabulary", asr_model_path(m));
}

void asr_tok_free(struct asr_tok *t)
{
    if (t) {
        free(t->slot);
        free(t->name);
        free(t);
    }
}

const struct asr_special *asr_tok_special(const struct asr_tok *t)
{
    return &t->sp;
}

int asr_tok_vocab(const struct asr_tok *t)
{
    return t->n_vocab;
}

const struct asr_model *asr_tok_model(const struct asr_tok *t)
{
    return t->model;
}

bool asr_tok_is_openai(const struct asr_tok *t)
{
    return t->name != NULL;
}

const char *asr_tok_bytes(const struct asr_tok *t, int32_t id, size_t *len)
{
    *len = 0;
    if (id < 0 || id >= t->n_vocab) {
        return "";
    }
    if (id >= t->sp.eot && t->name) {
        const char *s = t->name[id - t->sp.eot];
        *len = strlen(s);
        return s;
    }
    const uint8_t *w = asr_model_word(t->model, id, len);
    if (!w) {
        return "";
    }
    *len = strnlen((const char *)w, *len); /* a zero byte is no text; whisper.cpp drops it too */
    return (const char *)w;
}

/* ---- text to ids -------------------------------------------------------------------------------
 */

struct out {
    int32_t *id;
    int n, max;
};

static void put(struct out *o, int32_t id)
{
    if (id < 0) {
        return; /* a byte that the vocabulary lacks is left out */
    }
    if (o->n < o->max) {
        o->id[o->n] = id;
    }
    o->n++;
}

/* Merges the neighbours whose union has the lowest id, again and again: ids are in merge order. */
static void merge_piece(const struct asr_tok *t, const char *s, size_t n, struct out *o)
{
    uint16_t start[MAX_PIECE + 1];
    size_t parts = n;
    for (size_t i = 0; i <= n; i++) {
        start[i] = (uint16_t)i;
    }
    while (parts > 1) {
        int32_t best = -1;
        size_t at = 0;
        for (size_t i = 0; i + 1 < parts; i++) {
            int32_t id = lookup(t, s + start[i], (size_t)(start[i + 2] - start[i]));
            if (id >= 0 && (best < 0 || id < best)) {
                best = id;
                at = i;
            }
        }
        if (best < 0) {
            break;
        }
        memmove(start + at + 1, start + at + 2, (parts - at - 1) * sizeof *start);
        parts--;
    }
    for (size_t i = 0; i < parts; i++) {
        put(o, lookup(t, s + start[i], (size_t)(start[i + 1] - start[i])));
    }
}

static void longest_piece(const struct asr_tok *t, const char *s, size_t n, struct out *o)
{
    for (size_t at = 0; at < n;) {
        size_t len = n - at;
        int32_t id = -1;
        for (; len > 0 && (id = lookup(t, s + at, len)) < 0; len--) {
        }
        put(o, id);
        at += len ? len : 1;
    }
}

static int result(const struct out *o)
{
    return o->n > o->max ? -1 : o->n;
}

/* Pieces are cut at MAX_PIECE bytes, which no word reaches: merging takes time by the square. */
int asr_tok_bpe(const struct asr_tok *t, const char *text, size_t len, int32_t *ids, int max)
{
    struct out o = {ids, 0, max};
    for (size_t at = 0; at < len && o.n <= max;) {
        size_t n = asr_split_unicode(text + at, len - at);
        n = n > MAX_PIECE ? MAX_PIECE : n;
        int32_t whole = lookup(t, text + at, n);
        if (whole >= 0) {
            put(&o, whole);
        } else {
            merge_piece(t, text + at, n, &o);
        }
        at += n;
    }
    return result(&o);
}

int asr_tok_greedy(const struct asr_tok *t, const char *text, size_t len, int32_t *ids, int max)
{
    struct out o = {ids, 0, max};
    for (size_t at = 0; at < len && o.n <= max;) {
        size_t n = asr_split_bytes(text + at, len - at);
        n = n > MAX_PIECE ? MAX_PIECE : n;
        longest_piece(t, text + at, n, &o);
        at += n;
    }
    return result(&o);
}
