/* The largest of a block of logits, in steps that a compiler makes wide: what is below it need not be looked at one by
 * one.  Pure. */
#ifndef ASR_MOST_H
#define ASR_MOST_H

enum { ASR_BLOCK = 256 };

/* Of ASR_BLOCK numbers; where one is NaN this may be too. */
static inline float asr_most(const float *l)
{
    float m[ASR_BLOCK / 2];
    for (int k = 0; k < ASR_BLOCK / 2; k++) {
        m[k] = l[k] > l[k + ASR_BLOCK / 2] ? l[k] : l[k + ASR_BLOCK / 2];
    }
    for (int half = ASR_BLOCK / 4; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            m[k] = m[k] > m[k + half] ? m[k] : m[k + half];
        }
    }
    return m[0];
}

#endif
