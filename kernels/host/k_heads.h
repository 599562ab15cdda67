/* INT8 heads and attention on them.  Part of k_template.h. */
/* 16 bytes, woven as every vector unit here can: a0 b0 a1 b1 .. of the lower or the upper halves. */
typedef uint8_t kt_bytes __attribute__((vector_size(16)));
typedef uint16_t kt_pairs __attribute__((vector_size(16)));
typedef uint32_t kt_fours __attribute__((vector_size(16)));

#define KT_WEAVE(name, type, ...)                                                                  \
    KT_INLINE kt_bytes name(kt_bytes a, kt_bytes b)                                                \
    {                                                                                              \
        return (kt_bytes)__builtin_shufflevector((type)a, (type)b, __VA_ARGS__);                   \
    }
KT_WEAVE(kt_weave_low, kt_bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
KT_WEAVE(kt_weave_high, kt_bytes, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
KT_WEAVE(kt_weave_low2, kt_pairs, 0, 8, 1, 9, 2, 10, 3, 11)
KT_WEAVE(kt_weave_high2, kt_pairs, 4, 12, 5, 13, 6, 14, 7, 15)
KT_WEAVE(kt_weave_low4, kt_fours, 0, 4, 1, 5)
KT_WEAVE(kt_weave_high4, kt_fours, 2, 6, 3, 7)
#undef KT_WEAVE

KT_INLINE kt_bytes kt_bytes_load(const void *p)
{
    kt_bytes x;
    memcpy(&x, p, 16);
    return x;
}

KT_INLINE void kt_bytes_store(void *p, kt_bytes x) { memcpy(p, &x, 16); }

/* Four rows of one head from row r on (a multiple of 4) to their places in the pack: keys are woven by fours,
 * values by bytes. */
KT_INLINE void kt_place(int flags, uint8_t *head, uint32_t r, uint32_t k, int8_t (*q)[256])
{
    const int keys = flags & NPU_AS_K;
    uint8_t *p = head + (keys ? (size_t)(r / 16) * 16 * k + r % 16 * 4 : (size_t)r * k);
    if (!(flags & (NPU_AS_K | NPU_AS_V))) {
        for (uint32_t i = 0; i < 4; i++) {
            memcpy(p + (size_t)i * k, q[i], k);
        }
        return;
    }
    for (uint32_t t = 0; t < k; t += 16, p += keys ? 256 : 64) {
        const kt_bytes a = kt_bytes_load(q[0] + t), b = kt_bytes_load(q[1] + t);
        const kt_bytes c = kt_bytes_load(q[2] + t), d = kt_bytes_load(q[3] + t);
        if (keys) {
            const kt_bytes ac = kt_weave_low4(a, c) ^ 128, bd = kt_weave_low4(b, d) ^ 128;
            const kt_bytes ac2 = kt_weave_high4(a, c) ^ 128, bd2 = kt_weave_high4(b, d) ^ 128;
            kt_bytes_store(p, kt_weave_low4(ac, bd));
            kt_bytes_store(p + 64, kt_weave_high4(ac, bd));
            kt_bytes_store(p + 128, kt_weave_low4(ac2, bd2));
            kt_bytes_store(p + 192, kt_weave_high4(ac2, bd2));
        } else {
            const kt_bytes ab = kt_weave_low(a, b), cd = kt_weave_low(c, d);
            const kt_bytes ab2 = kt_weave_high(a, b), cd2 = kt_weave_high(c, d);
            kt_bytes_store(p, kt_weave_low2(ab, cd));
            kt_bytes_store(p + 16, kt_weave_high2(ab, cd));
            kt_bytes_store(p + 32, kt_weave_low2(ab2, cd2));
            kt_bytes_store(p + 48, kt_weave_high2(ab2, cd2));
        }
    }
}

enum { KT_ROWS_AHEAD = 8 }; /* rows of one head lie kilobytes apart: no machine foresees the next */

static void kt_heads(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, rp = k_round(c->m, K_PAD_R), end = m1 == c->m ? rp : m1;
    uint8_t *out = a->out;
    struct k_row *fig = (struct k_row *)(out + (size_t)c->heads * rp * k);
    int8_t q[4][256];
    (void)scratch;
    for (uint32_t h = n0; h < n1; h++) {
        const float *x0 = (const float *)a->in[0] + h * k;
        const float *mu = c->flags & NPU_CENTRE ? (const float *)a->in[1] + h * k : NULL;
        uint8_t *head = out + (size_t)h * rp * k;
        for (uint32_t r = m0; r < end; r += 4) { /* tiles begin at multiples of 16 rows */
            if (r >= c->m && !(c->flags & (NPU_AS_K | NPU_AS_V))) { /* most of what a decoder's step has */
                memset(head + (size_t)r * k, 0, (size_t)(end - r) * k);
                memset(fig + (size_t)h * rp + r, 0, (end - r) * sizeof *fig);
                break;
            }
            for (uint32_t i = 0; i < 4; i++) {
                const float *at = x0 + (size_t)(r + i) * c->lda;
                struct k_row f = {0, 0};
                kt_ask(at + KT_ROWS_AHEAD * (size_t)c->lda, k * sizeof(float));
                if (r + i >= c->m) {
                    memset(q[i], 0, k);
                } else if (k == 64) { /* they stay in registers */
                    kt_quant_row(at, mu, 64, 64, q[i], &f);
                } else {
                    kt_quant_row(at, mu, k, k, q[i], &f);
                }
                fig[(size_t)h * rp + r + i] = f;
            }
            kt_place(c->flags, head, r, k, q);
        }
    }
}

/* Head h of an INT8 attention, seen from row i on. */
struct kt_head {
    const int8_t *q;
    const vx_row *x; /* some rows of them for vx_load, ldx apart */
    size_t ldx;
    const struct k_row *fq, *fk, *fv;
    const uint8_t *keys;
    const int8_t *vals;
    const float *mu; /* to add to every row of the result, or NULL */
    const float *pv; /* what probabilities are multiplied by before they are rounded, [np] */
    float vmax;      /* the largest scale of the values */
    uint32_t k, n, np;
};

/* 16 scores from their sums. */
KT_INLINE vf kt_score(vi sum, vf fs, vf sk) { return vf_mul(vf_mul(vi_float(sum), fs), sk); }

/* The largest so far, and of the scores of 16 keys from key j on: keys beyond n score 0 and must not
 * count. */
KT_INLINE vf kt_max_n(vf max, vf y, const struct kt_head *h, uint32_t j)
{
    return vf_max(j + 16 <= h->n ? y : vf_low_beyond(y, h->n - j), max);
}

/* Scores of R rows against P panels of 16 keys from key j on, into x[r][np]; max[r] follows.  A: the keys come from
 * memory, and those behind them are asked for; then one panel at a time, which reads in order, with two chains.  T: some
 * of the keys may be beyond n.  fs: scale of a row, off: what its sums begin with. */
KT_INLINE void kt_qk(const int R, const int P, const int A, const int T, const struct kt_head *h, uint32_t j,
                     const float *fs, const int32_t *off, float *x, vf *max)
{
    const int C = P < KT_QK_PANELS ? 2 : 1, N = P * C; /* chains of a panel, of all */
    vi acc[KT_QK_ROWS][KT_QK_PANELS];
    const uint8_t *key = h->keys + (size_t)j * h->k;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int p = 0; p < N; p++) {
            acc[r][p] = p < P ? vi_set(off[r]) : vi_zero();
        }
    }
    for (uint32_t t = 0; t < h->k; t += 4 * (uint32_t)C, key += 64 * C) {
        vw w[KT_QK_PANELS];
#pragma GCC unroll 4
        for (int p = 0; p < N; p++) {
            const uint8_t *at = P == 1 ? key + 64 * p : key + (size_t)p * 16 * h->k;
            w[p] = vw_load(at);
            if (A) {
                __builtin_prefetch(at + KT_AHEAD);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const vx_row *at = h->x + (size_t)r * h->ldx + t;
            const vx q[2] = {vx_load(at), vx_load(at + 4 * (C - 1))};
#pragma GCC unroll 4
            for (int p = 0; p < N; p++) {
                acc[r][p] = vi_dot(acc[r][p], w[p], q[p % C]);
            }
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) {
        const uint32_t at = j + 16 * (uint32_t)p;
        vf sk = vf_figures(h->fk + at);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const vi sum = C == 2 ? vi_add(acc[r][0], acc[r][C - 1]) : acc[r][p];
            const vf y = kt_score(sum, vf_set(fs[r]), sk);
            vf_store(x + (size_t)r * h->np + at, y);
            max[r] = T ? kt_max_n(max[r], y, h, at) : vf_max(max[r], y);
        }
    }
}

/* 16 sums of probabilities times values, from the t-th value on, to results. */
KT_INLINE void kt_pv_end(const struct kt_head *h, vi sum, float down, uint32_t t, float *out)
{
    const vf y = vi_float(sum);
    vf_store(out + t, h->mu ? vf_fma(y, vf_set(down), vf_load(h->mu + t)) : vf_mul(y, vf_set(down)));
}

/* R rows of p times the values: 16 V of them. */
KT_INLINE void kt_pv8(const int R, const int V, const int A, const struct kt_head *h, uint32_t t, const vp_row *p,
                      const float *down, float *out, size_t ldo)
{
    vi acc[KT_QK_ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            acc[r][v] = vi_zero();
        }
    }
    const int8_t *val = h->vals + (size_t)t * 4;
    for (uint32_t j = 0; j < h->np; j += 4, val += (size_t)4 * h->k) {
        vs w[4];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            w[v] = vs_load(val + v * 64);
            if (A) {
                __builtin_prefetch(val + v * 64 + KT_AHEAD);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const vp a = vp_load(p + (size_t)r * h->np + j);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) {
                acc[r][v] = vi_dot_u(acc[r][v], w[v], a);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            kt_pv_end(h, acc[r][v], down[r], t + (uint32_t)v * 16, out + (size_t)r * ldo);
        }
    }
}

