/* Weights asked for while a thread waits.
 *
 * A decoder step is bound by reading weights, keys and values, and half of its commands are too short for
 * two threads: while one of them normalises a row, the other would leave the memory idle.  What a
 * command reads of these does not depend on the commands before it, so a thread without a tile asks for
 * the weights of its own tiles in the next command that has some.  They go to its L2; asking changes no
 * result, and stops as soon as the command that is waited for has ended. */
#include "npu/dev/virt_in.h"

enum {
    LINE = 64,
    AT_A_TIME = 8,        /* lines between two looks at the job that is waited for */
    MOST = 512 * 1024,    /* bytes of one command: half of an L2 of 1 MB */
};

/* The next job from i on with weights for a few rows, at its first tile for w; its number, 0: none. */
static int next_job(struct worker *w, int i)
{
    const struct virt *v = w->v;
    const void *p;
    for (; i < v->n_job; i++) {
        const struct dev_job *j = &v->job[i];
        if (j->tiles_m == 1 && k_fixed(&j->args, 0, j->args.c->tile_n, 0, &p)) {
            w->ahead = (struct ahead){.job = i};
            return i;
        }
    }
    return 0;
}

/* The rest of the current part: its address and bytes; 0: w has no tile left in that job. */
static size_t rest(struct worker *w, const char **at)
{
    const struct virt *v = w->v;
    const struct dev_job *j = &v->job[w->ahead.job];
    const uint32_t step = j->args.c->tile_n, me = (uint32_t)w->index;
    const uint32_t share = virt_share(v, me, j);
    struct ahead *h = &w->ahead;
    while (h->tile < share && h->total < MOST) {
        const uint32_t n0 = virt_tile(v, me, j, h->tile) * step;
        const void *p;
        const size_t b = k_fixed(&j->args, n0, j->cols - n0 < step ? j->cols : n0 + step, h->part, &p);
        if (b > h->off) {
            *at = (const char *)p + h->off;
            return b - h->off;
        }
        h->off = 0;
        h->part = b ? h->part + 1 : 0;
        h->tile += b ? 0 : 1;
    }
    return 0;
}

void virt_ahead(struct worker *w, int i, uint32_t goal)
{
    const char *at;
    size_t left;
    if (w->ahead.job <= i && !next_job(w, i + 1)) {
        return;
    }
    while ((left = rest(w, &at)) != 0) {
        size_t k = 0;
        for (; k < left; k += AT_A_TIME * LINE) {
            if (virt_finished(w->v, goal)) {
                return;
            }
            for (size_t l = k; l < left && l < k + AT_A_TIME * LINE; l += LINE) {
                __builtin_prefetch(at + l, 0, 2);
            }
            w->ahead.off += AT_A_TIME * LINE;
            w->ahead.total += AT_A_TIME * LINE;
        }
    }
}
