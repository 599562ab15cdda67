/* Trains the net of the voice detector and writes audio/vad_net.c.  No test: built by hand.
 *
 *   make unit-audio
 *   gcc -O3 -march=native -ffast-math -D_GNU_SOURCE -I. -o build/vad_train tests/audio/vad_train.c
 * build/libaudio.a \ build/libbase.a $(pkg-config --libs sndfile samplerate fftw3f alsa) -lm
 * -lpthread build/vad_train ../shared/data audio/vad_net.c
 *
 * Speech: a sample of speech-train.  Noise: every second recording of data/noise (t_vad tests on
 * the others too), faster, slower, brighter, duller; white, pink and brown noise, clicks, bursts,
 * engines, clocks, tones, silence; 0 to 30 dB below the speech, and alone.  Labels come from the
 * clean speech: within 20 dB of its level is speech, 2 s before and what is 45 dB below is none,
 * the rest is not asked for.  One thread, fixed seeds: the same net every time on one machine (a
 * minute of it, and some more for reading).  A third word chooses which half of the recordings it
 * sees. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/src.h"
#include "audio/vad.h"
#include "audio/vad_feat.h"
#include "tests/audio/mix.h"

enum { HID = 64, IN = VAD_INPUTS, RATE = 16000, LEAD = 2 * RATE, LONGEST = 6 * RATE };
enum { PER_SET = 260, EPOCHS = 20, BATCH = 256, NP = HID * IN + HID + HID + 1 };

struct set {
    float (*x)[IN];
    float *y, *w; /* label, weight */
    long n, cap;
};

static uint32_t rng = 12345;

static float uniform(void) /* 0..1 */
{
    rng ^= rng << 13;
    rng ^= rng >> 17;
    rng ^= rng << 5;
    return (float)rng / 4294967296.0f;
}

static int load(const char *path, float **x)
{
    struct audio_want w = {.kind = AUDIO_FILE, .name = path};
    struct audio_src *s;
    struct err e;
    int n = 0, k, cap = 40 * RATE;
    if (audio_src_open(&s, &w, &e) < 0) {
        return 0;
    }
    *x = malloc((size_t)cap * sizeof **x);
    while (n < cap && (k = audio_src_read16k(s, *x + n, cap - n, -1, &e)) > 0) {
        n += k;
    }
    audio_src_close(s);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *dir, char **out, int max)
{
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *f; d && n < max && (f = readdir(d));) {
        const char *dot = strrchr(f->d_name, '.');
        if (dot && (!strcmp(dot, ".flac") || !strcmp(dot, ".opus"))) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
            out[n++] = strdup(path);
        }
    }
    if (d) {
        closedir(d);
    }
    qsort(out, (size_t)n, sizeof *out, by_name);
    return n;
}

/* Noise of our own: kinds 0 white, 1 pink, 2 brown, 3 clicks, 4 gliding tones, 5 silence. */
static void make_noise(int kind, float *x, int n)
{
    float p[3] = {0}, hz = 100 + 2000 * uniform(), glide = (uniform() - 0.5f) * 400, ph = 0;
    for (int i = 0; i < n; i++) {
        float v = 2 * uniform() - 1;
        p[0] = 0.997f * p[0] + 0.03f * v;
        p[1] = 0.965f * p[1] + 0.09f * v;
        p[2] = 0.6f * p[2] + 0.25f * v;
        hz += uniform() < 0.00005f ? 300 * (uniform() - 0.5f) : glide / RATE;
        ph += 2 * (float)M_PI * hz / RATE;
        x[i] = kind == 0   ? v
               : kind == 1 ? p[0] + p[1] + p[2] + 0.06f * v
               : kind == 2 ? p[0] * 4
               : kind == 3 ? (uniform() < 0.0002f ? 1.0f : 0.001f * v)
               : kind == 4 ? 0.3f * sinf(ph) + 0.2f * sinf(2 * ph) + 0.01f * v
                           : 0;
    }
}

static void add(struct set *s, const float *in, float y, float w)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 65536;
        s->x = realloc(s->x, (size_t)s->cap * sizeof *s->x);
        s->y = realloc(s->y, (size_t)s->cap * sizeof *s->y);
        s->w = realloc(s->w, (size_t)s->cap * sizeof *s->w);
    }
    memcpy(s->x[s->n], in, sizeof *s->x);
    s->w[s->n] = w;
    s->y[s->n++] = y;
}

/* The recording faster or slower, by straight lines between samples: other dogs, other saws. */
static float *stretch(const float *x, int n, float speed, int *out_n)
{
    int m = (int)((float)n / speed) - 2;
    float *y = malloc((size_t)m * sizeof *y);
    for (int i = 0; i < m; i++) {
        float at = (float)i * speed;
        int k = (int)at;
        y[i] = x[k] + (x[k + 1] - x[k]) * (at - (float)k);
    }
    *out_n = m;
    return y;
}

