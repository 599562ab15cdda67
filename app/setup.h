/* Model, tokeniser, device and engine, opened together from the options.
 *
 * Order of opening: model, tokeniser, device, engine; closing is the reverse.  One thread at a
 * time, as the engine demands. */
#ifndef APP_SETUP_H
#define APP_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "app/args.h"
#include "app/base/err.h"
#include "npu/asr/engine.h"
#include "npu/asr/model.h"
#include "npu/asr/tok.h"
#include "npu/rt/rt.h"

struct app_setup {
    struct asr_model *model;
    struct asr_tok *tok;
    struct npu_rt *rt;
    struct asr_engine *eng;
    char path[4096]; /* of the model file */
    char name[64];   /* for people: file name without folder, "ggml-" and ".bin" */
    double load_s;   /* wall time of opening */
};

/* Opens everything that a->model, precision, device, columns and threads ask for, and makes the
 * parameters of a->language fit the model.  On failure nothing stays open.
 * -ERR_MODEL, -ERR_NPU, -ERR_MEM, -ERR_USAGE. */
int app_setup_open(struct app_setup *s, const struct args *a, struct err *e);
/* The same, with columns instead of a->columns when columns > 0. */
int app_setup_open_cols(struct app_setup *s, const struct args *a, int columns, struct err *e);
void app_setup_close(struct app_setup *s); /* a zeroed or closed one is fine */

/* Makes parameters fit the model: one with a vocabulary of its own was not trained to take earlier
 * text or a prompt, so it gets neither, and does better when it is not asked for stamps. */
void app_setup_fit(const struct app_setup *s, struct asr_params *p);

/* Name of the next smaller model of the published ones ("base.en"), for who is too slow; NULL: this
 * one is among the smallest. */
const char *app_setup_smaller(const struct app_setup *s);

/* Where a model is: NAME is a path, or a name that is looked for (NAME, NAME.bin, ggml-NAME.bin,
 * dictate-NAME.bin) in the folders of app_model_dir().  NULL: $DICTATE_MODEL or the bundled model.
 * -ERR_MODEL with a sentence that says where it looked. */
int app_model_find(const char *name, char *path, size_t cap, struct err *e);

/* Folder i that is searched, in order: ".", $XDG_DATA_HOME/dictate (or ~/.local/share/dictate),
 * ../share/dictate/models and ../npu/models beside the program, npu/models.  Returns 0 when i is
 * past the last. */
int app_model_dir(int i, char *dir, size_t cap);

/* File name of the bundled model. */
#define APP_BUNDLED "dictate-small.bin"

#endif
