/* See clip.h.  Pure but for malloc. */
#include "ui/clip.h"

#include <stdlib.h>
#include <string.h>

static size_t base64(char *to, const unsigned char *s, size_t n)
{
    static const char a[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t k = 0;
    for (size_t i = 0; i < n; i += 3) {
        unsigned long v = (unsigned long)s[i] << 16;
        v |= i + 1 < n ? (unsigned long)s[i + 1] << 8 : 0;
        v |= i + 2 < n ? s[i + 2] : 0;
        to[k++] = a[v >> 18 & 63];
        to[k++] = a[v >> 12 & 63];
        to[k++] = i + 1 < n ? a[v >> 6 & 63] : '=';
        to[k++] = i + 2 < n ? a[v & 63] : '=';
    }
    return k;
}

static size_t add(char *to, size_t at, const char *s)
{
    size_t n = strlen(s);
    memcpy(to + at, s, n);
    return at + n;
}

char *ui_clip_osc52(const char *text, uint32_t n, int in_tmux, size_t *len)
{
    *len = 0;
    if ((size_t)n / 3 * 4 > UI_CLIP_MAX) {
        return NULL;
    }
    size_t room = 2 * ((size_t)n + 2) / 3 * 4 * 2 + 128, k = 0, m = 0;
    unsigned char *clean = malloc((size_t)n + 1);
    char *out = malloc(room);
    if (!clean || !out) {
        free(clean);
        free(out);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)text[i];
        if ((b >= 0x20 && b != 0x7f) || b == '\n') {
            clean[m++] = b;
        }
    }
    /* Both forms under tmux: it takes the first where set-clipboard is on, and hands the second
     * through where allow-passthrough is on.  A terminal sets the same text twice at worst. */
    k = add(out, k, "\033]52;c;");
    k += base64(out + k, clean, m);
    k = add(out, k, "\a");
    if (in_tmux) {
        k = add(out, k, "\033Ptmux;\033\033]52;c;");
        k += base64(out + k, clean, m);
        k = add(out, k, "\a\033\\");
    }
    free(clean);
    *len = k;
    return out;
}
