/* Finding an NPU, asking who it is, and bringing it to the point where lists run.  Submitting
 * thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "npu/dev/xdna_in.h"

enum { MAX_NODES = 16 };

/* By device and revision, never by a name that firmware changes. */
static const struct chip {
    unsigned device, revision;
    const char *name;
    int generation, cols;
    int start; /* first usable column */
} chips[] = {
    {0x1502, 0x00, "npu1", 3, 4, 1}, /* Phoenix, Hawk Point */
    {0x17f0, 0x10, "npu4", 4, 8, 0}, /* Strix */
    {0x17f0, 0x11, "npu5", 4, 8, 0}, /* Strix Halo */
    {0x17f0, 0x20, "npu6", 4, 8, 0}, /* Krackan */
};

static const struct chip *chip_of(const struct sys_node *n)
{
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++) {
        if (n->vendor == 0x1022 && n->device == chips[i].device &&
            n->revision == chips[i].revision && n->type == 0) {
            return &chips[i];
        }
    }
    return NULL;
}

/* An NPU of AMD's, of a kind this driver does not know (queues in user space, or early silicon). */
static int other_npu(const struct sys_node *n)
{
    return n->vendor == 0x1022 &&
           ((n->device >= 0x17f0 && n->device <= 0x17f3) || n->device == 0x1502 ||
            (n->device >= 0x1b0a && n->device <= 0x1b0c));
}

/* -- who is there ------------------------------------------------------------------------------ */

/* 0; EPROTO: someone else's node; ENOTSUP: a version from the future; other errno. */
static int ask_version(struct dev_xdna *x)
{
    char name[64] = "";
    struct xdna_drm_version v = {.name_n = 0};
    int rc = x_call(x, XDNA_DRM_VERSION, &v);
    if (!rc) {
        v = (struct xdna_drm_version){.name_n = sizeof name - 1, .name = (uintptr_t)name};
        rc = x_call(x, XDNA_DRM_VERSION, &v);
    }
    if (rc) {
        return rc;
    }
    x->major = v.major;
    x->minor = v.minor;
    if (strcmp(name, XDNA_DRIVER_NAME) != 0) {
        return EPROTO;
    }
    return v.major < 0 || v.major > 1 ? ENOTSUP : 0;
}

static void ask_device(struct dev_xdna *x, const struct chip *chip)
{
    struct xdna_metadata m = {0};
    struct xdna_firmware f = {0};
    struct xdna_get_info i = {XDNA_INFO_METADATA, sizeof m, (uintptr_t)&m};
    x->cols = chip->cols;
    x->core_rows = 4;
    if (x_call(x, XDNA_GET_INFO, &i) == 0 && m.core.count >= 1 && m.core.count <= 8) {
        x->core_rows = m.core.count;
    }
    i = (struct xdna_get_info){XDNA_INFO_FIRMWARE, sizeof f, (uintptr_t)&f};
    if (x_call(x, XDNA_GET_INFO, &i) == 0) {
        snprintf(x->fw, sizeof x->fw, "%u.%u.%u.%u", f.major, f.minor, f.patch, f.build);
    } else {
        snprintf(x->fw, sizeof x->fw, "%.31s", x->node.fw);
    }
}

static int open_node(struct dev_xdna *x, const struct chip *chip, struct err *e)
{
    x->fd = x->sys->ops->open(x->sys, x->node.path);
    if (x->fd < 0) {
        return x_fail(x, X_OPEN, errno, e);
    }
    const int rc = ask_version(x);
    if (rc) {
        x_fail(x, X_VERSION, rc, e);
        x->sys->ops->close(x->sys, x->fd);
        x->fd = -1;
        return -ERR_NPU;
    }
    ask_device(x, chip);
    return 0;
}

