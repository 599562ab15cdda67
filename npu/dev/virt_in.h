/* The direct device's insides, for virt*.c alone: virt.c runs lists, virt_wait.c waits for tiles and for threads that the
 * machine holds up, virt_ahead.c asks for weights, virt_each.c has short jobs done by every thread for itself. */
#ifndef NPU_DEV_VIRT_IN_H
#define NPU_DEV_VIRT_IN_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "npu/dev/dev.h"

/* Figures of one thread: it alone writes, anyone reads. */
struct figures {
    _Atomic uint64_t col_busy[DEV_MAX_COLS], col_transfer[DEV_MAX_COLS], col_tiles[DEV_MAX_COLS];
    _Atomic uint64_t core[DEV_MAX_COLS][DEV_MAX_ROWS];
    _Atomic uint64_t op_busy[NPU_OP_COUNT], op_tiles[NPU_OP_COUNT];
    _Atomic uint64_t helped; /* threads that this one brought to its own processor */
};

/* How far a thread has asked for the weights of a later job (virt_ahead.c). */
struct ahead {
    int job;       /* whose; 0: none yet */
    uint32_t tile; /* of its share */
    int part;
    size_t off;    /* of that part, bytes asked for */
    size_t total;  /* of that job */
};

/* A worker's words that others look at have a cache line each: taking it from another core takes a
 * quarter of a microsecond here, and the shortest commands not much more. */
struct worker {
    alignas(64) _Atomic uint64_t claims; /* of its share of a job: the job's number and tiles taken */
    alignas(64) _Atomic uint32_t done;   /* tiles that it finished, ever */
    alignas(64) struct figures fig;
    struct virt *v;
    int index;
    pthread_t thread; /* of worker 0: whoever runs the list */
    void *scratch;
    char *room; /* behind the scratch: results of its own (virt_each.c) */
    uint64_t made; /* number of the job whose results lie there */
    struct ahead ahead;
    uint32_t saw[DEV_MAX_THREADS]; /* tiles that each had finished when w came to a job of its own (virt_each.c) */
    /* Worker 0, of a job that it did for the list (virt_each.c) and the next one: */
    uint32_t owes; /* tiles that it finished and has not told of */
    bool begun;    /* its first tile of the next job is taken */
    int late;      /* the next job, left to the others, who had begun the one before it; 0: none */

    _Atomic int cpu;        /* processor it was last seen on */
    _Atomic uint32_t inside; /* in a list; of worker 0: always while one runs */
    _Atomic uint32_t holds; /* 1 + the job that it serves tiles of; 0: none */
    _Atomic int home;       /* 1 + the processor it goes back to when its tile is done; 0: stays */
};

struct virt {
    struct dev dev;
    const struct k_table *kernels;
    struct worker *worker;
    int started; /* threads that run, thread 0 not counted */
    size_t scratch_b, room_b;
    uint8_t *each; /* jobs of the open list that every thread does for itself */
    int each_cap;

    /* The open list.  Written by the submitter while `active` is 0 and the gate is shut. */
    const struct dev_job *job;
    int n_job;
    uint64_t number; /* of job 0; numbers never come again */
    uint32_t goal;   /* tiles finished by all workers when the list opened */

    alignas(64) _Atomic uint32_t gate; /* odd: a list is open; futex word */
    _Atomic uint32_t sleepers;         /* threads asleep at the gate */
    _Atomic uint32_t active;           /* threads inside the list, thread 0 not counted; futex word */
    atomic_bool quit;
    alignas(64) _Atomic uint32_t waiting; /* threads asleep until a job is done */
    _Atomic uint32_t bell;                /* their futex word */

    /* Submitter's figures. */
    _Atomic uint64_t lists, cmds, list_ns;
    _Atomic uint64_t op_calls[NPU_OP_COUNT], op_wall[NPU_OP_COUNT], op_bytes[NPU_OP_COUNT],
        op_macs[NPU_OP_COUNT];
};

/* About 30 microseconds: longer than a gap between two jobs, shorter than a time slice. */
enum { VIRT_SPIN = 1500 };

