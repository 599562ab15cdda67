/* The microphone that fails by a script, see fault.h.  The reader's thread, but for the clock; one
 * lock, since tests move the clock from outside.  Allocates when opened only. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "audio/fault.h"
#include "audio/fault_script.h"
#include "audio/src_impl.h"

enum {
    BLOCK = 4096,    /* samples of the sound at once */
    SLICE_US = 20000 /* longest sleep, real time: as a period of a microphone */
};

static const float CLIP_GAIN = 30.0f;

/* An event in native frames of the world. */
struct event {
    enum fault_kind kind;
    double at, every; /* seconds, exact; `first` follows from them and k */
    uint64_t k;
    int64_t first, len; /* len INT64_MAX: for good */
};

struct fault {
    pthread_mutex_t lock;
    struct event ev[FAULT_LINES];
    int n_ev, channels, dead;
    int rate;
    double speed;
    struct audio_src *in;
    struct audio_want again;       /* to open it anew, with a name of its own */
    int repeat;                    /* so many times more */
    struct resample *rs;           /* sound's rate to `rate`, NULL: equal */
    int64_t pos;                   /* native frames gone by */
    int64_t begin_us;              /* real time: when pos was 0 */
    int opened;                    /* once; real time begins then */
    int running;                   /* somebody listens: reading moves the time */
    const struct audio_src *owner; /* the source opened last */
    int in_over;                   /* the sound has ended; the time goes on */
    double engine;
    int leashed;          /* the time goes no further than `limit` */
    int64_t limit;        /* native frames */
    int idle, ended;      /* the reader has come to the limit; to the end of the sound */
    int paused;           /* the reader wants nothing */
    pthread_cond_t moved; /* limit or idle has changed */
    int src_n, src_at, src_end;
    float src[BLOCK], mono[BLOCK], wide[SRC_BLOCK];
};

/* -- the sound --------------------------------------------------------------------------------- */

/* The sound at its own rate, again and again: as audio_src_read, 0 only at the very end. */
static int inner(struct fault *f, float *x, int n, int timeout_ms)
{
    int k = audio_src_read(f->in, x, n, timeout_ms, NULL);
    while (k == AUDIO_END && f->repeat > 0) {
        struct audio_src *next;
        f->repeat--;
        if (audio_src_open(&next, &f->again, NULL) < 0) {
            return AUDIO_END;
        }
        audio_src_close(f->in);
        f->in = next;
        k = audio_src_read(f->in, x, n, timeout_ms, NULL);
    }
    return k;
}

/* Up to n samples of the sound at the world's rate: count, 0 the end, AUDIO_AGAIN. */
static int pull(struct fault *f, float *x, int n, int timeout_ms)
{
    while (f->rs && !f->in_over) {
        int used = 0;
        if (f->src_at == f->src_n && !f->src_end) {
            int k = inner(f, f->src, BLOCK, timeout_ms);
            if (k == AUDIO_AGAIN) {
                return k;
            }
            f->src_at = 0;
            f->src_n = k > 0 ? k : 0;
            f->src_end = k <= 0;
        }
        int got =
            resample_run(f->rs, f->src + f->src_at, f->src_n - f->src_at, &used, x, n, f->src_end);
        f->src_at += used;
        if (got > 0) {
            return got;
        }
        f->in_over = got < 0 || f->src_end;
    }
    int k = f->in_over ? 0 : inner(f, x, n, timeout_ms);
    f->in_over |= k <= 0 && k != AUDIO_AGAIN;
    return k > 0 || k == AUDIO_AGAIN ? k : 0;
}

/* Time goes by unheard. */
static void skip(struct fault *f, int64_t frames)
{
    int64_t end = frames > 0 ? f->pos + frames : f->pos;
    while (f->pos < end && !f->in_over) {
        int64_t n = end - f->pos < BLOCK ? end - f->pos : BLOCK;
        int k = pull(f, f->mono, (int)n, -1);
        f->pos += k > 0 ? k : 0;
    }
    f->pos = end;
}

/* -- the script -------------------------------------------------------------------------------- */

static void place(const struct fault *f, struct event *v)
{
    v->first = llround((v->at + v->every * (double)v->k) * f->rate);
}

static int64_t end_of(const struct event *v)
{
    return v->len == INT64_MAX ? v->len : v->first + v->len;
}

