/* Any rate to 16 kHz, streaming (libsamplerate).  One thread. */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include "app/base/err.h"

struct resample;

/* rate_in and rate_out: 1000..384000.  better 0: for files, flat to 70 % of the lower Nyquist
 * frequency (-3 dB at 80 %); 1: for live sound, flat to 85 % at twice the time.  0 or -ERR_MEM /
 * -ERR_SOUND. */
int resample_new(struct resample **out, int rate_in, int rate_out, int better, struct err *e);
void resample_free(struct resample *r); /* NULL is fine */

/* As new: the next input does not follow what came before. */
void resample_reset(struct resample *r);

/* Consumes up to n_in (count in *used), writes up to n_out; returns the count written.  `end`: no
 * more input will come; call with n_in 0 until it returns 0.  Negative: -ERR_SOUND. */
int resample_run(struct resample *r, const float *in, int n_in, int *used, float *out, int n_out,
                 int end);

#endif
