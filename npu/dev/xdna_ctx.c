/* Contexts: made, given their program, given up; the slots of commands in flight.  Submitting
 * thread. */
#include <errno.h>
#include <string.h>

#include "npu/dev/xdna_in.h"

/* Longer than the kernel's own watchdog: it should speak first.  2 s on newer kernels, 60 on older.
 */
int x_wait_ms(const struct dev_xdna *x)
{
    const int ms = x->major == 0 && x->minor < 6 ? 65000 : 10000;
    return x->o.wait_ms ? x->o.wait_ms : x->sys->wait_ms > ms ? x->sys->wait_ms : ms;
}

static int configure(struct dev_xdna *x, struct err *e)
{
    struct {
        struct xdna_cu_list l;
        struct xdna_cu cu[XDNA_MAX_CUS];
    } units;
    memset(&units, 0, sizeof units);
    units.l.n = (uint16_t)x->image.n_cus;
    for (int i = 0; i < x->image.n_cus; i++) {
        units.cu[i].bo = x->pdi_bo;
        units.cu[i].func = x->image.cu[i].func;
    }
    struct xdna_config_ctx c = {
        .handle = x->ctx,
        .param = XDNA_CONFIG_CU,
        .value = (uintptr_t)&units,
        .size = (uint32_t)(sizeof units.l + (size_t)x->image.n_cus * sizeof units.cu[0])};
    const int rc = x_call(x, XDNA_CONFIG_CTX, &c);
    return rc ? x_fail(x, X_CONFIG, rc, e) : 0;
}

/* The program lies in the heap and stays there: the kernel sends it again after a reset. */
static int load_program(struct dev_xdna *x, struct err *e)
{
    uint64_t addr;
    uint8_t *host;
    if (x->pdi_bo) {
        return 0;
    }
    const int rc = x_dev_new(x, x->image.pdi_b, &x->pdi_bo, &addr, &host, e);
    if (!rc) {
        memcpy(host, x->image.pdi, x->image.pdi_b);
        x_flush(x, host, x->image.pdi_b);
    }
    return rc;
}

/* ENODEV means "no columns free" too: then the device still answers other questions. */
static int is_gone(const struct dev_xdna *x)
{
    struct xdna_firmware f;
    struct xdna_get_info i = {XDNA_INFO_FIRMWARE, sizeof f, (uintptr_t)&f};
    return x_call(x, XDNA_GET_INFO, &i) == ENODEV;
}

int x_ctx_open(struct dev_xdna *x, struct err *e)
{
    /* more than any driver copies, so that none reads beyond it; all zero asks for full speed */
    struct {
        struct xdna_qos q;
        uint8_t more[32];
    } qos;
    memset(&qos, 0, sizeof qos);
    struct xdna_create_ctx c = {.qos = (uintptr_t)&qos,
                                .max_opc = x->image.ops_per_cycle,
                                .num_tiles = (uint32_t)(x->image.columns * x->core_rows)};
    int rc = load_program(x, e);
    if (rc) {
        return rc;
    }
    rc = x_call(x, XDNA_CREATE_CTX, &c);
    if (rc) {
        return x_fail(x, rc == ENODEV && is_gone(x) ? X_WAIT : X_CTX, rc, e);
    }
    x->ctx = c.handle;
    x->syncobj = c.syncobj;
    x->has_ctx = true;
    rc = configure(x, e);
    if (rc) {
        x_ctx_close(x);
    }
    return rc;
}

/* Blocks while the kernel waits for work in flight (2 s) and for its firmware (5 s).  0, or errno:
 * then the old context may still write into our buffers, and nothing may follow it. */
int x_ctx_close(struct dev_xdna *x)
{
    struct xdna_destroy_ctx d = {x->ctx, 0};
    struct xdna_drm_handle s = {x->syncobj, 0};
    if (!x->has_ctx) {
        return 0;
    }
    const int rc = x_call(x, XDNA_DESTROY_CTX, &d);
    x_call(x, XDNA_DRM_SYNCOBJ_DESTROY, &s); /* ours to destroy, the kernel leaves it */
    x->has_ctx = false;
    x->at_large |= rc != 0;
    for (int i = 0; i < XDNA_MAX_IN_FLIGHT; i++) {
        x->slot[i].busy = 0;
    }
    return rc;
}

int x_slots_open(struct dev_xdna *x, struct err *e)
{
    for (int i = 0; i < x->o.in_flight; i++) {
        struct x_slot *s = &x->slot[i];
        int rc = x_packet_new(x, &s->chain, e);
        if (!rc) {
            rc = x_packet_new(x, &s->sub[0], e);
        }
        if (!rc) {
            rc = x_dev_new(x, X_STREAM_B, &s->stream_bo, &s->stream_addr, &s->stream, e);
        }
        if (rc) {
            return rc;
        }
    }
    return 0;
}

void x_slots_close(struct dev_xdna *x)
{
    for (int i = 0; i < XDNA_MAX_IN_FLIGHT; i++) {
        struct x_slot *s = &x->slot[i];
        x_packet_free(x, &s->chain);
        for (int j = 0; j < X_SUBS; j++) {
            x_packet_free(x, &s->sub[j]);
        }
        x_gem_close(x, s->stream_bo);
        s->stream_bo = 0;
    }
}
