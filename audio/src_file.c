/* Sound files through libsndfile, by path, by descriptor or in memory.  The reader's thread; never
 * trusts a length: memory is one block of samples whatever the header says, and reading ends where
 * the samples do. */
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/src_impl.h"
#include "audio/wav.h"

/* More frames than this for each byte of the file cannot be: FLAC needs 11 bytes for 65535 frames
 * of silence, the others more. */
enum { FRAMES_PER_BYTE = 6000 };

struct file {
    SNDFILE *sf;
    int fd;              /* -1 when the bytes are in memory */
    const uint8_t *data; /* lent */
    sf_count_t size, at; /* of the file; place in data */
    int format;          /* of libsndfile */
    int channels, rate;
    sf_count_t claimed; /* frames the header promises, -1 when it does not say */
    sf_count_t done;    /* frames delivered */
    float buf[SRC_BLOCK];
};

static sf_count_t mem_len(void *user)
{
    return ((struct file *)user)->size;
}

static sf_count_t mem_tell(void *user)
{
    return ((struct file *)user)->at;
}

static sf_count_t mem_seek(sf_count_t off, int whence, void *user)
{
    struct file *f = user;
    sf_count_t base = whence == SEEK_CUR ? f->at : whence == SEEK_END ? f->size : 0;
    if (off < -base || off > f->size - base) {
        return -1;
    }
    f->at = base + off;
    return f->at;
}

static sf_count_t mem_read(void *to, sf_count_t n, void *user)
{
    struct file *f = user;
    n = n < f->size - f->at ? n : f->size - f->at;
    if (n <= 0) {
        return 0;
    }
    memcpy(to, f->data + f->at, (size_t)n);
    f->at += n;
    return n;
}

static sf_count_t mem_write(const void *from, sf_count_t n, void *user)
{
    (void)from, (void)n, (void)user;
    return 0;
}

/* Bytes at a place, without moving anything. */
static ssize_t peek(const struct file *f, void *to, size_t n, sf_count_t at)
{
    if (f->fd >= 0) {
        return pread(f->fd, to, n, (off_t)at);
    }
    if (at >= f->size) {
        return 0;
    }
    n = n < (size_t)(f->size - at) ? n : (size_t)(f->size - at);
    memcpy(to, f->data + at, n);
    return (ssize_t)n;
}

/* libsndfile corrects a WAV length that is too long without a word, and has odd words for odd
 * headers, so the header is read here too: f->claimed (-1: nothing sure), and what is wrong with
 * it, or NULL. */
static const char *wav_look(struct file *f)
{
    struct wav w;
    uint8_t b[4096];
    ssize_t n;
    wav_init(&w);
    while (w.state == WAV_MORE && (n = peek(f, b, sizeof b, (sf_count_t)w.head_bytes)) > 0) {
        wav_feed(&w, b, (size_t)n);
    }
    if (w.state == WAV_DATA && w.data_bytes != WAV_UNKNOWN && w.frame_bytes > 0) {
        f->claimed = (sf_count_t)(w.data_bytes / (unsigned)w.frame_bytes);
    }
    return w.state == WAV_BAD ? w.fault : w.state == WAV_MORE ? "it ends within its header" : NULL;
}

/* Length of the MPEG audio frame that begins with these four bytes, 0 when they begin none. */
static int mp3_frame(const uint8_t *p)
{
    static const short kbit[5][15] = {
        {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}, /* 1, layer I */
        {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},    /* 1, layer II */
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},     /* 1, layer III */
        {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},    /* 2, layer I */
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},         /* 2, II and III */
    };
    static const int hz[3] = {44100, 48000, 32000};
    int version = p[1] >> 3 & 3, layer = 4 - (p[1] >> 1 & 3); /* version 3: 1, 2: 2, 0: 2.5 */
    int rate = p[2] >> 4, hz_at = p[2] >> 2 & 3, pad = p[2] >> 1 & 1;
    if (p[0] != 0xff || (p[1] & 0xe0) != 0xe0 || version == 1 || layer == 4 || rate == 0 ||
        rate == 15 || hz_at == 3) {
        return 0;
    }
    int f = hz[hz_at] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    int bits = 1000 * kbit[version == 3 ? layer - 1 : layer == 1 ? 3 : 4][rate];
    if (layer == 1) {
        return (12 * bits / f + pad) * 4;
    }
    return (layer == 3 && version != 3 ? 72 : 144) * bits / f + pad;
}

/* Whether two MPEG frames follow each other within 64 KiB behind the ID3 tag.  mpg123, inside
 * libsndfile, complains on stderr about what has none; so it is not asked. */