/* A recording of noise, stretched, brighter or duller, sometimes with another one in it. */
static float *some_noise(char **noise, int noises, int *n)
{
    float *x, *y, *z, c = 1.4f * uniform() - 0.7f, last = 0;
    int len = load(noise[(int)(uniform() * (float)noises)], &x), m;
    y = stretch(x, len, 0.6f + uniform(), n);
    free(x);
    if (uniform() < 0.3f) {
        len = load(noise[(int)(uniform() * (float)noises)], &x);
        z = stretch(x, len, 0.6f + uniform(), &m);
        float k = (float)(mix_active(y, *n) / mix_active(z, m)) * uniform();
        for (int i = 0; i < *n; i++) {
            y[i] += k * z[i % m];
        }
        free(x);
        free(z);
    }
    for (int i = 0; i < *n; i++) {
        float v = y[i];
        y[i] = v - c * last;
        last = v;
    }
    return y;
}

/* Bursts that ring and die away: knocks, crackling, keys, dishes. */
static void make_bursts(float *x, int n)
{
    float a = 0, hz = 0, ph = 0, die = 0.99f, rate = 0.00005f + 0.0006f * uniform();
    for (int i = 0; i < n; i++) {
        if (uniform() < rate) {
            a = 0.1f + uniform();
            hz = 200 + 3000 * uniform();
            die = 1 - 0.02f * uniform() * uniform() - 0.0005f;
        }
        a *= die;
        ph += 2 * (float)M_PI * hz / RATE;
        x[i] = a * (0.5f * sinf(ph) + 0.5f * (2 * uniform() - 1)) + 0.002f * (2 * uniform() - 1);
    }
}

/* A clock: ticks of two sounds in turn, evenly, in a small room. */
static void make_ticks(float *x, int n)
{
    float every = RATE / (1 + 7 * uniform()), hz[2], die[2], loud[2], a[2] = {0}, ph[2] = {0};
    float room[2000] = {0}, back = 0.5f * uniform();
    int far = 200 + (int)(uniform() * 1700), at = 0, turn = 0;
    float next = 0;
    for (int k = 0; k < 2; k++) {
        hz[k] = 300 + 5000 * uniform();
        die[k] = 1 - 0.02f * uniform() - 0.001f;
        loud[k] = 0.3f + uniform();
    }
    for (int i = 0; i < n; i++) {
        float v = 0.002f * (2 * uniform() - 1);
        if ((float)i >= next) {
            next += every * (0.97f + 0.06f * uniform());
            a[turn] = loud[turn];
            turn = !turn;
        }
        for (int k = 0; k < 2; k++) {
            a[k] *= die[k];
            ph[k] += 2 * (float)M_PI * hz[k] / RATE;
            v += a[k] * (0.5f * sinf(ph[k]) + 0.5f * (2 * uniform() - 1));
        }
        x[i] = room[at] = v + back * room[(at + 2000 - far) % 2000];
        at = (at + 1) % 2000;
    }
}

/* An engine: a train of pulses whose rate wanders, through a resonance. */
static void make_engine(float *x, int n)
{
    float ph = 0, hz = 20 + 200 * uniform(), y1 = 0, y2 = 0, wander = 0;
    float c = 2 * 0.98f * cosf(2 * (float)M_PI * (200 + 1500 * uniform()) / RATE);
    for (int i = 0; i < n; i++) {
        wander += 0.00002f * (2 * uniform() - 1) - 0.000001f * wander;
        ph += hz * (1 + 20 * wander) / RATE;
        float in = 0.05f * (2 * uniform() - 1);
        if (ph >= 1) {
            ph -= 1;
            in += 1;
        }
        float y = in + c * y1 - 0.96f * y2;
        y2 = y1;
        x[i] = y1 = y;
    }
}

/* One clip in one noise at snr_db, `gain` for both; the noise alone for 2 s before and behind. */
static void mix(struct set *s, const float *x, int n, const float *noise, int noise_n, float snr_db,
                float gain)
{
    struct vad_feat *f;
    struct vad_measure m;
    struct err e;
    struct mix in = mix_of(x, n, noise, noise_n, LEAD, (int)(uniform() * (float)noise_n), snr_db);
    float hist[VAD_WIN] = {0};
    vad_feat_new(&f, &e);
    for (int i = 0; i + VAD_FRAME <= 2 * LEAD + n; i += VAD_FRAME) {
        float *now = hist + VAD_WIN - VAD_FRAME;
        memmove(hist, hist + VAD_FRAME, (VAD_WIN - VAD_FRAME) * sizeof *hist);
        double power = mix_frame(&in, i, now), level = in.level;
        for (int j = 0; j < VAD_FRAME; j++) {
            float v = gain * now[j];
            now[j] = v > 1 ? 1 : v < -1 ? -1 : v;
        }
        vad_feat_frame(f, hist, &m);
        if (power > level * level * 0.01) {
            add(s, m.in, 1, 1);
        } else if (power < level * level * 3e-5 && (i < LEAD || i > LEAD + n + RATE / 4)) {
            add(s, m.in, 0, 1);
        }
    }
    vad_feat_free(f);
}

