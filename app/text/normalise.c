/* See normalise.h.  One pass over the text for each rule, in the order that decides what a later
 * rule sees.  Pure; any thread. */
#include "app/text/normalise.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum edge { LEFT = 1, RIGHT = 2, BOTH = 3 }; /* where a word boundary is asked for */

struct rule {
    const char *from, *to;
    enum edge edge;
};

/* Applied one after the other, each over the whole text. */
static const struct rule rules[] = {
    /* fillers */
    {"hmm", "", BOTH},
    {"mm", "", BOTH},
    {"mhm", "", BOTH},
    {"mmm", "", BOTH},
    {"uh", "", BOTH},
    {"um", "", BOTH},
    {NULL, NULL, BOTH}, /* here spaces before apostrophes go */
    /* contractions with a form of their own */
    {"won't", "will not", BOTH},
    {"can't", "can not", BOTH},
    {"let's", "let us", BOTH},
    {"ain't", "aint", BOTH},
    {"y'all", "you all", BOTH},
    {"wanna", "want to", BOTH},
    {"gotta", "got to", BOTH},
    {"gonna", "going to", BOTH},
    {"i'ma", "i am going to", BOTH},
    {"imma", "i am going to", BOTH},
    {"woulda", "would have", BOTH},
    {"coulda", "could have", BOTH},
    {"shoulda", "should have", BOTH},
    {"ma'am", "madam", BOTH},
    /* titles */
    {"mr", "mister ", BOTH},
    {"mrs", "missus ", BOTH},
    {"st", "saint ", BOTH},
    {"dr", "doctor ", BOTH},
    {"prof", "professor ", BOTH},
    {"capt", "captain ", BOTH},
    {"gov", "governor ", BOTH},
    {"ald", "alderman ", BOTH},
    {"gen", "general ", BOTH},
    {"sen", "senator ", BOTH},
    {"rep", "representative ", BOTH},
    {"pres", "president ", BOTH},
    {"rev", "reverend ", BOTH},
    {"hon", "honorable ", BOTH},
    {"asst", "assistant ", BOTH},
    {"assoc", "associate ", BOTH},
    {"lt", "lieutenant ", BOTH},
    {"col", "colonel ", BOTH},
    {"jr", "junior ", BOTH},
    {"sr", "senior ", BOTH},
    {"esq", "esquire ", BOTH},
    /* perfect tenses */
    {"'d been", " had been", RIGHT},
    {"'s been", " has been", RIGHT},
    {"'d gone", " had gone", RIGHT},
    {"'s gone", " has gone", RIGHT},
    {"'d done", " had done", RIGHT},
    {"'s got", " has got", RIGHT},
    /* the other contractions */
    {"n't", " not", RIGHT},
    {"'re", " are", RIGHT},
    {"'s", " is", RIGHT},
    {"'d", " would", RIGHT},
    {"'ll", " will", RIGHT},
    {"'t", " not", RIGHT},
    {"'ve", " have", RIGHT},
    {"'m", " am", RIGHT},
};

