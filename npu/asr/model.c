/* Reading a ggml Whisper file: sizes, mel filters, vocabulary, tensors.  Called by whoever loads;
 * immutable afterwards, so any thread may read.  Allocates only in proportion to bytes of the file
 * that were seen to be there, and never trusts a count before it was checked. */
#include "npu/asr/model.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/base/file.h"
#include "npu/asr/arch.h"

enum { MAGIC = 0x67676d6c, MAX_WORD = 4096 };
static const size_t MAX_FILE = (size_t)16 << 30; /* large in f32 has 6.2 GB */

struct word {
    uint32_t len;
    const uint8_t *bytes;
};

struct asr_model {
    char *path;
    struct file_map map; /* data NULL when the caller keeps the bytes */
    int fd;              /* of the mapped file, else -1 */
    size_t size;
    struct asr_hparams hp;
    float *filters;
    struct word *word;
    int n_word;
    struct asr_tensor *tensor; /* in the order of arch.c */
    uint16_t *by_name;         /* indices sorted by name */
    int n_tensor;
    char kind[32];
};

/* Reading position; the file's name is for messages. */
struct cur {
    const char *name;
    const uint8_t *data;
    size_t size, at;
};

static size_t left(const struct cur *c)
{
    return c->size - c->at;
}

static int cut_short(const struct cur *c, const char *what, struct err *e)
{
    return err_set(e, ERR_MODEL, "%s is cut short: %s at byte %zu is not whole (the file has %zu)",
                   c->name, what, c->at, c->size);
}

static uint32_t word_le(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* n little-endian 32-bit numbers. */
static int take(struct cur *c, int32_t *v, int n, const char *what, struct err *e)
{
    if (left(c) < 4 * (size_t)n) {
        return cut_short(c, what, e);
    }
    for (int i = 0; i < n; i++, c->at += 4) {
        v[i] = (int32_t)word_le(c->data + c->at);
    }
    return 0;
}

static int read_head(struct asr_model *m, struct cur *c, struct err *e)
{
    int32_t v[12];
    int rc = take(c, v, 1, "the first word", e);
    if (rc < 0) {
        return rc;
    }
    if (v[0] != MAGIC) {
        bool gguf = !memcmp(c->data, "GGUF", 4);
        return err_set(e, ERR_MODEL, "%s is not a ggml Whisper model%s", c->name,
                       gguf ? " but a GGUF file: take the ggml-*.bin of the same model" : "");
    }
    rc = take(c, v + 1, 11, "the table of sizes", e);
    if (rc < 0) {
        return rc;
    }
    m->hp = (struct asr_hparams){
        .n_vocab = v[1],
        .n_audio_ctx = v[2],
        .n_audio_state = v[3],
        .n_audio_head = v[4],
        .n_audio_layer = v[5],
        .n_text_ctx = v[6],
        .n_text_state = v[7],
        .n_text_head = v[8],
        .n_text_layer = v[9],
        .n_mels = v[10],
        .ftype = v[11],
    };
    const char *why = asr_arch_refuse(&m->hp);
    if (why) {
        return err_set(e, ERR_MODEL, "%s: the table of sizes at byte 4 cannot be: %s", c->name,
                       why);
    }
    return 0;
}

static int read_filters(struct asr_model *m, struct cur *c, struct err *e)
{
    int32_t v[2];
    size_t at = c->at, n = (size_t)m->hp.n_mels * ASR_FFT_BINS;
    int rc = take(c, v, 2, "the head of the mel filters", e);
    if (rc < 0) {
        return rc;
    }
    if (v[0] != m->hp.n_mels || v[1] != ASR_FFT_BINS) {
        return err_set(e, ERR_MODEL, "%s: mel filters of %d by %d at byte %zu, %d by %d needed",
                       c->name, v[0], v[1], at, m->hp.n_mels, ASR_FFT_BINS);
    }
    if (left(c) < 4 * n) {
        return cut_short(c, "the mel filters", e);
    }
    m->filters = malloc(n * sizeof *m->filters);
    if (!m->filters) {
        return err_set(e, ERR_MEM, "%s: no memory for the mel filters", c->name);
    }
    asr_widen(ASR_F32, c->data + c->at, n, m->filters);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(m->filters[i])) {
            return err_set(e, ERR_MODEL, "%s: the mel filter value at byte %zu is not a number",
                           c->name, c->at + 4 * i);
        }
    }
    c->at += 4 * n;
    return 0;
}

