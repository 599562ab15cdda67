/* Where an utterance begins and ends, from voice activity frame by frame (10 ms).  Pure. */
#ifndef ASR_ENDPOINT_H
#define ASR_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

enum asr_endpoint_event {
    ASR_EP_NONE,
    ASR_EP_START,  /* somebody speaks since `voiced_first` */
    ASR_EP_SOFT,   /* quiet for 400 ms: the end is likely */
    ASR_EP_RESUME, /* voice again after SOFT */
    ASR_EP_HARD,   /* the utterance is over; the machine is idle again */
};

struct asr_endpoint {
    bool speech, soft;
    int64_t frame;        /* frames fed so far */
    int64_t voiced_first; /* of this utterance */
    int64_t voiced_last;  /* one behind the last voiced frame */
    uint32_t recent;      /* voice of the last 32 frames, newest in bit 0 */
};

/* Starts at stream frame `frame`. */
void asr_endpoint_reset(struct asr_endpoint *p, int64_t frame);
/* The next frame. */
enum asr_endpoint_event asr_endpoint_feed(struct asr_endpoint *p, bool voiced);
/* Frames of quiet that end an utterance which has lasted `frames`: 700 ms at first, less and less
 * from 6 s on, 200 ms at 14 s, so that long speech is cut where it hurts least. */
int asr_endpoint_hard(int64_t frames);

#endif
