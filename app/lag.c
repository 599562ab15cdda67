/* See lag.h. */
#include "app/lag.h"

#include <math.h>
#include <string.h>

void lag_init(struct lag *l)
{
    memset(l, 0, sizeof *l);
    l->first_s = (double)NAN;
}

static void begin(struct lag *l, uint32_t utt)
{
    l->utt = utt;
    l->open = true;
    l->n = l->n_settled = 0;
    l->first_s = (double)NAN;
}

/* Words of the new text that stand where they stood. */
static int common(const struct lag *l, const struct asr_word *word, int n)
{
    int i = 0;
    while (i < n && i < l->n && !strcmp(word[i].text, l->word[i].text)) {
        i++;
    }
    return i;
}

void lag_utt(struct lag *l, uint32_t utt, const struct asr_word *word, int n, int n_settled,
             bool final, double at_s)
{
    if (!l->open || utt != l->utt) {
        begin(l, utt);
    }
    n = n < LAG_WORDS ? n : LAG_WORDS;
    int same = common(l, word, n);
    l->taken_back += (uint64_t)(l->n - same);
    l->retractions += same < l->n_settled ? (uint64_t)(l->n_settled - same) : 0;
    for (int i = same; i < n; i++) {
        memcpy(l->word[i].text, word[i].text, ASR_WORD_BYTES);
        l->word[i].shown = at_s;
        l->word[i].settled = (double)NAN;
    }
    l->n = n;
    int settled = final ? n : n_settled < n ? n_settled : n;
    for (int i = same < l->n_settled ? same : l->n_settled; i < settled; i++) {
        l->word[i].settled = at_s;
    }
    l->n_settled = settled;
    if (n > 0 && isnan(l->first_s)) {
        l->first_s = at_s;
    }
    if (final) {
        l->words += (uint64_t)n;
        l->open = false;
    }
}

double lag_erasure(const struct lag *l)
{
    return l->words ? (double)l->taken_back / (double)l->words : (double)NAN;
}
