/* Words out of tokens: text and times as the formats want them.  Main or engine thread. */
#ifndef APP_WORDS_H
#define APP_WORDS_H

#include "app/out.h"
#include "npu/asr/tok.h"
#include "npu/asr/transcribe.h"

struct words {
    struct out_word *word; /* texts point into pool */
    int n;
    char *pool;
};

/* Joins the tokens of a segment into words (a token that begins with a space begins a word); times
 * are shifted by t_s seconds, NAN where the model gave none.  -ERR_MEM. */
int words_make(struct words *w, const struct asr_tok *tok, const struct asr_segment *s, double t_s);
void words_free(struct words *w);

/* Words of a line of text: runs between spaces. */
int words_count(const char *text);

#endif