/* Moves events that are over on to their next time. */
static void settle(struct fault *f)
{
    for (int i = 0; i < f->n_ev; i++) {
        struct event *v = &f->ev[i];
        while (v->every > 0 && end_of(v) <= f->pos) {
            v->k++;
            place(f, v);
        }
    }
}

/* Is the world inside an event of this kind? */
static const struct event *inside(const struct fault *f, enum fault_kind kind)
{
    for (int i = 0; i < f->n_ev; i++) {
        const struct event *v = &f->ev[i];
        if (v->kind == kind && v->first <= f->pos && f->pos < end_of(v)) {
            return v;
        }
    }
    return NULL;
}

/* Frames until something begins or ends, at most max. */
static int until_next(const struct fault *f, int max)
{
    int64_t n = max;
    for (int i = 0; i < f->n_ev; i++) {
        int64_t a = f->ev[i].first - f->pos, b = end_of(&f->ev[i]) - f->pos;
        n = a > 0 && a < n ? a : n;
        n = b > 0 && b < n ? b : n;
    }
    return (int)n;
}

/* Losses that begin here.  Several in one place are one after the other. */
static void lose(struct fault *f, struct audio_src *s)
{
    const struct event *v;
    settle(f);
    while ((v = inside(f, FAULT_SUSPEND)) || (v = inside(f, FAULT_XRUN))) {
        int64_t n = end_of(v) - f->pos;
        s->gap_why |= v->kind == FAULT_SUSPEND ? GAP_SUSPEND : GAP_XRUN;
        atomic_fetch_add_explicit(&s->suspends, v->kind == FAULT_SUSPEND, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->xruns, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->lost, (uint64_t)n, memory_order_relaxed);
        skip(f, n);
        settle(f);
    }
}

/* -- the leash --------------------------------------------------------------------------------- */

/* The reader has come to the limit: tells, and waits a little for it to move. */
static void rest(struct fault *f, int ms)
{
    struct timespec t;
    f->idle = 1;
    pthread_cond_broadcast(&f->moved);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (ms < 20 ? ms : 20) * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    if (ms > 0 && f->pos >= f->limit) {
        pthread_cond_timedwait(&f->moved, &f->lock, &t);
    }
}

void fault_leash(struct fault *f)
{
    f->leashed = f->speed <= 0;
}

int fault_advance(struct fault *f, int64_t to_us, int wait_ms)
{
    struct timespec t;
    int64_t to = llround((double)to_us * f->rate / 1e6);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (wait_ms % 1000) * 1000000L;
    t.tv_sec += wait_ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_mutex_lock(&f->lock);
    if (to > f->limit) {
        f->limit = to;
        f->idle = f->idle && (f->pos >= to || f->ended);
        pthread_cond_broadcast(&f->moved);
    }
    if (f->paused) { /* nobody hears what goes by */
        skip(f, f->limit - f->pos);
        f->idle = 1;
    }
    while (!f->idle && pthread_cond_timedwait(&f->moved, &f->lock, &t) == 0) {
    }
    int there = f->idle ? 1 + (f->ended != 0) : 0;
    pthread_mutex_unlock(&f->lock);
    return there;
}

double fault_engine(const struct fault *f)
{
    return f->engine;
}

double fault_has_speed(const struct fault *f)
{
    return f->speed;
}

/* -- the clock --------------------------------------------------------------------------------- */

/* Real time: frames that should have gone by. */
static int64_t due(const struct fault *f)
{
    return (int64_t)((double)(clk_us() - f->begin_us) * f->speed * f->rate / 1e6);
}

/* With nobody listening real time goes on by itself. */
static void catch_up(struct fault *f)
{
    if (f->speed > 0 && f->opened && !f->running) {
        skip(f, due(f) - f->pos);
    }
}

int64_t fault_now_us(void *fault)
{
    struct fault *f = fault;
    pthread_mutex_lock(&f->lock);
    catch_up(f);
    int64_t rate = f->rate, pos = f->pos;
    pthread_mutex_unlock(&f->lock);
    return pos / rate * 1000000 + (pos % rate * 1000000 + rate / 2) / rate;
}

