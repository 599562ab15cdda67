/* Settling words.  Pure, any thread. */
#include "npu/asr/settle.h"

#include "npu/asr/word.h"

/* Below this the attention of the heads is no evidence: a model without alignment gives 0 on the
 * average, a good one 2 and more. */
static const float TRUST = 0.8f;

static bool aligned(const struct asr_guess *w, int content, int thr)
{
    return w->next >= 0 && w->trust >= TRUST && w->frame < content - thr && w->next < content - thr;
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
    int i = 0;
    /* The last word may be the beginning of a longer one. */
    for (; i + 1 < n; i++) {
        bool a = aligned(&now[i], content, thr), b = agreed(now, prev, n_prev, i);
        bool good = by == ASR_SETTLE_AGREE   ? b
                    : by == ASR_SETTLE_ALIGN ? a
                    : by == ASR_SETTLE_BOTH  ? a && b
                                             : a || b;
        if (!good) {
            break;
        }
    }
    return i;
}
