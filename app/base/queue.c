/* See queue.h. */
#include "app/base/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct node {
    struct node *next;
    void *block;
    size_t size;
};

struct queue {
    pthread_mutex_t lock;
    struct node *head, **tail;
    size_t bytes;
    int fd; /* eventfd: non-zero while head is set */
};

int queue_new(struct queue **out, struct err *e)
{
    struct queue *q = calloc(1, sizeof *q);
    *out = NULL;
    if (!q) {
        return err_set(e, ERR_MEM, "no memory for a queue");
    }
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0) {
        free(q);
        return err_set(e, ERR_FAIL, "no descriptor left for a queue: %s", strerror(errno));
    }
    q->tail = &q->head;
    pthread_mutex_init(&q->lock, NULL);
    *out = q;
    return 0;
}

void queue_free(struct queue *q)
{
    if (!q) {
        return;
    }
    void *b;
    while ((b = queue_pop(q, NULL))) {
        free(b);
    }
    close(q->fd);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void kick(struct queue *q)
{
    uint64_t one = 1;
    ssize_t n = write(q->fd, &one, sizeof one);
    (void)n; /* EAGAIN: it is readable already */
}

int queue_push(struct queue *q, void *block, size_t size)
{
    struct node *n = malloc(sizeof *n);
    if (!n) {
        free(block);
        return -ERR_MEM;
    }
    *n = (struct node){NULL, block, size};
    pthread_mutex_lock(&q->lock);
    int was_empty = !q->head;
    *q->tail = n;
    q->tail = &n->next;
    q->bytes += size;
    if (was_empty) {
        kick(q); /* under the lock: a pop cannot empty the eventfd in between */
    }
    pthread_mutex_unlock(&q->lock);
    return 0;
}

void *queue_pop(struct queue *q, size_t *size)
{
    pthread_mutex_lock(&q->lock);
    struct node *n = q->head;
    void *block = NULL;
    if (n) {
        q->head = n->next;
        if (!q->head) {
            q->tail = &q->head;
        }
        q->bytes -= n->size;
        block = n->block;
        if (size) {
            *size = n->size;
        }
    }
    if (!q->head) {
        uint64_t v;
        ssize_t k = read(q->fd, &v, sizeof v);
        (void)k; /* EAGAIN: it was empty */
    }
    pthread_mutex_unlock(&q->lock);
    free(n);
    return block;
}

void *queue_wait(struct queue *q, size_t *size, int timeout_ms)
{
    void *b = queue_pop(q, size);
    if (!b && timeout_ms) {
        struct pollfd p = {.fd = q->fd, .events = POLLIN};
        poll(&p, 1, timeout_ms);
        b = queue_pop(q, size);
    }
    return b;
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}

size_t queue_bytes(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t n = q->bytes;
    pthread_mutex_unlock(&q->lock);
    return n;
}