/* Letters that do not come apart under NFKD. */
static const struct {
    int32_t cp;
    const char *to;
} letters[] = {
    {0x153, "oe"}, {0x152, "OE"},  {0xF8, "o"},  {0xD8, "O"},  {0xE6, "ae"}, {0xC6, "AE"},
    {0xDF, "ss"},  {0x1E9E, "SS"}, {0x111, "d"}, {0x110, "D"}, {0xF0, "d"},  {0xD0, "D"},
    {0xFE, "th"},  {0xDE, "th"},   {0x142, "l"}, {0x141, "L"},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space_cp(int32_t cp)
{
    utf8proc_category_t k = utf8proc_category(cp);
    return (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x1f) || cp == 0x85 ||
           k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

/* What a regular expression calls a word character: letters and numbers of any script, '_'. */
static bool is_word_cp(int32_t cp)
{
    utf8proc_category_t k = utf8proc_category(cp);
    return cp == '_' || (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

static bool word_at(const struct text_buf *b, size_t i)
{
    int32_t cp;
    if (i >= b->len) {
        return false;
    }
    text_char(b->s + i, b->len - i, &cp);
    return is_word_cp(cp);
}

static bool word_before(const struct text_buf *b, size_t i)
{
    if (i == 0) {
        return false;
    }
    i--;
    while (i > 0 && ((unsigned char)b->s[i] & 0xC0) == 0x80) {
        i--;
    }
    return word_at(b, i);
}

/* A boundary lies between a word character and something else. */
static bool boundary(const struct text_buf *b, size_t i)
{
    return word_before(b, i) != word_at(b, i);
}

static void add_cp(struct text_buf *b, int32_t cp)
{
    utf8proc_uint8_t c[4];
    utf8proc_ssize_t n = utf8proc_encode_char(cp, c);
    text_buf_add(b, (const char *)c, n > 0 ? (size_t)n : 0);
}

/* Lower case, valid UTF-8, every white space a plain one. */
static void lower(const char *s, size_t len, struct text_buf *out)
{
    for (size_t i = 0; i < len;) {
        int32_t cp;
        i += text_char(s + i, len - i, &cp);
        if (is_space_cp(cp) || cp == 0) {
            text_buf_byte(out, ' ');
        } else {
            add_cp(out, utf8proc_tolower(cp));
        }
    }
}

/* Drops <...> and [...], any closing mark ending either, and (...) with something inside. */
static void drop_brackets(struct text_buf *b, struct text_buf *tmp)
{
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len;) {
        size_t n = strcspn(b->s + i, "<[");
        size_t end = i + n + (b->s[i + n] ? strcspn(b->s + i + n, ">]") : 0);
        text_buf_add(tmp, b->s + i, n);
        if (end < b->len && b->s[i + n]) {
            i = end + 1;
        } else {
            text_buf_add(tmp, b->s + i + n, b->len - i - n);
            break;
        }
    }
    text_buf_clear(b);
    for (size_t i = 0; i < tmp->len;) {
        size_t n = tmp->s[i] == '(' ? strcspn(tmp->s + i, ")") : 0;
        if (n > 1 && tmp->s[i + n]) {
            i += n + 1;
        } else {
            text_buf_byte(b, tmp->s[i++]);
        }
    }
}

static void space_before_apostrophe(struct text_buf *b, struct text_buf *tmp)
{
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len;) {
        size_t n = strspn(b->s + i, " ");
        if (n == 0 || b->s[i + n] != '\'') {
            text_buf_add(tmp, b->s + i, n ? n : 1);
        }
        i += n ? n : 1;
    }
    text_buf_swap(b, tmp);
}

static void apply_rule(struct text_buf *b, struct text_buf *tmp, const struct rule *r)
{
    size_t n = strlen(r->from), from = 0;
    if (!b->len || !strstr(b->s, r->from)) {
        return;
    }
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len;) {
        const char *hit = strstr(b->s + i, r->from);
        if (!hit) {
            break;
        }
        size_t at = (size_t)(hit - b->s);
        if (((r->edge & LEFT) && !boundary(b, at)) || ((r->edge & RIGHT) && !boundary(b, at + n))) {
            i = at + 1;
            continue;
        }
        text_buf_add(tmp, b->s + from, at - from);
        text_buf_str(tmp, r->to);
        i = from = at + n;
    }
    text_buf_add(tmp, b->s + from, b->len - from);
    text_buf_swap(b, tmp);
}

/* 1,000 to 1000; a full stop goes unless a digit follows. */
static void marks_between_digits(struct text_buf *b, struct text_buf *tmp)
{
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len; i++) {
        const char *s = b->s + i;
        text_buf_byte(tmp, *s);
        if (is_digit(s[0]) && s[1] == ',' && is_digit(s[2])) {
            text_buf_byte(tmp, s[2]);
            i += 2;
        }
    }
    text_buf_clear(b);
    for (size_t i = 0; i < tmp->len; i++) {
        const char *s = tmp->s + i;
        if (*s == '.' && !is_digit(s[1])) {
            text_buf_byte(b, ' ');
            if (s[1]) {
                text_buf_byte(b, s[1]);
                i++;
            }
        } else {
            text_buf_byte(b, *s);
        }
    }
}

