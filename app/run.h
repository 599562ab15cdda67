/* The main command: dictate [FILE | -].  Main thread. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "app/args.h"

/* Exit code of the program. */
int run_main(const struct args *a);

#endif
