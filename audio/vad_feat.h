/* Inside of audio: what the voice detector measures on a frame of 32 ms.
 *
 * A frame is the last 640 samples under a Hann window.  A struct vad_feat belongs to one thread;
 * nothing allocates after vad_feat_new. */
#ifndef AUDIO_VAD_FEAT_H
#define AUDIO_VAD_FEAT_H

#include "app/base/err.h"

enum {
    VAD_WIN = 640,  /* samples: 40 ms */
    VAD_BANDS = 16, /* 100 Hz to 5.5 kHz */
    VAD_PAST = 8,   /* earlier frames that the net sees too, each VAD_STEP before the last */
    VAD_STEP = 2,
    VAD_SEEN = 17,                         /* of each: the bands' rises and the pitch's height */
    VAD_INPUTS = 72 + VAD_PAST * VAD_SEEN, /* of the net: see vad_feat.c */
};

struct vad_feat;

struct vad_measure {
    float rise_db;  /* mean over the bands of how far they stand above their floors, 0..20 each */
    float floor_db; /* noise floor, dBFS, -120 for digital silence */
    float in[VAD_INPUTS];
};

int vad_feat_new(struct vad_feat **out, struct err *e);
void vad_feat_free(struct vad_feat *f); /* NULL is fine */
void vad_feat_reset(struct vad_feat *f);

/* hist: the last VAD_WIN samples. */
void vad_feat_frame(struct vad_feat *f, const float *hist, struct vad_measure *m);

/* vad_net.c: how much it sounds like speech, 0..1. */
float vad_net(const float *in);

#endif
