/* Generated sound for tests and demonstrations: silence, tone, white and pink noise, clicks.  The
 * reader's thread; the same request gives the same samples on every machine but for libm's sine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/src_impl.h"

enum gen_kind { GEN_SILENCE, GEN_TONE, GEN_WHITE, GEN_PINK, GEN_CLICK, GEN_RAMP };

static const char *const names[] = {"silence", "tone", "white", "pink", "click", "ramp"};

struct gen {
    enum gen_kind kind;
    int64_t left; /* samples, negative: endless */
    uint32_t n;   /* samples so far, ramp only */
    double hz, phase;
    float level;
    uint32_t rng;
    float pole[3]; /* pink: three one-pole low-passes over white */
};

static int gen_open(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    const char *name = w->name && *w->name ? w->name : "silence";
    size_t k = 0;
    while (k < sizeof names / sizeof *names && strcmp(name, names[k]) != 0) {
        k++;
    }
    if (k == sizeof names / sizeof *names) {
        return err_set(e, ERR_USAGE,
                       "no generator \"%.40s\": silence, tone, white, pink, click, ramp", name);
    }
    s->got.rate = w->gen_rate ? w->gen_rate : AUDIO_RATE;
    s->got.channels = 1;
    const char *bad = src_bad_shape(s->got.rate, 1);
    if (bad || !(w->gen_seconds >= 0 && w->gen_seconds < 1e9)) {
        return err_set(e, ERR_USAGE, "generator %s: %s", name, bad ? bad : "impossible length");
    }
    struct gen *g = calloc(1, sizeof *g);
    if (!g) {
        return err_set(e, ERR_MEM, "no memory for a generator");
    }
    g->kind = (enum gen_kind)k;
    g->left = w->gen_seconds > 0 ? (int64_t)(w->gen_seconds * s->got.rate + 0.5) : -1;
    g->hz = w->gen_hz > 0 ? (double)w->gen_hz : k == GEN_CLICK ? 1 : 440;
    g->level = w->gen_level > 0 ? w->gen_level : 0.25f;
    g->rng = w->gen_seed ? w->gen_seed : 1;
    s->got.seconds = w->gen_seconds > 0 ? w->gen_seconds : -1;
    s->priv = g;
    snprintf(s->name, sizeof s->name, "generator");
    return 0;
}

/* -1..1, xorshift32 */
static float white(struct gen *g)
{
    uint32_t r = g->rng;
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    g->rng = r;
    return (float)(int32_t)r / 2147483648.0f;
}

/* Poles a decade apart make -3 dB per octave within 1 dB from 30 Hz up at 16 kHz. */
static float pink(struct gen *g)
{
    static const float a[3] = {0.997f, 0.965f, 0.6f}, b[3] = {0.03f, 0.09f, 0.25f};
    float v = white(g), sum = 0.06f * v;
    for (int i = 0; i < 3; i++) {
        g->pole[i] = a[i] * g->pole[i] + b[i] * v;
        sum += g->pole[i];
    }
    return sum;
}

static float sample(struct gen *g, double step)
{
    float v = 0;
    switch (g->kind) {
    case GEN_SILENCE:
        return 0;
    case GEN_TONE:
        v = (float)sin(2 * M_PI * g->phase);
        break;
    case GEN_WHITE:
        v = white(g);
        break;
    case GEN_PINK:
        v = pink(g);
        break;
    case GEN_CLICK:
        v = g->phase < step ? 1.0f : 0.0f;
        break;
    case GEN_RAMP: /* every sample tells its index below 2^23; full scale, whatever the level */
        return (float)(g->n++ & 0x7fffff) / 8388608.0f;
    }
    g->phase += step;
    g->phase -= floor(g->phase);
    return v * g->level;
}

static int gen_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    struct gen *g = s->priv;
    double step = g->hz / s->got.rate;
    (void)timeout_ms, (void)e;
    if (g->left >= 0 && max > g->left) {
        max = (int)g->left;
    }
    for (int i = 0; i < max; i++) {
        x[i] = sample(g, step);
    }
    src_mix(s, x, max, 1, x);
    g->left -= g->left >= 0 ? max : 0;
    return max;
}

static void gen_close(struct audio_src *s)
{
    free(s->priv);
    s->priv = NULL;
}

static void gen_describe(const struct audio_src *s, char *text, size_t size)
{
    snprintf(text, size, "%s", names[((const struct gen *)s->priv)->kind]);
}

const struct audio_src_ops src_gen_ops = {
    .name = "generator",
    .open = gen_open,
    .read = gen_read,
    .close = gen_close,
    .describe = gen_describe,
};
