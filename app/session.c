/* See session.h.  One engine thread; the functions below it are for the main thread. */
#include "app/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/base/clk.h"
#include "app/base/log.h"
#include "app/base/queue.h"
#include "app/front.h"
#include "app/sound.h"

enum {
    CHUNK = 800,   /* samples a read: 50 ms */
    TURN = 100,    /* reads before the recogniser gets its turn: 5 s when it is late */
    TURN_FAST = 8, /* sound that comes faster than real time: 0.4 s */
    AHEAD_S = 1,   /* from here on it does */
    WAIT_MS = 50,
    RETRY_MS = 2000, /* between tries to open a microphone */
};

struct session {
    struct app_setup *setup;
    const struct args *args;
    bool paced, wait_mic;
    pthread_t thread;
    struct queue *q;

    pthread_mutex_t lock; /* guards cap, src, got: they change when a microphone comes and goes */
    struct capture *cap;
    struct audio_src *src; /* until capture has taken it */
    struct audio_got got;
    bool have_got;

    /* engine thread only */
    struct front *front;
    struct asr_live *live;
    bool flushed; /* nothing new since the recogniser was told to finish */

    atomic_int phase;
    atomic_bool paused, stop, quit, mic_gone, speech;
    _Atomic int64_t start_us, paused_us, pause_began_us;
    _Atomic int64_t samples, voiced, work_ns;
    _Atomic double shift_s; /* stream clock ahead of samples */
    _Atomic double done_s;
    atomic_uint passes;
    struct hist hist[SESSION_STAGES];
};

/* Wall seconds since hearing began, pauses left out. */
static double now_s(struct session *s)
{
    int64_t start = atomic_load(&s->start_us), began = atomic_load(&s->pause_began_us);
    int64_t now = began ? began : clk_us();
    return start ? (double)(now - start - atomic_load(&s->paused_us)) * 1e-6 : 0;
}

static void send(struct session *s, const struct session_ev *ev, const struct asr_word *word, int n)
{
    size_t size = sizeof *ev + (size_t)n * sizeof *word;
    struct session_ev *copy = malloc(size);
    if (!copy) {
        log_msg(LOG_ERROR, "no memory for an event of %zu bytes", size);
        return;
    }
    *copy = *ev;
    copy->at_s = now_s(s);
    copy->n_word = n;
    for (int i = 0; i < n; i++) {
        copy->word[i] = word[i];
        copy->word[i].t0 = (float)front_clock(s->front, (double)word[i].t0);
        copy->word[i].t1 = (float)front_clock(s->front, (double)word[i].t1);
    }
    queue_push(s->q, copy, size);
}

/* -- what asr_live asks ------------------------------------------------------------------------ */

static void io_mel(void *user, int64_t first, int n, int64_t norm0, int64_t norm1, float *out)
{
    struct session *s = user;
    front_mel(s->front, first, n, norm0, norm1, out);
}

static bool io_voice(void *user, int64_t frame)
{
    struct session *s = user;
    return front_voice(s->front, frame);
}

static void io_utt(void *user, const struct asr_utt *u)
{
    struct session *s = user;
    struct session_ev ev = {
        .kind = SESSION_EV_UTT,
        .t0 = front_clock(s->front, u->t0),
        .t1 = front_clock(s->front, u->t1),
        .utt = u->id,
        .final = u->final,
        .pass = u->pass,
        .pass_ms = u->pass_ms,
        .n_settled = u->n_settled,
    };
    send(s, &ev, u->word, u->n_word);
}

/* One turn of the recogniser.  1: it wants another. */
static int step(struct session *s, bool end, struct err *e)
{
    struct asr_live_io io = {.user = s, .mel = io_mel, .voice = io_voice, .utt = io_utt};
    int64_t keep = 0, t = clk_ns();
    int rc = asr_live_step(s->live, &io, front_have(s->front), end, &keep, e);
    int64_t took = clk_ns() - t;
    atomic_fetch_add(&s->work_ns, took);
    if (rc > 0) {
        hist_add(&s->hist[SESSION_PASS], (uint64_t)took);
        atomic_fetch_add(&s->passes, 1);
    }
    if (rc >= 0) {
        front_drop(s->front, keep);
        atomic_store(&s->done_s, front_clock(s->front, (double)keep * 0.01));
    }
    return rc;
}

