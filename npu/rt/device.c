/* Devices by name: columns called directly, the virtual driver, the real one; and what is left when
 * a driver fails for good.  See inside.h and health.h. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "app/base/cpu.h"
#include "app/base/log.h"
#include "npu/dev/program.h"
#include "npu/dev/vdrm.h"
#include "npu/rt/inside.h"

static const struct profile {
    const char *name;
    int columns;
    enum vdrm_chip chip;
} profile[] = {
    {"npu4", 8, VDRM_NPU4}, /* XDNA2: 8 columns */
    {"npu1", 4, VDRM_NPU1}, /* XDNA1: 4 columns usable by one context */
};

/* One sentence for whoever looks: the log, and the state that the screen shows. */
static void note(void *ctx, const char *text)
{
    struct npu_rt *rt = ctx;
    pthread_mutex_lock(&rt->mu);
    snprintf(rt->health.note, sizeof rt->health.note, "%.*s", (int)sizeof rt->health.note - 1,
             text);
    rt->health.notes++;
    pthread_mutex_unlock(&rt->mu);
    log_msg(LOG_WARN, "%s", text);
}

static void name_it(struct rt_names *n, const struct npu_rt *rt, const char *what, const char *how,
                    const char *brief)
{
    snprintf(n->text, sizeof n->text, "%s (%s), %d column%s on %d thread%s, %s%s", what, rt->chip,
             rt->columns, rt->columns == 1 ? "" : "s", rt->threads, rt->threads == 1 ? "" : "s",
             rt->kernels->name, how);
    snprintf(n->brief, sizeof n->brief, "%s %dcol", brief, rt->columns);
}

/* -- columns called directly ------------------------------------------------------------------- */

static int open_columns(struct npu_rt *rt, int columns, int threads, struct err *e)
{
    struct dev *d;
    int rc = dev_virt_open(&d, columns, threads, rt->kernels, e);
    if (rc) {
        return rc;
    }
    if (!rt->driven) { /* falling back, they are what they were, and others read them */
        rt->columns = d->columns;
        rt->threads = d->threads;
    }
    pthread_mutex_lock(&rt->mu);
    rt->dev = d;
    pthread_mutex_unlock(&rt->mu);
    return 0;
}

/* -- the virtual driver ------------------------------------------------------------------------ */

static int open_driver(struct npu_rt *rt, const struct npu_rt_opts *o, struct dev_xdna_opts *x,
                       struct err *e)
{
    x->per_call = o->per_call;
    x->per_chain = o->per_chain;
    x->in_flight = o->in_flight;
    x->note = note;
    x->note_ctx = rt;
    return dev_xdna_open(&rt->x, rt->sys, x, e);
}

static int open_virtual(struct npu_rt *rt, const struct npu_rt_opts *o, const struct profile *p,
                        struct err *e)
{
    char why[400];
    struct dev_xdna_opts x = {0};
    const int columns = o->columns ? o->columns : p->columns;
    const struct vdrm_opts v = {.gen = o->linux_618 ? VDRM_618 : VDRM_708,
                                .chip = p->chip,
                                .kernels = rt->kernels,
                                .columns = columns,
                                .threads = o->threads ? o->threads : cpu_count(),
                                .incoherent = o->incoherent,
                                .strict = o->strict,
                                .faults = o->faults};
    if (columns > p->columns) {
        return err_set(e, ERR_USAGE, "--columns %d: an %s has %d", columns, p->name, p->columns);
    }
    int rc = vdrm_new(&rt->sys, &v, e);
    if (rc) {
        return rc;
    }
    x.xclbin = vdrm_xclbin(rt->sys, &x.xclbin_b);
    rt->columns = columns;
    rt->threads = rt->sys->threads;
    rc = open_driver(rt, o, &x, e);
    if (!rc) {
        rt->driven = 1;
        name_it(&rt->names, rt, "virtual NPU", ", behind amdxdna", "virt");
        name_it(&rt->fallen, rt, "virtual NPU", ", driver given up", "virt");
        return 0;
    }
    /* Only an injected fault comes here.  What it would cost a user of silicon is the device. */
    snprintf(why, sizeof why, "%s; the columns go on without the driver", e->text);
    rc = open_columns(rt, columns, v.threads, e);
    if (!rc) {
        name_it(&rt->names, rt, "virtual NPU", ", driver given up", "virt");
        note(rt, why);
        rt->health.fell_back = 1;
    }
    return rc;
}

/* -- the real one ------------------------------------------------------------------------------ */