static int read_words(struct asr_model *m, struct cur *c, struct err *e)
{
    int32_t n;
    size_t at = c->at;
    int rc = take(c, &n, 1, "the number of words", e);
    if (rc < 0) {
        return rc;
    }
    if (n < 0 || n > m->hp.n_vocab || (size_t)n > left(c) / 4) {
        return err_set(e, ERR_MODEL, "%s: %d words at byte %zu, the vocabulary has %d", c->name, n,
                       at, m->hp.n_vocab);
    }
    m->word = calloc((size_t)n + 1, sizeof *m->word);
    if (!m->word) {
        return err_set(e, ERR_MEM, "%s: no memory for %d words", c->name, n);
    }
    m->n_word = n;
    for (int i = 0; i < n; i++) {
        int32_t len;
        at = c->at;
        rc = take(c, &len, 1, "the vocabulary", e);
        if (rc < 0) {
            return rc;
        }
        if (len < 0 || len > MAX_WORD) {
            return err_set(e, ERR_MODEL, "%s: word %d at byte %zu says it has %u bytes", c->name, i,
                           at, (unsigned)len);
        }
        if (left(c) < (size_t)len) {
            return cut_short(c, "the vocabulary", e);
        }
        m->word[i] = (struct word){(uint32_t)len, c->data + c->at};
        c->at += (size_t)len;
    }
    return 0;
}

