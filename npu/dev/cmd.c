/* See cmd.h.  Sizes are bounded before they are multiplied, so that nothing wraps round. */
#include "npu/dev/cmd.h"

#include <string.h>

/* Far above any model (large-v3: 51866 columns), far below where products overflow. */
enum { MAX_DIM = 1 << 20, MAX_STRIDE = 1 << 24, MAX_HEADS = 64, MAX_K_I8 = 65536 };
enum { MAX_TILES = 1 << 20 }; /* of a command: virt.c counts them in as many bits */
static const uint64_t MAX_SCRATCH = UINT64_C(1) << 28;

const char *dev_op_name(int op)
{
    static const char *const name[NPU_OP_COUNT] = {
        "nop",           "gemm f32", "gemm i8", "quantise",    "norm", "norm, quantise",
        "attention f32", "copy",     "heads",   "attention i8",
        "mean",          "range"};
    return op >= 0 && op < NPU_OP_COUNT && name[op] ? name[op] : "?";
}

static uint64_t span(uint64_t rows, uint64_t stride, uint64_t width, uint64_t elem)
{
    return ((rows - 1) * stride + width) * elem;
}

static void reads(struct dev_touch *t, const char *name, int slot, npu_addr a, uint64_t bytes)
{
    t->o[t->n++] = (struct dev_operand){
        .name = name, .addr = a, .bytes = bytes, .moved = bytes, .slot = (uint8_t)slot, .reads = 1};
}

static void writes(struct dev_touch *t, const char *name, int slot, npu_addr a, uint64_t bytes)
{
    t->o[t->n++] = (struct dev_operand){
        .name = name, .addr = a, .bytes = bytes, .moved = bytes, .slot = (uint8_t)slot, .writes = 1, .whole = 1};
}

/* The operand just added is rows of `width` values every `stride`. */
static void in_rows(struct dev_touch *t, uint64_t stride, uint64_t width, uint64_t elem)
{
    struct dev_operand *o = &t->o[t->n - 1];
    o->stride = stride * elem;
    o->width = width * elem;
    o->whole = o->writes && (stride == width || o->bytes == o->width);
}

static int bad(const struct npu_cmd *c, int index, const char *why, struct err *e)
{
    return err_set(e, ERR_NPU, "command %d (%s, %u x %u x %u): %s", index, dev_op_name(c->op), c->m,
                   c->n, c->k, why);
}

static int touch_gemm(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    const int i8 = c->op == NPU_GEMM_I8;
    const uint64_t np = k_round(c->n, K_PAD_N), width = i8 ? k_round(c->k, K_PAD_K) : c->k;
    const uint64_t par = (i8 ? 2u : 1u) + (c->flags & NPU_MUL ? 1u : 0u);
    const uint64_t planes = i8 && c->flags & NPU_FINE ? 2 : 1;
    const int deep = planes == 2 && c->flags & NPU_DEEP, w4 = i8 && c->flags & NPU_W4;
    if (c->tile_n % K_PAD_N) {
        return bad(c, index, "a tile does not fit the packing of the weights", e);
    }
    if (c->ldo < c->n) {
        return bad(c, index, "rows of the result overlap", e);
    }
    if (i8 && c->k > MAX_K_I8) {
        return bad(c, index, "sums would not fit 32 bits", e);
    }
    reads(t, "a", 0, c->in[0], span(planes * c->m, c->lda, width, i8 ? 1 : 4));
    in_rows(t, c->lda, width, i8 ? 1 : 4);
    if (w4 && planes == 2) {
        return bad(c, index, "weights of 4 bits meet rows of 8", e);
    }
    reads(t, "weights", 1, c->in[1],
          !i8 ? k_packed_f32_bytes(c->n, c->k)
          : w4 ? k_packed_w4_bytes(c->n, c->k)
               : k_packed_i8_bytes(c->n, c->k) + (deep ? k_packed_low_bytes(c->n, c->k) : 0));
    reads(t, "parameters", 2, c->in[2], np * 4 * par);
    if (c->flags & NPU_ADD) {
        reads(t, "residual", 3, c->in[3], span(c->m, c->ldp, c->n, 4));
        in_rows(t, c->ldp, c->n, 4);
        t->o[t->n - 1].pointwise = 1;
    }
    if (c->flags & NPU_BLOCKS) {
        reads(t, "rows of blocks", DEV_MORE, c->more,
              span((c->m + (uint64_t)c->tile_m - 1) / c->tile_m, c->ldw, c->n, 4));
        in_rows(t, c->ldw, c->n, 4);
    }
    if (i8) {
        reads(t, "row figures", DEV_AUX, c->aux, planes * c->m * sizeof(struct k_row));
    }
    writes(t, "result", DEV_OUT, c->out, span(c->m, c->ldo, c->n, 4));
    in_rows(t, c->ldo, c->n, 4);
    t->macs = planes * c->m * c->n * c->k;
    t->cols = c->n;
    return 0;
}

