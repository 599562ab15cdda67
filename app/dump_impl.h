/* Inside of the dump: what its two files share. */
#ifndef APP_DUMP_IMPL_H
#define APP_DUMP_IMPL_H

#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/engine.h"
#include "npu/asr/model.h"
#include "npu/asr/tok.h"
#include "npu/rt/rt.h"

struct dump {
    const char *dir, *models;
    char base[4096]; /* folder of the table */
    enum asr_precision prec;
    struct npu_rt *rt;

    /* The model last used. */
    char model_path[4096];
    struct asr_model *model;
    struct asr_tok *tok;
    struct asr_engine *eng; /* NULL until a case needs it */

    /* The clip last used, and its mel. */
    char clip_path[4096];
    float *x;
    int64_t n;
    int bands;  /* 0: no mel yet */
    float *mel; /* [n_frames][bands] */
    int n_frames, frames;
};

struct dump_case {
    char id[256], kind[32];
    const char *model, *clip; /* file names as in the table, "-" for none */
    const char *params;       /* "a=1 b=2" */
};

/* Parameters of a case. */
long dump_int(const struct dump_case *c, const char *name, long otherwise);
/* The value as text, cut to size; false when there is none. */
int dump_str(const struct dump_case *c, const char *name, char *out, int size);
/* Numbers between commas; stops at the first ';' or space. Returns the count, at most max, and
 * moves *s behind the ';'. */
int dump_list(const char **s, int32_t *out, int max);

/* Opening what a case needs. */
int dump_model(struct dump *d, const struct dump_case *c, struct err *e);
int dump_engine(struct dump *d, const struct dump_case *c, struct err *e);
int dump_sound(struct dump *d, const struct dump_case *c, struct err *e);
int dump_mel(struct dump *d, const struct dump_case *c, int bands, struct err *e);

/* Writes an array; reads one beside the table (NULL: it is not there; free it). */
int dump_put(struct dump *d, const char *id, const char *array, const char *type, const void *data,
             size_t bytes, struct err *e);
void *dump_ref(const struct dump *d, const char *id, const char *array, const char *type,
               size_t *bytes);

/* Index j of those that "step k" chooses below n: 0, k, 2k .. and n - 1; the count of them. */
int dump_step_count(int n, int k);
int dump_step_at(int n, int k, int j);

/* Kinds without an engine: dump_small.c. */
int dump_blocks(struct dump *d, const struct dump_case *c, struct err *e);
int dump_gelu(struct dump *d, const struct dump_case *c, struct err *e);
int dump_special(struct dump *d, const struct dump_case *c, struct err *e);
int dump_tokenizer(struct dump *d, const struct dump_case *c, struct err *e);
int dump_detokenizer(struct dump *d, const struct dump_case *c, struct err *e);

/* Runs one case; kinds that are not known are passed over. */
int dump_run(struct dump *d, const struct dump_case *c, struct err *e);

#endif
