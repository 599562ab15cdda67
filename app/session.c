/* See session.h.  One engine thread; the functions below it are for the main thread. */
#include "app/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/base/log.h"
#include "app/cost.h"
#include "app/session_impl.h"

enum {
    TURN = 100,    /* reads that wait inside at most: 5 s when it is late, the rest in the ring */
    TURN_FAST = 8, /* sound that comes faster than real time: 0.4 s */
    AHEAD_S = 1,   /* from here on it does */
    WAIT_MS = 50,
    SIM_WAIT_MS = 20,
    MARK_S = 10, /* gaps in silence are told together, so long at most after the first */
};

/* -- the clock --------------------------------------------------------------------------------- */

int64_t session_now_us(struct session *s)
{
    return mic_simulated(s->clock) ? atomic_load(&s->sim_us) : clk_us();
}

double session_now_s(struct session *s)
{
    int64_t start = atomic_load(&s->start_us), began = atomic_load(&s->pause_began_us);
    int64_t now = began ? began : session_now_us(s);
    return start >= 0 ? (double)(now - start - atomic_load(&s->paused_us)) * 1e-6 : 0;
}

void session_pass_time(struct session *s, int64_t us)
{
    struct capture_stat st = {0};
    int64_t to = atomic_fetch_add(&s->sim_us, us) + us;
    int there = mic_advance(s->clock, to, SIM_WAIT_MS);
    /* At the end what is still on its way is waited for, or the time would depend on threads. */
    while (there != 1 && !st.ended && !atomic_load(&s->quit)) {
        struct timespec t = {0, there * 100000L};
        nanosleep(&t, NULL);
        there = mic_advance(s->clock, to, SIM_WAIT_MS);
        capture_stat(s->cap, &st);
    }
}

/* A played recogniser takes its time over what its passes have heard. */
static void pay(struct session *s)
{
    if (s->engine <= 0 || s->heard_frames <= 0) {
        return;
    }
    double cost_s = (double)s->heard_frames * 0.01 / s->engine;
    s->heard_frames = 0;
    if (mic_simulated(s->clock)) {
        session_pass_time(s, (int64_t)(cost_s * 1e6));
        return;
    }
    double left_s = cost_s / mic_speed(s->clock) - (double)(clk_ns() - s->step_ns) * 1e-9;
    for (; left_s > 0 && !atomic_load(&s->quit); left_s -= 0.05) {
        struct timespec t = {0, (long)((left_s < 0.05 ? left_s : 0.05) * 1e9)};
        nanosleep(&t, NULL);
    }
    s->step_ns = clk_ns();
}

/* -- what asr_live asks ------------------------------------------------------------------------ */

/* A played recogniser's pass, for live.c: its hops follow from it. */
static double played_cost(void *user, const struct asr_live_work *w)
{
    const struct session *s = user;
    (void)w;
    return (double)s->heard_frames * 0.01 / s->engine;
}

static void io_mel(void *user, int64_t first, int n, int64_t norm0, int64_t norm1, float *out)
{
    struct session *s = user;
    front_mel(s->front, first, n, norm0, norm1, out);
    s->heard_frames += norm1 - norm0;
}

static bool io_voice(void *user, int64_t frame)
{
    struct session *s = user;
    return front_voice(s->front, frame);
}

static void io_utt(void *user, const struct asr_utt *u)
{
    pay(user);
    session_send_utt(user, u);
}

static void io_held(void *user, const struct asr_held *h)
{
    session_send_held(user, h);
}

/* Taken from the ring and not yet looked at. */
static double inside_s(struct session *s)
{
    int64_t frames = front_have(s->front) - asr_live_frame(s->live);
    return frames > 0 ? (double)frames * 0.01 : 0;
}

/* Seconds of sound that wait because the recogniser is slow: of what comes in its own time only,
 * and not of what comes faster. */
static double behind_s(struct session *s)
{
    struct capture_stat st;
    if (!s->cap || !s->got.live) {
        return 0;
    }
    capture_stat(s->cap, &st);
    return st.heard_s > session_now_s(s) + AHEAD_S ? 0 : st.waiting_s + inside_s(s);
}

double session_backlog_s(struct session *s)
{
    struct capture_stat st = {0};
    if (s->cap) {
        capture_stat(s->cap, &st);
    }
    return st.waiting_s + inside_s(s);
}

/* One turn of the recogniser.  1: it wants another. */
static int step(struct session *s, bool end, struct err *e)
{
    struct asr_live_io io = {.user = s,
                             .mel = io_mel,
                             .voice = io_voice,
                             .utt = io_utt,
                             .held = io_held,
                             .behind_s = behind_s(s)};
    int64_t keep = 0, t = clk_ns();
    s->step_ns = t;
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
        if (s->n_mark && (double)keep * 0.01 - s->mark[0].at_s > MARK_S) {
            session_send_marks(s, (double)keep * 0.01);
        }
    }
    pay(s);
    atomic_store(&s->inside_s, inside_s(s));
    return rc;
}

int session_flush(struct session *s, struct err *e)
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

/* How much to take before the recogniser gets its turn.  What comes faster than real time (a file
 * that is not paced, a pipe with a file behind it) is dealt out as if it were paced. */
static int turns(struct session *s)
{
    struct capture_stat st;
    capture_stat(s->cap, &st);
    int most = TURN - (int)(inside_s(s) * AUDIO_RATE / SESSION_CHUNK);
    most = most > 0 ? most : 0;
    return st.heard_s > session_now_s(s) + AHEAD_S && most > TURN_FAST ? TURN_FAST : most;
}

