/* Figures of the device: each call may fail on its own, then its figure is not valid and nothing
 * else. Any thread.  Every GET_INFO wakes a sleeping NPU: not more often than once a second. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "npu/dev/xdna_in.h"

enum { MAX_CTXS = 64, MAX_SENSORS = 16 };

static int info(const struct dev_xdna *x, uint32_t param, void *to, size_t n, uint32_t *got)
{
    struct xdna_get_info i = {.param = param, .size = (uint32_t)n, .buffer = (uintptr_t)to};
    memset(to, 0, n);
    const int rc = x_call(x, XDNA_GET_INFO, &i);
    if (got) {
        *got = i.size <= n ? i.size : (uint32_t)n;
    }
    return rc;
}

static void set(struct dev_value *v, uint64_t n)
{
    *v = (struct dev_value){(int64_t)n, 1};
}

/* Contexts by record; newer call first.  Kernels differ in the record's length: less is zero. */
static int contexts(const struct dev_xdna *x, struct xdna_ctx_entry *e)
{
    struct xdna_get_array a = {.param = XDNA_ARRAY_CONTEXTS,
                               .element_b = sizeof *e,
                               .n = MAX_CTXS,
                               .buffer = (uintptr_t)e};
    struct xdna_ctx_info old[MAX_CTXS];
    uint32_t left = 0;
    memset(e, 0, MAX_CTXS * sizeof *e);
    if (x_call(x, XDNA_GET_ARRAY, &a) == 0) {
        return a.n <= MAX_CTXS ? (int)a.n : -1;
    }
    if (info(x, XDNA_INFO_CONTEXTS, old, sizeof old, &left)) {
        return -1;
    }
    const int n = (int)((sizeof old - left) / sizeof *old);
    for (int i = 0; i < n; i++) {
        e[i].id = e[i].ctx = old[i].id;
        e[i].pid = old[i].pid;
        e[i].submissions = old[i].submissions;
        e[i].completions = old[i].completions;
        e[i].errors = old[i].errors;
    }
    return n;
}

int x_contexts(const struct dev_xdna *x, char *pids, size_t n)
{
    struct xdna_ctx_entry e[MAX_CTXS];
    size_t at = 0;
    const int have = x->fd >= 0 ? contexts(x, e) : -1;
    if (n) {
        pids[0] = 0;
    }
    for (int i = 0; i < have; i++) {
        const int k = snprintf(pids + at, n - at, "%s%lld", i ? ", " : "", (long long)e[i].pid);
        if (k < 0 || (size_t)k >= n - at) {
            pids[at] = 0;
            break;
        }
        at += (size_t)k;
    }
    return have;
}

static void sense_contexts(const struct dev_xdna *x, struct dev_sense *s)
{
    struct xdna_ctx_entry e[MAX_CTXS];
    const int n = contexts(x, e);
    if (n < 0) {
        return;
    }
    set(&s->contexts, (uint64_t)n);
    for (int i = 0; i < n; i++) {
        if (e[i].pid == (int64_t)x->pid && (e[i].ctx == x->ctx || e[i].id == x->ctx)) {
            set(&s->submissions, e[i].submissions);
            set(&s->completions, e[i].completions);
            set(&s->errors, e[i].errors);
        }
    }
}

/* "Column 3 Utilization"; the label may be unterminated. */
static void sense_one(const struct xdna_sensor *r, struct dev_sense *s)
{
    char label[sizeof r->label + 1];
    int col = -1;
    memcpy(label, r->label, sizeof r->label);
    label[sizeof r->label] = 0;
    if (r->type == 0) {
        set(&s->power_mw, r->unitm == -3 ? r->input : 1000 * (uint64_t)r->input);
    } else if (r->type == 1 && sscanf(label, "Column %d", &col) == 1 && col >= 0 &&
               col < DEV_MAX_COLS) {
        set(&s->col_pct[col], r->input);
        s->columns = col >= s->columns ? col + 1 : s->columns;
    } else if (r->type == 2) {
        set(&s->temp_c, r->input);
    }
}

static void sense_sensors(const struct dev_xdna *x, struct dev_sense *s)
{
    struct xdna_sensor r[MAX_SENSORS];
    uint32_t got = 0;
    if (info(x, XDNA_INFO_SENSORS, r, sizeof r, &got)) {
        return;
    }
    for (uint32_t i = 0; i < got / sizeof *r; i++) {
        sense_one(&r[i], s);
    }
}

void dev_xdna_sense(struct dev_xdna *x, struct dev_sense *s)
{
    struct xdna_clocks c;
    struct xdna_resources r;
    uint8_t mode[8];
    memset(s, 0, sizeof *s);
    snprintf(s->name, sizeof s->name, "%.63s", x->name);
    snprintf(s->driver, sizeof s->driver, "%d.%d", x->major, x->minor);
    snprintf(s->firmware, sizeof s->firmware, "%s", x->fw);
    snprintf(s->kernel, sizeof s->kernel, "%s", x->release);
    s->columns = x->image.columns;
    if (getpid() != x->pid) {
        return;
    }
    if (info(x, XDNA_INFO_CLOCKS, &c, sizeof c, NULL) == 0) {
        set(&s->mp_mhz, c.mp.mhz);
        set(&s->h_mhz, c.h.mhz);
    }
    if (info(x, XDNA_INFO_RESOURCES, &r, sizeof r, NULL) == 0) {
        set(&s->h_max_mhz, r.clock_max);
        set(&s->tops_now, r.tops_now);
        set(&s->tops_max, r.tops_max);
        set(&s->contexts_max, r.tasks_max);
    }
    if (info(x, XDNA_INFO_POWER_MODE, mode, sizeof mode, NULL) == 0) {
        set(&s->power_mode, mode[0]);
    }
    sense_contexts(x, s);
    sense_sensors(x, s);
    const int64_t busy = x->sys->ops->busy_ns(x->sys, x->fd);
    if (busy >= 0) {
        set(&s->busy_ns, (uint64_t)busy);
    }
}
