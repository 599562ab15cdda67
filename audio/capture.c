/* The capture thread, see capture.h.  After capture_start nothing here allocates, locks or prints;
 * between the two threads are the ring, two eventfds and atomics. */
#include "audio/capture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/base/clk.h"

enum {
    BLOCK_LIVE = 320, /* 20 ms, as a period of the microphone */
    BLOCK_FAST = 4096,
    READ_MS = 100, /* longest wait in a source before pause is looked at */
    RING_S = 65,
    FIFO_PRIO = 20,
    NICE = -10,
};

struct capture {
    struct audio_src *src;
    struct ring *ring;
    pthread_t thread;
    int data_fd; /* readable: samples or the end */
    int ctl_fd;  /* wakes the capture thread */
    int paced, may_drop, block;
    atomic_int signalled; /* data_fd has been written and not been cleared */
    atomic_int want_room; /* the capture thread waits for room */
    atomic_int stop, paused, realtime;
    atomic_int over; /* 0 running, 1 ended, negative -ERR (then `fail` is complete) */
    struct err fail;
    atomic_uint_least64_t xruns;
    _Atomic float level[5];
    atomic_int level_live;
    /* capture thread only */
    struct level meter;
    uint64_t src_lost;
    int64_t begin_us; /* paced: when sample 0 was due, moved by pauses */
    uint64_t heard;
    float buf[BLOCK_FAST];
};

static void kick(int fd)
{
    uint64_t one = 1;
    ssize_t k = write(fd, &one, sizeof one);
    (void)k; /* fails only when it is readable already */
}

static void drain(int fd)
{
    uint64_t n;
    ssize_t k = read(fd, &n, sizeof n);
    (void)k;
}

static void wake_reader(struct capture *c)
{
    if (!atomic_exchange(&c->signalled, 1)) {
        kick(c->data_fd);
    }
}

/* Sleeps until ctl_fd is kicked or the time is over. */
static void nap(struct capture *c, int ms)
{
    struct pollfd p = {.fd = c->ctl_fd, .events = POLLIN};
    if (poll(&p, 1, ms) > 0) {
        drain(c->ctl_fd);
    }
}

static void ask_priority(struct capture *c)
{
    struct sched_param sp = {.sched_priority = FIFO_PRIO};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &sp) == 0) {
        atomic_store(&c->realtime, 1);
    } else if (setpriority(PRIO_PROCESS, 0, NICE) == 0) { /* Linux: this thread only */
        atomic_store(&c->realtime, 2);
    }
}

static void show_level(struct capture *c, const float *x, int n)
{
    if (level_push(&c->meter, x, n) > 0) {
        const struct level_now *l = &c->meter.now;
        const float v[5] = {l->rms_db, l->peak_db, l->floor_db, l->clipped, l->quiet_s};
        for (int i = 0; i < 5; i++) {
            atomic_store_explicit(&c->level[i], v[i], memory_order_relaxed);
        }
        atomic_store_explicit(&c->level_live, l->live, memory_order_release);
    }
}

/* What the device lost since the last look becomes a gap. */
static void note_lost(struct capture *c)
{
    struct audio_stat st;
    audio_src_stat(c->src, &st);
    uint64_t lost = st.lost - c->src_lost;
    if (lost > 0) {
        ring_lost(c->ring, lost * AUDIO_RATE / (uint64_t)audio_src_got(c->src)->rate);
        c->src_lost = st.lost;
    }
    atomic_store_explicit(&c->xruns, st.xruns, memory_order_relaxed);
}

/* Until the ring has room or stop. */
static void wait_room(struct capture *c)
{
    while (!atomic_load(&c->stop)) {
        atomic_store(&c->want_room, 1);
        if (ring_room(c->ring) >= (size_t)c->block) {
            break;
        }
        nap(c, 1000);
    }
    atomic_store(&c->want_room, 0);
}

