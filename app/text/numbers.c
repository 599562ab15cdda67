/* Number words to digits: one walk over the words with the number that is growing.  A number is
 * whole while it can be added to ("two hundred" + "five"), and a string of digits once it was
 * dictated digit by digit ("one oh one") or has a decimal point.  Pure; any thread. */
#include "app/text/normalise.h"

#include <string.h>

#include "app/text/numwords.h"

enum { EMPTY, WHOLE, DIGITS };

struct span {
    const char *s;
    size_t len;
};

struct walk {
    struct text_buf *out;
    int kind; /* EMPTY, WHOLE, DIGITS */
    text_u128 whole;
    struct text_buf digits;
    char prefix[4]; /* sign or currency to be written before the number, UTF-8, or "" */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ';
}

static bool same(struct span w, const char *s)
{
    return s && w.len == strlen(s) && memcmp(w.s, s, w.len) == 0;
}

/* 12 or 12.5 */
static bool numeric(struct span w)
{
    size_t i = 0;
    while (i < w.len && is_digit(w.s[i])) {
        i++;
    }
    if (i == 0 || i == w.len) {
        return i > 0;
    }
    if (w.s[i] != '.' || i + 1 == w.len) {
        return false;
    }
    for (i++; i < w.len; i++) {
        if (!is_digit(w.s[i])) {
            return false;
        }
    }
    return true;
}

static void add_whole(struct text_buf *b, text_u128 v)
{
    char s[40];
    size_t n = sizeof s;
    do {
        s[--n] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v);
    text_buf_add(b, s + n, sizeof s - n);
}

/* One result word; the number that grew is forgotten. */
static void emit(struct walk *w, const char *s, size_t len, const char *suffix)
{
    if (w->out->len) {
        text_buf_byte(w->out, ' ');
    }
    text_buf_str(w->out, w->prefix);
    text_buf_add(w->out, s, len);
    text_buf_str(w->out, suffix);
    w->kind = EMPTY;
    w->prefix[0] = 0;
    text_buf_clear(&w->digits);
}

/* The number as digits, whatever it was; an empty or zero whole one is "". */
static void to_digits(struct walk *w)
{
    if (w->kind == WHOLE) {
        text_buf_clear(&w->digits);
        add_whole(&w->digits, w->whole);
    }
    w->kind = DIGITS;
}

static void emit_value(struct walk *w, const char *suffix)
{
    if (w->kind != EMPTY) {
        to_digits(w);
        emit(w, w->digits.s ? w->digits.s : "", w->digits.len, suffix);
    }
}

static void set_whole(struct walk *w, text_u128 v)
{
    w->kind = WHOLE;
    w->whole = v;
    text_buf_clear(&w->digits);
}

/* The number's digits times mult, when they are a number and the product is whole. */
static bool times(const struct text_buf *d, text_u128 mult, text_u128 *out)
{
    text_u128 v = 0, scale = 1, most = ~(text_u128)0;
    bool point = false;
    for (size_t i = 0; i < d->len; i++) {
        if (d->s[i] == '.') {
            if (point) {
                return false;
            }
            point = true;
            continue;
        }
        if (v > (most - 9) / 10 || (point && scale > most / 10)) {
            return false;
        }
        v = v * 10 + (text_u128)(d->s[i] - '0');
        scale *= point ? 10 : 1;
    }
    if (d->len == 0 || (d->len == 1 && point) || (v && mult > most / v) || v * mult % scale) {
        return false;
    }
    *out = v * mult / scale;
    return true;
}

/* 12, 12.5, $12 as they stand. */
static void arabic(struct walk *w, struct span cur, size_t mark)
{
    text_u128 v;
    if (w->kind == DIGITS && w->digits.len && w->digits.s[w->digits.len - 1] == '.') {
        text_buf_add(&w->digits, cur.s, cur.len);
        return;
    }
    emit_value(w, "");
    if (mark) {
        memcpy(w->prefix, cur.s, mark);
        w->prefix[mark] = 0;
    }
    text_buf_clear(&w->digits);
    text_buf_add(&w->digits, cur.s + mark, cur.len - mark);
    if (times(&w->digits, 1, &v)) {
        set_whole(w, v);
    } else {
        w->kind = DIGITS;
    }
}

