/* Lists: checked, handed over in chains, repeated when the device fails, and as a struct dev for
 * npu/rt.  Submitting thread; nothing is allocated once buffers have grown to a list's size. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/xdna_in.h"

static int grow(void **p, int *cap, int n, size_t elem)
{
    if (n > *cap) {
        void *q = realloc(*p, (size_t)(n + n / 2 + 16) * elem);
        if (!q) {
            return -1;
        }
        *p = q;
        *cap = n + n / 2 + 16;
    }
    return 0;
}

/* -- what a list touches ----------------------------------------------------------------------- */

static int touch_operand(struct dev_xdna *x, const struct dev_operand *o, int index, struct err *e)
{
    const uint64_t buf = o->addr >> 48, off = o->addr & (((uint64_t)1 << 48) - 1);
    if (buf == 0 || buf >= X_BOS || !x->bo[buf].map || off > x->bo[buf].size ||
        o->bytes > x->bo[buf].size - off || off % 4) {
        return err_set(e, ERR_NPU, "command %d (%s): %s lies outside its buffer", index,
                       dev_op_name(x->cmd[index].op), o->name);
    }
    if (!x->place[buf]) {
        x->used[x->n_used++] = (uint32_t)buf;
        x->place[buf] = (uint8_t)x->n_used;
    }
    return 0;
}

/* Reads first, then writes: a command may write what it reads. */
static void note_spans(struct dev_xdna *x, const struct dev_touch *t)
{
    for (int writes = 0; writes < 2; writes++) {
        for (int i = 0; i < t->n; i++) {
            const struct dev_operand *o = &t->o[i];
            const uintptr_t lo =
                (uintptr_t)x->bo[o->addr >> 48].map + (o->addr & (((uint64_t)1 << 48) - 1));
            if (!writes && o->reads) {
                spans_add_unknown(&x->read, &x->surely, lo, lo + o->bytes);
            } else if (writes && o->writes) {
                spans_add(&x->written, lo, lo + o->bytes);
                if (o->whole) {
                    spans_add_exact(&x->surely, lo, lo + o->bytes);
                }
            }
        }
    }
}

static int survey(struct dev_xdna *x, int n, struct err *e)
{
    struct dev_touch t;
    memset(x->place, 0, sizeof x->place);
    x->n_used = 0;
    x->read.n = x->written.n = x->surely.n = 0;
    if (grow((void **)&x->macs, &x->macs_cap, n, sizeof *x->macs)) {
        return err_set(e, ERR_MEM, "no memory for a list of %d commands", n);
    }
    for (int i = 0; i < n; i++) {
        int rc = dev_cmd_touch(&x->cmd[i], i, &t, e);
        for (int k = 0; k < t.n && !rc; k++) {
            rc = touch_operand(x, &t.o[k], i, e);
        }
        if (rc) {
            return rc;
        }
        note_spans(x, &t);
        x->macs[i] = t.macs;
    }
    return 0;
}

/* -- caches ------------------------------------------------------------------------------------ */

void x_flush_spans(struct dev_xdna *x, struct spans *set, _Atomic uint64_t *ns)
{
    if (x->sys->coherent) {
        set->n = 0;
        return;
    }
    const int64_t start = clk_ns();
    for (int i = 0; i < set->n; i++) {
        x_flush(x, (const void *)set->s[i].lo, set->s[i].hi - set->s[i].lo);
    }
    set->n = 0;
    x_count(ns, (uint64_t)(clk_ns() - start));
}

/* -- one try ----------------------------------------------------------------------------------- */

/* Waits for every command in flight, oldest first (from slot `next`); the first bad end counts. */
static enum x_end drain(struct dev_xdna *x, int next, enum x_end end)
{
    for (int i = 0; i < x->o.in_flight; i++) {
        struct x_slot *s = &x->slot[(next + i) % x->o.in_flight];
        const int before = x->failed_errno;
        if (!s->busy || end == END_DEAD || end == END_SILENT) {
            continue;
        }
        const enum x_end this = x_finish(x, s);
        if (end == END_OK) {
            end = this;
        } else {
            x->failed_errno = before;
        }
    }
    return end;
}

