/* Standard input and named pipes: raw s16le, or WAV when it begins as WAV does.  The reader's
 * thread; keeps 64 KiB, whatever a header says; the end of the stream is the end of the sound. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/src_impl.h"
#include "audio/wav.h"

enum { PIPE_BUF_B = 65536 };

struct pipe_in {
    int fd;
    int own; /* close it */
    int eof;
    int tail; /* once stopped: bytes that wait in the pipe, -1: not asked yet */
    int is_wav;
    struct wav w;  /* also describes raw */
    uint64_t left; /* bytes of samples still expected, WAV_UNKNOWN: until the end */
    uint64_t done; /* frames delivered */
    int at, n;     /* bytes waiting: buf[at..n) */
    uint8_t buf[PIPE_BUF_B];
    float mixed[SRC_BLOCK];
};

/* Reads once. 1 with bytes or the end, 0 time-out or stop, negative error. */
static int fill(struct audio_src *s, struct pipe_in *p, int timeout_ms, struct err *e)
{
    if (p->at > 0) {
        memmove(p->buf, p->buf + p->at, (size_t)(p->n - p->at));
        p->n -= p->at;
        p->at = 0;
    }
    if (!src_wait(s, p->fd, timeout_ms)) {
        return 0;
    }
    ssize_t k = read(p->fd, p->buf + p->n, (size_t)(PIPE_BUF_B - p->n));
    if (k < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return 0;
        }
        return err_set(e, ERR_SOUND, "cannot read %s: %s", s->name, strerror(errno));
    }
    p->eof = k == 0;
    p->n += (int)k;
    return 1;
}

/* Waits for the first bytes, as long as it takes or until a signal. */
static int first_bytes(struct audio_src *s, struct pipe_in *p, int want, struct err *e)
{
    while (p->n - p->at < want && !p->eof) {
        errno = 0;
        int rc = fill(s, p, -1, e);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0 && errno == EINTR) {
            return err_set(e, ERR_SOUND, "interrupted while waiting for %s", s->name);
        }
    }
    return 0;
}

static int read_header(struct audio_src *s, struct pipe_in *p, struct err *e)
{
    wav_init(&p->w);
    p->is_wav = 1;
    while (p->w.state == WAV_MORE) {
        p->at += (int)wav_feed(&p->w, p->buf + p->at, (size_t)(p->n - p->at));
        if (p->w.state != WAV_MORE) {
            break;
        }
        int rc = first_bytes(s, p, 1, e);
        if (rc < 0) {
            return rc;
        }
        if (p->eof) {
            return err_set(e, ERR_SOUND, "%s ends within its WAV header", s->name);
        }
    }
    if (p->w.state == WAV_BAD) {
        return err_set(e, ERR_SOUND, "%s is a WAV stream that cannot be read: %s", s->name,
                       p->w.fault);
    }
    p->left = p->w.data_bytes;
    return 0;
}

static int raw_shape(struct audio_src *s, struct pipe_in *p, const struct audio_want *w,
                     struct err *e)
{
    int rate = w->raw_rate ? w->raw_rate : AUDIO_RATE;
    int channels = w->raw_channels ? w->raw_channels : 1;
    const char *bad = src_bad_shape(rate, channels);
    if (bad) {
        return err_set(e, ERR_USAGE, "raw sound on %s: %s", s->name, bad);
    }
    p->w.code = WAV_S16;
    p->w.rate = rate;
    p->w.channels = channels;
    p->w.frame_bytes = 2 * channels;
    p->left = WAV_UNKNOWN;
    return 0;
}

static int detect(struct audio_src *s, struct pipe_in *p, const struct audio_want *w, struct err *e)
{
    if (!w->raw_only) {
        int rc = first_bytes(s, p, 4, e);
        if (rc < 0) {
            return rc;
        }
        if (p->n == 0) {
            return err_set(e, ERR_SOUND, "%s is empty: no sound came", s->name);
        }
        const char *kind = src_magic(p->buf, (size_t)p->n, 1);
        if (kind && (!memcmp(p->buf, "RIFF", 4) || !memcmp(p->buf, "RF64", 4))) {
            return read_header(s, p, e);
        }
        if (kind) {
            return err_set(e, ERR_SOUND,
                           "%s brings %s, which cannot be read from a pipe: give the file's name, "
                           "or convert it to WAV",
                           s->name, kind);
        }
    }
    return raw_shape(s, p, w, e);
}

static int pipe_start(struct audio_src *s, int fd, int own, const struct audio_want *w,
                      struct err *e)
{
    struct pipe_in *p = calloc(1, sizeof *p);
    s->ops = &src_pipe_ops;
    s->priv = p;
    if (!p) {
        if (own) {
            close(fd);
        }
        return err_set(e, ERR_MEM, "no memory to read %s", s->name);
    }
    p->fd = fd;
    p->own = own;
    p->tail = -1;
    int rc = detect(s, p, w, e);
    if (rc < 0) {
        return rc;
    }
    s->got.rate = p->w.rate;
    s->got.channels = p->w.channels;
    return 0;
}

