/* Row operations: quantise, LayerNorm, means, copy.  Part of k_template.h. */
KT_INLINE vf kt_load_some(const float *p, uint32_t n)
{
    return n >= 16 ? vf_load(p) : vf_load_n(p, n);
}

KT_INLINE void kt_store_some(float *p, vf x, uint32_t n)
{
    if (n >= 16) {
        vf_store(p, x);
    } else {
        vf_store_n(p, x, n);
    }
}

/* 16 values from x + i on, or those there are, less those of mu (NULL: 0). */
KT_INLINE vf kt_less(const float *x, const float *mu, uint32_t i, uint32_t left)
{
    const vf v = kt_load_some(x + i, left);
    return mu ? vf_sub(v, kt_load_some(mu + i, left)) : v;
}

/* A row of k values less mu (NULL: 0) to s8; inlined, so that rows of a known length stay in registers. */
KT_INLINE void kt_quant_row(const float *x, const float *mu, uint32_t k, uint32_t kp, int8_t *q, struct k_row *row)
{
    vf m = vf_zero();
#pragma GCC unroll 4
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_less(x, mu, i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? 127.0f / amax : 0);
    vi sum = vi_zero();
#pragma GCC unroll 4
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_less(x, mu, i, k - i), f);
        v = vf_max(vf_min(v, vf_set(127.0f)), vf_set(-127.0f));
        vf_to_s8(q + i, v, k - i < 16 ? k - i : 16, &sum);
    }
    memset(q + k, 0, kp - k);
    row->scale = amax > REF_QUANT_MIN ? amax * (1.0f / 127.0f) : 0;
    row->sum = vi_sum(sum);
}

/* The same to two planes. */
static void kt_quant_fine(const float *x, const float *mu, uint32_t k, uint32_t kp, int8_t *hi, int8_t *lo,
                          struct k_row *row, struct k_row *low)
{
    vf m = vf_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        m = vf_max(vf_abs(kt_less(x, mu, i, k - i)), m);
    }
    const float amax = vf_max_all(m);
    const vf f = vf_set(amax > REF_QUANT_MIN ? REF_FINE / amax : 0);
    vi sh = vi_zero(), sl = vi_zero();
    for (uint32_t i = 0; i < k; i += 16) {
        vf v = vf_mul(kt_less(x, mu, i, k - i), f);
        v = vf_max(vf_min(v, vf_set(REF_FINE)), vf_set(-REF_FINE));
        vf_to_s16(hi + i, lo + i, v, k - i < 16 ? k - i : 16, &sh, &sl);
    }
    memset(hi + k, 0, kp - k);
    memset(lo + k, 0, kp - k);
    *row = (struct k_row){amax > REF_QUANT_MIN ? amax * (1.0f / REF_FINE) : 0, vi_sum(sh)};
    *low = (struct k_row){0, vi_sum(sl)};
}

/* Row i of a command's result, from k values at x less those at mu (NULL: 0). */
static void kt_quant_to(const struct k_args *a, uint32_t i, const float *x, const float *mu)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    int8_t *q = (int8_t *)a->out + (size_t)i * c->ldo;
    struct k_row *row = (struct k_row *)a->aux + i;
    if (c->flags & NPU_FINE) {
        kt_quant_fine(x, mu, c->k, kp, q, q + (size_t)c->m * c->ldo, row, row + c->m);
    } else {
        kt_quant_row(x, mu, c->k, kp, q, row);
    }
}

/* The block of rows i..end-1 (stride ldx) about their mean, which goes to in[3]. */
static void kt_quant_block(const struct k_args *a, uint32_t i, uint32_t end, const float *x, uint32_t ldx)
{
    const struct npu_cmd *c = a->c;
    float *mean = (float *)(uintptr_t)a->in[3] + (size_t)(i / c->tile_m) * c->ldp;
    const vf share = vf_set(1.0f / (float)(end - i));
    uint32_t j = 0;
    for (; j + 64 <= c->k; j += 64) {
        vf s[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
        for (uint32_t r = 0; r < end - i; r++) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) {
                s[v] = vf_add(s[v], vf_load(x + (size_t)r * ldx + j + 16 * v));
            }
        }
        for (int v = 0; v < 4; v++) {
            vf_store(mean + j + 16 * v, vf_mul(s[v], share));
        }
    }
    for (; j < c->k; j += 16) {
        vf s = vf_zero();
        for (uint32_t r = 0; r < end - i; r++) {
            s = vf_add(s, kt_load_some(x + (size_t)r * ldx + j, c->k - j));
        }
        kt_store_some(mean + j, vf_mul(s, share), c->k - j);
    }
    for (; i < end; i++, x += ldx) {
        kt_quant_to(a, i, x, mean);
    }
}

