/* See score_list.h.  The whole table is in memory; any thread. */
#include "app/score_list.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/file.h"

enum { MAX_TABLE_BYTES = 64 << 20, MAX_COLUMNS = 64 };

struct columns {
    int file, text, source; /* -1: none */
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
    c->file = c->text = c->source = -1;
    for (int i = n - 1; i >= 0; i--) {
        int *to = is(&f[i], "file")     ? &c->file
                  : is(&f[i], "text")   ? &c->text
                  : is(&f[i], "source") ? &c->source
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

static int add_row(struct score_list *l, const char *path, size_t line, const struct columns *c,
                   const struct field *f, int n, struct err *e)
{
    int last = c->file > c->text ? c->file : c->text;
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
    r->file = beside(path, &f[c->file]);
    r->text = copy(f[c->text].s, f[c->text].len);
    r->source = c->source < 0 ? copy("", 0) : copy(f[c->source].s, f[c->source].len);
    if (!r->file || !r->text || !r->source) {
        return err_set(e, ERR_MEM, "%s: no memory for the table", path);
    }
    return 0;
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
    }
    free(l->row);
    memset(l, 0, sizeof *l);
}
