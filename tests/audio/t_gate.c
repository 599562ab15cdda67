/* Push-to-talk: what counts begins before the key and ends behind it, to the sample, however late
 * the reader is.  And the mixdown's dead channels. */
#include "tests/audio/help.h"

#include <math.h>
#include <sndfile.h>

#include "audio/gate.h"

enum { RATE = 16000 };

struct got {
    uint64_t first[16], end[16];
    int n, open;
};

static void take(struct gate *g, struct got *got)
{
    float x[700];
    uint64_t at;
    int k, last;
    do {
        k = gate_take(g, x, 700, &at, &last);
        for (int i = 0; i < k; i++) {
            assert_true(x[i] == (float)(at + (unsigned)i));
        }
        if (k > 0 && !got->open) {
            got->first[got->n] = at;
            got->open = 1;
        } else if (k > 0) {
            assert_int_equal(at, got->end[got->n]);
        }
        if (k > 0) {
            got->end[got->n] = at + (unsigned)k;
        }
        if (last && got->open) {
            got->open = 0;
            got->n++;
        }
    } while (k > 0 || last);
}

/* Pushes samples up to `end` in pieces, taking in between. */
static void push(struct gate *g, struct got *got, uint64_t *at, uint64_t end, uint32_t *seed)
{
    float x[900];
    while (*at < end) {
        int n = 1 + (int)(help_rand(seed) % 900);
        n = n < (int)(end - *at) ? n : (int)(end - *at);
        for (int i = 0; i < n; i++) {
            x[i] = (float)(*at + (unsigned)i);
        }
        gate_push(g, x, n);
        *at += (uint64_t)n;
        take(g, got);
    }
}

static void t_gate(void **state)
{
    uint32_t seed = help_seed("gate");
    (void)state;
    for (int late = 0; late < 2; late++) { /* the keys come before the reader is there */
        struct got got = {0};
        struct gate *g;
        struct err e;
        uint64_t at = 0;
        assert_int_equal(gate_new(&g, RATE, -1, -1, &e), 0);
        push(g, &got, &at, late ? 0 : 30000, &seed);
        gate_open(g, 30000);
        gate_open(g, 31000); /* a second press does nothing */
        assert_true(gate_is_open(g));
        push(g, &got, &at, late ? 0 : 50000, &seed);
        gate_shut(g, 50000);
        push(g, &got, &at, late ? 0 : 100000, &seed);
        assert_int_equal(gate_flip(g, 100000), 1);
        push(g, &got, &at, late ? 0 : 110000, &seed);
        assert_int_equal(gate_flip(g, 110000), 0);
        assert_int_equal(gate_flip(g, 112000), 1); /* again, before the post-roll is over */
        assert_int_equal(gate_flip(g, 120000), 0);
        push(g, &got, &at, 200000, &seed);
        assert_int_equal(got.n, 2);
        assert_int_equal(got.first[0], 30000 - 8000);
        assert_int_equal(got.end[0], 50000 + 3200);
        assert_int_equal(got.first[1], 100000 - 8000);
        assert_int_equal(got.end[1], 120000 + 3200);
        gate_free(g);
    }
    gate_free(NULL);
}

/* Pressed at the very beginning, and two presses whose rolls overlap: no sample twice. */
static void t_gate_edges(void **state)
{
    uint32_t seed = help_seed("gate edges");
    struct got got = {0};
    struct gate *g;
    struct err e;
    uint64_t at = 0, first;
    float x[20000];
    (void)state;
    assert_int_equal(gate_new(&g, RATE, 500, 0, &e), 0);
    gate_open(g, 100);
    push(g, &got, &at, 4000, &seed);
    gate_shut(g, 4000);
    push(g, &got, &at, 6000, &seed);
    gate_open(g, 6000);
    push(g, &got, &at, 7000, &seed);
    gate_shut(g, 7000);
    push(g, &got, &at, 9000, &seed);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.first[0], 0);
    assert_int_equal(got.end[0], 4000);
    assert_int_equal(got.first[1], 4000);
    assert_int_equal(got.end[1], 7000);
    /* the function alone */
    assert_int_equal(gate_before(g, 8000, 300, x, 20000, &first), 4800);
    assert_int_equal(first, 3200);
    assert_true(x[0] == 3200 && x[4799] == 7999);
    assert_int_equal(gate_before(g, 1000, 300, x, 20000, &first), 1000);
    assert_int_equal(gate_before(g, 99999, 10, x, 20000, &first), 160);
    assert_int_equal(first, 8840);
    assert_int_equal(gate_before(g, 8000, 5000, x, 10, &first), 10);
    gate_free(g);
}