/* Scores of a row to probabilities: e in place (when kept), p for vp_load or, T, as bytes for tiles; returns the
 * sum of e. */
KT_INLINE float kt_soft8(const int T, const struct kt_head *h, float *x, float max, void *p, int keep)
{
    const vf top = vf_set(max);
    vf sum = vf_zero();
    for (uint32_t j = 0; j < h->np; j += 16) {
        vf e = kt_exp2(vf_sub(vf_load(x + j), top));
        if (j + 16 > h->n) {
            e = vf_keep_n(e, h->n - j);
        }
        sum = vf_add(sum, e);
        const vf y = vf_mul(e, vf_load(h->pv + j));
        if (T) {
            vf_to_u8((uint8_t *)p + j, y);
        } else {
            vp_store((vp_row *)p + j, y);
        }
        if (keep) {
            vf_store(x + j, e);
        }
    }
    return vf_sum16(sum);
}

/* R rows of one head.  A: the first of a few rows, see kt_qk. */
KT_INLINE void kt_attn8_rows(const int R, const int A, const struct k_args *a, const struct kt_head *h, uint32_t i,
                             uint32_t head, float *x)
{
    const struct npu_cmd *c = a->c;
    const int keep = c->flags & NPU_PROBS && c->mask >> head & 1;
    vp_row *p = (vp_row *)(x + (size_t)R * h->np);
    float fs[KT_QK_ROWS], down[KT_QK_ROWS];
    int32_t off[KT_QK_ROWS];
    vf max[KT_QK_ROWS];
    uint32_t j = 0;
    for (int r = 0; r < R; r++) {
        fs[r] = h->fq[r].scale * c->scale[1];
        off[r] = -KT_W_OFFSET * h->fq[r].sum;
        max[r] = vf_set(-INFINITY);
    }
    for (; !A && j + 16 * KT_QK_PANELS <= h->n; j += 16 * KT_QK_PANELS) {
        kt_qk(R, KT_QK_PANELS, A, 0, h, j, fs, off, x, max);
    }
    for (; j < h->np; j += 16) {
        kt_qk(R, 1, A, 1, h, j, fs, off, x, max);
    }
    if (A) {
        kt_ask(h->vals, KT_AHEAD);
    }
    for (int r = 0; r < R; r++) {
        float *row = x + (size_t)r * h->np;
        const float inv = 1.0f / kt_soft8(0, h, row, vf_max_all(max[r]), p + (size_t)r * h->np, keep);
        down[r] = h->vmax * (1.0f / 255.0f) * inv;
        if (keep) {
            kt_probs(a, h->n, head, i + (uint32_t)r, row, inv);
        }
    }
    float *out = (float *)a->out + (size_t)i * c->ldo + head * h->k;
    uint32_t t = 0;
    for (; t + 16 * KT_PV8_VECS <= h->k; t += 16 * KT_PV8_VECS) {
        kt_pv8(R, KT_PV8_VECS, A, h, t, p, down, out, c->ldo);
    }
    for (; t < h->k; t += 16) {
        kt_pv8(R, 1, A, h, t, p, down, out, c->ldo);
    }
}

