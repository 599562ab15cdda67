/* Standard input and named pipes: raw and WAV, sizes that lie, any cut of the bytes. */
#include "tests/audio/help.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

enum { N = 20000 };

static int16_t pcm[N];

struct writer {
    int fd;
    const uint8_t *data;
    size_t size;
    uint32_t seed; /* 0: all at once */
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (size_t at = 0; at < w->size;) {
        size_t k = w->seed ? 1 + help_rand(&w->seed) % 999 : w->size;
        k = k < w->size - at ? k : w->size - at;
        ssize_t n = write(w->fd, w->data + at, k);
        if (n < 0) {
            break;
        }
        at += (size_t)n;
    }
    close(w->fd);
    return NULL;
}

/* Runs bytes through standard input; count or -ERR; *x to be freed (NULL when open failed). */
static int feed(const void *data, size_t size, const struct audio_want *want, uint32_t seed,
                float **x, char *note, struct err *e)
{
    int fd[2], saved = dup(0);
    struct audio_src *s;
    pthread_t t;
    assert_int_equal(pipe(fd), 0);
    dup2(fd[0], 0);
    close(fd[0]);
    struct writer w = {.fd = fd[1], .data = data, .size = size, .seed = seed};
    pthread_create(&t, NULL, write_all, &w);
    memset(e, 0, sizeof *e);
    *x = NULL;
    note[0] = 0;
    int rc = audio_src_open(&s, want, e);
    if (rc == 0) {
        rc = help_read_all(s, x, e);
        snprintf(note, 256, "%s", audio_src_note(s));
        audio_src_close(s);
    }
    dup2(saved, 0); /* closes the reading end: a writer that still has much gets EPIPE */
    close(saved);
    pthread_join(t, NULL);
    return rc;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* A WAV of 16 kHz mono s16 with that data size in its header; returns its length. */
static size_t wav(uint8_t *out, uint32_t data_size, size_t bytes)
{
    static const uint8_t head[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0"
                                    "\x02\0\x10\0data";
    memcpy(out, head, 44);
    put32(out + 4, data_size + 36);
    put32(out + 40, data_size);
    memcpy(out + 44, pcm, bytes);
    return 44 + bytes;
}

static void same(const float *x, int n)
{
    for (int i = 0; i < n; i++) {
        assert_true(x[i] == (float)pcm[i] / 32768.0f);
    }
}

static void t_raw(void **state)
{
    uint32_t seed = help_seed("raw pipe");
    struct audio_want w = {.kind = AUDIO_STDIN};
    struct err e;
    char note[256];
    float *x;
    (void)state;
    for (int round = 0; round < 4; round++) {
        assert_int_equal(
            feed(pcm, sizeof pcm, &w, round ? seed + (unsigned)round : 0, &x, note, &e), N);
        same(x, N);
        free(x);
    }
    assert_int_equal(feed(pcm, 2001, &w, 0, &x, note, &e), 1000); /* an odd byte at the end */
    same(x, 1000);
    free(x);
    w.raw_channels = 2;
    w.raw_rate = 16000;
    assert_int_equal(feed(pcm, 4000, &w, seed, &x, note, &e), 1000);
    assert_true(x[7] == ((float)pcm[14] / 32768.0f + (float)pcm[15] / 32768.0f) / 2);
    free(x);
    w.raw_channels = 1;
    w.raw_rate = 48000;
    assert_in_range(feed(pcm, sizeof pcm, &w, seed, &x, note, &e), N / 3 - 2, N / 3 + 2);
    free(x);
    w.raw_rate = 3;
    assert_int_equal(feed(pcm, sizeof pcm, &w, 0, &x, note, &e), -ERR_USAGE);
}

static void t_wav(void **state)
{
    static const uint32_t unknown[] = {0, 0xffffffffu, 0x7ffff000u, 0x7fffffffu, 0x80000000u - 36};
    static uint8_t b[44 + sizeof pcm + 100];
    uint32_t seed = help_seed("wav pipe");
    struct audio_want w = {.kind = AUDIO_FILE, .name = "-"};
    struct err e;
    char note[256];
    float *x;
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        size_t n = wav(b, unknown[i], sizeof pcm);
        assert_int_equal(feed(b, n, &w, seed + (unsigned)i, &x, note, &e), N);
        same(x, N);
        assert_string_equal(note, "");
        free(x);
    }
    size_t n = wav(b, 2000, sizeof pcm); /* what follows the samples is none */
    assert_int_equal(feed(b, n, &w, seed, &x, note, &e), 1000);
    same(x, 1000);
    free(x);
    n = wav(b, 36000u * 32000u, 2000); /* promises 10 h */
    assert_int_equal(feed(b, n, &w, seed, &x, note, &e), 1000);
    print_message("%s\n", note);
    assert_non_null(strstr(note, "cut short"));
    assert_non_null(strstr(note, "10.0 h"));
    free(x);
}

static void t_bad(void **state)
{
    static uint8_t b[44 + sizeof pcm];
    struct audio_want w = {.kind = AUDIO_STDIN};
    struct err e;
    char note[256];
    float *x;
    (void)state;
    wav(b, 0, 100);
    struct {
        const char *what;
        size_t at;
        uint8_t byte;
        size_t size;
    } c[] = {
        {"rate 0", 24, 0, 200},        {"3 channels claimed as 0", 22, 0, 200},
        {"unknown code", 20, 99, 200}, {"12 bits", 34, 12, 200},
        {"short fmt", 16, 4, 200},     {"cut in the header", 0, 'R', 30},
        {"not WAVE", 8, 'X', 200},     {"no samples", 0, 'R', 44},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        uint8_t copy[200];
        memcpy(copy, b, sizeof copy);
        copy[c[i].at] = c[i].byte;
        if (i == 0) {
            copy[25] = 0;
        }
        assert_int_equal(feed(copy, c[i].size, &w, 0, &x, note, &e), -ERR_SOUND);
        print_message("%-24s %s\n", c[i].what, e.text);
        assert_non_null(strstr(e.text, "standard input"));
        free(x);
    }
    assert_int_equal(feed("", 0, &w, 0, &x, note, &e), -ERR_SOUND);
    assert_int_equal(feed("x", 1, &w, 0, &x, note, &e), -ERR_SOUND);
    free(x);
    assert_int_equal(feed("fLaC0000000", 11, &w, 0, &x, note, &e), -ERR_SOUND);
    assert_non_null(strstr(e.text, "FLAC"));
}

/* Standard input redirected from a file, a folder, nothing. */
static void t_redirected(void **state)
{
    static uint8_t b[44 + sizeof pcm];
    char path[] = "/tmp/dictate-pipe-XXXXXX";
    struct audio_want w = {.kind = AUDIO_STDIN};
    struct audio_src *s;
    struct err e;
    float *x;
    int fd = mkstemp(path), saved = dup(0);
    (void)state;
    for (int round = 0; round < 2; round++) { /* WAV, then raw */
        size_t n = wav(b, sizeof pcm, sizeof pcm), skip = round ? 44 : 0;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, b + skip, n - skip, 0), n - skip);
        lseek(fd, 0, SEEK_SET);
        dup2(fd, 0);
        assert_int_equal(audio_src_open(&s, &w, &e), 0);
        assert_false(audio_src_got(s)->live);
        assert_int_equal(help_read_all(s, &x, &e), N);
        same(x, N);
        free(x);
        audio_src_close(s);
    }
    int folder = open("/tmp", O_RDONLY);
    dup2(folder, 0);
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    close(folder);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    close(null);
    close(0);
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    assert_non_null(strstr(e.text, "closed"));
    dup2(saved, 0);
    close(saved);
    close(fd);
    unlink(path);
}

