/* Standard error while the screen is up: libraries that chat (ALSA does) would draw over it.  It
 * goes to memory and is printed afterwards, between marker lines, so that nothing is lost. */
#ifndef UI_CHAT_H
#define UI_CHAT_H

struct ui_chat {
    int saved; /* the real standard error, -1: not captured */
    int mem;
};

/* Captures if standard error is a terminal; a file given by the user stays what it is. */
void ui_chat_open(struct ui_chat *c);

/* Puts standard error back and prints what came, controls made harmless. */
void ui_chat_close(struct ui_chat *c);

/* Keeps the last megabyte at most.  Cheap, once a frame. */
void ui_chat_trim(struct ui_chat *c);

#endif
