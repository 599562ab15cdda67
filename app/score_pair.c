/* See score_pair.h. */
#include "app/score_pair.h"

#include <stdint.h>
#include <stdlib.h>

#include "npu/asr/word.h"

enum way { SAME, CHANGED, MISSED, ADDED };

int score_pair(const char *const *spoken, size_t n, const struct score_word *heard, size_t m,
               int *pair)
{
    uint8_t *way = malloc((n + 1) * (m + 1));
    uint32_t *cost = malloc(2 * (m + 1) * sizeof *cost);
    if (!way || !cost) {
        free(way);
        free(cost);
        return -1;
    }
    uint32_t *up = cost, *cur = cost + m + 1;
    for (size_t j = 0; j <= m; j++) {
        up[j] = (uint32_t)j;
        way[j] = ADDED;
    }
    for (size_t i = 1; i <= n; i++) {
        uint8_t *w = way + i * (m + 1);
        cur[0] = (uint32_t)i;
        w[0] = MISSED;
        for (size_t j = 1; j <= m; j++) {
            bool same = asr_words_equal(spoken[i - 1], heard[j - 1].text);
            uint32_t best = up[j - 1] + !same;
            w[j] = same ? SAME : CHANGED;
            if (up[j] + 1 < best) {
                best = up[j] + 1;
                w[j] = MISSED;
            }
            if (cur[j - 1] + 1 < best) {
                best = cur[j - 1] + 1;
                w[j] = ADDED;
            }
            cur[j] = best;
        }
        uint32_t *t = up;
        up = cur;
        cur = t;
    }
    size_t j = m;
    for (size_t i = n; i > 0;) {
        enum way w = (enum way)way[i * (m + 1) + j];
        if (w == ADDED) {
            j--;
            continue;
        }
        pair[--i] = w == SAME ? (int)j - 1 : -1;
        j -= w != MISSED;
    }
    free(way);
    free(cost);
    return 0;
}
