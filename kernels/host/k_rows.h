/* Row operations: quantise, LayerNorm, means, copy.  Part of k_template.h. */
KT_INLINE vf kt_load_some(const float *p, uint32_t n)
{
    return n >= 16 ? vf_load(p) : vf_load_n(p, n);
}

static void kt_quant_row(const float *x, uint32_t k, uint32_t kp, int8_t *q, struct k_row *row)
{
    vf m = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_load_some(x + i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? 127.0f / amax : 0);
    vi sum = vi_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_load_some(x + i, k - i), f);
        v = vf_max(vf_min(v, vf_set(127.0f)), vf_set(-127.0f));
        vf_to_s8(q + i, v, k - i < 16 ? k - i : 16, &sum);
    }
    memset(q + k, 0, kp - k);
    row->scale = amax > REF_QUANT_MIN ? amax * (1.0f / 127.0f) : 0;
    row->sum = vi_sum(sum);
}

static void kt_quant_fine(const float *x, uint32_t k, uint32_t kp, int8_t *hi, int8_t *lo,
                          struct k_row *row, struct k_row *low)
{
    vf m = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_load_some(x + i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? REF_FINE / amax : 0);
    vi sh = vi_zero(), sl = vi_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_load_some(x + i, k - i), f);
        v = vf_max(vf_min(v, vf_set(REF_FINE)), vf_set(-REF_FINE));
        vf_to_s16(hi + i, lo + i, v, k - i < 16 ? k - i : 16, &sh, &sl);
    }
    memset(hi + k, 0, kp - k);
    memset(lo + k, 0, kp - k);
    *row = (struct k_row){amax > REF_QUANT_MIN ? amax * (1.0f / REF_FINE) : 0, vi_sum(sh)};
    *low = (struct k_row){0, vi_sum(sl)};
}

/* Row i of a command's result, from k values at x. */
static void kt_quant_to(const struct k_args *a, uint32_t i, const float *x)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    int8_t *q = (int8_t *)a->out + (size_t)i * c->ldo;
    struct k_row *row = (struct k_row *)a->aux + i;
    if (c->flags & NPU_FINE) {
        kt_quant_fine(x, c->k, kp, q, q + (size_t)c->m * c->ldo, row, row + c->m);
    } else {
        kt_quant_row(x, c->k, kp, q, row);
    }
}

static void kt_quant(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        kt_quant_to(a, i, (const float *)a->in[0] + (size_t)i * c->lda);
    }
}

/* gain NULL: (x - mean) / deviation alone. */
KT_INLINE void kt_norm_row(const float *x, uint32_t k, const float *gain, float *y)
{
    vf s = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        s = vf_add(s, kt_load_some(x + i, k - i));
    }
    const vf mean = vf_set(vf_sum16(s) / (float)k);
    s = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf d = vf_sub(kt_load_some(x + i, k - i), mean);
        if (k - i < 16) {
            d = vf_keep_n(d, k - i);
        }
        s = vf_fma(d, d, s);
    }
    const vf r = vf_set(1.0f / sqrtf(vf_sum16(s) / (float)k + REF_NORM_EPS));
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(vf_sub(kt_load_some(x + i, k - i), mean), r);
        if (gain) {
            v = vf_fma(v, kt_load_some(gain + i, k - i), kt_load_some(gain + k + i, k - i));
        }
        if (k - i >= 16) {
            vf_store(y + i, v);
        } else {
            vf_store_n(y + i, v, k - i);
        }
    }
}

static void kt_norm(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        kt_norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, a->in[1],
                    (float *)a->out + (size_t)i * c->ldo);
    }
}

static void kt_norm_q(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                      void *scratch)
{
    const struct npu_cmd *c = a->c;
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1; i++) {
        kt_norm_row((const float *)a->in[0] + (size_t)i * c->lda, c->k, NULL, scratch);
        kt_quant_to(a, i, scratch);
    }
}

static void kt_copy(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *bias = a->in[2];
    const struct kt_end e = kt_end_of(a, m0, bias, bias ? bias + k_round(c->n, K_PAD_N) : NULL);
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1 && c->flags; i++) { /* what follows a product, by itself */
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda;
        for (uint32_t j = 0; j < c->n; j += 16) {
            kt_finish(a, &e, kt_load_some(x + j, c->n - j), i, j);
        }
    }
    for (uint32_t i = m0; i < m1 && !c->flags; i++) {
        memcpy((float *)a->out + (size_t)i * c->ldo, (const float *)a->in[0] + (size_t)i * c->lda,
               c->k * sizeof(float));
    }
}

static void kt_mean(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1, void *scratch)
{
    const struct npu_cmd *c = a->c;
    const vf share = vf_set(1.0f / (float)((c->n + c->ldw - 1) / c->ldw));
    (void)m0, (void)m1, (void)scratch;
    for (uint32_t j = n0; j < n1; j += 16) {
        const float *x = (const float *)a->in[0] + j;
        const uint32_t left = n1 - j;
        vf s = vf_zero();
        for (uint32_t i = 0; i < c->n; i += c->ldw) {
            s = vf_add(s, kt_load_some(x + (size_t)i * c->lda, left));
        }
        s = vf_mul(s, share);
        if (left >= 16) {
            vf_store((float *)a->out + j, s);
        } else {
            vf_store_n((float *)a->out + j, s, left);
        }
    }
}

/* 64 columns at a time: a row's piece is one line of the cache.  F: fine rows. */
KT_INLINE void kt_mean_block(const int F, const struct npu_cmd *c, const int8_t *x, const struct k_row *row,
                             uint32_t rows, uint32_t kp, float *y)
{
    const vf share = vf_set(1.0f / (float)rows);
    for (uint32_t j = 0; j < kp; j += 64) {
        vf s[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
        const int8_t *p = x + j;
        for (uint32_t i = 0; i < rows; i++, p += c->lda) {
            const vf scale = vf_set(row[i].scale);
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) {
                vi q = vi_load_s8(p + 16 * v);
                if (F) {
                    q = vi_add(vi_shl7(q), vi_load_s8(p + (size_t)c->n * c->lda + 16 * v));
                }
                s[v] = vf_fma(vi_float(q), scale, s[v]);
            }
        }
        for (int v = 0; v < 4; v++) {
            vf_store(y + j + 16 * v, vf_mul(s[v], share));
        }
    }
}

static void kt_mean_q(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                      void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    (void)n0, (void)n1;
    for (uint32_t b = m0; b < m1; b++) {
        const uint32_t first = b * c->ldw, rows = c->n - first < c->ldw ? c->n - first : c->ldw;
        const int8_t *x = (const int8_t *)a->in[0] + (size_t)first * c->lda;
        const struct k_row *row = (const struct k_row *)a->in[1] + first;
        if (c->flags & NPU_FINE) {
            kt_mean_block(1, c, x, row, rows, kp, scratch);
        } else {
            kt_mean_block(0, c, x, row, rows, kp, scratch);
        }
        kt_quant_row(scratch, c->k, kp, (int8_t *)a->out + (size_t)b * c->ldo, (struct k_row *)a->aux + b);
    }
}
