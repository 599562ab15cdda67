/* Slaney mel filters, as librosa makes them and Whisper model files carry them.  Any thread; pure.
 *
 * Mel scale: linear to 1000 Hz (66.67 Hz a mel), logarithmic above (27 mels for a factor 6.4);
 * triangles of equal area (2 / width in Hz). */
#include <math.h>

#include "audio/mel.h"

static const double HZ_PER_MEL = 200.0 / 3, KNEE_HZ = 1000.0, KNEE_MEL = 15.0;

static double log_step(void)
{
    return log(6.4) / 27.0;
}

static double to_mel(double hz)
{
    return hz < KNEE_HZ ? hz / HZ_PER_MEL : KNEE_MEL + log(hz / KNEE_HZ) / log_step();
}

static double to_hz(double mel)
{
    return mel < KNEE_MEL ? mel * HZ_PER_MEL : KNEE_HZ * exp(log_step() * (mel - KNEE_MEL));
}

void mel_slaney(int bands, float *w)
{
    double top = to_mel(8000.0);
    for (int b = 0; b < bands; b++) {
        double lo = to_hz(top * b / (bands + 1));
        double mid = to_hz(top * (b + 1) / (bands + 1));
        double hi = to_hz(top * (b + 2) / (bands + 1));
        for (int k = 0; k < MEL_BINS; k++) {
            double hz = 16000.0 * k / MEL_WIN;
            double up = (hz - lo) / (mid - lo), down = (hi - hz) / (hi - mid);
            double v = up < down ? up : down;
            w[b * MEL_BINS + k] = v > 0 ? (float)(v * 2 / (hi - lo)) : 0.0f;
        }
    }
}
