/* Streaming log-mel spectrogram, as Whisper computes it.
 *
 * 16 kHz mono in; one frame of `bands` values each 160 samples, from a window of 400 samples
 * (periodic Hann) centred on sample 160 * frame.  Raw frames hold log10(max(power, 1e-10));
 * mel_window() normalises them: max(x, max - 8), then (x + 4) / 4.
 * The result does not depend on how the samples were cut into pushes, bit for bit.
 *
 * Threads: a struct mel belongs to one thread; several may live in several threads. */
#ifndef AUDIO_MEL_H
#define AUDIO_MEL_H

#include <stdint.h>

#include "app/base/err.h"

enum {
    MEL_HOP = 160,            /* samples per frame */
    MEL_WIN = 400,            /* samples per window, length of the FFT */
    MEL_BINS = 201,           /* MEL_WIN / 2 + 1 */
    MEL_MAX_BANDS = 256,      /* more are refused */
    MEL_PAD_SAMPLES = 480000, /* 30 s of silence that whisper appends to a clip */
};

struct mel;

/* filters: [bands][MEL_BINS], as in the model file; copied.  Rows that hold NaN or infinity are
 * refused.  0, -ERR_MODEL or -ERR_MEM. */
int mel_new(struct mel **out, int bands, const float *filters, struct err *e);
void mel_free(struct mel *m); /* NULL is fine */

/* Slaney filters for bands (1..MEL_MAX_BANDS), 0..8000 Hz: w is [bands][MEL_BINS].  Equal to those
 * in Whisper model files within 1e-8. */
void mel_slaney(int bands, float *w);

int mel_bands(const struct mel *m);

/* Forgets everything: the next sample is sample 0 of a new clip.  Keeps its memory. */
void mel_reset(struct mel *m);

/* Adds samples.  0 or -ERR_MEM (then the samples are not taken).  After mel_finish: -ERR_FAIL. */
int mel_push(struct mel *m, const float *x, int64_t n);

/* The sound is over: the last frames are computed, with zeros to the right as whisper has it. */
int mel_finish(struct mel *m);

/* reset + push + finish. */
int mel_clip(struct mel *m, const float *x, int64_t n);

/* Samples pushed since reset. */
int64_t mel_samples(const struct mel *m);

/* Frames in store: [mel_first, mel_end).  mel_end counts from sample 0, also after mel_drop. */
int64_t mel_first(const struct mel *m);
int64_t mel_end(const struct mel *m);

/* Forgets frames below `before` (a later call may not name them). */
void mel_drop(struct mel *m, int64_t before);

/* One raw frame, [bands], or NULL when it is not in store.  Valid until the next push or drop. */
const float *mel_raw(const struct mel *m, int64_t frame);

/* Largest raw value in [first, end), only frames in store; -10 (the floor) when there is none.
 * Cheap: the maximum of every frame is kept. */
float mel_max(const struct mel *m, int64_t first, int64_t end);

/* out[n][bands]: frames [first, first + n), normalised against max (see mel_max).
 *   in store:               max(x, max - 8), (x + 4) / 4
 *   not in store:           silence (-10) treated the same
 *   frame >= n_frames:      0.0
 * For a whole clip max is mel_max(m, 0, mel_end) and n_frames is mel_clip_frames(samples).  For an
 * utterance both are the caller's choice (INT64_MAX: silence to the end of the window). */
void mel_window(const struct mel *m, int64_t first, int n, int64_t n_frames, float max, float *out);

/* Frames of a clip with its 30 s of padding: (samples + 480000) / 160. */
int64_t mel_clip_frames(int64_t samples);
/* Frames of the sound itself, whisper's n_len_org: 1 + (samples + 200 - 400) / 160. */
int64_t mel_sound_frames(int64_t samples);

#endif
