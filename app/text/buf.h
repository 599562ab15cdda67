/* A string that grows.  After a failed allocation it stays as it was and `bad` is set: callers
 * check once at the end. */
#ifndef TEXT_BUF_H
#define TEXT_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_buf {
    char *s; /* zero-terminated when not NULL */
    size_t len, cap;
    bool bad; /* an allocation failed: the content is not complete */
};

void text_buf_free(struct text_buf *b);
void text_buf_clear(struct text_buf *b);
void text_buf_add(struct text_buf *b, const char *s, size_t len);
void text_buf_str(struct text_buf *b, const char *s);
void text_buf_byte(struct text_buf *b, char c);
/* Takes away everything after len bytes. */
void text_buf_cut(struct text_buf *b, size_t len);
void text_buf_swap(struct text_buf *a, struct text_buf *b);

/* One character of UTF-8 at s (len > 0 bytes left): its bytes, 1 and U+FFFD for what is none. */
size_t text_char(const char *s, size_t len, int32_t *cp);

#endif
