/* The text of a session in paragraphs, for the screen.  Main thread. */
#ifndef APP_TRANSCRIPT_H
#define APP_TRANSCRIPT_H

#include "app/session.h"
#include "ui/view.h"

struct transcript;

int transcript_new(struct transcript **t, struct err *e);
void transcript_free(struct transcript *t);

/* An utterance as it stands now: settled words join the paragraph, the others are the tail. */
void transcript_utt(struct transcript *t, const struct session_ev *ev);
/* A remark of its own at t_s: "[2.1 s lost here]". */
void transcript_note(struct transcript *t, double t_s, const char *text);

/* A text of t_s that had been held back: a paragraph of its own, at the end. */
void transcript_restore(struct transcript *t, double t_s, const char *text);

/* Valid until the next change; the same address always. */
const struct ui_text *transcript_text(const struct transcript *t);
int transcript_words(const struct transcript *t); /* settled ones */

#endif