static int attempt(struct dev_xdna *x, int n, enum x_end *end, struct err *e)
{
    int next = 0, from = 0;
    *end = END_OK;
    while (from < n && *end == END_OK) {
        struct x_slot *s = &x->slot[next];
        next = (next + 1) % x->o.in_flight;
        if (s->busy) {
            *end = x_finish(x, s);
        }
        if (*end != END_OK) {
            break;
        }
        const int k = x_fill(x, s, from, n - from, e);
        if (k <= 0) {
            drain(x, next, END_OK);
            return k < 0 ? k : err_set(e, ERR_NPU, "a command does not fit a chain");
        }
        *end = x_hand_over(x, s);
        from += k;
    }
    *end = drain(x, next, *end);
    return 0;
}

/* -- recovery ---------------------------------------------------------------------------------- */

static const char *said(enum x_end end)
{
    static const char *const text[] = {"",
                                       "refused a command",
                                       "failed a command list",
                                       "dropped a command list",
                                       "did not finish a command list in time",
                                       "did not return a command list",
                                       "does not answer"};
    return text[end];
}

static int lose(struct dev_xdna *x, enum x_end end, struct err *e)
{
    x->lost = true;
    const int sys = end == END_FAILED                    ? EIO
                    : end == END_ABORTED                 ? ECANCELED
                    : end == END_DEAD && x->failed_errno ? x->failed_errno
                                                         : ETIME;
    x_fail(x, end == END_DEAD && sys != ENODEV ? X_EXEC : X_WAIT, sys, e);
    e->code = ERR_NPU_HANG;
    return -ERR_NPU_HANG;
}

/* Again in the same context, then in a new one; each time from what the list began with. */
static int run_list(struct dev_xdna *x, int n, struct err *e)
{
    enum x_end end = END_OK;
    for (int try = 0;; try++) {
        int rc = attempt(x, n, &end, e);
        if (rc || end == END_OK) {
            return rc;
        }
        if (end == END_REFUSED) {
            return x_fail(x, X_EXEC, x->failed_errno ? x->failed_errno : EINVAL, e);
        }
        if (try == 2 || x->undo.n < 0) {
            return lose(x, end, e);
        }
        const int anew = try == 1 || end == END_SILENT || end == END_DEAD;
        x_note(x, "the NPU %s; %s, list repeated", said(end),
               anew ? "new context" : "context kept");
        if (anew) {
            const int before = x->failed_errno;
            x_count(&x->resets, 1);
            if (x_ctx_close(x)) {
                x->written.n = 0; /* the device may still be writing there */
                return lose(x, end, e);
            }
            if (x_ctx_open(x, e)) {
                x->failed_errno = before;
                x->lost = true;
                e->code = ERR_NPU_HANG;
                return -ERR_NPU_HANG;
            }
            try = 1;
        }
        x_put_back(x);
        x_count(&x->again, 1);
    }
}

int dev_xdna_run(struct dev_xdna *x, const struct npu_cmd *cmd, int n, struct err *e)
{
    struct err local;
    int rc = x_same_process(x, e);
    e = e ? e : &local;
    if (rc || n == 0) {
        return rc;
    }
    if (x->lost) {
        return err_set(e, ERR_NPU_HANG,
                       "the NPU was given up after it failed; start again to use it");
    }
    if (!x->lists_run) {
        return err_set(e, ERR_NPU, "the xclbin on the NPU has no program for command lists");
    }
    const int64_t start = clk_ns();
    x->cmd = cmd;
    rc = survey(x, n, e);
    if (!rc && x_save(x)) {
        rc = err_set(e, ERR_MEM, "no memory to keep %zu bytes of a list's inputs",
                     spans_bytes(&x->undo));
    }
    if (rc) {
        return rc;
    }
    x_count(&x->pack_ns, (uint64_t)(clk_ns() - start));
    if (!x->sys->coherent) { /* and no dirty line may later be written back over a result */
        for (int i = 0; i < x->written.n; i++) {
            spans_add(&x->dirty, x->written.s[i].lo, x->written.s[i].hi);
        }
    }
    x_flush_spans(x, &x->dirty, &x->sync_ns);
    rc = run_list(x, n, e);
    /* also after a failure: whoever looks should see what is there.  A device that was given up may still be at
     * work until its context is closed (dev_xdna_give_up). */
    if (!x->lost) {
        x_flush_spans(x, &x->written, &x->unpack_ns);
    }
    x_count(&x->lists, 1);
    x_count(&x->cmds, (uint64_t)n);
    return rc;
}

/* -- a stream of the tool chain ---------------------------------------------------------------- */

