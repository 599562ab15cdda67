/* Commands of the virtual driver: taking them in, unpacking packets and chains, the worker of a
 * context, the watchdog, and what is left in a packet afterwards. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/vdrm_in.h"

/* -- taking a command in (under the mutex) ----------------------------------------------------- */

static int check_exec(struct vdrm *v, struct vdrm_client *c, const struct xdna_exec *a)
{
    const uint32_t *args = (const uint32_t *)(uintptr_t)a->args;
    if (a->ext || a->ext_flags || a->type || a->arg_count > XDNA_MAX_ARGS || a->cmd_count != 1) {
        return -EINVAL;
    }
    if (a->arg_count && !args) {
        return -EFAULT;
    }
    const struct vdrm_bo *cmd = a->cmds <= UINT32_MAX ? vdrm_bo(c, (uint32_t)a->cmds) : NULL;
    if (!cmd || cmd->type != XDNA_BO_CMD) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < a->arg_count; i++) {
        if (!vdrm_bo(c, args[i])) {
            return -ENOENT;
        }
    }
    const struct vdrm_ctx *x = vdrm_ctx(c, a->ctx);
    if (!x || (x->n_cus == 0 && !v->gen->late)) {
        return -EINVAL;
    }
    return v->gone ? -ENODEV : v->wedged ? (++v->wedged, -EIO) : 0;
}

static int check_args(struct vdrm *v, struct vdrm_client *c, const struct xdna_exec *a)
{
    const uint32_t *args = (const uint32_t *)(uintptr_t)a->args;
    const uint64_t mark = ++v->mark;
    for (uint32_t i = 0; i < a->arg_count; i++) {
        struct vdrm_bo *b = vdrm_bo(c, args[i]);
        if (b->mark == mark) {
            return -EALREADY;
        }
        b->mark = mark;
        if (b->type == XDNA_BO_SHARE && !b->user) {
            return -EFAULT;
        }
    }
    return 0;
}

static void hold(struct vdrm_bo *b)
{
    b->refs++;
    b->busy++;
    if (b->heap) {
        b->heap->busy++;
    }
}

static void let_go(struct vdrm *v, struct vdrm_client *c, struct vdrm_bo *b)
{
    b->busy--;
    if (b->heap) {
        b->heap->busy--;
    }
    vdrm_bo_put(v, c, b);
}

int vdrm_exec(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_exec *a = arg;
    const uint32_t *args = (const uint32_t *)(uintptr_t)a->args;
    int rc = -vdrm_fault_errno(v, V_EXEC);
    struct vdrm_ctx *x;
    for (;;) {
        if (!rc) {
            rc = check_exec(v, c, a);
        }
        if (rc) {
            return rc;
        }
        x = vdrm_ctx(c, a->ctx);
        if (x->count < XDNA_MAX_IN_FLIGHT) {
            break;
        }
        pthread_cond_wait(&v->cv, &v->mu); /* one more than fit: the call blocks */
    }
    rc = check_args(v, c, a);
    if (rc) {
        return rc;
    }
    struct vdrm_job *j = &x->job[(x->head + x->count) % XDNA_MAX_IN_FLIGHT];
    if ((int)a->arg_count > j->cap) {
        struct vdrm_bo **p = realloc(j->arg, a->arg_count * sizeof *p);
        if (!p) {
            return -ENOMEM;
        }
        j->arg = p;
        j->cap = (int)a->arg_count;
    }
    j->seq = a->seq = x->next_seq++;
    j->cmd = vdrm_bo(c, (uint32_t)a->cmds);
    hold(j->cmd);
    j->n_args = (int)a->arg_count;
    for (int i = 0; i < j->n_args; i++) {
        j->arg[i] = vdrm_bo(c, args[i]);
        hold(j->arg[i]);
    }
    x->count++;
    x->submissions++;
    if (c->syncobj[x->syncobj].used) {
        c->syncobj[x->syncobj].added = j->seq + 1;
    }
    pthread_cond_broadcast(&v->cv);
    return 0;
}