/* Noise alone at rms `level`; a false alarm there costs `w`. */
static void alone(struct set *s, const float *noise, int n, float level, float w)
{
    struct vad_feat *f;
    struct vad_measure m;
    struct err e;
    float hist[VAD_WIN] = {0}, k = level / (float)mix_active(noise, n);
    int at = (int)(uniform() * (float)n);
    vad_feat_new(&f, &e);
    for (int i = 0; i + VAD_FRAME <= 3 * RATE; i += VAD_FRAME) {
        memmove(hist, hist + VAD_FRAME, (VAD_WIN - VAD_FRAME) * sizeof *hist);
        for (int j = 0; j < VAD_FRAME; j++) {
            float v = k * noise[(at + i + j) % n];
            hist[VAD_WIN - VAD_FRAME + j] = v > 1 ? 1 : v < -1 ? -1 : v;
        }
        vad_feat_frame(f, hist, &m);
        add(s, m.in, 0, w);
    }
    vad_feat_free(f);
}

static void noises_alone(struct set *s, char **noise, int noises)
{
    static float own[6 * RATE];
    for (int i = 0; i < 1200; i++) {
        int n;
        float *x = some_noise(noise, noises, &n),
              level = (float)pow(10, -0.6 - 2 * (double)uniform());
        alone(s, x, n, level, 2);
        free(x);
        if (i % 4 == 0) {
            if (i % 8) {
                make_bursts(own, 6 * RATE);
            } else {
                make_engine(own, 6 * RATE);
            }
            alone(s, own, 6 * RATE, level, 1);
        }
        if (i % 3 == 0) {
            make_ticks(own, 6 * RATE);
            alone(s, own, 6 * RATE, level, 2);
        }
    }
    fprintf(stderr, "with noise alone: %ld frames\n", s->n);
}

static void speech(struct set *s, const char *data, char **noise, int noises)
{
    static const char *const from[] = {"an4",
                                       "common-voice-en",
                                       "fsdd",
                                       "kathleen-arctic",
                                       "librispeech-100",
                                       "librispeech-train-clean-5",
                                       "ljspeech",
                                       "picovoice-commands",
                                       "speechocean762"};
    static char *clip[40000];
    static float own[12 * RATE];
    char dir[1024];
    for (size_t d = 0; d < sizeof from / sizeof *from; d++) {
        snprintf(dir, sizeof dir, "%s/speech-train/%s", data, from[d]);
        int n = list(dir, clip, 40000);
        for (int i = 0; i < PER_SET && n > 0; i++) {
            float *x, *z = own;
            int len = load(clip[(long)i * n / PER_SET], &x), zn = 12 * RATE;
            if (len < RATE / 2) {
                continue;
            }
            len = len < LONGEST ? len : LONGEST;
            int kind = (int)(uniform() * 18); /* 8.. : a recording, 17: ticks */
            if (kind == 17) {
                make_ticks(own, zn);
            } else if (kind >= 8) {
                z = some_noise(noise, noises, &zn);
            } else if (kind == 6) {
                make_bursts(own, zn);
            } else if (kind == 7) {
                make_engine(own, zn);
            } else {
                make_noise(kind, own, zn);
            }
            float snr = uniform() * 30, gain = (float)pow(10, -(double)uniform() * 1.5);
            mix(s, x, len, z, zn, kind == 3 || kind == 4 ? snr * 0.5f : snr, gain);
            free(x);
            if (z != own) {
                free(z);
            }
        }
        fprintf(stderr, "%s: %ld frames\n", from[d], s->n);
    }
}

/* p: W1 [HID][IN], b1, w2, b2.  Gives the score; h: hidden values. */
static float forward(const float *p, const float *in, float *h)
{
    float y = p[NP - 1];
    for (int i = 0; i < HID; i++) {
        float a = p[HID * IN + i];
        for (int j = 0; j < IN; j++) {
            a += p[i * IN + j] * in[j];
        }
        h[i] = a / (1 + fabsf(a));
        y += p[HID * IN + HID + i] * h[i];
    }
    return 1 / (1 + expf(-y));
}

