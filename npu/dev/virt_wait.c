/* Waiting for tiles on a machine that others use too.
 *
 * A thread that waits spins for a moment, then sleeps in a futex, so that a tile which takes long costs
 * no processor.  The hard case is a thread that the kernel took off its processor in the middle of a
 * tile, because another program wants to run there: it comes back a time slice later (3 ms and more,
 * three decoder steps), and until then nobody can go on.  So the waiting thread looks whether the
 * other one's CPU clock stands still.  If it does, it brings that thread to its own processor, which it
 * is about to leave anyway, and sleeps: the tile is done at once.  Afterwards the helped thread goes
 * home, where it queues up for its share without holding anything, and the helper goes on alone.  When
 * it is the submitting thread that was held up, the two change places for good: it has work between
 * lists, a worker has none.
 *
 * So one busy foreign thread costs about the share that the kernel gives it.  Affinities are set for
 * the move alone and are as before after it; where that is not allowed, waiting is all that happens. */
#include "npu/dev/virt_in.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK = 100,        /* of VIRT_SPIN: two microseconds, then a glance at who shares the processor */
    STANDS_NS = 1000,  /* a clock that ran less than this ... */
    WATCH_NS = 10000,  /* ... in this time stands still */
    NAP_NS = 300000,   /* after a sleep this long somebody is looked for again */
};

void virt_sleep(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void nap(_Atomic uint32_t *word, uint32_t seen)
{
    const struct timespec t = {0, NAP_NS};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &t, NULL, 0);
}

void virt_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

/* -- threads that stand still ----------------------------------------------------------------------- */