/* -- packets (under the mutex) ----------------------------------------------------------------- */

static uint32_t *packet(const struct vdrm_bo *b)
{
    return (uint32_t *)(void *)b->kernel;
}

/* Repacks one START packet behind the others; 0, or -1: the kernel refuses it. */
static int unpack_one(const struct vdrm *v, struct vdrm_ctx *x, const struct vdrm_bo *b, int direct,
                      uint32_t *slots)
{
    const uint32_t *p = packet(b), masks = xdna_header_masks(p[0]), all = xdna_header_words(p[0]);
    const int op = xdna_header_opcode(p[0]), old = !v->gen->late;
    if ((op != XDNA_START_CU && op != XDNA_START_NPU) || all <= masks ||
        4 + 4 * (size_t)all > b->size || x->n_subs == VDRM_SUBS) {
        return -1;
    }
    const uint32_t words = all - masks;
    const uint32_t args = op == XDNA_START_NPU ? (words < 4 ? 0 : words - 4) : words;
    uint32_t slot = xdna_chain_slot(args, old);
    if (op == XDNA_START_NPU && old) {
        slot += 16;
    }
    *slots += slot;
    if (*slots > XDNA_CHAIN_B || (op == XDNA_START_NPU && (words < 4 || args > 34)) ||
        (direct && old && op == XDNA_START_CU && args > 19)) {
        return -1;
    }
    struct vdrm_sub *s = &x->sub[x->n_subs];
    *s = (struct vdrm_sub){.op = op, .cu = -1, .words = (int)words};
    s->at = x->n_subs ? s[-1].at + s[-1].words : 0;
    if ((size_t)s->at + words > sizeof x->words / 4) {
        return -1;
    }
    for (uint32_t i = 0; i < masks && s->cu < 0; i++) {
        s->cu = __builtin_ffs((int)p[1 + i]) - 1; /* the kernel forgets to add 32 for each word */
    }
    if (s->cu < 0 || (x->n_cus && s->cu >= x->n_cus)) {
        return -1;
    }
    memcpy(x->words + s->at, p + 1 + masks, 4 * (size_t)words);
    x->n_subs++;
    return 0;
}

int vdrm_unpack(struct vdrm *v, struct vdrm_ctx *x, const struct vdrm_bo *cmd)
{
    const uint32_t *p = packet(cmd);
    const struct xdna_chain *ch = (const void *)(p + 1);
    uint32_t slots = 0;
    x->n_subs = 0;
    if (xdna_header_opcode(p[0]) != XDNA_CHAIN) {
        return unpack_one(v, x, cmd, 1, &slots);
    }
    const size_t bytes = 4 * (size_t)xdna_header_words(p[0]);
    if (bytes < sizeof *ch || 4 + bytes > cmd->size || ch->n == 0 ||
        ch->n > (bytes - sizeof *ch) / 8) {
        return -1;
    }
    for (uint32_t i = 0; i < ch->n; i++) {
        uint64_t handle;
        memcpy(&handle, (const uint8_t *)ch + sizeof *ch + 8 * (size_t)i, 8); /* not aligned */
        const struct vdrm_bo *b = vdrm_bo(x->client, (uint32_t)handle);
        if (!b || b->type != XDNA_BO_CMD || unpack_one(v, x, b, 0, &slots) ||
            x->sub[i].op != x->sub[0].op) {
            return -1;
        }
    }
    return 0;
}

/* -- the end of a command (under the mutex) ---------------------------------------------------- */

