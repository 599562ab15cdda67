/* Choosing tokens: Whisper's logit rules in whisper.cpp's order (dictation.md 4.3).  Pure
 * functions. */
#ifndef ASR_PICK_H
#define ASR_PICK_H

#include <stdbool.h>
#include <stdint.h>

#include "npu/asr/engine.h"
#include "npu/asr/tok.h"

struct asr_rules {
    bool no_timestamps;
    bool suppress_blank;   /* first position: no end-of-text, no single space */
    bool suppress_nst;     /* also suppress non-speech symbols; off by default as in whisper.cpp */
    float temperature;     /* 0: greedy */
    int max_initial_index; /* first stamp at most this many 20 ms steps; 50 */
};

struct asr_pick {
    int32_t id, second; /* best and second best under the rules; second -1 when there is none */
    int32_t stamp;      /* best time stamp that the rules allow, -1: none */
    float logp;      /* log-probability of id after the filters (not renormalised), at temperature
                          1 whatever the rules' is */
    float margin;    /* best minus second logit; 99 when there is no second */
    float ts_margin; /* log of the stamps' summed probability minus the best other one; -99 when
                        no stamp is allowed */
};

struct asr_picker; /* scratch for one vocabulary: [n_vocab] floats, random state */

struct asr_picker *asr_picker_new(const struct asr_tok *tok, uint64_t seed);
void asr_picker_free(struct asr_picker *p);
/* Restarts the random state: done per window, so that a window does not depend on earlier ones. */
void asr_picker_seed(struct asr_picker *p, uint64_t seed);

/* Applies the rules to a row of logits [n_vocab] given the tokens sampled so far in this window
 * (n of them), has_ts and seek_delta as the window loop keeps them, and picks. */
struct asr_pick asr_picker_step(struct asr_picker *p, const struct asr_rules *rules,
                                struct asr_row row, const int32_t *tokens, int n, bool has_ts,
                                int seek_delta);

/* Probability of the no-speech token: softmax of the unfiltered logits of the start-of-transcript
 * row; 0 when the vocabulary has none. */
float asr_nospeech(const struct asr_tok *tok, struct asr_row row);

#endif
