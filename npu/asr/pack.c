/* See pack.h.  File: the head, a hole up to where a large page can begin, then the bytes of the weight buffer. */
#include "npu/asr/pack.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "app/base/file.h"
#include "app/base/hash.h"
#include "app/base/log.h"

enum {
    HEAD = 2 << 20,    /* where the payload begins; decoder steps read it 3 % faster in large pages (measured) */
    PIECE = 4 << 20,   /* bytes hashed at a time */
    MAX_THREADS = 16,
    STALE_S = 3600,    /* a temporary file that old has no writer any more */
    MAX_SEEN = 256,    /* packs looked at when some have to go */
};

struct head {
    char magic[8]; /* "dictpack" */
    uint64_t version, content, layout, size, payload, self; /* self: hash of what stands before it */
};

static const struct head blank = {.magic = {'d', 'i', 'c', 't', 'p', 'a', 'c', 'k'}, .version = 2};

/* -- hashing ---------------------------------------------------------------------------------------- */

struct hashing {
    const uint8_t *p;
    size_t size;
    int drop;
    uint64_t *sum;
    size_t pieces;
    atomic_size_t next;
};

static void *hash_main(void *arg)
{
    struct hashing *h = arg;
    size_t i;
    while ((i = atomic_fetch_add(&h->next, 1)) < h->pieces) {
        const uint8_t *p = h->p + i * PIECE;
        const size_t n = h->size - i * PIECE < PIECE ? h->size - i * PIECE : PIECE;
        h->sum[i] = hash64(p, n, i);
        if (h->drop) {
            madvise((void *)(uintptr_t)p, n, MADV_DONTNEED);
        }
    }
    return NULL;
}

uint64_t pack_hash(const void *p, size_t size, int threads, int drop)
{
    pthread_t t[MAX_THREADS];
    struct hashing h = {.p = p, .size = size, .drop = drop, .pieces = (size + PIECE - 1) / PIECE};
    uint64_t sum[64]; /* 256 MB without asking for memory */
    int n = 0;
    h.sum = h.pieces > 64 ? malloc(h.pieces * sizeof *h.sum) : sum;
    if (!h.sum) {
        return hash64(p, size, 0); /* another value, so the pack is not found: nothing worse */
    }
    while (n < threads - 1 && n < MAX_THREADS && (size_t)n + 1 < h.pieces &&
           pthread_create(&t[n], NULL, hash_main, &h) == 0) {
        n++;
    }
    hash_main(&h);
    while (n > 0) {
        pthread_join(t[--n], NULL);
    }
    const uint64_t all = hash64(h.sum, h.pieces * sizeof *h.sum, size);
    if (h.sum != sum) {
        free(h.sum);
    }
    return all;
}

/* The first object is the program itself. */
static int find_build_id(struct dl_phdr_info *info, size_t size, void *out)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        const char *p = (const char *)info->dlpi_addr + ph->p_vaddr, *end = p + ph->p_memsz;
        while (ph->p_type == PT_NOTE && p + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *n = (const void *)p;
            const char *name = p + sizeof *n, *desc = name + (n->n_namesz + 3u) / 4 * 4;
            if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && !memcmp(name, "GNU", 4)) {
                *(uint64_t *)out = hash64(desc, n->n_descsz, 0);
                return 1;
            }
            p = desc + (n->n_descsz + 3u) / 4 * 4;
        }
    }
    return 1;
}

uint64_t pack_program(void)
{
    uint64_t id = 0;
    dl_iterate_phdr(find_build_id, &id);
    return id;
}

/* -- names ------------------------------------------------------------------------------------------ */

static int name_pack(char *path, size_t cap, const char *dir, const struct pack_id *id)
{
    int n = snprintf(path, cap, "%s/%016jx%016jx.pack", dir, (uintmax_t)id->content,
                     (uintmax_t)id->layout);
    return n > 0 && (size_t)n < cap;
}

static int ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* -- reading ---------------------------------------------------------------------------------------- */

static int head_fits(int fd, const struct pack_id *id, size_t size, struct head *h)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != HEAD + (uint64_t)size) {
        return 0;
    }
    if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022) {
        return 0; /* somebody else may have written it */
    }
    return pread(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h && !memcmp(h->magic, blank.magic, 8) &&
           h->self == hash64(h, offsetof(struct head, self), 0) && h->version == blank.version &&
           h->content == id->content && h->layout == id->layout && h->size == size;
}

