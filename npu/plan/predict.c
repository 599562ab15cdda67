/* See predict.h. */
#include "npu/plan/predict.h"

static const double SHORT = 2, BYTE = 1, WORD = 4; /* bytes of a value */

struct sum {
    double s, top;
    enum plan_bound bound;
};

static void add(struct sum *a, const struct plan_time *t, double times)
{
    a->s += times * t->total;
    if (times * t->total > a->top) {
        a->top = times * t->total;
        a->bound = t->bound;
    }
}

/* Tiles of m x 64 x 64, narrower where all columns would not have one: as the planner's. */
static void gemm(struct sum *a, const struct plan_dev *d, double times, int m, int64_t M, int64_t K,
                 int64_t N, int operand_b, int result_b)
{
    struct plan_time t;
    const int64_t each = (N + d->cols - 1) / d->cols;
    const struct plan_gemm g = {.M = M,
                                .K = K,
                                .N = N,
                                .m = m,
                                .k = 64,
                                .n = each >= 64 ? 64 : (int)(each + 15) / 16 * 16,
                                .ea = operand_b,
                                .eb = operand_b,
                                .ec = result_b,
                                .cols = d->cols,
                                .call_s = d->chain_s};
    plan_gemm_time(d, &g, &t);
    add(a, &t, times);
}

static void rows(struct sum *a, const struct plan_dev *d, double values, double cyc, double in_b,
                 double out_b)
{
    struct plan_time t;
    plan_row_time(d, values, cyc, values * in_b, values * out_b, d->cols, d->chain_s, &t);
    add(a, &t, 1);
}

double plan_predict(const void *dev, const struct npu_cmd *c, int *bound)
{
    const struct plan_dev *d = dev;
    struct sum a = {0, 0, PLAN_CALL};
    const int64_t planes = c->flags & NPU_FINE ? 2 : 1, m = planes * (int64_t)c->m;
    const double values = (double)m * c->k;
    switch (c->op) {
    case NPU_GEMM_I8:
        gemm(&a, d, 1, 64, m, c->k, c->n, 1, 4);
        break;
    case NPU_GEMM_F32:
        gemm(&a, d, 1, 64, m, c->k, c->n, 2, 4);
        break;
    case NPU_QUANT:
        rows(&a, d, values, d->add_cyc, WORD, BYTE);
        break;
    case NPU_NORM:
        rows(&a, d, values, d->norm_cyc, WORD, WORD);
        break;
    case NPU_NORM_Q:
        rows(&a, d, values, d->norm_cyc, WORD, BYTE);
        break;
    case NPU_COPY:
        rows(&a, d, values, c->flags & NPU_GELU ? d->gelu_cyc : d->add_cyc, WORD, WORD);
        break;
    case NPU_MEAN: /* every ldw-th of n rows is read */
        rows(&a, d, (double)c->n * c->k / (c->ldw ? c->ldw : 1), d->add_cyc, WORD, 0);
        break;
    case NPU_RANGE:
        rows(&a, d, (double)c->m * c->n, d->softmax_cyc, WORD, 0);
        break;
    case NPU_HEADS:
        rows(&a, d, values * c->heads, d->add_cyc, WORD, BYTE);
        break;
    case NPU_ATTN:
    case NPU_ATTN_I8: /* QK, softmax, PV, head by head: the scores go through memory */
        gemm(&a, d, c->heads, 32, c->m, c->k, c->n, 2, 2);
        rows(&a, d, (double)c->heads * c->m * c->n, d->softmax_cyc, SHORT, SHORT);
        gemm(&a, d, c->heads, 64, c->m, c->n, c->k, 2, 2);
        break;
    default:
        break;
    }
    *bound = (int)a.bound;
    return a.s;
}
