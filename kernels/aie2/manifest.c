/* See manifest.h.  Any thread; allocates nothing; nothing in the text is trusted. */
#include "kernels/aie2/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = 8, LINE = 512 };

struct line {
    char text[LINE];
    char *word[WORDS];
    int n, number;
};

__attribute__((format(printf, 3, 4))) static int say(char *why, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, cap, fmt, ap);
    va_end(ap);
    return -1;
}

uint64_t k_aie_hash(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001B3);
    }
    return h;
}

void k_aie_known_fill(int8_t *v, size_t count, uint64_t *state)
{
    uint64_t s = *state;
    for (size_t i = 0; i < count; i++) {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        v[i] = (int8_t)((int)((s >> 32) % 255) - 127);
    }
    *state = s;
}

uint64_t k_aie_known_hash(const int8_t *a, const int8_t *b, uint32_t m, uint32_t k, uint32_t n,
                          int32_t *row)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (uint32_t i = 0; i < m; i++) {
        memset(row, 0, n * sizeof *row);
        for (uint32_t t = 0; t < k; t++) {
            const int32_t x = a[(size_t)i * k + t];
            for (uint32_t j = 0; j < n; j++) {
                row[j] += x * b[(size_t)t * n + j];
            }
        }
        for (uint32_t j = 0; j < n; j++) {
            for (int byte = 0; byte < 32; byte += 8) {
                h = (h ^ ((uint32_t)row[j] >> byte & 0xFF)) * UINT64_C(0x100000001B3);
            }
        }
    }
    return h;
}

/* The next line cut at its tabs; 0: there is none, -1: too long or not text. */
static int next(const char **p, const char *end, struct line *l)
{
    const char *s = *p;
    if (s == end) {
        return 0;
    }
    const char *nl = memchr(s, '\n', (size_t)(end - s));
    const size_t n = (size_t)((nl ? nl : end) - s);
    *p = nl ? nl + 1 : end;
    l->number++;
    if (n >= LINE) {
        return -1;
    }
    memcpy(l->text, s, n);
    l->text[n] = 0;
    l->n = 0;
    char *w = l->text;
    for (size_t i = 0; i <= n; i++) {
        const unsigned char c = (unsigned char)l->text[i];
        if (c != '\t' && c != 0 && (c < 32 || c > 126)) {
            return -1;
        }
        if (c == '\t' || i == n) {
            if (l->n == WORDS || (c == 0 && i != n)) {
                return -1;
            }
            l->text[i] = 0;
            l->word[l->n++] = w;
            w = l->text + i + 1;
        }
    }
    return 1;
}

static int copy(char *to, size_t cap, const char *from)
{
    const size_t n = strlen(from);
    if (!n || n >= cap) {
        return -1;
    }
    memcpy(to, from, n + 1);
    return 0;
}

static int hex64(const char *s, uint64_t *v)
{
    *v = 0;
    for (int i = 0; i < 16; i++) {
        const char c = s[i];
        const int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) {
            return -1;
        }
        *v = *v << 4 | (uint64_t)d;
    }
    return s[16] ? -1 : 0;
}

static int number(const char *s, uint32_t hi, uint32_t *v)
{
    uint64_t x = 0;
    if (!*s) {
        return -1;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9') {
            return -1;
        }
        x = x * 10 + (uint64_t)(*s - '0');
        if (x > hi) {
            return -1;
        }
    }
    *v = (uint32_t)x;
    return 0;
}

static int has_program(const struct k_aie_manifest *m, const char *name)
{
    for (int i = 0; i < m->n_programs; i++) {
        if (!strcmp(m->program[i].program, name)) {
            return 1;
        }
    }
    return 0;
}

