/* Which words of a hypothesis will not change any more (dictation.md 3.2, 3.3).  Pure. */
#ifndef ASR_SETTLE_H
#define ASR_SETTLE_H

#include <stdbool.h>

#include "npu/asr/live.h"

/* One word of a hypothesis, after those that are settled. */
struct asr_guess {
    char text[ASR_WORD_BYTES]; /* its beginning, for comparison */
    int frame;                 /* latest frame (20 ms) that its tokens look at */
    int next;                  /* frame of the token after it; -1: there is none */
    float trust;               /* mean attention there, in standard deviations */
    float p;                   /* lowest probability of its tokens */
};

/* Does the attention of these words say anything about places?  Heads that do not align, or a model
 * without known heads, give no more than chance would. */
bool asr_aligned(const struct asr_guess *w, int n);

/* How many of the n words settle.
 * prev, n_prev: the words of the pass before, beginning at the same place.
 * content: frames of sound; thr: frames before its end where the decoder's view is not whole. */
int asr_settle(const struct asr_guess *now, int n, const struct asr_guess *prev, int n_prev,
               int content, int thr, enum asr_settle_by by);

/* How many of the n words are worth showing, at least the first `settled`: those that the pass
 * before said too, or that are probable and not cut by the end of the sound, up to the first that
 * is neither.  A word that is shown and taken back costs the reader more than one that comes a pass
 * later; only the first of an utterance is shown sooner, so that the speaker sees that she is heard
 * (first: nothing is shown yet). */
int asr_show(const struct asr_guess *now, int n, const struct asr_guess *prev, int n_prev,
             int settled, int content, bool first);

#endif
