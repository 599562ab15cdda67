/* One frame, one write().  ncurses sends a few bytes at a time; between begin and end they are
 * collected in memory and then handed to the terminal at once, inside "synchronized output" marks
 * where the terminal is of a family that knows or ignores them, so that no half frame is seen.
 * Main thread. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include <stdbool.h>
#include <stdio.h>

struct ui_frame {
    FILE *out; /* for newterm(): a duplicate of standard output */
    int mem;   /* where a frame is collected, -1: straight to the terminal */
    char *buf;
    size_t room;
    bool sync; /* terminal mode 2026 */
};

/* -1 if standard output cannot be duplicated. */
int ui_frame_open(struct ui_frame *f, const char *term);
void ui_frame_close(struct ui_frame *f);

void ui_frame_begin(struct ui_frame *f);
void ui_frame_end(struct ui_frame *f);

/* Writes all of it to standard output, if that is possible at all. */
void ui_frame_send(const char *bytes, size_t n);

#endif
