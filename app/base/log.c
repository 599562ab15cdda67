/* See log.h.  Any thread but capture; blocks for the time of a write. */
#include "app/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int fd, file_level, term_level; /* levels above are left out; -1: nothing */
    int screen;
} lg = {PTHREAD_MUTEX_INITIALIZER, -1, -1, -1, 0};

int log_open(const char *path, int verbose, struct err *e)
{
    int fd = -1;
    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            return err_set(e, ERR_DISK, "%s: the log cannot be written: %s", path, strerror(errno));
        }
    }
    log_close();
    pthread_mutex_lock(&lg.lock);
    lg.fd = fd;
    lg.file_level = verbose > 1 ? LOG_DEBUG : LOG_INFO;
    lg.term_level = verbose > 1 ? LOG_DEBUG : verbose == 1 ? LOG_INFO : -1;
    pthread_mutex_unlock(&lg.lock);
    return 0;
}

void log_close(void)
{
    pthread_mutex_lock(&lg.lock);
    if (lg.fd >= 0) {
        close(lg.fd);
    }
    lg.fd = -1;
    lg.term_level = -1;
    pthread_mutex_unlock(&lg.lock);
}

void log_screen(int on)
{
    pthread_mutex_lock(&lg.lock);
    lg.screen = on;
    pthread_mutex_unlock(&lg.lock);
}

static size_t escape(char *out, size_t cap, const char *s)
{
    size_t n = 0;
    for (; *s && n + 5 < cap; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 32 || c == 127) {
            n += (size_t)snprintf(out + n, cap - n, "\\x%02x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n++] = '\n';
    return n;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    static const char word[] = "EWID";
    char text[512], line[1100];
    struct timespec now;
    struct tm tm;
    va_list ap;
    int saved = errno;

    pthread_mutex_lock(&lg.lock);
    int to_file = lg.fd >= 0 && (int)level <= lg.file_level;
    int to_term = !lg.screen && (int)level <= lg.term_level;
    if (to_file || to_term) {
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &tm);
        size_t n = strftime(line, sizeof line, "%F %T", &tm);
        n += (size_t)snprintf(line + n, sizeof line - n, ".%03ld %c ", now.tv_nsec / 1000000,
                              word[level]);
        n += escape(line + n, sizeof line - n, text);
        /* A log that cannot be written is no reason to stop. */
        if (to_file && write(lg.fd, line, n) < 0) {
            errno = saved;
        }
        if (to_term && write(STDERR_FILENO, line, n) < 0) {
            errno = saved;
        }
    }
    pthread_mutex_unlock(&lg.lock);
    errno = saved;
}
