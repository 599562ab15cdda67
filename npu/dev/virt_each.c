/* Jobs that every thread does for itself.
 *
 * Before a product a decoder step quantises a row, or a few: half a microsecond's work for one thread.  Then all of
 * them meet, and the others fetch the row, which takes longer than the work, most of all where each processor has an L3
 * of its own.  So every thread does such a job for itself, into memory of its own, and goes on with the job that reads
 * it: nobody waits in between.  Thread 0 does it where the list wants the result (another does when thread 0 comes
 * late), and that alone is counted.
 *
 * A thread that does so holds the job that reads it, and that one is not over before nobody does: only then may what
 * the short one read be written again.  A thread that comes when all tiles of the reader are done has nothing to do: it
 * looks after it began to hold, the others look who holds after they saw the tiles done.  Who has finished a tile of the
 * reader is through with the short job, and need not be asked. */
#include "npu/dev/virt_in.h"

#include "npu/dev/cmd.h"

enum { MOST_ROWS = 4 }; /* of 16 the work itself counts: one thread's is longer than what it saves (measured) */

static size_t bytes_of(const struct dev_job *j) { return (j->size[DEV_OUT] + 63) / 64 * 64; }

/* Short, and without a result that others than the next job might want? */
static bool is_short(const struct npu_cmd *c)
{
    switch (c->op) {
    case NPU_QUANT:
    case NPU_NORM_Q:
        return c->m <= MOST_ROWS && !(c->flags & NPU_CENTRE);
    case NPU_HEADS: /* several heads for each thread's one: worth it for a single row */
        return c->m == 1 && !(c->flags & (NPU_AS_K | NPU_AS_V));
    default:
        return false;
    }
}

/* Reads job `next` what j writes as its rows, all of it and no more? */
static bool reads_it(const struct dev_job *next, const struct dev_job *j)
{
    const struct k_args *a = &next->args, *b = &j->args;
    const int op = j->args.c->op == NPU_HEADS ? NPU_ATTN_I8 : NPU_GEMM_I8;
    return a->c->op == op && a->in[0] == b->out && next->size[0] == j->size[DEV_OUT] && a->c->lda == b->c->ldo &&
           a->aux == b->aux && next->size[DEV_AUX] == j->size[DEV_AUX];
}

static const char *place_of(const struct k_args *a, int slot)
{
    return slot < DEV_OUT ? a->in[slot] : slot == DEV_OUT ? a->out : slot == DEV_AUX ? a->aux : a->more;
}

/* Does operand s of a lie over operand t of b? */
static bool over(const struct dev_job *a, int s, const struct dev_job *b, int t)
{
    const char *p = place_of(&a->args, s), *q = place_of(&b->args, t);
    return a->size[s] && b->size[t] && p < q + b->size[t] && q < p + a->size[s];
}

/* May threads be at both jobs at a time?  Then nothing but those rows lies where the other job has something. */
static bool may_meet(const struct dev_job *next, const struct dev_job *j)
{
    bool apart = true;
    for (int s = 0; s < DEV_SLOTS; s++) {
        const bool rows = s == 0 || s == DEV_AUX;
        for (int t = 0; t < DEV_SLOTS; t++) {
            apart &= rows || !over(next, s, j, t);
        }
    }
    return apart;
}

size_t virt_each_find(const struct virt *v, const struct dev_job *job, int n, uint8_t *each)
{
    size_t room = 0;
    each[n - 1] = 0;
    for (int i = 0; i + 1 < n; i++) {
        each[i] = v->dev.threads > 1 && is_short(job[i].args.c) && reads_it(&job[i + 1], &job[i]) &&
                  may_meet(&job[i + 1], &job[i]);
        const size_t b = each[i] ? bytes_of(&job[i]) + job[i].size[DEV_AUX] : 0;
        room = b > room ? b : room;
    }
    return room;
}

void virt_each_begin(struct worker *w, int i)
{
    const struct virt *v = w->v;
    for (int k = 0; k < v->dev.threads; k++) {
        w->saw[k] = atomic_load(&v->worker[k].done);
    }
    virt_hold(w, i + 1);
}

void virt_each_do(struct worker *w, int i, uint32_t goal)
{
    const struct dev_job *j = &w->v->job[i];
    struct k_args a = j->args;
    virt_each_begin(w, i);
    /* Who left the list and comes again may have done it: then it has told of tiles since, and nobody would wait for it. */
    if (virt_finished(w->v, goal) || w->made == w->v->number + (uint64_t)i) {
        return;
    }
    a.out = w->room;
    a.aux = a.aux ? w->room + bytes_of(j) : NULL;
    for (uint32_t t = 0; t < j->tiles_m * j->tiles_n; t++) {
        virt_run_tile(w, j, &a, t);
    }
    w->made = w->v->number + (uint64_t)i;
}

struct k_args virt_each_args(const struct worker *w, int i)
{
    const struct virt *v = w->v;
    struct k_args a = v->job[i].args;
    if (w->index && i && v->each[i - 1]) {
        a.in[0] = w->room;
        a.aux = a.aux ? w->room + bytes_of(&v->job[i - 1]) : NULL;
    }
    return a;
}

bool virt_each_over(const struct worker *w, int i)
{
    const struct virt *v = w->v;
    bool busy = false;
    for (int k = 1; i && v->each[i - 1] && k < v->dev.threads; k++) {
        const struct worker *x = &v->worker[k];
        busy |= x != w && atomic_load(&x->done) == w->saw[k] && atomic_load(&x->holds) == (uint32_t)i + 1;
    }
    return !busy;
}