static void put(struct capture *c, int n)
{
    const float *x = c->buf;
    show_level(c, x, n);
    c->heard += (uint64_t)n;
    for (;;) {
        int k = (int)ring_put(c->ring, x, (size_t)n);
        x += k;
        n -= k;
        if (k > 0) {
            wake_reader(c);
        }
        if (n == 0) {
            return;
        }
        if (c->may_drop || atomic_load(&c->stop)) {
            ring_lost(c->ring, (uint64_t)n);
            return;
        }
        wait_room(c);
    }
}

/* Paced: sleeps until the next block would have been spoken. */
static void wait_due(struct capture *c)
{
    int64_t due = c->begin_us + (int64_t)(c->heard + (uint64_t)c->block) * 1000000 / AUDIO_RATE;
    while (!atomic_load(&c->stop) && !atomic_load(&c->paused)) {
        int64_t us = due - clk_us();
        if (us <= 0) {
            return;
        }
        nap(c, (int)((us + 999) / 1000));
    }
}

/* Stands still while paused. 0 or -ERR_MIC. */
static int wait_pause(struct capture *c)
{
    int64_t t0 = clk_us();
    int rc = audio_src_pause(c->src, 1, &c->fail);
    while (rc == 0 && atomic_load(&c->paused) && !atomic_load(&c->stop)) {
        nap(c, -1);
    }
    c->begin_us += clk_us() - t0;
    return rc < 0 || atomic_load(&c->stop) ? rc : audio_src_pause(c->src, 0, &c->fail);
}

static void *run(void *arg)
{
    struct capture *c = arg;
    int n = AUDIO_AGAIN;
    pthread_setname_np(pthread_self(), "capture");
    if (atomic_load(&c->realtime) < 0) {
        atomic_store(&c->realtime, 0);
        ask_priority(c);
    }
    c->begin_us = clk_us();
    while (n > 0 || n == AUDIO_AGAIN) {
        if (atomic_load(&c->paused) && !atomic_load(&c->stop)) {
            int rc = wait_pause(c);
            if (rc < 0) {
                n = rc;
                break;
            }
        }
        if (c->paced) {
            wait_due(c);
            if (atomic_load(&c->paused) && !atomic_load(&c->stop)) {
                continue;
            }
        }
        n = audio_src_read16k(c->src, c->buf, c->block, READ_MS, &c->fail);
        note_lost(c);
        if (n > 0) {
            put(c, n);
        }
    }
    ring_end(c->ring);
    atomic_store(&c->over, n < 0 ? n : 1);
    wake_reader(c);
    return NULL;
}

static void dispose(struct capture *c)
{
    if (c->data_fd >= 0) {
        close(c->data_fd);
    }
    if (c->ctl_fd >= 0) {
        close(c->ctl_fd);
    }
    ring_free(c->ring);
    free(c);
}

