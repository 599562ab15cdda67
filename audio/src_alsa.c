/* A microphone through ALSA.  With list.c the only files that include asoundlib.  The reader's
 * thread; after open it neither allocates nor prints, and never waits without looking at the stop.
 *
 * A PCM is opened by name, never by index; at its native rate with plug's own converter off, since
 * that one may alias (a 10 kHz tone at 48 kHz came through as 6 kHz). */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "audio/alsa.h"
#include "audio/src_impl.h"

enum {
    PERIOD_US = 20000,  /* one wake-up each */
    BUFFER_US = 500000, /* tolerance; costs no latency when recording */
    DEAD_MS = 5000,     /* nothing for so long: the device is gone (Bluetooth begins after 2 s) */
    RESUME_MS = 2000,   /* waiting for a suspended device */
    RETRIES_MAX = 3,    /* failed recoveries in a row */
    PFD_MAX = 8,
};

struct mic {
    snd_pcm_t *pcm;
    snd_pcm_format_t format;
    int channels;
    int frame_bytes;
    int retries;
    int64_t last_us; /* when samples last came, or when waiting for them began */
    int running;
    int paced;        /* no faster than real time */
    int64_t begin_us; /* of that: since then so many frames */
    int64_t frames;
    snd_pcm_sframes_t tail; /* once stopped: frames the device still holds, -1: not asked yet */
    struct pollfd pfd[PFD_MAX + 1];
    int npfd;
    float mixed[SRC_BLOCK];
    uint8_t raw[SRC_BLOCK * 4];
};

/* Who has a sound card's recording side open: a process id, or 0. */
static long busy_owner(void)
{
    char path[64], line[80];
    long pid = 0;
    for (int card = 0; card < 8 && !pid; card++) {
        for (int dev = 0; dev < 4 && !pid; dev++) {
            snprintf(path, sizeof path, "/proc/asound/card%d/pcm%dc/sub0/status", card, dev);
            FILE *f = fopen(path, "re");
            while (f && fgets(line, sizeof line, f)) {
                if (!strncmp(line, "owner_pid", 9) && strchr(line, ':')) {
                    pid = strtol(strchr(line, ':') + 1, NULL, 10);
                }
            }
            if (f) {
                fclose(f);
            }
        }
    }
    return pid;
}

static int open_fault(const struct audio_src *s, int rc, struct err *e)
{
    if (rc == -EBUSY) {
        char who[32] = "";
        long pid = busy_owner();
        if (pid > 0) {
            snprintf(who, sizeof who, " (process %ld)", pid);
        }
        return err_set(e, ERR_MIC,
                       "microphone \"%s\" is used by another program%s: close it, or choose "
                       "\"default\", which shares the device",
                       s->name, who);
    }
    if (rc == -EACCES || rc == -EPERM) {
        return err_set(e, ERR_MIC,
                       "not allowed to use microphone \"%s\": join the group audio (sudo usermod "
                       "-aG audio $USER, then log in again)",
                       s->name);
    }
    if (rc == -ENOENT || rc == -ENODEV || rc == -ENXIO) {
        return err_set(e, ERR_MIC,
                       "no microphone \"%s\": plug one in (dictate doctor lists what is there), or "
                       "give a sound file",
                       s->name);
    }
    return err_set(e, ERR_MIC,
                   "microphone \"%s\" cannot be opened (%s): dictate doctor lists what is there",
                   s->name, snd_strerror(rc));
}

static int pick_format(struct mic *m, snd_pcm_hw_params_t *hw)
{
    static const snd_pcm_format_t want[] = {SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE,
                                            SND_PCM_FORMAT_FLOAT_LE};
    int rc = -EINVAL;
    for (size_t i = 0; rc < 0 && i < sizeof want / sizeof *want; i++) {
        rc = snd_pcm_hw_params_set_format(m->pcm, hw, want[i]);
        m->format = want[i];
    }
    return rc;
}

