/* Products in f32, and what follows every product.  Part of k_template.h. */

/* What a tile's results meet on their way out: parameters by column. */
struct kt_end {
    const float *bias, *chan, *block; /* block: the row of `more` for this tile's rows */
};

KT_INLINE struct kt_end kt_end_of(const struct k_args *a, uint32_t m0, const float *bias, const float *chan)
{
    struct kt_end e = {bias, chan, NULL};
    if (a->c->flags & NPU_BLOCKS) {
        e.block = (const float *)a->more + (size_t)(m0 / a->c->tile_m) * a->c->ldw;
    }
    return e;
}

/* Where a block of results goes: one row, 16 columns from col on, `left` of them real. */
KT_INLINE void kt_finish(const struct k_args *a, const struct kt_end *e, vf x, uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const uint32_t left = c->n - col;
    if (c->flags & NPU_BIAS) {
        x = vf_add(x, vf_load(e->bias + col));
    }
    if (c->flags & NPU_BLOCKS) {
        x = vf_add(x, left >= 16 ? vf_load(e->block + col) : vf_load_n(e->block + col, left));
    }
    if (c->flags & NPU_GELU) {
        x = c->flags & NPU_ROUGH ? kt_gelu_rough(x) : kt_gelu(x);
    }
    if (c->flags & NPU_MUL) {
        x = vf_mul(x, vf_load(e->chan + col));
    }
    float *out = (float *)a->out + (size_t)row * c->ldo + col;
    const float *add = (const float *)a->in[3] + (size_t)row * c->ldp + col;
    if (left >= 16) {
        vf_store(out, c->flags & NPU_ADD ? vf_add(x, vf_load(add)) : x);
    } else {
        vf_store_n(out, c->flags & NPU_ADD ? vf_add(x, vf_load_n(add, left)) : x, left);
    }
}

/* R rows by 32 columns of f32. */
KT_INLINE void kt_f32_block(const int R, const struct k_args *a, const struct kt_end *e,
                            uint32_t row, uint32_t col)
{
    const struct npu_cmd *c = a->c;
    const float *w = (const float *)a->in[1] + (size_t)(col / 32) * c->k * 32;
    const float *x = (const float *)a->in[0] + (size_t)row * c->lda;
    const size_t lda = c->lda;
    vf acc[KT_F32_ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = vf_zero();
    }
    for (uint32_t t = 0; t < c->k; t++, w += 32) {
        vf w0 = vf_load(w), w1 = vf_load(w + 16);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf v = vf_set(x[(size_t)r * lda + t]);
            acc[r][0] = vf_fma(v, w0, acc[r][0]);
            acc[r][1] = vf_fma(v, w1, acc[r][1]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        kt_finish(a, e, acc[r][0], row + (uint32_t)r, col);
        if (col + 16 < c->n) {
            kt_finish(a, e, acc[r][1], row + (uint32_t)r, col + 16);
        }
    }
}

#define KT_CASE(r, kind, ...)                                                                      \
    case r:                                                                                        \
        kind(r, __VA_ARGS__);                                                                      \
        break;

static void kt_f32_rows(uint32_t rows, const struct k_args *a, const struct kt_end *e, uint32_t i,
                        uint32_t j)
{
    switch (rows) {
        KT_CASE(1, kt_f32_block, a, e, i, j)
        KT_CASE(2, kt_f32_block, a, e, i, j)
        KT_CASE(3, kt_f32_block, a, e, i, j)
#if KT_F32_ROWS > 3
        KT_CASE(4, kt_f32_block, a, e, i, j)
        KT_CASE(5, kt_f32_block, a, e, i, j)
        KT_CASE(6, kt_f32_block, a, e, i, j)
        KT_CASE(7, kt_f32_block, a, e, i, j)
        KT_CASE(8, kt_f32_block, a, e, i, j)
        KT_CASE(9, kt_f32_block, a, e, i, j)
        KT_CASE(10, kt_f32_block, a, e, i, j)
        KT_CASE(11, kt_f32_block, a, e, i, j)
        KT_CASE(12, kt_f32_block, a, e, i, j)
#endif
    default:
        break;
    }
}

/* Panel by panel: a panel of weights stays in the nearest cache while the rows pass. */
static void kt_gemm_f32(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                        void *scratch)
{
    const float *bias = a->in[2];
    const struct kt_end e = kt_end_of(a, m0, bias, bias ? bias + k_round(a->c->n, K_PAD_N) : NULL);
    (void)scratch;
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += KT_F32_ROWS) {
            kt_f32_rows(m1 - i < KT_F32_ROWS ? m1 - i : KT_F32_ROWS, a, &e, i, j);
        }
    }
}
