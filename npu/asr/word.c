/* Words out of tokens.  Pure, any thread, allocates nothing. */
#include "npu/asr/word.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

enum { WORD_MAX_B = 1024 };

bool asr_words_by_char(int language)
{
    static const char *const code[] = {"zh", "ja", "th", "lo", "my", "yue"};
    const char *own = asr_lang_code(language);
    for (size_t i = 0; own && i < sizeof code / sizeof *code; i++) {
        if (!strcmp(own, code[i])) {
            return true;
        }
    }
    return false;
}

int asr_words_split(const struct asr_tok *tok, const int32_t *id, int n, bool by_char,
                    struct asr_span *out, int max)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        size_t len;
        const char *s = asr_tok_bytes(tok, id[i], &len);
        bool space = len > 0 && *s == ' ';
        /* 10xxxxxx goes on with a character. */
        bool begins = space || count == 0 || (by_char && len > 0 && (*s & 0xc0) != 0x80);
        if (begins && count < max) {
            out[count++] = (struct asr_span){i, 1, space};
        } else if (count > 0) {
            out[count - 1].count++;
        }
    }
    return count;
}

/* The word's bytes without spaces at its start; returns how many. */
static size_t gather(const struct asr_tok *tok, const int32_t *id, const struct asr_span *s,
                     char *buf, size_t cap)
{
    size_t at = 0;
    for (int i = s->first; i < s->first + s->count; i++) {
        size_t len;
        const char *b = asr_tok_bytes(tok, id[i], &len);
        while (at == 0 && len > 0 && *b == ' ') {
            b++;
            len--;
        }
        len = len < cap - at ? len : cap - at;
        memcpy(buf + at, b, len);
        at += len;
    }
    return at;
}

/* Could these bytes be the beginning of a character whose end is still to come? */
static bool is_beginning(const char *s, size_t n)
{
    unsigned char c = (unsigned char)*s;
    size_t need = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    if (c >= 0xf5 || n >= need) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

static void put(struct asr_word *w, size_t *at, const char *s, size_t n)
{
    memcpy(w->text + *at, s, n);
    *at += n;
    w->text[*at] = 0;
}

int asr_words_text(const struct asr_tok *tok, const int32_t *id, const struct asr_span *s,
                   struct asr_word *out, int max)
{
    char buf[WORD_MAX_B];
    size_t n = gather(tok, id, s, buf, sizeof buf), at = 0;
    int count = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t ch;
        utf8proc_ssize_t k =
            utf8proc_iterate((utf8proc_uint8_t *)buf + i, (utf8proc_ssize_t)(n - i), &ch);
        const char *from = buf + i;
        size_t len = k > 0 ? (size_t)k : 3;
        if (k <= 0) {
            if (is_beginning(buf + i, n - i)) {
                break;
            }
            from = "\xef\xbf\xbd";
        }
        i += k > 0 ? (size_t)k : 1;
        if (k > 0 && (ch < 32 || (ch >= 127 && ch < 160))) {
            continue;
        }
        if (count == 0 || at + len >= ASR_WORD_BYTES) {
            if (count == max) {
                break;
            }
            out[count].text[0] = 0;
            out[count].glue = count > 0 || !s->space;
            count++;
            at = 0;
        }
        put(&out[count - 1], &at, from, len);
    }
    return count;
}

static bool counts(unsigned char c)
{
    return c >= 0x80 || isalnum(c) || c == '\'';
}

bool asr_words_equal(const char *a, const char *b)
{
    for (;;) {
        while (*a && !counts((unsigned char)*a)) {
            a++;
        }
        while (*b && !counts((unsigned char)*b)) {
            b++;
        }
        if (!*a || !*b) {
            return !*a && !*b;
        }
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) {
            return false;
        }
        a++;
        b++;
    }
}
