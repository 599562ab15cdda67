/* Sources: the table of kinds and what they have in common, see src.h.  The reader's thread runs
 * all but audio_src_stop and audio_src_stat; nothing allocates after open. */
#include "audio/src.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "audio/src_impl.h"

static const struct audio_src_ops *const table[] = {
    [AUDIO_FILE] = &src_file_ops, [AUDIO_STDIN] = &src_pipe_ops, [AUDIO_MIC] = &src_mic_ops,
    [AUDIO_GEN] = &src_gen_ops,   [AUDIO_BYTES] = &src_file_ops, [AUDIO_FAULT] = &src_fault_ops,
};

static void describe(struct audio_src *s)
{
    char fmt[64] = "";
    int rate = s->got.rate;
    s->ops->describe(s, fmt, sizeof fmt);
    int n = snprintf(s->got.what, sizeof s->got.what, "%.80s: %s, %g kHz, ", s->name, fmt,
                     rate / 1000.0);
    if (n > 0 && n < (int)sizeof s->got.what) {
        snprintf(s->got.what + n, sizeof s->got.what - (size_t)n, "%d channel%s", s->got.channels,
                 s->got.channels == 1 ? "" : "s");
    }
}

static int open_kind(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    int rc = s->ops->open(s, w, e);
    if (rc < 0) {
        return rc;
    }
    if (s->got.rate != AUDIO_RATE) {
        rc = resample_new(&s->rs, s->got.rate, AUDIO_RATE, s->got.live, e);
        if (rc < 0) {
            return rc;
        }
    }
    s->in = malloc(SRC_IN_MAX * sizeof *s->in);
    if (!s->in) {
        return err_set(e, ERR_MEM, "no memory to read %s", s->name);
    }
    describe(s);
    return src_mix_new(s, e);
}

/* An eventfd above 2: when standard input is closed its number must stay free, or we would take
 * the event for the sound. */
static int stop_event(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd >= 0 && fd < 3) {
        int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        close(fd);
        fd = high;
    }
    return fd;
}

