/* INT8 rounds a logit by about 1 % of the spread of all logits: often more than the two best tokens
 * lie apart.  So the few best ones are worked out again on the host, from the token table as the file
 * has it and the last LayerNorm's rows in f32.  A dozen rows of a table of fifty thousand; where
 * they can be at all the device has told (NPU_RANGE).  Engine thread. */
#include <math.h>
#include <string.h>

#include "npu/asr/net.h"

/* Candidates lie within this share of the spread (largest less smallest) of the best; INT8 errs by
 * less than half of it (measured on the golden models: 0.6 % rms, 3 % at most). */
static const float window = 0.04f;
enum { BEST = 24 };

/* The largest of n logits above `least`, the first of which is token `first`, into the `count` best found so
 * far: at most BEST, in falling order; returns how many. */
static int find_best(const float *logit, int first, int n, float least, int32_t *id, int count)
{
    for (int t = first; t < first + n; t++) {
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

void net_refine(struct asr_engine *g, int i)
{
    const int n = g->hp.n_vocab, d = g->dec.state;
    float *logit = (float *)net_map(g, g->at.logits) + (size_t)i * net_logit_stride(g);
    const float *x = (const float *)net_map(g, g->at.y) + (size_t)i * (size_t)d;
    const int pieces = (int)net_pieces(g);
    struct k_range *range = (struct k_range *)net_map(g, g->at.range) + (size_t)i * (size_t)pieces;
    int32_t id[BEST];
    float top = range[0].most, low = range[0].least;
    int count = 0;
    for (int p = 1; p < pieces; p++) {
        top = range[p].most > top ? range[p].most : top;
        low = range[p].least < low ? range[p].least : low;
    }
    const float least = top - window * (top - low);
    for (int p = 0; p < pieces; p++) {
        const int first = p * ASR_PIECE, left = n - first;
        if (range[p].most > least) {
            count = find_best(logit, first, left < ASR_PIECE ? left : ASR_PIECE, least, id, count);
        }
    }
    for (int c = 0; c < count; c++) {
        asr_model_row(g->model, g->embed, (size_t)id[c], g->widened);
        logit[id[c]] = dot(g->widened, x, d);
        range[id[c] / ASR_PIECE].sum = NAN; /* its figures are those of before */
    }
}
