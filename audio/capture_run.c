/* The capture thread: a machine of four states (hearing, paused, gone, ended) around a source.
 * While it hears, nothing here allocates, locks or prints. */
#include <sched.h>
#include <sys/resource.h>

#include "app/base/clk.h"
#include "audio/capture_impl.h"

enum {
    READ_MS = 100, /* longest wait in a source before pause is looked at */
    FIFO_PRIO = 20,
    NICE = -10,
};

static void ask_priority(struct capture *c)
{
    struct sched_param sp = {.sched_priority = FIFO_PRIO};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &sp) == 0) {
        atomic_store(&c->realtime, 1);
    } else if (setpriority(PRIO_PROCESS, 0, NICE) == 0) { /* Linux: this thread only */
        atomic_store(&c->realtime, 2);
    }
}

/* Paced: sleeps until the next block would have been spoken. */
static void wait_due(struct capture *c)
{
    int64_t due = c->begin_us + (int64_t)(c->heard + (uint64_t)c->block) * 1000000 / AUDIO_RATE;
    while (!atomic_load(&c->stop) && !atomic_load(&c->paused) && !atomic_load(&c->want_switch)) {
        int64_t us = due - clk_us();
        if (us <= 0) {
            return;
        }
        capture_nap(c, (int)((us + 999) / 1000));
    }
}

/* What somebody asked for, before anything is read: 1 look again, 0 nothing, -ERR_MIC. */
static int asked(struct capture *c)
{
    if (atomic_load(&c->stop)) {
        return 0;
    }
    if (atomic_load(&c->want_switch)) {
        int rc = capture_change(c);
        return rc < 0 ? rc : 1;
    }
    if (atomic_load(&c->paused)) {
        int rc = capture_wait_pause(c);
        return rc < 0 ? rc : 1;
    }
    if (c->paced) {
        wait_due(c);
        return !atomic_load(&c->stop) && (atomic_load(&c->paused) || atomic_load(&c->want_switch));
    }
    return 0;
}

/* One block. As audio_src_read16k. */
static int hear(struct capture *c)
{
    int n = audio_src_read16k(atomic_load(&c->src), c->buf, c->block, READ_MS, &c->fail);
    capture_note_gap(c);
    if (n > 0) {
        capture_put(c, n);
    }
    return n;
}

void *capture_run(void *capture)
{
    struct capture *c = capture;
    int n = AUDIO_AGAIN;
    pthread_setname_np(pthread_self(), "capture");
    if (atomic_load(&c->realtime) < 0) {
        atomic_store(&c->realtime, 0);
        ask_priority(c);
    }
    c->begin_us = clk_us();
    c->last_us = capture_now(c);
    while (n > 0 || n == AUDIO_AGAIN) {
        int rc = asked(c);
        if (rc > 0) {
            continue;
        }
        n = rc < 0 ? rc : hear(c);
        if (n == -ERR_MIC && c->opener.open && !atomic_load(&c->stop)) {
            n = capture_wait_device(c, &c->fail) ? AUDIO_AGAIN : AUDIO_END;
        }
    }
    ring_end(c->ring);
    c->seen.state = CAPTURE_ENDED;
    capture_show(c);
    atomic_store(&c->over, n < 0 ? n : 1);
    capture_wake_reader(c);
    return NULL;
}
