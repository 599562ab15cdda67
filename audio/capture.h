/* The capture thread: reads a source at 16 kHz into a ring, so that whoever recognises may be late.
 *
 * Live sources (microphone, pipe) are read as sound comes; when the ring is full samples are
 * dropped, counted and remembered as a gap.  Files are read paced (one second a second) or as
 * fast as there is room; then the thread waits and nothing is dropped.  A pipe waits too: the
 * program at its other end is made to wait, which loses nothing.
 *
 * Threads: start/free by the owner; read/gap by one consumer; the rest by any thread. */
#ifndef AUDIO_CAPTURE_H
#define AUDIO_CAPTURE_H

#include <stdint.h>

#include "app/base/err.h"
#include "audio/level.h"
#include "audio/ring.h"
#include "audio/src.h"

struct capture;

struct capture_conf {
    int paced;    /* files and generators in real time */
    int ring_s;   /* seconds the ring holds at least, 0: 65 */
    int realtime; /* ask for a real-time priority (microphone) */
};

struct capture_stat {
    double heard_s;   /* put into the ring */
    double waiting_s; /* in the ring, unread */
    double lost_s;    /* dropped by a full ring or by the device */
    uint64_t xruns;   /* of the device */
    int paused;
    int ended;    /* the source is over (waiting_s may still be > 0) */
    int realtime; /* 1: the priority was given, 2: nice only, 0: neither */
    struct level_now level;
};

/* Takes the source over: capture_free closes it.  On failure the source is still the caller's.
 * conf NULL: all zero.  0, -ERR_MEM or -ERR_FAIL. */
int capture_start(struct capture **out, struct audio_src *src, const struct capture_conf *conf,
                  struct err *e);

/* Count 1..max, AUDIO_END, AUDIO_AGAIN or -ERR (what the source said, after everything that was
 * heard before has been read).  timeout_ms < 0 waits. */
int capture_read(struct capture *c, float *x, int max, int timeout_ms, struct err *e);

/* Next gap that lies at or before the next sample to be read: 1 and *g, or 0. */
int capture_gap(struct capture *c, struct ring_gap *g);

/* Readable (for poll) when samples, the end or an error may wait.  Never read it yourself. */
int capture_fd(const struct capture *c);

/* Pause stops hearing; what was heard before stays readable.  A paused file stands still. */
void capture_pause(struct capture *c, int on);

/* Ends hearing.  What was heard can still be read; then AUDIO_END.  Returns at once. */
void capture_stop(struct capture *c);

/* Stops, joins, closes the source.  NULL is fine. */
void capture_free(struct capture *c);

void capture_stat(struct capture *c, struct capture_stat *st);

/* The source, for audio_src_got() and audio_src_stat(); audio_src_note() once reading has ended. */
struct audio_src *capture_src(struct capture *c);

#endif
