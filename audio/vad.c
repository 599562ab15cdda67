/* Voice activity, see vad.h.  The owner's thread; allocates in vad_new only.  About 4 us a frame.
 *
 * A frame is the last 640 samples under a Hann window.  Three things are measured:
 *   rise      how far 16 bands (100..5500 Hz) stand above their own noise floors, mean of 0..20 dB
 *   pitch     height of the autocorrelation at 70..400 Hz, noise removed
 *   tilt      voiced speech has its energy below 2 kHz
 * The floors are minima of the smoothed bands over 3 s, so that speech from the first sample on
 * does not teach them wrongly. */
#include "audio/vad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/fft.h"

enum {
    WIN = 640, /* 40 ms */
    FFT = 1024,
    BINS = FFT / 2 + 1,
    BANDS = 16,
    PARTS = 8,     /* the floor is the minimum of so many parts ... */
    PART_LEN = 12, /* ... of so many frames: 3.1 s in all */
    LAG_LO = 40,   /* 400 Hz */
    LAG_HI = 228,  /* 70 Hz */
    LAST = 4,      /* verdicts that are counted for the beginning */
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

struct vad {
    struct vad_conf conf;
    fftwf_plan plan;
    float *in;
    fftwf_complex *out;
    float hann[WIN], hann_corr[LAG_HI + 1];
    float hist[WIN]; /* the last WIN samples */
    int fill;        /* samples of the frame under way */
    double sum2;     /* their energy */
    float power[BINS];
    float smooth[BANDS], part[PARTS][BANDS], noise[BANDS];
    int part_n, part_at, frames;
    int64_t samples;
    float score;
    uint8_t last[LAST];
    int last_at;
    struct vad_out now;
};

struct vad_conf vad_defaults(void)
{
    struct vad_conf c = {
        .enter = 0.5f, .leave = 0.35f, .enter_of = 3, .soft_ms = 400, .hard_ms = 700};
    return c;
}

static float db(float power)
{
    return power > 1e-12f ? 10 * log10f(power) : -120.0f;
}

static void transform(struct vad *v)
{
    memset(v->in, 0, FFT * sizeof *v->in);
    for (int i = 0; i < WIN; i++) {
        v->in[i] = v->hist[i] * v->hann[i];
    }
    fftwf_execute(v->plan);
    for (int k = 0; k < BINS; k++) {
        v->power[k] = v->out[k][0] * v->out[k][0] + v->out[k][1] * v->out[k][1];
    }
}

/* Band powers, as mean squares of the samples. */
static void bands(const struct vad *v, float *band)
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
static void learn(struct vad *v, const float *band)
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

static float rise(const struct vad *v, const float *band)
{
    float sum = 0;
    for (int b = 0; b < BANDS; b++) {
        float r = db(band[b] + QUIET) - db(v->noise[b] + QUIET) - BIAS_DB;
        sum += r < 0 ? 0 : r > 20 ? 20 : r;
    }
    return sum / BANDS;
}

/* Height of the autocorrelation's peak at a pitch of 70..400 Hz, of what stands above the noise in
 * 100..3000 Hz; 1 for a perfect period. */
static float pitch(struct vad *v)
{
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
    float r0 = v->out[0][0], best = 0;
    if (r0 < 1e-9f) {
        return 0;
    }
    for (int lag = LAG_LO; lag <= LAG_HI; lag++) {
        float r = v->out[lag][0] / (r0 * v->hann_corr[lag]);
        int top = v->out[lag][0] >= v->out[lag - 1][0] && v->out[lag][0] >= v->out[lag + 1][0];
        best = top && r > best ? r : best;
    }
    return best > 1 ? 1 : best;
}

/* Below 2 kHz against all, -1 (hiss) .. 1 (vowel), of what stands above the noise. */
static float tilt(const struct vad *v, const float *band)
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

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float judge(struct vad *v)
{
    float band[BANDS];
    transform(v);
    bands(v, band);
    learn(v, band);
    float r = rise(v, band), t = tilt(v, band), p = r > 0.5f ? pitch(v) : 0;
    float x = 0.75f * (r - 5.0f) + 4.0f * (p - 0.5f) + 0.7f * t;
    return sigmoid(x);
}

static float floor_now(const struct vad *v)
{
    float sum = 0, level;
    for (int b = 0; b < BANDS; b++) {
        sum += v->noise[b];
    }
    level = db(sum) + BIAS_DB;
    return sum > 1e-12f ? level : -120.0f;
}

static void begin(struct vad *v)
{
    struct vad_out *o = &v->now;
    int back = 0;
    for (int i = 0; i < LAST; i++) { /* the oldest voiced one of the last four */
        if (v->last[(v->last_at + i) % LAST]) {
            back = LAST - i;
            break;
        }
    }
    o->speech = o->started = 1;
    o->speech_ms = back * 32;
    o->speech_start = o->end - (int64_t)back * VAD_FRAME;
    o->speech_start = o->speech_start > 0 ? o->speech_start : 0;
}

/* Hysteresis over single verdicts. */
static void count(struct vad *v)
{
    struct vad_out *o = &v->now;
    int before = o->silence_ms, n = 0;
    o->started = o->soft_end = o->hard_end = 0;
    o->voiced = o->score >= (o->speech ? v->conf.leave : v->conf.enter);
    v->last[v->last_at] = o->voiced;
    v->last_at = (v->last_at + 1) % LAST;
    for (int i = 0; i < LAST; i++) {
        n += v->last[i];
    }
    if (o->voiced) {
        o->silence_ms = 0;
        o->voiced_end = o->end;
    } else if (o->silence_ms < INT32_MAX - 64) {
        o->silence_ms += 32;
    }
    if (!o->speech && n >= v->conf.enter_of) {
        begin(v);
    } else if (o->speech) {
        o->speech_ms += o->voiced ? 32 : 0;
        o->soft_end = before < v->conf.soft_ms && o->silence_ms >= v->conf.soft_ms;
        if (o->silence_ms >= v->conf.hard_ms) {
            o->hard_end = 1;
            o->speech = 0;
            memset(v->last, 0, sizeof v->last);
        }
    }
}

static void end_frame(struct vad *v, struct vad_out *out)
{
    struct vad_out *o = &v->now;
    o->end = v->samples;
    o->level_db = db((float)(v->sum2 / VAD_FRAME));
    o->score = judge(v);
    o->floor_db = floor_now(v);
    if (!o->speech) {
        o->speech_ms = 0;
    }
    count(v);
    v->fill = 0;
    v->sum2 = 0;
    *out = *o;
}

int vad_push(struct vad *v, const float *x, int n, struct vad_out *out, int *fresh)
{
    int k = n < VAD_FRAME - v->fill ? n : VAD_FRAME - v->fill;
    *fresh = 0;
    if (k <= 0) {
        return 0;
    }
    memmove(v->hist, v->hist + k, (size_t)(WIN - k) * sizeof *v->hist);
    for (int i = 0; i < k; i++) {
        v->hist[WIN - k + i] = x[i];
        v->sum2 += (double)x[i] * (double)x[i];
    }
    v->fill += k;
    v->samples += k;
    if (v->fill == VAD_FRAME) {
        end_frame(v, out);
        *fresh = 1;
    }
    return k;
}

void vad_reset(struct vad *v)
{
    memset(v->hist, 0, sizeof v->hist);
    memset(v->last, 0, sizeof v->last);
    memset(&v->now, 0, sizeof v->now);
    v->fill = v->part_n = v->part_at = v->frames = v->last_at = 0;
    v->samples = 0;
    v->sum2 = 0;
}

void vad_cut(struct vad *v)
{
    v->now.speech = 0;
    v->now.speech_ms = 0;
    memset(v->last, 0, sizeof v->last);
}

void vad_set_ends(struct vad *v, int soft_ms, int hard_ms)
{
    v->conf.soft_ms = soft_ms;
    v->conf.hard_ms = hard_ms;
}

int vad_new(struct vad **out, const struct vad_conf *conf, struct err *e)
{
    struct vad *v = calloc(1, sizeof *v);
    *out = NULL;
    if (v) {
        v->in = fftwf_malloc(FFT * sizeof *v->in);
        v->out = fftwf_malloc(BINS * sizeof *v->out);
        v->plan = v->in && v->out ? fft_plan(FFT, v->in, v->out) : NULL;
    }
    if (!v || !v->plan) {
        vad_free(v);
        return err_set(e, ERR_MEM, "no memory for the voice detector");
    }
    v->conf = conf ? *conf : vad_defaults();
    for (int i = 0; i < WIN; i++) {
        v->hann[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / WIN));
    }
    for (int lag = 0; lag <= LAG_HI; lag++) {
        double r = 0, r0 = 0;
        for (int i = 0; i < WIN; i++) {
            r += i + lag < WIN ? (double)v->hann[i] * (double)v->hann[i + lag] : 0;
            r0 += (double)v->hann[i] * (double)v->hann[i];
        }
        v->hann_corr[lag] = (float)(r / r0);
    }
    vad_reset(v);
    *out = v;
    return 0;
}

void vad_free(struct vad *v)
{
    if (v) {
        fft_plan_free(v->plan);
        fftwf_free(v->in);
        fftwf_free(v->out);
        free(v);
    }
}
