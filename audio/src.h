/* Where sound comes from: a file, standard input, a microphone, a generator, bytes in memory.
 *
 * Every kind delivers float mono in -1..1 at its own rate; audio_src_read16k() turns that into
 * 16 kHz mono.  A 16 kHz mono 16 bit source passes as integer/32768, bit for bit.
 *
 * Threads: one thread reads (often the capture thread); audio_src_stop() may be called from any
 * thread and from a signal handler.  Open and close belong to whoever owns the source, with no
 * reader inside. */
#ifndef AUDIO_SRC_H
#define AUDIO_SRC_H

#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

struct audio_src;

enum {
    AUDIO_RATE = 16000,    /* what the model hears, samples per second */
    AUDIO_END = 0,         /* read: the sound is over, or audio_src_stop() was called */
    AUDIO_AGAIN = -1000,   /* read: nothing within timeout_ms; not an error */
    AUDIO_RATE_MIN = 1000, /* rates outside these two are refused as damage */
    AUDIO_RATE_MAX = 384000,
    AUDIO_CHANNELS_MAX = 1024,
};

enum audio_kind {
    AUDIO_FILE,  /* name: a path (WAV, FLAC, Ogg Vorbis/Opus, MP3, AIFF, AU, CAF, W64, RF64), a
                  * named pipe (as AUDIO_STDIN), or "-" for standard input */
    AUDIO_STDIN, /* raw s16le, or WAV when it starts with RIFF; a redirected file is as AUDIO_FILE
                  */
    AUDIO_MIC,   /* name: an ALSA PCM ("plughw:CARD=Device,DEV=0"), NULL or "" for "default" */
    AUDIO_GEN,   /* name: silence, tone, white, pink, click or ramp */
    AUDIO_BYTES, /* a sound file in memory, lent until close */
    AUDIO_FAULT, /* a microphone that fails by a script, see fault.h */
};

struct fault;

/* What to open.  All zero but kind (and name) is a sensible request. */
struct audio_want {
    enum audio_kind kind;
    const char *name; /* used during open only */
    int raw_rate;     /* raw standard input: samples per second, 0: 16000 */
    int raw_channels; /* raw standard input: interleaved channels, 0: 1 */
    int raw_only;     /* standard input: do not look for a header */
    int mic_rate;     /* microphone: rate to ask for, 0: 48000; the nearest one is taken */
    int mic_paced;    /* microphone: no faster than real time (ALSA's file plug-in is not paced) */
    double gen_seconds; /* generator: length, 0: endless */
    int gen_rate;       /* generator: 0: 16000 */
    float gen_hz;       /* tone: frequency, 0: 440; click: clicks per second, 0: 1 */
    float gen_level;    /* amplitude 0..1, 0: 0.25 */
    uint32_t gen_seed;  /* noise: 0: 1 */
    const void *bytes;  /* AUDIO_BYTES */
    size_t size;
    struct fault *fault; /* AUDIO_FAULT: lent until close */
};

/* What was opened.  Valid until close; does not change after open. */
struct audio_got {
    int rate;       /* native */
    int channels;   /* native, before the mixdown */
    int live;       /* 1: arrives in its own time (microphone, pipe); 0: as fast as it is read */
    int mic;        /* 1: a microphone */
    double seconds; /* length, -1 when unknown or when what the header says cannot be true */
    char what[160]; /* for people: "talk.flac: FLAC, 44.1 kHz, 2 channels" */
};

/* What happened so far.  Any thread. */
struct audio_stat {
    uint64_t frames;    /* native frames delivered */
    uint64_t nonfinite; /* NaN and infinite samples, replaced by 0 */
    uint64_t clamped;   /* samples beyond +-1, cut to it */
    uint64_t xruns;     /* microphone: interruptions survived */
    uint64_t lost;      /* microphone: native frames lost in them, estimated */
    uint64_t suspends;  /* microphone: of the xruns, those in which the device slept */
    uint64_t dead;      /* channels that are left out because nothing comes from them, now */
};

/* 0, or -ERR_SOUND, -ERR_MIC, -ERR_USAGE, -ERR_MEM with a sentence.  *out is NULL after failure.
 * A pipe without raw_only waits here for its first bytes, since they decide the rate: as long as it
 * takes, or until a signal is caught. */
int audio_src_open(struct audio_src **out, const struct audio_want *want, struct err *e);
void audio_src_close(struct audio_src *s); /* NULL is fine */
/* Lets the device go at once, so that it can be opened again; reading gives what it gave last.
 * Reader thread. */
void audio_src_shut(struct audio_src *s);
/* The same, and frees all but what _got, _stat and _note tell; close it later.  Reader thread, when
 * nobody can call _stop any more. */
void audio_src_retire(struct audio_src *s);

const struct audio_got *audio_src_got(const struct audio_src *s);

/* Up to max (> 0) samples of mono at the native rate.  Count (1..max), AUDIO_END, AUDIO_AGAIN or
 * -ERR (sentence in *e).  timeout_ms < 0 waits as long as it takes.  After AUDIO_END or an error
 * the same answer comes again. */
int audio_src_read(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e);

/* The same at 16 kHz.  Do not mix with audio_src_read() on one source. */
int audio_src_read16k(struct audio_src *s, float *x, int max, int timeout_ms, struct err *e);

/* Samples at 16 kHz that are missing just before those that the last audio_src_read16k() gave
 * (or before the end, when it gave none); *why: enum gap_why.  Each loss is told once. */
uint64_t audio_src_gap(struct audio_src *s, unsigned *why);

/* What is still inside the resampler, when reading is about to be interrupted (pause): call until
 * it gives 0; then audio_src_gap() tells what was lost after it.  Reading may go on afterwards, with samples that need
 * not be adjacent. */
int audio_src_flush16k(struct audio_src *s, float *x, int max);

/* Ends the sound: a read that waits returns, what a live device has recorded and what is inside the
 * resampler still come, then AUDIO_END.  Any thread, async-signal-safe. */
void audio_src_stop(struct audio_src *s);

/* Microphone: stops (1) and restarts (0) the device; others ignore it.  Reader thread only.
 * 0 or -ERR_MIC. */
int audio_src_pause(struct audio_src *s, int on, struct err *e);

void audio_src_stat(const struct audio_src *s, struct audio_stat *st);

/* A remark for people that is no error, or "": "talk.wav: cut short: the header promises 10 h,
 * 0.5 s are there".  Complete once a read gave AUDIO_END.  Reader thread only. */
const char *audio_src_note(const struct audio_src *s);

#endif
