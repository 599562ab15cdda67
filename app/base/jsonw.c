/* See jsonw.h.  One thread owns a writer. */
#include "app/base/jsonw.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/utf8.h"

void jsonw_init(struct jsonw *w)
{
    memset(w, 0, sizeof *w);
}

void jsonw_reset(struct jsonw *w)
{
    w->len = 0;
    w->depth = 0;
    w->failed = false;
    if (w->buf) {
        w->buf[0] = 0;
    }
}

void jsonw_free(struct jsonw *w)
{
    free(w->buf);
    memset(w, 0, sizeof *w);
}

bool jsonw_ok(const struct jsonw *w)
{
    return !w->failed;
}

/* Room for n more bytes and the zero. */
static bool room(struct jsonw *w, size_t n)
{
    if (w->failed) {
        return false;
    }
    if (n >= w->cap - w->len) {
        size_t cap = w->cap ? w->cap : 256;
        while (n >= cap - w->len) {
            if (cap > SIZE_MAX / 2) {
                w->failed = true;
                return false;
            }
            cap *= 2;
        }
        char *p = realloc(w->buf, cap);
        if (!p) {
            w->failed = true;
            return false;
        }
        w->buf = p;
        w->cap = cap;
    }
    return true;
}

void jsonw_raw(struct jsonw *w, const char *s, size_t n)
{
    if (room(w, n)) {
        memcpy(w->buf + w->len, s, n);
        w->len += n;
        w->buf[w->len] = 0;
    }
}

void jsonw_text(struct jsonw *w, const char *s)
{
    jsonw_raw(w, s, strlen(s));
}

void jsonw_fmt(struct jsonw *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && room(w, (size_t)n)) {
        va_start(ap, fmt);
        vsnprintf(w->buf + w->len, w->cap - w->len, fmt, ap);
        va_end(ap);
        w->len += (size_t)n;
    }
}

static void quoted(struct jsonw *w, const char *s, size_t n)
{
    jsonw_raw(w, "\"", 1);
    for (size_t i = 0; i < n;) {
        int len;
        char c[4];
        uint32_t u = utf8_next(s + i, n - i, &len);
        if (u == '"' || u == '\\') {
            jsonw_fmt(w, "\\%c", (int)u);
        } else if (u == '\n') {
            jsonw_text(w, "\\n");
        } else if (u == '\t') {
            jsonw_text(w, "\\t");
        } else if (u < 0x20 || (u >= 0x7F && u < 0xA0) || u == 0x2028 || u == 0x2029) {
            /* also what terminals and JavaScript stumble on */
            jsonw_fmt(w, "\\u%04x", (unsigned)u);
        } else {
            jsonw_raw(w, c, (size_t)utf8_put(c, u));
        }
        i += (size_t)len;
    }
    jsonw_raw(w, "\"", 1);
}

/* Comma and key. */
static void begin(struct jsonw *w, const char *key)
{
    if (w->depth) {
        int d = w->depth - 1;
        assert((w->open[d] == '{') == (key != NULL));
        if (w->count[d]) {
            jsonw_raw(w, ",", 1);
        }
        w->count[d] = 1;
    } else {
        assert(!key);
    }
    if (key) {
        quoted(w, key, strlen(key));
        jsonw_raw(w, ":", 1);
    }
}

static void push(struct jsonw *w, const char *key, char c)
{
    begin(w, key);
    assert(w->depth < JSONW_DEPTH);
    w->open[w->depth] = (uint8_t)c;
    w->count[w->depth++] = 0;
    jsonw_raw(w, &c, 1);
}

static void pop(struct jsonw *w, char opened, char c)
{
    assert(w->depth > 0 && w->open[w->depth - 1] == opened);
    w->depth--;
    jsonw_raw(w, &c, 1);
}

void jsonw_obj(struct jsonw *w, const char *key)
{
    push(w, key, '{');
}

void jsonw_obj_end(struct jsonw *w)
{
    pop(w, '{', '}');
}

void jsonw_arr(struct jsonw *w, const char *key)
{
    push(w, key, '[');
}

void jsonw_arr_end(struct jsonw *w)
{
    pop(w, '[', ']');
}

void jsonw_strn(struct jsonw *w, const char *key, const char *s, size_t n)
{
    begin(w, key);
    quoted(w, s, n);
}

void jsonw_str(struct jsonw *w, const char *key, const char *s)
{
    if (s) {
        jsonw_strn(w, key, s, strlen(s));
    } else {
        jsonw_null(w, key);
    }
}

void jsonw_int(struct jsonw *w, const char *key, int64_t v)
{
    begin(w, key);
    jsonw_fmt(w, "%lld", (long long)v);
}

void jsonw_num(struct jsonw *w, const char *key, double v, int decimals)
{
    char s[352]; /* the largest double has 309 digits */
    if (!isfinite(v)) {
        jsonw_null(w, key);
        return;
    }
    begin(w, key);
    int n = snprintf(s, sizeof s, "%.*f", decimals < 0 ? 0 : decimals > 17 ? 17 : decimals, v);
    if (strchr(s, '.')) {
        while (s[n - 1] == '0') {
            n--;
        }
        n -= s[n - 1] == '.';
        s[n] = 0;
    }
    jsonw_text(w, strcmp(s, "-0") ? s : "0");
}

void jsonw_bool(struct jsonw *w, const char *key, bool v)
{
    begin(w, key);
    jsonw_text(w, v ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
    begin(w, key);
    jsonw_text(w, "null");
}
