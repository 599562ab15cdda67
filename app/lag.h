/* When each word of the live text was first shown and when it settled, and what was taken back.
 * Pure: fed with events in their order; one thread at a time.  About 40 KB, allocates nothing. */
#ifndef APP_LAG_H
#define APP_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "npu/asr/live.h"

enum { LAG_WORDS = 256 }; /* entries of an utterance that are followed; more are not */

struct lag_word {
    char text[ASR_WORD_BYTES];
    double shown;   /* since then it has stood in its place without a break; seconds, clock of
                       at_s */
    double settled; /* NAN: not yet */
};

struct lag {
    uint32_t utt;
    bool open; /* utt has had an event and is not final */
    int n, n_settled;
    struct lag_word word[LAG_WORDS]; /* of the utterance seen last, valid until the next one */
    double first_s;                  /* when its first word was shown, NAN: none yet */

    /* Sums over everything seen. */
    uint64_t words;       /* in final utterances */
    uint64_t taken_back;  /* shown, then changed or gone: what erasure counts */
    uint64_t retractions; /* of them settled ones: a broken promise */
};

void lag_init(struct lag *l);
/* All words of an utterance, the first n_settled of them settled, as they stand at at_s.  final:
 * all of them are. */
void lag_utt(struct lag *l, uint32_t utt, const struct asr_word *word, int n, int n_settled,
             bool final, double at_s);
/* Words taken back for each word of final text; NAN when there is no text. */
double lag_erasure(const struct lag *l);

#endif