/* Every way this can end without a device has its own sentence; all have the same exit code. */
static int open_real(struct npu_rt *rt, const struct npu_rt_opts *o, struct err *e)
{
    struct dev_xdna_opts x = {0};
    struct dev_chip chip;
    struct dev_program p;
    char folder[4200];
    int rc = sys_real_new(&rt->sys, NULL);
    if (rc) {
        return err_set(e, ERR_MEM, "no memory for the NPU's driver");
    }
    rc = dev_xdna_find(rt->sys, NULL, &chip, e);
    if (rc) {
        return rc;
    }
    snprintf(folder, sizeof folder, "%s/%s", o->programs ? o->programs : "", chip.family);
    rc = dev_program_load(&p, o->programs ? folder : NULL, chip.family, chip.columns, NULL, e);
    if (rc) {
        return rc;
    }
    rt->program = p.xclbin; /* until close: a new context needs it again */
    x.xclbin = p.xclbin.data;
    x.xclbin_b = p.xclbin.size;
    rc = open_driver(rt, o, &x, e);
    if (!rc && !dev_xdna_runs_lists(rt->x)) {
        rc = err_set(e, ERR_NPU,
                     "the NPU (%s) and its programs are there, but none of them runs command lists "
                     "yet (make check-npu tries what they do); leave out --device npu",
                     chip.name);
    }
    if (rc) {
        return rc;
    }
    rt->driven = 1;
    rt->chip = chip.columns == 8 ? profile[0].name : profile[1].name;
    rt->columns = dev_xdna_dev(rt->x)->columns;
    rt->threads = o->threads ? o->threads : cpu_count(); /* of the columns to fall back on */
    snprintf(rt->names.text, sizeof rt->names.text, "%.90s", dev_xdna_name(rt->x));
    snprintf(rt->names.brief, sizeof rt->names.brief, "%.8s %dcol", chip.name, rt->columns);
    name_it(&rt->fallen, rt, "virtual NPU", ", driver given up", "virt");
    return 0;
}

/* -- by name ----------------------------------------------------------------------------------- */

int rt_device_open(struct npu_rt *rt, const struct npu_rt_opts *o, struct err *e)
{
    const char *name = o->device ? o->device : "virtual";
    rt->chip = profile[0].name;
    if (strcmp(name, "virtual") == 0) {
        int rc = open_columns(rt, o->columns ? o->columns : profile[0].columns,
                              o->threads ? o->threads : cpu_count(), e);
        name_it(&rt->names, rt, "virtual NPU", "", "virt");
        return rc;
    }
    if (strcmp(name, "npu") == 0) {
        return open_real(rt, o, e);
    }
    for (size_t i = 0; i < sizeof profile / sizeof *profile; i++) {
        if (strncmp(name, "virtual:", 8) == 0 && strcmp(name + 8, profile[i].name) == 0) {
            rt->chip = profile[i].name;
            return open_virtual(rt, o, &profile[i], e);
        }
    }
    return err_set(e, ERR_USAGE, "device %.40s is not known; use virtual, virtual:npu1, virtual:npu4 or npu",
                   name);
}

void rt_device_close(struct npu_rt *rt)
{
    dev_xdna_close(rt->x);
    file_unmap(&rt->program);
    if (rt->sys && rt->sys->virtual) {
        vdrm_free(rt->sys);
    } else {
        sys_real_free(rt->sys);
    }
}

/* -- the way out ------------------------------------------------------------------------------- */

/* n bytes, a multiple of 8.  The device may write to `from` meanwhile, as hardware may: whatever it was at is
 * put back afterwards from what was there before (dev_xdna_put_back).  A race that is meant, and that a
 * sanitizer sees where the modelled device is late. */
__attribute__((no_sanitize("thread"))) static void copy_out(uint64_t *to, const volatile uint64_t *from,
                                                            size_t n)
{
    for (size_t i = 0; i < n / sizeof *to; i++) {
        to[i] = from[i];
    }
}

/* Copies every buffer out of memory that the device may still write to. */
static int move_out(struct npu_rt *rt)
{
    void *p[RT_MAX_BUFS] = {NULL};
    for (int i = 1; i < RT_MAX_BUFS; i++) {
        const struct rt_buf *b = &rt->buf[i];
        if (!b->data) {
            continue;
        }
        p[i] = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p[i] == MAP_FAILED) {
            while (--i) {
                if (p[i]) {
                    munmap(p[i], rt->buf[i].size);
                }
            }
            return -ERR_MEM;
        }
        copy_out(p[i], b->data, b->size);
    }
    for (int i = 1; i < RT_MAX_BUFS; i++) {
        if (p[i]) { /* the old map stays until the driver is closed */
            rt->buf[i] = (struct rt_buf){p[i], rt->buf[i].size, 0};
        }
    }
    return 0;
}

static void *where(void *ctx, uint32_t bo, size_t off)
{
    struct npu_rt *rt = ctx;
    return (char *)rt->buf[bo].data + off;
}

int rt_fall_back(struct npu_rt *rt, const struct err *why)
{
    char text[400];
    struct err e;
    int rc = dev_xdna_give_up(rt->x) ? move_out(rt) : 0;
    rc = rc ? rc : dev_xdna_put_back(rt->x, where, rt);
    rc = rc ? rc : open_columns(rt, rt->columns, rt->threads, &e);
    if (rc) {
        return rc;
    }
    rt->driven = 0;
    atomic_store(&rt->now, &rt->fallen);
    snprintf(text, sizeof text, "%s; the virtual NPU goes on", why->text);
    note(rt, text);
    pthread_mutex_lock(&rt->mu);
    rt->health.fell_back = 1;
    pthread_mutex_unlock(&rt->mu);
    return 0;
}
