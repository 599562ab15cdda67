/* Which of the states of ui/state.c a session is in, and its sentence.  Main thread. */
#ifndef APP_STATE_H
#define APP_STATE_H

#include <time.h>

#include "app/session.h"
#include "app/writer.h"
#include "ui/ui.h"

/* What the decision needs to remember from one look to the next. */
struct state {
    enum ui_state now;
    char more[16], say[256];
    uint64_t xruns;
    double lost_s, xrun_at, lost_at, silent_since; /* seconds of the stream clock */
    const struct npu_rt *rt;                       /* NULL: nobody asks how the device is */
    uint64_t npu_notes;                            /* of its sentences, seen so far */
    double npu_at;                                 /* the newest of them */
    char npu_say[256];
    struct err mic;                                /* the last word from the microphone */
    bool failed;                                   /* the session ended with `end` */
    struct err end;
    bool stopped;        /* by the user */
    int late;            /* 0 keeps up, 1 slow, 2 behind; with hysteresis */
    time_t gone;         /* when the microphone went, 0: it is there */
    const char *smaller; /* a smaller model's name, NULL: there is none to suggest */
};

/* Looks again; true when the state or its sentence changed.  wr may be NULL. */
bool state_look(struct state *st, const struct session_stat *s, const struct audio_got *got,
                const struct writer_stat *wr);

/* State for an error that ended something. */
enum ui_state state_of_err(const struct err *e);

#endif
