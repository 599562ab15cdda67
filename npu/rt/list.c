/* Command lists: building, checking every address and shape, handing over. */
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/rt/inside.h"

int npu_list_add(struct npu_list *l, const struct npu_cmd *c)
{
    if (l->n == l->cap) {
        int cap = l->cap ? 2 * l->cap : 64;
        struct npu_cmd *p = realloc(l->cmd, (size_t)cap * sizeof *p);
        if (!p) {
            return -ERR_MEM;
        }
        l->cmd = p;
        l->cap = cap;
    }
    l->cmd[l->n] = *c;
    l->checked = 0;
    return l->n++;
}

void npu_list_free(struct npu_list *l)
{
    free(l->cmd);
    free(l->jobs);
    memset(l, 0, sizeof *l);
}

/* Bytes that `rows` rows of `width` elements take, `stride` elements apart. */
static uint64_t span(uint64_t rows, uint64_t stride, uint64_t width, uint64_t elem)
{
    return rows ? ((rows - 1) * stride + width) * elem : 0;
}

/* Resolves addr, which must hold `bytes` bytes aligned to 4; NULL and 0 when it does not. */
static void *resolve(const struct npu_rt *rt, npu_addr addr, uint64_t bytes)
{
    const uint64_t buf = addr >> 48, off = addr & (((uint64_t)1 << 48) - 1);
    if (buf == 0 || buf >= RT_MAX_BUFS || !rt->buf[buf].data || off > rt->buf[buf].size ||
        bytes > rt->buf[buf].size - off || off % 4) {
        return NULL;
    }
    return (char *)rt->buf[buf].data + off;
}

struct operand {
    const char *name;
    npu_addr addr;
    uint64_t bytes;
    void **to;
};

static int resolve_all(const struct npu_rt *rt, const struct operand *o, int n, struct dev_job *j,
                       int index, struct err *e)
{
    for (int i = 0; i < n; i++) {
        void *p = resolve(rt, o[i].addr, o[i].bytes);
        if (!p) {
            return err_set(e, ERR_NPU, "command %d (%s): %s lies outside its buffer", index,
                           npu_op_name(j->args.c->op), o[i].name);
        }
        *o[i].to = p;
        j->bytes += o[i].bytes;
    }
    return 0;
}

static int check_gemm(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j,
                      int index, struct err *e)
{
    const int i8 = c->op == NPU_GEMM_I8;
    const uint64_t np = k_round(c->n, K_PAD_N), width = i8 ? k_round(c->k, K_PAD_K) : c->k;
    const int fine = i8 && c->flags & NPU_FINE;
    const int par = i8 ? (c->flags & NPU_MUL ? 3 : 2) : (c->flags & NPU_MUL ? 2 : 1);
    struct operand o[6] = {
        {"a", c->in[0], span(fine ? 2 * (uint64_t)c->m : c->m, c->lda, width, i8 ? 1 : 4),
         (void **)&j->args.in[0]},
        {"weights", c->in[1], i8 ? k_packed_i8_bytes(c->n, c->k) : k_packed_f32_bytes(c->n, c->k),
         (void **)&j->args.in[1]},
        {"parameters", c->in[2], np * 4 * (uint64_t)par, (void **)&j->args.in[2]},
        {"result", c->out, span(c->m, c->ldo, c->n, 4), &j->args.out},
    };
    int n = 4;
    if (c->flags & NPU_ADD) {
        o[n++] = (struct operand){"residual", c->in[3], span(c->m, c->ldp, c->n, 4),
                                  (void **)&j->args.in[3]};
    }
    if (i8) {
        o[n++] = (struct operand){"row figures", c->aux,
                                  (fine ? 2 : 1) * c->m * sizeof(struct k_row), &j->args.aux};
    }
    j->macs = (fine ? 2 : 1) * (uint64_t)c->m * c->n * c->k;
    j->cols = c->n;
    if (c->tile_n % K_PAD_N) {
        return err_set(e, ERR_NPU, "command %d: a tile of %d columns, %d fit the packing", index,
                       c->tile_n, K_PAD_N);
    }
    return resolve_all(rt, o, n, j, index, e);
}

static int check_rows(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j,
                      int index, struct err *e)
{
    const int to_s8 = c->op == NPU_QUANT || c->op == NPU_NORM_Q;
    const uint64_t width = to_s8 ? k_round(c->k, K_PAD_K) : c->k;
    const int fine = to_s8 && c->flags & NPU_FINE;
    struct operand o[4] = {
        {"rows", c->in[0], span(c->m, c->lda, c->k, 4), (void **)&j->args.in[0]},
        {"result", c->out, span(fine ? 2 * (uint64_t)c->m : c->m, c->ldo, width, to_s8 ? 1 : 4),
         &j->args.out},
    };
    int n = 2;
    if (c->op == NPU_NORM) {
        o[n++] = (struct operand){"gain", c->in[1], (uint64_t)c->k * 8, (void **)&j->args.in[1]};
    }
    if (to_s8) {
        o[n++] = (struct operand){"row figures", c->aux,
                                  (fine ? 2 : 1) * c->m * sizeof(struct k_row), &j->args.aux};
    }
    j->cols = 1;
    return resolve_all(rt, o, n, j, index, e);
}

