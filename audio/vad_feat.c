/* Measurements of the voice detector, see vad_feat.h.  The owner's thread; allocates in
 * vad_feat_new only.  About 6 us a frame.
 *
 * Each band is compared with its own noise floor, the minimum of the smoothed band over 3 s, so
 * that speech from the first sample on does not teach it wrongly.  The inputs of the net: 0..15
 * rise of each band above its floor, -5..25 dB, in units of 10 dB 16..31  the same, smoothed over
 * 110 ms      32..47  over 500 ms 48..63  how much each changes from frame to frame, over 300 ms
 * (speech has syllables) 64..66  height of the autocorrelation at 70..400 Hz, noise removed: now,
 * 110 ms, 500 ms 67, 68  the pitch itself (octaves above 150 Hz, up to 1 kHz) and how much it jumps
 *   69, 70  tilt: below 2 kHz against all, now and over 500 ms
 *   71      mean rise
 *   72..    rises and pitch of 8 earlier frames, each two before the other: half a second, in which
 *           a tick is one frame and a syllable five */
#include "audio/vad_feat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/fft.h"

enum {
    WIN = VAD_WIN,
    FFT = 1024,
    BINS = FFT / 2 + 1,
    BANDS = VAD_BANDS,
    BASE = 72,     /* inputs of the frame itself */
    PARTS = 8,     /* the floor is the minimum of so many parts ... */
    PART_LEN = 12, /* ... of so many frames: 3.1 s in all */
    LAG_TOP = 16,  /* 1 kHz: where a pitch is looked for */
    LAG_LO = 40,   /* 400 Hz: what counts as a voice's */
    LAG_HI = 228,  /* 70 Hz */
};

/* Edges of the bands, FFT bins (15.6 Hz each): 100 Hz to 5.5 kHz, about a quarter octave wide above
 * 1 kHz, never less than 5 bins below. */
static const int edge[BANDS + 1] = {6,  11, 16,  22,  28,  35,  43,  52, 63,
                                    76, 92, 111, 134, 163, 200, 260, 352};

/* Bands below this are taken for this: -78 dBFS in all, so that dither and hiss of a muted
 * microphone are no rise. */
static const float QUIET = 1.5e-8f;
static const float SMOOTH = 0.75f; /* of the bands, per frame: time constant 110 ms */
static const float BIAS_DB = 2.6f; /* by which such a minimum lies below the mean of steady noise */
static const float FAST = 0.25f, SLOW = 0.06f, CHANGE = 0.1f; /* of the inputs, per frame */
static const float MIDDLE_HZ = 150;

struct vad_feat {
    fftwf_plan plan;
    float *in;
    fftwf_complex *out;
    float hann[WIN], hann_corr[LAG_HI + 2];
    float power[BINS];
    float smooth[BANDS], part[PARTS][BANDS], noise[BANDS];
    int part_n, part_at, frames;
    float rise[BANDS], fast[BANDS], slow[BANDS], change[BANDS];
    float pitch_fast, pitch_slow, octave, jump, tilt_slow;
    float past[VAD_PAST * VAD_STEP][VAD_SEEN]; /* ring */
    int past_at;
};

static float db(float power)
{
    return power > 1e-12f ? 10 * log10f(power) : -120.0f;
}

static void transform(struct vad_feat *v, const float *hist)
{
    memset(v->in, 0, FFT * sizeof *v->in);
    for (int i = 0; i < WIN; i++) {
        v->in[i] = hist[i] * v->hann[i];
    }
    fftwf_execute(v->plan);
    for (int k = 0; k < BINS; k++) {
        v->power[k] = v->out[k][0] * v->out[k][0] + v->out[k][1] * v->out[k][1];
    }
}

/* Band powers, as mean squares of the samples. */
static void bands(const struct vad_feat *v, float *band)
{
    /* sum of hann^2 is 3/8 WIN; two sides of the spectrum; Parseval. */
    const float scale = 2.0f / ((float)FFT * 0.375f * (float)WIN);
    for (int b = 0; b < BANDS; b++) {
        float sum = 0;
        for (int k = edge[b]; k < edge[b + 1]; k++) {
            sum += v->power[k];
        }
        band[b] = sum * scale;
    }
}