/* Where the block of row i ends. */
KT_INLINE uint32_t kt_block_end(const struct npu_cmd *c, uint32_t i, uint32_t m1)
{
    return m1 - i < c->tile_m ? m1 : i + c->tile_m;
}

static void kt_quant(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch)
{
    const struct npu_cmd *c = a->c;
    const float *x = a->in[0];
    (void)n0, (void)n1, (void)scratch;
    for (uint32_t i = m0; i < m1 && c->flags & NPU_CENTRE; i += c->tile_m) {
        kt_quant_block(a, i, kt_block_end(c, i, m1), x + (size_t)i * c->lda, c->lda);
    }
    for (uint32_t i = m0; i < m1 && !(c->flags & NPU_CENTRE); i++) {
        kt_quant_to(a, i, x + (size_t)i * c->lda, NULL);
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
        kt_store_some(y + i, v, k - i);
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
    const float *x = a->in[0];
    float *y = scratch;
    (void)n0, (void)n1;
    for (uint32_t i = m0; i < m1 && c->flags & NPU_CENTRE; i += c->tile_m) {
        const uint32_t end = kt_block_end(c, i, m1);
        for (uint32_t r = i; r < end; r++) {
            kt_norm_row(x + (size_t)r * c->lda, c->k, NULL, y + (size_t)(r - i) * c->k);
        }
        kt_quant_block(a, i, end, y, c->k);
    }
    for (uint32_t i = m0; i < m1 && !(c->flags & NPU_CENTRE); i++) {
        kt_norm_row(x + (size_t)i * c->lda, c->k, NULL, y);
        kt_quant_to(a, i, y, NULL);
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
        kt_store_some((float *)a->out + j, vf_mul(s, share), left);
    }
}

static void kt_range(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1, void *scratch)
{
    const struct npu_cmd *c = a->c;
    const vf zero = vf_zero(), least = vf_set(-INFINITY);
    (void)scratch;
    for (uint32_t i = m0; i < m1; i++) {
        const float *x = (const float *)a->in[0] + (size_t)i * c->lda;
        struct k_range *out = (struct k_range *)((float *)a->out + (size_t)i * c->ldo);
        for (uint32_t p = n0; p < n1; p++) {
            const uint32_t end = c->n - p * c->k < c->k ? c->n : (p + 1) * c->k;
            vf up[2] = {least, least}, down[2] = {least, least};
            uint32_t j = p * c->k;
            for (; j + 32 <= end; j += 32) {
#pragma GCC unroll 2
                for (int v = 0; v < 2; v++) {
                    const vf y = vf_load(x + j + 16 * v);
                    up[v] = vf_max(y, up[v]);
                    down[v] = vf_max(vf_sub(zero, y), down[v]);
                }
            }
            for (; j < end; j += 16) {
                const uint32_t left = end - j;
                const vf y = kt_load_some(x + j, left);
                up[0] = vf_max(left < 16 ? vf_low_beyond(y, left) : y, up[0]);
                down[0] = vf_max(left < 16 ? vf_low_beyond(vf_sub(zero, y), left) : vf_sub(zero, y), down[0]);
            }
            const float most = vf_max_all(vf_max(up[0], up[1]));
            const vf top = vf_set(most);
            vf sum = zero;
            for (j = p * c->k; j < end; j += 16) {
                const uint32_t left = end - j;
                const vf e = kt_exp_sum(vf_max(vf_sub(kt_load_some(x + j, left), top), vf_set(REF_EXP_LO)));
                sum = vf_add(sum, left < 16 ? vf_keep_n(e, left) : e);
            }
            out[p] = (struct k_range){most + 0.0f, 0.0f - vf_max_all(vf_max(down[0], down[1])), vf_sum16(sum)};
        }
    }
}