static const char *plain_letter(int32_t cp)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].cp == cp) {
            return letters[i].to;
        }
    }
    return NULL;
}

/* NFKD; accents go, symbols and punctuation become spaces, but for . % $ and the currency signs. */
static void symbols(struct text_buf *b, struct text_buf *tmp)
{
    utf8proc_uint8_t *d = NULL;
    text_buf_clear(tmp);
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)b->s, (utf8proc_ssize_t)b->len, &d,
                                      UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    if (n < 0) {
        tmp->bad = true;
    }
    for (utf8proc_ssize_t i = 0; i < n;) {
        int32_t cp;
        i += (utf8proc_ssize_t)text_char((const char *)d + i, (size_t)(n - i), &cp);
        utf8proc_category_t k = utf8proc_category(cp);
        if (cp == '.' || cp == '%' || cp == '$' || cp == 0xA2 || cp == 0x20AC || cp == 0xA3) {
            add_cp(tmp, cp);
        } else if (plain_letter(cp)) {
            text_buf_str(tmp, plain_letter(cp));
        } else if (k == UTF8PROC_CATEGORY_MN) {
            continue;
        } else if ((k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME) ||
                   (k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_SO) || is_space_cp(cp)) {
            text_buf_byte(tmp, ' ');
        } else {
            add_cp(tmp, cp);
        }
    }
    free(d);
    text_buf_swap(b, tmp);
}

/* Signs that belong to no number go: "$" or "." before, "%" after something that is no digit. */
static void lonely_signs(struct text_buf *b, struct text_buf *tmp)
{
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len;) {
        int32_t cp, next;
        size_t n = text_char(b->s + i, b->len - i, &cp);
        if ((cp == '.' || cp == '$' || cp == 0xA2 || cp == 0x20AC || cp == 0xA3) &&
            i + n < b->len && !is_digit(b->s[i + n])) {
            size_t m = text_char(b->s + i + n, b->len - i - n, &next);
            text_buf_byte(tmp, ' ');
            text_buf_add(tmp, b->s + i + n, m);
            i += n + m;
        } else {
            text_buf_add(tmp, b->s + i, n);
            i += n;
        }
    }
    text_buf_clear(b);
    for (size_t i = 0; i < tmp->len; i++) {
        bool lonely = tmp->s[i] == '%' && i > 0 && !is_digit(tmp->s[i - 1]);
        text_buf_byte(b, lonely ? ' ' : tmp->s[i]);
    }
}

/* Single spaces, none at the ends. */
static void collapse(struct text_buf *b, struct text_buf *tmp)
{
    text_buf_clear(tmp);
    for (size_t i = 0; i < b->len; i++) {
        if (b->s[i] != ' ') {
            text_buf_byte(tmp, b->s[i]);
        } else if (tmp->len && tmp->s[tmp->len - 1] != ' ') {
            text_buf_byte(tmp, ' ');
        }
    }
    if (tmp->len && tmp->s[tmp->len - 1] == ' ') {
        text_buf_cut(tmp, tmp->len - 1);
    }
    text_buf_swap(b, tmp);
}

char *text_normalise(const char *utf8, size_t len)
{
    struct text_buf b = {0}, tmp = {0};
    char *out = NULL;
    text_buf_str(&b, "");
    text_buf_str(&tmp, "");
    lower(utf8, len, &b);
    if (b.bad || tmp.bad) {
        goto out;
    }
    drop_brackets(&b, &tmp);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].from) {
            apply_rule(&b, &tmp, &rules[i]);
        } else {
            space_before_apostrophe(&b, &tmp);
        }
    }
    marks_between_digits(&b, &tmp);
    symbols(&b, &tmp);
    text_numbers(&b, &tmp);
    text_spelling(&b, &tmp);
    lonely_signs(&b, &tmp);
    collapse(&b, &tmp);
    if (!b.bad && !tmp.bad) {
        out = b.s;
        b.s = NULL;
    }
out:
    text_buf_free(&b);
    text_buf_free(&tmp);
    return out;
}