/* Everything heard so far becomes final. */
static int flush(struct session *s, struct err *e)
{
    int rc = 0;
    if (!s->flushed) {
        do {
            rc = step(s, true, e);
        } while (rc > 0 && !atomic_load(&s->quit));
        s->flushed = rc >= 0;
        atomic_store(&s->done_s, front_clock(s->front, (double)s->front->samples / AUDIO_RATE));
    }
    return rc < 0 ? rc : 0;
}

/* -- sound ------------------------------------------------------------------------------------- */

static int take(struct session *s, const float *x, int n, struct err *e)
{
    int64_t t = clk_ns();
    int rc = front_push(s->front, x, n, e);
    int64_t took = clk_ns() - t;
    hist_add(&s->hist[SESSION_FRONT], (uint64_t)took);
    atomic_fetch_add(&s->work_ns, took);
    atomic_store(&s->samples, s->front->samples);
    atomic_store(&s->voiced, s->front->voiced * VAD_FRAME);
    atomic_store(&s->speech, s->front->speech);
    s->flushed = false;
    return rc;
}

/* Sound is missing: tell, and keep the clock right.  Longer gaps end the utterance. */
static int gap(struct session *s, double lost_s, struct err *e)
{
    struct session_ev ev = {.kind = SESSION_EV_GAP, .lost_s = lost_s};
    int rc = lost_s > 0.3 ? flush(s, e) : 0;
    ev.t0 = front_clock(s->front, (double)s->front->samples / AUDIO_RATE);
    rc = rc ? rc : front_gap(s->front, lost_s, e);
    ev.t1 = front_clock(s->front, (double)s->front->samples / AUDIO_RATE);
    atomic_store(&s->shift_s, ev.t1 - (double)s->front->samples / AUDIO_RATE);
    send(s, &ev, NULL, 0);
    return rc;
}

/* Reads what waits, at most `turns` chunks.  Count of the last read, AUDIO_END, AUDIO_AGAIN, -ERR.
 */
static int listen(struct session *s, int turns, int timeout_ms, struct err *e)
{
    float x[CHUNK];
    struct ring_gap g;
    int n = AUDIO_AGAIN;
    for (int i = 0; i < turns && !atomic_load(&s->quit); i++) {
        while (capture_gap(s->cap, &g)) {
            int rc = gap(s, (double)g.lost / AUDIO_RATE, e);
            if (rc) {
                return rc;
            }
        }
        n = capture_read(s->cap, x, CHUNK, i ? 0 : timeout_ms, e);
        if (n <= 0) {
            break;
        }
        int rc = take(s, x, n, e);
        if (rc) {
            return rc;
        }
    }
    return n;
}

static void set_capture(struct session *s, struct capture *c)
{
    pthread_mutex_lock(&s->lock);
    struct capture *old = s->cap;
    s->cap = c;
    if (c) {
        s->got = *audio_src_got(capture_src(c));
        s->have_got = true;
        if (atomic_load(&s->paused)) {
            capture_pause(c, 1);
        }
        if (atomic_load(&s->stop)) {
            capture_stop(c);
        }
    }
    pthread_mutex_unlock(&s->lock);
    capture_free(old);
}

/* Opens the source and its capture once. */
static int open_once(struct session *s, struct err *e)
{
    struct capture_conf conf = {.paced = s->paced};
    struct capture *c;
    int rc = s->src ? 0 : sound_open_mic(&s->src, s->args, e);
    if (rc) {
        return rc;
    }
    conf.realtime = audio_src_got(s->src)->mic;
    rc = capture_start(&c, s->src, &conf, e);
    if (rc) {
        return rc;
    }
    s->src = NULL; /* capture has it */
    set_capture(s, c);
    return 0;
}

