/* Word and character error counts between two normalised texts. */
#ifndef TEXT_WER_H
#define TEXT_WER_H

#include <stddef.h>

struct text_errors {
    size_t sub, ins, del; /* of a shortest way from the reference to the hypothesis */
    size_t n;             /* words or characters of the reference */
};

/* Words are what single spaces part.  0, or -1 when there is no memory. */
int text_wer(const char *ref, const char *hyp, struct text_errors *e);
/* Characters are Unicode code points, the spaces between words included. */
int text_cer(const char *ref, const char *hyp, struct text_errors *e);

/* Sums; errors = sub + ins + del; the rate is NAN when the reference is empty. */
void text_errors_add(struct text_errors *sum, const struct text_errors *e);
size_t text_errors_count(const struct text_errors *e);
double text_errors_rate(const struct text_errors *e);

#endif