static int touch_rows(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    const int to_s8 = c->op == NPU_QUANT || c->op == NPU_NORM_Q;
    const uint64_t width = to_s8 ? k_round(c->k, K_PAD_K) : c->k;
    const uint64_t planes = to_s8 && c->flags & NPU_FINE ? 2 : 1;
    if (c->ldo < width) { /* rows that are read may overlap: a convolution's windows do */
        return bad(c, index, "rows of the result overlap", e);
    }
    reads(t, "rows", 0, c->in[0], span(c->m, c->lda, c->k, 4));
    in_rows(t, c->lda, c->k, 4);
    t->o[0].pointwise = !to_s8;
    if (c->op == NPU_COPY && c->flags) {
        const uint64_t par = 1 + (c->flags & NPU_MUL ? 1 : 0);
        if (c->n != c->k || c->flags & ~(NPU_BIAS | NPU_GELU | NPU_ROUGH | NPU_MUL | NPU_ADD)) {
            return bad(c, index, "what follows a product: bias, GELU, factors, rows; k = n", e);
        }
        if (c->flags & (NPU_BIAS | NPU_MUL)) {
            reads(t, "parameters", 2, c->in[2], k_round(c->n, K_PAD_N) * 4 * par);
        }
        if (c->flags & NPU_ADD) {
            reads(t, "residual", 3, c->in[3], span(c->m, c->ldp, c->n, 4));
            in_rows(t, c->ldp, c->n, 4);
            t->o[t->n - 1].pointwise = 1;
        }
    }
    if (c->op == NPU_NORM) {
        reads(t, "gain", 1, c->in[1], (uint64_t)c->k * 8);
    }
    writes(t, "result", DEV_OUT, c->out, span(planes * c->m, c->ldo, width, to_s8 ? 1 : 4));
    in_rows(t, c->ldo, width, to_s8 ? 1 : 4);
    if (to_s8 && c->flags & NPU_CENTRE) {
        if (c->ldp < c->k) {
            return bad(c, index, "rows of the means overlap", e);
        }
        writes(t, "means", 3, c->in[3], span((c->m + (uint64_t)c->tile_m - 1) / c->tile_m, c->ldp, c->k, 4));
        in_rows(t, c->ldp, c->k, 4);
    }
    if (to_s8) {
        writes(t, "row figures", DEV_AUX, c->aux, planes * c->m * sizeof(struct k_row));
    }
    t->cols = 1;
    return 0;
}

static int touch_mean(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    if (c->m != 1 || c->ldw == 0 || c->tile_n % 16) {
        return bad(c, index, "a mean is one row, of every so many-th, in tiles of 16 columns", e);
    }
    reads(t, "rows", 0, c->in[0], span(c->n, c->lda, c->k, 4));
    in_rows(t, c->lda, c->k, 4);
    t->o[0].moved = (c->n + (uint64_t)c->ldw - 1) / c->ldw * c->k * 4;
    writes(t, "result", DEV_OUT, c->out, (uint64_t)c->k * 4);
    t->cols = c->k;
    return 0;
}

