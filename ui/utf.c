/* See utf.h.  Widths and cluster borders are utf8proc's; no allocation. */
#include "ui/utf.h"

#include <utf8proc.h>

static const int32_t BROKEN = 0xfffd;

/* What may stand in a cell, or what stands for it. */
static int32_t safe(int32_t cp)
{
    if (cp == '\t' || cp == '\n') {
        return ' ';
    }
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
        return BROKEN;
    }
    if (cp < 0x300) {
        return cp == 0xad ? '-' : cp; /* a soft hyphen has no agreed width */
    }
    if ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e ||
        cp == 0x200f || cp == 0x061c || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff) {
        return BROKEN;
    }
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CC:
        return BROKEN;
    default:
        return cp;
    }
}

/* One code point at pos; returns the bytes it took, at least 1. */
static uint32_t decode(const char *s, uint32_t n, uint32_t pos, int32_t *cp)
{
    unsigned char b = (unsigned char)s[pos];
    if (b < 0x80) {
        *cp = safe(b);
        return 1;
    }
    utf8proc_int32_t got = -1;
    uint32_t left = n - pos > 4 ? 4 : n - pos;
    utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s + pos, left, &got);
    if (k <= 0 || got < 0) {
        *cp = BROKEN;
        return 1;
    }
    *cp = safe(got);
    return (uint32_t)k;
}

static bool plain(unsigned char b)
{
    return b >= 0x20 && b < 0x7f;
}

bool ui_clu_next(const char *s, uint32_t n, uint32_t *pos, struct ui_clu *c)
{
    if (*pos >= n) {
        return false;
    }
    c->off = *pos;
    if (plain((unsigned char)s[*pos]) && (*pos + 1 >= n || (unsigned char)s[*pos + 1] < 0x80)) {
        c->cp[0] = s[*pos];
        c->ncp = 1;
        c->len = 1;
        c->w = 1;
        *pos += 1;
        return true;
    }
    int32_t cp, state = 0;
    uint32_t at = *pos + decode(s, n, *pos, &cp);
    int width = utf8proc_charwidth(cp);
    c->ncp = 0;
    if (width <= 0) { /* a mark at the beginning: give it something to stand on */
        c->cp[c->ncp++] = BROKEN;
        width = 1;
    }
    c->cp[c->ncp++] = cp;
    while (at < n) {
        int32_t next;
        uint32_t k = decode(s, n, at, &next);
        if (utf8proc_grapheme_break_stateful(cp, next, &state)) {
            break;
        }
        int w = utf8proc_charwidth(next);
        width = w > width ? w : width;
        if (c->ncp < UI_CPS) {
            c->cp[c->ncp++] = next;
        }
        cp = next;
        at += k;
    }
    c->len = at - *pos;
    c->w = (uint8_t)(width > 1 ? 2 : 1);
    *pos = at;
    return true;
}

int ui_width(const char *s, uint32_t n)
{
    struct ui_clu c;
    uint32_t pos = 0;
    int w = 0;
    while (ui_clu_next(s, n, &pos, &c)) {
        w += c.w;
    }
    return w;
}

unsigned ui_utf_put(char *to, int32_t cp)
{
    utf8proc_ssize_t k = utf8proc_encode_char(cp, (utf8proc_uint8_t *)to);
    return k > 0 ? (unsigned)k : 0;
}

char ui_ascii_of(int32_t cp)
{
    if (cp >= 0x20 && cp < 0x7f) {
        return (char)cp;
    }
    switch (cp) {
    case 0x2018:
    case 0x2019:
    case 0x02bc:
        return '\'';
    case 0x201c:
    case 0x201d:
    case 0x00ab:
    case 0x00bb:
        return '"';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2212:
        return '-';
    case 0x00a0:
    case 0x202f:
        return ' ';
    case 0x2026:
        return '.';
    default:
        break;
    }
    utf8proc_int32_t to[8];
    int last = 0;
    utf8proc_ssize_t k = utf8proc_decompose_char(
        cp, to, 8, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK, &last);
    return (k > 0 && to[0] >= 0x20 && to[0] < 0x7f) ? (char)to[0] : '?';
}