static int check_attn(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j,
                      int index, struct err *e)
{
    const uint64_t width = (uint64_t)c->heads * c->k;
    struct operand o[5] = {
        {"queries", c->in[0], span(c->m, c->lda, width, 4), (void **)&j->args.in[0]},
        {"keys", c->in[1], span(c->n, c->ldw, width, 4), (void **)&j->args.in[1]},
        {"values", c->in[2], span(c->n, c->ldw, width, 4), (void **)&j->args.in[2]},
        {"result", c->out, span(c->m, c->ldo, width, 4), &j->args.out},
    };
    int n = 4;
    if (c->heads == 0 || c->heads > 64 || (c->flags & NPU_CAUSAL && c->n < c->m)) {
        return err_set(e, ERR_NPU, "command %d: attention of %d heads, %u keys for %u rows", index,
                       c->heads, c->n, c->m);
    }
    if (c->flags & NPU_PROBS) {
        const uint64_t pairs = (uint64_t)__builtin_popcountll(c->mask);
        o[n++] = (struct operand){"probabilities", c->in[3], span(pairs * c->m, c->ldp, c->n, 4),
                                  (void **)&j->args.in[3]};
    }
    j->macs = 2 * (uint64_t)c->m * c->n * width;
    j->cols = c->heads;
    return resolve_all(rt, o, n, j, index, e);
}

static int check_heads(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j,
                       int index, struct err *e)
{
    struct operand o[2] = {
        {"rows", c->in[0], span(c->m, c->lda, (uint64_t)c->heads * c->k, 4),
         (void **)&j->args.in[0]},
        {"head pack", c->out, k_heads_bytes(c->m, c->heads, c->k, c->flags & NPU_FINE),
         &j->args.out},
    };
    if (c->heads == 0 || c->heads > 64 || c->k % 16 || c->k > 256 || c->tile_m % K_PAD_R) {
        return err_set(e, ERR_NPU, "command %d: %d heads of %u values in tiles of %d rows", index,
                       c->heads, c->k, c->tile_m);
    }
    j->cols = c->heads;
    return resolve_all(rt, o, 2, j, index, e);
}

static int check_attn_i8(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j,
                         int index, struct err *e)
{
    const uint64_t width = (uint64_t)c->heads * c->k;
    struct operand o[5] = {
        {"queries", c->in[0], k_heads_bytes(c->m, c->heads, c->k, c->flags & NPU_FINE),
         (void **)&j->args.in[0]},
        {"keys", c->in[1], k_heads_bytes(c->n, c->heads, c->k, 0), (void **)&j->args.in[1]},
        {"values", c->in[2], k_heads_bytes(c->n, c->heads, c->k, 0), (void **)&j->args.in[2]},
        {"result", c->out, span(c->m, c->ldo, width, 4), &j->args.out},
    };
    int n = 4;
    if (c->heads == 0 || c->heads > 64 || c->k % 16 || c->k > 256 || c->flags & NPU_CAUSAL) {
        return err_set(e, ERR_NPU, "command %d: INT8 attention of %d heads of %u values", index,
                       c->heads, c->k);
    }
    if (c->flags & NPU_PROBS) {
        const uint64_t pairs = (uint64_t)__builtin_popcountll(c->mask);
        o[n++] = (struct operand){"probabilities", c->in[3], span(pairs * c->m, c->ldp, c->n, 4),
                                  (void **)&j->args.in[3]};
    }
    j->macs = 2 * (uint64_t)c->m * c->n * width;
    j->cols = c->heads;
    return resolve_all(rt, o, n, j, index, e);
}

static int check(const struct npu_rt *rt, const struct npu_cmd *c, struct dev_job *j, int index,
                 struct err *e)
{
    int rc;
    memset(j, 0, sizeof *j);
    j->args.c = c;
    if (c->op == NPU_NOP || c->op >= NPU_OP_COUNT) {
        return err_set(e, ERR_NPU, "command %d: operation %d is not known", index, c->op);
    }
    if (c->m == 0 || c->n == 0 || c->k == 0 || c->tile_m == 0 || c->tile_n == 0) {
        return err_set(e, ERR_NPU, "command %d (%s): a size is 0", index, npu_op_name(c->op));
    }
    if (c->op == NPU_GEMM_F32 || c->op == NPU_GEMM_I8) {
        rc = check_gemm(rt, c, j, index, e);
    } else if (c->op == NPU_ATTN) {
        rc = check_attn(rt, c, j, index, e);
    } else if (c->op == NPU_HEADS) {
        rc = check_heads(rt, c, j, index, e);
    } else if (c->op == NPU_ATTN_I8) {
        rc = check_attn_i8(rt, c, j, index, e);
    } else {
        rc = check_rows(rt, c, j, index, e);
    }
    j->tiles_m = (c->m + c->tile_m - 1) / c->tile_m;
    j->tiles_n = (j->cols + c->tile_n - 1) / c->tile_n;
    return rc;
}

static int check_list(const struct npu_rt *rt, struct npu_list *l, struct err *e)
{
    if (l->n > l->jobs_cap) {
        struct dev_job *p = realloc(l->jobs, (size_t)l->cap * sizeof *p);
        if (!p) {
            return err_set(e, ERR_MEM, "no memory for a list of %d commands", l->n);
        }
        l->jobs = p;
        l->jobs_cap = l->cap;
    }
    l->scratch_b = 0;
    for (int i = 0; i < l->n; i++) {
        int rc = check(rt, &l->cmd[i], (struct dev_job *)l->jobs + i, i, e);
        if (rc) {
            return rc;
        }
        size_t b = k_scratch_bytes(&l->cmd[i]);
        l->scratch_b = b > l->scratch_b ? b : l->scratch_b;
    }
    l->checked = 1;
    return 0;
}

int npu_list_run(struct npu_rt *rt, struct npu_list *l, struct err *e)
{
    if (!l->checked) {
        const int64_t start = clk_ns();
        int rc = check_list(rt, l, e);
        atomic_fetch_add_explicit(&rt->submit_ns, (uint64_t)(clk_ns() - start),
                                  memory_order_relaxed);
        if (rc) {
            return rc;
        }
    }
    return rt->dev->ops->run(rt->dev, l->jobs, l->n, l->scratch_b, e);
}
