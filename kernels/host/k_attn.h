/* Attention in f32.  Part of k_template.h. */
/* Encoder: the lanes are 48 query rows.  Turned scores s[key][48] need no horizontal step: maximum,
 * exp and sum run down the keys, each lane for itself. */
enum { KT_Q = 48 };

KT_INLINE void kt_scores(const int R, const float *keys, size_t ldw, const float *qt, uint32_t d,
                         vf scale, float *s)
{
    vf acc[KT_SCORE_KEYS][3];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = acc[r][2] = vf_zero();
    }
    for (uint32_t t = 0; t < d; t++) {
        vf q0 = vf_load(qt + t * KT_Q), q1 = vf_load(qt + t * KT_Q + 16);
        vf q2 = vf_load(qt + t * KT_Q + 32);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf v = vf_set(keys[(size_t)r * ldw + t]);
            acc[r][0] = vf_fma(v, q0, acc[r][0]);
            acc[r][1] = vf_fma(v, q1, acc[r][1]);
            acc[r][2] = vf_fma(v, q2, acc[r][2]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        for (int v = 0; v < 3; v++) {
            vf_store(s + r * KT_Q + v * 16, vf_mul(acc[r][v], scale));
        }
    }
}

/* R rows of p^T v, 64 values at a time or 16. */
KT_INLINE void kt_pv(const int R, const int V, const float *p, uint32_t n, const float *vals,
                     size_t ldw, const float *inv, float *out, size_t ldo)
{
    vf acc[KT_PV_ROWS][4];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            acc[r][v] = vf_zero();
        }
    }
    for (uint32_t j = 0; j < n; j++) {
        vf x[4];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            x[v] = vf_load(vals + (size_t)j * ldw + v * 16);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            vf w = vf_set(p[(size_t)j * KT_Q + (size_t)r]);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) {
                acc[r][v] = vf_fma(w, x[v], acc[r][v]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            vf_store(out + (size_t)r * ldo + v * 16, vf_mul(acc[r][v], vf_set(inv[r])));
        }
    }
}

