/* Inside of audio: FFTW plans.  FFTW's planner is not thread-safe, its execution is; one lock
 * stands around the planner, for the whole program as long as only this file plans. */
#ifndef AUDIO_FFT_H
#define AUDIO_FFT_H

#include <fftw3.h>

/* A transform of n reals to n / 2 + 1 bins.  in and out come from fftwf_malloc and are what the
 * plan is executed on.  Estimated, not measured: a measured plan differs from run to run in its
 * last bits.  NULL when there is no memory. */
fftwf_plan fft_plan(int n, float *in, fftwf_complex *out);
void fft_plan_free(fftwf_plan p); /* NULL is fine */

#endif
