/* See array.h.  Pure, any thread; allocates nothing. */
#include "npu/plan/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages as users of the tools report them; empty where none is on record. */
const struct plan_rule_info plan_rule[PLAN_RULES] = {
    [PLAN_R_COLUMNS] = {"columns", "Invalid configuration: NPU (Phoenix/Hawk) has 4 columns", 2},
    [PLAN_R_DEVICE] = {"device of the program", "", 14}, /* silent zeros: no tool says anything */
    [PLAN_R_CORE_DMA] = {"core DMA", "requires N input/N output DMA channels", 1},
    [PLAN_R_SHIM_DMA] = {"shim DMA", "no ShimNOCTile has sufficient DMA capacity", 2},
    [PLAN_R_MEM_DMA] = {"memory tile DMA", "requires N input/N output DMA channels", 3},
    [PLAN_R_CORE_BD] = {"core descriptors", "no space for this bd", 4},
    [PLAN_R_MEM_BD] = {"memory tile descriptors", "no space for this bd", 4},
    [PLAN_R_SHIM_BD] = {"shim descriptors", "no space for this bd", 4},
    [PLAN_R_SHIM_QUEUE] = {"shim descriptors of a direction", "no space for this bd", 4},
    [PLAN_R_WRAP] = {"descriptor size", "", 5},
    [PLAN_R_STEP] = {"descriptor step", "aie.dma_bd op Stride 3 exceeds the [1:1048576] range", 5},
    [PLAN_R_ITER] = {"descriptor repeats", "", 5},
    [PLAN_R_RUN] = {"contiguous run", "", 5},
    [PLAN_R_L1] = {"core memory", "allocated buffers exceeded available memory", 6},
    [PLAN_R_PROGRAM] = {"program memory", "section .text will not fit", 7},
    [PLAN_R_L2] = {"memory tile memory", "allocated buffers exceeded available memory", 8},
    [PLAN_R_LOCK_VALUE] = {"lock value", "", 9},
    [PLAN_R_LOCKS] = {"locks", "", 9},
    [PLAN_R_DIVIDE] = {"divisibility", "must be tileable into", 10},
    [PLAN_R_MICRO] = {"micro-kernel", "", 10},
    [PLAN_R_CONTEXTS] = {"contexts", "DRM_IOCTL_AMDXDNA_CREATE_HWCTX IOCTL failed (err=-22)", 11},
    [PLAN_R_OVERLAY] = {"one overlay", "", 12},
    [PLAN_R_TURN] = {"transposition in DMA", "", 13},
};

