/* The capture, see capture.h: its beginning and end and the reader's side; the thread itself is in
 * capture_run.c.  Between the two are the ring, two eventfds, atomics, and one lock that the thread
 * takes only when a device comes or goes. */
#include "audio/capture.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "audio/capture_impl.h"

enum { RING_S = 65 };

_Static_assert(sizeof(struct capture_seen) <= SNAP_WORDS * 8, "the snapshot is too small");
_Static_assert((int)CAPTURE_MARKS == (int)MARKS, "two names for one number");

static void kick(struct capture *c)
{
    uint64_t one = 1;
    ssize_t k = write(c->ctl_fd, &one, sizeof one);
    (void)k; /* fails only when it is readable already */
}

static void dispose(struct capture *c)
{
    if (c->data_fd >= 0) {
        close(c->data_fd);
    }
    if (c->ctl_fd >= 0) {
        close(c->ctl_fd);
    }
    for (int i = 0; i < c->n_retired; i++) {
        audio_src_close(c->retired[i]);
    }
    free(c->retired);
    ring_free(c->ring);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static int make(struct capture *c, struct err *e)
{
    int seconds = c->conf.ring_s > 0 && c->conf.ring_s < 3600 ? c->conf.ring_s : RING_S;
    c->data_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->ctl_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = ring_new(&c->ring, (size_t)seconds * AUDIO_RATE, e);
    if (rc == 0 && (c->data_fd < 0 || c->ctl_fd < 0)) {
        rc = err_set(e, ERR_FAIL, "cannot make an eventfd: %s", strerror(errno));
    }
    return rc;
}

int capture_start(struct capture **out, struct audio_src *src, const struct capture_conf *conf,
                  struct err *e)
{
    struct capture *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) {
        return err_set(e, ERR_MEM, "no memory for the capture thread");
    }
    c->conf = conf ? *conf : (struct capture_conf){0};
    c->opener = c->conf.reopen;
    pthread_mutex_init(&c->lock, NULL);
    level_init(&c->meter, AUDIO_RATE);
    hint_init(&c->hint);
    c->seen.level = c->meter.now;
    atomic_store(&c->realtime, c->conf.realtime ? -1 : 0);
    int rc = make(c, e);
    if (rc == 0) {
        capture_adopt(c, src);
        int why = pthread_create(&c->thread, NULL, capture_run, c);
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
        kick(c);
    }
}

/* Nothing was in the ring: forget the wake-up, then look again.  0: go on waiting, 1: look again,
 * else what to answer. */
static int look_again(struct capture *c, int *answer, struct err *e)
{
    uint64_t n;
    ssize_t k = read(c->data_fd, &n, sizeof n);
    (void)k;
    atomic_store(&c->signalled, 0);
    int over = atomic_load(&c->over);
    if (ring_fill(c->ring) > 0 || (c->heeds && ring_gap_waits(c->ring))) {
        capture_wake_reader(c); /* stays readable until it is found empty */
        return 1;
    }
    if (!over) {
        return 0;
    }
    capture_wake_reader(c); /* an end stays readable */
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
        if (c->heeds && ring_gap_waits(c->ring)) {
            return AUDIO_AGAIN;
        }
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
    c->heeds = 1;
    return ring_gap(c->ring, g);
}

int capture_fd(const struct capture *c)
{
    return c->data_fd;
}

void capture_pause(struct capture *c, int on)
{
    atomic_store(&c->paused, on != 0);
    kick(c);
}

int capture_switch(struct capture *c, struct audio_src *src, const struct capture_opener *reopen,
                   struct err *e)
{
    if (atomic_load(&c->over) || atomic_load(&c->stop)) {
        return err_set(e, ERR_FAIL, "hearing has ended, so no other device can be chosen");
    }
    pthread_mutex_lock(&c->lock);
    struct audio_src *never = c->next;
    c->next = src;
    c->next_opener = reopen ? *reopen : (struct capture_opener){0};
    atomic_store(&c->want_switch, 1);
    pthread_mutex_unlock(&c->lock);
    audio_src_close(never);
    kick(c);
    return 0;
}

void capture_stop(struct capture *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stop, 1);
    audio_src_stop(atomic_load(&c->src));
    pthread_mutex_unlock(&c->lock);
    kick(c);
}

void capture_free(struct capture *c)
{
    if (c) {
        capture_stop(c);
        pthread_join(c->thread, NULL);
        audio_src_close(atomic_load(&c->src));
        audio_src_close(c->next);
        dispose(c);
    }
}

uint64_t capture_index(const struct capture *c)
{
    return ring_put_total(c->ring);
}

int capture_marks(struct capture *c, struct ring_gap *out, int max, uint64_t *total)
{
    return marks_read(&c->marks, out, max, total);
}

void capture_stat(struct capture *c, struct capture_stat *st)
{
    struct capture_seen seen;
    uint64_t put_n = ring_put_total(c->ring), got_n = ring_got_total(c->ring);
    snap_read(&c->snap, &seen, sizeof seen);
    memset(st, 0, sizeof *st);
    st->heard_s = (double)put_n / AUDIO_RATE;
    st->waiting_s = put_n > got_n ? (double)(put_n - got_n) / AUDIO_RATE : 0;
    st->lost_s = (double)ring_lost_total(c->ring) / AUDIO_RATE;
    st->xruns = seen.xruns;
    st->paused = atomic_load(&c->paused);
    st->ended = atomic_load(&c->over) != 0;
    st->realtime = atomic_load(&c->realtime) > 0 ? atomic_load(&c->realtime) : 0;
    st->level = seen.level;
    st->state = seen.state;
    st->hints = seen.hints;
    st->suspends = seen.suspends;
    st->unplugs = seen.unplugs;
    st->switches = seen.switches;
    st->dead = seen.dead;
    st->full_s = (double)seen.full / AUDIO_RATE;
    st->paused_s = (double)seen.paused / AUDIO_RATE;
    if (seen.gone_us) {
        const struct capture_clock *k = &c->conf.clock;
        st->gone_s = (double)((k->now_us ? k->now_us(k->user) : clk_us()) - seen.gone_us) * 1e-6;
    }
    memcpy(st->what, seen.what, sizeof st->what);
    memcpy(st->why, seen.why, sizeof st->why);
}

struct audio_src *capture_src(struct capture *c)
{
    return atomic_load(&c->src);
}