int src_pipe_fd(struct audio_src *s, int fd, const struct audio_want *w, struct err *e)
{
    s->got.live = 1;
    return pipe_start(s, fd, 1, w, e);
}

static int pipe_open(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    struct stat st;
    snprintf(s->name, sizeof s->name, "standard input");
    if (fstat(STDIN_FILENO, &st) < 0) {
        return err_set(e, ERR_SOUND, "standard input is closed: no sound can come from it");
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(e, ERR_SOUND, "standard input is a folder, not sound");
    }
    if (isatty(STDIN_FILENO)) {
        return err_set(e, ERR_USAGE,
                       "standard input is a terminal: pipe sound into it, for "
                       "example from arecord -t raw -f S16_LE -r 16000");
    }
    if (S_ISREG(st.st_mode) && !w->raw_only && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0) {
        int unknown = 0;
        int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        if (fd >= 0) {
            int rc = src_file_fd(s, fd, &unknown, e);
            if (!unknown) {
                return rc;
            }
            close(fd); /* no known kind: raw samples */
        }
    }
    s->got.live = !S_ISREG(st.st_mode);
    return pipe_start(s, STDIN_FILENO, 0, w, e);
}

static int pipe_end(struct audio_src *s, struct pipe_in *p, struct err *e)
{
    double rate = (double)p->w.rate;
    if (p->done == 0) {
        return err_set(e, ERR_SOUND, "%s ended before any sound came", s->name);
    }
    if (p->left != WAV_UNKNOWN && p->left > 0) {
        double more = (double)(p->left / (unsigned)p->w.frame_bytes);
        src_note_cut(s, ((double)p->done + more) / rate, (double)p->done / rate);
    }
    return AUDIO_END;
}

/* Whole frames that are in the buffer and belong to the sound. */
static int frames_here(const struct pipe_in *p)
{
    uint64_t b = (uint64_t)(p->n - p->at);
    b = b < p->left ? b : p->left;
    return (int)(b / (unsigned)p->w.frame_bytes);
}

/* Up to max frames of those in the buffer. */
static int give(struct audio_src *s, struct pipe_in *p, float *x, int n, int max)
{
    int room = SRC_BLOCK / p->w.channels;
    max = max < room ? max : room;
    n = n < max ? n : max;
    wav_decode(&p->w, p->buf + p->at, n, p->mixed);
    src_mix(s, p->mixed, n, p->w.channels, x);
    p->at += n * p->w.frame_bytes;
    p->done += (uint64_t)n;
    if (p->left != WAV_UNKNOWN) {
        p->left -= (uint64_t)n * (unsigned)p->w.frame_bytes;
    }
    return n;
}

static int pipe_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    struct pipe_in *p = s->priv;
    int n;
    while ((n = frames_here(p)) == 0) {
        if (p->eof || p->left < (unsigned)p->w.frame_bytes) {
            return pipe_end(s, p, e);
        }
        int rc = fill(s, p, timeout_ms, e);
        if (rc <= 0) {
            return rc < 0 ? rc : AUDIO_AGAIN;
        }
    }
    return give(s, p, x, n, max);
}

/* Sound that a recorder had written when the stop came; a file at the other end has no such. */
static int pipe_drain(struct audio_src *s, float *x, int max)
{
    struct pipe_in *p = s->priv;
    if (p->tail < 0 && (!s->got.live || ioctl(p->fd, FIONREAD, &p->tail) < 0)) {
        p->tail = 0;
    }
    while (frames_here(p) == 0 && p->tail > 0) {
        memmove(p->buf, p->buf + p->at, (size_t)(p->n - p->at));
        p->n -= p->at;
        p->at = 0;
        int room = PIPE_BUF_B - p->n;
        ssize_t k = read(p->fd, p->buf + p->n, (size_t)(p->tail < room ? p->tail : room));
        p->tail = k > 0 ? p->tail - (int)k : 0; /* does not wait: so much is there */
        p->n += k > 0 ? (int)k : 0;
    }
    int n = s->got.live ? frames_here(p) : 0;
    return n > 0 ? give(s, p, x, n, max) : 0;
}

static void pipe_close(struct audio_src *s)
{
    struct pipe_in *p = s->priv;
    if (p) {
        if (p->own) {
            close(p->fd);
        }
        free(p);
        s->priv = NULL;
    }
}

static void pipe_describe(const struct audio_src *s, char *text, size_t size)
{
    const struct pipe_in *p = s->priv;
    snprintf(text, size, "%s", p->is_wav ? "WAV stream" : "raw 16 bit");
}

const struct audio_src_ops src_pipe_ops = {
    .name = "pipe",
    .open = pipe_open,
    .read = pipe_read,
    .close = pipe_close,
    .describe = pipe_describe,
    .drain = pipe_drain,
};
