/* Many channels to one, see src_impl.h.  The reader's thread; allocates in src_mix_new only.
 *
 * The mean of the channels, but without those that are dead (an unconnected input, a broken wire):
 * they would cost the live one 6 dB.  Decided every 10 ms of native frames, so that the result does
 * not depend on how reads were cut; a channel comes to life at once and dies slowly. */
#include <math.h>
#include <stdlib.h>

#include "audio/src_impl.h"

enum {
    HOPS_S = 100,    /* decisions a second */
    DIE_HOPS = 50,   /* quiet so long beside a loud one: dead */
    UNHEARD_HOPS = 5 /* the same for one that never gave anything but zero */
};

static const float DIE = 1e-3f;   /* power beside the loudest one: -30 dB */
static const float LIVE = 1e-2f;  /* -20 dB */
static const float LOUD = 1e-6f;  /* the loudest must be above -60 dBFS for a channel to die */
static const float SMOOTH = 0.8f; /* of powers, per hop: 45 ms */

struct chan {
    float sum, power; /* of squares in this hop; smoothed, per sample */
    float now, next;  /* weights at the beginning and at the end of this hop */
    int quiet;        /* hops */
    uint8_t dead, heard;
};

struct src_mixer {
    int hop, n;  /* frames in a hop, frames of the present one */
    int dead;    /* channels */
    int ramping; /* some weight changes during this hop */
    int channels;
    struct chan chan[];
};

int src_mix_new(struct audio_src *s, struct err *e)
{
    int n = s->got.channels;
    if (n < 2) {
        return 0;
    }
    s->mixer = calloc(1, sizeof *s->mixer + (size_t)n * sizeof *s->mixer->chan);
    if (!s->mixer) {
        return err_set(e, ERR_MEM, "no memory to read %s", s->name);
    }
    s->mixer->channels = n;
    s->mixer->hop = s->got.rate / HOPS_S;
    for (int i = 0; i < n; i++) {
        s->mixer->chan[i].now = s->mixer->chan[i].next = 1.0f / (float)n;
    }
    return 0;
}

void src_mix_free(struct audio_src *s)
{
    free(s->mixer);
    s->mixer = NULL;
}

/* Counts the hop for channel c; top: power of the loudest. */
static void judge(struct chan *c, float hop_power, float top)
{
    if (c->dead) {
        c->dead = !(hop_power > top * LIVE);
        c->quiet = 0;
    } else if (top > LOUD && c->power < top * DIE) {
        c->dead = ++c->quiet >= (c->heard ? DIE_HOPS : UNHEARD_HOPS);
    } else {
        c->quiet = 0;
    }
}

static void end_hop(struct audio_src *s, struct src_mixer *m)
{
    float top = 0;
    m->dead = m->ramping = m->n = 0;
    for (int i = 0; i < m->channels; i++) {
        struct chan *c = &m->chan[i];
        c->heard |= c->sum > 0;
        c->power = SMOOTH * c->power + (1 - SMOOTH) * c->sum / (float)m->hop;
        top = c->power > top ? c->power : top;
    }
    for (int i = 0; i < m->channels; i++) {
        struct chan *c = &m->chan[i];
        judge(c, c->sum / (float)m->hop, top);
        m->dead += c->dead;
        c->sum = 0;
    }
    for (int i = 0; i < m->channels; i++) {
        struct chan *c = &m->chan[i];
        c->now = c->next;
        c->next = c->dead ? 0 : 1.0f / (float)(m->channels - m->dead);
        m->ramping |= c->now != c->next;
    }
    atomic_store_explicit(&s->dead, (uint_least64_t)m->dead, memory_order_relaxed);
}

/* One frame of finite, clamped samples; `good` of them were finite. */
static float weigh(const struct src_mixer *m, const float *v, const uint8_t *fine)
{
    float sum = 0, t = (float)m->n / (float)m->hop;
    int good = 0;
    for (int i = 0; i < m->channels; i++) {
        const struct chan *c = &m->chan[i];
        if (!fine[i] || (!m->ramping && c->dead)) {
            continue;
        }
        sum += m->ramping ? v[i] * (c->now + (c->next - c->now) * t) : v[i];
        good++;
    }
    return m->ramping || good < 2 ? sum : sum / (float)good;
}

static float mix_frame(struct audio_src *s, const float *v, const uint8_t *fine)
{
    struct src_mixer *m = s->mixer;
    float y = weigh(m, v, fine);
    for (int i = 0; i < m->channels; i++) {
        m->chan[i].sum += v[i] * v[i];
    }
    if (++m->n >= m->hop) {
        end_hop(s, m);
    }
    return y;
}

void src_mix(struct audio_src *s, const float *in, int frames, int channels, float *out)
{
    uint64_t bad = 0, cut = 0;
    float v[AUDIO_CHANNELS_MAX];
    uint8_t fine[AUDIO_CHANNELS_MAX];
    for (int i = 0; i < frames; i++) {
        for (int c = 0; c < channels; c++) {
            v[c] = *in++;
            fine[c] = isfinite(v[c]) != 0;
            if (!fine[c]) {
                bad++;
                v[c] = 0;
            } else if (v[c] > 1.0f || v[c] < -1.0f) {
                cut++;
                v[c] = v[c] > 0 ? 1.0f : -1.0f;
            }
        }
        out[i] = channels > 1 ? mix_frame(s, v, fine) : v[0];
    }
    if (bad) {
        atomic_fetch_add_explicit(&s->nonfinite, bad, memory_order_relaxed);
    }
    if (cut) {
        atomic_fetch_add_explicit(&s->clamped, cut, memory_order_relaxed);
    }
}
