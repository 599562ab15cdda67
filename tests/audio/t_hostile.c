/* Hostile sound files: one sentence that names the file and the fault, -ERR_SOUND, little memory,
 * no crash; or an early end with a note. */
#include "tests/audio/help.h"

#include <sndfile.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "app/base/clk.h"

/* Leaks inside libraries that we cannot mend: libsndfile forgets a vorbis_info when an Ogg header
 * is damaged (5784 bytes a file). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\n";
}

enum outcome { REFUSED, EARLY_END, EITHER };

static char dir[] = "/tmp/dictate-bad-XXXXXX";
static int cases;
static uint8_t image[200000]; /* a good file, to be spoilt */
static size_t image_n;

static const char *at(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void save(const char *name, const void *data, size_t n)
{
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void one(const char *name, enum outcome want)
{
    struct audio_want w = {.kind = AUDIO_FILE, .name = at(name)};
    struct audio_src *s = NULL;
    struct err e = {0};
    struct rusage before, after;
    char note[256] = "";
    float x[4096];
    long total = 0;
    int n;
    getrusage(RUSAGE_SELF, &before);
    int64_t t0 = clk_us();
    int rc = audio_src_open(&s, &w, &e);
    if (rc == 0) {
        while ((n = audio_src_read16k(s, x, 4096, -1, &e)) > 0) {
            total += n;
            assert_true(total < 60 * 16000);
        }
        rc = n;
        snprintf(note, sizeof note, "%s", audio_src_note(s));
        audio_src_close(s);
    } else {
        assert_null(s);
    }
    int64_t ms = (clk_us() - t0) / 1000;
    getrusage(RUSAGE_SELF, &after);
    cases++;
    print_message("%-14s %s\n", name, rc < 0 ? e.text : note[0] ? note : "(read)");
    assert_true(ms < 3000);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    if (want == REFUSED || (want == EITHER && rc < 0)) {
        assert_int_equal(rc, -ERR_SOUND);
        assert_int_equal(e.code, ERR_SOUND);
        assert_non_null(strstr(e.text, name));
        assert_null(strchr(e.text, '\n'));
    } else if (want == EARLY_END) {
        assert_int_equal(rc, 0);
        assert_non_null(strstr(note, name));
    }
}

/* A second of a buzz in any format, into image. */
static void good(int format, int rate)
{
    SF_INFO info = {.format = format, .samplerate = rate, .channels = 1};
    SNDFILE *f = sf_open(at("good"), SFM_WRITE, &info);
    static float x[48000];
    size_t n = 0;
    for (int i = 0; i < rate; i++) {
        x[i] = 0.3f * (float)(i % 100) / 100;
    }
    assert_non_null(f);
    assert_int_equal(sf_write_float(f, x, rate), rate);
    sf_close(f);
    char *data = help_slurp(at("good"), &n);
    assert_non_null(data);
    assert_true(n <= sizeof image);
    memcpy(image, data, n);
    image_n = n;
    free(data);
}

static void put32(size_t off, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        image[off + (size_t)i] = (uint8_t)(v >> (8 * i));
    }
}

static void t_not_files(void **state)
{
    (void)state;
    one("missing.wav", REFUSED);
    mkdir(at("folder.wav"), 0700);
    one("folder.wav", REFUSED);
    assert_int_equal(symlink("/dev/zero", at("zero.wav")), 0);
    one("zero.wav", REFUSED);
    assert_int_equal(symlink("/dev/null", at("null.wav")), 0);
    one("null.wav", REFUSED);
    assert_int_equal(symlink("loop.wav", at("loop.wav")), 0);
    one("loop.wav", REFUSED);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof sa.sun_path, "%.90s/socket.wav", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    one("socket.wav", REFUSED);
    close(fd);
    save("empty.wav", "", 0);
    one("empty.wav", REFUSED);
    save("secret.wav", "RIFF", 4);
    chmod(at("secret.wav"), 0);
    one("secret.wav", REFUSED); /* root may read it, then it is too short */
    char longname[300];
    memset(longname, 'a', sizeof longname);
    longname[299] = 0;
    struct audio_want w = {.kind = AUDIO_FILE, .name = longname};
    struct audio_src *s;
    struct err e;
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    assert_true(strlen(e.text) < 200);
    w.name = "";
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_USAGE);
    w.name = "/dev/zero";
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    w.name = "/tmp/line\nbreak\033[31m.wav";
    assert_int_equal(audio_src_open(&s, &w, &e), -ERR_SOUND);
    assert_null(strchr(e.text, '\n'));
    assert_null(strchr(e.text, '\033'));
}

static void t_wrong_magic(void **state)
{
    (void)state;
    save("text.wav", "this is no sound at all, only words\n", 36);
    one("text.wav", REFUSED);
    save("tiny.wav", "R", 1);
    one("tiny.wav", REFUSED);
    save("elf.wav", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
    one("elf.wav", REFUSED);
    uint32_t r = 99;
    static uint8_t junk[100000];
    for (size_t i = 0; i < sizeof junk; i++) {
        junk[i] = (uint8_t)help_rand(&r);
    }
    junk[0] = 0;
    save("noise.wav", junk, sizeof junk);
    one("noise.wav", REFUSED);
    static const char *const mark[] = {"RIFF", "fLaC", "OggS", "FORM", "ID3\3", "\377\373\220\0",
                                       "caff", ".snd", "RF64", "RIFX", "riff"};
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++) {
        char name[32];
        memcpy(junk, mark[i], 4);
        snprintf(name, sizeof name, "junk%zu.bin", i);
        save(name, junk, sizeof junk);
        one(name, i == 5 || i == 4 ? EITHER : REFUSED);
    }
}

