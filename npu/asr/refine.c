/* Weights of 4 bits put a logit off by about 1 % of the spread of all logits: often more than the two best tokens
 * lie apart.  So the few best ones are worked out again on the host, from the token table as the file
 * has it and the last LayerNorm's rows in f32.  One to a dozen rows of a table of fifty thousand; where
 * they can be at all the device has told (NPU_RANGE).  Where rules ban the best, who applies them asks again.
 * Engine thread. */
#include <math.h>
#include <string.h>

#include "npu/asr/most.h"
#include "npu/asr/net.h"

/* Candidates lie within this share of the spread (largest less smallest) of the best (measured on the bundled model's
 * evaluation list: 1.1 % rms, 5 % at most; 0.02 to 0.1 choose the same words). */
static const float window = 0.06f;
enum { BEST = 24 };

/* The largest of n logits above `least`, the first of which is token `first`, into the `count` best found so
 * far: at most BEST, in falling order; returns how many. */
static int find_best(const float *logit, int first, int n, float least, int32_t *id, int count)
{
    for (int t = first; t < first + n; t++) {
        if (t % ASR_BLOCK == 0 && first + n - t >= ASR_BLOCK && asr_most(logit + t) <= least) {
            t += ASR_BLOCK - 1;
            continue;
        }
        if (!(logit[t] > least) || (count == BEST && !(logit[t] > logit[id[BEST - 1]]))) {
            continue;
        }
        int at = count < BEST ? count++ : BEST - 1;
        while (at > 0 && logit[id[at - 1]] < logit[t]) {
            id[at] = id[at - 1];
            at--;
        }
        id[at] = t;
    }
    return count;
}

/* Eight sums side by side, always in the same order. */
static float dot(const float *a, const float *b, int n)
{
    float s[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int k = 0; k < 8; k++) {
            s[k] += a[i + k] * b[i + k];
        }
    }
    for (; i < n; i++) {
        s[0] += a[i] * b[i];
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static float exact(struct asr_engine *g, int i, int32_t id)
{
    const int d = g->dec.state;
    asr_model_row(g->model, g->embed, (size_t)id, g->widened);
    return dot(g->widened, (const float *)net_map(g, g->at.y) + (size_t)i * (size_t)d, d);
}

static struct k_range *range_of(const struct asr_engine *g, int i)
{
    return (struct k_range *)net_map(g, g->at.range) + (size_t)i * net_pieces(g);
}

/* What the device found in a row: its largest logit, and how far others may be below one that they are above. */
static float find_top(const struct asr_engine *g, const struct k_range *range, float *doubt)
{
    const size_t pieces = net_pieces(g);
    float top = range[0].most, low = range[0].least;
    for (size_t p = 1; p < pieces; p++) {
        top = range[p].most > top ? range[p].most : top;
        low = range[p].least < low ? range[p].least : low;
    }
    *doubt = window * (top - low);
    return top;
}

void net_refine(struct asr_engine *g, int i)
{
    float *logit = (float *)net_map(g, g->at.logits) + (size_t)i * net_logit_stride(g);
    struct k_range *range = range_of(g, i);
    int32_t id[BEST];
    float doubt;
    const float top = find_top(g, range, &doubt), least = top - doubt;
    int count = 0;
    for (int p = 0; p < (int)net_pieces(g); p++) {
        const int first = p * ASR_PIECE, left = g->hp.n_vocab - first;
        if (range[p].most > least) {
            count = find_best(logit, first, left < ASR_PIECE ? left : ASR_PIECE, least, id, count);
        }
    }
    for (int c = 0; c < count; c++) {
        logit[id[c]] = exact(g, i, id[c]);
        range[id[c] / ASR_PIECE].sum = NAN; /* its figures are those of before */
    }
}

struct asr_row asr_row(struct asr_engine *g, int i)
{
    struct asr_row row = {.logits = asr_logits(g, i)};
    if (row.logits) {
        row.piece = range_of(g, i);
    }
    if (row.logits && g->fold) {
        row.known = find_top(g, row.piece, &row.doubt) - row.doubt;
        row.eng = g;
        row.i = i;
    }
    return row;
}

float asr_row_exact(struct asr_row row, int32_t id)
{
    return row.eng ? exact(row.eng, row.i, id) : row.logits[id];
}

void asr_row_refine(struct asr_row row, float *logit, int32_t from, int32_t to)
{
    int32_t id[BEST];
    float top = -INFINITY;
    for (int32_t t = from; t < to; t++) {
        top = logit[t] > top ? logit[t] : top;
    }
    const int count = row.eng ? find_best(logit, from, to - from, top - row.doubt, id, 0) : 0;
    for (int c = 0; c < count; c++) {
        logit[id[c]] = exact(row.eng, row.i, id[c]);
    }
}