/* Opens, waiting for a microphone when that is wanted.  1: stopped before one came. */
static int open_source(struct session *s, struct err *e)
{
    struct err last = {0};
    for (;;) {
        int rc = open_once(s, e);
        if (rc != -ERR_MIC || !s->wait_mic) {
            return rc;
        }
        if (strcmp(last.text, e->text)) { /* once for each different reason */
            struct session_ev ev = {.kind = SESSION_EV_MIC, .err = *e};
            send(s, &ev, NULL, 0);
            last = *e;
        }
        for (int ms = 0; ms < RETRY_MS; ms += WAIT_MS) {
            struct timespec t = {0, WAIT_MS * 1000000L};
            if (atomic_load(&s->stop) || atomic_load(&s->quit)) {
                return 1;
            }
            nanosleep(&t, NULL);
        }
    }
}

/* The microphone went away: finish what was heard, wait for it, go on with a gap.  1: stopped. */
static int reopen(struct session *s, struct err *e)
{
    struct session_ev ev = {.kind = SESSION_EV_MIC, .err = *e};
    int64_t gone = clk_us();
    atomic_store(&s->mic_gone, true);
    atomic_store(&s->phase, SESSION_OPENING);
    send(s, &ev, NULL, 0);
    set_capture(s, NULL);
    int rc = flush(s, e);
    rc = rc ? rc : open_source(s, e);
    if (!rc) {
        atomic_store(&s->mic_gone, false);
        atomic_store(&s->phase, SESSION_HEARING);
        ev = (struct session_ev){.kind = SESSION_EV_START};
        send(s, &ev, NULL, 0);
        rc = gap(s, (double)(clk_us() - gone) * 1e-6, e);
    }
    return rc;
}

/* How much to take before the recogniser gets its turn.  What comes faster than real time (a file
 * that is not paced, a pipe with a file behind it) is dealt out as if it were paced. */
static int turns(struct session *s)
{
    struct capture_stat st;
    capture_stat(s->cap, &st);
    return st.heard_s > now_s(s) + AHEAD_S ? TURN_FAST : TURN;
}

