/* The gate, see gate.h.  Allocates in gate_new only; no locks. */
#include "audio/gate.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 64 }; /* presses and releases that may wait for the reader */

struct gate {
    size_t size; /* of hist: a power of two, twice GATE_MAX_MS at least */
    int rate;
    uint64_t pre, post;
    /* keys: one producer, one consumer; press and release alternate */
    atomic_uint head, tail;
    uint64_t key[KEYS];
    atomic_int open;
    /* reader only */
    uint64_t end;   /* samples pushed */
    uint64_t next;  /* first sample not handed out and not passed over */
    uint64_t until; /* of the present passage: its end, UINT64_MAX while the key is down */
    int inside;
    float *hist;
};

static uint64_t samples(int rate, int ms, int usual)
{
    ms = ms < 0 ? usual : ms > GATE_MAX_MS ? GATE_MAX_MS : ms;
    return (uint64_t)rate * (uint64_t)ms / 1000;
}

int gate_new(struct gate **out, int rate, int pre_ms, int post_ms, struct err *e)
{
    struct gate *g = calloc(1, sizeof *g);
    *out = NULL;
    if (g) {
        g->size = 1024;
        while (g->size < (size_t)samples(rate, GATE_MAX_MS, 0) * 2) {
            g->size *= 2;
        }
        g->hist = calloc(g->size, sizeof *g->hist);
    }
    if (!g || !g->hist) {
        gate_free(g);
        return err_set(e, ERR_MEM, "no memory for push-to-talk");
    }
    g->rate = rate;
    g->pre = samples(rate, pre_ms, GATE_PRE_MS);
    g->post = samples(rate, post_ms, GATE_POST_MS);
    *out = g;
    return 0;
}

void gate_free(struct gate *g)
{
    if (g) {
        free(g->hist);
        free(g);
    }
}

/* A key that finds 64 others unread is not taken; then the gate stays as it was. */
static void press(struct gate *g, int open, uint64_t at)
{
    unsigned head = atomic_load_explicit(&g->head, memory_order_relaxed);
    if (atomic_load(&g->open) == open ||
        head - atomic_load_explicit(&g->tail, memory_order_acquire) == KEYS) {
        return;
    }
    g->key[head % KEYS] = at;
    atomic_store(&g->open, open);
    atomic_store_explicit(&g->head, head + 1, memory_order_release);
}

void gate_open(struct gate *g, uint64_t at)
{
    press(g, 1, at);
}

void gate_shut(struct gate *g, uint64_t at)
{
    press(g, 0, at);
}

int gate_flip(struct gate *g, uint64_t at)
{
    press(g, !atomic_load(&g->open), at);
    return atomic_load(&g->open);
}

int gate_is_open(const struct gate *g)
{
    return atomic_load(&g->open);
}

void gate_push(struct gate *g, const float *x, int n)
{
    size_t at = (size_t)g->end & (g->size - 1), k = (size_t)n;
    size_t first = k < g->size - at ? k : g->size - at;
    memcpy(g->hist + at, x, first * sizeof *x);
    memcpy(g->hist, x + first, (k - first) * sizeof *x);
    g->end += (uint64_t)n;
}

/* Oldest sample still kept. */
static uint64_t oldest(const struct gate *g)
{
    return g->end > g->size ? g->end - g->size : 0;
}

/* The first unread key, or 0: none. */
static int peek(struct gate *g, unsigned skip, uint64_t *at)
{
    unsigned tail = atomic_load_explicit(&g->tail, memory_order_relaxed) + skip;
    if ((int)(atomic_load_explicit(&g->head, memory_order_acquire) - tail) <= 0) {
        return 0;
    }
    *at = g->key[tail % KEYS];
    return 1;
}

static void used(struct gate *g)
{
    atomic_fetch_add_explicit(&g->tail, 1, memory_order_release);
}

static uint64_t begin_of(const struct gate *g, uint64_t press_at)
{
    return press_at > g->pre ? press_at - g->pre : 0;
}

/* Follows the keys as far as they bear on samples that are here. */
static void follow(struct gate *g)
{
    uint64_t at;
    while (peek(g, 0, &at)) {
        if (!g->inside) { /* a press */
            uint64_t begin = begin_of(g, at), old = oldest(g);
            begin = begin > old ? begin : old;
            g->next = begin > g->next ? begin : g->next;
            g->inside = 1;
            g->until = UINT64_MAX;
        } else if (g->until == UINT64_MAX) { /* a release */
            g->until = at + g->post;
        } else if (begin_of(g, at) <= g->until) { /* pressed again before it was over */
            g->until = UINT64_MAX;
        } else {
            return;
        }
        used(g);
    }
}

static void copy(const struct gate *g, uint64_t from, int n, float *x)
{
    size_t at = (size_t)from & (g->size - 1), k = (size_t)n;
    size_t first = k < g->size - at ? k : g->size - at;
    memcpy(x, g->hist + at, first * sizeof *x);
    memcpy(x + first, g->hist, (k - first) * sizeof *x);
}

int gate_take(struct gate *g, float *x, int max, uint64_t *at, int *last)
{
    follow(g);
    *last = 0;
    if (!g->inside) {
        return 0;
    }
    uint64_t stop = g->until < g->end ? g->until : g->end;
    uint64_t n = stop > g->next ? stop - g->next : 0;
    n = n < (uint64_t)max ? n : (uint64_t)max;
    *at = g->next;
    copy(g, g->next, (int)n, x);
    g->next += n;
    if (g->next >= g->until) {
        *last = 1;
        g->inside = 0;
    }
    return (int)n;
}

int gate_before(const struct gate *g, uint64_t at, int ms, float *x, int max, uint64_t *first)
{
    uint64_t end = at < g->end ? at : g->end, want = samples(g->rate, ms > 0 ? ms : 0, 0);
    want = want < (uint64_t)max ? want : (uint64_t)max;
    uint64_t begin = end > want ? end - want : 0;
    begin = begin > oldest(g) ? begin : oldest(g);
    begin = begin < end ? begin : end;
    *first = begin;
    copy(g, begin, (int)(end - begin), x);
    return (int)(end - begin);
}