static int touch_range(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    const uint32_t pieces = (c->n + c->k - 1) / c->k;
    const uint64_t width = (uint64_t)pieces * (sizeof(struct k_range) / 4);
    if (c->ldo < width) {
        return bad(c, index, "rows of the result overlap", e);
    }
    reads(t, "rows", 0, c->in[0], span(c->m, c->lda, c->n, 4));
    in_rows(t, c->lda, c->n, 4);
    writes(t, "result", DEV_OUT, c->out, span(c->m, c->ldo, width, 4));
    in_rows(t, c->ldo, width, 4);
    t->cols = pieces;
    return 0;
}

static uint64_t pack_bytes(const struct npu_cmd *c, uint32_t rows)
{
    return k_heads_bytes(rows, c->heads, c->k);
}

static int touch_heads(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    if (c->heads == 0 || c->heads > MAX_HEADS || c->k % 16 || c->k > 256 || c->tile_m % K_PAD_R) {
        return bad(c, index, "heads of up to 256 values, 16 at a time, in tiles of 16 rows", e);
    }
    reads(t, "rows", 0, c->in[0], span(c->m, c->lda, (uint64_t)c->heads * c->k, 4));
    if (c->flags & NPU_CENTRE) {
        reads(t, "centre", 1, c->in[1], (uint64_t)c->heads * c->k * 4);
    }
    writes(t, "head pack", DEV_OUT, c->out, pack_bytes(c, c->m));
    t->cols = c->heads;
    return 0;
}

static int touch_attn(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    const int i8 = c->op == NPU_ATTN_I8;
    const uint64_t width = (uint64_t)c->heads * c->k;
    if (c->heads == 0 || c->heads > MAX_HEADS || (i8 && (c->k % 16 || c->k > 256)) || c->k > 4096) {
        return bad(c, index, "1 to 64 heads of up to 256 values, 16 at a time on INT8", e);
    }
    if (c->flags & NPU_CAUSAL && (i8 || c->n < c->m)) {
        return bad(c, index, "causal attention needs f32 and a key for every row", e);
    }
    /* the encoder's kernels do not know where to write */
    if (!i8 && c->flags & NPU_PROBS && !(c->flags & NPU_CAUSAL) && c->tile_m != 1) {
        return bad(c, index, "probabilities that are not causal need tiles of one row", e);
    }
    if (c->ldo < width || (c->flags & NPU_PROBS && c->ldp < c->n)) {
        return bad(c, index, "rows of the result overlap", e);
    }
    reads(t, "queries", 0, c->in[0],
          i8 ? pack_bytes(c, c->m) : span(c->m, c->lda, width, 4));
    reads(t, "keys", 1, c->in[1], i8 ? pack_bytes(c, c->n) : span(c->n, c->ldw, width, 4));
    reads(t, "values", 2, c->in[2], i8 ? pack_bytes(c, c->n) : span(c->n, c->ldw, width, 4));
    if (i8 && c->flags & NPU_CENTRE) {
        reads(t, "centre", DEV_MORE, c->more, width * 4);
    }
    writes(t, "result", DEV_OUT, c->out, span(c->m, c->ldo, width, 4));
    in_rows(t, c->ldo, width, 4);
    if (c->flags & NPU_PROBS) {
        const uint64_t below = c->heads == 64 ? UINT64_MAX : (UINT64_C(1) << c->heads) - 1;
        const uint64_t pairs = (uint64_t)__builtin_popcountll(c->mask);
        if (pairs == 0 || c->mask & ~below) {
            return bad(c, index, "probabilities of heads that there are not", e);
        }
        writes(t, "probabilities", 3, c->in[3], span(pairs * c->m, c->ldp, c->n, 4));
        in_rows(t, c->ldp, c->n, 4);
    }
    t->macs = 2 * (uint64_t)c->m * c->n * width;
    t->cols = c->heads;
    return 0;
}

/* May a tile of this command meet what another tile writes to w?  Rows of two operands may lie
 * between each other, as queries, keys and values do in one matrix. */
static int clash(const struct dev_operand *w, const struct dev_operand *o)
{
    if (o->addr >= w->addr + w->bytes || w->addr >= o->addr + o->bytes) {
        return 0;
    }
    if (w->stride == 0 || w->stride != o->stride || w->width > w->stride || o->width > o->stride) {
        return 1;
    }
    if (o->pointwise && o->addr == w->addr && o->width == w->width) {
        return 0;
    }
    const uint64_t s = w->stride, apart = (o->addr % s + s - w->addr % s) % s;
    return apart < w->width || apart + o->width > s;
}

