/* The virtual device's firmware: finds the program of a unit, reads its registers, checks the
 * stream, resolves device addresses, and hands the commands to the columns.  Trusts no address:
 * each must lie in a mapped buffer that the command named.  On the worker of a context, without the
 * mutex; what it reads of buffers cannot change while a command holds them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu/dev/cmd.h"
#include "npu/dev/vdrm_in.h"

/* Words of the firmware, in the numbers of the reference. */
enum {
    FW_BUS_ERROR = 0x1000004,
    FW_BAD_STREAM = 0x3000002,
    FW_NO_PROGRAM = 0x3000003,
    FW_BAD_PARAM = 0x4000003,
};

uint64_t vdrm_hash(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < n; i++) {
        h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* Where the device sees the bytes of a buffer. */
uint8_t *vdrm_device_view(const struct vdrm_bo *b)
{
    if (b->type == XDNA_BO_DEV) {
        uint8_t *heap = vdrm_device_view(b->heap);
        return heap ? heap + b->at : NULL;
    }
    return b->view ? b->view : b->type == XDNA_BO_HEAP ? b->kernel : b->user;
}

static void report(struct vdrm *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void report(struct vdrm *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    pthread_mutex_lock(&v->mu);
    vsnprintf(v->report, sizeof v->report, fmt, ap);
    pthread_mutex_unlock(&v->mu);
    va_end(ap);
}

struct window {
    const struct vdrm_bo *bo;
    uint8_t *view;
    size_t off, size;
};

/* Finds [addr, addr + n) in one of the command's buffers. */
static int find(const struct vdrm_job *j, uint64_t addr, uint64_t n, struct window *w)
{
    for (int i = 0; i < j->n_args; i++) {
        const struct vdrm_bo *b = j->arg[i];
        const uint64_t base =
            b->type == XDNA_BO_DEV ? XDNA_HEAP_BASE + b->at : (uint64_t)(uintptr_t)b->user;
        uint8_t *view = vdrm_device_view(b);
        if (base && view && b->type != XDNA_BO_CMD && addr >= base && addr - base <= b->size &&
            n <= b->size - (addr - base)) {
            *w = (struct window){b, view + (addr - base), (size_t)(addr - base), (size_t)n};
            return 0;
        }
    }
    return -1;
}

struct run {
    struct vdrm *v;
    struct vdrm_ctx *x;
    const struct vdrm_job *j;
    struct window buf[TXN_MAX_BUFS];
    int bufs;
    size_t scratch_b;
};

/* Callback of dev_cmd_resolve: a place in the stream's table of buffers. */
static void *at(void *ctx, const struct dev_operand *o)
{
    const struct run *r = ctx;
    const uint64_t buf = o->addr >> 48, off = o->addr & ((UINT64_C(1) << 48) - 1);
    if (buf == 0 || (int)buf > r->bufs || off % 4) {
        return NULL;
    }
    const struct window *w = &r->buf[buf - 1];
    return off <= w->size && o->bytes <= w->size - off ? w->view + off : NULL;
}

/* Lines that the host changed and did not flush: the device is about to read old bytes. */
static void look_for_stale(struct run *r, const struct npu_cmd *c)
{
    struct dev_touch t;
    if (dev_cmd_touch(c, 0, &t, NULL)) {
        return;
    }
    pthread_mutex_lock(&r->v->mu);
    for (int i = 0; i < t.n; i++) {
        const struct window *w = &r->buf[(t.o[i].addr >> 48) - 1];
        const uint64_t off = t.o[i].addr & ((UINT64_C(1) << 48) - 1);
        if (t.o[i].reads && w->bo->base) {
            r->v->counts.stale_lines += vdrm_stale(r->v, w->bo, w->off + off, t.o[i].bytes);
        }
    }
    pthread_mutex_unlock(&r->v->mu);
}

static int grow(struct vdrm_ctx *x, int n)
{
    if (n > x->jobs_cap) {
        const int cap = n > 64 ? n + n / 2 : 64;
        struct dev_job *p = realloc(x->jobs, (size_t)cap * sizeof *p);
        if (!p) {
            return -1;
        }
        x->jobs = p;
        x->jobs_cap = cap;
    }
    return 0;
}

static uint32_t add_list(struct run *r, const struct txn_view *list)
{
    struct err e;
    r->bufs = list->bufs;
    for (int i = 0; i < list->bufs; i++) {
        if (find(r->j, list->buf[i].addr, list->buf[i].size, &r->buf[i])) {
            report(r->v, "no buffer of the command holds device address 0x%llx",
                   (unsigned long long)list->buf[i].addr);
            return FW_BUS_ERROR;
        }
    }
    for (int i = 0; i < list->bufs; i++) {
        for (int k = 0; k < i; k++) {
            if (r->buf[i].view < r->buf[k].view + r->buf[k].size &&
                r->buf[k].view < r->buf[i].view + r->buf[i].size) {
                report(r->v, "buffers %d and %d of a list overlap", k, i);
                return FW_BAD_PARAM; /* what they hold could not be told apart */
            }
        }
    }
    if (grow(r->x, r->x->n_jobs + list->cmds)) {
        return FW_BAD_PARAM;
    }
    for (int i = 0; i < list->cmds; i++) {
        const struct npu_cmd *c = &list->cmd[i];
        struct dev_job *j = &r->x->jobs[r->x->n_jobs];
        if (dev_cmd_resolve(c, i, at, r, j, &e)) {
            report(r->v, "%s", e.text);
            return FW_BAD_PARAM;
        }
        if (r->v->o.strict) {
            look_for_stale(r, c);
        }
        const size_t b = k_scratch_bytes(c);
        r->scratch_b = b > r->scratch_b ? b : r->scratch_b;
        r->x->n_jobs++;
    }
    return 0;
}

/* The program is loaded with the unit's first command, out of memory as the device sees it. */
static uint64_t program_of(struct run *r, int cu)
{
    struct vdrm_ctx *x = r->x;
    if (cu < 0 || cu >= x->n_cus) {
        return 0;
    }
    if (!x->cu_hash[cu]) {
        const uint8_t *pdi = vdrm_device_view(x->cu_bo[cu]);
        /* the image's own length is not told: the known one is 256 bytes */
        x->cu_hash[cu] = pdi ? vdrm_hash(pdi, 256) : 0;
    }
    return x->cu_hash[cu];
}

static uint64_t pair(const uint32_t *w)
{
    return w[0] | (uint64_t)w[1] << 32;
}

static uint32_t add_sub(struct run *r, const struct vdrm_sub *s)
{
    const uint32_t *w = r->x->words + s->at;
    const int npu = s->op == XDNA_START_NPU;
    const size_t need = npu ? XDNA_NPU_ARGS : XDNA_REG_BO;
    struct window stream;
    struct txn_view list;
    struct err e;
    if (program_of(r, s->cu) != r->v->program) {
        report(r->v, "unit %d has no program that this firmware knows", s->cu);
        return FW_NO_PROGRAM;
    }
    if ((size_t)s->words < need || (!npu && pair(w + XDNA_REG_OPCODE) != XDNA_RUN_STREAM)) {
        report(r->v, "registers do not ask for an instruction stream");
        return FW_BAD_PARAM;
    }
    const uint64_t addr = pair(w + (npu ? XDNA_NPU_STREAM : XDNA_REG_STREAM));
    const uint64_t bytes = npu ? w[XDNA_NPU_BYTES] : (uint64_t)w[XDNA_REG_WORDS] * 4;
    if (find(r->j, addr, bytes, &stream) || stream.bo->type != XDNA_BO_DEV) {
        report(r->v, "no buffer of the command holds the stream at 0x%llx",
               (unsigned long long)addr);
        return FW_BUS_ERROR;
    }
    if (r->v->o.strict && stream.bo->heap->user) {
        pthread_mutex_lock(&r->v->mu);
        r->v->counts.stale_lines +=
            vdrm_stale(r->v, stream.bo->heap, stream.bo->at + stream.off, stream.size);
        pthread_mutex_unlock(&r->v->mu);
    }
    if (txn_check(stream.view, stream.size, r->v->chip->generation, &list, &e) != TXN_LIST) {
        report(r->v, "%s", e.code ? e.text : "the stream holds no command list");
        return FW_BAD_STREAM;
    }
    return add_list(r, &list);
}

uint32_t vdrm_fw_run(struct vdrm *v, struct vdrm_ctx *x, const struct vdrm_job *j, int end,
                     int *failed)
{
    struct run r;
    struct err e;
    uint32_t status = 0;
    r.v = v;
    r.x = x;
    r.j = j;
    r.scratch_b = 64;
    x->n_jobs = 0;
    for (int i = 0; i < end && !status; i++) {
        const int before = x->n_jobs;
        e.code = 0;
        status = add_sub(&r, &x->sub[i]);
        if (status) {
            *failed = i;
            x->n_jobs = before; /* what came before it has run, nothing of it has */
        }
    }
    pthread_mutex_lock(&v->array_mu);
    if (x->n_jobs && v->array->ops->run(v->array, x->jobs, x->n_jobs, r.scratch_b, &e)) {
        report(v, "%s", e.text);
        status = FW_BAD_PARAM;
        *failed = 0;
    }
    pthread_mutex_unlock(&v->array_mu);
    return status;
}
