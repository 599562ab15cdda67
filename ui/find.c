/* See find.h. */
#include "ui/find.h"

#include <utf8proc.h>

enum { FOLD = UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT };

/* One code point at s[pos] folded into out (at most 8); returns the bytes it took. */
static uint32_t fold(const char *s, uint32_t n, uint32_t pos, int opt, utf8proc_int32_t *out,
                     int *nout)
{
    unsigned char b = (unsigned char)s[pos];
    if (b < 0x80) {
        out[0] = b >= 'A' && b <= 'Z' ? b + 32 : (b == '\n' || b == '\t' ? ' ' : b);
        *nout = 1;
        return 1;
    }
    utf8proc_int32_t cp = -1;
    int last = 0;
    utf8proc_ssize_t k =
        utf8proc_iterate((const utf8proc_uint8_t *)s + pos, n - pos > 4 ? 4 : n - pos, &cp);
    if (k <= 0 || cp < 0) {
        *nout = 0;
        return 1;
    }
    utf8proc_ssize_t m = utf8proc_decompose_char(cp, out, 8, opt, &last);
    *nout = m > 0 && m <= 8 ? (int)m : 0;
    return (uint32_t)k;
}

void ui_find_set(struct ui_find *f, const char *query, uint32_t n)
{
    utf8proc_int32_t out[8];
    int k;
    bool marks = false;
    f->n = 0;
    f->opt = FOLD;
    for (uint32_t pos = 0; pos < n;) {
        pos += fold(query, n, pos, FOLD, out, &k);
        for (int i = 0; i < k; i++) {
            utf8proc_category_t c = utf8proc_category(out[i]);
            marks |= c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC;
            if (f->n < UI_FIND_MAX) {
                f->cp[f->n++] = out[i];
            }
        }
    }
    f->opt = marks ? FOLD : (FOLD | UTF8PROC_STRIPMARK);
}

/* Length in bytes of the match that begins at off, 0 if none does. */
static uint32_t match(const struct ui_find *f, const char *s, uint32_t n, uint32_t off)
{
    utf8proc_int32_t out[8];
    unsigned got = 0;
    int k;
    uint32_t pos = off;
    while (pos < n && got < f->n) {
        pos += fold(s, n, pos, f->opt, out, &k);
        if (pos > off && got == 0 && k == 0) {
            return 0; /* a match begins with something that counts */
        }
        for (int i = 0; i < k && got < f->n; i++) {
            if (out[i] != f->cp[got++]) {
                return 0;
            }
        }
    }
    return got == f->n ? pos - off : 0;
}

bool ui_find_next(const struct ui_find *f, const char *s, uint32_t n, uint32_t off, uint32_t *hit,
                  uint32_t *len)
{
    if (!f->n || !s) {
        return false;
    }
    for (uint32_t pos = off; pos < n; pos++) {
        if (((unsigned char)s[pos] & 0xc0) == 0x80) {
            continue;
        }
        uint32_t k = match(f, s, n, pos);
        if (k) {
            *hit = pos;
            *len = k;
            return true;
        }
    }
    return false;
}

unsigned ui_find_count(const struct ui_find *f, const struct ui_text *t, uint32_t para,
                       uint32_t off, unsigned *before)
{
    unsigned n = 0, b = 0;
    for (uint32_t p = 0; t && p < t->npara; p++) {
        uint32_t pos = 0, len;
        while (ui_find_next(f, t->para[p].text, t->para[p].len_b, pos, &pos, &len)) {
            n++;
            b += p < para || (p == para && pos < off);
            pos += len;
        }
    }
    *before = b;
    return n;
}

/* The last hit in paragraph p that begins before end. */
static bool last_in(const struct ui_find *f, const struct ui_para *p, uint32_t end,
                    struct ui_hit *h)
{
    uint32_t pos = 0, len;
    bool any = false;
    while (ui_find_next(f, p->text, p->len_b, pos, &pos, &len) && pos < end) {
        h->off = pos;
        h->len = len;
        any = true;
        pos += len;
    }
    return any;
}

bool ui_find_go(const struct ui_find *f, const struct ui_text *t, int dir, bool strict,
                struct ui_hit *h)
{
    if (!f->n || !t || !t->npara) {
        return false;
    }
    uint32_t p = h->para < t->npara ? h->para : t->npara - 1;
    uint32_t off = h->off + (strict && dir > 0 ? (h->len ? h->len : 1) : 0);
    for (uint32_t i = 0; i <= t->npara; i++) { /* <=: the first paragraph is looked at twice */
        const struct ui_para *q = &t->para[p];
        h->para = p;
        if (dir > 0 && ui_find_next(f, q->text, q->len_b, i ? 0 : off, &h->off, &h->len)) {
            return true;
        }
        if (dir < 0 && last_in(f, q, i ? UINT32_MAX : off, h)) {
            return true;
        }
        p = dir > 0 ? (p + 1) % t->npara : (p + t->npara - 1) % t->npara;
    }
    return false;
}