int capture_start(struct capture **out, struct audio_src *src, const struct capture_conf *conf,
                  struct err *e)
{
    const struct capture_conf none = {0};
    const struct audio_got *got = audio_src_got(src);
    conf = conf ? conf : &none;
    *out = NULL;
    struct capture *c = calloc(1, sizeof *c);
    if (!c) {
        return err_set(e, ERR_MEM, "no memory for the capture thread");
    }
    c->src = src;
    c->paced = conf->paced && !got->live;
    c->may_drop = got->mic;
    c->block = c->paced || got->live ? BLOCK_LIVE : BLOCK_FAST;
    level_init(&c->meter, AUDIO_RATE);
    atomic_store(&c->realtime, conf->realtime ? -1 : 0);
    c->data_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->ctl_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int seconds = conf->ring_s > 0 && conf->ring_s < 3600 ? conf->ring_s : RING_S;
    int rc = ring_new(&c->ring, (size_t)seconds * AUDIO_RATE, e);
    if (rc == 0 && (c->data_fd < 0 || c->ctl_fd < 0)) {
        rc = err_set(e, ERR_FAIL, "cannot make an eventfd: %s", strerror(errno));
    }
    if (rc == 0) {
        int why = pthread_create(&c->thread, NULL, run, c);
        rc = why ? err_set(e, ERR_FAIL, "cannot start the capture thread: %s", strerror(why)) : 0;
    }
    if (rc < 0) {
        dispose(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* Lets a waiting capture thread go on, once a good part of the ring is free again. */
static void give_room(struct capture *c)
{
    if (atomic_load(&c->want_room) && ring_room(c->ring) >= ring_size(c->ring) / 4) {
        atomic_store(&c->want_room, 0);
        kick(c->ctl_fd);
    }
}

/* Nothing was in the ring: forget the wake-up, then look again.  0: go on waiting, 1: look again,
 * else what to answer. */
static int look_again(struct capture *c, int *answer, struct err *e)
{
    drain(c->data_fd);
    atomic_store(&c->signalled, 0);
    int over = atomic_load(&c->over);
    if (ring_fill(c->ring) > 0) {
        wake_reader(c); /* stays readable until it is found empty */
        return 1;
    }
    if (!over) {
        return 0;
    }
    wake_reader(c); /* an end stays readable */
    if (over < 0 && e) {
        *e = c->fail;
    }
    *answer = over < 0 ? over : AUDIO_END;
    return -1;
}

int capture_read(struct capture *c, float *x, int max, int timeout_ms, struct err *e)
{
    int64_t end_us = clk_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        int n = (int)ring_get(c->ring, x, (size_t)max);
        if (n > 0) {
            give_room(c);
            return n;
        }
        int answer = AUDIO_AGAIN;
        int rc = look_again(c, &answer, e);
        if (rc < 0) {
            return answer;
        }
        if (rc > 0) {
            continue;
        }
        int64_t left = timeout_ms < 0 ? 1000000 : end_us - clk_us();
        if (left <= 0) {
            return AUDIO_AGAIN;
        }
        struct pollfd p = {.fd = c->data_fd, .events = POLLIN};
        poll(&p, 1, (int)((left + 999) / 1000));
    }
}

int capture_gap(struct capture *c, struct ring_gap *g)
{
    return ring_gap(c->ring, g);
}

int capture_fd(const struct capture *c)
{
    return c->data_fd;
}

void capture_pause(struct capture *c, int on)
{
    atomic_store(&c->paused, on != 0);
    kick(c->ctl_fd);
}

void capture_stop(struct capture *c)
{
    atomic_store(&c->stop, 1);
    audio_src_stop(c->src);
    kick(c->ctl_fd);
}

void capture_free(struct capture *c)
{
    if (c) {
        capture_stop(c);
        pthread_join(c->thread, NULL);
        audio_src_close(c->src);
        dispose(c);
    }
}

void capture_stat(struct capture *c, struct capture_stat *st)
{
    float v[5];
    uint64_t put_n = ring_put_total(c->ring), got_n = ring_got_total(c->ring);
    int live = atomic_load_explicit(&c->level_live, memory_order_acquire);
    for (int i = 0; i < 5; i++) {
        v[i] = atomic_load_explicit(&c->level[i], memory_order_relaxed);
    }
    memset(st, 0, sizeof *st);
    st->heard_s = (double)put_n / AUDIO_RATE;
    st->waiting_s = put_n > got_n ? (double)(put_n - got_n) / AUDIO_RATE : 0;
    st->lost_s = (double)ring_lost_total(c->ring) / AUDIO_RATE;
    st->xruns = atomic_load_explicit(&c->xruns, memory_order_relaxed);
    st->paused = atomic_load(&c->paused);
    st->ended = atomic_load(&c->over) != 0;
    st->realtime = atomic_load(&c->realtime) > 0 ? atomic_load(&c->realtime) : 0;
    st->level = (struct level_now){.rms_db = live ? v[0] : LEVEL_NONE_DB,
                                   .peak_db = live ? v[1] : LEVEL_NONE_DB,
                                   .floor_db = live ? v[2] : LEVEL_NONE_DB,
                                   .clipped = v[3],
                                   .quiet_s = v[4],
                                   .live = live};
}

struct audio_src *capture_src(struct capture *c)
{
    return c->src;
}
