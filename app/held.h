/* The bin: texts that guards held back, kept for the whole session so that they can be brought
 * back. Main thread. */
#ifndef APP_HELD_H
#define APP_HELD_H

#include "app/session.h"
#include "ui/view.h"

struct held; /* zeroed by held_new */

struct held_text {
    double t0, t1; /* stream seconds */
    enum asr_guard why;
    float p;
    bool back; /* somebody brought it back */
    char *text;
};

int held_new(struct held **h, struct err *e);
void held_free(struct held *h); /* NULL is fine */

/* Takes a HELD event; false without memory. */
bool held_add(struct held *h, const struct session_ev *ev);
/* Newest first into the view: as many as its list takes, and how many there are. */
void held_fill(const struct held *h, struct ui_view *v);
/* Row i of the list as it was filled last is brought back: its text, or NULL when there is no such
 * row or it was brought back before.  Valid until the next held_add. */
const struct held_text *held_take(struct held *h, int i);

/* "silence", "no voice", "loop". */
const char *held_why(enum asr_guard why);

#endif
