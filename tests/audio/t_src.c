/* Sources: every kind of file, any rate and channel count, exactness, mending, stopping. */
#include "tests/audio/help.h"

#include <math.h>
#include <pthread.h>
#include <sndfile.h>

#include "app/base/clk.h"

/* Leaks inside libraries that we cannot mend: libsndfile forgets a vorbis_info when an Ogg header
 * is damaged (5784 bytes a file), and the encoders' state when it cannot write a rate. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\nleak:vorbis_encode_setup_init\nleak:lame_init\n";
}

static char dir[] = "/tmp/dictate-src-XXXXXX";

static const char *at(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) ? -1 : 0;
}

/* Frames of interleaved floats into a file; 0 when this libsndfile cannot write the format. */
static int save(const char *path, int format, int rate, int channels, const float *x, int frames)
{
    SF_INFO info = {.format = format, .samplerate = rate, .channels = channels};
    if (!sf_format_check(&info)) {
        return 0;
    }
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    if (!f) {
        return 0;
    }
    sf_count_t n = sf_writef_float(f, x, frames);
    sf_close(f);
    return n == frames;
}

static struct audio_src *open_file(const char *path)
{
    struct audio_want w = {.kind = AUDIO_FILE, .name = path};
    struct audio_src *s;
    struct err e;
    if (audio_src_open(&s, &w, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return s;
}

/* Amplitude of a tone of hz in x[0..n) at 16 kHz. */
static double tone_level(const float *x, int n, double hz)
{
    double re = 0, im = 0;
    for (int i = 0; i < n; i++) {
        double h = 1 - cos(2 * M_PI * (i + 0.5) / n);
        re += (double)x[i] * h * cos(2 * M_PI * hz * i / 16000);
        im += (double)x[i] * h * sin(2 * M_PI * hz * i / 16000);
    }
    return 2 * sqrt(re * re + im * im) / n;
}

static void t_exact(void **state)
{
    static const int format[] = {SF_FORMAT_WAV, SF_FORMAT_FLAC, SF_FORMAT_AIFF, SF_FORMAT_AU};
    enum { N = 40000 };
    static int16_t x[N];
    uint32_t r = help_seed("exact");
    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = (int16_t)help_rand(&r);
    }
    x[0] = INT16_MIN;
    x[1] = INT16_MAX;
    for (size_t f = 0; f < 4; f++) {
        SF_INFO info = {.format = format[f] | SF_FORMAT_PCM_16, .samplerate = 16000, .channels = 1};
        SNDFILE *out = sf_open(at("x"), SFM_WRITE, &info);
        assert_int_equal(sf_write_short(out, x, N), N);
        sf_close(out);
        struct audio_src *s = open_file(at("x"));
        struct err e;
        float *y;
        assert_float_equal(audio_src_got(s)->seconds, N / 16000.0, 1e-9);
        assert_int_equal(help_read_all(s, &y, &e), N);
        for (int i = 0; i < N; i++) {
            assert_true(y[i] == (float)x[i] / 32768.0f);
        }
        assert_string_equal(audio_src_note(s), "");
        assert_int_equal(audio_src_read16k(s, y, 10, 0, &e), AUDIO_END); /* again */
        audio_src_close(s);
        free(y);
    }
}

struct kind {
    const char *name;
    int format;
    int slack; /* samples of padding the coder may add or take, at 16 kHz */
    double loss;
};

static const struct kind kinds[] = {
    {"wav u8", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 2, 0.02},
    {"wav 16", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2, 0.01},
    {"wav 24", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 2, 0.01},
    {"wav 32", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 2, 0.01},
    {"wav float", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 0.01},
    {"wav double", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 2, 0.01},
    {"wav ulaw", SF_FORMAT_WAV | SF_FORMAT_ULAW, 2, 0.02},
    {"wav adpcm", SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, 4000, 0.03},
    {"wavex", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 2, 0.01},
    {"rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 2, 0.01},
    {"w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 2, 0.01},
    {"aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 2, 0.01},
    {"caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 2, 0.01},
    {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 2, 0.01},
    {"vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 3000, 0.05},
    {"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 3000, 0.05},
    {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 6000, 0.05},
};

static int try_kind(const struct kind *k, int rate, int channels)
{
    int n = 2 * rate;
    float *x = malloc((size_t)n * (size_t)channels * sizeof *x), *y;
    struct err e = {0};
    for (int i = 0; i < n * channels; i++) {
        x[i] = 0.5f * sinf((float)(2 * M_PI * 300) * (float)(i / channels) / (float)rate);
    }
    int ok = save(at("k"), k->format, rate, channels, x, n);
    free(x);
    if (!ok) {
        return 0;
    }
    struct audio_src *s = open_file(at("k"));
    assert_int_equal(audio_src_got(s)->rate, rate);
    assert_int_equal(audio_src_got(s)->channels, channels);
    int m = help_read_all(s, &y, &e);
    double level = m > 20000 ? tone_level(y + 8000, 12000, 300) : 0;
    double loss = k->loss + (channels > 2 ? 0.09 : 0); /* lossy coders cut the sixth, low channel */
    if (abs(m - 32000) > k->slack || fabs(level - 0.5) > loss) {
        fail_msg("%s: %d samples, level %.3f", audio_src_got(s)->what, m, level);
    }
    audio_src_close(s);
    free(y);
    return 1;
}

static void t_kinds(void **state)
{
    static const int rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000};
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int n = 0;
        for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
            n += try_kind(&kinds[k], rates[r], 1 + (int)(r % 2));
        }
        n += try_kind(&kinds[k], 48000, 6);
        print_message("%-10s %d combinations\n", kinds[k].name, n);
        assert_true(n > 2);
    }
}

static void t_mending(void **state)
{
    float x[2 * 1000], y[1000];
    struct audio_stat st;
    struct err e;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        x[i] = i % 2 ? 0.5f : 0.25f;
    }
    x[2 * 10] = NAN;
    x[2 * 20 + 1] = INFINITY;
    x[2 * 30] = x[2 * 30 + 1] = -INFINITY;
    x[2 * 40] = 1e30f;
    x[2 * 50] = x[2 * 50 + 1] = -7;
    assert_true(save(at("m"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 2, x, 1000));
    struct audio_src *s = open_file(at("m"));
    assert_int_equal(audio_src_read16k(s, y, 1000, -1, &e), 1000);
    assert_float_equal(y[0], 0.375, 0);
    assert_float_equal(y[10], 0.5, 0); /* the finite channel alone */
    assert_float_equal(y[20], 0.25, 0);
    assert_float_equal(y[30], 0, 0);
    assert_float_equal(y[40], 0.75, 0); /* 1 and 0.5 */
    assert_float_equal(y[50], -1, 0);
    audio_src_stat(s, &st);
    assert_int_equal(st.nonfinite, 4);
    assert_int_equal(st.clamped, 3);
    assert_int_equal(st.frames, 1000);
    audio_src_close(s);
}

/* Reads of any size give the same samples, also through the resampler. */
static void t_read_sizes(void **state)
{
    uint32_t seed = help_seed("read sizes");
    struct audio_want w = {
        .kind = AUDIO_GEN, .name = "white", .gen_seconds = 1.5, .gen_rate = 44100};
    struct audio_src *a, *b;
    struct err e;
    float *x, y[3000];
    (void)state;
    assert_int_equal(audio_src_open(&a, &w, &e), 0);
    assert_int_equal(audio_src_open(&b, &w, &e), 0);
    int n = help_read_all(a, &x, &e), m = 0, k;
    while ((k = audio_src_read16k(b, y, 1 + (int)(help_rand(&seed) % 3000), -1, &e)) > 0) {
        assert_memory_equal(x + m, y, (size_t)k * sizeof *y);
        m += k;
    }
    assert_int_equal(m, n);
    assert_in_range(n, 23998, 24002);
    audio_src_close(a);
    audio_src_close(b);
    free(x);
}

static void t_bytes(void **state)
{
    float x[800] = {0}, y[900];
    size_t size = 0;
    struct err e;
    (void)state;
    assert_true(save(at("b"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, x, 800));
    char *data = help_slurp(at("b"), &size);
    struct audio_want w = {.kind = AUDIO_BYTES, .bytes = data, .size = size, .name = "sample"};
    struct audio_src *s;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_string_equal(audio_src_got(s)->what, "sample: FLAC, 16 kHz, 1 channel");
    assert_int_equal(audio_src_read16k(s, y, 900, -1, &e), 800);
    assert_int_equal(audio_src_read16k(s, y, 900, -1, &e), AUDIO_END);
    audio_src_close(s);
    free(data);
}

static void *stop_soon(void *arg)
{
    usleep(50000);
    audio_src_stop(arg);
    return NULL;
}

/* A reader that waits for a silent pipe is woken at once. */
static void t_stop(void **state)
{
    int fd[2];
    float x[100];
    struct err e = {0};
    struct audio_want w = {.kind = AUDIO_STDIN, .raw_only = 1};
    struct audio_src *s;
    pthread_t t;
    (void)state;
    int saved = dup(0);
    assert_int_equal(pipe(fd), 0);
    dup2(fd[0], 0);
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_int_equal(audio_src_read16k(s, x, 100, 0, &e), AUDIO_AGAIN);
    assert_int_equal(audio_src_read16k(s, x, 100, 20, &e), AUDIO_AGAIN);
    int64_t t0 = clk_us();
    pthread_create(&t, NULL, stop_soon, s);
    assert_int_equal(audio_src_read16k(s, x, 100, -1, &e), AUDIO_END);
    assert_in_range(clk_us() - t0, 40000, 2000000);
    pthread_join(t, NULL);
    assert_int_equal(audio_src_read16k(s, x, 100, -1, &e), AUDIO_END);
    audio_src_close(s);
    dup2(saved, 0);
    close(saved);
    close(fd[0]);
    close(fd[1]);
}

static void t_generators(void **state)
{
    static const char *const name[] = {"silence", "tone", "white", "pink", "click"};
    struct err e;
    struct audio_src *s;
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct audio_want w = {.kind = AUDIO_GEN, .name = name[i], .gen_seconds = 2};
        float *x;
        double sum = 0;
        assert_int_equal(audio_src_open(&s, &w, &e), 0);
        assert_int_equal(help_read_all(s, &x, &e), 32000);
        for (int j = 0; j < 32000; j++) {
            sum += (double)x[j] * (double)x[j];
        }
        assert_true(i == 0 ? sum == 0 : sum > 0.01);
        free(x);
        audio_src_close(s);
    }
    struct audio_want bad = {.kind = AUDIO_GEN, .name = "music"};
    assert_int_equal(audio_src_open(&s, &bad, &e), -ERR_USAGE);
    bad.name = "tone";
    bad.gen_rate = 7;
    assert_int_equal(audio_src_open(&s, &bad, &e), -ERR_USAGE);
    bad.gen_rate = 0;
    bad.gen_seconds = (double)NAN;
    assert_int_equal(audio_src_open(&s, &bad, &e), -ERR_USAGE);
    audio_src_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_exact),      cmocka_unit_test(t_kinds),      cmocka_unit_test(t_mending),
        cmocka_unit_test(t_bytes),      cmocka_unit_test(t_read_sizes), cmocka_unit_test(t_stop),
        cmocka_unit_test(t_generators),
    };
    return cmocka_run_group_tests_name("src", tests, make_dir, drop_dir);
}
