/* Voice activity, see vad.h.  The owner's thread; allocates in vad_new only.  About 10 us a frame.
 *
 * vad_feat.c measures a frame, vad_net.c judges it, this file makes utterances of the verdicts. */
#include "audio/vad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/vad_feat.h"

enum {
    LAST = 4,  /* verdicts that are counted for the beginning */
    BACK = 16, /* frames that it may be put back: 0.5 s */
    HOLES = 3, /* frames between two sounds of one word */
};

/* Frames that stand less above the noise are none, whatever the net says. */
static const float LEAST_DB = 0.5f;

struct vad {
    struct vad_conf conf;
    struct vad_feat *feat;
    float hist[VAD_WIN]; /* the last samples */
    int fill;            /* samples of the frame under way */
    double sum2;         /* their energy */
    int64_t samples;
    uint8_t last[LAST];
    int last_at;
    int likely, unlikely; /* frames since one that would go on with speech, few (HOLES) that would
                             not among them; those in a row now */
    struct vad_out now;
};

struct vad_conf vad_defaults(void)
{
    struct vad_conf c = {
        .enter = 0.85f, .leave = 0.35f, .enter_of = 3, .soft_ms = 400, .hard_ms = 700};
    return c;
}

static float db(float power)
{
    return power > 1e-12f ? 10 * log10f(power) : -120.0f;
}

static void begin(struct vad *v)
{
    struct vad_out *o = &v->now;
    int back = 0;
    /* What would have gone on with speech before there was any belongs to it. */
    int likely = v->likely < BACK ? v->likely : BACK;
    for (int i = 0; i < LAST; i++) { /* the oldest voiced one of the last four */
        if (v->last[(v->last_at + i) % LAST]) {
            back = LAST - i;
            break;
        }
    }
    back = likely > back ? likely : back;
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
    v->unlikely = o->score >= v->conf.leave ? 0 : v->unlikely + 1;
    v->likely = v->unlikely > HOLES || (v->unlikely && !v->likely) ? 0 : v->likely + 1;
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
    struct vad_measure m;
    vad_feat_frame(v->feat, v->hist, &m);
    o->end = v->samples;
    o->level_db = db((float)(v->sum2 / VAD_FRAME));
    o->score = m.rise_db > LEAST_DB ? vad_net(m.in) : 0;
    o->floor_db = m.floor_db;
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
    memmove(v->hist, v->hist + k, (size_t)(VAD_WIN - k) * sizeof *v->hist);
    for (int i = 0; i < k; i++) {
        v->hist[VAD_WIN - k + i] = x[i];
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
    vad_feat_reset(v->feat);
    memset(v->hist, 0, sizeof v->hist);
    memset(v->last, 0, sizeof v->last);
    memset(&v->now, 0, sizeof v->now);
    v->fill = v->last_at = v->likely = v->unlikely = 0;
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
    if (!v) {
        return err_set(e, ERR_MEM, "no memory for the voice detector");
    }
    int rc = vad_feat_new(&v->feat, e);
    if (rc < 0) {
        free(v);
        return rc;
    }
    v->conf = conf ? *conf : vad_defaults();
    vad_reset(v);
    *out = v;
    return 0;
}

void vad_free(struct vad *v)
{
    if (v) {
        vad_feat_free(v->feat);
        free(v);
    }
}
