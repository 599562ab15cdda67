/* dictate score --stream: files heard as live sound by the live recogniser, on a clock of its own.
 *
 * The clock gives sound in the pieces a microphone gives it in (20 ms) and adds what every pass
 * costs before the next piece is looked at.  Costs are those of a nominal machine, from the shape
 * of the model and what the pass had to do, so that the same file gives the same events everywhere;
 * or, with --wall, those measured here.  Main thread. */
#ifndef APP_SCORE_STREAM_H
#define APP_SCORE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "app/base/err.h"
#include "app/base/jsonw.h"
#include "app/score_list.h"
#include "app/setup.h"
#include "npu/asr/transcribe.h"

/* Figures in milliseconds, as many as come. */
struct score_figure {
    double *ms;
    size_t n, cap;
    bool lost; /* no memory for one of them */
};

/* Sums over all rows. */
struct score_stream {
    bool wall;                     /* costs measured here */
    bool explain;                  /* every event on standard error */
    struct score_figure first;     /* voice begins -> first word of the utterance on the screen */
    struct score_figure tentative; /* word ends -> it stands there, and stays */
    struct score_figure settled;   /* word ends -> it is settled */
    struct score_figure final;     /* end-point -> all of the utterance is final */
    uint64_t words, taken_back, retractions;
    uint64_t noise_words; /* in rows without text */
    double noise_s;
    double audio_s, work_s, cpu_s; /* heard; engine at work by the clock; CPU time of it all */
    uint64_t passes;
};

void score_stream_free(struct score_stream *s);

/* When the words of a row were spoken. */
struct score_spoken {
    const char *const *word; /* n of them, without spaces */
    const double *end;       /* seconds, NAN: not known */
    const double *start;     /* may be NULL */
    size_t n;
};

/* Hears x[n] (16 kHz) and adds to s.  silence: nothing is said in it.  *text: all final words,
 * joined by spaces, malloc'd.  -ERR_MEM, -ERR_NPU, ... */
int score_stream_row(struct score_stream *s, struct app_setup *setup, const struct asr_params *p,
                     const float *x, int64_t n, const struct score_spoken *spoken, bool silence,
                     char **text, struct err *e);

/* The figures under the names that are promised; NAN as null. */
void score_stream_json(struct jsonw *w, const struct score_stream *s);
void score_stream_plain(struct jsonw *w, const struct score_stream *s);

#endif