static void kt_pv_rows(uint32_t rows, const float *p, uint32_t n, const float *vals, size_t ldw,
                       const float *inv, float *out, size_t ldo, uint32_t d)
{
    uint32_t r = 0;
    for (uint32_t t = 0; t < d;) {
        const int wide = d - t >= 64;
        for (r = 0; r + KT_PV_ROWS <= rows; r += KT_PV_ROWS) {
            if (wide) {
                kt_pv(KT_PV_ROWS, 4, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            } else {
                kt_pv(KT_PV_ROWS, 1, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            }
        }
        for (; r < rows; r++) {
            if (wide) {
                kt_pv(1, 4, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            } else {
                kt_pv(1, 1, p + r, n, vals + t, ldw, inv + r, out + r * ldo + t, ldo);
            }
        }
        t += wide ? 64 : 16;
    }
}

/* exp(s - max) in place, and 1 / sum, for the 16 lanes at s. */
KT_INLINE void kt_softmax16(float *s, uint32_t n, float *inv)
{
    vf max = vf_set(-INFINITY);
    for (uint32_t j = 0; j < n; j++) {
        max = vf_max(vf_load(s + (size_t)j * KT_Q), max);
    }
    vf sum = vf_zero();
    for (uint32_t j = 0; j < n; j++) {
        vf e = kt_exp(vf_sub(vf_load(s + (size_t)j * KT_Q), max));
        vf_store(s + (size_t)j * KT_Q, e);
        sum = vf_add(sum, e);
    }
    vf_store(inv, vf_div(vf_set(1.0f), sum));
}

static void kt_attn_block(const struct k_args *a, uint32_t i0, uint32_t i1, uint32_t h, float *s)
{
    const struct npu_cmd *c = a->c;
    const uint32_t d = c->k, rows = i1 - i0;
    const float *keys = (const float *)a->in[1] + h * d;
    const float *q = (const float *)a->in[0] + (size_t)i0 * c->lda + h * d;
    float *qt = s + (size_t)k_round(c->n, 16) * KT_Q;
    float *inv = qt + (size_t)d * KT_Q;
    const vf scale = vf_set(c->scale[0]);
    uint32_t j = 0;
    for (uint32_t t = 0; t < d; t++) {
        for (uint32_t r = 0; r < KT_Q; r++) {
            qt[(size_t)t * KT_Q + r] = r < rows ? q[(size_t)r * c->lda + t] : 0;
        }
    }
    for (; j + KT_SCORE_KEYS <= c->n; j += KT_SCORE_KEYS) {
        kt_scores(KT_SCORE_KEYS, keys + (size_t)j * c->ldw, c->ldw, qt, d, scale,
                  s + (size_t)j * KT_Q);
    }
    for (; j < c->n; j++) {
        kt_scores(1, keys + (size_t)j * c->ldw, c->ldw, qt, d, scale, s + (size_t)j * KT_Q);
    }
    for (uint32_t r = 0; r < rows; r += 16) {
        kt_softmax16(s + r, c->n, inv + r);
    }
    kt_pv_rows(rows, s, c->n, (const float *)a->in[2] + h * d, c->ldw, inv,
               (float *)a->out + (size_t)i0 * c->ldo + h * d, c->ldo, d);
}

KT_INLINE float kt_dot(const float *x, const float *y, uint32_t d)
{
    vf s = vf_zero();
    for (uint32_t t = 0; t < d; t += 16) {
        s = vf_fma(vf_load(x + t), vf_load(y + t), s);
    }
    return vf_sum16(s);
}

enum { KT_KEYS_AHEAD = 12 };

/* Scores of R rows of queries against four keys. */
KT_INLINE void kt_scores4(const int R, const float *q, size_t lda, const float *keys, size_t ldw, uint32_t d,
                          float scale, float *p, size_t np)
{
    vf acc[KT_ATTN_ROWS][4];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = acc[r][2] = acc[r][3] = vf_zero();
    }
    for (uint32_t t = 0; t < d; t += 16) {
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
            const vf x = vf_load(q + (size_t)r * lda + t);
#pragma GCC unroll 4
            for (int u = 0; u < 4; u++) {
                acc[r][u] = vf_fma(x, vf_load(keys + (size_t)u * ldw + t), acc[r][u]);
            }
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        vf_sums4(p + (size_t)r * np, acc[r][0], acc[r][1], acc[r][2], acc[r][3], scale);
    }
}

/* n scores of a row to e^(score - largest), in place; returns one over their sum. */
static float kt_soft_row(float *p, uint32_t n)
{
    vf top = vf_set(-INFINITY), sum = vf_zero();
    for (uint32_t j = 0; j < n; j += 16) {
        const vf y = kt_load_some(p + j, n - j);
        top = vf_max(n - j < 16 ? vf_low_beyond(y, n - j) : y, top);
    }
    const vf max = vf_set(vf_max_all(top));
    for (uint32_t j = 0; j < n; j += 16) {
        vf e = kt_exp(vf_sub(kt_load_some(p + j, n - j), max));
        if (n - j < 16) {
            e = vf_keep_n(e, n - j);
        }
        vf_store(p + j, e); /* the scratch is rounded up to 16 */
        sum = vf_add(sum, e);
    }
    return 1.0f / vf_sum16(sum);
}

/* Writes the probabilities of a row for n keys, e over their sum. */
KT_INLINE void kt_probs(const struct k_args *a, uint32_t n, uint32_t head, uint32_t row,
                        const float *e, float inv)
{
    const struct npu_cmd *c = a->c;
    const uint32_t pair = (uint32_t)__builtin_popcountll(c->mask & ((UINT64_C(1) << head) - 1));
    float *to = (float *)(uintptr_t)a->in[3] + ((size_t)pair * c->m + row) * c->ldp;
    for (uint32_t t = 0; t < n; t++) {
        to[t] = e[t] * inv;
    }
}

/* w times 16 V values of one key, to sums. */
KT_INLINE void kt_pv_key(const int V, float w, const float *val, vf *acc)
{
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
        acc[v] = vf_fma(vf_set(w), vf_load(val + v * 16), acc[v]);
    }
}

/* 16 V results of R rows: row r has n + r more probabilities, or n. */
KT_INLINE void kt_pv_few(const int R, const int V, const float *p, size_t np, uint32_t n, uint32_t more,
                         const float *vals, size_t ldw, const float *inv, float *out, size_t ldo)
{
    vf acc[KT_ATTN_ROWS][4];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = acc[r][2] = acc[r][3] = vf_zero();
    }
    for (uint32_t j = 0; j < n; j++) {
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
            kt_pv_key(V, p[(size_t)r * np + j], vals + (size_t)j * ldw, acc[r]);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        for (uint32_t j = n; j < n + more * (uint32_t)r; j++) {
            kt_pv_key(V, p[(size_t)r * np + j], vals + (size_t)j * ldw, acc[r]);
        }
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            vf_store(out + (size_t)r * ldo + v * 16, vf_mul(acc[r][v], vf_set(inv[r])));
        }
    }
}