void fault_sleep_us(void *fault, int64_t us)
{
    struct fault *f = fault;
    if (f->speed > 0) {
        double real = (double)us / f->speed;
        usleep((useconds_t)(real < SLICE_US ? real : SLICE_US));
        return;
    }
    pthread_mutex_lock(&f->lock);
    int64_t n = llround((double)us * f->rate / 1e6);
    if (f->leashed && f->pos >= f->limit) {
        rest(f, 20);
        n = 0;
    } else if (f->leashed && n > f->limit - f->pos) {
        n = f->limit - f->pos;
    }
    skip(f, n);
    pthread_mutex_unlock(&f->lock);
}

int64_t fault_pos(struct fault *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t pos = f->pos;
    pthread_mutex_unlock(&f->lock);
    return pos;
}

int fault_rate(const struct fault *f)
{
    return f->rate;
}

/* -- the world --------------------------------------------------------------------------------- */

static int build(struct fault *f, const struct fault_script *sc, const struct audio_want *inner,
                 struct err *e)
{
    int rc = audio_src_open(&f->in, inner, e);
    if (rc < 0) {
        return rc;
    }
    f->again = *inner;
    f->again.name = inner->name ? strdup(inner->name) : NULL;
    f->repeat = sc->repeat - 1;
    int native = audio_src_got(f->in)->rate;
    f->rate = sc->rate ? sc->rate : native;
    f->channels = sc->channels ? sc->channels : 1;
    f->dead = sc->dead;
    f->speed = sc->speed;
    f->engine = sc->engine;
    f->n_ev = sc->n;
    for (int i = 0; i < sc->n; i++) {
        const struct fault_line *l = &sc->line[i];
        f->ev[i] = (struct event){.kind = l->kind, .at = l->at_s, .every = l->every_s};
        f->ev[i].len = isinf(l->len_s) ? INT64_MAX : llround(l->len_s * f->rate);
        place(f, &f->ev[i]);
    }
    return f->rate == native ? 0 : resample_new(&f->rs, native, f->rate, 1, e);
}

int fault_new(struct fault **out, const char *script, const struct audio_want *inner, struct err *e)
{
    struct fault_script sc;
    *out = NULL;
    int rc = fault_parse(&sc, script, e);
    if (rc < 0) {
        return rc;
    }
    struct fault *f = calloc(1, sizeof *f);
    if (!f) {
        return err_set(e, ERR_MEM, "no memory for a fault script");
    }
    pthread_condattr_t at;
    pthread_condattr_init(&at);
    pthread_condattr_setclock(&at, CLOCK_MONOTONIC);
    pthread_cond_init(&f->moved, &at);
    pthread_condattr_destroy(&at);
    pthread_mutex_init(&f->lock, NULL);
    rc = build(f, &sc, inner, e);
    if (rc < 0) {
        fault_free(f);
        return rc;
    }
    *out = f;
    return 0;
}

void fault_free(struct fault *f)
{
    if (f) {
        audio_src_close(f->in);
        free((void *)(uintptr_t)f->again.name);
        resample_free(f->rs);
        pthread_cond_destroy(&f->moved);
        pthread_mutex_destroy(&f->lock);
        free(f);
    }
}

void fault_speed(struct fault *f, double speed)
{
    f->speed = speed;
}

int fault_open(struct audio_src **out, void *fault, struct err *e)
{
    struct audio_want w = {.kind = AUDIO_FAULT, .fault = fault};
    return audio_src_open(out, &w, e);
}

/* -- the source -------------------------------------------------------------------------------- */

static int away(struct fault *f, struct err *e)
{
    f->running = 0;
    return err_set(
        e, ERR_MIC,
        "microphone \"fault script\" is gone (unplugged at %.3f s): plug it in again, or "
        "choose another",
        (double)inside(f, FAULT_UNPLUG)->first / f->rate);
}

