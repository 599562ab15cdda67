/* The microphones to choose from, for the screen.  Main thread. */
#ifndef APP_MICS_H
#define APP_MICS_H

#include "app/session.h"
#include "ui/view.h"

struct mics;

int mics_new(struct mics **m, struct err *e);
void mics_free(struct mics *m); /* NULL is fine */

/* Looks which there are now. */
void mics_look(struct mics *m);
/* What was found at the last look; now: the name of the one in use, "" for none. */
void mics_fill(const struct mics *m, const char *now, struct ui_view *v);
/* Row i becomes the session's microphone.  -ERR when it cannot be opened: the old one goes on. */
int mics_take(struct mics *m, int i, struct session *s, struct err *e);

#endif
