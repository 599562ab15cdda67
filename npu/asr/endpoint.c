/* The end-point machine.  Pure, any thread. */
#include "npu/asr/endpoint.h"

enum {
    ENTER = 9,
    ENTER_OF = 13, /* 3 of 4 verdicts of 32 ms */
    RENEW = 5,     /* voiced frames in a row that count as voice: clicks are shorter */
    SOFT = 40,
    HARD = 70,
    HARD_LEAST = 20,
    LONG = 600,
    VERY_LONG = 1400,
};

void asr_endpoint_reset(struct asr_endpoint *p, int64_t frame)
{
    *p = (struct asr_endpoint){.frame = frame, .voiced_first = frame, .voiced_last = frame};
}

int asr_endpoint_hard(int64_t frames)
{
    if (frames <= LONG) {
        return HARD;
    }
    if (frames >= VERY_LONG) {
        return HARD_LEAST;
    }
    return HARD - (int)((frames - LONG) * (HARD - HARD_LEAST) / (VERY_LONG - LONG));
}

static int count(uint32_t bits)
{
    int n = 0;
    for (; bits; bits &= bits - 1) {
        n++;
    }
    return n;
}

static enum asr_endpoint_event enter(struct asr_endpoint *p)
{
    uint32_t window = p->recent & ((1u << ENTER_OF) - 1);
    if (count(window) < ENTER) {
        return ASR_EP_NONE;
    }
    int back = 0; /* the oldest voiced frame of those looked at */
    for (int i = 0; i < ENTER_OF; i++) {
        back = window >> i & 1 ? i : back;
    }
    p->speech = true;
    p->soft = false;
    p->voiced_first = p->frame - 1 - back;
    p->voiced_last = p->frame;
    return ASR_EP_START;
}

enum asr_endpoint_event asr_endpoint_feed(struct asr_endpoint *p, bool voiced)
{
    const uint32_t run = (1u << RENEW) - 1;
    p->recent = p->recent << 1 | voiced;
    p->frame++;
    if (!p->speech) {
        return enter(p);
    }
    if ((p->recent & run) == run) {
        p->voiced_last = p->frame;
        if (p->soft) {
            p->soft = false;
            return ASR_EP_RESUME;
        }
        return ASR_EP_NONE;
    }
    int64_t quiet = p->frame - p->voiced_last;
    if (quiet >= asr_endpoint_hard(p->voiced_last - p->voiced_first)) {
        p->speech = p->soft = false;
        p->recent = 0;
        return ASR_EP_HARD;
    }
    if (quiet >= SOFT && !p->soft) {
        p->soft = true;
        return ASR_EP_SOFT;
    }
    return ASR_EP_NONE;
}
