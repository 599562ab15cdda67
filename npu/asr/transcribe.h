/* A whole clip to text: the window loop of whisper.cpp (dictation.md 4.4), with one bounded retry.
 */
#ifndef ASR_TRANSCRIBE_H
#define ASR_TRANSCRIBE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/engine.h"
#include "npu/asr/pick.h"
#include "npu/asr/tok.h"

struct asr_params {
    int language; /* index (asr_lang_index), -1: detect; ignored by English-only models */
    bool translate;
    bool no_timestamps;
    int audio_ctx;   /* 0: as much as the sound needs, see asr_rung; 1500: always full windows */
    int max_context; /* tokens of earlier windows that condition the next: -1 all (223), 0 none */
    bool fallback;   /* temperature fallback: one retry */
    const char *prompt;   /* initial prompt, UTF-8, or NULL */
    float entropy_thold;  /* 2.4 */
    float logprob_thold;  /* -1.0 */
    float nospeech_thold; /* 0.6 */
};

/* Whisper's defaults: English, stamps, audio_ctx 0, all context, fallback on. */
struct asr_params asr_params_default(void);

/* Smallest rung of the context ladder {64, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1500}
 * that holds `positions`, at most n_audio_ctx. */
int asr_rung(const struct asr_engine *eng, int positions);

struct asr_token {
    int32_t id;
    float logp;
    float t0, t1; /* seconds in the clip, by cross-attention; t0 < 0: unknown */
};

struct asr_segment {
    int64_t t0, t1;              /* 10 ms units in the clip */
    const struct asr_token *tok; /* text tokens of the segment, no stamps */
    int n_tok;
    const char *text; /* UTF-8 as far as the model speaks it, zero-terminated */
    float nospeech, avg_logp;
};

/* What one window did, for --dump and the goldens. */
struct asr_window {
    int seek, n_sampled, n_kept, advance, status; /* status: 1 completed, 2 failed, 0 neither */
    int n_deliver, delta; /* tokens that segments were cut from, and the last stamp (seek_delta) */
    const struct asr_token *tok; /* all sampled */
    const struct asr_pick *pick;
};

struct asr_sink {
    void *user;
    void (*segment)(void *user, const struct asr_segment *s);
    void (*window)(void *user, const struct asr_window *w); /* may be NULL */
    void (*progress)(void *user, int done, int total);      /* mel frames; may be NULL */
    const atomic_bool *cancel;                              /* may be NULL */
};

/* mel: [n_frames][n_mels] normalised over the whole clip; frames: those of the sound itself (golden
 * README, trap 7).  Returns 0, or -ERR; a cancelled run returns 0 with what it had. */
int asr_transcribe(struct asr_engine *eng, const struct asr_tok *tok, const struct asr_params *p,
                   const float *mel, int n_frames, int frames, const struct asr_sink *sink,
                   struct err *e);

/* Language by the first window: prob and logit [100] (may be NULL), best index. */
int asr_detect_language(struct asr_engine *eng, const struct asr_tok *tok, const float *mel,
                        int n_frames, int audio_ctx, float *prob, float *logit, int *best,
                        struct err *e);

#endif