static void *write_fifo(void *arg)
{
    static uint8_t b[44 + sizeof pcm];
    size_t n = wav(b, 0, sizeof pcm);
    usleep(30000);
    struct writer w = {.fd = open(arg, O_WRONLY), .data = b, .size = n, .seed = 9};
    return write_all(&w);
}

static void t_fifo(void **state)
{
    char path[64];
    struct audio_src *s;
    struct err e;
    pthread_t t;
    float *x;
    (void)state;
    snprintf(path, sizeof path, "/tmp/dictate-fifo-%d", (int)getpid());
    assert_int_equal(mkfifo(path, 0600), 0);
    struct audio_want w = {.kind = AUDIO_FILE, .name = path};
    pthread_create(&t, NULL, write_fifo, path);
    if (audio_src_open(&s, &w, &e) < 0) {
        fail_msg("%s", e.text);
    }
    assert_true(audio_src_got(s)->live);
    assert_int_equal(help_read_all(s, &x, &e), N);
    same(x, N);
    free(x);
    audio_src_close(s);
    pthread_join(t, NULL);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_raw),        cmocka_unit_test(t_wav),  cmocka_unit_test(t_bad),
        cmocka_unit_test(t_redirected), cmocka_unit_test(t_fifo),
    };
    uint32_t r = 4711;
    for (int i = 0; i < N; i++) {
        pcm[i] = (int16_t)help_rand(&r);
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("pipe", tests, NULL, NULL);
}