/* MP3 that is all sync words or all zeros after the first: opened or refused, quickly. */
static void t_mp3_garbage(void **state)
{
    static uint8_t b[4 << 20];
    (void)state;
    memset(b, 0xff, sizeof b);
    save("sync.mp3", b, sizeof b);
    one("sync.mp3", EITHER);
    memset(b, 0, sizeof b);
    memcpy(b, "\377\373\220\0", 4);
    save("zeros.mp3", b, sizeof b);
    one("zeros.mp3", EITHER);
    memcpy(b, "ID3\4\0\0\177\177\177\177", 10); /* a tag of 256 MB */
    save("tag.mp3", b, sizeof b);
    one("tag.mp3", EITHER);
}

static void t_wav_headers(void **state)
{
    (void)state;
    good(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000);
    put32(24, 0);
    save("rate0.wav", image, image_n);
    one("rate0.wav", REFUSED);
    put32(24, 0xffffffff);
    save("ratehuge.wav", image, image_n);
    one("ratehuge.wav", REFUSED);
    put32(24, 3);
    save("rate3.wav", image, image_n);
    one("rate3.wav", REFUSED);
    put32(24, 16000);
    image[22] = 0;
    save("chan0.wav", image, image_n);
    one("chan0.wav", REFUSED);
    image[22] = image[23] = 255;
    save("chan65535.wav", image, image_n);
    one("chan65535.wav", REFUSED);
    image[22] = 1;
    image[23] = 0;
    image[34] = 0;
    save("bits0.wav", image, image_n);
    one("bits0.wav", EITHER);
    image[34] = 16;
    image[20] = 0x77;
    save("codec.wav", image, image_n);
    one("codec.wav", EITHER);
    image[20] = 1;
    save("headonly.wav", image, 44);
    one("headonly.wav", REFUSED);
    save("head30.wav", image, 30);
    one("head30.wav", REFUSED);
    put32(4, 36000u * 32000u + 36);
    put32(40, 36000u * 32000u);
    save("tenhours.wav", image, 1024);
    one("tenhours.wav", EARLY_END);
    save("half.wav", image, image_n / 2);
    one("half.wav", EARLY_END);
    put32(40, 0xfffffff0u);
    save("fourgb.wav", image, image_n);
    one("fourgb.wav", EITHER);
    put32(16, 0x7fffffff); /* the format chunk claims 2 GB */
    save("bigfmt.wav", image, image_n);
    one("bigfmt.wav", EITHER);
}

static void t_nan(void **state)
{
    (void)state;
    good(SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000);
    for (size_t i = image_n - 32000; i + 4 <= image_n; i += 4) {
        put32(i, i % 3 ? 0x7fc00000 : 0xff800000);
    }
    save("nan.wav", image, image_n);
    one("nan.wav", EITHER);
}

/* Every good format cut at many places, and with bytes turned over. */
static void t_spoilt(void **state)
{
    static const struct {
        const char *name;
        int format, rate;
    } kind[] = {
        {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000},
        {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000},
        {"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000},
        {"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000},
        {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000},
        {"aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000},
        {"caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 16000},
        {"au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 16000},
    };
    uint32_t r = help_seed("spoilt");
    (void)state;
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
        char name[32];
        good(kind[k].format, kind[k].rate);
        for (int c = 1; c <= 4; c++) {
            size_t cut = c == 1 ? 60 : image_n * (size_t)c / 5;
            snprintf(name, sizeof name, "cut%d.%s", c, kind[k].name);
            save(name, image, cut);
            one(name, EITHER);
        }
        for (int c = 0; c < 4; c++) {
            for (int i = 0; i < 20; i++) {
                image[4 + help_rand(&r) % (c < 2 ? 100 : image_n - 4)] ^= (uint8_t)help_rand(&r);
            }
            snprintf(name, sizeof name, "flip%d.%s", c, kind[k].name);
            save(name, image, image_n);
            one(name, EITHER);
        }
    }
    print_message("%d hostile files\n", cases);
    assert_true(cases >= 40);
}

/* The header of a FLAC file says 10 h, there is one second. */
static void t_flac_claim(void **state)
{
    (void)state;
    good(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000);
    image[22] = 0x22;
    image[23] = 0x55;
    image[24] = 0x10;
    image[25] = 0; /* bytes 22..25: total samples, big endian */
    save("claim.flac", image, image_n);
    struct audio_want w = {.kind = AUDIO_FILE, .name = at("claim.flac")};
    struct audio_src *s;
    struct err e;
    assert_int_equal(audio_src_open(&s, &w, &e), 0);
    assert_true(audio_src_got(s)->seconds < 0 || image_n > 96000);
    audio_src_close(s);
    one("claim.flac", EARLY_END);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_not_files),   cmocka_unit_test(t_wrong_magic),
        cmocka_unit_test(t_mp3_garbage), cmocka_unit_test(t_wav_headers),
        cmocka_unit_test(t_nan),         cmocka_unit_test(t_flac_claim),
        cmocka_unit_test(t_spoilt),
    };
    return cmocka_run_group_tests_name("hostile", tests, make_dir, drop_dir);
}
