/* See score_list.h.  The whole table is in memory; any thread. */
#include "app/score_list.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/file.h"
#include "app/words.h"

enum { MAX_TABLE_BYTES = 64 << 20, MAX_COLUMNS = 64 };

struct columns {
    int file, text, source, ends, starts; /* -1: none */
};

struct field {
    const char *s;
    size_t len;
};

static char *copy(const char *s, size_t len)
{
    char *p = malloc(len + 1);
    if (p) {
        memcpy(p, s, len);
        p[len] = 0;
    }
    return p;
}

/* Splits a line at tabs; the count, at most MAX_COLUMNS (what follows is dropped). */
static int split(const char *s, size_t len, struct field *f)
{
    int n = 0;
    const char *end = s + len;
    while (n < MAX_COLUMNS) {
        const char *tab = memchr(s, '\t', (size_t)(end - s));
        f[n].s = s;
        f[n++].len = (size_t)((tab ? tab : end) - s);
        if (!tab) {
            break;
        }
        s = tab + 1;
    }
    return n;
}

static int is(const struct field *f, const char *word)
{
    return f->len == strlen(word) && memcmp(f->s, word, f->len) == 0;
}

static int header(const char *path, const char *s, size_t len, struct columns *c, struct err *e)
{
    struct field f[MAX_COLUMNS];
    if (len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) { /* byte order mark */
        s += 3;
        len -= 3;
    }
    while (len && (*s == '#' || *s == ' ')) {
        s++;
        len--;
    }
    int n = split(s, len, f);
    c->file = c->text = c->source = c->ends = c->starts = -1;
    for (int i = n - 1; i >= 0; i--) {
        int *to = is(&f[i], "file")          ? &c->file
                  : is(&f[i], "text")        ? &c->text
                  : is(&f[i], "source")      ? &c->source
                  : is(&f[i], "word_ends")   ? &c->ends
                  : is(&f[i], "word_starts") ? &c->starts
                                             : NULL;
        if (to) {
            *to = i;
        }
    }
    if (c->file < 0 || c->text < 0) {
        return err_set(e, ERR_USAGE,
                       "%s: the first line names no column \"%s\" (tabs between the names)", path,
                       c->file < 0 ? "file" : "text");
    }
    return 0;
}

/* File names are relative to the folder of the table. */
static char *beside(const char *table, const struct field *f)
{
    const char *slash = strrchr(table, '/');
    size_t dir = slash && f->s[0] != '/' ? (size_t)(slash - table) + 1 : 0;
    char *p = malloc(dir + f->len + 1);
    if (p) {
        memcpy(p, table, dir);
        memcpy(p + dir, f->s, f->len);
        p[dir + f->len] = 0;
    }
    return p;
}

/* The words of a text, n of them, in one block: pointers, then bytes.  NULL: no memory. */
static char **words_of(const char *text, size_t n)
{
    size_t len = strlen(text) + 1, k = 0;
    char **w = malloc((n + 1) * sizeof *w + len);
    if (!w) {
        return NULL;
    }
    char *p = memcpy((char *)(w + n + 1), text, len);
    for (bool in = false; *p; p++) {
        bool space = (unsigned char)*p <= ' ';
        if (!space && !in && k < n) {
            w[k++] = p;
        }
        if (space) {
            *p = 0;
        }
        in = !space;
    }
    return w;
}

/* One time for each of n words.  *out is malloc'd; NULL when the field is empty. */
static int times(const struct field *f, const char *path, size_t line, const char *column, size_t n,
                 double **out, struct err *e)
{
    char *text = copy(f->s, f->len), *at = text, *end;
    double *t = calloc(n + 1, sizeof *t);
    size_t k = 0;
    int rc = 0;
    *out = NULL;
    if (!text || !t) {
        rc = err_set(e, ERR_MEM, "%s: no memory for the table", path);
    }
    while (!rc && *(at += strspn(at, " "))) {
        size_t len = strcspn(at, " ");
        double v = strtod(at, &end);
        if (len == 1 && *at == '-') {
            v = (double)NAN;
        } else if (end != at + len || !isfinite(v) || v < 0) {
            rc = err_set(e, ERR_USAGE, "%s: line %zu: \"%.40s\" in %s is no time in seconds", path,
                         line, at, column);
        }
        if (!rc && k < n) {
            t[k] = v;
        }
        at += len;
        k++;
    }
    if (!rc && k != n && k) {
        rc = err_set(e, ERR_USAGE, "%s: line %zu has %zu times in %s for a text of %zu words", path,
                     line, k, column, n);
    }
    if (!rc && k) {
        *out = t;
        t = NULL;
    }
    free(t);
    free(text);
    return rc;
}

