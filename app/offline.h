/* Sound to text without a clock.
 *
 * Whisper models: the whole clip's mel, then the window loop of asr_transcribe.  After
 * OFFLINE_PIECE_S seconds a sound is cut at its quietest place in the last minute and the rest is
 * treated as a clip of its own, so memory stays bounded.  Models with a vocabulary of their own,
 * the bundled one among them, are trained on utterances: voice activity cuts the sound, and every
 * utterance is a clip.  (Measured with the bundled model on its samples: 43 % word errors instead
 * of 78 %; on 61 clips of read speech 89 % instead of 92 %.) */
#ifndef APP_OFFLINE_H
#define APP_OFFLINE_H

#include <stdatomic.h>
#include <stdint.h>

#include "app/base/err.h"
#include "app/out.h"
#include "app/setup.h"
#include "audio/src.h"
#include "npu/asr/live.h"
#include "npu/asr/transcribe.h"

enum { OFFLINE_PIECE_S = 1800 };

/* Words with the times that the model's attention gives them.  Zero it; free(word). */
struct offline_words {
    struct asr_word *word;
    size_t n, cap;
};

/* Text of a clip: samples at 16 kHz.  *text is
 * malloc'd UTF-8, segments joined with single spaces, no leading or trailing space, "" for silence.
 * words: added to, may be NULL.  -ERR_MODEL, -ERR_NPU, -ERR_MEM. */
int offline_text(struct app_setup *s, const float *samples, int64_t n, const struct asr_params *p,
                 char **text, struct offline_words *words, struct err *e);

/* What a run took. */
struct offline_stat {
    double audio_s, wall_s, cpu_s;
    double mel_s; /* of wall_s: reading, resampling and mel */
    int words, segments;
    const char *language; /* code, found or given; NULL: not known */
};

/* Reads the source to its end and hands segments to the output as they come.  Stops early, with
 * what it had, when *cancel becomes true (NULL: never).  -ERR_SOUND (after the text of what could
 * be read), -ERR_MEM, ... */
int offline_run(struct app_setup *s, struct audio_src *src, const struct asr_params *p,
                struct out *out, const atomic_bool *cancel, struct offline_stat *st, struct err *e);

#endif
