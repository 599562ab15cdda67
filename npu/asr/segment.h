/* A window's tokens to segments with times, as whisper.cpp cuts them.  Pure. */
#ifndef ASR_SEGMENT_H
#define ASR_SEGMENT_H

#include "npu/asr/transcribe.h"

struct asr_cut {
    int64_t t0, t1;   /* 10 ms units in the clip, as whisper.cpp works them out: may be beyond the
                         sound, and are far below 0 where no stamp was allowed */
    int first, count; /* tokens of the window, stamps included */
};

/* tok, pick: n tokens that the window delivers; seek, advance: mel frames.
 * Returns the count of segments, at most max. */
int asr_cut_segments(const struct asr_tok *tok, const struct asr_token *t,
                     const struct asr_pick *pick, int n, int seek, int advance, struct asr_cut *out,
                     int max);

#endif
