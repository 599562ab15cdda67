/* See file.h.  Any thread. */
#include "app/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int file_map_keep(struct file_map *m, const char *path, size_t max_size, enum err_code code, int *kept,
                  struct err *e)
{
    struct stat st;
    int rc = 0;
    m->data = NULL;
    m->size = 0;
    *kept = -1;
    /* O_NONBLOCK: opening a pipe without a writer must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(e, code, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) < 0) {
        rc = err_set(e, code, "%s: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        rc = err_set(e, code, "%s is a folder, a file is needed", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = err_set(e, code, "%s is not a regular file", path);
    } else if (st.st_size == 0) {
        rc = err_set(e, code, "%s is empty", path);
    } else if ((uintmax_t)st.st_size > max_size) {
        rc = err_set(e, code, "%s has %jd bytes, more than the limit of %zu", path,
                     (intmax_t)st.st_size, max_size);
    } else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            rc = err_set(e, code, "%s: cannot be mapped: %s", path, strerror(errno));
        } else {
            m->data = p;
            m->size = (size_t)st.st_size;
            *kept = fd;
        }
    }
    if (rc) {
        close(fd);
    }
    return rc;
}

int file_map_open(struct file_map *m, const char *path, size_t max_size, enum err_code code,
                  struct err *e)
{
    int fd, rc = file_map_keep(m, path, max_size, code, &fd, e);
    if (!rc) {
        close(fd);
    }
    return rc;
}

void file_unmap(struct file_map *m)
{
    if (m->data) {
        munmap((void *)(uintptr_t)m->data, m->size);
    }
    m->data = NULL;
    m->size = 0;
}

int file_save(const char *path, const void *data, size_t size, struct err *e)
{
    char tmp[PATH_MAX];
    const char *p = data;
    size_t left = size;
    if ((size_t)snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid()) >= sizeof tmp) {
        return err_set(e, ERR_DISK, "%.200s...: the name is too long", path);
    }
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set(e, ERR_DISK, "%s: cannot be written: %s", path, strerror(errno));
    }
    while (left) {
        ssize_t n = write(fd, p, left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            goto bad;
        }
        p += n;
        left -= (size_t)n;
    }
    if (fsync(fd) < 0) {
        goto bad;
    }
    if (close(fd) < 0 || rename(tmp, path) < 0) {
        fd = -1;
        goto bad;
    }
    return 0;
bad:;
    int rc = err_set(e, ERR_DISK, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    unlink(tmp);
    return rc;
}

int file_mkdirs(const char *path, struct err *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) {
        return err_set(e, ERR_DISK, "%.200s...: the name is too long", path);
    }
    for (size_t i = 1; i <= n; i++) {
        if (path[i] == '/' || i == n) {
            memcpy(part, path, i);
            part[i] = 0;
            if (mkdir(part, 0777) < 0 && errno != EEXIST) {
                return err_set(e, ERR_DISK, "%s: cannot be made: %s", part, strerror(errno));
            }
        }
    }
    return 0;
}
