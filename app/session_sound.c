/* Where a session's sound comes from: the capture and its microphone, gaps, and the gate of
 * push-to-talk.  The engine thread, see session_impl.h; session_switch and session_talk belong to
 * the main thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/session_impl.h"

enum {
    WAIT_MS = 50,
    RETRY_MS = 2000, /* between tries to open a microphone for the first time */
    STEP_US = 50000, /* of simulated time, when there is nothing to do */
};

/* Longer gaps end the utterance; shorter ones become silence in it. */
static const double SHORT_GAP_S = 0.3;

/* -- opening ----------------------------------------------------------------------------------- */

static void note_source(struct session *s)
{
    s->got = *audio_src_got(capture_src(s->cap));
    s->have_got = true;
}

void session_set_capture(struct session *s, struct capture *c)
{
    pthread_mutex_lock(&s->lock);
    struct capture *old = s->cap;
    s->cap = c;
    if (c) {
        note_source(s);
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

static struct mic *present_mic(struct session *s)
{
    pthread_mutex_lock(&s->lock);
    struct mic *m = s->n_mic ? s->mic[s->n_mic - 1] : NULL;
    pthread_mutex_unlock(&s->lock);
    return m;
}

/* Opens the source and its capture once. */
static int open_once(struct session *s, struct err *e)
{
    struct mic *m = present_mic(s);
    struct capture_conf conf = {.paced = s->conf.paced};
    struct capture *c;
    int rc = s->src ? 0 : mic_open(&s->src, m, e);
    if (rc) {
        return rc;
    }
    if (m) {
        conf.realtime = 1;
        conf.reopen = (struct capture_opener){mic_open, m};
        conf.clock = mic_clock(s->clock);
    }
    rc = capture_start(&c, s->src, &conf, e);
    if (rc) {
        return rc;
    }
    s->src = NULL; /* capture has it */
    session_set_capture(s, c);
    return 0;
}

int session_open(struct session *s, struct err *e)
{
    struct err last = {0};
    for (;;) {
        int rc = open_once(s, e);
        if (rc != -ERR_MIC || !s->conf.wait_mic) {
            return rc;
        }
        if (strcmp(last.text, e->text)) { /* once for each different reason */
            struct session_ev ev = {.kind = SESSION_EV_MIC, .err = *e};
            session_send(s, &ev);
            last = *e;
        }
        struct mic *tried = present_mic(s);
        for (int ms = 0; ms < RETRY_MS && present_mic(s) == tried; ms += WAIT_MS) {
            struct timespec t = {0, WAIT_MS * 1000000L};
            if (atomic_load(&s->stop) || atomic_load(&s->quit)) {
                return 1;
            }
            if (mic_simulated(s->clock)) {
                mic_advance(s->clock, atomic_fetch_add(&s->sim_us, WAIT_MS * 1000), 0);
            } else {
                nanosleep(&t, NULL);
            }
        }
    }
}

int session_look(struct session *s, struct err *e)
{
    struct session_ev ev = {.kind = SESSION_EV_START};
    struct capture_stat st;
    capture_stat(s->cap, &st);
    bool gone = st.state == CAPTURE_GONE, back = s->gone && !gone && !st.ended;
    bool other = st.switches != s->switches;
    if (gone && !s->gone) {
        ev.kind = SESSION_EV_MIC;
        err_set(&ev.err, ERR_MIC, "%s", st.why);
        session_send(s, &ev);
    } else if (back || other) {
        pthread_mutex_lock(&s->lock);
        note_source(s);
        pthread_mutex_unlock(&s->lock);
        snprintf(ev.note, sizeof ev.note, "%s: %.150s",
                 other ? "another microphone" : "the microphone is back", st.what);
        session_send(s, &ev);
    }
    s->gone = gone || (s->gone && st.ended);
    s->switches = st.switches;
    if (gone && s->conf.gone_max_s >= 0 && st.gone_s > s->conf.gone_max_s) {
        return err_set(e, ERR_MIC, "%s; it did not come back within %.0f s", st.why,
                       s->conf.gone_max_s);
    }
    return 0;
}

/* -- gaps -------------------------------------------------------------------------------------- */

/* Sound is missing: tell, and keep the clock right. */
static int gap(struct session *s, const struct ring_gap *g, struct err *e)
{
    double lost_s = (double)g->lost / AUDIO_RATE, at_s = (double)s->front->samples / AUDIO_RATE;
    struct session_ev ev = {.kind = SESSION_EV_GAP, .lost_s = lost_s, .why = g->why, .n_gap = 1};
    bool wanted = !s->gate || s->inside;
    int rc = 0;
    if (wanted && lost_s > SHORT_GAP_S) {
        rc = session_flush(s, e);
        session_send_marks(s, at_s + 1);
    }
    if (rc) {
        return rc;
    }
    ev.t0 = front_clock(s->front, at_s);
    rc = front_gap(s->front, lost_s, e);
    ev.t1 = ev.t0 + lost_s;
    double now = (double)s->front->samples / AUDIO_RATE;
    atomic_store(&s->samples, s->front->samples);
    atomic_store(&s->shift_s, front_clock(s->front, now) - now);
    if (!wanted) {
        return rc; /* nobody speaks to us now: counted by the capture, no mark in the text */
    }
    session_send(s, &ev);
    if (lost_s > SHORT_GAP_S) {
        ev.kind = SESSION_EV_MARK;
        session_send(s, &ev);
    } else {
        session_add_mark(s, at_s, lost_s, g->why);
    }
    return rc;
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

/* What nobody wanted to hear: the clock goes on without it. */
static int unheard(struct session *s, uint64_t n, struct err *e)
{
    int rc = front_gap(s->front, (double)n / AUDIO_RATE, e);
    double now = (double)s->front->samples / AUDIO_RATE;
    atomic_store(&s->samples, s->front->samples);
    atomic_store(&s->shift_s, front_clock(s->front, now) - now);
    return rc;
}

/* Only what lies between two keys, and a little around it. */
static int through_gate(struct session *s, const float *x, int n, uint64_t pushed, struct err *e)
{
    float y[SESSION_CHUNK];
    uint64_t at = 0;
    int last, k, rc = 0;
    gate_push(s->gate, x, n);
    do {
        k = gate_take(s->gate, y, SESSION_CHUNK, &at, &last);
        if (k > 0) {
            if (!s->inside && at > s->gate_next) {
                rc = unheard(s, at - s->gate_next, e);
            }
            s->inside = true;
            s->gate_next = at + (uint64_t)k;
            rc = rc ? rc : take(s, y, k, e);
        }
        if (last) { /* the key is up: what was said is final at once */
            s->inside = false;
            rc = rc ? rc : session_flush(s, e);
        }
    } while (!rc && (k > 0 || last));
    atomic_store(&s->unheard, (int64_t)(pushed - s->gate_next));
    return rc;
}

int session_listen(struct session *s, int turns, int timeout_ms, struct err *e)
{
    float x[SESSION_CHUNK];
    struct ring_gap g;
    int n = AUDIO_AGAIN;
    bool sim = mic_simulated(s->clock);
    for (int i = 0; i < turns && !atomic_load(&s->quit); i++) {
        while (capture_gap(s->cap, &g)) {
            int rc = gap(s, &g, e);
            if (rc) {
                return rc;
            }
        }
        n = capture_read(s->cap, x, SESSION_CHUNK, i || sim ? 0 : timeout_ms, e);
        if (n == AUDIO_AGAIN && sim && i == 0 && timeout_ms > 0) {
            session_pass_time(s, STEP_US);
            timeout_ms = 0; /* and see what came */
            i = -1;
            continue;
        }
        if (n <= 0) {
            break;
        }
        s->n_read += (uint64_t)n;
        int rc = s->gate ? through_gate(s, x, n, s->n_read, e) : take(s, x, n, e);
        if (rc) {
            return rc;
        }
    }
    return n;
}

/* -- main thread ------------------------------------------------------------------------------- */

void session_talk(struct session *s, bool on)
{
    pthread_mutex_lock(&s->lock);
    if (s->gate && s->cap) {
        uint64_t at = capture_index(s->cap);
        if (on) {
            gate_open(s->gate, at);
        } else {
            gate_shut(s->gate, at);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* s->lock is held. */
static int add_mic(struct session *s, struct mic *m, struct err *e)
{
    struct mic **list = realloc(s->mic, ((size_t)s->n_mic + 1) * sizeof(*list));
    if (!list) {
        return err_set(e, ERR_MEM, "no memory for another microphone");
    }
    s->mic = list;
    s->mic[s->n_mic++] = m;
    return 0;
}

int session_switch(struct session *s, struct mic *m, struct err *e)
{
    struct audio_src *src = NULL;
    int phase = atomic_load(&s->phase), rc = 0;
    if (!s->n_mic || (phase != SESSION_HEARING && phase != SESSION_OPENING) ||
        mic_simulated(s->clock)) {
        return err_set(e, ERR_FAIL, "no microphone is in use");
    }
    pthread_mutex_lock(&s->lock);
    if (s->cap) {
        struct capture_opener again = {mic_open, m};
        rc = mic_open(&src, m, e);
        rc = rc ? rc : capture_switch(s->cap, src, &again, e);
        if (rc) {
            audio_src_close(src);
        }
    }
    if (!rc) {
        rc = add_mic(s, m, e);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

const char *session_mic(struct session *s)
{
    struct mic *m = present_mic(s);
    return m ? mic_name(m) : "";
}
