/* A source at 16 kHz, see src.h.  The reader's thread; nothing allocates.
 *
 * Where samples are missing, what is inside the resampler comes out first and the resampler begins
 * anew, so that the place is exact and sounds from both sides do not run into each other.  Lengths
 * are counted from the beginning: rounding to 16 kHz never adds up. */
#include "audio/src_impl.h"

/* Native frames as 16 kHz samples, rounded. */
static uint64_t at_16k(const struct audio_src *s, uint64_t frames)
{
    uint64_t rate = (uint64_t)s->got.rate;
    return frames / rate * AUDIO_RATE + (frames % rate * AUDIO_RATE + rate / 2) / rate;
}

/* New losses lie before the samples just read. */
static int lost_now(struct audio_src *s)
{
    uint64_t lost = atomic_load_explicit(&s->lost, memory_order_relaxed);
    return lost != s->lost_told;
}

/* What was lost becomes 16 kHz samples for audio_src_gap(). frames: native ones read before it. */
static void tell_gap(struct audio_src *s, uint64_t frames)
{
    s->lost_told = atomic_load_explicit(&s->lost, memory_order_relaxed);
    uint64_t want = at_16k(s, frames + s->lost_told);
    if (want > s->out_16k + s->lost_16k) {
        uint64_t n = want - s->out_16k - s->lost_16k;
        s->gap_16k += n;
        s->lost_16k += n;
    }
}

uint64_t audio_src_gap(struct audio_src *s, unsigned *why)
{
    uint64_t n = s->gap_16k;
    *why = s->gap_why ? s->gap_why : GAP_XRUN;
    s->gap_16k = 0;
    if (n) {
        s->gap_why = 0;
    }
    return n;
}

/* Refills s->in. 1 when there is input or the end of it, else AUDIO_AGAIN; a failure counts as the
 * end here and is told when the resampler has been emptied. */
static int refill(struct audio_src *s, int timeout_ms)
{
    uint64_t before = atomic_load_explicit(&s->frames, memory_order_relaxed);
    int n = audio_src_read(s, s->in, SRC_IN_MAX, timeout_ms, NULL);
    if (n == AUDIO_AGAIN) {
        return n;
    }
    s->in_at = 0;
    s->in_n = n > 0 ? n : 0;
    s->in_end = n <= 0;
    s->cut = lost_now(s);
    s->cut_frames = before;
    return 1;
}

/* The resampling filter may ring beyond 1; that is not the source's fault and is not counted. */
static void clamp(float *x, int n)
{
    for (int i = 0; i < n; i++) {
        x[i] = x[i] > 1.0f ? 1.0f : x[i] < -1.0f ? -1.0f : x[i];
    }
}

/* Count of converted samples, 0: it wants input, negative: broken. */
static int convert(struct audio_src *s, float *x, int max)
{
    int used = 0, end = s->cut || s->in_end;
    int n =
        resample_run(s->rs, s->in + s->in_at, s->cut ? 0 : s->in_n - s->in_at, &used, x, max, end);
    if (n < 0) {
        s->over = err_set(&s->fail, ERR_SOUND, "%s: cannot convert the sample rate", s->name);
        s->flushed = 1;
        return n;
    }
    s->in_at += used;
    clamp(x, n);
    s->out_16k += (uint64_t)n;
    return n;
}

/* All that was read is out.  What was lost behind it and has nothing after it yet is told now: what comes next may be of
 * another time, whose length is counted by the clock. */
static int flushed(struct audio_src *s)
{
    if (lost_now(s)) {
        tell_gap(s, atomic_load_explicit(&s->frames, memory_order_relaxed));
    }
    return 0;
}

int audio_src_flush16k(struct audio_src *s, float *x, int max)
{
    int n = 0, used = 0;
    if (!s->rs || s->flushed) {
        return flushed(s);
    }
    if (s->cut) { /* s->in stands behind a gap */
        n = convert(s, x, max);
        if (n != 0) {
            return n > 0 ? n : 0;
        }
        resample_reset(s->rs);
        tell_gap(s, s->cut_frames);
        s->cut = 0;
    }
    n = resample_run(s->rs, s->in + s->in_at, s->in_n - s->in_at, &used, x, max, 1);
    s->in_at += used;
    if (n <= 0) {
        resample_reset(s->rs);
        return flushed(s);
    }
    clamp(x, n);
    s->out_16k += (uint64_t)n;
    return n;
}

static int read_plain(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    uint64_t before = atomic_load_explicit(&s->frames, memory_order_relaxed);
    int n = audio_src_read(s, x, max, timeout_ms, e);
    if (n != AUDIO_AGAIN && lost_now(s)) {
        tell_gap(s, before);
    }
    s->out_16k += n > 0 ? (uint64_t)n : 0;
    return n;
}

int audio_src_read16k(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    if (!s->rs) {
        return read_plain(s, x, max, timeout_ms, e);
    }
    while (!s->flushed) {
        if (s->in_at == s->in_n && !s->in_end && !s->cut) {
            int rc = refill(s, timeout_ms);
            if (rc < 0) {
                return rc;
            }
        }
        int n = convert(s, x, max);
        if (n > 0) {
            return n;
        }
        if (n < 0) {
            break;
        }
        if (s->cut) {
            resample_reset(s->rs);
            tell_gap(s, s->cut_frames);
            s->cut = 0;
        } else {
            s->flushed = s->in_end;
        }
    }
    return audio_src_read(s, x, max, 0, e); /* over: the end or the failure, again and again */
}