/* Decoder: R query rows from row i on, the same bits alone or in a batch.  Keys lie a long way apart, in memory
 * by the time a step comes back to them: first: these rows ask for them and for the values ahead of time. */
KT_INLINE void kt_attn_few(const int R, const struct k_args *a, uint32_t i, uint32_t h, int first, float *p)
{
    const struct npu_cmd *c = a->c;
    const uint32_t d = c->k, more = c->flags & NPU_CAUSAL ? 1 : 0;
    const uint32_t n = more ? c->n - c->m + i + 1 : c->n, all = n + more * (uint32_t)(R - 1);
    const size_t np = k_round(c->n, 16);
    const float *q = (const float *)a->in[0] + (size_t)i * c->lda + h * d;
    const float *keys = (const float *)a->in[1] + h * d;
    const float *vals = (const float *)a->in[2] + h * d;
    float *out = (float *)a->out + (size_t)i * c->ldo + h * d;
    float inv[KT_ATTN_ROWS];
    uint32_t j = 0, t = 0;
    for (uint32_t u = 0; first && u < KT_KEYS_AHEAD && u < all; u++) {
        kt_ask(keys + (size_t)u * c->ldw, d * sizeof(float));
    }
    for (; j + 4 <= all; j += 4) {
        for (uint32_t u = j; first && u < j + 4; u++) {
            kt_ask(keys + (size_t)(u + KT_KEYS_AHEAD) * c->ldw, d * sizeof(float));
            kt_ask(vals + (size_t)u * c->ldw, d * sizeof(float));
        }
        kt_scores4(R, q, c->lda, keys + (size_t)j * c->ldw, c->ldw, d, c->scale[0], p + j, np);
    }
    for (; j < all; j++) {
        for (int r = 0; r < R; r++) {
            p[(size_t)r * np + j] = kt_dot(q + (size_t)r * c->lda, keys + (size_t)j * c->ldw, d) * c->scale[0];
        }
    }
    for (int r = 0; r < R; r++) {
        inv[r] = kt_soft_row(p + (size_t)r * np, n + more * (uint32_t)r);
    }
    for (; t + 64 <= d; t += 64) {
        kt_pv_few(R, 4, p, np, n, more, vals + t, c->ldw, inv, out + t, c->ldo);
    }
    for (; t < d; t += 16) {
        kt_pv_few(R, 1, p, np, n, more, vals + t, c->ldw, inv, out + t, c->ldo);
    }
    for (int r = 0; c->flags & NPU_PROBS && c->mask >> h & 1 && r < R; r++) {
        kt_probs(a, n + more * (uint32_t)r, h, i + (uint32_t)r, p + (size_t)r * np, inv[r]);
    }
}

static void kt_attn(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                    void *scratch)
{
    if (a->c->k % 16) {
        k_table_c.run[NPU_ATTN](a, m0, m1, n0, n1, scratch);
        return;
    }
    for (uint32_t h = n0; h < n1; h++) {
        if (a->c->tile_m == 1 || a->c->flags & NPU_CAUSAL) {
            uint32_t i = m0;
            for (; KT_ATTN_ROWS > 1 && i + KT_ATTN_ROWS <= m1; i += KT_ATTN_ROWS) {
                kt_attn_few(KT_ATTN_ROWS, a, i, h, i == m0, scratch);
            }
            for (; i < m1; i++) {
                kt_attn_few(1, a, i, h, i == m0, scratch);
            }
        } else {
            for (uint32_t i = m0; i < m1; i += KT_Q) {
                kt_attn_block(a, i, m1 - i < KT_Q ? m1 : i + KT_Q, h, scratch);
            }
        }
    }
}

