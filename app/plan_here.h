/* The plan that this machine runs for a model: buffers, commands, tiles, placement.  Main thread. */
#ifndef APP_PLAN_HERE_H
#define APP_PLAN_HERE_H

#include <stdbool.h>
#include <stdio.h>

#include "app/base/err.h"

/* Opens the model (a name or a file; NULL: the bundled one) and prints the command lists of an encoder
 * pass of ctx positions (0: all) and of a decoder step.  device NULL: the default; columns 0: its own;
 * bf16 is refused.  -ERR_*. */
int plan_here(FILE *f, const char *model, const char *device, int columns, int ctx, bool json,
              struct err *e);

#endif
