/* Files: read-only maps with a size limit, and atomic saving. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "app/base/err.h"

struct file_map {
    const uint8_t *data; /* NULL when size is 0 */
    size_t size;
};

/* Maps a regular file.  Directories, devices, pipes, empty files and files above max_size are
 * refused with a sentence (code).  Unmap with file_unmap (NULL data is fine). */
int file_map_open(struct file_map *m, const char *path, size_t max_size, enum err_code code,
                  struct err *e);
/* The same, and *fd stays open for reading (the caller closes it). */
int file_map_keep(struct file_map *m, const char *path, size_t max_size, enum err_code code, int *fd,
                  struct err *e);
void file_unmap(struct file_map *m);

/* Writes path by way of a temporary file beside it, fsync and rename.  ERR_DISK on failure. */
int file_save(const char *path, const void *data, size_t size, struct err *e);

/* Makes a folder and its parents (mode 0777 less umask).  ERR_DISK on failure. */
int file_mkdirs(const char *path, struct err *e);

#endif
