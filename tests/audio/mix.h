/* Speech in noise, for the training and the tests of the voice detector: silence, one clip,
 * silence; with noise under it all, so many dB below the speech. */
#ifndef TESTS_AUDIO_MIX_H
#define TESTS_AUDIO_MIX_H

#include <math.h>

#include "audio/vad.h"

/* RMS of the louder 32 ms: the level of speech itself, pauses left out. */
static inline double mix_active(const float *x, int n)
{
    double top = 0, sum = 0;
    long used = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i + VAD_FRAME <= n; i += VAD_FRAME) {
            double e = 0;
            for (int j = 0; j < VAD_FRAME; j++) {
                e += (double)x[i + j] * (double)x[i + j];
            }
            e /= VAD_FRAME;
            if (pass == 0) {
                top = e > top ? e : top;
            } else if (e > top * 0.003) {
                sum += e;
                used++;
            }
        }
    }
    return sqrt(sum / (double)(used ? used : 1)) + 1e-9;
}

struct mix {
    const float *x, *noise;
    int n, noise_n;
    int lead;     /* samples of silence before the clip; after it there is no end of it */
    int at;       /* where in the noise it begins */
    double level; /* of the speech, RMS */
    float k;      /* of the noise */
};

static inline struct mix mix_of(const float *x, int n, const float *noise, int noise_n, int lead,
                                int at, double snr_db)
{
    struct mix m = {x, noise, n, noise_n, lead, at, mix_active(x, n), 0};
    m.k = (float)(m.level / mix_active(noise, noise_n) * pow(10, -snr_db / 20));
    return m;
}

/* Samples from i on, VAD_FRAME of them, noise included; gives the power of the speech among them.
 */
static inline double mix_frame(const struct mix *m, int i, float *out)
{
    double power = 0;
    for (int j = 0; j < VAD_FRAME; j++) {
        int t = i + j - m->lead;
        float clean = t >= 0 && t < m->n ? m->x[t] : 0;
        power += (double)clean * (double)clean;
        out[j] = clean + m->k * m->noise[(m->at + i + j) % m->noise_n];
    }
    return power / VAD_FRAME;
}

#endif
