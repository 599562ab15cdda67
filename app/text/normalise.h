/* Whisper's English normalisation: what two texts must go through before their words are compared.
 *
 * Lower case; bracketed text and fillers (hmm, mm, mhm, mmm, uh, um) dropped; contractions and
 * titles spelt out; symbols and diacritics removed; number words to digits ("twenty one" is 21,
 * "two hundred dollars" is $200); British spellings to American ones.  It does what the normaliser
 * published with Whisper does, oddities included ("ninth" stays, "1" becomes "one"), so that word
 * error rates can be compared with published ones.  Its table of spellings is our own and shorter.
 */
#ifndef TEXT_NORMALISE_H
#define TEXT_NORMALISE_H

#include <stddef.h>

#include "app/text/buf.h"

/* UTF-8 in (anything else is taken as a symbol); words joined by single spaces out, in a string to
 * be freed, or NULL when there is no memory. */
char *text_normalise(const char *utf8, size_t len);

/* The steps that live in files of their own: words of b are rewritten through tmp (scratch). */
void text_numbers(struct text_buf *b, struct text_buf *tmp);  /* numbers.c */
void text_spelling(struct text_buf *b, struct text_buf *tmp); /* spelling.c */

#endif
