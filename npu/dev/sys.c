/* The real side of the seam: sysfs, libdrm, cache lines.  Any thread; allocates only in
 * sys_real_new. */
#include "npu/dev/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <xf86drm.h>

#include "npu/dev/abi.h"

enum { MAX_NODES = 64 }; /* minors that are looked at */

struct sys_real {
    struct sys sys;
    char root[PATH_MAX / 2];
};

/* dir/name; "" when that is too long to be a path. */
static const char *join(char *path, const char *dir, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX) {
        path[0] = 0;
    }
    return path;
}

/* First line of a small file, without its end; "" when it cannot be read. */
static void line_of(const char *path, char *line, size_t n)
{
    FILE *f = fopen(path, "re");
    line[0] = 0;
    if (f) {
        if (!fgets(line, (int)n, f)) {
            line[0] = 0;
        }
        fclose(f);
    }
    line[strcspn(line, "\r\n")] = 0;
}

static unsigned number_of(const char *dir, const char *name)
{
    char path[PATH_MAX], line[32];
    line_of(join(path, dir, name), line, sizeof line);
    return (unsigned)strtoul(line, NULL, 0);
}

static void text_of(const char *dir, const char *name, char *text, size_t n)
{
    char path[PATH_MAX];
    line_of(join(path, dir, name), text, n);
}

static void driver_of(const char *dir, char *name, size_t n)
{
    char path[PATH_MAX], to[PATH_MAX];
    const ssize_t len = readlink(join(path, dir, "driver"), to, sizeof to - 1);
    to[len > 0 ? len : 0] = 0;
    const char *slash = strrchr(to, '/');
    snprintf(name, n, "%.*s", (int)n - 1, slash ? slash + 1 : to);
}

static int real_node(struct sys *s, int i, struct sys_node *node)
{
    const struct sys_real *r = (const struct sys_real *)s;
    for (int minor = 0; minor < MAX_NODES; minor++) {
        char dir[PATH_MAX];
        snprintf(dir, sizeof dir, "%s/sys/class/accel/accel%d/device", r->root, minor);
        if (access(dir, F_OK) != 0 || i-- > 0) {
            continue;
        }
        memset(node, 0, sizeof *node);
        snprintf(node->path, sizeof node->path, "/dev/accel/accel%d", minor);
        node->vendor = number_of(dir, "vendor");
        node->device = number_of(dir, "device");
        node->revision = number_of(dir, "revision");
        node->type = (int)number_of(dir, "device_type"); /* absent on old kernels: 0 */
        text_of(dir, "fw_version", node->fw, sizeof node->fw);
        text_of(dir, "vbnv", node->vbnv, sizeof node->vbnv);
        driver_of(dir, node->driver, sizeof node->driver);
        return 1;
    }
    return 0;
}

static int real_orphans(struct sys *s)
{
    const struct sys_real *r = (const struct sys_real *)s;
    char bus[PATH_MAX];
    int n = 0;
    snprintf(bus, sizeof bus, "%s/sys/bus/pci/devices", r->root);
    DIR *d = opendir(bus);
    const struct dirent *de;
    while (d && (de = readdir(d))) {
        char dir[PATH_MAX], accel[PATH_MAX];
        if (de->d_name[0] == '.') {
            continue;
        }
        join(dir, bus, de->d_name);
        const unsigned device = number_of(dir, "device");
        if (number_of(dir, "vendor") == 0x1022 && (device == 0x1502 || device == 0x17f0)) {
            n += access(join(accel, dir, "accel"), F_OK) != 0;
        }
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static int real_open(struct sys *s, const char *path)
{
    const struct sys_real *r = (const struct sys_real *)s;
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s%s", r->root, path);
    return open(full, O_RDWR | O_CLOEXEC);
}

static int real_close(struct sys *s, int fd)
{
    (void)s;
    return close(fd);
}

/* drmIoctl repeats on EAGAIN without end, and amdxdna answers EAGAIN to a call that will never
 * succeed (a DEV buffer before its heap): only calls of the DRM core go through it. */
static int real_ioctl(struct sys *s, int fd, uint32_t code, void *arg)
{
    (void)s;
    const uint32_t nr = XDNA_CODE_NR(code);
    return nr >= XDNA_DRIVER_BASE && nr < XDNA_DRIVER_END ? ioctl(fd, code, arg)
                                                          : drmIoctl(fd, code, arg);
}

static void *real_mmap(struct sys *s, void *at, size_t n, int prot, int flags, int fd, uint64_t off)
{
    (void)s;
    return mmap(at, n, prot, flags, fd, (off_t)off);
}

static int real_munmap(struct sys *s, void *p, size_t n)
{
    (void)s;
    return munmap(p, n);
}

/* The NPU does not look into CPU caches. */
static void real_flush(struct sys *s, const void *p, size_t n)
{
    (void)s;
    sys_flush_lines(p, n);
}

void sys_flush_lines(const void *p, size_t n)
{
    if (n == 0) {
        return;
    }
#if defined(__x86_64__)
    const uintptr_t end = (uintptr_t)p + n;
    __builtin_ia32_mfence();
    for (uintptr_t a = (uintptr_t)p & ~(uintptr_t)63; a < end; a += 64) {
        __builtin_ia32_clflush((const void *)a);
    }
    __builtin_ia32_mfence();
#else
    (void)p; /* these NPUs sit in x86-64 processors only */
#endif
}

static uint64_t real_memlock(struct sys *s)
{
    struct rlimit l;
    (void)s;
    if (getrlimit(RLIMIT_MEMLOCK, &l) != 0) {
        return 0;
    }
    if (l.rlim_cur < l.rlim_max) {
        const struct rlimit up = {l.rlim_max, l.rlim_max};
        if (setrlimit(RLIMIT_MEMLOCK, &up) == 0) {
            l = up;
        }
    }
    return l.rlim_cur == RLIM_INFINITY ? UINT64_MAX : l.rlim_cur;
}

static void real_release(struct sys *s, char *buf, size_t n)
{
    struct utsname u;
    (void)s;
    snprintf(buf, n, "%s", uname(&u) == 0 ? u.release : "?");
}

static int64_t real_busy_ns(struct sys *s, int fd)
{
    /* in-tree name first, then the legacy driver's */
    static const char *const key[] = {"drm-engine-" XDNA_DRIVER_NAME ":",
                                      "drm-engine-npu-amdxdna:"};
    char path[64], line[256];
    int64_t ns = -1;
    (void)s;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        for (int i = 0; i < 2; i++) {
            if (strncmp(line, key[i], strlen(key[i])) == 0) {
                ns = (int64_t)strtoll(line + strlen(key[i]), NULL, 10);
            }
        }
    }
    if (f) {
        fclose(f);
    }
    return ns;
}

int sys_real_new(struct sys **out, const char *root)
{
    static const struct sys_ops ops = {
        .node = real_node,
        .orphans = real_orphans,
        .open = real_open,
        .close = real_close,
        .ioctl = real_ioctl,
        .mmap = real_mmap,
        .munmap = real_munmap,
        .flush = real_flush,
        .memlock = real_memlock,
        .release = real_release,
        .busy_ns = real_busy_ns,
    };
    struct sys_real *r = calloc(1, sizeof *r);
    if (!r) {
        return -1;
    }
    r->sys.ops = &ops;
    snprintf(r->root, sizeof r->root, "%s", root ? root : "");
    *out = &r->sys;
    return 0;
}

void sys_real_free(struct sys *s)
{
    free(s);
}
