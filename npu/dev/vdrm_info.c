/* What the virtual driver tells: GET_INFO, GET_ARRAY, SET_STATE.  Under the driver's mutex. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "npu/dev/vdrm_in.h"

enum { MAX_ENTRY_B = 4096, MAX_ENTRIES = 1024, POWER_MODES = 5 };

/* Copies what fits; that it was cut short is no error. */
static int give(struct xdna_get_info *a, const void *data, size_t n)
{
    const size_t fit = a->size < n ? a->size : n;
    if (!a->buffer) {
        return -EFAULT;
    }
    memcpy((void *)(uintptr_t)a->buffer, data, fit);
    a->size = (uint32_t)fit;
    return 0;
}

static int metadata(const struct vdrm *v, struct xdna_get_info *a)
{
    const struct xdna_metadata m = {
        .col_b = 8192,
        .cols = (uint16_t)v->chip->cols,
        .rows = 6,
        .major = 2,
        .core = {.count = 4, .start = 2, .dma_channels = 2, .locks = 16, .events = 4},
        .mem = {.count = 1, .start = 1, .dma_channels = 2, .locks = 64, .events = 2},
        .shim = {.count = 1, .start = 0, .dma_channels = 2, .locks = 16, .events = 4},
    };
    return give(a, &m, sizeof m);
}

static int clocks(const struct vdrm *v, struct xdna_get_info *a)
{
    const struct xdna_clocks c = {.mp = {"MP-NPU Clock", v->chip->mp_mhz, 0},
                                  .h = {"H Clock", v->chip->h_mhz, 0}};
    return give(a, &c, sizeof c);
}

static int resources(const struct vdrm *v, struct xdna_get_info *a)
{
    const uint64_t cols = (uint64_t)v->chip->usable, h = v->chip->h_mhz;
    const uint64_t tops =
        v->chip->generation == 3 ? 2 * cols * h / 1028 : 4096 * cols * h / 1000000;
    const struct xdna_resources r = {
        .clock_max = h,
        .tops_max = tops,
        .tasks_max = (uint64_t)v->chip->ctx_limit,
        .tops_now = vdrm_tasks(v) ? tops : 0,
        .tasks_now = (uint64_t)vdrm_tasks(v),
    };
    return v->gen->minor >= 4 ? give(a, &r, sizeof r) : -EOPNOTSUPP;
}

/* Power is not modelled; how busy each column was, is. */
static int sensors(struct vdrm *v, struct xdna_get_info *a)
{
    struct xdna_sensor s[DEV_MAX_COLS];
    struct dev_stats st;
    if (v->gen->minor < 7) {
        return -EOPNOTSUPP;
    }
    memset(s, 0, sizeof s);
    v->array->ops->stats(v->array, &st);
    for (int i = 0; i < v->array->columns; i++) {
        const uint64_t used = st.col[i].busy + st.col[i].transfer;
        snprintf(s[i].label, sizeof s[i].label, "Column %d Utilization", i);
        snprintf(s[i].units, sizeof s[i].units, "%%");
        s[i].type = 1;
        s[i].max = 100;
        s[i].input = st.list_ns ? (uint32_t)(100 * used / st.list_ns) : 0;
        s[i].input = s[i].input > 100 ? 100 : s[i].input;
    }
    return give(a, s, (size_t)v->array->columns * sizeof *s);
}

static void entry(const struct vdrm_ctx *x, struct xdna_ctx_entry *e)
{
    *e = (struct xdna_ctx_entry){
        .id = x->id,
        .start_col = (uint32_t)x->start,
        .cols = (uint32_t)x->cols,
        .ctx = x->id,
        .pid = getpid(),
        .submissions = x->submissions,
        .completions = x->completions,
        .errors = x->errors,
        .priority = XDNA_PRIORITY_NORMAL,
        .heap_b = 4 * XDNA_PAGE,
        .state = x->count > 0,
    };
    snprintf(e->name, sizeof e->name, "dictate");
}

/* The i-th context of the machine, other programs' first. */
static int nth(const struct vdrm *v, int i, struct xdna_ctx_entry *e)
{
    if (i < v->o.foreign) {
        *e = (struct xdna_ctx_entry){.id = 900u + (uint32_t)i,
                                     .start_col = (uint32_t)v->chip->first,
                                     .cols = (uint32_t)v->chip->usable,
                                     .pid = 4000 + i,
                                     .name = "another"};
        return 1;
    }
    i -= v->o.foreign;
    for (int c = 0; c < VDRM_CLIENTS; c++) {
        for (int k = 0; v->client[c] && k < VDRM_CTXS; k++) {
            if (v->client[c]->ctx[k] && i-- == 0) {
                entry(v->client[c]->ctx[k], e);
                return 1;
            }
        }
    }
    return 0;
}