int pack_open(struct npu_rt *rt, const char *dir, const struct pack_id *id, size_t size, uint32_t *buf)
{
    char path[PATH_MAX];
    struct err e = {0};
    struct head h;
    int there = 0;
    if (!dir || !name_pack(path, sizeof path, dir, id)) {
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    if (!head_fits(fd, id, size, &h)) {
        log_msg(LOG_INFO, "%s is not whole or not ours; the weights are packed anew", path);
    } else if (npu_buf_file(rt, fd, HEAD, size, "the packed weights", buf, &e)) {
        log_msg(LOG_INFO, "%s: %s; the weights are packed anew", path, e.text);
    } else if (pack_hash(npu_buf_map(rt, *buf), size, npu_rt_threads(rt), 0) != h.payload) {
        log_msg(LOG_INFO, "%s is damaged; the weights are packed anew", path);
        npu_buf_free(rt, *buf);
    } else {
        futimens(fd, NULL); /* used now */
        there = 1;
    }
    close(fd);
    *buf = there ? *buf : 0;
    return there;
}

/* -- writing ---------------------------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t n = write(fd, p, size < (1 << 26) ? size : 1 << 26);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return 0;
        }
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

struct seen {
    char name[64];
    int64_t used;
};

static int by_use(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return (x->used < y->used) - (x->used > y->used); /* latest first */
}

/* Only files with our two endings are looked at. */
static void tidy(const char *dir)
{
    struct seen *seen = malloc(MAX_SEEN * sizeof *seen);
    DIR *d = opendir(dir);
    const struct dirent *f;
    int n = 0;
    while (d && seen && (f = readdir(d)) != NULL) {
        struct stat st;
        const int temporary = ends_with(f->d_name, ".pack.tmp");
        if ((!temporary && !ends_with(f->d_name, ".pack")) || strlen(f->d_name) >= sizeof seen->name ||
            fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) {
            continue;
        }
        if (temporary) {
            if (time(NULL) - st.st_mtime > STALE_S) {
                unlinkat(dirfd(d), f->d_name, 0);
            }
        } else if (n < MAX_SEEN) {
            strcpy(seen[n].name, f->d_name);
            seen[n++].used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        }
    }
    if (n > PACK_KEEP) {
        qsort(seen, (size_t)n, sizeof *seen, by_use);
        for (int i = PACK_KEEP; i < n; i++) {
            unlinkat(dirfd(d), seen[i].name, 0);
        }
    }
    if (d) {
        closedir(d);
    }
    free(seen);
}

/* Room for the pack, and as much again for everybody else. */
static int room_for(const char *dir, size_t size)
{
    struct statvfs v;
    return statvfs(dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize / 2 > size;
}

int pack_save(const char *dir, const struct pack_id *id, const void *data, size_t size, int threads)
{
    char path[PATH_MAX], tmp[PATH_MAX + 32];
    struct head h = blank;
    struct err e = {0};
    int fd = -1, there = 0;
    if (!dir || !name_pack(path, sizeof path, dir, id)) {
        return 0;
    }
    if (file_mkdirs(dir, &e) || !room_for(dir, size)) {
        log_msg(LOG_INFO, "no packed weights are kept in %s: %s", dir,
                e.text[0] ? e.text : "not enough room");
        return 0;
    }
    snprintf(tmp, sizeof tmp, "%.*s.XXXXXX.pack.tmp", (int)(strlen(path) - strlen(".pack")), path);
    fd = mkostemps(tmp, (int)strlen(".pack.tmp"), O_CLOEXEC);
    if (fd < 0) {
        log_msg(LOG_INFO, "no packed weights are kept in %s: %s", dir, strerror(errno));
        return 0;
    }
    h.content = id->content;
    h.layout = id->layout;
    h.size = size;
    h.payload = pack_hash(data, size, threads, 0);
    h.self = hash64(&h, offsetof(struct head, self), 0);
    /* Not forced to the disk: what a power failure leaves half written, the check sum finds. */
    there = write_all(fd, &h, sizeof h) && lseek(fd, HEAD, SEEK_SET) == HEAD && write_all(fd, data, size);
    const int failed = errno;
    there = close(fd) == 0 && there && rename(tmp, path) == 0;
    if (there) {
        tidy(dir);
    } else {
        log_msg(LOG_INFO, "%s cannot be written: %s", path, strerror(failed));
        unlink(tmp);
    }
    return there;
}