/* The payload is lost: 0xff, and on newer firmware a report of what hung. */
static void spoil(const struct vdrm *v, const struct vdrm_ctx *x, struct vdrm_bo *b, int timeout)
{
    uint32_t *p = packet(b);
    const size_t n = 4 * (size_t)xdna_header_words(p[0]);
    if (4 + n > b->size) {
        return;
    }
    memset(p + 1, 0xff, n);
    if (timeout && v->chip->generation == 4 && n >= sizeof(struct xdna_health)) {
        const struct xdna_health h = {.version = 1, .txn_op = 0, .pc = (uint32_t)x->cols << 8};
        memcpy(p + 1, &h, sizeof h);
    }
}

/* state 0: the packet was refused, its state stays NEW. */
static void finish(struct vdrm *v, struct vdrm_ctx *x, int state, uint32_t status, int index)
{
    struct vdrm_job *j = &x->job[x->head];
    uint32_t *p = packet(j->cmd);
    const int chain = xdna_header_opcode(p[0]) == XDNA_CHAIN;
    if (state && state != XDNA_COMPLETED) {
        struct xdna_chain *ch = (void *)(p + 1);
        struct vdrm_bo *first = j->cmd;
        x->errors++;
        if (chain && 4 * xdna_header_words(p[0]) >= sizeof *ch + 8) {
            uint64_t handle;
            memcpy(&handle, (const uint8_t *)ch + sizeof *ch, 8);
            first = vdrm_bo(x->client, (uint32_t)handle);
            ch->error_index = index < (int)ch->n ? (uint32_t)index : 0;
            /* older kernels put the firmware's status there, of which 4 means completed */
            if (status && !v->gen->late) {
                state = (int)(status & 15);
            }
        }
        if (first && first->type == XDNA_BO_CMD) {
            spoil(v, x, first, state == XDNA_TIMEOUT);
        }
    }
    if (state) {
        p[0] = (p[0] & ~15u) | (uint32_t)state;
    }
    for (int i = 0; i < j->n_args; i++) {
        let_go(v, x->client, j->arg[i]);
    }
    let_go(v, x->client, j->cmd);
    x->head = (x->head + 1) % XDNA_MAX_IN_FLIGHT;
    x->count--;
    x->completions++;
    v->counts.jobs++;
    if (x->client->syncobj[x->syncobj].used) {
        x->client->syncobj[x->syncobj].done++;
    }
    v->last_event = clk_ns();
    pthread_cond_broadcast(&v->cv);
}

/* -- the worker -------------------------------------------------------------------------------- */

/* Silent for ms: 0: the time is over, -1: cancelled, 1: the watchdog fired. */
static int silence(struct vdrm *v, const struct vdrm_ctx *x, int64_t ms)
{
    const int64_t tdr = (int64_t)v->o.tdr_ms * 1000000;
    const int64_t end = ms < 0 ? INT64_MAX : clk_ns() + ms * 1000000;
    for (;;) {
        const int64_t now = clk_ns();
        /* the host's arithmetic takes no time on the device */
        const int64_t limit = v->computing ? now + tdr : v->last_event + tdr;
        if (x->cancel || v->gone) {
            return -1;
        }
        if (now >= end && end <= limit) {
            return 0; /* in time, however late this thread woke */
        }
        if (now >= limit) {
            return 1;
        }
        vdrm_until(v, end < limit ? end : limit);
    }
}

/* The watchdog: this command and, as the context is rebuilt, the others it had in flight. */
static void reset(struct vdrm *v, struct vdrm_ctx *x, int index)
{
    int others = x->count - 1;
    finish(v, x, v->gen->late ? XDNA_TIMEOUT : XDNA_ABORT, 0, index);
    while (others-- > 0) {
        finish(v, x, XDNA_ABORT, 0, 0);
    }
    memset(x->cu_hash, 0, sizeof x->cu_hash); /* programs are sent again */
}

