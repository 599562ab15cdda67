/* The way of the samples: from the source into the ring, with levels, hints and gaps beside it.
 * The capture thread; allocates, locks and prints nothing. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "audio/capture_impl.h"

enum {
    ROOM_SHARE = 16, /* of the ring must be free before hearing goes on after it was full */
    GAPS_MS = 5,     /* between looks whether gaps have been read */
};

int64_t capture_now(const struct capture *c)
{
    const struct capture_clock *k = &c->conf.clock;
    return k->now_us ? k->now_us(k->user) : clk_us();
}

void capture_nap(struct capture *c, int ms)
{
    struct pollfd p = {.fd = c->ctl_fd, .events = POLLIN};
    if (poll(&p, 1, ms) > 0) {
        uint64_t n;
        ssize_t k = read(c->ctl_fd, &n, sizeof n);
        (void)k;
    }
}

void capture_wake_reader(struct capture *c)
{
    if (!atomic_exchange(&c->signalled, 1)) {
        uint64_t one = 1;
        ssize_t k = write(c->data_fd, &one, sizeof one);
        (void)k; /* fails only when it is readable already */
    }
}

void capture_show(struct capture *c)
{
    struct audio_stat st;
    audio_src_stat(atomic_load(&c->src), &st);
    c->seen.xruns = c->old_xruns + st.xruns;
    c->seen.suspends = c->old_suspends + st.suspends;
    c->seen.dead = st.dead;
    snap_write(&c->snap, &c->seen, sizeof c->seen);
}

static void end_block(struct capture *c)
{
    const struct level_now *l = &c->meter.now;
    uint64_t put = ring_put_total(c->ring), got = ring_got_total(c->ring);
    float clipped = (float)c->block_clip / (float)c->meter.block;
    int live = audio_src_got(atomic_load(&c->src))->live;
    double waiting = live && put > got ? (double)(put - got) / AUDIO_RATE : 0;
    hint_block(&c->hint, l, c->block_peak, clipped, (int)c->seen.dead, waiting);
    c->seen.level = *l;
    c->seen.hints = c->hint.now;
    c->block_peak = 0;
    c->block_clip = 0;
    capture_show(c);
}

/* Levels and hints, cut at the blocks of 100 ms. */
static void measure(struct capture *c, const float *x, int n)
{
    while (n > 0) {
        int k = c->meter.block - c->meter.n;
        k = k < n ? k : n;
        for (int i = 0; i < k; i++) {
            float a = x[i] < 0 ? -x[i] : x[i];
            c->block_peak = a > c->block_peak ? a : c->block_peak;
            c->block_clip += a >= 0.9999f;
        }
        if (level_push(&c->meter, x, k) > 0) {
            end_block(c);
        }
        x += k;
        n -= k;
    }
}

void capture_mark(struct capture *c, uint64_t lost, unsigned why)
{
    struct ring_gap g = {ring_put_total(c->ring), lost, clk_us(), why};
    if (lost == 0) {
        return;
    }
    marks_add(&c->marks, &g);
    if (why != GAP_PAUSE || c->conf.tell_pauses) {
        ring_skip(c->ring, lost, why);
    }
    c->seen.full += why & GAP_FULL ? lost : 0;
    c->seen.paused += why == GAP_PAUSE ? lost : 0;
}

void capture_mark_time(struct capture *c, unsigned why)
{
    int64_t now = capture_now(c), us = now - c->last_us;
    uint64_t lost = us > 0 ? (uint64_t)(us * AUDIO_RATE + 500000) / 1000000 : 0;
    /* Sounds of two devices never join unmarked, even if no time was lost. */
    capture_mark(c, lost == 0 && why & GAP_SWITCH ? 1 : lost, why);
    c->last_us = now;
}

void capture_note_gap(struct capture *c)
{
    unsigned why;
    uint64_t lost = audio_src_gap(atomic_load(&c->src), &why);
    if (lost > 0) {
        capture_mark(c, lost, why);
        /* Not beyond now: what came out of the resampler before this was late already. */
        int64_t now = capture_now(c), to = c->last_us + (int64_t)(lost * 1000000 / AUDIO_RATE);
        c->last_us = to < now ? to : now;
        capture_show(c);
    }
}

/* Until the ring has room or stop. */
static void wait_room(struct capture *c)
{
    while (!atomic_load(&c->stop)) {
        atomic_store(&c->want_room, 1);
        if (ring_room(c->ring) >= (size_t)c->block) {
            break;
        }
        capture_nap(c, 1000);
    }
    atomic_store(&c->want_room, 0);
}

/* After the ring was full: true until there is room for a passage that can be understood.  Else a
 * slow reader would get one block here and one there. */
static int still_full(struct capture *c)
{
    if (c->dropping && ring_room(c->ring) >= ring_size(c->ring) / ROOM_SHARE) {
        c->dropping = 0;
    }
    return c->dropping;
}

void capture_put(struct capture *c, int n)
{
    const float *x = c->buf;
    measure(c, x, n);
    c->heard += (uint64_t)n;
    if (c->seen.state == CAPTURE_STARTING) {
        c->seen.state = CAPTURE_HEARING;
        capture_show(c);
    }
    while (n > 0) {
        int k = still_full(c) ? 0 : (int)ring_put(c->ring, x, (size_t)n);
        x += k;
        n -= k;
        if (k > 0) {
            capture_wake_reader(c);
        }
        if (n > 0 && (c->may_drop || atomic_load(&c->stop))) {
            c->dropping = c->may_drop;
            capture_mark(c, (uint64_t)n, GAP_FULL);
            break;
        }
        if (n > 0) {
            wait_room(c);
            if (k == 0) { /* room, but too many gaps that nobody has read */
                capture_nap(c, GAPS_MS);
            }
        }
    }
    c->last_us = capture_now(c);
}

void capture_drain(struct capture *c)
{
    struct audio_src *s = atomic_load(&c->src);
    int n, total = audio_src_got(s)->mic || audio_src_got(s)->live ? 0 : AUDIO_RATE;
    /* Half a second: the buffer of a device; some plug-ins never run dry. */
    while (total < AUDIO_RATE / 2 &&
           (n = audio_src_read16k(s, c->buf, CAPTURE_BLOCK_LIVE, 0, NULL)) > 0) {
        capture_note_gap(c);
        capture_put(c, n);
        total += n;
    }
    while ((n = audio_src_flush16k(s, c->buf, CAPTURE_BLOCK_FAST)) > 0) {
        capture_note_gap(c);
        capture_put(c, n);
    }
    capture_note_gap(c);
}
