/* Speech from pause to pause.  Pure, any thread, allocates nothing. */
#include "npu/asr/pause.h"

#include "npu/asr/endpoint.h"

enum {
    BLOCK = 3000, /* frames that share a threshold: rooms change, 30 s are enough to know */
    BINS = 128,
    BEFORE = 35,
    AFTER = 35, /* frames kept around the voice */
    LONGEST = 1500,
    CUT_FROM = 600,
    CUT_TO = 100,
    SMOOTH = 9,
};
/* Normalised log-mel: 0.25 are 10 dB. */
static const float CONTRAST = 0.15f; /* less between quiet and loud is one steady sound */
static const float SHARE = 0.35f;    /* of the way from quiet to loud lies the threshold */
static const float STEADY = -0.9f;   /* a steady sound above this is worth hearing */

static void levels(const float *mel, int n_mels, int frames, float *level)
{
    for (int i = 0; i < frames; i++) {
        float sum = 0;
        for (int b = 0; b < n_mels; b++) {
            sum += mel[(long)i * n_mels + b];
        }
        level[i] = sum / (float)n_mels;
    }
}

/* Threshold of a block: between its tenth and its ninety-fifth percentile. */
static float threshold(const float *level, int n)
{
    int bin[BINS] = {0}, seen = 0;
    float low = level[0], high = level[0], quiet = 0, loud = 0;
    for (int i = 1; i < n; i++) {
        low = level[i] < low ? level[i] : low;
        high = level[i] > high ? level[i] : high;
    }
    if (!(high - low > CONTRAST)) {
        return STEADY;
    }
    float step = (high - low) / BINS;
    for (int i = 0; i < n; i++) {
        int k = (int)((level[i] - low) / step);
        bin[k < 0 ? 0 : k >= BINS ? BINS - 1 : k]++;
    }
    for (int k = 0; k < BINS; k++) {
        float at = low + step * (float)(k + 1);
        quiet = seen * 10 < n ? at : quiet;
        loud = seen * 20 < n * 19 ? at : loud;
        seen += bin[k];
    }
    return loud - quiet > CONTRAST ? quiet + SHARE * (loud - quiet) : STEADY;
}

static int quietest(const float *level, int from, int to)
{
    int best = to;
    float least = 0, sum = 0;
    for (int i = from; i < to; i++) {
        sum += level[i] - (i - from >= SMOOTH ? level[i - SMOOTH] : 0);
        if (i - from + 1 >= SMOOTH && (best == to || sum < least)) {
            least = sum;
            best = i - SMOOTH / 2;
        }
    }
    return best;
}

struct list {
    struct asr_stretch *out;
    int n, max, frames;
};

static void add(struct list *l, int voice_0, int voice_1)
{
    int from = voice_0 > BEFORE ? voice_0 - BEFORE : 0;
    int to = voice_1 < l->frames - AFTER ? voice_1 + AFTER : l->frames;
    if (l->n > 0 && from < l->out[l->n - 1].to) {
        from = l->out[l->n - 1].to;
    }
    if (to <= from) {
        return;
    }
    if (l->n == l->max) {
        l->out[l->n - 1].to = l->out[l->n - 1].voice_1 = l->frames;
        return;
    }
    l->out[l->n++] = (struct asr_stretch){from, to, voice_0, voice_1};
}

int asr_stretches(const float *mel, int n_mels, int frames, float *level, struct asr_stretch *out,
                  int max)
{
    struct list l = {out, 0, max, frames};
    struct asr_endpoint ep;
    float limit = 0;
    levels(mel, n_mels, frames, level);
    asr_endpoint_reset(&ep, 0);
    for (int i = 0; i < frames; i++) {
        if (i % BLOCK == 0) {
            /* The last block reaches back, so that it is as long as the others. */
            int from = i + BLOCK > frames && frames > BLOCK ? frames - BLOCK : i;
            limit = threshold(level + from, frames - from < BLOCK ? frames - from : BLOCK);
        }
        if (asr_endpoint_feed(&ep, level[i] > limit) == ASR_EP_HARD) {
            add(&l, (int)ep.voiced_first, (int)ep.voiced_last);
        } else if (ep.speech && i - ep.voiced_first >= LONGEST) {
            int at = quietest(level, i - CUT_FROM, i - CUT_TO);
            add(&l, (int)ep.voiced_first, at - AFTER > ep.voiced_first ? at - AFTER : at);
            ep.voiced_first = at;
        }
    }
    if (ep.speech) {
        add(&l, (int)ep.voiced_first, (int)ep.voiced_last);
    }
    return l.n;
}
