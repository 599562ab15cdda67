/* Which spoken word became which recognised one.  Pure. */
#ifndef APP_SCORE_PAIR_H
#define APP_SCORE_PAIR_H

#include <stddef.h>

#include "npu/asr/live.h"

struct score_word {
    char text[ASR_WORD_BYTES];
    double shown, settled; /* seconds, clock of the run */
};

/* pair[n]: index of the recognised word that is the same but for case and punctuation, on a way
 * with the fewest edits; -1: it was missed or became another.  Memory and time n * m.  -1: no
 * memory. */
int score_pair(const char *const *spoken, size_t n, const struct score_word *heard, size_t m,
               int *pair);

#endif