static int mp3_look(const struct file *f)
{
    static const int WITHIN = 65536;
    uint8_t b[4096], next[4];
    sf_count_t at = 0;
    if (peek(f, b, 10, 0) == 10 && !memcmp(b, "ID3", 3)) {
        at = 10 + ((b[6] & 127) << 21 | (b[7] & 127) << 14 | (b[8] & 127) << 7 | (b[9] & 127));
    }
    for (sf_count_t end = at + WITHIN; at < end; at += (sf_count_t)sizeof b - 3) {
        ssize_t n = peek(f, b, sizeof b, at);
        for (ssize_t i = 0; i + 4 <= n; i++) {
            int len = mp3_frame(b + i);
            if (len > 0 && peek(f, next, 4, at + i + len) == 4 && mp3_frame(next) > 0) {
                return 1;
            }
        }
        if (n < (ssize_t)sizeof b) {
            return 0;
        }
    }
    return 0;
}

/* "Error in WAV file. No 'data' chunk marker." without its last stop. */
static int fault(struct audio_src *s, const char *why, struct err *e)
{
    char text[128];
    snprintf(text, sizeof text, "%s", why);
    size_t n = strcspn(text, "\n");
    while (n > 0 && (text[n - 1] == '.' || text[n - 1] == ' ')) {
        n--;
    }
    text[n] = 0;
    return err_set(e, ERR_SOUND, "%s cannot be read as sound: %s", s->name, text);
}

/* f->fd or f->data is set; finds the format. */
static int start(struct audio_src *s, struct file *f, struct err *e)
{
    SF_VIRTUAL_IO io = {mem_len, mem_seek, mem_read, mem_write, mem_tell};
    SF_INFO info = {0};
    uint8_t head[4] = {0};
    const char *bad = NULL;
    int n = (int)peek(f, head, sizeof head, 0);
    int is_wav = n == 4 && (!memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4));
    int is_mp3 = n == 4 && !is_wav && !strcmp(src_magic(head, 4, 0), "MP3");
    f->claimed = -1;
    if (is_wav) {
        bad = wav_look(f); /* not the last word: libsndfile knows more codes */
    } else if (is_mp3 && !mp3_look(f)) {
        return fault(s, "no MPEG audio frames in it", e);
    }
    f->sf = f->fd >= 0 ? sf_open_fd(f->fd, SFM_READ, &info, 0)
                       : sf_open_virtual(&io, SFM_READ, &info, f);
    if (!f->sf) {
        return fault(s, bad ? bad : sf_strerror(NULL), e);
    }
    bad = src_bad_shape(info.samplerate, info.channels);
    if (bad) {
        return fault(s, bad, e);
    }
    f->format = info.format;
    f->channels = s->got.channels = info.channels;
    f->rate = s->got.rate = info.samplerate;
    if (info.frames > 0 && info.frames / FRAMES_PER_BYTE <= f->size) {
        s->got.seconds = (double)info.frames / info.samplerate;
    }
    if (!is_wav && (info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG && info.frames > 0 &&
        info.frames != SF_COUNT_MAX) {
        f->claimed = info.frames; /* MP3 lengths are guesses */
    }
    return 0;
}

static struct file *file_new(struct audio_src *s, int fd, struct err *e)
{
    struct file *f = calloc(1, sizeof *f);
    if (f) {
        f->fd = fd;
        s->priv = f;
        s->ops = &src_file_ops;
    } else {
        err_set(e, ERR_MEM, "no memory to read %s", s->name);
    }
    return f;
}

int src_file_fd(struct audio_src *s, int fd, int *unknown, struct err *e)
{
    uint8_t head[16];
    struct stat st;
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n < 0 || fstat(fd, &st) < 0) {
        int rc = err_set(e, ERR_SOUND, "cannot read %s: %s", s->name, strerror(errno));
        close(fd);
        return rc;
    }
    if (n > 0 && !src_magic(head, (size_t)n, 0) && unknown) {
        *unknown = 1;
        return -ERR_SOUND;
    }
    if (n == 0 || !src_magic(head, (size_t)n, 0)) {
        close(fd);
        return n == 0 ? err_set(e, ERR_SOUND, "%s is empty", s->name)
                      : err_set(e, ERR_SOUND,
                                "%s is no sound file of a known kind (WAV, FLAC, Ogg, MP3, AIFF)",
                                s->name);
    }
    struct file *f = file_new(s, fd, e);
    if (!f) {
        close(fd);
        return -ERR_MEM;
    }
    f->size = st.st_size;
    return start(s, f, e);
}

