/* Voice activity: is somebody speaking, and has the utterance ended?
 *
 * 16 kHz mono in, one verdict each 32 ms.  How far 16 bands stand above their own noise
 * floors now and lately, how much they move, and the pitch go into a net of 13,400 weights that says
 * whether a frame is voiced; counters with hysteresis make speech out of voiced frames.  Pre-roll
 * is the consumer's: keep 500 ms before `speech_start`.
 *
 * Threads: a struct vad belongs to one thread.  Nothing allocates after vad_new. */
#ifndef AUDIO_VAD_H
#define AUDIO_VAD_H

#include <stdint.h>

#include "app/base/err.h"

enum { VAD_FRAME = 512 }; /* samples per verdict: 32 ms */

struct vad;

struct vad_conf {
    float enter;  /* a frame at or above this score counts as voiced outside speech: 0.85 */
    float leave;  /* below this score a frame counts as silence inside speech: 0.35 */
    int enter_of; /* of the last 4 frames, this many voiced ones begin speech: 3 */
    int soft_ms;  /* silence after which the end is likely: 400 */
    int hard_ms;  /* silence after which the utterance is over: 700 */
};

/* The verdict on one frame. */
struct vad_out {
    int64_t end;          /* sample index just behind this frame, since reset */
    float score;          /* 0..1, how much it sounds like speech */
    float level_db;       /* RMS of the frame, dBFS, -120 for digital silence */
    float floor_db;       /* adaptive noise floor, dBFS */
    uint8_t voiced;       /* this frame, by itself */
    uint8_t speech;       /* inside an utterance (from 3 of 4 voiced until hard_ms of silence) */
    uint8_t started;      /* 1 on the frame at which speech became 1 */
    uint8_t soft_end;     /* 1 on the frame at which silence_ms reached soft_ms inside speech */
    uint8_t hard_end;     /* 1 on the frame at which speech became 0 */
    int silence_ms;       /* since the last voiced frame; grows without end outside speech */
    int speech_ms;        /* of voiced frames since speech_start, 0 outside */
    int64_t speech_start; /* sample at which the first voiced frame of this utterance began */
    int64_t voiced_end;   /* sample just behind the last voiced frame */
};

struct vad_conf vad_defaults(void);

/* conf NULL: defaults.  0 or -ERR_MEM. */
int vad_new(struct vad **out, const struct vad_conf *conf, struct err *e);
void vad_free(struct vad *v); /* NULL is fine */

/* Sample 0 again; the noise floor is learned anew. */
void vad_reset(struct vad *v);

/* Ends the present utterance at once (push-to-talk, length cap), keeping the noise floor. */
void vad_cut(struct vad *v);

/* Takes up to n samples, at most to the end of the frame under way; returns how many.  *fresh is 1
 * and *out is filled when a frame was completed.  Loop:
 *     while (n > 0) { int k = vad_push(v, x, n, &out, &fresh); x += k; n -= k; if (fresh) ... } */
int vad_push(struct vad *v, const float *x, int n, struct vad_out *out, int *fresh);

/* Two of them may be changed at any time by the owner (1000 ms after a comma, 500 after a stop). */
void vad_set_ends(struct vad *v, int soft_ms, int hard_ms);

#endif
