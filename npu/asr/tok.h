/* Tokens: text to ids and back, special tokens, languages (dictation.md 4.2). Immutable after new.
 */
#ifndef ASR_TOK_H
#define ASR_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"
#include "npu/asr/model.h"

enum { ASR_MAX_LANG = 100 };

struct asr_special {
    int32_t eot, sot, translate, transcribe, solm, prev, nosp, not_, beg; /* beg: <|0.00|> */
    int32_t n_lang;
    int32_t lang[ASR_MAX_LANG];
    bool multilingual; /* the prompt carries language and task */
};

struct asr_tok;

/* The special tokens of the vocabularies of 51864, 51865 and 51866 words; -ERR_MODEL for others. */
int asr_special_by_size(int n_vocab, struct asr_special *s);

/* Special tokens by the size of the vocabulary (51864, 51865, 51866) or, for other sizes, by their
 * names in the vocabulary ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>",
 * "<|0.00|>" ...; missing optional ones are -1).  The model must outlive the tokeniser. */
int asr_tok_new(struct asr_tok **t, const struct asr_model *m, struct err *e);
void asr_tok_free(struct asr_tok *t);

const struct asr_special *asr_tok_special(const struct asr_tok *t);
int asr_tok_vocab(const struct asr_tok *t);
const struct asr_model *asr_tok_model(const struct asr_tok *t);
/* One of OpenAI's vocabularies (51864, 51865, 51866 words)? */
bool asr_tok_is_openai(const struct asr_tok *t);

/* Bytes of a token (not always UTF-8, not zero-terminated, without zero bytes); specials have their
 * names, with *len 0 for ids out of range. */
const char *asr_tok_bytes(const struct asr_tok *t, int32_t id, size_t *len);

/* Text to ids.  bpe: byte-pair merges in id order after GPT-2's pre-split (what OpenAI does);
 * greedy: words by whisper.cpp's byte pattern, longest match (what whisper.cpp does).
 * Returns the count, or -1 when more than max are needed. */
int asr_tok_bpe(const struct asr_tok *t, const char *text, size_t len, int32_t *ids, int max);
int asr_tok_greedy(const struct asr_tok *t, const char *text, size_t len, int32_t *ids, int max);

/* Language code ("en") or English name ("english") to its index in the language list, -1 unknown.
 */
int asr_lang_index(const char *code_or_name);
const char *asr_lang_code(int index); /* NULL out of range */
const char *asr_lang_name(int index);

#endif
