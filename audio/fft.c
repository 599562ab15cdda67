/* See fft.h.  Any thread; the lock is held while planning only. */
#include "audio/fft.h"

#include <pthread.h>

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

fftwf_plan fft_plan(int n, float *in, fftwf_complex *out)
{
    pthread_mutex_lock(&planner);
    fftwf_plan p = fftwf_plan_dft_r2c_1d(n, in, out, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    return p;
}

void fft_plan_free(fftwf_plan p)
{
    if (p) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(p);
        pthread_mutex_unlock(&planner);
    }
}
