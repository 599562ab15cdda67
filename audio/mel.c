/* Streaming log-mel, see mel.h.  The owner's thread; allocates only when the store of frames must
 * grow (not at all for a caller that drops what it has used).
 *
 * Every frame is computed alone by the same instructions, so the cut of the pushes cannot show.
 * Vectors are four floats through the compiler's own types: plain SSE2 or NEON, chosen at build. */
#include "audio/mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/fft.h"

enum {
    HALF = MEL_WIN / 2,
    LANES = 4,
    POWERS = 208,    /* MEL_BINS rounded up, so that a vector may reach past the end */
    BUF = 4096,      /* samples: one window and much more */
    FIRST_CAP = 3072 /* frames: 30 s and a bit */
};

static const float FLOOR_LOG = -10.0f; /* log10(1e-10) */

typedef float v4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

/* Non-zero part of one filter: w[off .. off + 4 quads) over power[bin ..]. */
struct span {
    int bin, quads, off;
};

struct mel {
    int bands, stride; /* stride: bands rounded up to LANES */
    struct span *span;
    float *w;
    fftwf_plan plan;
    float *in;          /* [MEL_WIN] windowed samples */
    fftwf_complex *out; /* [MEL_BINS] */
    float hann[MEL_WIN];
    _Alignas(16) float power[POWERS];
    float buf[BUF]; /* samples from index buf0 */
    int64_t buf0;   /* -HALF at the beginning: the mirrored part */
    int buf_n;
    int mirrored, finished;
    int64_t samples;
    float *store; /* [cap][stride] frames from index base */
    float *peak;  /* [cap] maximum of each frame */
    int64_t base, first, end, cap;
};

static v4 load(const float *p)
{
    v4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static v4 pick(i4 mask, v4 yes, v4 no)
{
    return (v4)((mask & (i4)yes) | (~mask & (i4)no));
}

/* log10(max(x, 1e-10)) within 6e-7 (half a unit in the last place at -10 is 4.8e-7).
 * x = m 2^e with m near 1; log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172: five terms of
 * the series leave 3e-9.  e log10(2) is split so that its larger part is exact. */
static v4 log10_v(v4 x)
{
    const v4 tiny = {1e-10f, 1e-10f, 1e-10f, 1e-10f};
    i4 above = (i4)(x > tiny);
    v4 safe = pick(above, x, tiny);
    i4 bits = (i4)safe - 0x3f3504f3; /* sqrt(1/2) */
    i4 e = bits >> 23;
    v4 m = (v4)((bits & 0x007fffff) + 0x3f3504f3);
    v4 s = (m - 1.0f) / (m + 1.0f);
    v4 q = s * s;
    v4 series = 1.0f + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9))));
    v4 ef = __builtin_convertvector(e, v4);
    v4 y = ef * 0.30078125f + (ef * 0.000248745664f + s * series * 0.868588964f);
    const v4 low = {FLOOR_LOG, FLOOR_LOG, FLOOR_LOG, FLOOR_LOG};
    return pick(above, y, low);
}

static void powers(struct mel *m)
{
    for (int k = 0; k < MEL_BINS; k++) {
        m->power[k] = m->out[k][0] * m->out[k][0] + m->out[k][1] * m->out[k][1];
    }
}

