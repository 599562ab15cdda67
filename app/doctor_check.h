/* One finding of dictate doctor, and where findings come from. */
#ifndef APP_DOCTOR_CHECK_H
#define APP_DOCTOR_CHECK_H

#include "app/args.h"

enum doctor_mark { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

struct doctor_check {
    enum doctor_mark mark;
    const char *what; /* "microphone" */
    int code;         /* exit code when bad */
    char text[420];   /* one sentence */
    char remedy[240]; /* what helps, or "" */
};

enum { DOCTOR_MAX = 32 };

struct doctor {
    struct doctor_check check[DOCTOR_MAX];
    int n;
};

/* The next finding, to be completed with doctor_remedy; the last one is overwritten when full. */
struct doctor_check *doctor_add(struct doctor *d, enum doctor_mark mark, const char *what, int code,
                                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void doctor_remedy(struct doctor_check *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The real NPU: nodes below /dev/accel, permission, driver, hardware without a driver.
 * asked: --device npu was given, so its absence is bad and not only worth a line. */
void doctor_npu(struct doctor *d, int asked);

/* Terminal: is it one, its size, its characters and colours. */
void doctor_terminal(struct doctor *d, const struct args *a);

/* Microphones: which there are, and whether the one asked for can be read. */
void doctor_mic(struct doctor *d, const struct args *a);

#endif
