/* A growing line of text, and JSON into it.
 *
 * Always valid UTF-8; NaN and infinity become null; keys and commas are kept in order by a small
 * stack that asserts nesting.  One memory failure makes every later call do nothing: look at
 * jsonw_ok() once at the end.  Owned by one thread. */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSONW_DEPTH = 16 };

struct jsonw {
    char *buf; /* zero-terminated; NULL before the first byte */
    size_t len, cap;
    int depth;
    bool failed;
    uint8_t open[JSONW_DEPTH];  /* '{' or '[' */
    uint8_t count[JSONW_DEPTH]; /* 0: nothing yet, 1: a comma is due */
};

void jsonw_init(struct jsonw *w);
void jsonw_reset(struct jsonw *w); /* empty again, keeps its memory */
void jsonw_free(struct jsonw *w);
bool jsonw_ok(const struct jsonw *w);

/* Raw text, for lines that are not JSON. */
void jsonw_raw(struct jsonw *w, const char *s, size_t n);
void jsonw_text(struct jsonw *w, const char *s);
void jsonw_fmt(struct jsonw *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Values.  key is NULL inside arrays and at the top. */
void jsonw_obj(struct jsonw *w, const char *key);
void jsonw_obj_end(struct jsonw *w);
void jsonw_arr(struct jsonw *w, const char *key);
void jsonw_arr_end(struct jsonw *w);
void jsonw_str(struct jsonw *w, const char *key, const char *s); /* NULL: null */
void jsonw_strn(struct jsonw *w, const char *key, const char *s, size_t n);
void jsonw_int(struct jsonw *w, const char *key, int64_t v);
/* decimals: digits after the point at most; trailing zeros are dropped. */
void jsonw_num(struct jsonw *w, const char *key, double v, int decimals);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_null(struct jsonw *w, const char *key);

#endif