/* One frame from MEL_WIN samples at x into frame number m->end; room is there. */
static void frame(struct mel *m, const float *x)
{
    float *to = m->store + (m->end - m->base) * m->stride;
    float peak = FLOOR_LOG;
    for (int j = 0; j < MEL_WIN; j++) {
        m->in[j] = x[j] * m->hann[j];
    }
    fftwf_execute(m->plan);
    powers(m);
    for (int b = 0; b < m->bands; b++) {
        const struct span *s = &m->span[b];
        const float *p = m->power + s->bin, *w = m->w + s->off;
        v4 sum = {0};
        for (int q = 0; q < s->quads; q++) {
            sum += load(p + LANES * q) * load(w + LANES * q);
        }
        to[b] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    for (int b = m->bands; b < m->stride; b++) {
        to[b] = 1.0f;
    }
    for (int b = 0; b < m->stride; b += LANES) {
        v4 y = log10_v(load(to + b));
        memcpy(to + b, &y, sizeof y);
    }
    for (int b = 0; b < m->bands; b++) {
        peak = to[b] > peak ? to[b] : peak;
    }
    m->peak[m->end - m->base] = peak;
    m->end++;
}

/* Makes room for frames up to (not including) `need`.  Frames before first are given up. */
static int reserve(struct mel *m, int64_t need)
{
    int64_t dead = m->first - m->base;
    if (need - m->base <= m->cap) {
        return 0;
    }
    if (dead > 0) {
        int64_t live = m->end - m->first;
        memmove(m->store, m->store + dead * m->stride,
                (size_t)(live * m->stride) * sizeof *m->store);
        memmove(m->peak, m->peak + dead, (size_t)live * sizeof *m->peak);
        m->base = m->first;
    }
    if (need - m->base <= m->cap) {
        return 0;
    }
    int64_t cap = m->cap ? m->cap : FIRST_CAP;
    while (cap < need - m->base) {
        cap += cap / 2;
    }
    float *store = realloc(m->store, (size_t)(cap * m->stride) * sizeof *store);
    if (!store) {
        return -ERR_MEM;
    }
    m->store = store;
    float *peak = realloc(m->peak, (size_t)cap * sizeof *peak);
    if (!peak) {
        return -ERR_MEM;
    }
    m->peak = peak;
    m->cap = cap;
    return 0;
}

/* Computes all frames below `limit` whose window is in the buffer, then forgets what no later
 * frame needs. */
static void advance(struct mel *m, int64_t limit)
{
    while (m->end < limit && m->end * MEL_HOP + HALF <= m->buf0 + m->buf_n) {
        frame(m, m->buf + (m->end * MEL_HOP - HALF - m->buf0));
    }
    int64_t drop = m->end * MEL_HOP - HALF - m->buf0;
    if (drop > 0) {
        drop = drop < m->buf_n ? drop : m->buf_n;
        m->buf_n -= (int)drop;
        memmove(m->buf, m->buf + drop, (size_t)m->buf_n * sizeof *m->buf);
        m->buf0 += drop;
    }
}

/* Left of sample 0 the sound is mirrored around it: x[-k] = x[k], as far as there are samples. */
static void mirror(struct mel *m)
{
    for (int k = 1; k <= HALF; k++) {
        m->buf[HALF - k] = k < m->samples ? m->buf[HALF + k] : 0.0f;
    }
    m->mirrored = 1;
}

void mel_reset(struct mel *m)
{
    m->buf0 = -HALF;
    m->buf_n = HALF;
    m->mirrored = m->finished = 0;
    m->samples = m->base = m->first = m->end = 0;
}

int mel_push(struct mel *m, const float *x, int64_t n)
{
    if (m->finished) {
        return -ERR_FAIL;
    }
    /* One frame more than can be complete, and those of mel_finish. */
    int rc = n > 0 ? reserve(m, (m->samples + n) / MEL_HOP + 4) : 0;
    if (rc < 0) {
        return rc;
    }
    while (n > 0) {
        int k = n < BUF - m->buf_n ? (int)n : BUF - m->buf_n;
        memcpy(m->buf + m->buf_n, x, (size_t)k * sizeof *x);
        m->buf_n += k;
        m->samples += k;
        x += k;
        n -= k;
        if (!m->mirrored && m->samples > HALF) {
            mirror(m);
        }
        if (m->mirrored) {
            advance(m, INT64_MAX);
        }
    }
    return 0;
}

int mel_finish(struct mel *m)
{
    int64_t frames = (m->samples + HALF) / MEL_HOP + 1;
    if (m->finished) {
        return 0;
    }
    int rc = reserve(m, frames);
    if (rc < 0) {
        return rc;
    }
    if (!m->mirrored) {
        mirror(m);
    }
    /* advance() has left less than a window, so a window of zeros fits. */
    memset(m->buf + m->buf_n, 0, MEL_WIN * sizeof *m->buf);
    m->buf_n += MEL_WIN;
    advance(m, frames);
    m->finished = 1;
    return 0;
}

int mel_clip(struct mel *m, const float *x, int64_t n)
{
    mel_reset(m);
    int rc = mel_push(m, x, n);
    return rc < 0 ? rc : mel_finish(m);
}

int mel_bands(const struct mel *m)
{
    return m->bands;
}

int64_t mel_samples(const struct mel *m)
{
    return m->samples;
}

int64_t mel_first(const struct mel *m)
{
    return m->first;
}

int64_t mel_end(const struct mel *m)
{
    return m->end;
}

void mel_drop(struct mel *m, int64_t before)
{
    before = before < m->end ? before : m->end;
    m->first = before > m->first ? before : m->first;
}

const float *mel_raw(const struct mel *m, int64_t at)
{
    return at >= m->first && at < m->end ? m->store + (at - m->base) * m->stride : NULL;
}

float mel_max(const struct mel *m, int64_t first, int64_t end)
{
    float top = FLOOR_LOG;
    first = first > m->first ? first : m->first;
    end = end < m->end ? end : m->end;
    for (int64_t i = first; i < end; i++) {
        float v = m->peak[i - m->base];
        top = v > top ? v : top;
    }
    return top;
}

void mel_window(const struct mel *m, int64_t first, int n, int64_t n_frames, float max, float *out)
{
    float low = max - 8.0f;
    float quiet = ((FLOOR_LOG > low ? FLOOR_LOG : low) + 4.0f) * 0.25f;
    for (int i = 0; i < n; i++, out += m->bands) {
        int64_t at = first + i;
        const float *x = mel_raw(m, at);
        for (int b = 0; b < m->bands; b++) {
            if (at >= n_frames) {
                out[b] = 0.0f;
            } else if (x) {
                out[b] = ((x[b] > low ? x[b] : low) + 4.0f) * 0.25f;
            } else {
                out[b] = quiet;
            }
        }
    }
}

int64_t mel_clip_frames(int64_t samples)
{
    return (samples + MEL_PAD_SAMPLES) / MEL_HOP;
}

int64_t mel_sound_frames(int64_t samples)
{
    return 1 + (samples + HALF - MEL_WIN) / MEL_HOP;
}

/* Keeps of each filter the part that is not zero, in whole vectors that stay inside POWERS. */
static int take_filters(struct mel *m, const float *f, struct err *e)
{
    int used = 0;
    for (int b = 0; b < m->bands; b++, f += MEL_BINS) {
        int lo = MEL_BINS, hi = 0;
        for (int k = 0; k < MEL_BINS; k++) {
            if (!isfinite(f[k])) {
                return err_set(e, ERR_MODEL, "mel filter %d of the model holds no number", b);
            }
            if (f[k] != 0) {
                lo = lo < k ? lo : k;
                hi = k + 1;
            }
        }
        struct span *s = &m->span[b];
        s->off = used;
        s->bin = hi > 0 ? lo : 0;
        s->quads = hi > 0 ? (hi - lo + LANES - 1) / LANES : 0;
        for (int k = 0; k < s->quads * LANES; k++) {
            m->w[used++] = s->bin + k < MEL_BINS ? f[s->bin + k] : 0.0f;
        }
    }
    return 0;
}

int mel_new(struct mel **out, int bands, const float *filters, struct err *e)
{
    *out = NULL;
    if (bands < 1 || bands > MEL_MAX_BANDS) {
        return err_set(e, ERR_MODEL, "the model wants %d mel bands; 1 to %d are possible", bands,
                       MEL_MAX_BANDS);
    }
    struct mel *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    if (!m) {
        return err_set(e, ERR_MEM, "no memory for the mel front end");
    }
    memset(m, 0, sizeof *m);
    m->bands = bands;
    m->stride = (bands + LANES - 1) / LANES * LANES;
    m->span = calloc((size_t)bands, sizeof *m->span);
    m->w = calloc((size_t)bands * POWERS, sizeof *m->w);
    m->in = fftwf_malloc(MEL_WIN * sizeof *m->in);
    m->out = fftwf_malloc(MEL_BINS * sizeof *m->out);
    int ok = m->span && m->w && m->in && m->out;
    m->plan = ok ? fft_plan(MEL_WIN, m->in, m->out) : NULL;
    mel_reset(m);
    int rc = m->plan && reserve(m, 1) == 0 ? take_filters(m, filters, e)
                                           : err_set(e, ERR_MEM, "no memory for the mel front end");
    if (rc < 0) {
        mel_free(m);
        return rc;
    }
    for (int j = 0; j < MEL_WIN; j++) {
        m->hann[j] = (float)(0.5 * (1.0 - cos(2.0 * M_PI * j / MEL_WIN)));
    }
    *out = m;
    return 0;
}

void mel_free(struct mel *m)
{
    if (m) {
        fft_plan_free(m->plan);
        fftwf_free(m->in);
        fftwf_free(m->out);
        free(m->span);
        free(m->w);
        free(m->store);
        free(m->peak);
        free(m);
    }
}
