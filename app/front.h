/* The front end of the engine thread: samples in; mel frames and voice activity per frame out. */
#ifndef APP_FRONT_H
#define APP_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "audio/mel.h"
#include "audio/vad.h"

enum {
    FRONT_VERDICTS = 16384, /* voice verdicts kept: 524 s; a power of two */
    FRONT_GAPS = 256,       /* places where the stream clock jumps; the last one grows */
};

struct front {
    struct mel *mel;
    struct vad *vad;
    int64_t samples;  /* pushed so far */
    int64_t verdicts; /* made so far, one per VAD_FRAME samples */
    int64_t voiced;   /* of them voiced */
    bool speech;
    bool finished;
    uint8_t voice[FRONT_VERDICTS];
    int gaps;
    struct {
        int64_t sample; /* from here on */
        double s;       /* the stream clock is this much ahead of the samples */
    } gap[FRONT_GAPS];
};

int front_new(struct front **f, int bands, const float *filters, struct err *e);
void front_free(struct front *f);

int front_push(struct front *f, const float *x, int n, struct err *e);
/* lost seconds are missing here: up to 0.3 s become silence, the rest moves the clock. */
int front_gap(struct front *f, double lost_s, struct err *e);
/* The sound is over. */
int front_finish(struct front *f, struct err *e);

/* Frames of 10 ms for which both mel and a verdict exist. */
int64_t front_have(const struct front *f);
bool front_voice(const struct front *f, int64_t frame);
/* For asr_live_io: see npu/asr/live.h. */
void front_mel(const struct front *f, int64_t first, int n, int64_t norm0, int64_t norm1,
               float *out);
void front_drop(struct front *f, int64_t keep);
/* Seconds of samples to stream clock. */
double front_clock(const struct front *f, double s);

#endif
