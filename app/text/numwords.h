/* Number words and what they mean.  numwords.c */
#ifndef TEXT_NUMWORDS_H
#define TEXT_NUMWORDS_H

#include <stddef.h>

__extension__ typedef unsigned __int128 text_u128; /* a decillion has 34 digits */

enum num_kind {
    NUM_NONE,     /* no number word */
    NUM_ZERO,     /* o, oh, zero */
    NUM_ONE,      /* one .. nineteen */
    NUM_TEN,      /* twenty .. ninety */
    NUM_MULT,     /* hundred, thousand, million ... */
    NUM_ONE_END,  /* third, sixes: ends the number, with a suffix */
    NUM_TEN_END,  /* twentieth, fifties */
    NUM_MULT_END, /* thousandth, millions */
    NUM_SIGN,     /* minus, plus: stands before a number */
    NUM_CURRENCY, /* dollars: stands after, is written before */
    NUM_PERCENT,  /* percent, per (cent) */
    NUM_SPECIAL,  /* and, double, triple, point */
};

struct num_word {
    enum num_kind kind;
    text_u128 value;
    const char *mark; /* suffix ("th"), sign or currency */
};

/* The meaning of a word of len bytes; kind NUM_NONE when it has none. */
struct num_word text_num_word(const char *s, size_t len);

#endif
