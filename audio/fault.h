/* A microphone that fails by a script: for tests, and to show what the program does about it.
 *
 * A fault is a world with its own clock and a sound of its own (any source): what the microphone
 * would hear if it always worked.  A source opened on it (fault_open) delivers that sound and loses
 * what the script says; while the microphone is away or paused the world goes on.  So what was
 * delivered and what was lost add up to the world's time, sample by sample.
 *
 * The clock is simulated (time is the sound consumed: as fast as it is read, the same run every
 * time) unless the script gives a speed: then `speed 1` is real time.  On a leash (fault_leash) the
 * simulated time goes on only when whoever recognises lets it: then a slow recogniser is as late as
 * it would be, the ring overflows as it would, and the run is the same every time.
 *
 * A script has lines, or statements between ';'.  Times are seconds of the world; # is a remark.
 *     at T xrun D            D seconds lost: read too late
 *     every P xrun D         the same at P, 2P, 3P, ...
 *     at T suspend D         D seconds lost: the device slept
 *     at T unplug [D]        the device is away for D seconds, or for good
 *     at T zero D            digital silence
 *     at T clip D            so loud that it is cut to full scale
 *     repeat N               the sound is heard N times, without a pause
 *     rate N                 samples per second of the device; else the sound's
 *     channels N             all alike
 *     dead-channel left      (or right) two channels, nothing but zeros in that one
 *     speed X                real time, X seconds a second
 *     engine X               whoever recognises is so slow: S seconds take S/X seconds
 *
 * Threads: one source at a time; any thread may ask for the time. */
#ifndef AUDIO_FAULT_H
#define AUDIO_FAULT_H

#include <stdint.h>

#include "app/base/err.h"
#include "audio/src.h"

struct fault;

/* inner: the sound; used during the call only (but for AUDIO_BYTES' bytes, and any inner that is
 * repeated is opened again by its name).  0, -ERR_USAGE with the
 * number of the line, or what opening the sound gives. */
int fault_new(struct fault **out, const char *script, const struct audio_want *inner,
              struct err *e);
void fault_free(struct fault *f); /* NULL is fine; the sources on it must be closed or retired */

/* As the script's `speed`; 0: simulated.  Before anything is opened on it. */
void fault_speed(struct fault *f, double speed);

/* Opens the microphone: 0, or -ERR_MIC while it is away.  Fits struct capture_opener. */
int fault_open(struct audio_src **out, void *fault, struct err *e);

/* The world's clock, microseconds; fits struct capture_clock.  Simulated: sleeping makes the time
 * pass at once.  In real time it sleeps no more than 20 ms. */
int64_t fault_now_us(void *fault);
void fault_sleep_us(void *fault, int64_t us);

/* Simulated time only, before anything is opened on it: from now on the world's time stands still
 * until fault_advance(); the microphone counts as live (what a full ring drops is lost). */
void fault_leash(struct fault *f);
/* Lets the world go on to `to_us` and waits until its reader has taken everything up to there.
 * 1: so it is; 2: the sound has ended before; 0: not within wait_ms (call again), e.g. because
 * nobody reads any more. */
int fault_advance(struct fault *f, int64_t to_us, int wait_ms);

/* The script's engine, 0: not given.  The script's speed, 0: simulated. */
double fault_engine(const struct fault *f);
double fault_has_speed(const struct fault *f);

int fault_rate(const struct fault *f);
/* Native samples of the world gone by: delivered, lost, or unheard. */
int64_t fault_pos(struct fault *f);

#endif