static int find(const struct asr_model *m, const char *name)
{
    int lo = 0, hi = m->n_tensor;
    while (lo < hi) {
        int mid = (lo + hi) / 2, i = m->by_name[mid];
        int d = strcmp(name, m->tensor[i].name);
        if (d == 0) {
            return i;
        }
        if (d < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return -1;
}

static int by_tensor_name(const void *a, const void *b, void *tensors)
{
    const struct asr_tensor *t = tensors;
    return strcmp(t[*(const uint16_t *)a].name, t[*(const uint16_t *)b].name);
}

/* The tensors that must come, without data yet. */
static int expect(struct asr_model *m, const char *name, struct err *e)
{
    int n = asr_arch_count(&m->hp);
    m->tensor = calloc((size_t)n, sizeof *m->tensor);
    m->by_name = calloc((size_t)n, sizeof *m->by_name);
    if (!m->tensor || !m->by_name) {
        return err_set(e, ERR_MEM, "%s: no memory for a table of %d tensors", name, n);
    }
    m->n_tensor = n;
    for (int i = 0; i < n; i++) {
        enum asr_role role;
        asr_arch_tensor(&m->hp, i, &m->tensor[i], &role);
        m->by_name[i] = (uint16_t)i;
    }
    qsort_r(m->by_name, (size_t)n, sizeof *m->by_name, by_tensor_name, m->tensor);
    return 0;
}

static void shape_text(char *s, size_t size, const int *ne, int n)
{
    size_t at = 0;
    s[0] = 0;
    for (int i = 0; i < n && at < size; i++) {
        at += (size_t)snprintf(s + at, size - at, i ? "x%d" : "%d", ne[i]);
    }
}

/* Does the stored shape say the same as the one needed?  A bias {1, n} may stand as {n}. */
static bool same_shape(const struct asr_tensor *t, const int *ne, int n_dims)
{
    if (n_dims == 1 && t->n_dims == 2 && t->ne[0] == 1) {
        return ne[0] == t->ne[1];
    }
    if (n_dims != t->n_dims) {
        return false;
    }
    return !memcmp(ne, t->ne, (size_t)n_dims * sizeof *ne);
}

static int check_tensor(struct asr_model *m, int i, int32_t type, const int *ne, int n_dims,
                        const struct cur *c, size_t at, struct err *e)
{
    struct asr_tensor *t = &m->tensor[i], wanted;
    enum asr_role role;
    int bytes, block = asr_type_block((enum asr_type)type, &bytes);
    asr_arch_tensor(&m->hp, i, &wanted, &role);
    if (t->data) {
        return err_set(e, ERR_MODEL, "%s: tensor %s at byte %zu comes a second time", c->name,
                       t->name, at);
    }
    if (!block) {
        return err_set(e, ERR_MODEL, "%s: tensor %s at byte %zu has the unknown type %d", c->name,
                       t->name, at, type);
    }
    if (!same_shape(t, ne, n_dims)) {
        char has[64], need[64];
        shape_text(has, sizeof has, ne, n_dims);
        shape_text(need, sizeof need, t->ne, t->n_dims);
        return err_set(e, ERR_MODEL, "%s: tensor %s at byte %zu has the shape %s, %s is needed",
                       c->name, t->name, at, has, need);
    }
    if (!asr_arch_type_fits(role, (enum asr_type)type) || t->ne[0] % block) {
        return err_set(e, ERR_MODEL, "%s: tensor %s at byte %zu cannot be stored as %s", c->name,
                       t->name, at, asr_type_name((enum asr_type)type));
    }
    size_t rows = (size_t)t->ne[1] * (size_t)t->ne[2];
    t->type = (enum asr_type)type;
    t->size_b = rows * (size_t)(t->ne[0] / block) * (size_t)bytes;
    return 0;
}

static int read_tensor(struct asr_model *m, struct cur *c, struct err *e)
{
    size_t at = c->at;
    int32_t v[3], dim[4] = {1, 1, 1, 1};
    int ne[4];
    char name[sizeof m->tensor->name];
    int rc = take(c, v, 3, "the head of a tensor", e);
    if (rc < 0) {
        return rc;
    }
    if (v[0] < 1 || v[0] > 4 || v[1] < 1 || v[1] >= (int)sizeof name) {
        return err_set(e, ERR_MODEL,
                       "%s: no tensor begins at byte %zu (%d dimensions, a name of %d bytes)",
                       c->name, at, v[0], v[1]);
    }
    rc = take(c, dim, v[0], "the shape of a tensor", e);
    if (rc < 0) {
        return rc;
    }
    if (left(c) < (size_t)v[1]) {
        return cut_short(c, "the name of a tensor", e);
    }
    memcpy(name, c->data + c->at, (size_t)v[1]);
    name[v[1]] = 0;
    c->at += (size_t)v[1];
    for (int d = 0; d < 4; d++) {
        ne[d] = dim[d];
    }
    int i = find(m, name);
    if (i < 0) {
        return err_set(e, ERR_MODEL, "%s: unknown tensor %s at byte %zu", c->name, name, at);
    }
    rc = check_tensor(m, i, v[2], ne, v[0], c, at, e);
    if (rc < 0) {
        return rc;
    }
    struct asr_tensor *t = &m->tensor[i];
    if (left(c) < t->size_b) {
        return err_set(e, ERR_MODEL,
                       "%s is cut short: tensor %s at byte %zu needs %zu bytes, %zu are left",
                       c->name, t->name, at, t->size_b, left(c));
    }
    t->data = c->data + c->at;
    c->at += t->size_b;
    return 0;
}

static int read_tensors(struct asr_model *m, struct cur *c, struct err *e)
{
    int missing = 0, first = -1;
    int rc = expect(m, c->name, e);
    while (rc == 0 && left(c)) {
        rc = read_tensor(m, c, e);
    }
    if (rc < 0) {
        return rc;
    }
    for (int i = m->n_tensor - 1; i >= 0; i--) {
        if (!m->tensor[i].data) {
            missing++;
            first = i;
        }
    }
    if (missing == m->n_tensor) {
        return err_set(e, ERR_MODEL,
                       "%s has no weights: it ends after the vocabulary at byte %zu (a file for "
                       "tests?)",
                       c->name, c->size);
    }
    if (missing) {
        return err_set(e, ERR_MODEL, "%s ends at byte %zu without tensor %s (%d of %d missing)",
                       c->name, c->size, m->tensor[first].name, missing, m->n_tensor);
    }
    return 0;
}

static void name_kind(struct asr_model *m)
{
    static const struct {
        const char *name;
        int state, enc, dec, mels;
    } known[] = {
        {"tiny", 384, 4, 4, 80},
        {"base", 512, 6, 6, 80},
        {"small", 768, 12, 12, 80},
        {"medium", 1024, 24, 24, 80},
        {"large", 1280, 32, 32, 80},
        {"large-v3", 1280, 32, 32, 128},
        {"large-v3-turbo", 1280, 32, 4, 128},
    };
    const struct asr_hparams *h = &m->hp;
    bool english = h->n_vocab == 51864;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].state == h->n_audio_state && known[i].enc == h->n_audio_layer &&
            known[i].dec == h->n_text_layer && known[i].mels == h->n_mels && h->n_vocab >= 51864 &&
            h->n_vocab <= 51866) {
            snprintf(m->kind, sizeof m->kind, "%s%s", known[i].name, english ? ".en" : "");
            return;
        }
    }
    snprintf(m->kind, sizeof m->kind, "%dx%d+%d", h->n_audio_state, h->n_audio_layer,
             h->n_text_layer);
}

