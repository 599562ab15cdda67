/* Signals while the screen is up.  Ordinary ones write their number, one byte, to a pipe.  Crashes
 * give the terminal back with write, tcsetattr and dup2 only, and then happen as they would have.
 */
#ifndef UI_SIG_H
#define UI_SIG_H

#include <stddef.h>
#include <termios.h>

#include "app/base/err.h"

enum { UI_RESTORE_MAX = 256 };

/* All that a crash handler needs, prepared beforehand. */
struct ui_restore {
    char bytes[UI_RESTORE_MAX]; /* leaves the alternate screen, shows the cursor, plain colours */
    size_t n;
    int out, in;           /* descriptors of the terminal */
    struct termios cooked; /* modes as they were */
    int err_saved;         /* the real standard error, -1: not captured */
    int err_mem;           /* what was written to it meanwhile */
};

/* Installs the handlers and returns the read end of the pipe, or -code.  One user at a time.  Call
 * it before ncurses starts: ncurses then leaves these signals alone.  Crashes restore nothing yet.
 */
int ui_sig_open(struct err *e);

/* From here on a crash gives the terminal back like this. */
void ui_sig_arm(const struct ui_restore *r);

/* Puts the old handlers back. */
void ui_sig_close(void);

/* From here on it does not: the terminal has been given back. */
void ui_sig_disarm(void);

/* Stops the process as SIGTSTP would have, returns when it goes on. */
void ui_sig_stop(void);

#endif
