/* Where the decoder listens: cross-attention rows of the alignment heads become one frame per token
 * (dictation.md 3.3, 4.8).  Belongs to the thread that owns the engine. */
#ifndef ASR_ALIGN_H
#define ASR_ALIGN_H

#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/engine.h"

struct asr_align;

/* Memory for max_rows tokens at n_audio_ctx frames; selects the heads in the engine. */
int asr_align_new(struct asr_align **a, struct asr_engine *eng, const struct asr_model *model,
                  int max_rows, struct err *e);
void asr_align_free(struct asr_align *a);

/* Forgets all rows; the next ones have ctx frames. */
void asr_align_begin(struct asr_align *a, int ctx);
/* Takes row `row` of the engine's last pass: that of the query which predicts the next token. */
void asr_align_take(struct asr_align *a, const struct asr_engine *eng, int row);
int asr_align_rows(const struct asr_align *a);
/* Forgets rows from n on. */
void asr_align_cut(struct asr_align *a, int n);

/* Frame (20 ms) of every row so far, below content, never going back: the path with the largest sum
 * of normalised, smoothed attention.  out [rows]; trust [rows] (may be NULL): attention there, in
 * standard deviations over the rows. */
void asr_align_path(struct asr_align *a, int content, int16_t *out, float *trust);

/* Median of seven, each value in its place, edges mirrored; x and out do not overlap.  Pure. */
void asr_median7(const float *restrict x, int n, float *restrict out);
/* Path through s [rows][stride]: frames below n that never decrease, largest sum; from [rows][n] is
 * scratch, score [n] too.  Pure. */
void asr_monotone(const float *s, int rows, int stride, int n, int16_t *from, float *score,
                  int16_t *out);

#endif
