/* Token times from cross-attention.  Owned by the engine thread; allocates only in asr_align_new.
 *
 * The statistic of a row: attention of each head, normalised over the rows so far (what every token
 * looks at says nothing), smoothed by a median of seven frames, averaged over the heads. */
#include "npu/asr/align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADS = 16 }; /* 16 x 224 x 1500 floats are 21 MB; more heads add little */

struct asr_align {
    int n_head, max_rows, max_ctx;
    int ctx, rows;
    float *prob;   /* [n_head][max_rows][ctx] */
    float *stat;   /* [max_rows][ctx] */
    float *work;   /* 4 x [max_ctx] */
    int16_t *from; /* [max_rows][ctx] */
};

int asr_align_new(struct asr_align **out, struct asr_engine *eng, const struct asr_model *model,
                  int max_rows, struct err *e)
{
    uint8_t heads[MAX_HEADS][2];
    struct asr_align *a = calloc(1, sizeof *a);
    *out = NULL;
    if (a) {
        a->max_rows = max_rows;
        a->max_ctx = asr_engine_hp(eng)->n_audio_ctx;
        a->n_head = asr_model_align_heads(model, heads, MAX_HEADS);
        size_t plane = (size_t)max_rows * (size_t)a->max_ctx;
        a->prob = malloc(plane * (size_t)a->n_head * sizeof *a->prob + 1);
        a->stat = malloc(plane * sizeof *a->stat);
        a->work = malloc(4 * (size_t)a->max_ctx * sizeof *a->work);
        a->from = malloc(plane * sizeof *a->from);
    }
    if (!a || !a->prob || !a->stat || !a->work || !a->from) {
        asr_align_free(a);
        return err_set(e, ERR_MEM, "no memory for the attention of %d tokens", max_rows);
    }
    int rc = asr_xattn_select(eng, (const uint8_t(*)[2])heads, a->n_head, e);
    if (rc < 0) {
        asr_align_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void asr_align_free(struct asr_align *a)
{
    if (a) {
        free(a->prob);
        free(a->stat);
        free(a->work);
        free(a->from);
        free(a);
    }
}

void asr_align_begin(struct asr_align *a, int ctx)
{
    a->ctx = ctx;
    a->rows = 0;
}

static float *plane(const struct asr_align *a, int head)
{
    return a->prob + (size_t)head * (size_t)a->max_rows * (size_t)a->ctx;
}

void asr_align_take(struct asr_align *a, const struct asr_engine *eng, int row)
{
    if (a->rows < a->max_rows) {
        for (int h = 0; h < a->n_head; h++) {
            memcpy(plane(a, h) + (size_t)a->rows * (size_t)a->ctx, asr_xattn(eng, row, h),
                   (size_t)a->ctx * sizeof *a->prob);
        }
        a->rows++;
    }
}

int asr_align_rows(const struct asr_align *a)
{
    return a->rows;
}

void asr_align_cut(struct asr_align *a, int n)
{
    if (n < a->rows) {
        a->rows = n;
    }
}

static inline void sort2(float *a, float *b)
{
    float lo = *a < *b ? *a : *b;
    *b = *a < *b ? *b : *a;
    *a = lo;
}

static inline float median_of_7(float v[7])
{
    /* Enough of a sorting network that the fourth is in its place. */
    sort2(&v[0], &v[5]);
    sort2(&v[0], &v[3]);
    sort2(&v[1], &v[6]);
    sort2(&v[2], &v[4]);
    sort2(&v[0], &v[1]);
    sort2(&v[3], &v[5]);
    sort2(&v[2], &v[6]);
    sort2(&v[2], &v[3]);
    sort2(&v[3], &v[6]);
    sort2(&v[4], &v[5]);
    sort2(&v[1], &v[4]);
    sort2(&v[1], &v[3]);
    sort2(&v[3], &v[4]);
    return v[3];
}

void asr_median7(const float *restrict x, int n, float *restrict out)
{
    for (int i = 3; i < n - 3; i++) { /* no branches: the compiler takes several at a time */
        float v[7] = {x[i - 3], x[i - 2], x[i - 1], x[i], x[i + 1], x[i + 2], x[i + 3]};
        out[i] = median_of_7(v);
    }
    for (int i = 0; i < n; i++) { /* the ends see themselves in a mirror */
        float v[7];
        if (i >= 3 && i < n - 3) {
            i = n - 3;
        }
        for (int j = 0; j < 7; j++) {
            int k = i + j - 3;
            k = k < 0 ? -k : k;
            k = k >= n ? 2 * (n - 1) - k : k;
            v[j] = x[k < 0 ? 0 : k >= n ? n - 1 : k];
        }
        out[i] = median_of_7(v);
    }
}

/* The statistic of all rows, frames below content; the rest is not touched. */
static void work_out(struct asr_align *a, int content)
{
    float *mean = a->work, *gain = mean + a->max_ctx, *z = gain + a->max_ctx;
    float *smooth = z + a->max_ctx;
    size_t ctx = (size_t)a->ctx;
    for (int r = 0; r < a->rows; r++) {
        memset(a->stat + (size_t)r * ctx, 0, (size_t)content * sizeof *a->stat);
    }
    for (int h = 0; h < a->n_head; h++) {
        const float *p = plane(a, h);
        memset(mean, 0, 2 * (size_t)a->max_ctx * sizeof *mean);
        for (int r = 0; r < a->rows; r++) {
            for (int f = 0; f < content; f++) {
                float v = p[(size_t)r * ctx + (size_t)f];
                mean[f] += v;
                gain[f] += v * v;
            }
        }
        for (int f = 0; f < content; f++) {
            mean[f] /= (float)a->rows;
            float var = gain[f] / (float)a->rows - mean[f] * mean[f];
            gain[f] = 1.0f / sqrtf((var > 0 ? var : 0) + 1e-12f);
        }
        for (int r = 0; r < a->rows; r++) {
            float *s = a->stat + (size_t)r * ctx;
            for (int f = 0; f < content; f++) {
                z[f] = a->rows > 1 ? (p[(size_t)r * ctx + (size_t)f] - mean[f]) * gain[f]
                                   : p[(size_t)r * ctx + (size_t)f];
            }
            asr_median7(z, content, smooth);
            for (int f = 0; f < content; f++) {
                s[f] += smooth[f] / (float)a->n_head;
            }
        }
    }
}

void asr_monotone(const float *s, int rows, int stride, int n, int16_t *from, float *score,
                  int16_t *out)
{
    memset(score, 0, (size_t)n * sizeof *score);
    for (int r = 0; r < rows; r++) {
        const float *v = s + (size_t)r * (size_t)stride;
        int16_t best = 0;
        float top = score[0];
        for (int f = 0; f < n; f++) {
            if (score[f] > top) {
                top = score[f];
                best = (int16_t)f;
            }
            from[(size_t)r * (size_t)n + (size_t)f] = best;
            score[f] = top + v[f];
        }
    }
    int at = 0;
    for (int f = 1; f < n; f++) {
        at = score[f] > score[at] ? f : at;
    }
    for (int r = rows - 1; r >= 0; r--) {
        out[r] = (int16_t)at;
        at = from[(size_t)r * (size_t)n + (size_t)at];
    }
}

static int clip(const struct asr_align *a, int content)
{
    content = content < a->ctx ? content : a->ctx;
    return content > 1 ? content : 1;
}

void asr_align_path(struct asr_align *a, int content, int16_t *out, float *trust)
{
    content = clip(a, content);
    if (a->rows == 0) {
        return;
    }
    work_out(a, content);
    asr_monotone(a->stat, a->rows, a->ctx, content, a->from, a->work, out);
    for (int r = 0; trust && r < a->rows; r++) {
        trust[r] = a->stat[(size_t)r * (size_t)a->ctx + (size_t)out[r]];
    }
}