/* The first node that is an NPU, or the one asked for.  Nodes of other makers are passed over. */
static int find(struct dev_xdna *x, const struct chip **chip, struct err *e)
{
    struct sys *s = x->sys;
    int why = s->ops->orphans(s) > 0 ? EIO : ENOENT, rc = 0;
    for (int i = 0; i < MAX_NODES && s->ops->node(s, i, &x->node); i++) {
        *chip = chip_of(&x->node);
        if (x->o.node && strcmp(x->o.node, x->node.path) != 0) {
            continue;
        }
        if (!*chip) {
            why = other_npu(&x->node) ? ENOTSUP : why;
            continue;
        }
        if (x->node.driver[0] && strcmp(x->node.driver, "amdxdna") != 0) {
            why = EIO;
            continue;
        }
        rc = open_node(x, *chip, e);
        if (!rc) {
            return 0;
        }
    }
    return rc ? rc : x_fail(x, X_FIND, why, e);
}

/* -- the program ------------------------------------------------------------------------------- */

static int load_image(struct dev_xdna *x, const struct chip *chip, struct err *e)
{
    int rc = xclbin_parse(x->o.xclbin, x->o.xclbin ? x->o.xclbin_b : 0, x->o.kernel, &x->image, e);
    if (rc) {
        return rc;
    }
    if (x->image.columns > x->cols) {
        return err_set(e, ERR_NPU, "xclbin: made for %d columns, this NPU (%s) has %d",
                       x->image.columns, chip->name, x->cols);
    }
    if (x->image.odd_pdi) {
        x_note(x, "the program in the xclbin does not begin as programs do");
    }
    x->lists_run = strcmp(x->image.cu[x->image.chosen].name, "DICTATE:dictate") == 0;
    return 0;
}

/* Two rows through the whole path, against the reference: caches, addresses, program. */
static int known_answer(struct dev_xdna *x, struct err *e)
{
    enum { ROWS = 2, K = 64, OUT = 1024, AUX = 2048, N = ROWS * K };
    struct npu_cmd c = {
        .op = NPU_QUANT, .m = ROWS, .n = K, .k = K, .lda = K, .ldo = K, .tile_m = 1, .tile_n = 32};
    int8_t want[N];
    struct k_row row[ROWS];
    uint32_t bo;
    int rc = dev_xdna_bo_new(x, XDNA_PAGE, "the test run", &bo, e);
    if (rc) {
        return rc;
    }
    uint8_t *p = dev_xdna_bo_map(x, bo);
    float *in = (float *)(void *)p;
    for (int i = 0; i < N; i++) {
        in[i] = (float)(i * 37 % 101 - 50) * (i < K ? 0.125f : 3.0f);
    }
    c.in[0] = NPU_ADDR(bo, 0);
    c.out = NPU_ADDR(bo, OUT);
    c.aux = NPU_ADDR(bo, AUX);
    dev_xdna_wrote(x, bo, 0, sizeof(float) * N);
    rc = dev_xdna_run(x, &c, 1, e);
    const struct k_args a = {.c = &c, .in = {in}, .out = want, .aux = row};
    k_table_c.run[NPU_QUANT](&a, 0, ROWS, 0, 1, NULL);
    if (!rc && (memcmp(p + OUT, want, sizeof want) != 0 || memcmp(p + AUX, row, sizeof row) != 0)) {
        rc = err_set(e, ERR_NPU,
                     "the NPU's test run gave wrong numbers; the xclbin does not fit "
                     "this program, or the device is damaged");
    }
    dev_xdna_bo_free(x, bo);
    return rc;
}

/* -- open, close ------------------------------------------------------------------------------- */

/* In this order: wait, context, timeline, maps, buffers, heap, file. */
void dev_xdna_close(struct dev_xdna *x)
{
    if (!x) {
        return;
    }
    if (x->fd >= 0 && getpid() == x->pid) {
        if (x_ctx_close(x)) {
            /* maps of buffers at work cannot go; closing the file ends the work */
            x->sys->ops->close(x->sys, x->fd);
            x->fd = -1;
        }
        x_slots_close(x);
        for (uint32_t i = 1; i < X_BOS; i++) {
            dev_xdna_bo_free(x, i);
        }
        x_gem_close(x, x->pdi_bo);
        x_heap_close(x);
        if (x->fd >= 0) {
            x->sys->ops->close(x->sys, x->fd);
        }
    }
    free(x->macs);
    free(x->own);
    free(x->saved);
    free(x);
}

