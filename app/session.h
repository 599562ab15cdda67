/* A live session: sound comes in, events come out.
 *
 *     capture thread (audio/capture.c) -> ring -> engine thread (session.c) -> queue -> main thread
 *
 * The engine thread owns mel, voice activity, asr_live and the engine; the main thread polls
 * session_fd() and takes events.  Nothing heard is dropped in silence: what the ring or the device
 * lost arrives as a gap, and stands in the text as a mark.  All calls from the main thread unless
 * said. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "app/args.h"
#include "app/base/hist.h"
#include "app/mic.h"
#include "app/setup.h"
#include "audio/capture.h"
#include "audio/src.h"
#include "npu/asr/live.h"

struct session;

enum session_phase {
    SESSION_OPENING, /* the microphone is being opened for the first time */
    SESSION_HEARING,
    SESSION_FINISHING, /* input closed, the rest is being recognised */
    SESSION_ENDED,     /* the END event is in the queue or was taken */
};

enum session_ev_kind {
    SESSION_EV_START, /* source opened: session_got() is valid; again (with a note) when the
                         microphone is back or another one took its place */
    SESSION_EV_UTT,   /* words of an utterance, all of them, and marks among them */
    SESSION_EV_GAP,   /* lost_s seconds are missing at t0: for counting, as soon as it is known */
    SESSION_EV_MARK,  /* the text's mark of gaps that no utterance holds: lost_s in all, n_gap of
                         them, in the order of the text */
    SESSION_EV_HELD,  /* a guard held `text` back; guard says which */
    SESSION_EV_MIC,   /* err: the microphone is not there; it is tried again */
    SESSION_EV_END,   /* err.code 0: all is well */
};

/* Where the time of a pass goes: front end (voice activity, mel), encoder, batched and single
 * decoder passes. */
enum {
    SESSION_EV_FRONT,
    SESSION_EV_ENCODE,
    SESSION_EV_PREFILL,
    SESSION_EV_STEP,
    SESSION_EV_STAGES
};

/* One malloc'd block; free() it. */
struct session_ev {
    enum session_ev_kind kind;
    double at_s;   /* wall seconds since hearing began, pauses left out */
    double t0, t1; /* stream seconds */
    double lost_s;
    unsigned why; /* GAP, MARK: enum gap_why, or-ed */
    int n_gap;
    uint32_t utt;
    bool final;
    int pass;
    float pass_ms;
    /* UTT: what the recogniser had looked at by then, stream seconds (when final: the end-point);
     * sound that waited; how long ago the sound of the newest word was; what the stages took since
     * the event before, milliseconds */
    double heard_s, backlog_s, age_s;
    float stage_ms[SESSION_EV_STAGES];
    enum asr_guard guard; /* HELD */
    float p;
    struct err err;
    char note[200];   /* END: a remark about the source that is no error, or "" */
    const char *text; /* HELD: inside the block; else "" */
    int n_word, n_settled;
    struct asr_word word[]; /* times are stream seconds, gaps counted in */
};

/* Stages that the engine thread times; fill.c adds others. */
enum session_stage { SESSION_FRONT, SESSION_PASS, SESSION_STAGES };

struct session_stat {
    enum session_phase phase;
    bool paused;
    bool mic_gone;   /* was there, is not now */
    bool talk, shut; /* only what lies between two keys counts; and nothing does now */
    double inside_s; /* taken from the ring and not yet looked at */
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

struct session_conf {
    struct audio_src *src; /* what to hear, taken over; NULL: open mic */
    struct mic *mic;       /* taken over; NULL: src is no microphone */
    bool paced;            /* a file in real time */
    bool wait_mic;         /* when mic cannot be opened at first: again and again */
    double gone_max_s;     /* a microphone that is away for longer ends it; < 0: never */
    bool talk;             /* hear only between session_talk(true) and (false) */
};

/* The setup must outlive the session.  -ERR_MEM, -ERR_FAIL; then src and mic stay the caller's. */
int session_start(struct session **out, struct app_setup *setup, const struct args *a,
                  const struct session_conf *c, struct err *e);

int session_fd(const struct session *s);            /* readable: events wait */
struct session_ev *session_next(struct session *s); /* NULL: none */
void session_pause(struct session *s, bool on);
/* A key went down, or up.  What was said up to half a second before the one and 0.2 s after the
 * other counts too.  Only with conf.talk. */
void session_talk(struct session *s, bool on);
/* Another microphone, while running: m is taken over when it can be opened (0); else the old one
 * stays at work.  While none is open yet it becomes the one to be tried.  -ERR_MIC, -ERR_FAIL (the
 * session has ended, or hears no microphone). */
int session_switch(struct session *s, struct mic *m, struct err *e);
/* Closes the input.  What was heard is finished; then comes END. */
void session_stop(struct session *s);
/* Ends at once what still runs, and frees.  False: the engine thread did not come back within 5 s;
 * the session (and the setup) must then be leaked and the process left by _exit. */
bool session_free(struct session *s);

void session_stat(struct session *s, struct session_stat *st);
const struct hist *session_hist(const struct session *s, enum session_stage stage);
/* What was opened; false before the first START. */
bool session_got(struct session *s, struct audio_got *got);
/* Name of the present microphone, "" for none; valid until session_free. */
const char *session_mic(struct session *s);

/* "[2.1 s lost: microphone unplugged]", for any text; n: how many gaps that is. */
void session_gap_text(char *buf, size_t cap, double lost_s, unsigned why, int n);
/* "xrun", "unplugged", ...: the gravest of them. */
const char *session_gap_why(unsigned why);

#endif
