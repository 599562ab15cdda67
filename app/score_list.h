/* The table that dictate score reads: a header line names the columns `file`, `text` and perhaps
 * `source`, `word_ends` and `word_starts`; others are ignored.  The last two hold a time for each
 * word of the text, seconds in the file parted by spaces, "-" where it is not known. */
#ifndef APP_SCORE_LIST_H
#define APP_SCORE_LIST_H

#include <stddef.h>

#include "app/base/err.h"

struct score_row {
    char *file;   /* path, ready to be opened */
    char *text;   /* reference as it stands */
    char *source; /* "" when the table has no such column */
    double *end;  /* of each word of the text, seconds, NAN: not known; NULL: no such column */
    double *start;
    char **word; /* of the text, n_word of them, in one block with their bytes */
    size_t n_word;
};

struct score_list {
    struct score_row *row;
    size_t n, cap;
};

/* Reads path.  -ERR_USAGE with a sentence naming the line; nothing stays allocated then. */
int score_list_read(struct score_list *l, const char *path, struct err *e);
void score_list_free(struct score_list *l);

#endif
