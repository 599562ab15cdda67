/* INT8 rounds a logit by about 1 % of the spread of all logits: often more than the two best tokens
 * lie apart.  So the few best ones are worked out again on the host, from the token table as the file
 * has it and the last LayerNorm's rows in f32.  A dozen rows of a table of fifty thousand: the cost is
 * that of reading the logits once.  Engine thread. */
#include <math.h>
#include <string.h>

#include "npu/asr/net.h"

/* Candidates lie within this share of the spread (largest less smallest) of the best; INT8 errs by
 * less than half of it (measured on the golden models: 0.6 % rms, 3 % at most). */
static const float window = 0.04f;
enum { BEST = 24 };

enum { SIDE = 16 }; /* values worked on side by side */

/* Largest and smallest of n > 0 logits, side by side, so that the compiler may use vectors.  (With
 * any_above(), a row of 51 864 logits is worked out again in 25 us instead of 50.) */
static void extremes(const float *x, int n, float *top, float *low)
{
    float up[SIDE], down[SIDE];
    int i = 0;
    for (int k = 0; k < SIDE; k++) {
        up[k] = down[k] = x[0];
    }
    for (; i + SIDE <= n; i += SIDE) {
        for (int k = 0; k < SIDE; k++) {
            up[k] = x[i + k] > up[k] ? x[i + k] : up[k];
            down[k] = x[i + k] < down[k] ? x[i + k] : down[k];
        }
    }
    *top = *low = x[0];
    for (; i < n; i++) {
        *top = x[i] > *top ? x[i] : *top;
        *low = x[i] < *low ? x[i] : *low;
    }
    for (int k = 0; k < SIDE; k++) {
        *top = up[k] > *top ? up[k] : *top;
        *low = down[k] < *low ? down[k] : *low;
    }
}

/* Is any of SIDE values above `least`? */
static int any_above(const float *x, float least)
{
    int hit = 0;
    for (int k = 0; k < SIDE; k++) {
        hit |= x[k] > least;
    }
    return hit;
}

/* The largest logits above `least`, at most BEST, in falling order; returns how many. */
static int find_best(const float *logit, int n, float least, int32_t *id)
{
    int count = 0;
    for (int t = 0; t < n; t++) {
        while (t % SIDE == 0 && t + SIDE <= n && !any_above(logit + t, least)) {
            t += SIDE;
        }
        if (t == n) {
            break;
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

void net_refine(struct asr_engine *g, int i)
{
    const int n = g->hp.n_vocab, d = g->dec.state;
    float *logit = (float *)net_map(g, g->at.logits) + (size_t)i * net_logit_stride(g);
    const float *x = (const float *)net_map(g, g->at.y) + (size_t)i * (size_t)d;
    int32_t id[BEST];
    float top, low;
    extremes(logit, n, &top, &low);
    const int count = find_best(logit, n, top - window * (top - low), id);
    for (int c = 0; c < count; c++) {
        asr_model_row(g->model, g->embed, (size_t)id[c], g->widened);
        logit[id[c]] = dot(g->widened, x, d);
    }
}
