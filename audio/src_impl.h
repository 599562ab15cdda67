/* Inside of a source: the table of operations and what the back ends share.  Only audio/src*.c. */
#ifndef AUDIO_SRC_IMPL_H
#define AUDIO_SRC_IMPL_H

#include <stdatomic.h>

#include "audio/resample.h"
#include "audio/ring.h"
#include "audio/src.h"

enum {
    SRC_BLOCK = 16384, /* floats in a back end's buffer of interleaved samples */
    SRC_IN_MAX = 4096, /* native samples handed to the resampler at once */
};

struct src_mixer; /* src_mix.c */

/* One kind of source.  open sets got.rate, got.channels, got.seconds and priv; after a failed open
 * close is called too, so it must bear half a source (priv NULL included).  read is as
 * audio_src_read and may assume that the source neither ended nor failed.  What it adds to s->lost
 * lies before the samples that the same call (or a later one, when it gives none) returns. */
struct audio_src_ops {
    const char *name;
    int (*open)(struct audio_src *s, const struct audio_want *w, struct err *e);
    int (*read)(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e);
    void (*close)(struct audio_src *s);
    void (*describe)(const struct audio_src *s, char *text, size_t size); /* the format, short */
    int (*pause)(struct audio_src *s, int on, struct err *e);             /* may be NULL */
    /* After the stop: what was recorded before it, without waiting; 0 when it is out. May be NULL
     */
    int (*drain)(struct audio_src *s, float *x, int max);
};

struct audio_src {
    const struct audio_src_ops *ops;
    void *priv;
    struct audio_got got;
    char name[96]; /* for sentences */
    char note[256];
    int stop_fd; /* eventfd, readable for ever once stopped */
    atomic_int stopped;
    atomic_uint_least64_t frames, nonfinite, clamped, xruns, lost, suspends, dead;
    unsigned gap_why; /* enum gap_why of what was lost, set by back ends, cleared when told */
    int over;         /* 1: ended, negative: failed with `fail` */
    struct err fail;
    struct resample *rs; /* only by read16k, NULL at 16 kHz */
    float *in;           /* native samples on their way into rs */
    int in_n, in_at, in_end, flushed;
    int cut;                    /* samples are missing before s->in: empty the resampler first */
    uint64_t cut_frames;        /* native frames before it */
    uint64_t lost_told;         /* of `lost`, native frames */
    uint64_t out_16k, lost_16k; /* delivered and told as lost, at 16 kHz */
    uint64_t gap_16k;           /* told, not yet asked for */
    struct src_mixer *mixer;    /* NULL for mono */
};

extern const struct audio_src_ops src_file_ops, src_pipe_ops, src_mic_ops, src_gen_ops,
    src_fault_ops;

/* Mixes interleaved frames to mono: mean of the finite channels that live, clamped; counts what it
 * mends.  out may be in when channels is 1. */
void src_mix(struct audio_src *s, const float *in, int frames, int channels, float *out);
/* Once got.channels is known.  0 or -ERR_MEM. */
int src_mix_new(struct audio_src *s, struct err *e);
void src_mix_free(struct audio_src *s);

/* Waits for fd (-1: none) to be readable or the stop.  1 readable, 0 time-out or stop. */
int src_wait(struct audio_src *s, int fd, int timeout_ms);

static inline int src_stopped(const struct audio_src *s)
{
    return atomic_load_explicit(&s->stopped, memory_order_relaxed);
}

/* Which container these first bytes begin ("FLAC"), or NULL.  `sure`: only those whose mark cannot
 * be taken for raw samples. */
const char *src_magic(const uint8_t *p, size_t n, int sure);

/* Writes "cut short: the header promises .., .. are there" into s->note. */
void src_note_cut(struct audio_src *s, double promised_s, double there_s);

/* Fault of rate or channel count, or NULL. */
const char *src_bad_shape(long rate, long channels);

/* src_pipe on a descriptor it then owns. */
int src_pipe_fd(struct audio_src *s, int fd, const struct audio_want *w, struct err *e);

/* src_file on a descriptor of a regular file it then owns.  When the kind is unknown and
 * *unknown is not NULL, sets it, keeps the descriptor open (not owned) and returns -ERR_SOUND. */
int src_file_fd(struct audio_src *s, int fd, int *unknown, struct err *e);

#endif