/* program name file hash bytes, shape program file hash bytes arguments. */
static int take_file(struct k_aie_manifest *m, const struct line *l)
{
    const int shape = !strcmp(l->word[0], "shape");
    if (l->n != (shape ? 6 : 5) ||
        (shape ? m->n_shapes == K_AIE_SHAPES : m->n_programs == K_AIE_PROGRAMS)) {
        return -1;
    }
    struct k_aie_file *f = shape ? &m->shape[m->n_shapes] : &m->program[m->n_programs];
    if (copy(f->program, sizeof f->program, l->word[1]) ||
        copy(f->file, sizeof f->file, l->word[2]) || hex64(l->word[3], &f->hash) ||
        number(l->word[4], 64u << 20, &f->bytes) || strchr(f->file, '/') || f->file[0] == '.') {
        return -1;
    }
    if (has_program(m, f->program) != shape ||
        (shape && copy(f->args, sizeof f->args, l->word[5]))) {
        return -1;
    }
    m->n_shapes += shape;
    m->n_programs += !shape;
    return 0;
}

static int take_known(struct k_aie_manifest *m, const struct line *l)
{
    if (l->n != 7 || m->known.program[0] || !has_program(m, l->word[1]) ||
        number(l->word[2], 4096, &m->known.m) || number(l->word[3], 4096, &m->known.k) ||
        number(l->word[4], 4096, &m->known.n) || hex64(l->word[5], &m->known.seed) ||
        hex64(l->word[6], &m->known.hash) || !m->known.m || !m->known.k || !m->known.n ||
        !m->known.seed) {
        return -1;
    }
    return copy(m->known.program, sizeof m->known.program, l->word[1]);
}

static int take_device(struct k_aie_manifest *m, const struct line *l)
{
    uint32_t cols;
    if (l->n != 3 || m->device[0] || (strcmp(l->word[1], "npu1") && strcmp(l->word[1], "npu2")) ||
        number(l->word[2], 8, &cols) || !cols) {
        return -1;
    }
    m->columns = (int)cols;
    return copy(m->device, sizeof m->device, l->word[1]);
}

static int take(struct k_aie_manifest *m, const struct line *l)
{
    const char *kind = l->word[0];
    if (!strcmp(kind, "device")) {
        return take_device(m, l);
    }
    if (!strcmp(kind, "tools")) {
        return l->n == 2 ? copy(m->tools, sizeof m->tools, l->word[1]) : -1;
    }
    if (!strcmp(kind, "sources")) {
        return l->n == 2 ? hex64(l->word[1], &m->sources) : -1;
    }
    if (!strcmp(kind, "program") || !strcmp(kind, "shape")) {
        return take_file(m, l);
    }
    return !strcmp(kind, "known") ? take_known(m, l) : -1;
}

int k_aie_manifest_parse(struct k_aie_manifest *m, const char *text, size_t size, char *why,
                         size_t cap)
{
    struct line l = {.number = 0};
    const char *p = text, *end = text + size;
    int rc;
    memset(m, 0, sizeof *m);
    if (size > K_AIE_MAX_BYTES) {
        return say(why, cap, "the manifest has %zu bytes, %d at most", size, K_AIE_MAX_BYTES);
    }
    rc = next(&p, end, &l);
    if (rc <= 0 || l.n != 2 || strcmp(l.word[0], "dictate-aie2") || strcmp(l.word[1], "1")) {
        return say(why, cap, "this is no manifest of device programs of version 1");
    }
    while ((rc = next(&p, end, &l)) > 0) {
        if (take(m, &l)) {
            return say(why, cap, "line %d of the manifest is not understood", l.number);
        }
    }
    if (rc < 0) {
        return say(why, cap, "line %d of the manifest is no text of at most %d bytes", l.number,
                   LINE - 1);
    }
    if (!m->device[0] || !m->n_programs) {
        return say(why, cap, "the manifest names no %s", m->device[0] ? "program" : "device");
    }
    return 0;
}

int k_aie_manifest_fits(const struct k_aie_manifest *m, const char *device, int columns, char *why,
                        size_t cap)
{
    if (strcmp(m->device, device)) {
        return say(why, cap,
                   "the device programs are for %s, this is %s: they would load and return zeros; "
                   "build them with make xclbin DEV=%s",
                   m->device, device, device);
    }
    if (m->columns > columns) {
        return say(why, cap, "the device programs take %d columns, the device has %d", m->columns,
                   columns);
    }
    return 0;
}
