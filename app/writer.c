/* See writer.h.  The thread of this file is the only one that writes results. */
#include "app/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/base/file.h"
#include "app/base/log.h"
#include "app/base/queue.h"

enum { SYNC_US = 1000000, RETRY_MS = 1000 };

struct writer {
    struct queue *q; /* blocks of text; a block of size 0 ends the thread */
    pthread_t thread;
    pthread_mutex_t lock; /* guards stat and stop */
    pthread_cond_t moved; /* stat changed */
    struct writer_stat stat;
    bool stop;   /* give up on a disk that refuses */
    bool own_fd; /* close it */
    bool regular;
    int fd;
    int64_t synced_us;
    char *rest; /* what the thread could not write when it was stopped */
    size_t rest_b;
    char name[PATH_MAX]; /* "standard output" or the path */
};

static void report(struct writer *w, size_t wrote, bool failing, int why)
{
    pthread_mutex_lock(&w->lock);
    w->stat.pending_b -= wrote;
    w->stat.written_b += wrote;
    if (failing && !w->stat.failing) {
        err_set(&w->stat.err, ERR_DISK, "%.200s: %s", w->name, strerror(why));
        log_msg(LOG_ERROR, "%s", w->stat.err.text);
    }
    w->stat.failing = failing;
    if (failing && why == EPIPE) {
        w->stat.gone = true;
    }
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

/* Whether to go on trying. */
static bool wanted(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool on = !w->stop && !w->stat.gone;
    pthread_mutex_unlock(&w->lock);
    return on;
}

/* Waits a second, or until writer_close gives up. */
static void wait_retry(struct writer *w)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += RETRY_MS / 1000;
    pthread_mutex_lock(&w->lock);
    if (!w->stop) {
        pthread_cond_timedwait(&w->moved, &w->lock, &t);
    }
    pthread_mutex_unlock(&w->lock);
}

static void sync_now(struct writer *w)
{
    if (w->regular && fdatasync(w->fd) < 0) {
        report(w, 0, true, errno);
        return;
    }
    w->synced_us = clk_us();
    pthread_mutex_lock(&w->lock);
    if (!w->stat.pending_b) {
        w->stat.saved_us = w->synced_us;
    }
    pthread_mutex_unlock(&w->lock);
}

/* Writes a block; false when it was stopped on the way, with the rest kept for rescue. */
static bool write_block(struct writer *w, const char *p, size_t left)
{
    while (left) {
        ssize_t n = write(w->fd, p, left);
        if (n > 0) {
            p += n;
            left -= (size_t)n;
            report(w, (size_t)n, false, 0);
            continue;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) { /* a terminal or pipe that somebody set non-blocking */
            struct pollfd f = {.fd = w->fd, .events = POLLOUT};
            poll(&f, 1, RETRY_MS);
        } else {
            report(w, 0, true, n < 0 ? errno : ENOSPC);
            if (wanted(w)) {
                wait_retry(w);
            }
        }
        if (!wanted(w)) {
            char *all = realloc(w->rest, w->rest_b + left);
            if (all) {
                memcpy(all + w->rest_b, p, left);
                w->rest = all;
                w->rest_b += left;
            }
            return false;
        }
    }
    return true;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    bool dirty = false;
    for (;;) {
        size_t size;
        char *block = queue_wait(w->q, &size, dirty ? SYNC_US / 1000 : -1);
        if (!block) {
            if (dirty) {
                sync_now(w);
                dirty = false;
            }
            continue;
        }
        if (!size) {
            free(block);
            break;
        }
        write_block(w, block, size);
        free(block);
        dirty = true;
        if (clk_us() - w->synced_us > SYNC_US) {
            sync_now(w);
            dirty = false;
        }
    }
    if (dirty && wanted(w)) {
        sync_now(w);
    }
    return NULL;
}

static int open_out(struct writer *w, const char *path, bool append, struct err *e)
{
    struct stat st;
    if (!path || !strcmp(path, "-")) {
        w->fd = STDOUT_FILENO;
        snprintf(w->name, sizeof w->name, "standard output");
    } else {
        w->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
        if (w->fd < 0) {
            return err_set(e, ERR_DISK, "%s: cannot be written: %s", path, strerror(errno));
        }
        w->own_fd = true;
        snprintf(w->name, sizeof w->name, "%s", path);
    }
    w->regular = !fstat(w->fd, &st) && S_ISREG(st.st_mode) && w->own_fd;
    return 0;
}

