/* See buf.h.  Any thread, no state of its own. */
#include "app/text/buf.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void text_buf_free(struct text_buf *b)
{
    free(b->s);
    memset(b, 0, sizeof *b);
}

void text_buf_clear(struct text_buf *b)
{
    text_buf_cut(b, 0);
}

void text_buf_cut(struct text_buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
        b->s[len] = 0;
    }
}

void text_buf_add(struct text_buf *b, const char *s, size_t len)
{
    if (b->cap - b->len <= len) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap - b->len <= len) {
            if (cap > SIZE_MAX / 2) {
                b->bad = true;
                return;
            }
            cap *= 2;
        }
        char *p = realloc(b->s, cap);
        if (!p) {
            b->bad = true;
            return;
        }
        b->s = p;
        b->cap = cap;
    }
    if (len) {
        memcpy(b->s + b->len, s, len);
    }
    b->len += len;
    b->s[b->len] = 0;
}

void text_buf_str(struct text_buf *b, const char *s)
{
    text_buf_add(b, s, strlen(s));
}

void text_buf_byte(struct text_buf *b, char c)
{
    text_buf_add(b, &c, 1);
}

void text_buf_swap(struct text_buf *a, struct text_buf *b)
{
    struct text_buf t = *a;
    *a = *b;
    *b = t;
}

size_t text_char(const char *s, size_t len, int32_t *cp)
{
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, &c);
    if (n <= 0) {
        *cp = 0xFFFD;
        return 1;
    }
    *cp = c;
    return (size_t)n;
}
