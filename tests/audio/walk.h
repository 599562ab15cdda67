/* Follows a capture on a world whose sound is a ramp: every sample tells its number, so each one
 * and each gap is checked exactly. */
#ifndef TESTS_AUDIO_WALK_H
#define TESTS_AUDIO_WALK_H

#include "tests/audio/help.h"

#include "audio/capture.h"
#include "audio/fault.h"

enum { WALK_GAPS = 512 };

struct walk {
    struct capture *c;
    uint64_t n;     /* samples read */
    uint64_t world; /* of the world: read and missing */
    struct ring_gap gap[WALK_GAPS];
    int gaps;
    int any; /* samples are not checked */
    struct err e;
};

static inline struct fault *walk_world(const char *script, const char *sound, double seconds)
{
    struct audio_want w = {.kind = AUDIO_GEN, .name = sound, .gen_seconds = seconds};
    struct fault *f;
    struct err e = {0};
    if (fault_new(&f, script, &w, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return f;
}

/* A capture on the world, with its clock, that opens the microphone again. */
static inline void walk_start(struct walk *w, struct fault *f, int ring_s)
{
    struct capture_conf conf = {
        .ring_s = ring_s,
        .tell_pauses = 1,
        .reopen = {fault_open, f},
        .clock = {fault_now_us, fault_sleep_us, f},
    };
    struct audio_src *s;
    memset(w, 0, sizeof *w);
    if (fault_open(&s, f, &w->e) < 0 || capture_start(&w->c, s, &conf, &w->e) < 0) {
        fail_msg("%s", w->e.text);
    }
}

/* Gaps and at most max samples: as capture_read. */
static inline int walk_step(struct walk *w, int max, int timeout_ms)
{
    float x[4096];
    struct ring_gap g;
    while (capture_gap(w->c, &g)) {
        assert_int_equal(g.at, w->n);
        assert_true(g.lost > 0);
        w->world += g.lost;
        assert_in_range(w->gaps, 0, WALK_GAPS - 1);
        w->gap[w->gaps++] = g;
    }
    int k = capture_read(w->c, x, max < 4096 ? max : 4096, timeout_ms, &w->e);
    for (int i = 0; i < k; i++, w->n++, w->world++) {
        if (!w->any && x[i] != (float)(w->world & 0x7fffff) / 8388608.0f) {
            fail_msg("sample %lu (world %lu) is %.0f", (unsigned long)w->n, (unsigned long)w->world,
                     (double)x[i] * 8388608);
        }
    }
    return k;
}

/* To the end; gives what the last read gave.  The list of marks must say the same as the ring. */
static inline int walk_end(struct walk *w)
{
    struct ring_gap m[CAPTURE_MARKS];
    uint64_t total = 0;
    int k;
    do {
        k = walk_step(w, 4096, -1);
    } while (k > 0 || k == AUDIO_AGAIN);
    int have = capture_marks(w->c, m, CAPTURE_MARKS, &total);
    assert_int_equal(total, w->gaps);
    for (int i = 0; i < have; i++) {
        const struct ring_gap *g = &w->gap[w->gaps - have + i];
        assert_int_equal(m[i].at, g->at);
        assert_int_equal(m[i].lost, g->lost);
        assert_int_equal(m[i].why, g->why);
    }
    return k;
}

/* Samples missing for these reasons. */
static inline uint64_t walk_lost(const struct walk *w, unsigned why)
{
    uint64_t n = 0;
    for (int i = 0; i < w->gaps; i++) {
        n += w->gap[i].why & why ? w->gap[i].lost : 0;
    }
    return n;
}

#endif
