/* See numwords.h.  Tables and one lookup; words with a suffix are taken apart rather than listed.
 */
#include "app/text/numwords.h"

#include <string.h>

static const char *const ones[] = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
};
static const char *const tens[] = {"twenty", "thirty",  "forty",  "fifty",
                                   "sixty",  "seventy", "eighty", "ninety"};
/* A hundred, then powers of a thousand. */
static const char *const mults[] = {
    "hundred",     "thousand",   "million",    "billion",   "trillion",  "quadrillion",
    "quintillion", "sextillion", "septillion", "octillion", "nonillion", "decillion",
};
static const struct {
    const char *word;
    enum num_kind kind;
    int value;
    const char *mark;
} others[] = {
    {"o", NUM_ZERO, 0, ""},
    {"oh", NUM_ZERO, 0, ""},
    {"zero", NUM_ZERO, 0, ""},
    {"zeroth", NUM_ONE_END, 0, "th"},
    {"first", NUM_ONE_END, 1, "st"},
    {"second", NUM_ONE_END, 2, "nd"},
    {"third", NUM_ONE_END, 3, "rd"},
    {"fifth", NUM_ONE_END, 5, "th"},
    {"twelfth", NUM_ONE_END, 12, "th"},
    {"sixes", NUM_ONE_END, 6, "s"},
    {"minus", NUM_SIGN, 0, "-"},
    {"negative", NUM_SIGN, 0, "-"},
    {"plus", NUM_SIGN, 0, "+"},
    {"positive", NUM_SIGN, 0, "+"},
    {"pound", NUM_CURRENCY, 0, "\xC2\xA3"},
    {"pounds", NUM_CURRENCY, 0, "\xC2\xA3"},
    {"euro", NUM_CURRENCY, 0, "\xE2\x82\xAC"},
    {"euros", NUM_CURRENCY, 0, "\xE2\x82\xAC"},
    {"dollar", NUM_CURRENCY, 0, "$"},
    {"dollars", NUM_CURRENCY, 0, "$"},
    {"cent", NUM_CURRENCY, 0, "\xC2\xA2"},
    {"cents", NUM_CURRENCY, 0, "\xC2\xA2"},
    {"per", NUM_PERCENT, 0, ""},
    {"percent", NUM_PERCENT, 0, "%"},
    {"and", NUM_SPECIAL, 0, ""},
    {"double", NUM_SPECIAL, 2, ""},
    {"triple", NUM_SPECIAL, 3, ""},
    {"point", NUM_SPECIAL, 0, ""},
};

enum {
    N_ONES = sizeof ones / sizeof *ones,
    N_TENS = sizeof tens / sizeof *tens,
    N_MULTS = sizeof mults / sizeof *mults,
    N_OTHERS = sizeof others / sizeof *others
};

/* s is stem followed by end, which replaces the last `cut` letters of the stem. */
static int is(const char *s, size_t len, const char *stem, size_t cut, const char *end)
{
    size_t n = strlen(stem) - cut, m = strlen(end);
    return len == n + m && memcmp(s, stem, n) == 0 && memcmp(s + n, end, m) == 0;
}

static struct num_word word(enum num_kind kind, text_u128 value, const char *mark)
{
    struct num_word w = {kind, value, mark};
    return w;
}

/* Ordinals above the third come from the stem: "eighth" takes "h", the others "th"; fifth and
 * twelfth are irregular and listed.  "ninth" is not covered, as in the original. */
static struct num_word one_word(const char *s, size_t len)
{
    for (int i = 1; i < N_ONES; i++) {
        size_t n = strlen(ones[i]);
        if (is(s, len, ones[i], 0, "")) {
            return word(NUM_ONE, (text_u128)i, "");
        }
        if (i != 6 && is(s, len, ones[i], 0, "s")) {
            return word(NUM_ONE_END, (text_u128)i, "s");
        }
        if (i > 3 && i != 5 && i != 12 &&
            is(s, len, ones[i], 0, ones[i][n - 1] == 't' ? "h" : "th")) {
            return word(NUM_ONE_END, (text_u128)i, "th");
        }
    }
    return word(NUM_NONE, 0, "");
}

static struct num_word ten_word(const char *s, size_t len)
{
    for (int i = 0; i < N_TENS; i++) {
        text_u128 v = (text_u128)(20 + 10 * i);
        if (is(s, len, tens[i], 0, "")) {
            return word(NUM_TEN, v, "");
        }
        if (is(s, len, tens[i], 1, "ies")) {
            return word(NUM_TEN_END, v, "s");
        }
        if (is(s, len, tens[i], 1, "ieth")) {
            return word(NUM_TEN_END, v, "th");
        }
    }
    return word(NUM_NONE, 0, "");
}

static struct num_word mult_word(const char *s, size_t len)
{
    text_u128 v = 100;
    for (int i = 0; i < N_MULTS; i++) {
        if (is(s, len, mults[i], 0, "")) {
            return word(NUM_MULT, v, "");
        }
        if (is(s, len, mults[i], 0, "s")) {
            return word(NUM_MULT_END, v, "s");
        }
        if (is(s, len, mults[i], 0, "th")) {
            return word(NUM_MULT_END, v, "th");
        }
        v = i == 0 ? 1000 : v * 1000;
    }
    return word(NUM_NONE, 0, "");
}

struct num_word text_num_word(const char *s, size_t len)
{
    for (int i = 0; i < N_OTHERS; i++) {
        if (is(s, len, others[i].word, 0, "")) {
            return word(others[i].kind, (text_u128)others[i].value, others[i].mark);
        }
    }
    struct num_word w = one_word(s, len);
    if (w.kind == NUM_NONE) {
        w = ten_word(s, len);
    }
    return w.kind == NUM_NONE ? mult_word(s, len) : w;
}
