/* What the audio tests share: cmocka, seeds, temporary files, the shared data folder. */
#ifndef TESTS_AUDIO_HELP_H
#define TESTS_AUDIO_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/src.h"

/* Seed of this run: TEST_SEED, else from the clock; printed so that a failure can be repeated. */
static inline uint32_t help_seed(const char *what)
{
    const char *env = getenv("TEST_SEED");
    uint32_t seed = env ? (uint32_t)strtoul(env, NULL, 10) : (uint32_t)getpid() * 2654435761u;
    print_message("%s: TEST_SEED=%u\n", what, seed);
    return seed ? seed : 1;
}

static inline uint32_t help_rand(uint32_t *r)
{
    *r ^= *r << 13;
    *r ^= *r >> 17;
    *r ^= *r << 5;
    return *r;
}

/* -1..1 */
static inline float help_noise(uint32_t *r)
{
    return (float)(int32_t)help_rand(r) / 2147483648.0f;
}

/* The folder with goldens and speech, or NULL (then the test says so and is skipped). */
static inline const char *help_shared(void)
{
    static char path[512];
    const char *env = getenv("DICTATE_SHARED");
    snprintf(path, sizeof path, "%s", env ? env : "../shared");
    if (access(path, R_OK) == 0) {
        return path;
    }
    print_message("skipped: no shared data at %s (set DICTATE_SHARED)\n", path);
    return NULL;
}

/* A whole file, NUL behind it; *size its length.  NULL when it cannot be read. */
static inline char *help_slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0) {
        long n = ftell(f);
        rewind(f);
        data = malloc((size_t)n + 1);
        if (data && fread(data, 1, (size_t)n, f) == (size_t)n) {
            data[n] = 0;
            *size = (size_t)n;
        }
    }
    if (f) {
        fclose(f);
    }
    return data;
}

/* Everything a source has, at 16 kHz. -ERR or the count; *x is to be freed. */
static inline int help_read_all(struct audio_src *s, float **x, struct err *e)
{
    int n = 0, cap = 1 << 16;
    *x = malloc((size_t)cap * sizeof **x);
    for (;;) {
        if (cap - n < 4096) {
            cap *= 2;
            *x = realloc(*x, (size_t)cap * sizeof **x);
        }
        int k = audio_src_read16k(s, *x + n, 4096, -1, e);
        if (k <= 0) {
            return k < 0 ? k : n;
        }
        n += k;
    }
}

/* A sound file at 16 kHz; fails the test when it cannot be read. */
static inline int help_clip(const char *path, float **x)
{
    struct audio_want w = {.kind = AUDIO_FILE, .name = path};
    struct audio_src *s;
    struct err e = {0};
    if (audio_src_open(&s, &w, &e) < 0) {
        fail_msg("%s", e.text);
    }
    int n = help_read_all(s, x, &e);
    audio_src_close(s);
    if (n < 0) {
        fail_msg("%s", e.text);
    }
    return n;
}

#endif
