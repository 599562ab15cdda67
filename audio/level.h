/* How loud: RMS, peak with hold, noise floor, share of clipped samples.
 *
 * Runs in the thread that pushes; the caller places the struct and nothing allocates. */
#ifndef AUDIO_LEVEL_H
#define AUDIO_LEVEL_H

#include <stdint.h>

enum { LEVEL_HIST = 64 }; /* blocks of 100 ms whose minimum is the floor: 6.4 s */

/* Readings in dB relative to full scale; LEVEL_NONE_DB for digital silence. */
#define LEVEL_NONE_DB (-120.0f)

struct level_now {
    float rms_db;   /* of the last 100 ms */
    float peak_db;  /* held 1.5 s, then falling 20 dB per second */
    float floor_db; /* quietest 100 ms of the last 6.4 s */
    float clipped;  /* share of samples at full scale, last 6.4 s, 0..1 */
    float quiet_s;  /* seconds since a sample was above -80 dB ("muted?") */
    int live;       /* 0 until the first 100 ms have been heard */
};

struct level {
    int rate, block; /* samples per second, samples per 100 ms */
    int n;           /* samples in the present block */
    double sum;      /* of squares */
    float peak;      /* of the present block */
    uint32_t clip;
    float hist_db[LEVEL_HIST];
    uint32_t hist_clip[LEVEL_HIST];
    int hist_n, hist_at;
    float hold_s; /* seconds the held peak has stood */
    struct level_now now;
};

void level_init(struct level *l, int rate);
/* Returns the number of blocks completed: when > 0, l->now is new. */
int level_push(struct level *l, const float *x, int n);

#endif