/* Minimum statistics: smooth, keep the minimum of each part, take the least of the parts. */
static void learn(struct vad_feat *v, const float *band)
{
    int fresh = v->frames == 0;
    for (int b = 0; b < BANDS; b++) {
        float *p = &v->part[v->part_at][b];
        v->smooth[b] = fresh ? band[b] : SMOOTH * v->smooth[b] + (1 - SMOOTH) * band[b];
        *p = v->part_n == 0 || v->smooth[b] < *p ? v->smooth[b] : *p;
        float low = *p;
        int have = v->frames / PART_LEN < PARTS - 1 ? v->frames / PART_LEN : PARTS - 1;
        for (int i = 1; i <= have; i++) {
            float q = v->part[(v->part_at + PARTS - i) % PARTS][b];
            low = q < low ? q : low;
        }
        v->noise[b] = low;
    }
    v->frames++;
    if (++v->part_n == PART_LEN) {
        v->part_n = 0;
        v->part_at = (v->part_at + 1) % PARTS;
    }
}

/* Height of the autocorrelation's peak at a pitch of 70..400 Hz, of what stands above the noise in
 * 100..3000 Hz; 1 for a perfect period.  *hz: the pitch, up to 1 kHz, 0: none. */
static float pitch(struct vad_feat *v, float *hz)
{
    float r[LAG_HI + 2], top = 0, best = 0;
    memset(v->in, 0, FFT * sizeof *v->in);
    for (int b = 0; b < BANDS - 2; b++) {
        float n = v->noise[b] * 1.5f + QUIET;
        const float scale = (float)FFT * 0.375f * (float)WIN / 2 / (float)(edge[b + 1] - edge[b]);
        for (int k = edge[b]; k < edge[b + 1]; k++) {
            float p = v->power[k] - n * scale;
            v->in[k] = v->in[FFT - k] = p > 0 ? p : 0;
        }
    }
    fftwf_execute(v->plan);
    *hz = 0;
    if (v->out[0][0] < 1e-9f) {
        return 0;
    }
    for (int lag = LAG_TOP - 1; lag <= LAG_HI + 1; lag++) {
        r[lag] = v->out[lag][0];
    }
    for (int pass = 0; pass < 2; pass++) { /* the highest, then the first nearly as high */
        for (int lag = LAG_TOP; lag <= LAG_HI; lag++) {
            float h = r[lag] / (v->out[0][0] * v->hann_corr[lag]);
            int peak = r[lag] >= r[lag - 1] && r[lag] >= r[lag + 1];
            if (!peak) {
                continue;
            }
            if (pass == 0) {
                top = h > top ? h : top;
                best = lag >= LAG_LO && h > best ? h : best;
            } else if (h > 0.85f * top) {
                *hz = 16000.0f / (float)lag;
                break;
            }
        }
    }
    return best > 1 ? 1 : best;
}

/* Below 2 kHz against all, -1 (hiss) .. 1 (vowel), of what stands above the noise. */
static float tilt(const struct vad_feat *v, const float *band)
{
    float low = 0, high = 0;
    for (int b = 0; b < BANDS; b++) {
        float p = band[b] - v->noise[b] * 1.5f;
        p = p > 0 ? p : 0;
        if (b < 12) {
            low += p;
        } else {
            high += p;
        }
    }
    return low + high > 0 ? (low - high) / (low + high + QUIET) : 0;
}

/* Rises, their averages and changes; gives the mean rise. */
static float rises(struct vad_feat *v, const float *band, float *in)
{
    float sum = 0;
    for (int b = 0; b < BANDS; b++) {
        float r = db(band[b] + QUIET) - db(v->noise[b] + QUIET) - BIAS_DB;
        sum += r < 0 ? 0 : r > 20 ? 20 : r;
        r = (r < -5 ? -5 : r > 25 ? 25 : r) * 0.1f;
        v->change[b] += CHANGE * (fabsf(r - v->rise[b]) - v->change[b]);
        v->rise[b] = r;
        v->fast[b] += FAST * (r - v->fast[b]);
        v->slow[b] += SLOW * (r - v->slow[b]);
        in[b] = r;
        in[BANDS + b] = v->fast[b];
        in[2 * BANDS + b] = v->slow[b];
        in[3 * BANDS + b] = v->change[b] * 2;
    }
    return sum / BANDS;
}