/* Hears until the end.  0 or -ERR. */
static int run(struct session *s, struct err *e)
{
    struct session_ev ev = {.kind = SESSION_EV_START};
    int rc = open_source(s, e), more = 0;
    if (rc) {
        return rc < 0 ? rc : 0;
    }
    atomic_store(&s->start_us, clk_us());
    atomic_store(&s->phase, SESSION_HEARING);
    send(s, &ev, NULL, 0);
    while (!atomic_load(&s->quit)) {
        int n = listen(s, turns(s), more > 0 ? 0 : WAIT_MS, e);
        if (n < 0 && n != AUDIO_AGAIN) {
            if (n != -ERR_MIC || !s->wait_mic || atomic_load(&s->stop)) {
                return n;
            }
            rc = reopen(s, e);
            if (rc) {
                return rc < 0 ? rc : 0;
            }
            continue;
        }
        if (n == AUDIO_END) {
            break;
        }
        if (n == AUDIO_AGAIN && atomic_load(&s->paused)) {
            rc = flush(s, e);
            more = 0;
        } else {
            rc = more = step(s, false, e);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static void *engine_main(void *arg)
{
    struct session *s = arg;
    struct session_ev ev = {.kind = SESSION_EV_END};
    struct err late = {0};
    int rc = run(s, &ev.err);
    atomic_store(&s->phase, SESSION_FINISHING);
    if (rc >= 0) {
        ev.err.code = 0; /* sentences of tries that went well in the end */
    }
    /* Also after an error of the source: what was heard before it is text. */
    if (!atomic_load(&s->quit) && rc != -ERR_NPU && rc != -ERR_NPU_HANG) {
        rc = front_finish(s->front, &late);
        rc = rc ? rc : flush(s, &late);
        if (rc < 0 && !ev.err.code) {
            ev.err = late;
        }
    }
    if (s->cap && !atomic_load(&s->quit)) {
        snprintf(ev.note, sizeof ev.note, "%.199s", audio_src_note(capture_src(s->cap)));
    }
    atomic_store(&s->phase, SESSION_ENDED);
    send(s, &ev, NULL, 0);
    return NULL;
}

/* -- main thread ------------------------------------------------------------------------------- */

static void destroy(struct session *s)
{
    struct session_ev *ev;
    while (s->q && (ev = session_next(s))) {
        free(ev);
    }
    set_capture(s, NULL);
    audio_src_close(s->src);
    asr_live_free(s->live);
    front_free(s->front);
    queue_free(s->q);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int session_start(struct session **out, struct app_setup *setup, const struct args *a,
                  struct audio_src *src, bool paced, bool wait_mic, struct err *e)
{
    struct asr_live_opts o = asr_live_opts_default();
    struct session *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) {
        return err_set(e, ERR_MEM, "no memory for a session");
    }
    /* a file is heard the same way every time; a microphone's hops follow the speed of the machine */
    o.deterministic = src && !audio_src_got(src)->live;
    s->setup = setup;
    s->args = a;
    s->paced = paced;
    s->wait_mic = wait_mic;
    pthread_mutex_init(&s->lock, NULL);
    o.params = args_params(a);
    app_setup_fit(setup, &o.params);
    int rc = queue_new(&s->q, e);
    rc = rc ? rc
            : front_new(&s->front, asr_model_hp(setup->model)->n_mels,
                        asr_model_filters(setup->model), e);
    rc = rc ? rc : asr_live_new(&s->live, setup->eng, setup->tok, &o, e);
    if (!rc) {
        s->src = src;
        if (pthread_create(&s->thread, NULL, engine_main, s)) {
            s->src = NULL;
            rc = err_set(e, ERR_FAIL, "the engine thread cannot be started");
        }
    }
    if (rc) {
        destroy(s);
        return rc;
    }
    *out = s;
    return 0;
}

int session_fd(const struct session *s)
{
    return queue_fd(s->q);
}

struct session_ev *session_next(struct session *s)
{
    return queue_pop(s->q, NULL);
}

void session_pause(struct session *s, bool on)
{
    if (atomic_exchange(&s->paused, on) == on) {
        return;
    }
    if (on) {
        atomic_store(&s->pause_began_us, clk_us());
    } else {
        atomic_fetch_add(&s->paused_us, clk_us() - atomic_exchange(&s->pause_began_us, 0));
    }
    pthread_mutex_lock(&s->lock);
    if (s->cap) {
        capture_pause(s->cap, on);
    }
    pthread_mutex_unlock(&s->lock);
}

void session_stop(struct session *s)
{
    atomic_store(&s->stop, true);
    pthread_mutex_lock(&s->lock);
    if (s->cap) {
        capture_stop(s->cap);
    }
    pthread_mutex_unlock(&s->lock);
}

bool session_free(struct session *s)
{
    struct timespec t;
    if (!s) {
        return true;
    }
    atomic_store(&s->quit, true);
    session_stop(s);
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 5;
    if (pthread_timedjoin_np(s->thread, NULL, &t)) {
        log_msg(LOG_ERROR, "the engine thread did not stop within 5 s");
        return false;
    }
    destroy(s);
    return true;
}

void session_stat(struct session *s, struct session_stat *st)
{
    memset(st, 0, sizeof *st);
    pthread_mutex_lock(&s->lock);
    if (s->cap) {
        capture_stat(s->cap, &st->cap);
    }
    pthread_mutex_unlock(&s->lock);
    st->phase = (enum session_phase)atomic_load(&s->phase);
    st->paused = atomic_load(&s->paused);
    st->mic_gone = atomic_load(&s->mic_gone);
    st->audio_s = (double)atomic_load(&s->samples) / AUDIO_RATE;
    st->clock_s = st->audio_s + st->cap.waiting_s + atomic_load(&s->shift_s);
    st->wall_s = now_s(s);
    st->done_s = atomic_load(&s->done_s);
    st->work_s = (double)atomic_load(&s->work_ns) * 1e-9;
    st->speech = atomic_load(&s->speech);
    st->speech_s = (double)atomic_load(&s->voiced) / AUDIO_RATE;
    st->passes = atomic_load(&s->passes);
}

const struct hist *session_hist(const struct session *s, enum session_stage stage)
{
    return &s->hist[stage];
}

bool session_got(struct session *s, struct audio_got *got)
{
    pthread_mutex_lock(&s->lock);
    bool have = s->have_got;
    *got = s->got;
    pthread_mutex_unlock(&s->lock);
    return have;
}