/* one .. nineteen, alone or at the end of a number ("third"). */
static void ones(struct walk *w, struct num_word n, enum num_kind prev)
{
    text_u128 room = n.value < 10 ? 10 : 100;
    if (w->kind == EMPTY) {
        set_whole(w, n.value);
    } else if (w->kind == WHOLE && prev != NUM_ONE && w->whole % room == 0) {
        w->whole += n.value;
    } else {
        bool replace = w->kind == DIGITS && prev == NUM_TEN && n.value < 10;
        to_digits(w);
        if (replace && w->digits.len) { /* "seven twenty" "four": 720, then 724 */
            text_buf_cut(&w->digits, w->digits.len - 1);
        }
        add_whole(&w->digits, n.value);
    }
}

static void tens(struct walk *w, struct num_word n)
{
    if (w->kind == EMPTY) {
        set_whole(w, n.value);
    } else if (w->kind == WHOLE && w->whole % 100 == 0) {
        w->whole += n.value;
    } else {
        to_digits(w);
        add_whole(&w->digits, n.value);
    }
}

static void mult(struct walk *w, struct num_word n)
{
    text_u128 v;
    if (w->kind == EMPTY) {
        set_whole(w, n.value);
        return;
    }
    if (w->kind == WHOLE && w->whole != 0) {
        text_u128 low = w->whole % 1000;
        w->whole += low * n.value - low; /* below 1000 * decillion: fits */
        return;
    }
    to_digits(w);
    if (times(&w->digits, n.value, &v)) {
        set_whole(w, v);
    } else {
        emit_value(w, "");
        set_whole(w, n.value);
    }
}

/* and, double, triple, point.  Returns true when the next word is used up. */
static bool special(struct walk *w, struct span cur, struct num_word n, enum num_kind prev,
                    struct span next)
{
    struct num_word after = text_num_word(next.s, next.len);
    bool digit = after.kind == NUM_ONE || after.kind == NUM_ZERO;
    if (after.kind == NUM_NONE && !numeric(next)) {
        emit_value(w, "");
        emit(w, cur.s, cur.len, "");
    } else if (same(cur, "and")) {
        if (prev != NUM_MULT) { /* "two hundred and five" is one number */
            emit_value(w, "");
            emit(w, cur.s, cur.len, "");
        }
    } else if (same(cur, "point")) {
        if (digit || after.kind == NUM_TEN || numeric(next)) {
            bool zero = w->kind == WHOLE && w->whole == 0;
            to_digits(w);
            if (zero) {
                text_buf_clear(&w->digits);
            }
            text_buf_byte(&w->digits, '.');
        }
    } else if (digit) {
        bool zero = w->kind == WHOLE && w->whole == 0;
        to_digits(w);
        if (zero) {
            text_buf_clear(&w->digits);
        }
        for (text_u128 i = 0; i < n.value; i++) {
            add_whole(&w->digits, after.value);
        }
        return true;
    } else {
        emit_value(w, "");
        emit(w, cur.s, cur.len, "");
    }
    return false;
}

/* percent; per cent.  Returns true when the next word is used up. */
static bool percent(struct walk *w, struct span cur, struct num_word n, struct span next)
{
    bool skip = false;
    if (w->kind == EMPTY) {
        emit(w, cur.s, cur.len, "");
    } else if (n.mark[0]) {
        emit_value(w, n.mark);
    } else if (same(next, "cent")) {
        emit_value(w, "%");
        skip = true;
    } else {
        emit_value(w, "");
        emit(w, cur.s, cur.len, "");
    }
    return skip;
}

