/* Settling words.  Pure, any thread. */
#include "npu/asr/settle.h"

#include "npu/asr/word.h"

/* Below this the attention of the heads is no evidence: a model without alignment gives 0 on the
 * average, a good one 2 and more. */
static const float TRUST = 0.8f;
/* Probability from which a word is shown at once; when two passes say it; when it is the first of
 * all. */
static const float SHOW = 0.5f, SHOW_AGAIN = 0.3f, SHOW_FIRST = 0.3f;
enum {
    SHOW_BEFORE = 8
}; /* frames (20 ms) before the end of the sound: what is cut there changes */

bool asr_aligned(const struct asr_guess *w, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++) {
        sum += w[i].trust;
    }
    return n > 0 && sum >= TRUST * (float)n;
}

/* The decoder looked well before the end of the sound for it and for what follows. */
static bool inside(const struct asr_guess *w, int content, int thr)
{
    return w->next >= 0 && w->frame < content - thr && w->next < content - thr;
}

static bool agreed(const struct asr_guess *now, const struct asr_guess *prev, int n_prev, int i)
{
    if (i >= n_prev || !asr_words_equal(now[i].text, prev[i].text)) {
        return false;
    }
    return i == 0 || asr_words_equal(now[i - 1].text, prev[i - 1].text);
}

int asr_settle(const struct asr_guess *now, int n, const struct asr_guess *prev, int n_prev,
               int content, int thr, enum asr_settle_by by)
{
    bool see = asr_aligned(now, n);
    int i = 0;
    /* The last word may be the beginning of a longer one. */
    for (; i + 1 < n; i++) {
        bool a = inside(&now[i], content, thr), b = agreed(now, prev, n_prev, i);
        bool sure = a && see && now[i].trust >= TRUST; /* enough by itself */
        bool good = by == ASR_SETTLE_AGREE   ? b
                    : by == ASR_SETTLE_ALIGN ? sure
                    : by == ASR_SETTLE_BOTH  ? b && (a || !see)
                                             : b || sure;
        if (!good) {
            break;
        }
    }
    return i;
}

int asr_show(const struct asr_guess *now, int n, const struct asr_guess *prev, int n_prev,
             int settled, int content, bool first)
{
    int edge = asr_aligned(now, n) ? content - SHOW_BEFORE : content;
    int i = settled;
    for (; i < n; i++) {
        const struct asr_guess *w = &now[i];
        bool again = agreed(now, prev, n_prev, i) && w->p >= SHOW_AGAIN;
        bool likely = w->p >= SHOW && w->frame < edge;
        if (!again && !likely && !(first && i == 0 && w->p >= SHOW_FIRST)) {
            break;
        }
    }
    return i;
}