/* Head `head` from its first row on; pv: room for its factors of probabilities. */
KT_INLINE struct kt_head kt_head_of(const struct k_args *a, uint32_t head, float *pv)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, mp = k_round(c->m, K_PAD_R), np = k_round(c->n, K_PAD_R);
    const size_t row = (size_t)head * mp, key = (size_t)head * np;
    const int8_t *q = a->in[0], *figures = q + (size_t)c->heads * mp * k;
    const uint8_t *keys = a->in[1], *vals = a->in[2];
    const size_t packed = (size_t)c->heads * np * k;
    struct kt_head h = {.q = q + row * k, .pv = pv, .k = k, .n = c->n, .np = np};
    h.fq = (const struct k_row *)figures + row;
    h.fk = (const struct k_row *)(keys + packed) + key;
    h.fv = (const struct k_row *)(vals + packed) + key;
    h.keys = keys + key * k;
    h.vals = (const int8_t *)vals + key * k;
    h.mu = c->flags & NPU_CENTRE ? (const float *)a->more + (size_t)head * k : NULL;
    vf m = vf_set(REF_QUANT_MIN);
    /* a step finds none of this in a cache: keys and figures are asked for, and arrive while the maximum is
     * taken */
    kt_ask(h.keys, KT_AHEAD);
    for (uint32_t j = 0; j < np; j += 16) {
        __builtin_prefetch(h.fv + j + 256);
        __builtin_prefetch(h.fv + j + 264);
        __builtin_prefetch(h.fk + j);
        __builtin_prefetch(h.fk + j + 8);
        const vf scale = vf_figures(h.fv + j);
        m = vf_max(scale, m);
        vf_store(pv + j, scale);
    }
    h.vmax = vf_max_all(m);
    const vf up = vf_set(255.0f / h.vmax);
    for (uint32_t j = 0; j < np; j += 16) {
        vf_store(pv + j, vf_mul(vf_load(pv + j), up));
    }
    return h;
}

