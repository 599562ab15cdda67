/* See rewrite.h. */
#include "npu/rt/rewrite.h"

#include <string.h>

#include "kernels/k.h"

static const npu_addr OFFSET = ((npu_addr)1 << 48) - 1;

/* -- room that the new list needs beside the old one's ----------------------------------------- */

struct staging {
    struct npu_rt *rt;
    uint32_t buf;      /* 0: sizes are only added up */
    size_t rows, rows_b; /* between two operations: reused by every pair of them */
    size_t norm, norm_b;
    size_t end;
};

struct job {
    const struct npu_rewrite *w;
    struct staging s;
    struct npu_list *out; /* NULL: the first pass, which only counts */
    struct err *e;
};

static int put(struct job *j, const struct npu_cmd *c)
{
    return !j->out || npu_list_add(j->out, c) >= 0
               ? 0
               : err_set(j->e, ERR_MEM, "no memory for a list of %d commands", j->out->n);
}

static npu_addr room(struct job *j, size_t n)
{
    const size_t at = j->s.end;
    j->s.end += (n + 63) / 64 * 64;
    return NPU_ADDR(j->s.buf, at);
}

static void *host(const struct job *j, npu_addr a)
{
    return (char *)npu_buf_map(j->s.rt, (uint32_t)(a >> 48)) + (a & OFFSET);
}

/* -- cutting ----------------------------------------------------------------------------------- */

/* Parameters of columns n0 .. n0 + n: 1 to 3 rows of them, each rounded up. */
static npu_addr cut_parameters(struct job *j, const struct npu_cmd *c, uint32_t n0, uint32_t n)
{
    const size_t np = k_round(c->n, K_PAD_N), to = k_round(n, K_PAD_N);
    const int rows = (c->op == NPU_GEMM_I8 ? 2 : 1) + (c->flags & NPU_MUL ? 1 : 0);
    if (!c->in[2] || n == c->n) {
        return c->in[2];
    }
    const npu_addr at = room(j, (size_t)rows * to * sizeof(float));
    if (j->out) {
        float *dst = host(j, at);
        const float *src = host(j, c->in[2]);
        for (int r = 0; r < rows; r++) {
            memcpy(dst + (size_t)r * to, src + (size_t)r * np + n0, to * sizeof *dst);
        }
    }
    return at;
}

static int cut_gemm(struct job *j, const struct npu_cmd *c)
{
    const int i8 = c->op == NPU_GEMM_I8, blocks = c->flags & NPU_BLOCKS ? 1 : 0;
    const uint32_t bn = j->w->block_n;
    /* what is added to every tile_m rows fixes tile_m, and where rows may be cut */
    const uint32_t bm = blocks ? k_round(j->w->block_m, c->tile_m) : j->w->block_m;
    const size_t kp = i8 ? k_round(c->k, K_PAD_K) / (c->flags & NPU_W4 ? 2 : 1) : (size_t)c->k * 4;
    for (uint32_t n0 = 0; n0 < c->n; n0 += bn) {
        const uint32_t n = c->n - n0 < bn ? c->n - n0 : bn;
        const npu_addr par = cut_parameters(j, c, n0, n);
        for (uint32_t m0 = 0; m0 < c->m; m0 += bm) {
            struct npu_cmd p = *c;
            p.m = c->m - m0 < bm ? c->m - m0 : bm;
            p.n = n;
            p.tile_m = blocks ? c->tile_m : j->w->tile_m;
            p.tile_n = j->w->tile_n;
            p.more += blocks ? ((npu_addr)(m0 / c->tile_m) * c->ldw + n0) * 4 : 0;
            p.in[0] += (npu_addr)m0 * c->lda * (i8 ? 1 : 4);
            p.in[1] += (npu_addr)n0 * kp;
            p.in[2] = par;
            p.in[3] += c->flags & NPU_ADD ? ((npu_addr)m0 * c->ldp + n0) * 4 : 0;
            p.aux += i8 ? m0 * sizeof(struct k_row) : 0;
            p.out += ((npu_addr)m0 * c->ldo + n0) * 4;
            const int rc = put(j, &p);
            if (rc) {
                return rc;
            }
        }
    }
    return 0;
}

