/* See front.h.  Engine thread. */
#include "app/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/src.h"

int front_new(struct front **out, int bands, const float *filters, struct err *e)
{
    struct front *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f) {
        return err_set(e, ERR_MEM, "no memory for the front end");
    }
    int rc = mel_new(&f->mel, bands, filters, e);
    rc = rc ? rc : vad_new(&f->vad, NULL, e);
    if (rc) {
        front_free(f);
        return rc;
    }
    *out = f;
    return 0;
}

void front_free(struct front *f)
{
    if (f) {
        mel_free(f->mel);
        vad_free(f->vad);
        free(f);
    }
}

static void hear(struct front *f, const float *x, int n)
{
    struct vad_out o;
    int fresh;
    while (n > 0) {
        int k = vad_push(f->vad, x, n, &o, &fresh);
        x += k;
        n -= k;
        if (fresh) {
            f->voice[f->verdicts++ % FRONT_VERDICTS] = o.voiced;
            f->voiced += o.voiced;
            f->speech = o.speech;
        }
    }
}

int front_push(struct front *f, const float *x, int n, struct err *e)
{
    int rc = mel_push(f->mel, x, n);
    if (rc) {
        return err_set(e, ERR_MEM, "no memory for the spectrogram");
    }
    hear(f, x, n);
    f->samples += n;
    return 0;
}

int front_gap(struct front *f, double lost_s, struct err *e)
{
    static const float zero[AUDIO_RATE * 3 / 10];
    int fill = (int)(sizeof zero / sizeof *zero);
    int64_t lost = llround(lost_s * AUDIO_RATE);
    fill = lost < fill ? (int)lost : fill;
    if (lost > fill) { /* the silence stands for the end of the gap */
        double before = f->gaps ? f->gap[f->gaps - 1].s : 0;
        int i = f->gaps < FRONT_GAPS ? f->gaps++ : FRONT_GAPS - 1;
        f->gap[i].sample = f->samples;
        f->gap[i].s = before + (double)(lost - fill) / AUDIO_RATE;
    }
    return fill > 0 ? front_push(f, zero, fill, e) : 0;
}

int front_finish(struct front *f, struct err *e)
{
    static const float zero[VAD_FRAME];
    int rc = 0;
    if (!f->finished) {
        f->finished = true;
        rc = mel_finish(f->mel);
        hear(f, zero, VAD_FRAME); /* completes the verdict under way */
    }
    return rc ? err_set(e, ERR_MEM, "no memory for the spectrogram") : 0;
}

int64_t front_have(const struct front *f)
{
    int64_t mel = mel_end(f->mel), heard = f->verdicts * VAD_FRAME / MEL_HOP;
    if (f->finished) {
        heard = f->samples > 0 ? mel_sound_frames(f->samples) : 0;
    }
    return mel < heard ? mel : heard;
}

bool front_voice(const struct front *f, int64_t frame)
{
    int64_t i = frame * MEL_HOP / VAD_FRAME;
    if (i < 0 || i >= f->verdicts || i < f->verdicts - FRONT_VERDICTS) {
        return false;
    }
    return f->voice[i % FRONT_VERDICTS];
}

void front_mel(const struct front *f, int64_t first, int n, int64_t norm0, int64_t norm1,
               float *out)
{
    float max = mel_max(f->mel, norm0, norm1);
    int64_t inside = norm1 - first < n ? norm1 - first : n;
    int bands = mel_bands(f->mel);
    inside = inside < 0 ? 0 : inside;
    mel_window(f->mel, first, (int)inside, INT64_MAX, max, out);
    /* Rows past norm1 are silence, whether or not more has been heard: a frame that is never in
     * store stands for them. */
    mel_window(f->mel, INT64_MAX / 2, (int)(n - inside), INT64_MAX, max, out + inside * bands);
}

void front_drop(struct front *f, int64_t keep)
{
    if (keep > mel_first(f->mel)) {
        mel_drop(f->mel, keep < mel_end(f->mel) ? keep : mel_end(f->mel));
    }
}

double front_clock(const struct front *f, double s)
{
    int64_t at = (int64_t)(s * AUDIO_RATE);
    for (int i = f->gaps - 1; i >= 0; i--) {
        if (at >= f->gap[i].sample) {
            return s + f->gap[i].s;
        }
    }
    return s;
}
