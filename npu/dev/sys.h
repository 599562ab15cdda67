/* The seam below the driver: everything it asks of an operating system.  Two sides exist: the real
 * one (sys.c: sysfs, libdrm, clflush) and the virtual driver in this process (vdrm.h).
 *
 * Calls return what the C library would: -1 and errno.  Any thread. */
#ifndef NPU_DEV_SYS_H
#define NPU_DEV_SYS_H

#include <stddef.h>
#include <stdint.h>

struct dev_stats;

/* One accel node, as sysfs describes it. */
struct sys_node {
    char path[96];   /* "/dev/accel/accel0" */
    char driver[32]; /* "amdxdna"; "" when none is bound */
    char fw[32];     /* "1.5.5.391", or "" */
    char vbnv[32];   /* a name for people, or "" */
    unsigned vendor, device, revision;
    int type; /* 0: queues in the kernel; others are another generation */
};

struct sys;
struct sys_ops {
    /* Fills the i-th accel node and returns 1; 0: there is none. */
    int (*node)(struct sys *s, int i, struct sys_node *n);
    /* NPUs on the PCI bus that no node stands for (their driver is missing or failed). */
    int (*orphans)(struct sys *s);
    int (*open)(struct sys *s, const char *path);
    int (*close)(struct sys *s, int fd);
    /* One attempt: EINTR and EAGAIN are the caller's. */
    int (*ioctl)(struct sys *s, int fd, uint32_t code, void *arg);
    void *(*mmap)(struct sys *s, void *at, size_t n, int prot, int flags, int fd, uint64_t off);
    int (*munmap)(struct sys *s, void *p, size_t n);
    /* Writes dirty cache lines of the range back and forgets them. */
    void (*flush)(struct sys *s, const void *p, size_t n);
    /* Locked memory this process may have, bytes, after raising it as far as it may. */
    uint64_t (*memlock)(struct sys *s);
    void (*release)(struct sys *s, char *buf, size_t n); /* kernel release */
    /* Nanoseconds this fd kept the device busy, -1: the driver does not say. */
    int64_t (*busy_ns)(struct sys *s, int fd);
    /* Virtual only, else NULL: counters of the column workers, which no kernel driver gives. */
    void (*figures)(struct sys *s, struct dev_stats *st);
};
struct sys {
    const struct sys_ops *ops;
    int coherent; /* the device sees memory as the CPU does: flushing is not needed */
    int wait_ms;  /* a longer limit for one wait than the generation needs; 0: none */
    int virtual;  /* 1: no silicon behind it */
    int threads;  /* host threads that serve the columns; 0: none */
};

/* Writes the cache lines of a range back to memory and drops them. */
void sys_flush_lines(const void *p, size_t n);

/* The real side.  root: "" or NULL, or a folder that holds another sys/ and dev/ (tests). */
int sys_real_new(struct sys **s, const char *root);
void sys_real_free(struct sys *s);

#endif