static void backward(const float *p, const float *in, const float *h, float d, float *g)
{
    g[NP - 1] += d;
    for (int i = 0; i < HID; i++) {
        float s = 1 - fabsf(h[i]), da = d * p[HID * IN + HID + i] * s * s;
        g[HID * IN + HID + i] += d * h[i];
        g[HID * IN + i] += da;
        for (int j = 0; j < IN; j++) {
            g[i * IN + j] += da * in[j];
        }
    }
}

static void train(const struct set *s, float *p)
{
    static float g[NP], m1[NP], m2[NP];
    float h[HID];
    long step = 0, pos = 0;
    for (int i = 0; i < NP; i++) {
        p[i] = i < HID * IN          ? (uniform() - 0.5f) * 0.3f
               : i >= HID * IN + HID ? uniform() - 0.5f
                                     : 0;
    }
    for (long i = 0; i < s->n; i++) {
        pos += s->y[i] > 0.5f;
    }
    float wneg = (float)pos / (float)(s->n - pos);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        double loss = 0, right = 0;
        float rate = 0.003f * (float)(0.5 + 0.5 * cos(M_PI * epoch / EPOCHS)) + 1e-5f;
        for (long b = 0; b < s->n / BATCH; b++) {
            memset(g, 0, sizeof g);
            for (int k = 0; k < BATCH; k++) {
                long i = (long)(uniform() * (float)(s->n / 64)) * 64 + (long)(uniform() * 64);
                float y = forward(p, s->x[i], h), t = s->y[i];
                float w = t > 0.5f ? 1 : wneg * s->w[i]; /* a false alarm costs more than a miss */
                loss -= (double)w * log((double)(t > 0.5f ? y : 1 - y) + 1e-9);
                right += (y > 0.5f) == (t > 0.5f);
                backward(p, s->x[i], h, w * (y - t) / BATCH, g);
            }
            step++;
            for (int i = 0; i < NP; i++) {
                m1[i] = 0.9f * m1[i] + 0.1f * g[i];
                m2[i] = 0.999f * m2[i] + 0.001f * g[i] * g[i];
                double c1 = 1 - pow(0.9, (double)step), c2 = 1 - pow(0.999, (double)step);
                p[i] -= rate * ((float)((double)m1[i] / c1) /
                                    (sqrtf((float)((double)m2[i] / c2)) + 1e-8f) +
                                1e-3f * p[i]);
            }
        }
        double seen = (double)(s->n / BATCH * BATCH);
        fprintf(stderr, "epoch %d: loss %.4f, right %.2f %%\n", epoch, loss / seen,
                100 * right / seen);
    }
}

static void table(FILE *f, const char *name, const float *p, int n)
{
    fprintf(f, "static const float %s[%d] = {", name, n);
    for (int i = 0; i < n; i++) {
        fprintf(f, "%s%.4ff,", i % 9 ? " " : "\n    ", (double)p[i]);
    }
    fprintf(f, "\n};\n\n");
}

static void save(const char *path, const float *p)
{
    FILE *f = fopen(path, "w");
    fprintf(
        f,
        "/* The net of the voice detector: 208 inputs (vad_feat.c), 64 hidden, one score.  Pure."
        "\n * Written by tests/audio/vad_train.c; do not edit. */\n"
        "#include <math.h>\n\n#include \"audio/vad_feat.h\"\n\nenum { HID = %d };\n\n"
        "/* clang-format off */\n",
        HID);
    table(f, "w1", p, HID * IN);
    table(f, "b1", p + HID * IN, HID);
    table(f, "w2", p + HID * IN + HID, HID);
    fprintf(f, "static const float b2 = %.4ff;\n/* clang-format on */\n\n", (double)p[NP - 1]);
    fprintf(f, "float vad_net(const float *in)\n{\n    float y = b2;\n"
               "    for (int i = 0; i < HID; i++) {\n        float a = b1[i];\n"
               "        for (int j = 0; j < VAD_INPUTS; j++) {\n"
               "            a += w1[i * VAD_INPUTS + j] * in[j];\n        }\n"
               "        y += w2[i] * (a / (1 + fabsf(a)));\n    }\n"
               "    return 1 / (1 + expf(-y));\n}\n");
    fclose(f);
}

int main(int argc, char **argv)
{
    static float p[NP];
    static char *all[256], *noise[256];
    struct set s = {0};
    char dir[1024];
    int noises = 0;
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "vad_train DATA OUT.c\n");
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/noise", argv[1]);
    int n = list(dir, all, 256);
    for (int i = argc == 4 ? atoi(argv[3]) : 0; i < n; i += 2) {
        noise[noises++] = all[i];
    }
    if (noises == 0) {
        fprintf(stderr, "no noise in %s\n", dir);
        return 1;
    }
    speech(&s, argv[1], noise, noises);
    noises_alone(&s, noise, noises);
    train(&s, p);
    save(argv[2], p);
    return 0;
}
