/* Tokens to words, and when two words are the same.  Pure. */
#ifndef ASR_WORD_H
#define ASR_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include "npu/asr/live.h"
#include "npu/asr/tok.h"

struct asr_span {
    int first, count; /* tokens */
    bool space;       /* begins with a space (or is the first of all) */
};

/* Words of n text tokens: a token that begins with a space begins a word; by_char: so does every
 * token that begins a character (languages without spaces).  Returns the count, at most max; what
 * is more goes into the last one. */
int asr_words_split(const struct asr_tok *tok, const int32_t *id, int n, bool by_char,
                    struct asr_span *out, int max);

/* Text of a word as entries of at most ASR_WORD_BYTES, all but the first with glue set; the first
 * one too when the span has no space.  Broken characters become U+FFFD, a character that is not yet
 * complete at the end is left out, control characters too.  Only text and glue are set.
 * Returns the count, at most max. */
int asr_words_text(const struct asr_tok *tok, const int32_t *id, const struct asr_span *s,
                   struct asr_word *out, int max);

/* The same word, but for case and punctuation? */
bool asr_words_equal(const char *a, const char *b);

/* Languages whose words are not divided by spaces (index of asr_lang_index). */
bool asr_words_by_char(int language);

#endif
