/* GPT-2's pre-tokenisation: contractions, then runs of letters, digits or anything else, each with
 * at most one space before it, then white space.  Pure, any thread, allocates nothing. */
#include "npu/asr/split.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

enum class { SPACE, LETTER, DIGIT, OTHER };

/* Class of the character at s and its length. */
typedef enum class (*class_fn)(const char *s, size_t n, size_t *len);

static enum class class_of_byte(const char *s, size_t n, size_t *len) {
    unsigned char c = (unsigned char)*s; (void)n; *len = 1;
    if (c == ' ' || (c >= '\t' && c <= '\r')){return SPACE;}
if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
{
    return LETTER;
}
return c >= '0' && c <= '9' ? DIGIT : OTHER;
}

static bool is_white(utf8proc_int32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static enum class class_of_char(const char *s, size_t n, size_t *len) {
    utf8proc_int32_t c;
    utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
    if (k <= 0){/* not UTF-8: take the byte as it is */
                    *len = 1; return OTHER;}
*len = (size_t)k;
if (is_white(c)) {
    return SPACE;
}
switch (utf8proc_category(c)) {
case UTF8PROC_CATEGORY_LU:
case UTF8PROC_CATEGORY_LL:
case UTF8PROC_CATEGORY_LT:
case UTF8PROC_CATEGORY_LM:
case UTF8PROC_CATEGORY_LO:
    return LETTER;
case UTF8PROC_CATEGORY_ND:
case UTF8PROC_CATEGORY_NL:
case UTF8PROC_CATEGORY_NO:
    return DIGIT;
default:
    return OTHER;
}
}

static size_t contraction(const char *s, size_t n)
{
    static const char *const tail[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    for (size_t i = 0; *s == '\'' && i < sizeof tail / sizeof *tail; i++) {
        size_t k = strlen(tail[i]);
        if (n > k && !memcmp(s + 1, tail[i], k)) {
            return 1 + k;
        }
    }
    return 0;
}

static size_t piece(const char *s, size_t n, class_fn class_of)
{
    size_t at = contraction(s, n), len, last = 0;
    if (at) {
        return at;
    }
    size_t skip = *s == ' ' && n > 1 ? 1 : 0;
    enum class c = class_of(s + skip, n - skip, &len);
    if (c != SPACE) {
        for (at = skip; at < n && class_of(s + at, n - at, &len) == c;) {
            at += len;
        }
        return at;
    }
    for (at = 0; at < n && class_of(s + at, n - at, &len) == SPACE;) {
        last = at;
        at += len;
    }
    /* Space that text follows leaves its last character to that text. */
    return at < n && last > 0 ? last : at;
}

size_t asr_split_unicode(const char *s, size_t n)
{
    return piece(s, n, class_of_char);
}

size_t asr_split_bytes(const char *s, size_t n)
{
    return piece(s, n, class_of_byte);
}
