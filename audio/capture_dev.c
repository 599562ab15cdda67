/* Devices that come and go: pause, another device, a microphone pulled out and plugged in again.
 * The capture thread.  No sound is under way here, so this may allocate and take the lock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "audio/capture_impl.h"

enum { RETRY_US = 2000000 };

static void enter(struct capture *c, enum capture_state state)
{
    c->seen.state = state;
    capture_show(c);
}

/* Sleeps until the clock says so, a stop, a pause or a switch. */
static void sleep_until(struct capture *c, int64_t until)
{
    const struct capture_clock *k = &c->conf.clock;
    int64_t left;
    while ((left = until - capture_now(c)) > 0 && !atomic_load(&c->stop) &&
           !atomic_load(&c->paused) && !atomic_load(&c->want_switch)) {
        if (k->sleep_us) {
            k->sleep_us(k->user, left);
        } else {
            capture_nap(c, (int)(left / 1000 + 1));
        }
    }
}

/* Keeps an old source for who still looks at it; when there is no memory for the note it is lost
 * on purpose rather than freed under somebody's eyes. */
static void retire(struct capture *c, struct audio_src *old)
{
    audio_src_retire(old);
    struct audio_src **list = realloc(c->retired, ((size_t)c->n_retired + 1) * sizeof *c->retired);
    if (list) {
        c->retired = list;
        list[c->n_retired++] = old;
    }
}

void capture_adopt(struct capture *c, struct audio_src *src)
{
    const struct audio_got *got = audio_src_got(src);
    struct audio_src *old = atomic_load(&c->src);
    if (old) {
        struct audio_stat st;
        audio_src_stat(old, &st);
        c->old_xruns += st.xruns;
        c->old_suspends += st.suspends;
    }
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->src, src);
    if (atomic_load(&c->stop)) {
        audio_src_stop(src);
    }
    pthread_mutex_unlock(&c->lock);
    c->paced = c->conf.paced && !got->live;
    c->may_drop = got->mic && got->live;
    c->block = c->paced || got->live ? CAPTURE_BLOCK_LIVE : CAPTURE_BLOCK_FAST;
    snprintf(c->seen.what, sizeof c->seen.what, "%s", got->what);
    c->seen.gone_us = 0;
    c->dropping = 0;
    c->begin_us = clk_us();
    c->heard = 0;
    if (old) {
        retire(c, old);
    }
    enter(c, CAPTURE_STARTING);
}

/* Takes what capture_switch() left.  NULL when it has been taken. */
static struct audio_src *take_next(struct capture *c)
{
    pthread_mutex_lock(&c->lock);
    struct audio_src *src = c->next;
    c->next = NULL;
    if (src) {
        c->opener = c->next_opener;
    }
    atomic_store(&c->want_switch, 0);
    pthread_mutex_unlock(&c->lock);
    return src;
}

int capture_change(struct capture *c)
{
    struct audio_src *src = take_next(c);
    unsigned why = c->seen.gone_us ? GAP_SWITCH | GAP_GONE : GAP_SWITCH;
    int rc = 0;
    if (!src) {
        return 0;
    }
    if (!c->seen.gone_us) {
        capture_drain(c);
    }
    /* It has been recording since it was opened: those samples belong to the time of the old one.
     * In a pause it begins when that ends. */
    audio_src_pause(src, 1, NULL);
    if (!atomic_load(&c->paused)) {
        rc = audio_src_pause(src, 0, &c->fail);
    }
    if (audio_src_got(src)->mic) {
        capture_mark_time(c, why);
    }
    c->seen.switches++;
    capture_adopt(c, src);
    c->last_us = capture_now(c);
    return rc;
}

/* Tries once. 1: there it is. */
static int open_again(struct capture *c)
{
    struct audio_src *src = NULL;
    struct err e = {0};
    if (c->opener.open(&src, c->opener.user, &e) < 0) {
        snprintf(c->seen.why, sizeof c->seen.why, "%.150s", e.text);
        capture_show(c);
        return 0;
    }
    capture_mark_time(c, GAP_GONE);
    capture_adopt(c, src);
    return 1;
}

static void be_gone(struct capture *c, const struct err *why)
{
    audio_src_shut(atomic_load(&c->src)); /* or it could not be opened again */
    snprintf(c->seen.why, sizeof c->seen.why, "%.150s", why->text);
    c->seen.unplugs++;
    c->seen.gone_us = capture_now(c);
    enter(c, CAPTURE_GONE);
    capture_wake_reader(c);
}

int capture_wait_device(struct capture *c, const struct err *why)
{
    be_gone(c, why);
    for (int64_t next = capture_now(c); !atomic_load(&c->stop);) {
        if (atomic_load(&c->want_switch)) {
            if (capture_change(c) == 0) {
                return 1;
            }
            be_gone(c, &c->fail);
            next = capture_now(c) + RETRY_US;
        }
        if (atomic_load(&c->paused)) {
            capture_nap(c, -1);
            continue;
        }
        if (capture_now(c) >= next) {
            if (c->opener.open && open_again(c)) {
                return 1;
            }
            next += RETRY_US;
        }
        sleep_until(c, next);
    }
    capture_mark_time(c, GAP_GONE);
    return 0;
}

int capture_wait_pause(struct capture *c)
{
    struct audio_src *s = atomic_load(&c->src);
    int64_t t0 = clk_us();
    int mic = audio_src_got(s)->mic;
    if (mic) {
        capture_drain(c);
    }
    int rc = audio_src_pause(s, 1, &c->fail);
    enum capture_state before = c->seen.state;
    enter(c, CAPTURE_PAUSED);
    while (rc == 0 && atomic_load(&c->paused) && !atomic_load(&c->stop) &&
           !atomic_load(&c->want_switch)) {
        capture_nap(c, -1);
    }
    if (rc == 0 && !atomic_load(&c->stop) && !atomic_load(&c->want_switch)) {
        rc = audio_src_pause(s, 0, &c->fail);
    }
    c->begin_us += clk_us() - t0;
    if (mic) {
        capture_mark_time(c, GAP_PAUSE);
    } else {
        c->last_us = capture_now(c);
    }
    enter(c, before);
    return rc;
}
