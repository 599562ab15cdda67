/* A microphone by its name: opened now, and opened again when it went away or was chosen anew.
 *
 *     NAME           an ALSA PCM ("plughw:CARD=Device,DEV=0"), NULL or "": "default"
 *     fault:SCRIPT   one that fails by a script (audio/fault.h), with a clock of its own
 *     fault:@FILE    the script is in a file
 *     gen:SOUND      one that hears silence, tone, white, pink or click
 *
 * Threads: made and freed by the owner; mic_open in whichever thread opens (one at a time); the
 * rest in any. */
#ifndef APP_MIC_H
#define APP_MIC_H

#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "audio/capture.h"
#include "audio/src.h"

struct mic;

enum mic_pace {
    MIC_BY_SCRIPT, /* real time where the script gives a speed, else simulated */
    MIC_REAL,      /* real time, unless the script gives another speed */
};

/* sound: a file that a fault's microphone hears (NULL: silence without end); refused with others.
 * -ERR_USAGE (script, name), -ERR_SOUND (file), -ERR_MEM. */
int mic_new(struct mic **m, const char *name, const char *sound, enum mic_pace pace, struct err *e);
void mic_free(struct mic *m); /* NULL is fine; its sources must be closed or retired */

/* Whether NAME is one of those that take a sound file to hear. */
bool mic_takes_file(const char *name);

/* 0 or -ERR_MIC; fits struct capture_opener. */
int mic_open(struct audio_src **src, void *mic, struct err *e);
const char *mic_name(const struct mic *m); /* "default", "plughw:CARD=Device,DEV=0", "fault" */

/* The clock to hear it by: all zero for a real one. */
struct capture_clock mic_clock(struct mic *m);
/* Its time does not go by itself: it is moved by mic_advance (as fault_advance). */
bool mic_simulated(const struct mic *m);
int mic_advance(struct mic *m, int64_t to_us, int wait_ms);
/* A recogniser to be played: S seconds of sound take it S/X seconds.  0: as it is. */
double mic_engine(const struct mic *m);
double mic_speed(const struct mic *m); /* seconds of the microphone's time a second; 1 if real */

#endif
