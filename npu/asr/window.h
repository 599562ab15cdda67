/* One window of sound, decoded once: tokens under Whisper's rules, and what came of it
 * (dictation.md 4.4).  Inside npu/asr only; engine thread. */
#ifndef ASR_WINDOW_H
#define ASR_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/align.h"
#include "npu/asr/engine.h"
#include "npu/asr/pick.h"
#include "npu/asr/tok.h"
#include "npu/asr/transcribe.h"

enum {
    ASR_MAX_STEPS = 220,  /* n_text_ctx / 2 - 4 of every published model */
    ASR_MAX_PROMPT = 232, /* prev, 223 tokens, sot, language, task, no time stamps */
    ASR_WINDOW = 3000,    /* mel frames of a full window */
    ASR_TAIL = 10,        /* mel frames before the end where the loop ends: 100 ms */
};

/* Tokens that go on instead of those picked: what the picker would have said is still recorded. */
struct asr_feed {
    const int32_t *id;
    int n, at;
};

/* What a decode works with; everything is borrowed. */
struct asr_desk {
    struct asr_engine *eng;
    const struct asr_tok *tok;
    struct asr_picker *picker;
    struct asr_align *align;   /* may be NULL */
    const atomic_bool *cancel; /* may be NULL */
    bool guard;                /* stop at repetitions */
    struct asr_feed *feed;     /* may be NULL */
};

struct asr_try {
    int n, kept; /* tokens sampled; of them up to where the text is sure (result_len) */
    int deliver; /* tokens that the window gives out: all when it failed */
    int advance; /* seek_delta, mel frames */
    bool failed, completed, looped, cancelled;
    double avg_logp; /* over kept tokens, or over all when none are kept */
    double entropy;  /* of the last 32 kept tokens */
    float nosp;
    struct asr_token tok[ASR_MAX_STEPS];
    struct asr_pick pick[ASR_MAX_STEPS];
    int32_t id[ASR_MAX_STEPS];
};

/* prompt: n tokens that end with sot [language task] [no time stamps]; sot: where sot stands.
 * seek, end: mel frames of the window's start and the sound's end. */
int asr_window_decode(const struct asr_desk *d, const struct asr_rules *rules,
                      const int32_t *prompt, int n, int sot, int seek, int end, struct asr_try *t,
                      struct err *e);

/* Index of the likeliest language that has a token, from the logits of start-of-transcript. */
int asr_language_of(const struct asr_tok *tok, struct asr_row row);

/* asr_transcribe with n tokens of another run in place of its own, window after window. */
int asr_transcribe_fed(struct asr_engine *eng, const struct asr_tok *tok,
                       const struct asr_params *p, const float *mel, int n_frames, int frames,
                       const struct asr_sink *sink, const int32_t *id, int n, struct err *e);

/* Length of the repetition that ids end with: period p <= 6, often enough that nobody says it
 * (12 tokens, and 3 times at least).  Returns the number of tokens to take off so that one round
 * stays, 0 when there is no such tail.  Pure. */
int asr_tail_repeat(const int32_t *id, int n);

/* Entropy of the last 32 of n tokens, natural logarithm.  Pure. */
double asr_tail_entropy(const int32_t *id, int n);

#endif
