/* Settled words of a live session to lines: one a sentence, as the formats want them.  Main thread.
 */
#ifndef APP_LINES_H
#define APP_LINES_H

#include "app/base/jsonw.h"
#include "app/out.h"
#include "app/session.h"

struct lines {
    struct out *out;
    bool cues;             /* subtitles: lines are short too */
    struct asr_word *word; /* settled and not yet put out, n of cap */
    int n, cap;
    uint32_t utt;
    int taken; /* settled words of utt taken so far */
    int words, segments;
    struct out_word *view; /* scratch, cap of them */
};

/* A word as the formats want it. */
struct out_word lines_word(const struct asr_word *w);

void lines_init(struct lines *l, struct out *out, bool cues);
void lines_free(struct lines *l);

/* Takes what settled; puts out every finished sentence, and everything when the utterance is final.
 */
void lines_utt(struct lines *l, const struct session_ev *ev);
/* Puts out what is there. */
void lines_flush(struct lines *l, double at_s);

#endif
