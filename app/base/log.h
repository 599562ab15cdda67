/* The log: one line is one write(2).  The only global state beside the terminal.
 *
 * Lines go to the file of --log, and with -v to standard error.  Any thread but the capture thread;
 * one mutex.  Control bytes are escaped, so that a log may be looked at in a terminal. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "app/base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* path NULL: no file (it is appended to otherwise).  verbose: 0 nothing, 1 up to INFO, 2 up to
 * DEBUG on standard error; the file gets everything up to INFO, or DEBUG with 2.  -ERR_DISK. */
int log_open(const char *path, int verbose, struct err *e);
void log_close(void);

void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* While a full screen is up nothing goes to standard error. */
void log_screen(int on);

#endif