static int cut_rows(struct job *j, const struct npu_cmd *c)
{
    const int s8 = c->op == NPU_QUANT || c->op == NPU_NORM_Q;
    /* a mean of every tile_m rows goes to in[3]: rows are cut between those */
    const int centre = s8 && c->flags & NPU_CENTRE;
    const uint32_t bm = centre ? k_round(j->w->block_m, c->tile_m) : j->w->block_m;
    for (uint32_t m0 = 0; m0 < c->m; m0 += bm) {
        struct npu_cmd p = *c;
        p.m = c->m - m0 < bm ? c->m - m0 : bm;
        p.in[0] += (npu_addr)m0 * c->lda * 4;
        p.in[3] += centre                 ? (npu_addr)(m0 / c->tile_m) * c->ldp * 4
                   : c->flags & NPU_ADD ? (npu_addr)m0 * c->ldp * 4
                                        : 0;
        p.out += (npu_addr)m0 * c->ldo * (s8 ? 1 : 4);
        p.aux += s8 ? m0 * sizeof(struct k_row) : 0;
        const int rc = put(j, &p);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

static int cut(struct job *j, const struct npu_cmd *c)
{
    const int gemm = c->op == NPU_GEMM_I8 || c->op == NPU_GEMM_F32;
    const int rows = c->op == NPU_QUANT || c->op == NPU_NORM || c->op == NPU_NORM_Q ||
                     c->op == NPU_COPY;
    if (!j->w->block_m || c->flags & NPU_FINE || !(gemm || rows)) {
        return put(j, c);
    }
    return gemm ? cut_gemm(j, c) : cut_rows(j, c);
}

/* -- taking apart ------------------------------------------------------------------------------ */

static npu_addr between(struct job *j, size_t n)
{
    j->s.rows_b = n > j->s.rows_b ? n : j->s.rows_b;
    return NPU_ADDR(j->s.buf, j->s.rows);
}

/* The product alone, then everything that follows it in one pass over the rows.  Rows of blocks come
 * between bias and GELU: the product keeps both. */
static int gemm_apart(struct job *j, const struct npu_cmd *c)
{
    const unsigned bias = c->flags & NPU_BLOCKS ? 0 : NPU_BIAS;
    const unsigned after = c->flags & (bias | NPU_GELU | NPU_ROUGH | NPU_MUL | NPU_ADD);
    struct npu_cmd p = *c, q = {.op = NPU_COPY,
                                .flags = (uint16_t)after,
                                .m = c->m,
                                .n = c->n,
                                .k = c->n,
                                .lda = c->n,
                                .ldo = c->ldo,
                                .ldp = c->ldp,
                                .tile_m = 32,
                                .tile_n = 1,
                                .out = c->out};
    if (!after) {
        return cut(j, c);
    }
    p.flags &= (uint16_t)~after;
    p.out = q.in[0] = between(j, (size_t)c->m * c->n * sizeof(float));
    p.ldo = c->n;
    p.in[3] = 0;
    /* INT8: the scales come first, they stay with the product */
    q.in[2] = c->in[2] + (c->op == NPU_GEMM_I8 ? k_round(c->n, K_PAD_N) * sizeof(float) : 0);
    q.in[3] = c->flags & NPU_ADD ? c->in[3] : 0;
    const int rc = cut(j, &p);
    return rc ? rc : cut(j, &q);
}

static int norm_apart(struct job *j, const struct npu_cmd *c)
{
    struct npu_cmd p = *c, q = *c;
    j->s.norm_b = 2 * sizeof(float) * c->k > j->s.norm_b ? 2 * sizeof(float) * c->k : j->s.norm_b;
    p.op = NPU_NORM;
    p.flags = 0;
    p.in[1] = NPU_ADDR(j->s.buf, j->s.norm);
    p.out = q.in[0] = between(j, (size_t)c->m * c->k * sizeof(float));
    p.ldo = q.lda = c->k;
    p.aux = 0;
    q.op = NPU_QUANT;
    const int rc = cut(j, &p);
    return rc ? rc : cut(j, &q);
}

static int one(struct job *j, const struct npu_cmd *c)
{
    if (j->w->unfused && (c->op == NPU_GEMM_I8 || c->op == NPU_GEMM_F32)) {
        return gemm_apart(j, c);
    }
    return j->w->unfused && c->op == NPU_NORM_Q ? norm_apart(j, c) : cut(j, c);
}

/* -- the whole --------------------------------------------------------------------------------- */

static void redirect(const struct npu_rewrite *w, npu_addr *a)
{
    if (w->from_b && *a >= w->from && *a < w->from + w->from_b) {
        *a = w->to + (*a - w->from);
    }
}

static int pass(struct job *j, const struct npu_list *in)
{
    for (int i = 0; i < in->n; i++) {
        struct npu_cmd c = in->cmd[i];
        for (int k = 0; k < 4; k++) {
            redirect(j->w, &c.in[k]);
        }
        redirect(j->w, &c.out);
        redirect(j->w, &c.aux);
        redirect(j->w, &c.more);
        const int rc = one(j, &c);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

/* gain 1, bias 0 for the widest row: a narrower one must find its own length of each */
static int one_width(const struct npu_list *in, struct err *e)
{
    uint32_t k = 0;
    for (int i = 0; i < in->n; i++) {
        if (in->cmd[i].op == NPU_NORM_Q) {
            if (k && in->cmd[i].k != k) {
                return err_set(e, ERR_NPU, "rows of %u and of %u in one list", k, in->cmd[i].k);
            }
            k = in->cmd[i].k;
        }
    }
    return 0;
}

int npu_rewrite(struct npu_rt *rt, const struct npu_list *in, const struct npu_rewrite *w,
                struct npu_list *out, uint32_t *staging, struct err *e)
{
    struct job j = {.w = w, .s = {.rt = rt}, .e = e};
    int rc = w->unfused ? one_width(in, e) : 0;
    *staging = 0;
    rc = rc ? rc : pass(&j, in); /* sizes */
    const size_t cut_b = j.s.end;
    j.s.norm = (cut_b + 63) / 64 * 64;
    j.s.rows = (j.s.norm + j.s.norm_b + 63) / 64 * 64;
    const size_t all = j.s.rows + j.s.rows_b;
    if (!rc && all) {
        rc = npu_buf_new(rt, all, "the strategy's own rows", staging, e);
    }
    if (rc) {
        return rc;
    }
    if (j.s.norm_b) {
        float *gain = (float *)(void *)((char *)npu_buf_map(rt, *staging) + j.s.norm);
        for (size_t i = 0; i < j.s.norm_b / sizeof *gain / 2; i++) {
            gain[i] = 1;
        }
    }
    j.s.buf = *staging;
    j.s.end = 0;
    j.out = out;
    rc = pass(&j, in);
    if (all) {
        npu_buf_wrote(rt, *staging, 0, all);
    }
    out->what = in->what;
    return rc;
}
