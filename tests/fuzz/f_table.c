/* Fuzzes the table reader of dictate score: any bytes give rows or one sentence. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/score_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct score_list l;
    struct err e = {0};
    if (fd < 0) {
        fd = memfd_create("table", 0);
        assert(fd >= 0);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = score_list_read(&l, path, &e);
    assert((rc == 0) == (l.n > 0));
    assert(rc == 0 || (rc == -e.code && e.text[0] && !strchr(e.text, '\n')));
    for (size_t i = 0; i < l.n; i++) {
        assert(l.row[i].file[0] && l.row[i].text && l.row[i].source);
    }
    score_list_free(&l);
    return 0;
}
