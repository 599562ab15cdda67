/* A live session: sound comes in, events come out.
 *
 *     capture thread (audio/capture.c) -> ring -> engine thread (session.c) -> queue -> main thread
 *
 * The engine thread owns mel, voice activity, asr_live and the engine; the main thread polls
 * session_fd() and takes events.  Nothing heard is dropped in silence: what the ring or the device
 * lost arrives as a gap.  All calls from the main thread unless said. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "app/args.h"
#include "app/base/hist.h"
#include "app/setup.h"
#include "audio/capture.h"
#include "audio/src.h"
#include "npu/asr/live.h"

struct session;

enum session_phase {
    SESSION_OPENING, /* the microphone is (again) being opened */
    SESSION_HEARING,
    SESSION_FINISHING, /* input closed, the rest is being recognised */
    SESSION_ENDED,     /* the END event is in the queue or was taken */
};

enum session_ev_kind {
    SESSION_EV_START, /* source opened: `got` of session_got() is valid */
    SESSION_EV_UTT,   /* words of an utterance, all of them */
    SESSION_EV_GAP,   /* lost_s seconds are missing at t0 */
    SESSION_EV_MIC,   /* err: the microphone is not there; it is tried again */
    SESSION_EV_END,   /* err.code 0: all is well */
};

/* One malloc'd block; free() it. */
struct session_ev {
    enum session_ev_kind kind;
    double at_s;   /* wall seconds since hearing began, pauses left out */
    double t0, t1; /* stream seconds */
    double lost_s;
    uint32_t utt;
    bool final;
    int pass;
    float pass_ms;
    struct err err;
    char note[200]; /* END: a remark about the source that is no error, or "" */
    int n_word, n_settled;
    struct asr_word word[]; /* times are stream seconds, gaps counted in */
};

/* Stages that the engine thread times; fill.c adds others. */
enum session_stage { SESSION_FRONT, SESSION_PASS, SESSION_STAGES };

struct session_stat {
    enum session_phase phase;
    bool paused;
    bool mic_gone;   /* was there, is not now */
    double clock_s;  /* stream clock: heard so far, gaps counted in */
    double wall_s;   /* since hearing began, pauses left out */
    double done_s;   /* of it recognised or known to be silence */
    double work_s;   /* wall time the engine thread has worked */
    double audio_s;  /* sound it has taken from the ring */
    bool speech;     /* voice activity now */
    double speech_s; /* of audio_s voiced */
    uint32_t passes;
    struct capture_stat cap; /* zero while nothing is open */
};

/* src: what to hear, taken over; NULL: open the microphone of a->mic, again and again while
 * wait_mic. The setup must outlive the session.  -ERR_MEM, -ERR_FAIL; then src stays the caller's.
 */
int session_start(struct session **out, struct app_setup *setup, const struct args *a,
                  struct audio_src *src, bool paced, bool wait_mic, struct err *e);

int session_fd(const struct session *s);            /* readable: events wait */
struct session_ev *session_next(struct session *s); /* NULL: none */
void session_pause(struct session *s, bool on);
/* Closes the input.  What was heard is finished; then comes END. */
void session_stop(struct session *s);
/* Ends at once what still runs, and frees.  False: the engine thread did not come back within 5 s;
 * the session (and the setup) must then be leaked and the process left by _exit. */
bool session_free(struct session *s);

void session_stat(struct session *s, struct session_stat *st);
const struct hist *session_hist(const struct session *s, enum session_stage stage);
/* What was opened; false before the first START. */
bool session_got(struct session *s, struct audio_got *got);

#endif
