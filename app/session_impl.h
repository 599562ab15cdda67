/* Inside of a session: what its files share.  Only app/session*.c. */
#ifndef APP_SESSION_IMPL_H
#define APP_SESSION_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/base/clk.h"
#include "app/base/queue.h"
#include "app/front.h"
#include "app/lag.h"
#include "app/session.h"
#include "audio/gate.h"

enum {
    SESSION_MARKS = 64,  /* short gaps that wait for their place in the text */
    SESSION_CHUNK = 800, /* samples a read: 50 ms */
};

/* A short gap: silence took its place, so that the utterance goes on. */
struct session_mark {
    double at_s, lost_s; /* seconds of samples */
    unsigned why;
    uint32_t utt; /* the utterance under way, */
    int after;    /* of which so many words had settled: they come before it */
};

struct session {
    struct app_setup *setup;
    const struct args *args;
    struct session_conf conf;
    pthread_t thread;
    struct queue *q;

    pthread_mutex_t lock; /* guards cap and mic: they change when a microphone comes and goes */
    struct capture *cap;
    struct audio_src *src; /* until capture has taken it */
    struct mic **mic;      /* all there have been, the last one is the present one */
    int n_mic;
    struct audio_got got; /* of the last source, once cap is gone */
    bool have_got;

    struct gate *gate; /* NULL: all that is heard counts */
    struct mic *clock; /* whose clock rules: the first one; NULL: the real one */
    double engine;     /* a played recogniser's speed, 0: as it is */

    /* engine thread only */
    struct front *front;
    struct asr_live *live;
    bool flushed; /* nothing new since the recogniser was told to finish */
    bool gone;    /* the microphone was away when last looked at */
    uint64_t switches;
    struct session_mark mark[SESSION_MARKS];
    int n_mark;
    uint32_t utt;                         /* as last told, */
    int settled;                          /* and its settled words */
    struct lag lag;                       /* since when words stand in the text */
    uint64_t stage_ns[SESSION_EV_STAGES]; /* sums at the last event */
    uint64_t n_read;                      /* samples out of the ring */
    uint64_t gate_next;                   /* first sample not yet dealt with */
    bool inside;                          /* between two keys */
    int64_t heard_frames;                 /* by passes that are not yet paid for (conf.engine) */
    int64_t step_ns;                      /* when the present turn began */

    atomic_int phase;
    atomic_bool paused, stop, quit, speech;
    _Atomic int64_t sim_us; /* simulated time */
    _Atomic int64_t start_us, paused_us, pause_began_us;
    _Atomic int64_t samples, voiced, work_ns, unheard;
    _Atomic double shift_s; /* stream clock ahead of samples */
    _Atomic double done_s, inside_s;
    atomic_uint passes;
    struct hist hist[SESSION_STAGES];
};

/* session.c */
int64_t session_now_us(struct session *s);           /* the clock that rules */
double session_now_s(struct session *s);             /* since hearing began, pauses left out */
int session_flush(struct session *s, struct err *e); /* everything heard so far becomes final */
/* Simulated time goes by.  Engine thread. */
void session_pass_time(struct session *s, int64_t us);

/* Heard by the microphone and not yet looked at, seconds.  Engine thread. */
double session_backlog_s(struct session *s);

/* session_ev.c: events.  Engine thread. */
void session_send(struct session *s, const struct session_ev *ev);
void session_send_utt(struct session *s, const struct asr_utt *u);
void session_send_held(struct session *s, const struct asr_held *h);
/* Marks that lie before `until_s` (seconds of samples) and that no utterance holds. */
void session_send_marks(struct session *s, double until_s);
void session_add_mark(struct session *s, double at_s, double lost_s, unsigned why);

/* session_sound.c: where sound comes from.  Engine thread. */
/* Opens, waiting for a microphone when that is wanted.  1: stopped before one came. */
int session_open(struct session *s, struct err *e);
/* Reads what waits, at most `turns` chunks.  Count of the last read, AUDIO_END, AUDIO_AGAIN, -ERR.
 */
int session_listen(struct session *s, int turns, int timeout_ms, struct err *e);
/* Has the microphone gone, or come back?  -ERR_MIC when it is away for too long. */
int session_look(struct session *s, struct err *e);
void session_set_capture(struct session *s, struct capture *c);

#endif