int asr_model_parse(struct asr_model **out, const char *name, const uint8_t *data, size_t size,
                    struct err *e)
{
    struct cur c = {name, data, size, 0};
    struct asr_model *m = calloc(1, sizeof *m);
    int rc;
    *out = NULL;
    if (!m || !(m->path = strdup(name))) {
        free(m);
        return err_set(e, ERR_MEM, "%s: no memory", name);
    }
    m->size = size;
    m->fd = -1;
    if ((rc = read_head(m, &c, e)) < 0 || (rc = read_filters(m, &c, e)) < 0 ||
        (rc = read_words(m, &c, e)) < 0 || (rc = read_tensors(m, &c, e)) < 0) {
        asr_model_free(m);
        return rc;
    }
    name_kind(m);
    *out = m;
    return 0;
}

int asr_model_open(struct asr_model **out, const char *path, struct err *e)
{
    struct file_map map;
    *out = NULL;
    int fd, rc = file_map_keep(&map, path, MAX_FILE, ERR_MODEL, &fd, e);
    if (rc < 0) {
        return rc;
    }
    rc = asr_model_parse(out, path, map.data, map.size, e);
    if (rc < 0) {
        file_unmap(&map);
        close(fd);
        return rc;
    }
    (*out)->map = map;
    (*out)->fd = fd;
    return 0;
}

void asr_model_free(struct asr_model *m)
{
    if (m) {
        file_unmap(&m->map);
        if (m->fd >= 0) {
            close(m->fd);
        }
        free(m->path);
        free(m->filters);
        free(m->word);
        free(m->tensor);
        free(m->by_name);
        free(m);
    }
}

const char *asr_model_path(const struct asr_model *m)
{
    return m->path;
}

size_t asr_model_bytes(const struct asr_model *m)
{
    return m->size;
}

const void *asr_model_map(const struct asr_model *m)
{
    return m->map.data;
}

const struct asr_hparams *asr_model_hp(const struct asr_model *m)
{
    return &m->hp;
}

const float *asr_model_filters(const struct asr_model *m)
{
    return m->filters;
}

int asr_model_words(const struct asr_model *m)
{
    return m->n_word;
}

const uint8_t *asr_model_word(const struct asr_model *m, int id, size_t *len)
{
    if (id < 0 || id >= m->n_word) {
        *len = 0;
        return NULL;
    }
    *len = m->word[id].len;
    return m->word[id].bytes;
}

const struct asr_tensor *asr_model_tensor(const struct asr_model *m, const char *name)
{
    int i = find(m, name);
    return i < 0 ? NULL : &m->tensor[i];
}

int asr_model_tensors(const struct asr_model *m)
{
    return m->n_tensor;
}

const struct asr_tensor *asr_model_tensor_at(const struct asr_model *m, int i)
{
    return i >= 0 && i < m->n_tensor ? &m->tensor[i] : NULL;
}

const char *asr_model_kind(const struct asr_model *m)
{
    return m->kind;
}

void asr_model_row(const struct asr_model *m, const struct asr_tensor *t, size_t r, float *out)
{
    uint8_t raw[8192];
    int bytes, values = asr_type_block(t->type, &bytes);
    const size_t n = (size_t)t->ne[0], row = n / (size_t)values * (size_t)bytes;
    if (m->fd >= 0 && row <= sizeof raw) {
        const off_t at = (off_t)(t->data - m->map.data) + (off_t)(r * row);
        if (pread(m->fd, raw, row, at) == (ssize_t)row) {
            asr_widen(t->type, raw, n, out);
            return;
        }
    }
    asr_tensor_row(t, r, out);
}

void asr_model_release(const struct asr_model *m, const struct asr_tensor *t)
{
    const uintptr_t page = 4096, from = (uintptr_t)t->data, to = from + t->size_b;
    if (m->map.data && (to & ~(page - 1)) > ((from + page - 1) & ~(page - 1))) {
        const uintptr_t a = (from + page - 1) & ~(page - 1);
        madvise((void *)a, (to & ~(page - 1)) - a, MADV_DONTNEED);
    }
}
