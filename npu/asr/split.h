/* Cutting text into the pieces that a tokeniser looks at one by one.  Pure. */
#ifndef ASR_SPLIT_H
#define ASR_SPLIT_H

#include <stddef.h>

/* Length of the first piece of s (n > 0 bytes), at least 1.
 * unicode: GPT-2's pattern over characters, as OpenAI has it; bytes: the same pattern over bytes,
 * where only ASCII counts as letters and digits, as whisper.cpp has it. */
size_t asr_split_unicode(const char *s, size_t n);
size_t asr_split_bytes(const char *s, size_t n);

#endif