static int pick_shape(struct mic *m, snd_pcm_hw_params_t *hw, unsigned *rate)
{
    unsigned channels = 1, period = PERIOD_US, buffer = BUFFER_US;
    int rc = snd_pcm_hw_params_any(m->pcm, hw);
    if (rc < 0 ||
        (rc = snd_pcm_hw_params_set_access(m->pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0 ||
        (rc = snd_pcm_hw_params_set_rate_resample(m->pcm, hw, 0)) < 0 ||
        (rc = pick_format(m, hw)) < 0 ||
        (rc = snd_pcm_hw_params_set_channels_near(m->pcm, hw, &channels)) < 0 ||
        (rc = snd_pcm_hw_params_set_rate_near(m->pcm, hw, rate, NULL)) < 0 ||
        (rc = snd_pcm_hw_params_set_period_time_near(m->pcm, hw, &period, NULL)) < 0 ||
        (rc = snd_pcm_hw_params_set_buffer_time_near(m->pcm, hw, &buffer, NULL)) < 0) {
        return rc;
    }
    m->channels = (int)channels;
    return snd_pcm_hw_params(m->pcm, hw);
}

static int set_sw(struct mic *m, snd_pcm_hw_params_t *hw)
{
    snd_pcm_sw_params_t *sw;
    snd_pcm_uframes_t period = 0;
    int rc;
    snd_pcm_sw_params_alloca(&sw);
    if ((rc = snd_pcm_hw_params_get_period_size(hw, &period, NULL)) < 0 ||
        (rc = snd_pcm_sw_params_current(m->pcm, sw)) < 0 ||
        (rc = snd_pcm_sw_params_set_avail_min(m->pcm, sw, period)) < 0) {
        return rc;
    }
    return snd_pcm_sw_params(m->pcm, sw);
}

static int start(struct mic *m)
{
    int rc = snd_pcm_prepare(m->pcm);
    if (rc >= 0 && snd_pcm_state(m->pcm) != SND_PCM_STATE_RUNNING) {
        rc = snd_pcm_start(m->pcm);
    }
    m->running = rc >= 0;
    m->last_us = m->begin_us = clk_us();
    m->frames = 0;
    return rc;
}

static int set_up(struct audio_src *s, struct mic *m, const struct audio_want *w)
{
    snd_pcm_hw_params_t *hw;
    unsigned rate = w->mic_rate > 0 ? (unsigned)w->mic_rate : 48000;
    snd_pcm_hw_params_alloca(&hw);
    int rc = pick_shape(m, hw, &rate);
    if (rc < 0 || (rc = set_sw(m, hw)) < 0) {
        return rc;
    }
    m->frame_bytes = m->channels * snd_pcm_format_physical_width(m->format) / 8;
    m->npfd = snd_pcm_poll_descriptors_count(m->pcm);
    if (src_bad_shape(rate, m->channels) || m->npfd < 0 || m->npfd > PFD_MAX) {
        return -EINVAL;
    }
    m->npfd = snd_pcm_poll_descriptors(m->pcm, m->pfd, PFD_MAX);
    if (m->npfd < 0) {
        return m->npfd;
    }
    m->pfd[m->npfd].fd = s->stop_fd;
    m->pfd[m->npfd].events = POLLIN;
    s->got.rate = (int)rate;
    s->got.channels = m->channels;
    return start(m);
}

static int mic_open(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    snprintf(s->name, sizeof s->name, "%s", w->name && *w->name ? w->name : "default");
    alsa_quiet();
    struct mic *m = calloc(1, sizeof *m);
    if (!m) {
        return err_set(e, ERR_MEM, "no memory for a microphone");
    }
    s->priv = m;
    m->tail = -1;
    m->paced = w->mic_paced;
    s->got.live = s->got.mic = 1;
    int rc = snd_pcm_open(&m->pcm, s->name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
    if (rc < 0) {
        m->pcm = NULL;
    } else {
        rc = set_up(s, m, w);
    }
    return rc < 0 ? open_fault(s, rc, e) : 0;
}

static int gone(struct audio_src *s, const char *why, struct err *e)
{
    return err_set(e, ERR_MIC,
                   "microphone \"%s\" is gone (%s): plug it in again, or choose another", s->name,
                   why);
}

/* Waits for samples; 1 try to read, 0 time-out or stop, negative: the device is gone. */
static int wait_samples(struct mic *m, int timeout_ms)
{
    unsigned short events = 0;
    /* Never for ever: pulling out a USB microphone may not wake poll. */
    int ms = timeout_ms < 0 || timeout_ms > 250 ? 250 : timeout_ms;
    int rc = poll(m->pfd, (nfds_t)(m->npfd + 1), ms);
    if (rc <= 0 || (m->pfd[m->npfd].revents & POLLIN)) {
        return 0;
    }
    rc = snd_pcm_poll_descriptors_revents(m->pcm, m->pfd, (unsigned)m->npfd, &events);
    if (rc < 0 ||
        ((events & (POLLERR | POLLNVAL)) && snd_pcm_state(m->pcm) == SND_PCM_STATE_DISCONNECTED)) {
        return -ENODEV;
    }
    return 1;
}

static int resume(struct audio_src *s, struct mic *m)
{
    for (int ms = 0; ms < RESUME_MS && !src_stopped(s); ms += 50) {
        int rc = snd_pcm_resume(m->pcm);
        if (rc != -EAGAIN) {
            return rc;
        }
        src_wait(s, -1, 50);
    }
    return -ETIMEDOUT;
}

/* After an error of readi.  0: go on, negative: give up.  What was in the device's buffer is lost
 * too, so all the time since the last samples counts. */
static int recover(struct audio_src *s, struct mic *m, int why)
{
    int64_t since = m->last_us;
    int rc = why;
    if (why == -ENODEV || why == -EBADFD || why == -ENOTTY || ++m->retries > RETRIES_MAX) {
        return why;
    }
    if (why == -ESTRPIPE && resume(s, m) >= 0 && snd_pcm_state(m->pcm) == SND_PCM_STATE_RUNNING) {
        m->last_us = clk_us();
        rc = 0;
    } else {
        rc = start(m); /* snd_pcm_recover would leave a recording prepared, not running */
    }
    if (rc >= 0) {
        int64_t lost = (clk_us() - since) * s->got.rate / 1000000;
        atomic_fetch_add_explicit(&s->xruns, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->lost, (uint64_t)(lost > 0 ? lost : 0), memory_order_relaxed);
        s->gap_why |= why == -ESTRPIPE ? GAP_SUSPEND : GAP_XRUN;
        if (why == -ESTRPIPE) {
            atomic_fetch_add_explicit(&s->suspends, 1, memory_order_relaxed);
        }
    }
    return rc;
}

static void to_float(const struct mic *m, int n, float *out)
{
    if (m->format == SND_PCM_FORMAT_S16_LE) {
        const int16_t *p = (const int16_t *)(const void *)m->raw;
        for (int i = 0; i < n; i++) {
            out[i] = (float)p[i] / 32768.0f;
        }
    } else if (m->format == SND_PCM_FORMAT_S32_LE) {
        const int32_t *p = (const int32_t *)(const void *)m->raw;
        for (int i = 0; i < n; i++) {
            out[i] = (float)p[i] / 2147483648.0f;
        }
    } else {
        memcpy(out, m->raw, (size_t)n * sizeof *out);
    }
}

/* Frames that a real microphone could have recorded by now beyond those read, at most max. A real
 * one never has more than its buffer ahead of the clock; a file played by a plug-in has all of it.
 */
static int due(const struct audio_src *s, const struct mic *m, int max)
{
    int64_t room = (clk_us() - m->begin_us + BUFFER_US) * s->got.rate / 1000000 - m->frames;
    return !m->paced || room > max ? max : room > 0 ? (int)room : 0;
}

static int mic_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    struct mic *m = s->priv;
    int room = SRC_BLOCK / m->channels;
    int64_t t0 = clk_us();
    max = max < room ? max : room;
    while (!src_stopped(s)) {
        int n_due = m->running ? due(s, m, max) : max;
        if (n_due == 0) {
            src_wait(s, -1,
                     timeout_ms < 0 || timeout_ms > PERIOD_US / 1000 ? PERIOD_US / 1000
                                                                     : timeout_ms);
            m->last_us = clk_us();
            if (timeout_ms >= 0 && clk_us() - t0 >= (int64_t)timeout_ms * 1000) {
                return AUDIO_AGAIN;
            }
            continue;
        }
        /* Zeroed first: some plug-ins (null) say that they filled it and did not. */
        memset(m->raw, 0, (size_t)(max * m->frame_bytes));
        snd_pcm_sframes_t n =
            m->running ? snd_pcm_readi(m->pcm, m->raw, (snd_pcm_uframes_t)n_due) : -EAGAIN;
        if (n > 0) {
            m->retries = 0;
            m->frames += n;
            m->last_us = clk_us();
            to_float(m, (int)n * m->channels, m->mixed);
            src_mix(s, m->mixed, (int)n, m->channels, x);
            return (int)n;
        }
        int rc = n == 0 || n == -EAGAIN ? wait_samples(m, timeout_ms)
                 : n == -EINTR          ? 0
                                        : recover(s, m, (int)n);
        if (rc < 0) {
            return gone(s, snd_strerror(rc), e);
        }
        int64_t now = clk_us();
        if (m->running && now - m->last_us > DEAD_MS * 1000) {
            return gone(s, "no samples for 5 s", e);
        }
        if (timeout_ms >= 0 && now - t0 >= (int64_t)timeout_ms * 1000) {
            return AUDIO_AGAIN;
        }
    }
    return AUDIO_AGAIN;
}

/* The stopped device keeps what it recorded; no more than it held when first asked, since some
 * plug-ins never run dry. */
static int mic_drain(struct audio_src *s, float *x, int max)
{
    struct mic *m = s->priv;
    int room = SRC_BLOCK / m->channels;
    if (m->tail < 0) {
        m->tail = m->running ? snd_pcm_avail_update(m->pcm) : 0;
        m->tail = m->tail > 0 ? m->tail : 0;
    }
    max = max < room ? max : room;
    max = m->tail < max ? (int)m->tail : max;
    snd_pcm_sframes_t n = max > 0 ? snd_pcm_readi(m->pcm, m->raw, (snd_pcm_uframes_t)max) : 0;
    if (n <= 0) {
        m->tail = 0;
        return 0;
    }
    m->tail -= n;
    to_float(m, (int)n * m->channels, m->mixed);
    src_mix(s, m->mixed, (int)n, m->channels, x);
    return (int)n;
}

static int mic_pause(struct audio_src *s, int on, struct err *e)
{
    struct mic *m = s->priv;
    if (on) {
        snd_pcm_drop(m->pcm);
        m->running = 0;
        return 0;
    }
    int rc = m->running ? 0 : start(m);
    return rc < 0 ? gone(s, snd_strerror(rc), e) : 0;
}

static void mic_close(struct audio_src *s)
{
    struct mic *m = s->priv;
    if (m) {
        if (m->pcm) {
            snd_pcm_drop(m->pcm);
            snd_pcm_close(m->pcm);
        }
        free(m);
        s->priv = NULL;
    }
}

static void mic_describe(const struct audio_src *s, char *text, size_t size)
{
    const struct mic *m = s->priv;
    snprintf(text, size, "ALSA %s", snd_pcm_format_name(m->format));
}

const struct audio_src_ops src_mic_ops = {
    .name = "microphone",
    .open = mic_open,
    .read = mic_read,
    .close = mic_close,
    .describe = mic_describe,
    .pause = mic_pause,
    .drain = mic_drain,
};
