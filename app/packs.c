/* See packs.h. */
#include "app/packs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *app_packs_dir(const struct args *a, char *dir, size_t cap)
{
    const char *off = getenv("DICTATE_PACKS"), *x = getenv("XDG_CACHE_HOME"), *h = getenv("HOME");
    int n = 0;
    if (a->no_packs || (off && !strcmp(off, "off"))) {
        return NULL;
    }
    if (x && x[0] == '/') {
        n = snprintf(dir, cap, "%s/dictate/packs", x);
    } else if (h && h[0] == '/') {
        n = snprintf(dir, cap, "%s/.cache/dictate/packs", h);
    }
    return n > 0 && (size_t)n < cap ? dir : NULL;
}
