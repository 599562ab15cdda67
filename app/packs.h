/* Where packed weights are kept between runs.  Any thread; reads the environment. */
#ifndef APP_PACKS_H
#define APP_PACKS_H

#include <stddef.h>

#include "app/args.h"

/* $XDG_CACHE_HOME/dictate/packs, or ~/.cache/dictate/packs, in dir; NULL when --no-packs or
 * DICTATE_PACKS=off says so, or there is no such place.  Returns dir. */
const char *app_packs_dir(const struct args *a, char *dir, size_t cap);

#endif