/* Nothing came: a good time to make final what has been heard, if nothing more will come soon. */
static int idle(struct session *s, int *more, struct err *e)
{
    if (atomic_load(&s->paused) || s->gone) {
        *more = 0;
        return session_flush(s, e);
    }
    return *more = step(s, false, e);
}

/* Hears until the end.  0 or -ERR. */
static int run(struct session *s, struct err *e)
{
    struct session_ev ev = {.kind = SESSION_EV_START};
    int rc = session_open(s, e), more = 0;
    if (rc) {
        return rc < 0 ? rc : 0;
    }
    atomic_store(&s->start_us, session_now_us(s));
    atomic_store(&s->phase, SESSION_HEARING);
    session_send(s, &ev);
    while (!atomic_load(&s->quit)) {
        int n = session_listen(s, turns(s), more > 0 ? 0 : WAIT_MS, e);
        if (n == AUDIO_END) {
            break;
        }
        if (n < 0 && n != AUDIO_AGAIN) {
            return n;
        }
        rc = session_look(s, e);
        if (rc == 0 && n == AUDIO_AGAIN) {
            rc = idle(s, &more, e);
        } else if (rc == 0) {
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
        rc = rc ? rc : session_flush(s, &late);
        session_send_marks(s, (double)s->front->samples / AUDIO_RATE + 1);
        if (rc < 0 && !ev.err.code) {
            ev.err = late;
        }
    }
    if (s->cap && !atomic_load(&s->quit)) {
        snprintf(ev.note, sizeof ev.note, "%.199s", audio_src_note(capture_src(s->cap)));
    }
    atomic_store(&s->phase, SESSION_ENDED);
    session_send(s, &ev);
    return NULL;
}

/* -- main thread ------------------------------------------------------------------------------- */

static void destroy(struct session *s)
{
    struct session_ev *ev;
    while (s->q && (ev = session_next(s))) {
        free(ev);
    }
    session_set_capture(s, NULL);
    audio_src_close(s->src);
    for (int i = 0; i < s->n_mic; i++) {
        mic_free(s->mic[i]);
    }
    free(s->mic);
    gate_free(s->gate);
    asr_live_free(s->live);
    front_free(s->front);
    queue_free(s->q);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static double nominal_cost(void *user, const struct asr_live_work *w)
{
    const struct app_setup *setup = user;
    return cost_pass(asr_model_hp(setup->model), w);
}

static int make(struct session *s, const struct args *a, struct err *e)
{
    struct asr_live_opts o = asr_live_opts_default();
    const struct session_conf *c = &s->conf;
    /* A file is heard the same way every time, and so is simulated time; a microphone's hops follow
     * the speed of the machine. */
    o.deterministic = mic_simulated(c->mic) || (c->src && !audio_src_got(c->src)->live);
    o.cost = o.deterministic ? nominal_cost : NULL;
    o.cost_user = s->setup;
    if (mic_simulated(c->mic) && s->engine > 0) {
        o.cost = played_cost;
        o.cost_user = s;
    }
    o.params = args_params(a);
    app_setup_fit(s->setup, &o.params);
    lag_init(&s->lag);
    int rc = queue_new(&s->q, e);
    rc = rc ? rc
            : front_new(&s->front, asr_model_hp(s->setup->model)->n_mels,
                        asr_model_filters(s->setup->model), e);
    rc = rc || !c->talk ? rc : gate_new(&s->gate, AUDIO_RATE, -1, -1, e);
    rc = rc ? rc : asr_live_new(&s->live, s->setup->eng, s->setup->tok, &o, e);
    s->mic = rc || !c->mic ? NULL : malloc(sizeof(*s->mic));
    if (!rc && c->mic && !s->mic) {
        rc = err_set(e, ERR_MEM, "no memory for a microphone");
    }
    return rc;
}

int session_start(struct session **out, struct app_setup *setup, const struct args *a,
                  const struct session_conf *c, struct err *e)
{
    struct session *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) {
        return err_set(e, ERR_MEM, "no memory for a session");
    }
    s->setup = setup;
    s->args = a;
    s->conf = *c;
    s->clock = c->mic;
    s->engine = mic_engine(c->mic);
    atomic_init(&s->start_us, -1);
    pthread_mutex_init(&s->lock, NULL);
    int rc = make(s, a, e);
    if (!rc) {
        s->src = c->src;
        if (c->mic) {
            s->mic[s->n_mic++] = c->mic;
        }
        if (pthread_create(&s->thread, NULL, engine_main, s)) {
            s->src = NULL;
            s->n_mic = 0;
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
        atomic_store(&s->pause_began_us, session_now_us(s));
    } else {
        atomic_fetch_add(&s->paused_us, session_now_us(s) - atomic_exchange(&s->pause_began_us, 0));
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
    st->mic_gone = st->cap.state == CAPTURE_GONE;
    st->talk = s->gate != NULL;
    st->shut = s->gate && !gate_is_open(s->gate);
    st->inside_s = atomic_load(&s->inside_s);
    st->audio_s = (double)atomic_load(&s->samples) / AUDIO_RATE;
    st->clock_s = st->audio_s + st->cap.waiting_s + atomic_load(&s->shift_s) +
                  (double)atomic_load(&s->unheard) / AUDIO_RATE;
    st->wall_s = session_now_s(s);
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