void plan_array_of(const struct plan_dev *d, struct plan_array *a)
{
    /* AM020/AM025 and the driver; the same for both families unless said */
    *a = (struct plan_array){
        .rows = d->rows,
        .cols = d->cols,
        .core_data_b = 65536,
        .core_prog_b = 16384,
        .core_in = 2,
        .core_out = 2,
        .core_bds = 16,
        .core_locks = 16,
        .mem_data_b = 524288,
        .mem_in = 6,
        .mem_out = 6,
        .mem_bds = 48,
        .mem_locks = 64,
        .shim_in = 2,
        .shim_out = 2,
        .shim_bds = 16,
        .shim_bds_dir = 8, /* more at a time wedge the queue (xdna-emu) */
        .wrap = 1023,
        .step = 1 << 20,
        .iter = 64,
        .lock_max = 63,
        .contexts = 6,
        .int8_r = 4,
        .int8_s = 8,
        .int8_t = 8,
        .bf16_r = 4,
        .bf16_s = 8,
        .bf16_t = 4,
    };
    if (!strcmp(d->tool, "npu2")) {
        a->contexts = 16;
        a->int8_r = 8;
        a->bf16_r = a->bf16_t = 8;
    }
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Result buffers on a core: an accumulator of 4 bytes, and narrow buffers beside it. */
static int64_t l1_result(const struct plan_design *g)
{
    const int64_t mn = (int64_t)g->m * g->n;
    /* bf16 operands leave room for one narrow buffer only */
    const int depth = g->depth_c                                        ? g->depth_c
                      : g->dtype == PLAN_I8 && g->out_b && g->out_b < 4 ? 2
                                                                        : 1;
    return g->out_b && g->out_b < 4 ? mn * 4 + depth * mn * g->out_b : depth * mn * 4;
}

static void use_memtile(const struct plan_array *a, const struct plan_design *g, struct plan_use *u,
                        int e)
{
    /* fewer columns than rows: a column feeds several rows with A */
    const int a_rows = g->cols < a->rows ? (int)ceil_div(a->rows, g->cols) : 1;
    const int64_t mk = (int64_t)g->m * g->k * e, kn = (int64_t)g->k * g->n * e;
    const int64_t out = g->out_b ? g->out_b : 4;
    u->mem_in = 2 + a->rows + g->extra_in;
    u->mem_out = a_rows + 1 + 1 + g->extra_in;
    u->mem_bds = 2 * (u->mem_in + u->mem_out);
    u->mem_locks = 2 * (2 + a->rows + g->extra_in);
    u->mem_b = 2 * mk * a_rows + 2 * (int64_t)g->m * g->n * out * a->rows;
    u->mem_b += 2 * (g->b_panel && g->K ? g->K * g->n * e : kn);
}

void plan_use_gemm(const struct plan_array *a, const struct plan_design *g, struct plan_use *u)
{
    const int e = g->dtype == PLAN_I8 ? 1 : 2;
    const int da = g->depth_a ? g->depth_a : 2, db = g->depth_b ? g->depth_b : 2;
    const int live = g->live_rows ? g->live_rows : 4;
    memset(u, 0, sizeof *u);
    u->cols = g->cols;
    u->l1_a = (int64_t)da * g->m * g->k * e;
    u->l1_b = (int64_t)db * g->k * g->n * e;
    u->l1_c = l1_result(g);
    u->l1_stack = g->stack_b ? g->stack_b : 4096;
    u->l1_extra = g->extra_b ? g->extra_b : 512;
    u->prog_b = g->prog_b;
    u->core_in = 2;
    u->core_out = 1;
    u->core_bds = da + db + (g->depth_c ? g->depth_c : 1);
    u->core_locks = 2 * 3;
    use_memtile(a, g, u, e);
    u->shim_in = (g->cols < a->rows ? g->cols : a->rows) + g->cols * (1 + g->extra_in);
    u->shim_out = g->cols;
    /* a tile row takes one descriptor each for A and B, half of the rows share one for C */
    u->shim_bds_dir = live * (2 + g->extra_in);
    u->shim_bds = u->shim_bds_dir + 2;
    u->wrap = g->K ? ceil_div(g->K, g->k) : 0;
    u->step = g->N ? (int64_t)g->m * a->rows * g->N : 0;
    u->iter = g->N ? ceil_div(g->N, (int64_t)g->n * g->cols) : 0;
    u->run_b = (int64_t)g->k * e;
    u->depth = da > db ? da : db;
    u->M = g->M, u->K = g->K, u->N = g->N;
    u->by_m = (int64_t)g->m * a->rows, u->by_k = g->k, u->by_n = (int64_t)g->n * g->cols;
    u->m = g->m, u->k = g->k, u->n = g->n;
    /* 2 x 2 blocks of accumulators for int8; 4 rows of blocks, 2 or 4 wide, for bf16 */
    u->of_m = g->dtype == PLAN_I8 ? 2 * a->int8_r : 2 * a->bf16_r < 16 ? 16 : 2 * a->bf16_r;
    u->of_k = g->dtype == PLAN_I8 ? a->int8_s : a->bf16_s;
    u->of_n = 16;
}

int64_t plan_use_l1(const struct plan_use *u)
{
    return u->l1_a + u->l1_b + u->l1_c + u->l1_stack + u->l1_extra;
}

int64_t plan_max_n(const struct plan_array *a, int m, int n, int cols)
{
    const int64_t by = (int64_t)n * cols;
    int64_t most = (a->step - 1) / ((int64_t)m * a->rows) / by * by;
    return most < a->iter * by ? most : a->iter * by;
}

/* -- the checks
 * -------------------------------------------------------------------------------------- */

/* Adds "NAME: DETAIL; the tools say "..." (rule N)". */
__attribute__((format(printf, 5, 6))) static void
add(struct plan_findings *f, enum plan_rule r, int64_t need, int64_t have, const char *fmt, ...)
{
    char detail[160], tool[96];
    va_list ap;
    if (f->n >= PLAN_MAX_FINDINGS) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    struct plan_finding *x = &f->at[f->n++];
    x->rule = r;
    x->need = need;
    x->have = have;
    snprintf(tool, sizeof tool, "%s", plan_rule[r].tool);
    if (r == PLAN_R_CORE_DMA || r == PLAN_R_MEM_DMA) {
        /* need holds inputs in the upper half, outputs in the lower */
        snprintf(tool, sizeof tool, "requires %d input/%d output DMA channels", (int)(need >> 32),
                 (int)(need & 0xFFFF));
        x->need = need >> 32 > have ? need >> 32 : need & 0xFFFF;
    }
    snprintf(x->text, sizeof x->text, "%s: %s%s%s%s (rule %d)", plan_rule[r].name, detail,
             tool[0] ? "; the tools say \"" : "", tool, tool[0] ? "\"" : "", plan_rule[r].section);
}

static void most(struct plan_findings *f, enum plan_rule r, int64_t need, int64_t have,
                 const char *what)
{
    if (need > have) {
        add(f, r, need, have, "%lld %s, there are %lld", (long long)need, what, (long long)have);
    }
}

static void check_channels(const struct plan_array *a, const struct plan_use *u,
                           struct plan_findings *f)
{
    if (u->core_in > a->core_in || u->core_out > a->core_out) {
        add(f, PLAN_R_CORE_DMA, (int64_t)u->core_in << 32 | u->core_out, a->core_in,
            "%d streams in and %d out of a core, it has %d and %d", u->core_in, u->core_out,
            a->core_in, a->core_out);
    }
    const int cols = u->cols && u->cols < a->cols ? u->cols : a->cols;
    if (u->shim_in > a->shim_in * cols || u->shim_out > a->shim_out * cols) {
        add(f, PLAN_R_SHIM_DMA, u->shim_in > a->shim_in * cols ? u->shim_in : u->shim_out,
            a->shim_in * cols, "%d fifos in and %d out, %d columns have %d and %d", u->shim_in,
            u->shim_out, cols, a->shim_in * cols, a->shim_out * cols);
    }
    if (u->mem_in > a->mem_in || u->mem_out > a->mem_out) {
        add(f, PLAN_R_MEM_DMA, (int64_t)u->mem_in << 32 | u->mem_out, a->mem_in,
            "%d streams in and %d out of a memory tile, it has %d and %d", u->mem_in, u->mem_out,
            a->mem_in, a->mem_out);
    }
    most(f, PLAN_R_CORE_BD, u->core_bds, a->core_bds, "descriptors on a core");
    most(f, PLAN_R_MEM_BD, u->mem_bds, a->mem_bds, "descriptors on a memory tile");
    most(f, PLAN_R_SHIM_BD, u->shim_bds, a->shim_bds, "descriptors live on a shim");
    most(f, PLAN_R_SHIM_QUEUE, u->shim_bds_dir, a->shim_bds_dir, "queued in one direction");
    most(f, PLAN_R_LOCK_VALUE, u->depth, a->lock_max, "objects in a fifo");
    most(f, PLAN_R_LOCKS, u->core_locks, a->core_locks, "locks on a core");
    most(f, PLAN_R_LOCKS, u->mem_locks, a->mem_locks, "locks on a memory tile");
}

static void check_shapes(const struct plan_array *a, const struct plan_use *u,
                         struct plan_findings *f)
{
    most(f, PLAN_R_WRAP, u->wrap, a->wrap, "blocks along K in one descriptor");
    /* the message's range ends at 2^20, but N = 4096 by 256 rows is reported as refused: not below,
     * so equality is refused too */
    if (u->step >= a->step) {
        add(f, PLAN_R_STEP, u->step, a->step,
            "a row block of the result is %lld elements from the next, less than %lld are allowed",
            (long long)u->step, (long long)a->step);
    }
    most(f, PLAN_R_ITER, u->iter, a->iter, "column blocks repeat A in one descriptor");
    if (u->run_b % 4) {
        add(f, PLAN_R_RUN, u->run_b, 4, "runs of %lld bytes, not a multiple of 4",
            (long long)u->run_b);
    }
    if (u->turn_b && u->turn_b < 4) {
        add(f, PLAN_R_TURN, u->turn_b, 4, "elements of %d bytes are turned, 4 is the smallest",
            u->turn_b);
    }
    const struct {
        char what;
        int64_t is, by;
    } size[] = {{'M', u->M, u->by_m}, {'K', u->K, u->by_k}, {'N', u->N, u->by_n}};
    for (int i = 0; i < 3; i++) {
        if (size[i].is && size[i].by && size[i].is % size[i].by) {
            add(f, PLAN_R_DIVIDE, size[i].is, size[i].by, "%c = %lld is no multiple of %lld",
                size[i].what, (long long)size[i].is, (long long)size[i].by);
        }
    }
    if ((u->of_m && (u->m < 1 || u->m % u->of_m)) || (u->of_k && (u->k < 1 || u->k % u->of_k)) ||
        (u->of_n && (u->n < 1 || u->n % u->of_n))) {
        add(f, PLAN_R_MICRO, u->m, u->of_m, "tile %d,%d,%d is no multiple of %d,%d,%d", u->m, u->k,
            u->n, u->of_m, u->of_k, u->of_n);
    }
}

static void check_memory(const struct plan_array *a, const struct plan_use *u,
                         struct plan_findings *f)
{
    const int64_t l1 = plan_use_l1(u);
    if (l1 > a->core_data_b) {
        add(f, PLAN_R_L1, l1, a->core_data_b,
            "A %.1f + B %.1f + C %.1f + stack and scales %.1f = %.1f KB, a core has %.0f KB",
            (double)u->l1_a / 1024, (double)u->l1_b / 1024, (double)u->l1_c / 1024,
            (double)(u->l1_stack + u->l1_extra) / 1024, (double)l1 / 1024,
            (double)a->core_data_b / 1024);
    }
    most(f, PLAN_R_PROGRAM, u->prog_b, a->core_prog_b, "bytes of program");
    if (u->mem_b > a->mem_data_b) {
        add(f, PLAN_R_L2, u->mem_b, a->mem_data_b, "buffers of %.1f KB, a memory tile has %.0f KB",
            (double)u->mem_b / 1024, (double)a->mem_data_b / 1024);
    }
}

int plan_check(const struct plan_array *a, const struct plan_use *u, struct plan_findings *f)
{
    f->n = 0;
    if (u->cols > a->cols || u->cols < 0) {
        add(f, PLAN_R_COLUMNS, u->cols, a->cols, "%d columns, the device has %d", u->cols, a->cols);
    }
    /* both families take each other's programs and answer with zeros */
    if (u->built_for && strcmp(u->built_for, a->contexts == 16 ? "npu2" : "npu1")) {
        add(f, PLAN_R_DEVICE, 0, 0, "built for %s, this is %s: it would load and return zeros",
            u->built_for, a->contexts == 16 ? "npu2" : "npu1");
    }
    check_memory(a, u, f);
    check_channels(a, u, f);
    check_shapes(a, u, f);
    most(f, PLAN_R_CONTEXTS, u->contexts, a->contexts, "hardware contexts");
    if (u->overlays > 1) {
        add(f, PLAN_R_OVERLAY, u->overlays, 1,
            "%d overlays in the loop: each change costs more than "
            "the work between changes",
            u->overlays);
    }
    return f->n;
}
