/* What a list overwrites of its own inputs: kept before it starts, put back before it is repeated,
 * here or by whoever takes over from a device that was given up.  Submitting thread. */
#include <stdlib.h>
#include <string.h>

#include "npu/dev/xdna_in.h"

enum { MAX_SAVED = 256 << 20 }; /* a list that overwrites more of its inputs is not repeated */

int x_save(struct dev_xdna *x)
{
    spans_both(&x->undo, &x->read, &x->written);
    const size_t n = spans_bytes(&x->undo);
    if (n > MAX_SAVED) {
        x->undo.n = -1;
        return 0;
    }
    if (n > x->saved_cap) {
        uint8_t *p = realloc(x->saved, n + n / 2);
        if (!p) {
            return -1;
        }
        x->saved = p;
        x->saved_cap = n + n / 2;
    }
    uint8_t *to = x->saved;
    for (int i = 0; i < x->undo.n; i++) {
        const size_t b = x->undo.s[i].hi - x->undo.s[i].lo;
        memcpy(to, (const void *)x->undo.s[i].lo, b);
        to += b;
    }
    x_count(&x->undo_b, n);
    return 0;
}

void x_put_back(struct dev_xdna *x)
{
    const uint8_t *from = x->saved;
    for (int i = 0; i < x->undo.n; i++) {
        const struct span s = x->undo.s[i];
        x_flush(x, (const void *)s.lo, s.hi - s.lo); /* drop what the device left in between */
        memcpy((void *)s.lo, from, s.hi - s.lo);
        x_flush(x, (const void *)s.lo, s.hi - s.lo);
        from += s.hi - s.lo;
    }
}

int dev_xdna_give_up(struct dev_xdna *x)
{
    x->lost = true;
    if (x_ctx_close(x) || x->at_large) {
        return -1;
    }
    x_flush_spans(x, &x->written, &x->unpack_ns);
    return 0;
}

int dev_xdna_put_back(struct dev_xdna *x, void *(*at)(void *ctx, uint32_t bo, size_t off),
                      void *ctx)
{
    const uint8_t *from = x->saved;
    if (x->undo.n < 0) {
        return -ERR_NPU_HANG;
    }
    for (int i = 0; i < x->undo.n; i++) {
        const struct span s = x->undo.s[i];
        npu_addr a;
        /* spans of one buffer may touch those of the next, so they are cut where buffers end */
        for (uintptr_t lo = s.lo; lo < s.hi;) {
            if (x_find(x, (const void *)lo, &a)) {
                return -ERR_NPU_HANG;
            }
            const uint32_t bo = (uint32_t)(a >> 48);
            const size_t off = (size_t)(a & ((UINT64_C(1) << 48) - 1));
            const size_t left = x->bo[bo].size - off, want = s.hi - lo;
            const size_t n = want < left ? want : left;
            memcpy(at(ctx, bo, off), from, n);
            from += n;
            lo += n;
        }
    }
    return 0;
}
