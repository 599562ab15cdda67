/* Signals without a screen: the first ^C (or TERM, HUP) asks to finish, the second ^C leaves at
 * once.
 *
 * The full screen has handlers of its own (ui/sig.c); these are for everything else.  Main thread.
 */
#ifndef APP_STOP_H
#define APP_STOP_H

#include <stdatomic.h>

#include "app/base/err.h"

/* Installs handlers for INT, TERM, HUP.  -ERR_FAIL. */
int stop_install(struct err *e);
/* The first signal that came, or 0. */
int stop_signal(void);
/* True from the first signal on; for loops that poll. */
const atomic_bool *stop_flag(void);
/* Readable from the first signal on. */
int stop_fd(void);

#endif
