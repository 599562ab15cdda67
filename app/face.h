/* Who shows a live session: plain lines (plain.c) or the full screen (screen.c).  Main thread. */
#ifndef APP_FACE_H
#define APP_FACE_H

#include "app/args.h"
#include "app/lines.h"
#include "app/out.h"
#include "app/session.h"
#include "app/setup.h"
#include "app/writer.h"

/* What both share: a session, and the output if there is one. */
struct face {
    const struct args *args;
    struct app_setup *setup;
    struct session *session;
    struct writer *writer; /* NULL: the text goes nowhere but the screen */
    struct out *out;       /* NULL with it */
    struct lines lines;
    int64_t start_us;               /* clk_us() */
    double clock_s, lost_s, work_s; /* at the end */
    double full_s;                  /* of lost_s: because the program was too slow */
    uint64_t xruns;
    int leave; /* signal that ended it, or 0 */
};

/* Runs until the session has ended and the user has left.  0, or -ERR of the session. */
int plain_run(struct face *f, struct err *e);
int screen_run(struct face *f, struct err *e);

/* For both: the start of a session to an output. */
void face_start(struct face *f, const struct audio_got *got);
/* An utterance: update events, lines. */
void face_utt(struct face *f, const struct session_ev *ev);
/* A gap, or its mark in the text; a text that was held back. */
void face_gap(struct face *f, const struct session_ev *ev);
void face_held(struct face *f, const struct session_ev *ev);
/* A text that was brought back, to the output. */
struct held_text;
void face_restored(struct face *f, const struct held_text *t);

#endif
