/* What is wrong with how it sounds, for people: states with hysteresis over the levels.
 *
 * The capture thread feeds it every 100 ms; the caller places the struct; nothing allocates. */
#ifndef AUDIO_HINT_H
#define AUDIO_HINT_H

#include "audio/level.h"

enum hint_bit {
    HINT_ZERO = 1,    /* nothing but zeros for 2 s: switched off in the mixer? */
    HINT_SILENT = 2,  /* no sample above -80 dBFS for 20 s: muted? */
    HINT_CLIP = 4,    /* 0.1 % of the last 3 s at full scale: lower the gain */
    HINT_NOISE = 8,   /* never quieter than -40 dBFS for 6 s: noisy place, or automatic gain */
    HINT_DEAD = 16,   /* a channel gives nothing and is left out */
    HINT_BEHIND = 32, /* more than 5 s wait to be read */
};

struct hint {
    unsigned now;  /* enum hint_bit, or-ed */
    float zero_s;  /* seconds of zeros */
    float sound_s; /* seconds without */
    float clear_s; /* seconds without a clipped sample */
    float clipped; /* share of clipped samples, smoothed over 3 s */
    float heard_s; /* seconds in all, at most an hour */
};

void hint_init(struct hint *h);

/* One block of 100 ms: its levels, peak 0..1, share of clipped samples, channels left out, seconds
 * of sound waiting.  Returns 1 when h->now changed. */
int hint_block(struct hint *h, const struct level_now *l, float peak, float clipped, int dead,
               double waiting_s);

#endif
