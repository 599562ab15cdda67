/* UTF-8: decoding, counting, and making any bytes printable.  Pure functions, any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_BAD = 0xFFFD }; /* stands for bytes that are no character */

/* The character at s (n > 0 bytes there) and how many bytes it takes (1..4).  What is no character
 * (overlong forms, surrogates, above U+10FFFF, cut short) gives UTF8_BAD and the length of the
 * longest part that could have begun one, as Unicode recommends. */
uint32_t utf8_next(const char *s, size_t n, int *len);

/* Bytes 1..4 of a character; the number of bytes.  UTF8_BAD for what is no character. */
int utf8_put(char out[4], uint32_t c);

bool utf8_valid(const char *s, size_t n);

/* Bytes at the end of s that begin a character without finishing it: 0..3. */
size_t utf8_partial(const char *s, size_t n);

/* Copies into out (cap bytes, zero-terminated when cap > 0), bad bytes as U+FFFD, never cutting
 * inside a character.  Returns the bytes written less the zero.  3 n + 1 bytes always suffice. */
size_t utf8_clean(const char *s, size_t n, char *out, size_t cap);

#endif
