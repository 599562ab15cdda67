/* A whole sound as 16 kHz mono floats.  For scores, dumps and benches; transcription of files reads
 * in pieces instead (offline.c). */
#ifndef APP_SOUND_H
#define APP_SOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "app/args.h"
#include "app/base/err.h"
#include "app/mic.h"
#include "audio/src.h"

/* Reads all of a sound file.  *x is malloc'd (free it), *n samples; an empty sound gives *n 0 and
 * a pointer that may be freed.  max_s: refuse more seconds than this (0: 4 h).
 * -ERR_SOUND, -ERR_MEM. */
int sound_read(const char *path, double max_s, float **x, int64_t *n, struct err *e);

/* Whether the command line wants a microphone: no FILE, or one that a fault's microphone hears. */
bool sound_is_mic(const struct args *a);
/* Opens the FILE that the command line names, or "-". */
int sound_open(struct audio_src **src, const struct args *a, struct err *e);
/* The microphone that it names; not opened yet.  screen: simulated ones go in real time. */
int sound_mic(struct mic **m, const struct args *a, bool screen, struct err *e);

/* Invented speech-like sound for benches: voiced syllables and pauses, always the same.
 * x[n] is filled. */
void sound_synth(float *x, int64_t n);

#endif