/* Words that end a number, or stand beside one. */
static void beside(struct walk *w, struct span cur, struct num_word n, enum num_kind prev,
                   struct span next)
{
    switch (n.kind) {
    case NUM_ZERO:
        if (w->kind == WHOLE && w->whole == 0) {
            w->kind = EMPTY;
        }
        to_digits(w);
        text_buf_byte(&w->digits, '0');
        break;
    case NUM_ONE_END:
        ones(w, n, prev);
        emit_value(w, n.mark);
        break;
    case NUM_TEN_END:
        tens(w, n);
        emit_value(w, n.mark);
        break;
    case NUM_MULT_END:
        mult(w, n);
        emit_value(w, n.mark);
        break;
    case NUM_SIGN:
        emit_value(w, "");
        if (numeric(next) || text_num_word(next.s, next.len).kind != NUM_NONE) {
            strcpy(w->prefix, n.mark);
        } else {
            emit(w, cur.s, cur.len, "");
        }
        break;
    case NUM_CURRENCY:
        if (w->kind == EMPTY) {
            emit(w, cur.s, cur.len, "");
        } else {
            strcpy(w->prefix, n.mark);
            emit_value(w, "");
        }
        break;
    default:
        emit_value(w, "");
        emit(w, cur.s, cur.len, "");
    }
}

static size_t currency_mark(struct span w)
{
    static const char *const mark[] = {"$", "\xC2\xA3", "\xC2\xA2", "\xE2\x82\xAC"};
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++) {
        size_t n = strlen(mark[i]);
        if (w.len > n && memcmp(w.s, mark[i], n) == 0) {
            return n;
        }
    }
    return 0;
}

/* The word at or after *at; len 0 at the end. */
static struct span next_word(const struct text_buf *b, size_t *at)
{
    struct span w = {"", 0};
    while (*at < b->len && is_space(b->s[*at])) {
        ++*at;
    }
    w.s = b->s + *at;
    while (*at < b->len && !is_space(b->s[*at])) {
        ++*at;
        w.len++;
    }
    return w;
}

static void walk_words(const struct text_buf *in, struct text_buf *out)
{
    struct walk w = {.out = out};
    size_t at = 0;
    enum num_kind prev = NUM_NONE;
    struct span cur = next_word(in, &at);
    while (cur.len) {
        struct span next = next_word(in, &at);
        struct num_word n = text_num_word(cur.s, cur.len);
        size_t mark = currency_mark(cur);
        bool skip = false;
        if (numeric((struct span){cur.s + mark, cur.len - mark})) {
            arabic(&w, cur, mark);
        } else if (n.kind == NUM_ONE) {
            ones(&w, n, prev);
        } else if (n.kind == NUM_TEN) {
            tens(&w, n);
        } else if (n.kind == NUM_MULT) {
            mult(&w, n);
        } else if (n.kind == NUM_SPECIAL) {
            skip = special(&w, cur, n, prev, next);
        } else if (n.kind == NUM_PERCENT) {
            skip = percent(&w, cur, n, next);
        } else {
            beside(&w, cur, n, prev, next);
        }
        prev = n.kind;
        if (skip) {
            prev = text_num_word(next.s, next.len).kind;
            next = next_word(in, &at);
        }
        cur = next;
    }
    emit_value(&w, "");
    out->bad |= w.digits.bad;
    text_buf_free(&w.digits);
}

/* "three and a half million" is said as "three point five million". */
static void halves(const struct text_buf *in, struct text_buf *out)
{
    size_t at = 0;
    struct num_word n = {NUM_NONE, 0, ""};
    for (struct span w = next_word(in, &at); w.len; w = next_word(in, &at)) {
        size_t look = at;
        bool half =
            same(w, "and") && same(next_word(in, &look), "a") && same(next_word(in, &look), "half");
        if (out->len) {
            text_buf_byte(out, ' ');
        }
        if (half &&
            (n.kind == NUM_ONE || n.kind == NUM_TEN || n.kind == NUM_ZERO || n.kind == NUM_MULT)) {
            text_buf_str(out, "point five");
            at = look;
        } else {
            text_buf_add(out, w.s, w.len);
        }
        n = text_num_word(w.s, w.len);
    }
}