static void kt_attn_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    const int few = m1 - m0 <= KT_FEW; /* of the decoder, whose keys and values lie in memory */
    float *pv = scratch, *x = pv + k_round(a->c->n, K_PAD_R);
    vx_row room[KT_QK_ROWS * 256]; /* where rows are made wider */
    for (uint32_t head = n0; head < n1; head++) {
        const struct kt_head first = kt_head_of(a, head, pv);
        struct kt_head h = first;
        for (uint32_t i = m0; i < m1;) {
            const int all = m1 - i >= KT_QK_ROWS, ask = few && i == m0;
            h.fq = first.fq + i;
            h.ldx = h.k;
            h.x = kt_rows(first.q + (size_t)i * h.k, &h.ldx, all ? KT_QK_ROWS : 1, h.k, room);
            if (all && ask) {
                kt_attn8_rows(KT_QK_ROWS, 1, a, &h, i, head, x);
            } else if (all) {
                kt_attn8_rows(KT_QK_ROWS, 0, a, &h, i, head, x);
            } else if (ask) {
                kt_attn8_rows(1, 1, a, &h, i, head, x);
            } else {
                kt_attn8_rows(1, 0, a, &h, i, head, x);
            }
            i += all ? KT_QK_ROWS : 1;
        }
    }
}