int dev_xdna_open(struct dev_xdna **out, struct sys *s, const struct dev_xdna_opts *o,
                  struct err *e)
{
    struct dev_xdna *x = calloc(1, sizeof *x);
    const struct chip *chip = NULL;
    struct err local;
    e = e ? e : &local;
    if (!x) {
        return err_set(e, ERR_MEM, "no memory for the NPU's driver");
    }
    x->sys = s;
    x->o = *o;
    x->o.in_flight = o->in_flight < 1                    ? 2
                     : o->in_flight > XDNA_MAX_IN_FLIGHT ? XDNA_MAX_IN_FLIGHT
                                                         : o->in_flight;
    x->fd = -1;
    x->pid = getpid();
    x->macs_per_ns = 10; /* a slow guess; every chain corrects it */
    s->ops->release(s, x->release, sizeof x->release);
    s->ops->memlock(s); /* raised as far as it goes: newer kernels count pinned pages */
    int rc = find(x, &chip, e);
    rc = rc ? rc : load_image(x, chip, e);
    rc = rc ? rc : x_heap_open(x, e);
    rc = rc ? rc : x_ctx_open(x, e);
    rc = rc ? rc : x_slots_open(x, e);
    if (!rc) {
        x->generation = chip->generation;
        x->dev = (struct dev){&x_dev_ops, x->image.columns, s->threads};
        snprintf(x->name, sizeof x->name, "%.32s (%s), %d columns", x->node.vbnv, chip->name,
                 x->image.columns);
        rc = o->no_known_answer || !x->lists_run ? 0 : known_answer(x, e);
    }
    if (rc) {
        dev_xdna_close(x);
        return rc;
    }
    *out = x;
    return 0;
}

int dev_xdna_find(struct sys *s, const char *node, struct dev_chip *found, struct err *e)
{
    const struct chip *chip = NULL;
    struct dev_xdna *x = calloc(1, sizeof *x);
    if (!x) {
        return err_set(e, ERR_MEM, "no memory for the NPU's driver");
    }
    x->sys = s;
    x->o.node = node;
    s->ops->release(s, x->release, sizeof x->release);
    const int rc = find(x, &chip, e);
    if (!rc) {
        s->ops->close(s, x->fd);
        *found = (struct dev_chip){.columns = chip->cols};
        snprintf(found->name, sizeof found->name, "%s", chip->name);
        snprintf(found->path, sizeof found->path, "%s", x->node.path);
        snprintf(found->family, sizeof found->family, "%s", chip->generation == 3 ? "npu1" : "npu2");
    }
    free(x);
    return rc;
}

int dev_xdna_runs_lists(const struct dev_xdna *x)
{
    return x->lists_run;
}

struct dev *dev_xdna_dev(struct dev_xdna *x)
{
    return &x->dev;
}
const char *dev_xdna_name(const struct dev_xdna *x)
{
    return x->name;
}

static uint64_t get(const _Atomic uint64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

void dev_xdna_stats(const struct dev_xdna *x, struct dev_xdna_stats *s)
{
    *s = (struct dev_xdna_stats){
        .lists = get(&x->lists),
        .cmds = get(&x->cmds),
        .calls = get(&x->calls),
        .execs = get(&x->execs),
        .again = get(&x->again),
        .resets = get(&x->resets),
        .pack_ns = get(&x->pack_ns),
        .sync_ns = get(&x->sync_ns),
        .submit_ns = get(&x->submit_ns),
        .wait_ns = get(&x->wait_ns),
        .unpack_ns = get(&x->unpack_ns),
        .sync_b = get(&x->sync_b),
        .undo_b = get(&x->undo_b),
        .bos = get(&x->bos),
        .bo_b = get(&x->bo_b),
    };
}