int writer_open(struct writer **out, const char *path, bool append, struct err *e)
{
    *out = NULL;
    struct writer *w = calloc(1, sizeof *w);
    if (!w) {
        return err_set(e, ERR_MEM, "no memory for the output");
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->moved, NULL);
    int rc = open_out(w, path, append, e);
    if (rc) {
        goto bad;
    }
    rc = queue_new(&w->q, e);
    if (rc) {
        goto bad;
    }
    if (pthread_create(&w->thread, NULL, writer_main, w)) {
        rc = err_set(e, ERR_FAIL, "the output thread cannot be started");
        goto bad;
    }
    *out = w;
    return 0;
bad:
    if (w->own_fd) {
        close(w->fd);
    }
    queue_free(w->q);
    free(w);
    return rc;
}

void writer_put(void *arg, const char *text, size_t len)
{
    struct writer *w = arg;
    char *copy = len ? malloc(len) : NULL;
    if (!copy) {
        return;
    }
    memcpy(copy, text, len);
    pthread_mutex_lock(&w->lock);
    w->stat.pending_b += len;
    pthread_mutex_unlock(&w->lock);
    if (queue_push(w->q, copy, len)) {
        report(w, 0, true, ENOMEM);
    }
}

void writer_stat(struct writer *w, struct writer_stat *st)
{
    pthread_mutex_lock(&w->lock);
    *st = w->stat;
    pthread_mutex_unlock(&w->lock);
}

bool writer_flush(struct writer *w, int timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&w->lock);
    while (w->stat.pending_b && !w->stat.gone) {
        if (pthread_cond_timedwait(&w->moved, &w->lock, &t)) {
            break;
        }
    }
    bool all = !w->stat.pending_b;
    pthread_mutex_unlock(&w->lock);
    return all;
}

/* Saves what could not be written somewhere else, and says where. */
static int rescue(struct writer *w, struct err *e)
{
    const char *x = getenv("XDG_STATE_HOME"), *h = getenv("HOME");
    char dir[PATH_MAX / 2], path[PATH_MAX];
    struct err why = w->stat.err;
    for (int i = 0; i < 2; i++) {
        if (i) {
            snprintf(dir, sizeof dir, "/tmp");
        } else if (x && *x) {
            snprintf(dir, sizeof dir, "%s/dictate", x);
        } else if (h && *h) {
            snprintf(dir, sizeof dir, "%s/.local/state/dictate", h);
        } else {
            continue;
        }
        snprintf(path, sizeof path, "%s/unsaved-%ld.txt", dir, (long)getpid());
        if (!file_mkdirs(dir, NULL) && !file_save(path, w->rest, w->rest_b, NULL)) {
            return err_set(e, ERR_DISK, "%.150s; the rest of the text is in %.120s", why.text,
                           path);
        }
    }
    return err_set(e, ERR_DISK, "%.150s; %zu bytes of text are lost", why.text, w->rest_b);
}

int writer_close(struct writer *w, int timeout_ms, struct err *e)
{
    int rc = 0;
    if (!w) {
        return 0;
    }
    writer_flush(w, timeout_ms);
    pthread_mutex_lock(&w->lock);
    w->stop = w->stat.pending_b > 0;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    char *end = malloc(1);
    if (!end || queue_push(w->q, end, 0)) {
        return err_set(e, ERR_MEM, "no memory to end the output");
    }
    pthread_join(w->thread, NULL);
    if (w->rest_b && !w->stat.gone) {
        rc = rescue(w, e);
    } else if (w->stat.failing && !w->stat.gone) {
        rc = err_set(e, ERR_DISK, "%s", w->stat.err.text); /* fdatasync failed */
    }
    if (w->own_fd && close(w->fd) < 0 && !rc) {
        rc = err_set(e, ERR_DISK, "%s: %s", w->name, strerror(errno));
    }
    queue_free(w->q);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    free(w->rest);
    free(w);
    return rc;
}