static int contexts(const struct vdrm *v, struct xdna_get_info *a)
{
    struct xdna_ctx_entry e;
    uint8_t *to = (uint8_t *)(uintptr_t)a->buffer;
    uint32_t left = a->size;
    if (!to) {
        return -EFAULT;
    }
    for (int i = 0; nth(v, i, &e) && left >= sizeof(struct xdna_ctx_info); i++) {
        const struct xdna_ctx_info c = {.id = e.id,
                                        .start_col = e.start_col,
                                        .cols = e.cols,
                                        .pid = e.pid,
                                        .submissions = e.submissions,
                                        .completions = e.completions,
                                        .errors = e.errors};
        memcpy(to, &c, sizeof c);
        to += sizeof c;
        left -= (uint32_t)sizeof c;
    }
    a->size = left; /* what was not used, says the driver */
    return 0;
}

int vdrm_get_info(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_get_info *a = arg;
    const uint8_t mode[8] = {0};
    const uint32_t aie[2] = {2, v->chip->generation == 4};
    const int rc = -vdrm_fault_errno(v, V_INFO);
    (void)c;
    if (rc) {
        return rc;
    }
    switch (a->param) {
    case XDNA_INFO_METADATA:
        return metadata(v, a);
    case XDNA_INFO_AIE_VERSION:
        return give(a, aie, sizeof aie);
    case XDNA_INFO_CLOCKS:
        return clocks(v, a);
    case XDNA_INFO_SENSORS:
        return sensors(v, a);
    case XDNA_INFO_CONTEXTS:
        return contexts(v, a);
    case XDNA_INFO_FIRMWARE:
        return give(a, &v->chip->fw, sizeof v->chip->fw);
    case XDNA_INFO_POWER_MODE:
        return give(a, mode, sizeof mode);
    case XDNA_INFO_TELEMETRY:
        return v->gen->minor >= 5 ? -EINVAL : -EOPNOTSUPP; /* the content is the firmware's own */
    case XDNA_INFO_RESOURCES:
        return resources(v, a);
    default:
        return -EOPNOTSUPP;
    }
}

int vdrm_get_array(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    struct xdna_get_array *a = arg;
    uint8_t *to = (uint8_t *)(uintptr_t)a->buffer;
    struct xdna_ctx_entry e;
    const int rc = -vdrm_fault_errno(v, V_ARRAY);
    (void)c;
    if (rc) {
        return rc;
    }
    if (a->pad || a->n == 0 || a->element_b == 0 || a->element_b > MAX_ENTRY_B ||
        a->n > MAX_ENTRIES) {
        return -EINVAL;
    }
    if (a->param != XDNA_ARRAY_CONTEXTS &&
        (a->param != XDNA_ARRAY_LAST_ERROR || v->gen->minor < 2)) {
        return -EOPNOTSUPP;
    }
    if (!to) {
        return -EFAULT;
    }
    if (a->param == XDNA_ARRAY_LAST_ERROR) {
        const struct xdna_async_error none = {0};
        a->element_b = a->element_b < sizeof none ? a->element_b : (uint32_t)sizeof none;
        memcpy(to, &none, a->element_b);
        a->n = 1;
        return 0;
    }
    const uint32_t b = a->element_b < v->gen->ctx_entry_b ? a->element_b : v->gen->ctx_entry_b;
    uint32_t n = 0;
    for (; n < a->n && nth(v, (int)n, &e); n++) {
        memcpy(to + (size_t)n * a->element_b, &e, b);
    }
    a->element_b = b;
    a->n = n;
    return 0;
}

int vdrm_set_state(struct vdrm *v, struct vdrm_client *c, void *arg)
{
    const struct xdna_get_info *a = arg;
    const uint8_t *mode = (const uint8_t *)(uintptr_t)a->buffer;
    const int rc = -vdrm_fault_errno(v, V_STATE);
    (void)c;
    if (rc) {
        return rc;
    }
    if (a->param != 0) {
        return -EOPNOTSUPP;
    }
    if (!mode || a->size < 8) {
        return mode ? -EINVAL : -EFAULT;
    }
    for (int i = 1; i < 8; i++) {
        if (mode[i]) {
            return -EINVAL;
        }
    }
    return mode[0] < POWER_MODES ? 0 : -EINVAL;
}