/* What the script has for this command: up to which sub-command it runs, how long it is silent. */
static int64_t plan_fault(struct vdrm *v, const struct vdrm_ctx *x, const struct vdrm_rule *r,
                          int *end)
{
    const int sub = (int)r->sub < x->n_subs ? (int)r->sub : x->n_subs - 1;
    int64_t ms = (int64_t)vdrm_column_ms(v) * x->n_subs;
    if (r->act == V_ERROR || r->act == V_HANG || r->act == V_ABORTED || r->act == V_WEDGE) {
        *end = sub;
    }
    if (r->act == V_HANG || r->act == V_LOST || r->act == V_WEDGE) {
        ms = -1;
    } else if (r->act == V_SLOW) {
        ms += r->value;
    }
    return ms;
}

static void run_command(struct vdrm *v, struct vdrm_ctx *x)
{
    const struct vdrm_job *j = &x->job[x->head];
    const struct vdrm_rule r = vdrm_fault(v, V_JOB);
    const int64_t start = clk_ns();
    uint32_t *head = packet(j->cmd);
    head[0] = (head[0] & ~15u) | XDNA_NEW;
    v->last_event = start;
    if (r.act == V_REJECT || vdrm_unpack(v, x, j->cmd)) {
        finish(v, x, 0, 0, 0);
        return;
    }
    x->running = true;
    int end = x->n_subs, at = 0;
    const int64_t ms = plan_fault(v, x, &r, &end);
    v->computing++;
    pthread_mutex_unlock(&v->mu);
    const uint32_t status = end ? vdrm_fw_run(v, x, j, end, &at) : 0;
    pthread_mutex_lock(&v->mu);
    v->computing--;
    /* only now: the host hears of it at once, and would look at buffers that are still being written to */
    v->wedged = r.act == V_WEDGE ? 1 : v->wedged;
    v->gone = r.act == V_GONE ? true : v->gone;
    v->last_event = clk_ns();
    pthread_cond_broadcast(&v->cv);
    const int quiet = ms && !status ? silence(v, x, ms) : 0;
    x->busy_ns += clk_ns() - start;
    x->running = false; /* seen by others only after finish, which is under the mutex too */
    if (quiet > 0) {
        reset(v, x, end < x->n_subs ? end : x->n_subs - 1);
    } else if (quiet < 0 || v->gone) {
        finish(v, x, XDNA_ABORT, 0, 0);
    } else if (status) {
        finish(v, x, XDNA_ERROR, status, at);
    } else if (r.act == V_ERROR) {
        finish(v, x, XDNA_ERROR, r.value, end);
    } else if (r.act == V_ABORTED) {
        finish(v, x, XDNA_ABORT, 0, end);
    } else {
        finish(v, x, XDNA_COMPLETED, 0, 0);
    }
}

/* A thread that waits for a context's work may as well do it: two wake-ups less for each command.
 * Only where time does not matter: no faults are scripted, the deadline is far. */
bool vdrm_help(struct vdrm *v, struct vdrm_client *c, uint32_t syncobj, int64_t deadline_ns)
{
    if (v->faults.n || v->gone || deadline_ns - clk_ns() < 1000000000) {
        return false;
    }
    for (int i = 0; i < VDRM_CTXS; i++) {
        struct vdrm_ctx *x = c->ctx[i];
        if (x && x->syncobj == syncobj && x->count && !x->running && !x->cancel) {
            run_command(v, x);
            return true;
        }
    }
    return false;
}

void *vdrm_worker(void *arg)
{
    struct vdrm_ctx *x = arg;
    struct vdrm *v = x->v;
    pthread_mutex_lock(&v->mu);
    for (;;) {
        if (x->running) {
            pthread_cond_wait(&v->cv, &v->mu); /* another thread has taken it */
        } else if (x->count && (x->cancel || v->gone)) {
            finish(v, x, XDNA_ABORT, 0, 0);
        } else if (x->count) {
            run_command(v, x);
        } else if (x->quit) {
            break;
        } else {
            pthread_cond_wait(&v->cv, &v->mu);
        }
    }
    pthread_mutex_unlock(&v->mu);
    return NULL;
}