/* b747 to b 747, 10km to 10 km; but 10 th to 10th, 60 s to 60s. */
static void split_letters(const struct text_buf *in, struct text_buf *out)
{
    static const char *const end[] = {"st", "nd", "rd", "th", "s"};
    for (size_t i = 0; i < in->len; i++) {
        char c = in->s[i], last = out->len ? out->s[out->len - 1] : ' ';
        bool letter = c >= 'a' && c <= 'z', after = last >= 'a' && last <= 'z';
        bool joined = false;
        if (letter && (is_digit(last) || last == ' ')) {
            size_t d = out->len;
            while (d > 0 && out->s[d - 1] == ' ') {
                d--;
            }
            size_t n = strcspn(in->s + i, " ");
            for (size_t k = 0; k < sizeof end / sizeof *end; k++) {
                struct span w = {in->s + i, n};
                joined |= d > 0 && is_digit(out->s[d - 1]) && same(w, end[k]);
            }
            if (joined) {
                text_buf_cut(out, d);
            }
        }
        if (!joined && ((letter && is_digit(last)) || (is_digit(c) && after))) {
            text_buf_byte(out, ' ');
        }
        text_buf_byte(out, c);
    }
}

/* "$2 and ¢70", with or without "and": $2.70.  $0.36: ¢36.  A lone 1 is written "one". */
static size_t cents_after(const char *s, int *cents)
{
    size_t n = 0, d = 0;
    if (*s != ' ') {
        return 0;
    }
    n = strncmp(s, " and ", 5) == 0 ? 5 : 1;
    if (memcmp(s + n, "\xC2\xA2", strnlen(s + n, 2)) != 0 || !s[n]) {
        return 0;
    }
    n += 2;
    for (*cents = 0; is_digit(s[n + d]); d++) {
        *cents = d < 2 ? *cents * 10 + (s[n + d] - '0') : *cents;
    }
    return d == 1 || d == 2 ? n + d : 0;
}

static bool word_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           ((unsigned char)c & 0x80);
}

static void currency(const struct text_buf *in, struct text_buf *out)
{
    for (size_t i = 0; i < in->len;) {
        const char *s = in->s + i;
        struct span rest = {s, in->len - i};
        size_t mark = *s == '\xC2' && s[1] == '\xA2' ? 0 : currency_mark(rest);
        size_t d = 0, more;
        int cents;
        while (mark && is_digit(s[mark + d])) {
            d++;
        }
        if (d && (more = cents_after(s + mark + d, &cents)) && !word_byte(s[mark + d + more])) {
            text_buf_add(out, s, mark + d);
            char c[4] = {'.', (char)('0' + cents / 10), (char)('0' + cents % 10), 0};
            text_buf_str(out, c);
            i += mark + d + more;
        } else if (d == 1 && s[mark] == '0' && s[mark + 1] == '.' && is_digit(s[mark + 2]) &&
                   (!word_byte(s[mark + 3]) ||
                    (is_digit(s[mark + 3]) && !word_byte(s[mark + 4])))) {
            int tenth = s[mark + 2] - '0';
            bool two = is_digit(s[mark + 3]);
            text_buf_str(out, "\xC2\xA2");
            add_whole(out, (text_u128)(two ? tenth * 10 + s[mark + 3] - '0' : tenth));
            i += mark + 3 + (two ? 1 : 0);
        } else {
            text_buf_add(out, s, mark + d ? mark + d : 1);
            i += mark + d ? mark + d : 1;
        }
    }
}

static void lone_one(const struct text_buf *in, struct text_buf *out)
{
    for (size_t i = 0; i < in->len; i++) {
        const char *s = in->s + i;
        bool start = i == 0 || !word_byte(in->s[i - 1]) || in->s[i - 1] == '\xA3' ||
                     in->s[i - 1] == '\xA2' || in->s[i - 1] == '\xAC';
        bool end = !word_byte(s[1]) || (s[1] == 's' && !word_byte(s[2]));
        if (*s == '1' && start && end) {
            text_buf_str(out, "one");
        } else {
            text_buf_byte(out, *s);
        }
    }
}

void text_numbers(struct text_buf *b, struct text_buf *tmp)
{
    static void (*const step[])(const struct text_buf *, struct text_buf *) = {
        halves, split_letters, walk_words, currency, lone_one};
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        text_buf_clear(tmp);
        step[i](b, tmp);
        text_buf_swap(b, tmp);
    }
}
