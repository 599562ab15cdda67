/* Sizes of a Whisper network, by name.  A model file's own sizes are filled in by app, which may
 * read models; this room may not.  Pure. */
#ifndef PLAN_SHAPE_H
#define PLAN_SHAPE_H

#include "app/base/err.h"

struct plan_shape {
    char name[64];
    int enc_layers, dec_layers, width, heads, mels, vocab, ctx;
};

/* tiny, base, small, medium (each also .en), large, large-v1..v3, large-v3-turbo, turbo.
 * -ERR_USAGE. */
int plan_shape_find(struct plan_shape *s, const char *name, struct err *e);

#endif
