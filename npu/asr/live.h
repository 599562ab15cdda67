/* Live text from a growing utterance: words appear, settle, and never change once settled
 * (dictation.md 3.7).  Owned by the engine thread.
 *
 * The caller feeds mel windows and voice activity; live.c decides when a pass pays, runs it, and
 * reports words.  A pass encodes the utterance at a rung of the context ladder, decodes after the
 * settled tokens, and splits the words by where the alignment heads look. */
#ifndef ASR_LIVE_H
#define ASR_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/engine.h"
#include "npu/asr/tok.h"
#include "npu/asr/transcribe.h"

enum { ASR_WORD_BYTES = 64 };

struct asr_word {
    char text[ASR_WORD_BYTES]; /* UTF-8 without the leading space, zero-terminated, never cut inside
                                  a character; longer words go on in the next entry with glue set */
    float t0, t1;              /* seconds from the start of the stream */
    float p;                   /* lowest token probability of the word */
    bool settled;
    bool glue; /* follows the previous word without a space */
    /* For who shows words; live leaves them false. */
    bool doubt; /* may well be another word */
    bool lost;  /* no word: a mark that sound is missing here */
    /* Since when it stands there, and is settled: seconds on the clock of whoever shows words; NAN:
     * not yet.  Live leaves them 0. */
    float shown_s, settled_s;
};

/* Which guard held a text back. */
enum asr_guard {
    ASR_GUARD_SILENCE, /* the model itself takes the sound for silence */
    ASR_GUARD_VOICE,   /* nobody speaks where it stands */
    ASR_GUARD_LOOP,    /* the text goes in circles */
};

/* Text that was decoded and is not shown: for the bin, from which it can be brought back. */
struct asr_held {
    uint32_t utt; /* of this utterance */
    enum asr_guard why;
    double t0, t1;    /* seconds from the start of the stream */
    const char *text; /* UTF-8, zero-terminated; valid during the call */
    float p;          /* mean probability of its tokens */
};

struct asr_utt {
    uint32_t id;                 /* grows with every utterance */
    double t0, t1;               /* seconds from the start of the stream: sound covered */
    const struct asr_word *word; /* settled ones first; owned by live */
    int n_word, n_settled;
    bool final;    /* nothing of this utterance will change any more */
    int pass;      /* passes made for it */
    float pass_ms; /* of the last one */
    double voice0; /* seconds: where its voice begins, as voice activity has it */
    double heard;  /* seconds of the stream looked at when this was decided: at `final` that is the
                      end-point.  More than t1 where long speech was cut in its quietest place */
    bool passed;   /* a pass ran for this; false: what an earlier one said was taken as it stood */
};

/* What a pass had to work out: enough to charge for it without a clock. */
struct asr_live_work {
    int ctx;   /* encoder positions */
    int batch; /* tokens of the batched decoder pass: prompt, settled ones, draft */
    int steps; /* decoder passes of one token */
};

enum asr_settle_by {
    ASR_SETTLE_AGREE, /* two passes say the same word and the same one before it */
    ASR_SETTLE_ALIGN, /* the decoder looked well before the end of the sound for it */
    ASR_SETTLE_EITHER,
    ASR_SETTLE_BOTH, /* agreement and alignment; agreement alone where attention says nothing */
};

struct asr_live_opts {
    struct asr_params params;
    double hop_min_s, hop_max_s; /* new sound between passes; 0.4 and 2.0 */
    double max_utt_s;            /* forced cut; 25 */
    bool deterministic;          /* passes after every hop of sound, however much more is there: the
                                    same words on every machine (tests, replays as fast as
                                    possible).  The hop is hop_min_s, or what `cost` says */
    int settle;                  /* enum asr_settle_by; what makes a word settled */
    /* Seconds that a pass is taken to last, instead of those measured: hops then depend on nothing
     * but the sound (simulated time).  NULL: measure. */
    double (*cost)(void *user, const struct asr_live_work *w);
    void *cost_user;
};
struct asr_live_opts asr_live_opts_default(void);

struct asr_live;

int asr_live_new(struct asr_live **l, struct asr_engine *eng, const struct asr_tok *tok,
                 const struct asr_live_opts *o, struct err *e);
void asr_live_free(struct asr_live *l);

/* Where mel comes from: frames [first, first + n) of the stream (10 ms each), normalised over the
 * range [norm0, norm1), rows past norm1 being the floor; out [n][n_mels]. */
typedef void (*asr_mel_fn)(void *user, int64_t first, int n, int64_t norm0, int64_t norm1,
                           float *out);

/* Called when words changed or an utterance ended; runs on the caller's thread, inside step. */
typedef void (*asr_utt_fn)(void *user, const struct asr_utt *u);

/* One turn.  have: mel frames available so far; voiced: voice activity per mel frame is read
 * through voice(user, frame) for frames below `have`; end: the stream is over (or paused): finish
 * all. keep (out): the oldest mel frame still needed.  Runs at most one pass; returns 1 when a pass
 * ran and another may be due, 0 when it waits for sound, -ERR. */
struct asr_live_io {
    void *user;
    asr_mel_fn mel;
    bool (*voice)(void *user, int64_t frame);
    asr_utt_fn utt;
    /* A text was held back for good (once for each, when its utterance ends).  NULL: nobody asks.
     */
    void (*held)(void *user, const struct asr_held *h);
    double behind_s; /* sound that waits outside, beyond `have`: the more, the fewer the passes */
};
/* Frames looked at so far: what lies between them and `have` waits inside. */
int64_t asr_live_frame(const struct asr_live *l);
int asr_live_step(struct asr_live *l, const struct asr_live_io *io, int64_t have, bool end,
                  int64_t *keep, struct err *e);

#endif