static inline void virt_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Thread w's share of a job, and the k-th tile that it serves.
 *
 * A job of many rows is shared out by rows: what a thread wrote in one job it reads in the next, out of caches
 * that the other threads need not share with it.  A job with fewer tiles of rows than threads is shared out
 * along the columns of its result: a thread reads runs of weights in order, the same ones in every step. */
static inline bool virt_by_rows(const struct virt *v, const struct dev_job *j)
{
    return v->dev.threads > 1 && j->tiles_m >= (uint32_t)v->dev.threads;
}
/* The first of n things that is thread w's; the first threads have one more where they do not go up. */
static inline uint32_t virt_first(const struct virt *v, uint32_t w, uint32_t n)
{
    const uint64_t threads = (uint64_t)v->dev.threads;
    return (uint32_t)((w * (uint64_t)n + threads - 1) / threads);
}
static inline uint32_t virt_share(const struct virt *v, uint32_t w, const struct dev_job *j)
{
    const int rows = virt_by_rows(v, j);
    const uint32_t n = rows ? j->tiles_m : j->tiles_m * j->tiles_n;
    return (virt_first(v, w + 1, n) - virt_first(v, w, n)) * (rows ? j->tiles_n : 1);
}
static inline uint32_t virt_tile(const struct virt *v, uint32_t w, const struct dev_job *j, uint32_t k)
{
    if (virt_by_rows(v, j)) {
        const uint32_t first = virt_first(v, w, j->tiles_m), rows = virt_first(v, w + 1, j->tiles_m) - first;
        return first + k % rows + j->tiles_m * (k / rows);
    }
    return virt_first(v, w, j->tiles_m * j->tiles_n) + k;
}

/* Have all workers together finished `goal` tiles?  Then what those tiles wrote is there to be read. */
static inline bool virt_finished(const struct virt *v, uint32_t goal)
{
    uint32_t sum = 0;
    for (int k = 0; k < v->dev.threads; k++) {
        sum += atomic_load(&v->worker[k].done);
    }
    return (int32_t)(sum - goal) >= 0;
}

void virt_sleep(_Atomic uint32_t *word, uint32_t seen); /* until woken, while *word == seen */
void virt_wake(_Atomic uint32_t *word);

/* Worker w is about to serve tiles of job i; has served them.  The second returns 1 when w was helped
 * onto another thread's processor and should go home (virt_go_home), outside the list when it is not
 * worker 0. */
void virt_hold(struct worker *w, int i);
int virt_release(struct worker *w);
void virt_go_home(struct worker *w);
/* Worker w comes to a list: not on a processor that an earlier one works on. */
void virt_enter(struct worker *w);

/* Worker w has no tile left in job i, which is done at `goal`: meanwhile it asks for the weights of its
 * tiles in a later job.  Returns when they are on their way, or job i is done. */
void virt_ahead(struct worker *w, int i, uint32_t goal);

/* Tile `tile` of job j with operands a. */
void virt_run_tile(struct worker *w, const struct dev_job *j, const struct k_args *a, uint32_t tile);

/* Which of n jobs every thread does for itself, to each[n]; returns the room that a thread needs for one, bytes. */
size_t virt_each_find(const struct virt *v, const struct dev_job *job, int n, uint8_t *each);
/* Worker w comes to such a job i: holds job i + 1, and remembers what all have finished. */
void virt_each_begin(struct worker *w, int i);
/* Worker w, not 0, does such a job i to its room, and holds job i + 1, which is done at `goal`; nothing to do where it is. */
void virt_each_do(struct worker *w, int i, uint32_t goal);
/* The operands of job i for worker w: its rows may lie in its room. */
struct k_args virt_each_args(const struct worker *w, int i);
/* Has every other worker but 0 left what it does for itself before job i?  0 is counted. */
bool virt_each_over(const struct worker *w, int i);

/* Waits until job i is done, at `goal`; returns as virt_release. */
int virt_wait_job(struct worker *w, int i, uint32_t goal);
/* Worker 0 waits until no other is inside the list. */
void virt_wait_empty(struct virt *v);
/* Shares w its processor with worker 0?  Then spinning would only keep that one from its work. */
bool virt_in_the_way(struct worker *w);

#endif
