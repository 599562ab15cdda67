/* The output thread: text goes in, text reaches the disk, and none is lost in between.
 *
 * writer_put() copies and returns at once.  The thread writes and, for regular files, calls
 * fdatasync when it has caught up and at most once a second.  When a write fails (disk full) it
 * keeps what is left, says so in the status, and tries again every second; nothing is dropped. */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

struct writer;

struct writer_stat {
    uint64_t pending_b; /* handed in and not yet written */
    uint64_t written_b;
    int64_t saved_us; /* clk_us() of the last time everything was on the disk, 0: never */
    bool failing;     /* the last try failed; text says why */
    bool gone;        /* a pipe whose reader left: nobody wants the rest */
    struct err err;
};

/* path NULL or "-": standard output.  append: keep what a file holds, else start it anew.
 * -ERR_DISK with a sentence. */
int writer_open(struct writer **w, const char *path, bool append, struct err *e);

/* Any thread. */
void writer_put(void *w, const char *text, size_t len);
void writer_stat(struct writer *w, struct writer_stat *st);

/* Waits until everything is written, the reader is gone, or the time is over.  True: all written.
 */
bool writer_flush(struct writer *w, int timeout_ms);

/* Flushes (waiting up to timeout_ms while the disk refuses), ends the thread and closes.  When text
 * is left over, it goes to a rescue file in $XDG_STATE_HOME/dictate, ~/.local/state/dictate or
 * /tmp, which the sentence names: -ERR_DISK.  0 when all is written or the reader of a pipe left.
 */
int writer_close(struct writer *w, int timeout_ms, struct err *e);

#endif
