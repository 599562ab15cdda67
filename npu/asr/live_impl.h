/* Inside of live recognition: what live.c (when) and live_pass.c (what) share.  Engine thread. */
#ifndef ASR_LIVE_IMPL_H
#define ASR_LIVE_IMPL_H

#include "npu/asr/align.h"
#include "npu/asr/endpoint.h"
#include "npu/asr/live.h"
#include "npu/asr/pick.h"
#include "npu/asr/settle.h"
#include "npu/asr/word.h"

enum {
    LIVE_TOKENS = 220, /* of an utterance: half of the decoder's positions */
    LIVE_WORDS = 256,  /* entries of an utterance */
    LIVE_CONTEXT = 32, /* tokens of the utterance before */
    LIVE_PROMPT = 64,  /* tokens of the user's prompt, the last ones */
};

/* Tokens after the settled ones, as the last pass heard them. */
struct live_guess {
    int32_t id[LIVE_TOKENS];
    float logp[LIVE_TOKENS];
    int16_t frame[LIVE_TOKENS + 1]; /* 20 ms; of the end, too, where it came */
    float trust[LIVE_TOKENS + 1];
    int n;
    int cut;            /* of a loop: tokens that stand behind the n and do not count */
    bool ended, looped; /* end-of-text came; it went in circles and was cut */
    float nosp;         /* -1: not known */
};

struct asr_live {
    struct asr_engine *eng;
    const struct asr_tok *tok;
    const struct asr_special *sp;
    struct asr_live_opts o;
    struct asr_picker *picker;
    struct asr_align *align;
    float *mel;              /* [2 n_audio_ctx][n_mels] */
    int n_mels, most_frames; /* of a window: 2 n_audio_ctx */

    /* The stream. */
    struct asr_endpoint ep; /* ep.frame: frames looked at */
    int64_t from;           /* sound before this frame belongs to earlier utterances */
    double cost_s; /* of an encoder position of a pass, all else included: moving average */

    /* The utterance. */
    bool active, shown;
    uint32_t id;
    int64_t u0, passed; /* its first frame; up to where the last pass heard it */
    int pass;
    float pass_ms;
    struct asr_live_work work; /* of the last pass */
    uint64_t look;             /* of the words last shown */
    int32_t said[LIVE_TOKENS]; /* settled tokens */
    int n_said;
    int said_frame; /* frame (20 ms) of the last of them */
    struct live_guess guess;
    struct asr_guess prev[LIVE_WORDS];
    int n_prev;
    struct asr_word word[LIVE_WORDS];
    int n_word, n_settled;

    /* What conditions it. */
    int language;
    bool detect, detected;
    bool guard; /* the text went in circles: no earlier text conditions this utterance any more */
    int32_t prompt[LIVE_PROMPT], context[LIVE_CONTEXT];
    int n_prompt, n_context;
};

/* One pass over the utterance up to stream frame c1.  last: what it says is final. */
int live_pass(struct asr_live *l, const struct asr_live_io *io, int64_t c1, bool last,
              struct err *e);
/* Encoder positions for a pass over content of them. */
int live_ctx(const struct asr_live *l, int content);

/* live_words.c: frame and trust of every token of the guess, out of the attention of content
 * frames. */
void live_find_frames(struct asr_live *l, int content);
/* Cuts the guess where attention stops to advance over several words: a loop. */
void live_cut_stall(struct asr_live *l);
/* What of the guess settles and what is shown. */
void live_take_guess(struct asr_live *l, const struct asr_live_io *io, int content);
/* Takes the guess as it is for the final text, without another pass; what guards hold back is told.
 */
void live_accept(struct asr_live *l, const struct asr_live_io *io);
/* Begins an utterance with no words. */
void live_forget(struct asr_live *l);

#endif