static void voice(struct vad_feat *v, float p, float hz, float t, float *in)
{
    v->pitch_fast += FAST * (p - v->pitch_fast);
    v->pitch_slow += SLOW * (p - v->pitch_slow);
    v->tilt_slow += SLOW * (t - v->tilt_slow);
    if (p > 0.4f && hz > 0) {
        float o = log2f(hz / MIDDLE_HZ), d = fabsf(o - v->octave);
        v->jump += CHANGE * ((d < 1 ? d : 1) - v->jump);
        v->octave = o;
    }
    in[0] = p;
    in[1] = v->pitch_fast;
    in[2] = v->pitch_slow;
    in[3] = p > 0.4f ? v->octave : 0;
    in[4] = v->jump;
    in[5] = t;
    in[6] = v->tilt_slow;
}

static float floor_now(const struct vad_feat *v)
{
    float sum = 0;
    for (int b = 0; b < BANDS; b++) {
        sum += v->noise[b];
    }
    return sum > 1e-12f ? db(sum) + BIAS_DB : -120.0f;
}

/* Hands out what earlier frames were, then keeps this one. */
static void remember(struct vad_feat *v, float *in)
{
    const int n = VAD_PAST * VAD_STEP;
    for (int i = 0; i < VAD_PAST; i++) {
        const float *old = v->past[(v->past_at + n - (i + 1) * VAD_STEP) % n];
        memcpy(in + BASE + i * VAD_SEEN, old, VAD_SEEN * sizeof *old);
    }
    memcpy(v->past[v->past_at], in, BANDS * sizeof *in);
    v->past[v->past_at][BANDS] = in[4 * BANDS];
    v->past_at = (v->past_at + 1) % n;
}

void vad_feat_frame(struct vad_feat *v, const float *hist, struct vad_measure *m)
{
    float band[BANDS], hz = 0, p = 0;
    transform(v, hist);
    bands(v, band);
    learn(v, band);
    m->rise_db = rises(v, band, m->in);
    if (m->rise_db > 0.5f) {
        p = pitch(v, &hz);
    }
    voice(v, p, hz, tilt(v, band), m->in + 4 * BANDS);
    m->in[BASE - 1] = m->rise_db * 0.1f;
    remember(v, m->in);
    m->floor_db = floor_now(v);
}

void vad_feat_reset(struct vad_feat *v)
{
    memset(v->rise, 0, sizeof v->rise);
    memset(v->fast, 0, sizeof v->fast);
    memset(v->slow, 0, sizeof v->slow);
    memset(v->change, 0, sizeof v->change);
    memset(v->past, 0, sizeof v->past);
    v->past_at = 0;
    v->pitch_fast = v->pitch_slow = v->octave = v->jump = v->tilt_slow = 0;
    v->part_n = v->part_at = v->frames = 0;
}

int vad_feat_new(struct vad_feat **out, struct err *e)
{
    struct vad_feat *v = calloc(1, sizeof *v);
    *out = NULL;
    if (v) {
        v->in = fftwf_malloc(FFT * sizeof *v->in);
        v->out = fftwf_malloc(BINS * sizeof *v->out);
        v->plan = v->in && v->out ? fft_plan(FFT, v->in, v->out) : NULL;
    }
    if (!v || !v->plan) {
        vad_feat_free(v);
        return err_set(e, ERR_MEM, "no memory for the voice detector");
    }
    for (int i = 0; i < WIN; i++) {
        v->hann[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / WIN));
    }
    for (int lag = 0; lag <= LAG_HI + 1; lag++) {
        double r = 0, r0 = 0;
        for (int i = 0; i < WIN; i++) {
            r += i + lag < WIN ? (double)v->hann[i] * (double)v->hann[i + lag] : 0;
            r0 += (double)v->hann[i] * (double)v->hann[i];
        }
        v->hann_corr[lag] = (float)(r / r0);
    }
    vad_feat_reset(v);
    *out = v;
    return 0;
}

void vad_feat_free(struct vad_feat *v)
{
    if (v) {
        fft_plan_free(v->plan);
        fftwf_free(v->in);
        fftwf_free(v->out);
        free(v);
    }
}