int audio_src_open(struct audio_src **out, const struct audio_want *want, struct err *e)
{
    struct audio_want w = *want;
    *out = NULL;
    if ((unsigned)w.kind > AUDIO_FAULT) {
        return err_set(e, ERR_USAGE, "unknown kind of sound source (%d)", (int)w.kind);
    }
    if (w.kind == AUDIO_FILE && w.name && !strcmp(w.name, "-")) {
        w.kind = AUDIO_STDIN;
    }
    struct audio_src *s = calloc(1, sizeof *s);
    if (!s) {
        return err_set(e, ERR_MEM, "no memory for a sound source");
    }
    s->got.seconds = -1;
    s->ops = table[w.kind];
    s->stop_fd = stop_event();
    int rc = s->stop_fd < 0 ? err_set(e, ERR_FAIL, "cannot make an eventfd: %s", strerror(errno))
                            : open_kind(s, &w, e);
    if (rc < 0) {
        audio_src_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void audio_src_shut(struct audio_src *s)
{
    s->over = s->over ? s->over : 1;
    s->flushed = 1;
    s->ops->close(s);
}

void audio_src_retire(struct audio_src *s)
{
    audio_src_shut(s);
    src_mix_free(s);
    resample_free(s->rs);
    free(s->in);
    s->rs = NULL;
    s->in = NULL;
    if (s->stop_fd >= 0) {
        close(s->stop_fd);
        s->stop_fd = -1;
    }
}

void audio_src_close(struct audio_src *s)
{
    if (s) {
        audio_src_retire(s);
        free(s);
    }
}

const struct audio_got *audio_src_got(const struct audio_src *s)
{
    return &s->got;
}

const char *audio_src_note(const struct audio_src *s)
{
    return s->note;
}

void audio_src_stop(struct audio_src *s)
{
    int saved = errno;
    uint64_t one = 1;
    atomic_store(&s->stopped, 1);
    ssize_t k = write(s->stop_fd, &one, sizeof one);
    (void)k; /* can only fail when it is readable already */
    errno = saved;
}

int audio_src_pause(struct audio_src *s, int on, struct err *e)
{
    return s->ops->pause && !s->over ? s->ops->pause(s, on, e) : 0;
}

void audio_src_stat(const struct audio_src *s, struct audio_stat *st)
{
    st->frames = atomic_load_explicit(&s->frames, memory_order_relaxed);
    st->nonfinite = atomic_load_explicit(&s->nonfinite, memory_order_relaxed);
    st->clamped = atomic_load_explicit(&s->clamped, memory_order_relaxed);
    st->xruns = atomic_load_explicit(&s->xruns, memory_order_relaxed);
    st->lost = atomic_load_explicit(&s->lost, memory_order_relaxed);
    st->suspends = atomic_load_explicit(&s->suspends, memory_order_relaxed);
    st->dead = atomic_load_explicit(&s->dead, memory_order_relaxed);
}

/* Once stopped: what the device has recorded and not handed over, then 0. */
static int drain(struct audio_src *s, float *x, int max)
{
    int n = s->ops->drain ? s->ops->drain(s, x, max) : 0;
    return n > 0 ? n : 0;
}

int audio_src_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    if (!s->over) {
        int stopped = src_stopped(s);
        int n = stopped ? drain(s, x, max) : s->ops->read(s, x, max, timeout_ms, &s->fail);
        if (n == AUDIO_AGAIN && !stopped && src_stopped(s)) {
            n = drain(s, x, max);
        }
        if (n > 0) {
            atomic_fetch_add_explicit(&s->frames, (uint64_t)n, memory_order_relaxed);
            return n;
        }
        if (n == AUDIO_AGAIN) {
            return n;
        }
        s->over = n < 0 ? n : 1;
    }
    if (s->over < 0 && e) {
        *e = s->fail;
    }
    return s->over < 0 ? s->over : AUDIO_END;
}

int src_wait(struct audio_src *s, int fd, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = s->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    int rc = poll(p, 2, timeout_ms);
    return rc > 0 && !(p[0].revents & POLLIN) && p[1].revents != 0;
}

const char *src_bad_shape(long rate, long channels)
{
    if (rate == 0) {
        return "the sample rate is 0";
    }
    if (rate < AUDIO_RATE_MIN || rate > AUDIO_RATE_MAX) {
        return "the sample rate is outside 1 to 384 kHz";
    }
    if (channels < 1 || channels > AUDIO_CHANNELS_MAX) {
        return "the number of channels is impossible";
    }
    return NULL;
}

const char *src_magic(const uint8_t *p, size_t n, int sure)
{
    static const struct {
        char mark[5];
        const char *name;
    } kind[] = {
        {"RIFF", "WAV"}, {"RIFX", "WAV"},  {"RF64", "RF64"}, {"riff", "W64"}, {"fLaC", "FLAC"},
        {"OggS", "Ogg"}, {"FORM", "AIFF"}, {"caff", "CAF"},  {".snd", "AU"},
    };
    for (size_t i = 0; n >= 4 && i < sizeof kind / sizeof *kind; i++) {
        if (!memcmp(p, kind[i].mark, 4)) {
            return kind[i].name;
        }
    }
    if (n >= 3 && !memcmp(p, "ID3", 3)) {
        return "MP3";
    }
    return !sure && n >= 2 && p[0] == 0xff && (p[1] & 0xe0) == 0xe0 ? "MP3" : NULL;
}

static void span(char *text, size_t size, double s)
{
    if (s >= 3600) {
        snprintf(text, size, "%.1f h", s / 3600);
    } else if (s >= 100) {
        snprintf(text, size, "%.1f min", s / 60);
    } else {
        snprintf(text, size, s >= 1 ? "%.1f s" : "%.2f s", s);
    }
}

void src_note_cut(struct audio_src *s, double promised_s, double there_s)
{
    char want[32], have[32];
    span(want, sizeof want, promised_s);
    span(have, sizeof have, there_s);
    snprintf(s->note, sizeof s->note, "%s: cut short: the header promises %s, %s are there",
             s->name, want, have);
}
