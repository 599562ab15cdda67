/* Counters of a running session -> struct ui_view.  Main thread, 10 times a second.
 *
 * Figures over a window are differences between now and a mark taken that long ago (one mark a
 * second); what nobody has measured stays UI_NONE. */
#ifndef APP_FILL_H
#define APP_FILL_H

#include "app/base/jsonw.h"
#include "app/session.h"
#include "app/setup.h"
#include "app/state.h"
#include "app/transcript.h"
#include "app/writer.h"
#include "ui/view.h"

struct fill;

int fill_new(struct fill **f, const struct app_setup *setup, struct session *s,
             const struct args *a, struct err *e);
void fill_free(struct fill *f);

/* Seconds that figures are taken over: 1..60, 0: since start or reset. */
void fill_window(struct fill *f, int s);
void fill_reset(struct fill *f);

/* Words of an utterance as they stand now; clock_s: stream seconds that have come.  paced: the sound
 * comes in its own time, so that how late words are means something. */
void fill_words(struct fill *f, const struct session_ev *ev, double clock_s, bool paced);
/* A frame was drawn in so many ns. */
void fill_drawn(struct fill *f, int64_t ns);

/* Fills everything.  wr NULL: no output file.  The view is valid as long as tr does not change. */
void fill_view(struct fill *f, const struct session_stat *s, const struct state *st,
               const struct transcript *tr, const struct writer_stat *wr, struct ui_view *v);

/* The figures of the view as one JSON object, for `s` on the profile page. */
void fill_json(const struct ui_view *v, struct jsonw *w);

#endif
