/* The table that dictate score reads: a header line names the columns `file`, `text` and perhaps
 * `source`; others are ignored. */
#ifndef APP_SCORE_LIST_H
#define APP_SCORE_LIST_H

#include <stddef.h>

#include "app/base/err.h"

struct score_row {
    char *file;   /* path, ready to be opened */
    char *text;   /* reference as it stands */
    char *source; /* "" when the table has no such column */
};

struct score_list {
    struct score_row *row;
    size_t n, cap;
};

/* Reads path.  -ERR_USAGE with a sentence naming the line; nothing stays allocated then. */
int score_list_read(struct score_list *l, const char *path, struct err *e);
void score_list_free(struct score_list *l);

#endif
