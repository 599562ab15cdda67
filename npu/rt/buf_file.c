/* Buffers whose bytes come from a file, and buffers that are used in part.  See rt.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "npu/rt/inside.h"

int npu_buf_file(struct npu_rt *rt, int fd, uint64_t off, size_t size, const char *what, uint32_t *buf,
                 struct err *e)
{
    struct stat st;
    *buf = 0;
    if (off % 4096 || fstat(fd, &st) || st.st_size < 0 || off > (uint64_t)st.st_size ||
        size > (uint64_t)st.st_size - off) {
        return err_set(e, ERR_NPU, "the file of %s is too short", what);
    }
    int rc = npu_buf_new(rt, size, what, buf, e);
    if (rc) {
        return rc;
    }
    void *const at = npu_buf_map(rt, *buf);
    if (rt->dev) {
        /* the columns read the caller's memory: the file's pages take the place of the buffer's */
        if (mmap(at, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, (off_t)off) == MAP_FAILED) {
            rc = err_set(e, ERR_MEM, "%s cannot be mapped: %s", what, strerror(errno));
        } else {
            madvise(at, size, MADV_HUGEPAGE); /* as plain memory, where the file's pages are large themselves */
        }
    } else {
        /* the device has memory of its own */
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, (off_t)off);
        if (p == MAP_FAILED) {
            rc = err_set(e, ERR_MEM, "%s cannot be mapped: %s", what, strerror(errno));
        } else {
            npu_buf_write(rt, *buf, 0, p, size);
            munmap(p, size);
        }
    }
    if (rc) {
        npu_buf_free(rt, *buf);
        *buf = 0;
    }
    return rc;
}

void npu_buf_sparse(struct npu_rt *rt, uint32_t buf, size_t off, size_t size)
{
    const size_t page = 4096, from = (off + page - 1) / page * page, to = (off + size) / page * page;
    char *const at = npu_buf_map(rt, buf);
    if (rt->dev && at && to > from && to <= npu_buf_size(rt, buf)) {
        madvise(at + from, to - from, MADV_NOHUGEPAGE);
    }
}
