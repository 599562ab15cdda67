/* See sound.h.  Main thread; allocates the whole sound. */
#include "app/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16384 };

int sound_read(const char *path, double max_s, float **x, int64_t *n, struct err *e)
{
    struct audio_want want = {.kind = AUDIO_FILE, .name = path};
    struct audio_src *src = NULL;
    int64_t len = 0, cap = 0;
    int64_t most = (int64_t)((max_s > 0 ? max_s : 4 * 3600) * AUDIO_RATE);
    float *buf = NULL;
    *x = NULL;
    *n = 0;
    int rc = audio_src_open(&src, &want, e);
    if (rc) {
        goto out;
    }
    for (;;) {
        if (cap - len < CHUNK) {
            cap = cap ? cap * 2 : 16 * CHUNK;
            float *p = realloc(buf, (size_t)cap * sizeof *p);
            if (!p) {
                rc = err_set(e, ERR_MEM, "%s: no memory for %.0f s of sound", path,
                             (double)cap / AUDIO_RATE);
                goto out;
            }
            buf = p;
        }
        rc = audio_src_read16k(src, buf + len, CHUNK, -1, e);
        if (rc <= 0) {
            break;
        }
        len += rc;
        if (len > most) {
            rc = err_set(e, ERR_SOUND, "%s is longer than %.0f min", path,
                         (double)most / AUDIO_RATE / 60);
            goto out;
        }
    }
    if (rc < 0) {
        goto out;
    }
    *x = buf;
    *n = len;
    buf = NULL;
out:
    free(buf);
    audio_src_close(src);
    return rc;
}

bool sound_is_mic(const struct args *a)
{
    return a->n_pos == 0 || mic_takes_file(a->mic);
}

int sound_mic(struct mic **m, const struct args *a, bool screen, struct err *e)
{
    bool real = a->pace == ARGS_PACE_REAL || (screen && a->pace != ARGS_PACE_FAST);
    return mic_new(m, a->mic, a->n_pos ? a->pos[0] : NULL, real ? MIC_REAL : MIC_BY_SCRIPT, e);
}

int sound_open(struct audio_src **src, const struct args *a, struct err *e)
{
    const char *file = a->pos[0];
    struct audio_want want = {.kind = AUDIO_FILE, .name = file};
    if (!strcmp(file, "-")) {
        if (isatty(STDIN_FILENO)) {
            return err_set(e, ERR_USAGE,
                           "standard input is a terminal; pipe sound into it: arecord "
                           "-f S16_LE -r 16000 | dictate -");
        }
        want.kind = AUDIO_STDIN;
        want.name = "-";
        want.raw_rate = a->rate;
        want.raw_channels = a->channels;
    }
    return audio_src_open(src, &want, e);
}

/* A glottal buzz with three moving resonances, in syllables of 180 ms and a pause every two
 * seconds: no words, but the front end and the voice detector take it for speech. */
void sound_synth(float *x, int64_t n)
{
    static const double vowel[5][3] = {{730, 1090, 2440},
                                       {270, 2290, 3010},
                                       {570, 840, 2410},
                                       {300, 870, 2240},
                                       {530, 1840, 2480}};
    const double pi = 3.14159265358979323846;
    double y1[3] = {0}, y2[3] = {0}, phase = 0;
    uint32_t seed = 1;
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / AUDIO_RATE, syl = t / 0.18;
        const double *v = vowel[(int64_t)syl * 7 % 5];
        double env = fmod(t, 2.5) < 2.0 ? sin(pi * fmod(syl, 1.0)) : 0;
        phase += (110 + 25 * sin(2 * pi * t / 1.7)) / AUDIO_RATE;
        double in = phase >= 1 ? 1 : 0;
        phase -= in;
        seed = seed * 1664525u + 1013904223u;
        in += 0.002 * ((double)(seed >> 8) / (1 << 24) - 0.5);
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            double r = exp(-pi * 90 / AUDIO_RATE);
            double y = in + 2 * r * cos(2 * pi * v[k] / AUDIO_RATE) * y1[k] - r * r * y2[k];
            y2[k] = y1[k];
            y1[k] = y;
            sum += y * (k == 0 ? 1 : 0.5);
        }
        x[i] = (float)(0.02 * env * sum);
    }
}
