/* See utf8.h.  Any thread; allocates nothing. */
#include "app/base/utf8.h"

#include <string.h>

/* Bytes that follow lead byte c, and the range of the first of them; 0 for no lead byte. */
static int lead(unsigned char c, unsigned char *lo, unsigned char *hi)
{
    *lo = 0x80;
    *hi = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
        return 1;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        *lo = c == 0xE0 ? 0xA0 : 0x80; /* no overlong forms */
        *hi = c == 0xED ? 0x9F : 0xBF; /* no surrogates */
        return 2;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *lo = c == 0xF0 ? 0x90 : 0x80;
        *hi = c == 0xF4 ? 0x8F : 0xBF; /* up to U+10FFFF */
        return 3;
    }
    return 0;
}

uint32_t utf8_next(const char *s, size_t n, int *len)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned char lo, hi;
    *len = 1;
    if (p[0] < 0x80) {
        return p[0];
    }
    int more = lead(p[0], &lo, &hi);
    if (!more) {
        return UTF8_BAD;
    }
    uint32_t c = p[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((size_t)i >= n || p[i] < lo || p[i] > hi) {
            *len = i;
            return UTF8_BAD;
        }
        c = c << 6 | (p[i] & 0x3Fu);
        lo = 0x80;
        hi = 0xBF;
    }
    *len = more + 1;
    return c;
}

int utf8_put(char out[4], uint32_t c)
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        c = UTF8_BAD;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        int len;
        uint32_t c = utf8_next(s + i, n - i, &len);
        if (c == UTF8_BAD && !(len == 3 && !memcmp(s + i, "\xEF\xBF\xBD", 3))) {
            return false;
        }
        i += (size_t)len;
    }
    return true;
}

size_t utf8_partial(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        const unsigned char *p = (const unsigned char *)s + n - back;
        unsigned char lo, hi;
        int more = lead(p[0], &lo, &hi);
        if (!more) {
            continue;
        }
        int len;
        uint32_t c = utf8_next((const char *)p, back, &len);
        return c == UTF8_BAD && (size_t)len == back && (size_t)more >= back ? back : 0;
    }
    return 0;
}

size_t utf8_clean(const char *s, size_t n, char *out, size_t cap)
{
    size_t o = 0;
    if (!cap) {
        return 0;
    }
    for (size_t i = 0; i < n;) {
        int len;
        char c[4];
        int k = utf8_put(c, utf8_next(s + i, n - i, &len));
        if (o + (size_t)k >= cap) {
            break;
        }
        memcpy(out + o, c, (size_t)k);
        o += (size_t)k;
        i += (size_t)len;
    }
    out[o] = 0;
    return o;
}