static int add_row(struct score_list *l, const char *path, size_t line, const struct columns *c,
                   const struct field *f, int n, struct err *e)
{
    int last = c->file > c->text ? c->file : c->text, rc = 0;
    last = c->source > last ? c->source : last;
    if (n <= last) {
        return err_set(e, ERR_USAGE, "%s: line %zu has %d columns, the header asks for %d", path,
                       line, n, last + 1);
    }
    if (f[c->file].len == 0 || f[c->file].len >= PATH_MAX) {
        return err_set(e, ERR_USAGE, "%s: line %zu has no usable file name", path, line);
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct score_row *r = realloc(l->row, cap * sizeof *r);
        if (!r) {
            return err_set(e, ERR_MEM, "%s: no memory for the table", path);
        }
        l->row = r;
        l->cap = cap;
    }
    struct score_row *r = &l->row[l->n++];
    memset(r, 0, sizeof *r);
    r->file = beside(path, &f[c->file]);
    r->text = copy(f[c->text].s, f[c->text].len);
    r->source = c->source < 0 ? copy("", 0) : copy(f[c->source].s, f[c->source].len);
    if (!r->file || !r->text || !r->source) {
        return err_set(e, ERR_MEM, "%s: no memory for the table", path);
    }
    r->n_word = (size_t)words_count(r->text);
    r->word = words_of(r->text, r->n_word);
    if (!r->word) {
        return err_set(e, ERR_MEM, "%s: no memory for the table", path);
    }
    if (c->ends >= 0 && c->ends < n) {
        rc = times(&f[c->ends], path, line, "word_ends", r->n_word, &r->end, e);
    }
    if (!rc && c->starts >= 0 && c->starts < n) {
        rc = times(&f[c->starts], path, line, "word_starts", r->n_word, &r->start, e);
    }
    return rc;
}

static int lines(struct score_list *l, const char *path, const char *s, size_t size, struct err *e)
{
    struct columns c;
    int rc = 0;
    size_t at = 0, line = 0;
    if (memchr(s, 0, size)) {
        return err_set(e, ERR_USAGE, "%s is not a table of text: it holds zero bytes", path);
    }
    while (at < size && !rc) {
        const char *nl = memchr(s + at, '\n', size - at);
        size_t len = nl ? (size_t)(nl - s) - at : size - at;
        const char *p = s + at;
        at += len + 1;
        line++;
        if (len && p[len - 1] == '\r') {
            len--;
        }
        if (line == 1) {
            rc = header(path, p, len, &c, e);
        } else if (len) {
            struct field f[MAX_COLUMNS];
            int n = split(p, len, f);
            rc = add_row(l, path, line, &c, f, n, e);
        }
    }
    if (!rc && l->n == 0) {
        rc = err_set(e, ERR_USAGE, "%s lists no files", path);
    }
    return rc;
}

int score_list_read(struct score_list *l, const char *path, struct err *e)
{
    struct file_map m;
    memset(l, 0, sizeof *l);
    int rc = file_map_open(&m, path, MAX_TABLE_BYTES, ERR_USAGE, e);
    if (rc) {
        return rc;
    }
    rc = lines(l, path, (const char *)m.data, m.size, e);
    file_unmap(&m);
    if (rc) {
        score_list_free(l);
    }
    return rc;
}

void score_list_free(struct score_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->row[i].file);
        free(l->row[i].text);
        free(l->row[i].source);
        free(l->row[i].word);
        free(l->row[i].end);
        free(l->row[i].start);
    }
    free(l->row);
    memset(l, 0, sizeof *l);
}
