/* `dictate --dump DIR`: what the recogniser computes, as files in the layout of the golden data
 * (golden/README.md), to be compared number by number.  Main thread.
 *
 * An array of a case is DIR/<id>.<array>.<type>: raw, little endian, no header. */
#ifndef APP_DUMP_H
#define APP_DUMP_H

#include "app/args.h"
#include "app/base/err.h"

/* Every case of the table a->cases, with models from a->models_dir; clips and reference tokens are
 * looked for relative to the table.  Model files that are not there are passed over with a line on
 * standard error. */
int dump_cases(const struct args *a, struct err *e);

/* One sound, a->pos[0], through the model a->model: mel, encoder output, logits, tokens. */
int dump_clip(const struct args *a, struct err *e);

/* The id that golden data give a model file: "micro.en-s1-f32" for ".../ggml-micro.en-f32.bin". */
void dump_model_id(const char *path, char *id, int size);

#endif