static int open_bytes(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    snprintf(s->name, sizeof s->name, "%s", w->name ? w->name : "sound in memory");
    if (!w->bytes || w->size == 0) {
        return err_set(e, ERR_SOUND, "%s is empty", s->name);
    }
    if (!src_magic(w->bytes, w->size, 0)) {
        return err_set(e, ERR_SOUND,
                       "%s is no sound file of a known kind (WAV, FLAC, Ogg, MP3, AIFF)", s->name);
    }
    struct file *f = file_new(s, -1, e);
    if (!f) {
        return -ERR_MEM;
    }
    f->data = w->bytes;
    f->size = (sf_count_t)w->size;
    return start(s, f, e);
}

static const char *odd_file(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "a socket";
}

static int open_path(struct audio_src *s, const char *path, const struct audio_want *w,
                     struct err *e)
{
    struct stat st;
    /* stat first: opening a device may do something. */
    if (stat(path, &st) < 0) {
        return err_set(e, ERR_SOUND, "cannot open %s: %s", s->name, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
        return err_set(e, ERR_SOUND, "%s is %s, not a sound file", s->name, odd_file(st.st_mode));
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = err_set(e, ERR_SOUND, "cannot open %s: %s", s->name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    if (S_ISFIFO(st.st_mode)) {
        return src_pipe_fd(s, fd, w, e);
    }
    if (!S_ISREG(st.st_mode)) { /* changed since stat */
        close(fd);
        return err_set(e, ERR_SOUND, "%s is %s, not a sound file", s->name, odd_file(st.st_mode));
    }
    return src_file_fd(s, fd, NULL, e);
}

static int file_open(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    if (w->kind == AUDIO_BYTES) {
        return open_bytes(s, w, e);
    }
    if (!w->name || !*w->name) {
        return err_set(e, ERR_USAGE, "no sound file was named");
    }
    /* Long paths: the end says more than the beginning. */
    size_t n = strlen(w->name);
    snprintf(s->name, sizeof s->name, "%s%s", n >= sizeof s->name ? "..." : "",
             n >= sizeof s->name ? w->name + n - (sizeof s->name - 4) : w->name);
    return open_path(s, w->name, w, e);
}

static int file_end(struct audio_src *s, struct file *f, struct err *e)
{
    int bad = sf_error(f->sf);
    double there = (double)f->done / f->rate;
    if (f->done == 0) {
        return bad ? fault(s, sf_strerror(f->sf), e)
                   : err_set(e, ERR_SOUND, "%s holds no samples", s->name);
    }
    if (f->claimed > f->done) {
        src_note_cut(s, (double)f->claimed / f->rate, there);
    } else if (bad) {
        snprintf(s->note, sizeof s->note, "%s: damaged after %.1f s", s->name, there);
    }
    return AUDIO_END;
}

static int file_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    struct file *f = s->priv;
    int room = SRC_BLOCK / f->channels;
    (void)timeout_ms;
    sf_count_t n = sf_readf_float(f->sf, f->buf, max < room ? max : room);
    if (n <= 0) {
        return file_end(s, f, e);
    }
    f->done += n;
    src_mix(s, f->buf, (int)n, f->channels, x);
    return (int)n;
}

static void file_close(struct audio_src *s)
{
    struct file *f = s->priv;
    if (!f) {
        return;
    }
    if (f->sf) {
        sf_close(f->sf);
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f);
    s->priv = NULL;
}

static void file_describe(const struct audio_src *s, char *text, size_t size)
{
    static const struct {
        int format;
        const char *name;
    } kind[] = {
        {SF_FORMAT_WAV, "WAV"},   {SF_FORMAT_WAVEX, "WAV"}, {SF_FORMAT_AIFF, "AIFF"},
        {SF_FORMAT_FLAC, "FLAC"}, {SF_FORMAT_OGG, "Ogg"},   {SF_FORMAT_MPEG, "MP3"},
        {SF_FORMAT_AU, "AU"},     {SF_FORMAT_CAF, "CAF"},   {SF_FORMAT_RF64, "RF64"},
        {SF_FORMAT_W64, "W64"},
    };
    const struct file *f = s->priv;
    const char *name = "sound";
    int sub = f->format & SF_FORMAT_SUBMASK;
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        if ((f->format & SF_FORMAT_TYPEMASK) == kind[i].format) {
            name = kind[i].name;
        }
    }
    snprintf(text, size, "%s%s", name,
             sub == SF_FORMAT_OPUS     ? " Opus"
             : sub == SF_FORMAT_VORBIS ? " Vorbis"
                                       : "");
}

const struct audio_src_ops src_file_ops = {
    .name = "file",
    .open = file_open,
    .read = file_read,
    .close = file_close,
    .describe = file_describe,
};
