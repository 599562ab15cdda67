/* Inside of audio: what the capture's two sides share.  Only audio/capture*.c. */
#ifndef AUDIO_CAPTURE_IMPL_H
#define AUDIO_CAPTURE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "audio/capture.h"
#include "audio/marks.h"
#include "audio/snap.h"

enum {
    CAPTURE_BLOCK_LIVE = 320, /* 20 ms, as a period of the microphone */
    CAPTURE_BLOCK_FAST = 4096,
};

/* What the capture thread shows to all others. */
struct capture_seen {
    struct level_now level;
    enum capture_state state;
    unsigned hints;
    uint64_t xruns, suspends, unplugs, switches, dead, full, paused; /* the last two in samples */
    int64_t gone_us;                                                 /* clock, 0: it is there */
    char what[160], why[160];
};

struct capture {
    _Atomic(struct audio_src *) src;
    struct ring *ring;
    struct capture_conf conf;
    pthread_t thread;
    int data_fd;          /* readable: samples or the end */
    int ctl_fd;           /* wakes the capture thread */
    atomic_int signalled; /* data_fd has been written and not been cleared */
    atomic_int want_room; /* the capture thread waits for room */
    atomic_int stop, paused, realtime;
    atomic_int over; /* 0 running, 1 ended, negative -ERR (then `fail` is complete) */
    struct err fail;
    struct snap snap; /* struct capture_seen */
    struct marks marks;
    int heeds; /* consumer's: it asks for gaps, so they come before samples */

    /* Guards the change of src against stop, and what is to come.  Taken by the capture thread only
     * when a device comes or goes. */
    pthread_mutex_t lock;
    struct audio_src *next;
    struct capture_opener next_opener;
    atomic_int want_switch;

    /* capture thread only (others before it runs and after it has ended) */
    struct capture_opener opener;
    int paced, may_drop, block;
    int dropping; /* the ring was full: until there is room worth it */
    struct level meter;
    struct hint hint;
    float block_peak; /* of the 100 ms under way, for the hints */
    int block_clip;
    struct capture_seen seen;
    uint64_t old_xruns, old_suspends; /* of sources that are gone */
    int64_t last_us;                  /* clock: up to here everything is heard or told as missing */
    int64_t begin_us;                 /* paced: when sample 0 was due, moved by pauses */
    uint64_t heard;
    struct audio_src **retired; /* kept for who still looks at them */
    int n_retired;
    float buf[CAPTURE_BLOCK_FAST];
};

/* capture_run.c: the thread. */
void *capture_run(void *capture);

/* capture_put.c: from the source into the ring.  All in the capture thread. */
int64_t capture_now(const struct capture *c);
void capture_nap(struct capture *c, int ms); /* until kicked, real time */
void capture_wake_reader(struct capture *c);
void capture_show(struct capture *c);       /* publishes c->seen */
void capture_put(struct capture *c, int n); /* c->buf[0..n) */
void capture_mark(struct capture *c, uint64_t lost, unsigned why);
void capture_mark_time(struct capture *c, unsigned why); /* from last_us to now */
void capture_note_gap(struct capture *c);                /* what the source lost */
/* What the device has recorded and the resampler holds, without waiting. */
void capture_drain(struct capture *c);

/* capture_dev.c: devices that come and go.  All in the capture thread. */
void capture_adopt(struct capture *c, struct audio_src *src); /* becomes the source */
int capture_change(struct capture *c); /* the switch that is wanted: 0 or -ERR_MIC */
/* The microphone is gone: 1 when there is one again, 0 stopped. */
int capture_wait_device(struct capture *c, const struct err *why);
int capture_wait_pause(struct capture *c); /* 0 or -ERR_MIC */

#endif
