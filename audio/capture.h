/* The capture thread: reads a source at 16 kHz into a ring, so that whoever recognises may be late.
 *
 * Live sources (microphone, pipe) are read as sound comes; when the ring is full samples are
 * dropped, counted and remembered as a gap.  Files are read paced (one second a second) or as
 * fast as there is room; then the thread waits and nothing is dropped.  A pipe waits too: the
 * program at its other end is made to wait, which loses nothing.
 *
 * Samples are counted from 0 and only those delivered count; what is missing (ring full, xrun,
 * suspend, device away, another device, pause) is a gap that lies between two of them and says how
 * long it is, by the clock.  Index plus the gaps before it is the time since the beginning.
 *
 * Threads: start/free by the owner; read/gap by one consumer; the rest by any thread. */
#ifndef AUDIO_CAPTURE_H
#define AUDIO_CAPTURE_H

#include <stdint.h>

#include "app/base/err.h"
#include "audio/hint.h"
#include "audio/level.h"
#include "audio/ring.h"
#include "audio/src.h"

struct capture;

/* Opens the microphone again when it is gone: 0 and *src, or -ERR.  By a stable name, not by a
 * number.  Called in the capture thread with the old one closed, every 2 s. */
struct capture_opener {
    int (*open)(struct audio_src **src, void *user, struct err *e); /* NULL: never again */
    void *user;
};

/* Another clock than CLOCK_MONOTONIC (fault.h has a simulated one).  Microseconds; sleep may return
 * early.  Capture thread. */
struct capture_clock {
    int64_t (*now_us)(void *user); /* NULL: the real one */
    void (*sleep_us)(void *user, int64_t us);
    void *user;
};

struct capture_conf {
    int paced;       /* files and generators in real time */
    int ring_s;      /* seconds the ring holds at least, 0: 65 */
    int realtime;    /* ask for a real-time priority (microphone) */
    int tell_pauses; /* pauses of a microphone are gaps for capture_gap() too (GAP_PAUSE) */
    struct capture_opener reopen; /* all zero: an unplugged microphone ends the capture, -ERR_MIC */
    struct capture_clock clock;   /* all zero: the real one */
};

enum capture_state {
    CAPTURE_STARTING, /* opened, no sample yet */
    CAPTURE_HEARING,
    CAPTURE_PAUSED,
    CAPTURE_GONE, /* the device is away; tried again every 2 s */
    CAPTURE_ENDED,
};

/* A whole snapshot, but for the first four, which may be some samples newer. */
struct capture_stat {
    double heard_s;   /* put into the ring */
    double waiting_s; /* in the ring, unread */
    double lost_s;    /* dropped by a full ring or by the device */
    uint64_t xruns;   /* of the device */
    int paused;
    int ended;    /* the source is over (waiting_s may still be > 0) */
    int realtime; /* 1: the priority was given, 2: nice only, 0: neither */
    struct level_now level;
    enum capture_state state;
    unsigned hints;             /* enum hint_bit: how it sounds */
    uint64_t suspends;          /* of the xruns, those in which the device slept */
    uint64_t unplugs, switches; /* times the device went away, was changed */
    uint64_t dead;              /* channels left out because nothing comes from them */
    double full_s;              /* of lost_s: dropped because the reader was too slow */
    double gone_s;              /* while CAPTURE_GONE: for so long, else 0 */
    double paused_s;            /* a microphone's pauses, in all; not in lost_s */
    char what[160];             /* the device, as audio_got.what */
    char why[160];              /* the last reason of being gone, or "" */
};

/* Takes the source over: capture_free closes it.  On failure the source is still the caller's.
 * conf NULL: all zero.  0, -ERR_MEM or -ERR_FAIL. */
int capture_start(struct capture **out, struct audio_src *src, const struct capture_conf *conf,
                  struct err *e);

/* Count 1..max, AUDIO_END, AUDIO_AGAIN or -ERR (what the source said, after everything that was
 * heard before has been read).  timeout_ms < 0 waits.  Never reads across a gap.  For a consumer
 * that has called capture_gap() before, an unread gap comes first: AUDIO_AGAIN at once, even when
 * timeout_ms < 0.  So gaps stand exactly where they belong:
 *     while (capture_gap(c, &g)) ...;  n = capture_read(...);  AUDIO_AGAIN: do both again */
int capture_read(struct capture *c, float *x, int max, int timeout_ms, struct err *e);

/* Next gap that lies at or before the next sample to be read: 1 and *g, or 0. */
int capture_gap(struct capture *c, struct ring_gap *g);

/* Readable (for poll) when samples, the end or an error may wait.  Never read it yourself. */
int capture_fd(const struct capture *c);

/* Pause stops hearing; what was heard before stays readable.  A paused file stands still; a
 * microphone's pause is a gap of the list (capture_marks), and see tell_pauses. */
void capture_pause(struct capture *c, int on);

/* Another device, while running: takes src over (opened by the caller, so that a failure leaves
 * the old one at work), hands out what the old one still had, marks the gap and goes on with src.
 * reopen: how to open it again, NULL: never.  Returns at once; an earlier switch that has not
 * happened yet is forgotten.  -ERR_FAIL (src stays the caller's) when the capture has ended. */
int capture_switch(struct capture *c, struct audio_src *src, const struct capture_opener *reopen,
                   struct err *e);

/* Ends hearing.  What was heard can still be read, including what the device has recorded and the
 * resampler holds; then AUDIO_END.  Returns at once. */
void capture_stop(struct capture *c);

/* Stops, joins, closes the source.  NULL is fine. */
void capture_free(struct capture *c);

void capture_stat(struct capture *c, struct capture_stat *st);

/* Number of the sample that will be recorded next: the place for a key that is pressed now. */
uint64_t capture_index(const struct capture *c);

/* The list of gaps, newest last: copies at most max of the latest CAPTURE_MARKS, pauses included;
 * returns how many.  *total: how many there have been.  Any thread, also after the end. */
enum { CAPTURE_MARKS = 256 };
int capture_marks(struct capture *c, struct ring_gap *out, int max, uint64_t *total);

/* The present source, for audio_src_got() and audio_src_stat(); audio_src_note() once reading has
 * ended.  Stays valid until capture_free, also when another has taken its place. */
struct audio_src *capture_src(struct capture *c);

#endif
