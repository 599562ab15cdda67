/* Resampling: level in the pass band, what comes through above it, lengths, any push size. */
#include "tests/audio/help.h"

#include <math.h>

#include "audio/resample.h"

/* Amplitude 0.5 at hz through rate -> 16 kHz; *n samples come out, to be freed. */
static float *through(int rate, int better, double hz, double seconds, int *n)
{
    struct resample *r;
    struct err e;
    int total = (int)(rate * seconds), cap = (int)(16000 * seconds) + 100, used, at = 0, k;
    float *x = malloc((size_t)total * sizeof *x), *y = malloc((size_t)cap * sizeof *y);
    for (int i = 0; i < total; i++) {
        x[i] = (float)(0.5 * sin(2 * M_PI * hz * i / rate));
    }
    assert_int_equal(resample_new(&r, rate, 16000, better, &e), 0);
    *n = 0;
    do {
        int len = total - at < 777 ? total - at : 777;
        k = resample_run(r, x + at, len, &used, y + *n, cap - *n, len == 0);
        assert_true(k >= 0);
        at += used;
        *n += k;
    } while (k > 0 || at < total);
    resample_free(r);
    free(x);
    return y;
}

static double level(const float *x, int n, double hz)
{
    double re = 0, im = 0;
    for (int i = 0; i < n; i++) {
        double h = 1 - cos(2 * M_PI * (i + 0.5) / n);
        re += (double)x[i] * h * cos(2 * M_PI * hz * i / 16000);
        im += (double)x[i] * h * sin(2 * M_PI * hz * i / 16000);
    }
    return 20 * log10(2 * sqrt(re * re + im * im) / n / 0.5 + 1e-12);
}

static double rms_db(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return 10 * log10(sum / n / 0.125 + 1e-12);
}

static void sweep(int better)
{
    static const int rates[] = {8000, 11025, 22050, 32000, 44100, 48000, 96000, 192000, 384000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        double nyq = (rates[r] < 16000 ? rates[r] : 16000) / 2.0, worst = 0, leak = -200;
        int n;
        for (double hz = 100; hz <= (better ? 0.85 : 0.7) * nyq; hz += 0.08 * nyq) {
            float *y = through(rates[r], better, hz, 0.6, &n);
            double d = fabs(level(y + 800, n - 1600, hz));
            worst = d > worst ? d : worst;
            assert_in_range(n, 9600 - 3, 9600 + 3);
            free(y);
        }
        for (double hz = 1.22 * nyq; hz < 0.49 * rates[r]; hz *= 1.11) {
            float *y = through(rates[r], better, hz, 0.6, &n);
            double l = rms_db(y + 800, n - 1600);
            leak = l > leak ? l : leak;
            free(y);
        }
        print_message("%6d Hz: pass band within %.3f dB, above it at most %.1f dB\n", rates[r],
                      worst, leak);
        assert_true(worst < 0.1);
        assert_true(leak < -80);
    }
}

static void t_sweep_file(void **state)
{
    (void)state;
    sweep(0);
}

static void t_sweep_live(void **state)
{
    (void)state;
    sweep(1);
}

static void t_extremes(void **state)
{
    struct resample *r;
    struct err e;
    int n;
    (void)state;
    float *y = through(1000, 0, 100, 2, &n);
    assert_in_range(n, 32000 - 20, 32000 + 20);
    assert_true(fabs(level(y + 4000, 20000, 100)) < 0.1);
    free(y);
    assert_int_equal(resample_new(&r, 10, 16000, 0, &e), -ERR_SOUND);
    assert_null(r);
    resample_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_sweep_file),
                                       cmocka_unit_test(t_sweep_live),
                                       cmocka_unit_test(t_extremes)};
    return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