/* RMS in dB of y[a..b). */
static double rms(const float *y, int a, int b)
{
    double sum = 0;
    for (int i = a; i < b; i++) {
        sum += (double)y[i] * (double)y[i];
    }
    return 10 * log10(sum / (b - a) + 1e-20);
}

/* Stereo of 6 s through a file: left[i] * gain_l(second), likewise right. */
static float *stereo(const float *gain_l, const float *gain_r, float hiss, int piece)
{
    char path[] = "/tmp/dictate-gate-XXXXXX";
    static float x[2 * 6 * RATE];
    uint32_t seed = 5;
    close(mkstemp(path));
    for (int i = 0; i < 6 * RATE; i++) {
        float v = 0.5f * help_noise(&seed);
        x[2 * i] = v * gain_l[i / RATE] + hiss * help_noise(&seed);
        x[2 * i + 1] = v * gain_r[i / RATE] + hiss * help_noise(&seed);
    }
    SF_INFO info = {.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT, .samplerate = RATE, .channels = 2};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    sf_writef_float(f, x, 6 * RATE);
    sf_close(f);
    struct audio_want w = {.kind = AUDIO_FILE, .name = path};
    struct audio_src *s;
    struct err e;
    float *y = malloc(6 * RATE * sizeof *y);
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    for (int n = 0, k; n < 6 * RATE; n += k) {
        k = audio_src_read16k(s, y + n, piece < 6 * RATE - n ? piece : 6 * RATE - n, -1, &e);
        assert_true(k > 0);
    }
    audio_src_close(s);
    unlink(path);
    return y;
}

/* One channel hisses and is dead for three seconds, then lives: the sound is never 6 dB down for
 * more than half a second, nor does it jump; the same whatever the size of the reads. */
static void t_channels(void **state)
{
    static const float on[6] = {1, 1, 1, 1, 1, 1}, late[6] = {0, 0, 0, 1, 1, 1},
                       pause[6] = {1, 1, 0, 0, 1, 1};
    (void)state;
    float *y = stereo(on, late, 0.0005f, 4096), *z = stereo(on, late, 0.0005f, 77);
    assert_memory_equal(y, z, 6 * RATE * sizeof *y);
    double want = rms(y, 3 * RATE + 800, 6 * RATE);
    assert_float_equal(rms(y, 0, RATE / 4), want - 6, 0.3); /* could be a quiet talker */
    assert_float_equal(rms(y, RATE * 6 / 10, 3 * RATE), want, 0.3);
    assert_float_equal(rms(y, 3 * RATE, 3 * RATE + 800), want, 2);
    free(y);
    free(z);
    y = stereo(on, late, 0, 500); /* nothing but zeros: known within 60 ms */
    assert_float_equal(rms(y, RATE * 7 / 100, 3 * RATE), want, 0.3);
    free(y);
    y = stereo(pause, pause, 0.0005f, 500); /* both pause: both live */
    assert_float_equal(rms(y, 4 * RATE, 6 * RATE), want, 0.3);
    free(y);
    y = stereo(on, on, 0, 500);
    assert_float_equal(rms(y, 0, 6 * RATE), want, 0.3);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_gate),
        cmocka_unit_test(t_gate_edges),
        cmocka_unit_test(t_channels),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
