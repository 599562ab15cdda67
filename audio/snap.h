/* A snapshot: one thread writes a small struct, any thread reads a whole one.  Header only.
 *
 * The writer never waits.  A sequence number is odd while it writes; a reader that met it tries
 * again.  The words are atomics with release and acquire, so that no fence is needed (the thread
 * sanitizer does not know fences). */
#ifndef AUDIO_SNAP_H
#define AUDIO_SNAP_H

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SNAP_WORDS = 96 };

struct snap {
    atomic_uint seq;
    atomic_uint_least64_t word[SNAP_WORDS];
};

/* size: at most SNAP_WORDS * 8 bytes, the same in every call. */
static inline void snap_write(struct snap *s, const void *data, size_t size)
{
    const unsigned char *p = data;
    unsigned seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
    atomic_store_explicit(&s->seq, seq + 1, memory_order_relaxed);
    for (size_t i = 0, n; size > 0; i++, p += n, size -= n) {
        uint64_t w = 0;
        n = size < 8 ? size : 8;
        memcpy(&w, p, n);
        atomic_store_explicit(&s->word[i], w, memory_order_release);
    }
    atomic_store_explicit(&s->seq, seq + 2, memory_order_release);
}

static inline void snap_read(struct snap *s, void *data, size_t size)
{
    for (;;) {
        unsigned seq = atomic_load_explicit(&s->seq, memory_order_acquire);
        unsigned char *p = data;
        size_t left = size;
        for (size_t i = 0, n; left > 0; i++, p += n, left -= n) {
            uint64_t w = atomic_load_explicit(&s->word[i], memory_order_acquire);
            n = left < 8 ? left : 8;
            memcpy(p, &w, n);
        }
        if (!(seq & 1) && atomic_load_explicit(&s->seq, memory_order_relaxed) == seq) {
            return;
        }
        sched_yield();
    }
}

#endif
