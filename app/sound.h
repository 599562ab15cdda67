/* A whole sound as 16 kHz mono floats.  For scores, dumps and benches; transcription of files reads
 * in pieces instead (offline.c). */
#ifndef APP_SOUND_H
#define APP_SOUND_H

#include <stdint.h>

#include "app/args.h"
#include "app/base/err.h"
#include "audio/src.h"

/* Reads all of a sound file.  *x is malloc'd (free it), *n samples; an empty sound gives *n 0 and
 * a pointer that may be freed.  max_s: refuse more seconds than this (0: 4 h).
 * -ERR_SOUND, -ERR_MEM. */
int sound_read(const char *path, double max_s, float **x, int64_t *n, struct err *e);

/* Opens what the command line names: a file, "-" or the microphone. */
int sound_open(struct audio_src **src, const struct args *a, struct err *e);
/* The microphone of a->mic.  -ERR_MIC. */
int sound_open_mic(struct audio_src **src, const struct args *a, struct err *e);

/* Invented speech-like sound for benches: voiced syllables and pauses, always the same.
 * x[n] is filled. */
void sound_synth(float *x, int64_t n);

#endif