static int fault_src_open(struct audio_src *s, const struct audio_want *w, struct err *e)
{
    struct fault *f = w->fault;
    int rc = 0;
    snprintf(s->name, sizeof s->name, "fault script");
    if (!f) {
        return err_set(e, ERR_USAGE, "no fault script was given");
    }
    pthread_mutex_lock(&f->lock);
    f->begin_us = f->opened ? f->begin_us : clk_us();
    f->opened = 1;
    catch_up(f);
    settle(f);
    if (inside(f, FAULT_UNPLUG)) {
        rc = away(f, e);
    } else {
        s->priv = f;
        f->owner = s;
        s->got.rate = f->rate;
        s->got.channels = f->channels;
        s->got.mic = 1;
        s->got.live = f->speed > 0 || f->leashed;
        f->running = 1;
        f->paused = 0;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

/* Real time: how many of max frames have been spoken; waits for the first ones. */
static int spoken(struct fault *f, struct audio_src *s, int max, int timeout_ms)
{
    int64_t want = f->pos + (int64_t)f->rate * SLICE_US / 1000000;
    int64_t end_us = clk_us() + (int64_t)timeout_ms * 1000;
    while (due(f) < want && !src_stopped(s) && (timeout_ms < 0 || clk_us() < end_us)) {
        double us = (double)(want - due(f)) * 1e6 / f->rate / f->speed;
        src_wait(s, -1, us < 1000 ? 1 : us < SLICE_US ? (int)(us / 1000) : SLICE_US / 1000);
    }
    int64_t n = due(f) - f->pos;
    return n < 0 ? 0 : n < max ? (int)n : max;
}

/* To the device's channels and back through the mixdown that any microphone has. */
static void hear(struct fault *f, struct audio_src *s, int n, float *x)
{
    int zero = inside(f, FAULT_ZERO) != NULL, clip = inside(f, FAULT_CLIP) != NULL;
    for (int i = 0; i < n; i++) {
        float v = zero ? 0 : clip ? f->mono[i] * CLIP_GAIN : f->mono[i];
        v = v > 1 ? 1 : v < -1 ? -1 : v;
        for (int c = 0; c < f->channels; c++) {
            f->wide[i * f->channels + c] = c == f->dead ? 0 : v;
        }
    }
    src_mix(s, f->wide, n, f->channels, x);
}

static int read_locked(struct fault *f, struct audio_src *s, float *x, int max, int timeout_ms,
                       struct err *e)
{
    lose(f, s);
    if (inside(f, FAULT_UNPLUG)) {
        return away(f, e);
    }
    max = until_next(f, max < SRC_BLOCK / f->channels ? max : SRC_BLOCK / f->channels);
    max = max < BLOCK ? max : BLOCK;
    if (f->speed > 0) {
        max = spoken(f, s, max, timeout_ms);
    } else if (f->leashed) {
        if (f->pos >= f->limit) {
            rest(f, timeout_ms < 0 ? 20 : timeout_ms);
        }
        int64_t room = f->limit - f->pos;
        max = room <= 0 ? 0 : room < max ? (int)room : max;
    }
    int n = max > 0 ? pull(f, f->mono, max, timeout_ms) : AUDIO_AGAIN;
    if (n > 0) {
        hear(f, s, n, x);
        f->pos += n;
    } else if (n == 0) {
        f->idle = f->ended = 1;
        pthread_cond_broadcast(&f->moved);
    }
    return n;
}

static int fault_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e)
{
    struct fault *f = s->priv;
    pthread_mutex_lock(&f->lock);
    int deaf = !f->running || f->owner != s;
    int n = deaf ? AUDIO_AGAIN : read_locked(f, s, x, max, timeout_ms, e);
    pthread_mutex_unlock(&f->lock);
    if (deaf) {
        src_wait(s, -1, timeout_ms); /* paused, or another source has taken its place */
    }
    return n;
}

static int fault_pause(struct audio_src *s, int on, struct err *e)
{
    struct fault *f = s->priv;
    (void)e;
    pthread_mutex_lock(&f->lock);
    catch_up(f);
    f->running = !on;
    f->paused = on;
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static void fault_close(struct audio_src *s)
{
    struct fault *f = s->priv;
    if (f) {
        pthread_mutex_lock(&f->lock);
        f->running = f->owner == s ? 0 : f->running;
        pthread_mutex_unlock(&f->lock);
        s->priv = NULL;
    }
}

static void fault_describe(const struct audio_src *s, char *text, size_t size)
{
    const struct fault *f = s->priv;
    snprintf(text, size, "%d events", f->n_ev);
}

const struct audio_src_ops src_fault_ops = {
    .name = "fault",
    .open = fault_src_open,
    .read = fault_read,
    .close = fault_close,
    .describe = fault_describe,
    .pause = fault_pause,
};
