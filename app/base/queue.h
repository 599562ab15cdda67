/* Messages between threads that must not be lost: unbounded, in order, a descriptor for poll().
 *
 * Any number of producers, one consumer.  A short mutex: never used by the capture thread, whose
 * samples go through audio/ring.c.  The descriptor becomes readable when the queue goes from empty
 * to non-empty and is read empty with the last message, so a burst costs two system calls. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/base/err.h"

struct queue;

int queue_new(struct queue **q, struct err *e);
void queue_free(struct queue *q); /* with the messages inside; NULL is fine */

/* Takes over a malloc'd block of size bytes (freed when it fails: -ERR_MEM). */
int queue_push(struct queue *q, void *block, size_t size);
/* The oldest block (free it), or NULL at once when there is none. */
void *queue_pop(struct queue *q, size_t *size);
/* The same, waiting up to timeout_ms (negative: for ever). */
void *queue_wait(struct queue *q, size_t *size, int timeout_ms);

int queue_fd(const struct queue *q);
size_t queue_bytes(struct queue *q); /* waiting, without bookkeeping */

#endif