static int check_clashes(const struct npu_cmd *c, int index, const struct dev_touch *t,
                         struct err *e)
{
    for (int i = 0; i < t->n; i++) {
        for (int k = 0; k < t->n && t->o[i].writes; k++) {
            if (k != i && clash(&t->o[i], &t->o[k])) {
                return err_set(e, ERR_NPU, "command %d (%s): %s lies over %s", index,
                               dev_op_name(c->op), t->o[i].name, t->o[k].name);
            }
        }
    }
    return 0;
}

int dev_cmd_touch(const struct npu_cmd *c, int index, struct dev_touch *t, struct err *e)
{
    int rc;
    memset(t, 0, sizeof *t);
    if (c->op == NPU_NOP || c->op >= NPU_OP_COUNT) {
        return err_set(e, ERR_NPU, "command %d: operation %d is not known", index, c->op);
    }
    if (c->m == 0 || c->n == 0 || c->k == 0 || c->tile_m == 0 || c->tile_n == 0) {
        return bad(c, index, "a size is 0", e);
    }
    if (c->m > MAX_DIM || c->n > MAX_DIM || c->k > MAX_DIM || c->lda > MAX_STRIDE ||
        c->ldw > MAX_STRIDE || c->ldo > MAX_STRIDE || c->ldp > MAX_STRIDE) {
        return bad(c, index, "a size beyond every model", e);
    }
    switch (c->op) {
    case NPU_GEMM_F32:
    case NPU_GEMM_I8:
        rc = touch_gemm(c, index, t, e);
        break;
    case NPU_ATTN:
    case NPU_ATTN_I8:
        rc = touch_attn(c, index, t, e);
        break;
    case NPU_HEADS:
        rc = touch_heads(c, index, t, e);
        break;
    case NPU_MEAN:
        rc = touch_mean(c, index, t, e);
        break;
    case NPU_RANGE:
        rc = touch_range(c, index, t, e);
        break;
    default:
        rc = touch_rows(c, index, t, e);
    }
    if (!rc && k_scratch_bytes(c) > MAX_SCRATCH) {
        rc = bad(c, index, "a tile needs more memory than a column has", e);
    }
    const uint64_t tiles =
        ((uint64_t)c->m + c->tile_m - 1) / c->tile_m * ((t->cols + (uint64_t)c->tile_n - 1) / c->tile_n);
    if (!rc && tiles >= MAX_TILES) {
        rc = bad(c, index, "more tiles than a column can count", e);
    }
    for (int i = 0; i < t->n; i++) {
        t->bytes += t->o[i].moved;
    }
    return rc ? rc : check_clashes(c, index, t, e);
}

int dev_cmd_resolve(const struct npu_cmd *c, int index, dev_at at, void *ctx, struct dev_job *j,
                    struct err *e)
{
    struct dev_touch t;
    int rc = dev_cmd_touch(c, index, &t, e);
    if (rc) {
        return rc;
    }
    memset(j, 0, sizeof *j);
    j->args.c = c;
    for (int i = 0; i < t.n; i++) {
        const struct dev_operand *o = &t.o[i];
        void *p = at(ctx, o);
        if (!p) {
            return err_set(e, ERR_NPU, "command %d (%s): %s lies outside its buffer", index,
                           dev_op_name(c->op), o->name);
        }
        j->size[o->slot] = o->bytes;
        if (o->slot < DEV_OUT) {
            j->args.in[o->slot] = p;
        } else if (o->slot == DEV_MORE) {
            j->args.more = p;
        } else {
            *(o->slot == DEV_OUT ? &j->args.out : &j->args.aux) = p;
        }
    }
    j->cols = t.cols;
    j->tiles_m = (c->m + c->tile_m - 1) / c->tile_m;
    j->tiles_n = (t.cols + c->tile_n - 1) / c->tile_n;
    j->bytes = t.bytes;
    for (int i = 0; i < t.n; i++) {
        j->out_b += t.o[i].writes ? t.o[i].moved : 0;
    }
    j->macs = t.macs;
    return 0;
}