int dev_xdna_exec(struct dev_xdna *x, const uint32_t *stream, size_t words, const uint32_t *bo,
                  int n_bo, struct err *e)
{
    struct x_slot *s = &x->slot[0];
    struct txn_view v;
    int twice = 0;
    int rc = x_same_process(x, e);
    if (rc || x->lost || n_bo < 0 || n_bo > XDNA_MAX_REG_BOS || words * 4 > X_STREAM_B) {
        return rc ? rc : err_set(e, ERR_NPU, "the NPU is lost, or too much for one call");
    }
    rc = txn_check(stream, words * 4, x->generation, &v, e);
    if (rc < 0) {
        return rc;
    }
    x->n_used = 0;
    x->written.n = 0;
    for (int i = 0; i < n_bo; i++) {
        const struct x_bo *b = bo[i] < X_BOS ? &x->bo[bo[i]] : &x->bo[0];
        for (int k = 0; k < i; k++) {
            twice |= bo[k] == bo[i];
        }
        if (!b->map || twice) {
            return err_set(e, ERR_NPU, "argument %d is no buffer, or named twice", i);
        }
        x->used[x->n_used++] = bo[i];
        spans_add(&x->written, (uintptr_t)b->map, (uintptr_t)b->map + b->size);
    }
    memcpy(s->stream, stream, words * 4);
    x_flush(x, s->stream, words * 4);
    s->calls = 1;
    s->chained = 0;
    s->macs = 0;
    x_registers(x, &s->sub[0], s->stream_addr, words, XDNA_MAX_REG_BOS);
    for (int i = 0; i < x->written.n; i++) {
        spans_add(&x->dirty, x->written.s[i].lo, x->written.s[i].hi);
    }
    x_flush_spans(x, &x->dirty, &x->sync_ns);
    enum x_end end = x_hand_over(x, s);
    end = end == END_OK ? x_finish(x, s) : end;
    x_flush_spans(x, &x->written, &x->unpack_ns);
    if (end == END_SILENT) { /* it must not write into buffers that are gone */
        x_count(&x->resets, 1);
        x->lost = x_ctx_close(x) != 0 || x_ctx_open(x, e) != 0;
    }
    return end == END_OK        ? 0
           : end == END_REFUSED ? x_fail(x, X_EXEC, x->failed_errno ? x->failed_errno : EINVAL, e)
                                : err_set(e, ERR_NPU_HANG, "the NPU %s", said(end));
}

/* -- as a device for npu/rt -------------------------------------------------------------------- */

static int translate_job(struct dev_xdna *x, const struct dev_job *j, struct npu_cmd *c)
{
    *c = *j->args.c;
    for (int i = 0; i < 4; i++) {
        c->in[i] = 0;
        if (j->args.in[i] && x_find(x, j->args.in[i], &c->in[i])) {
            return -1;
        }
    }
    c->out = c->aux = c->more = 0;
    return (j->args.out && x_find(x, j->args.out, &c->out)) ||
           (j->args.aux && x_find(x, j->args.aux, &c->aux)) ||
           (j->args.more && x_find(x, j->args.more, &c->more));
}

static int xdna_run(struct dev *d, const struct dev_job *job, int n, size_t scratch_b,
                    struct err *e)
{
    struct dev_xdna *x = (struct dev_xdna *)d;
    (void)scratch_b;
    if (grow((void **)&x->own, &x->own_cap, n, sizeof *x->own)) {
        return err_set(e, ERR_MEM, "no memory for a list of %d commands", n);
    }
    for (int i = 0; i < n; i++) {
        if (translate_job(x, &job[i], &x->own[i])) {
            return err_set(e, ERR_NPU, "command %d (%s): memory that is no NPU buffer", i,
                           dev_op_name(job[i].args.c->op));
        }
    }
    return dev_xdna_run(x, x->own, n, e);
}

static void xdna_stats(const struct dev *d, struct dev_stats *s)
{
    const struct dev_xdna *x = (const struct dev_xdna *)d;
    memset(s, 0, sizeof *s);
    if (x->sys->ops->figures) {
        x->sys->ops->figures(x->sys, s);
    }
    s->lists = atomic_load_explicit(&x->lists, memory_order_relaxed);
    s->cmds = atomic_load_explicit(&x->cmds, memory_order_relaxed);
}

static void xdna_close(struct dev *d)
{
    dev_xdna_close((struct dev_xdna *)d);
}

const struct dev_ops x_dev_ops = {xdna_run, xdna_stats, xdna_close};
