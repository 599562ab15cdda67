/* See spans.h. */
#include "npu/dev/spans.h"

#include <string.h>

/* First range that ends at or after `lo`. */
static int place(const struct spans *set, uintptr_t lo)
{
    int a = 0, b = set->n;
    while (a < b) {
        const int m = (a + b) / 2;
        if (set->s[m].hi < lo) {
            a = m + 1;
        } else {
            b = m;
        }
    }
    return a;
}

static void erase(struct spans *set, int i, int n)
{
    memmove(&set->s[i], &set->s[i + n], (size_t)(set->n - i - n) * sizeof *set->s);
    set->n -= n;
}

/* Joins the two neighbours that are nearest to each other. */
static void squeeze(struct spans *set)
{
    int best = 0;
    for (int i = 1; i + 1 < set->n; i++) {
        if (set->s[i + 1].lo - set->s[i].hi < set->s[best + 1].lo - set->s[best].hi) {
            best = i;
        }
    }
    set->s[best].hi = set->s[best + 1].hi;
    erase(set, best + 1, 1);
}

static void insert(struct spans *set, uintptr_t lo, uintptr_t hi, int exact)
{
    if (lo >= hi) {
        return;
    }
    int i = place(set, lo), end = i;
    while (end < set->n && set->s[end].lo <= hi) {
        end++;
    }
    if (end > i) { /* touches others: one range out of all of them */
        set->s[i].lo = set->s[i].lo < lo ? set->s[i].lo : lo;
        set->s[i].hi = set->s[end - 1].hi > hi ? set->s[end - 1].hi : hi;
        erase(set, i + 1, end - i - 1);
        return;
    }
    if (set->n == SPANS_MAX) {
        if (exact) {
            return;
        }
        squeeze(set);
        insert(set, lo, hi, 0);
        return;
    }
    memmove(&set->s[i + 1], &set->s[i], (size_t)(set->n - i) * sizeof *set->s);
    set->s[i] = (struct span){lo, hi};
    set->n++;
}

void spans_add(struct spans *set, uintptr_t lo, uintptr_t hi)
{
    insert(set, lo, hi, 0);
}
void spans_add_exact(struct spans *set, uintptr_t lo, uintptr_t hi)
{
    insert(set, lo, hi, 1);
}

void spans_remove(struct spans *set, uintptr_t lo, uintptr_t hi)
{
    for (int i = place(set, lo); i < set->n && set->s[i].lo < hi; i++) {
        struct span *s = &set->s[i];
        if (lo <= s->lo && hi >= s->hi) {
            erase(set, i--, 1);
        } else if (lo <= s->lo) {
            s->lo = hi;
        } else if (hi >= s->hi) {
            s->hi = s->hi > lo ? lo : s->hi;
        } else if (set->n < SPANS_MAX) {
            const uintptr_t end = s->hi;
            s->hi = lo;
            insert(set, hi, end, 0);
            return;
        }
    }
}

void spans_add_unknown(struct spans *set, const struct spans *known, uintptr_t lo, uintptr_t hi)
{
    for (int i = place(known, lo); i < known->n && known->s[i].lo < hi && lo < hi; i++) {
        if (known->s[i].lo > lo) {
            spans_add(set, lo, known->s[i].lo);
        }
        lo = known->s[i].hi > lo ? known->s[i].hi : lo;
    }
    spans_add(set, lo, hi);
}

void spans_both(struct spans *out, const struct spans *a, const struct spans *b)
{
    out->n = 0;
    for (int i = 0, j = 0; i < a->n && j < b->n;) {
        const uintptr_t lo = a->s[i].lo > b->s[j].lo ? a->s[i].lo : b->s[j].lo;
        const uintptr_t hi = a->s[i].hi < b->s[j].hi ? a->s[i].hi : b->s[j].hi;
        spans_add(out, lo, hi);
        if (a->s[i].hi < b->s[j].hi) {
            i++;
        } else {
            j++;
        }
    }
}

size_t spans_bytes(const struct spans *set)
{
    size_t n = 0;
    for (int i = 0; i < set->n; i++) {
        n += set->s[i].hi - set->s[i].lo;
    }
    return n;
}