static int64_t clock_of(clockid_t id)
{
    struct timespec t;
    return clock_gettime(id, &t) ? -1 : (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Moves thread t to processor cpu, and lets it go where it likes from there. */
static bool move_to(pthread_t t, int cpu)
{
    cpu_set_t before, one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return cpu >= 0 && cpu < CPU_SETSIZE && !pthread_getaffinity_np(t, sizeof before, &before) &&
           CPU_ISSET(cpu, &before) && !pthread_setaffinity_np(t, sizeof one, &one) &&
           !pthread_setaffinity_np(t, sizeof before, &before);
}

/* A processor that worker w may use and no other worker was last seen on; -1: none.  The kernel likes to
 * wake a thread beside the one that woke it, and leaves it there when another program keeps the rest
 * busy: then two workers would share one processor, and the other program have one to itself. */
static int free_processor(const struct worker *w)
{
    cpu_set_t set;
    if (pthread_getaffinity_np(w->thread, sizeof set, &set)) {
        return -1;
    }
    for (int k = 0; k < w->v->dev.threads; k++) {
        const int cpu = atomic_load(&w->v->worker[k].cpu);
        if (&w->v->worker[k] != w && cpu >= 0 && cpu < CPU_SETSIZE) {
            CPU_CLR(cpu, &set);
        }
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            return cpu;
        }
    }
    return -1;
}

/* Is x ready to run but not running?  Takes WATCH_NS, less when *word leaves `seen`. */
static bool stands_still(struct worker *x, _Atomic uint32_t *word, uint32_t seen)
{
    clockid_t id;
    if (pthread_getcpuclockid(x->thread, &id)) {
        return false;
    }
    const int64_t c0 = clock_of(id), t0 = clock_of(CLOCK_MONOTONIC);
    while (clock_of(CLOCK_MONOTONIC) - t0 < WATCH_NS) {
        if (atomic_load_explicit(word, memory_order_relaxed) != seen) {
            return false;
        }
        virt_pause();
    }
    const int64_t c1 = clock_of(id);
    return c0 >= 0 && c1 >= c0 && c1 - c0 < STANDS_NS;
}

/* Worker w waits for *word to leave `seen`, and x is in the way of that.  1: w itself has to leave its
 * processor to x. */
static int help(struct worker *w, struct worker *x, _Atomic uint32_t *word, uint32_t seen)
{
    const int here = sched_getcpu(), there = atomic_load(&x->cpu);
    int nobody = 0;
    atomic_store(&w->cpu, here);
    if (here >= 0 && here == there) { /* it runs as soon as we sleep; then one of us has to move */
        struct worker *guest = x->index ? x : w;
        const int away = free_processor(guest);
        if (away >= 0) {
            atomic_compare_exchange_strong(&guest->home, &nobody, 1 + away);
        }
        return guest == w && away >= 0;
    }
    if (here < 0 || !stands_still(x, word, seen)) {
        return 0;
    }
    if (x->index == 0) {
        if (!move_to(x->thread, here)) {
            return 0;
        }
        atomic_store(&x->cpu, here);
        atomic_store(&w->home, 1 + there);
        atomic_fetch_add_explicit(&w->fig.helped, 1, memory_order_relaxed);
        return 1;
    }
    if (atomic_compare_exchange_strong(&x->home, &nobody, 1 + there)) {
        if (move_to(x->thread, here)) {
            atomic_store(&x->cpu, here);
            atomic_fetch_add_explicit(&w->fig.helped, 1, memory_order_relaxed);
        } else {
            atomic_store(&x->home, 0);
        }
    }
    return 0;
}

void virt_hold(struct worker *w, int i)
{
    atomic_store_explicit(&w->cpu, sched_getcpu(), memory_order_relaxed);
    atomic_store(&w->holds, (uint32_t)i + 1);
}

int virt_release(struct worker *w)
{
    atomic_store(&w->holds, 0);
    return atomic_load_explicit(&w->home, memory_order_relaxed) != 0;
}

void virt_go_home(struct worker *w)
{
    const int home = atomic_exchange(&w->home, 0);
    if (home > 0) {
        move_to(pthread_self(), home - 1);
        atomic_store(&w->cpu, sched_getcpu());
    }
}

void virt_enter(struct worker *w)
{
    const int here = sched_getcpu();
    atomic_store(&w->cpu, here);
    for (int k = 0; k < w->index; k++) {
        if (atomic_load(&w->v->worker[k].cpu) == here && atomic_load(&w->v->worker[k].inside)) {
            const int away = free_processor(w);
            atomic_store(&w->home, away >= 0 ? 1 + away : 0);
            virt_go_home(w);
            return;
        }
    }
}

bool virt_in_the_way(struct worker *w)
{
    return atomic_load_explicit(&w->v->worker[0].inside, memory_order_relaxed) == 0 &&
           sched_getcpu() == atomic_load_explicit(&w->v->worker[0].cpu, memory_order_relaxed);
}

/* -- waits ------------------------------------------------------------------------------------------ */

static bool shares_processor(const struct worker *w, const struct worker *x)
{
    return atomic_load_explicit(&w->cpu, memory_order_relaxed) ==
           atomic_load_explicit(&x->cpu, memory_order_relaxed);
}

/* Is job i done, at `goal`, and may what it read be written again? */
static bool is_over(const struct worker *w, int i, uint32_t goal)
{
    return virt_finished(w->v, goal) && virt_each_over(w, i);
}

/* The first worker but w that serves tiles of job i. */
static struct worker *holder_of(struct worker *w, int i)
{
    for (int k = 0; k < w->v->dev.threads; k++) {
        struct worker *x = &w->v->worker[k];
        if (x != w && atomic_load(&x->holds) == (uint32_t)i + 1) {
            return x;
        }
    }
    return NULL;
}

int virt_wait_job(struct worker *w, int i, uint32_t goal)
{
    struct virt *v = w->v;
    struct worker *x;
    for (int k = 0; k < VIRT_SPIN; k++) {
        if (is_over(w, i, goal)) {
            return 0;
        }
        if (k == LOOK && (x = holder_of(w, i)) != NULL && shares_processor(w, x)) {
            break;
        }
        virt_pause();
    }
    while (!is_over(w, i, goal)) {
        x = holder_of(w, i);
        if (x && help(w, x, &x->done, atomic_load(&x->done))) {
            return 1;
        }
        /* counted first, then looked: whoever finishes does it the other way round */
        atomic_fetch_add(&v->waiting, 1);
        const uint32_t bell = atomic_load(&v->bell);
        if (!is_over(w, i, goal)) {
            nap(&v->bell, bell);
        }
        atomic_fetch_sub(&v->waiting, 1);
    }
    return 0;
}

void virt_wait_empty(struct virt *v)
{
    struct worker *w = &v->worker[0];
    uint32_t seen;
    for (int i = 0; atomic_load(&v->active) && i < VIRT_SPIN; i++) {
        virt_pause();
    }
    while ((seen = atomic_load(&v->active)) != 0) {
        for (int k = 1; k < v->dev.threads; k++) {
            if (atomic_load(&v->worker[k].inside)) {
                help(w, &v->worker[k], &v->active, seen);
            }
        }
        nap(&v->active, seen);
    }
}
