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
    const int16_t *pv; /* scales of the values in 32767ths of the largest, in the order of vh_pack, [xs] */
    float vmax;        /* the largest scale of the values */
    uint32_t k, n, np, xs; /* xs: np rounded up to whole KT_SOFT */
};

enum { KT_SOFT = 64 }; /* scores that become probabilities at a time */

/* 16 scores from their sums, from key j on; keys beyond n score what makes them 0. */
KT_INLINE vf kt_score(const int T, vi sum, vf sk, const struct kt_head *h, uint32_t j)
{
    const vf y = vf_mul(vi_float(sum), sk);
    return !T || j + 16 <= h->n ? y : vf_low_beyond(y, h->n - j);
}

/* Scores of the keys that fill up the last KT_SOFT. */
KT_INLINE void kt_scores_beyond(const struct kt_head *h, float *x)
{
    for (uint32_t j = h->np; j < h->xs; j += 16) {
        vf_store(x + j, vf_set(-INFINITY));
    }
}

/* Scores of R rows against P panels of 16 keys from key j on, into x[r][xs]; max[r] follows.  A: the keys come from
 * memory, and those behind them are asked for; then one panel at a time, which reads in order, with two chains.  T: some
 * of the keys may be beyond n.  off: what a row's sums begin with. */
KT_INLINE void kt_qk(const int R, const int P, const int A, const int T, const struct kt_head *h, uint32_t j,
                     const int32_t *off, float *x, vf *max)
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
            const vf y = kt_score(T, sum, sk, h, at);
            vf_store(x + (size_t)r * h->xs + at, y);
            max[r] = vf_max(y, max[r]);
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
            const vp a = vp_load(p + (size_t)r * h->xs + j);
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

/* ref_soft of 32 distances: what they are when they do not fit 15 bits gives 0 too. */
KT_INLINE vh kt_soft(vh u)
{
    const vh f = vh_shl4(vh_and(u, vh_set(2047)));
    const vh slope = vh_add(vh_mulr(f, vh_set(REF_SOFT_2)), vh_set(REF_SOFT_1));
    return vh_shr_by(vh_add(vh_mulr(f, slope), vh_set(REF_SOFT_0)), vh_shr11(u));
}

/* The factor of the scores of a query with scale sq. */
KT_INLINE float kt_soft_by(float sq, const struct npu_cmd *c)
{
    const float fs = sq * c->scale[1] * REF_SOFT_STEPS;
    return fs > REF_SOFT_LEAST ? fs : REF_SOFT_LEAST;
}

/* Scores of a row to probabilities: e in place (when kept), p for vp_load or, T, as bytes for tiles; returns one by the
 * sum of e. */
KT_INLINE float kt_soft8(const int T, const struct kt_head *h, float *x, float max, float by, void *p, int keep)
{
    const vf top = vf_set(max), fs = vf_set(by);
    const vh most = vh_set(255);
    vi sum = vi_zero();
    for (uint32_t j = 0; j < h->xs; j += KT_SOFT) {
        vh y[2];
#pragma GCC unroll 2
        for (uint32_t i = 0; i < 2; i++) {
            float *at = x + j + 32 * i;
            const vf lo = vf_mul(vf_sub(top, vf_load(at)), fs), hi = vf_mul(vf_sub(top, vf_load(at + 16)), fs);
            const vh e = kt_soft(vh_pack(lo, hi));
            sum = vh_sum(sum, e);
            y[i] = vh_mulr(vh_mulr(e, vh_load(h->pv + j + 32 * i)), most);
            if (keep) {
                vh_floats(e, at);
            }
        }
        if (T) {
            vh_bytes((uint8_t *)p + j, y[0], y[1]);
        } else {
            vp_store((vp_row *)p + j, y[0], y[1]);
        }
    }
    return 1.0f / (float)vi_sum(sum);
}

/* R rows of one head.  A: the first of a few rows, see kt_qk. */
KT_INLINE void kt_attn8_rows(const int R, const int A, const struct k_args *a, const struct kt_head *h, uint32_t i,
                             uint32_t head, float *x)
{
    const struct npu_cmd *c = a->c;
    const int keep = c->flags & NPU_PROBS && c->mask >> head & 1;
    vp_row *p = (vp_row *)(x + (size_t)R * h->xs);
    float down[KT_QK_ROWS];
    int32_t off[KT_QK_ROWS];
    vf max[KT_QK_ROWS];
    uint32_t j = 0;
    for (int r = 0; r < R; r++) {
        off[r] = -KT_W_OFFSET * h->fq[r].sum;
        max[r] = vf_set(-INFINITY);
    }
    for (; !A && j + 16 * KT_QK_PANELS <= h->n; j += 16 * KT_QK_PANELS) {
        kt_qk(R, KT_QK_PANELS, A, 0, h, j, off, x, max);
    }
    for (; j < h->np; j += 16) {
        kt_qk(R, 1, A, 1, h, j, off, x, max);
    }
    if (A) {
        kt_ask(h->vals, KT_AHEAD);
    }
    for (int r = 0; r < R; r++) {
        float *row = x + (size_t)r * h->xs;
        kt_scores_beyond(h, row);
        const float inv = kt_soft8(0, h, row, vf_max_all(max[r]), kt_soft_by(h->fq[r].scale, c),
                                   p + (size_t)r * h->xs, keep);
        down[r] = h->vmax * REF_SOFT_DOWN * inv;
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

/* Head `head` from its first row on; pv: room for its scales of values, [xs] twice. */
KT_INLINE struct kt_head kt_head_of(const struct k_args *a, uint32_t head, float *pv)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = c->k, mp = k_round(c->m, K_PAD_R), np = k_round(c->n, K_PAD_R);
    const size_t row = (size_t)head * mp, key = (size_t)head * np;
    const int8_t *q = a->in[0], *figures = q + (size_t)c->heads * mp * k;
    const uint8_t *keys = a->in[1], *vals = a->in[2];
    const size_t packed = (size_t)c->heads * np * k;
    int16_t *share = (int16_t *)pv;
    struct kt_head h = {.q = q + row * k, .pv = share, .k = k, .n = c->n, .np = np, .xs = k_round(np, KT_SOFT)};
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
    for (uint32_t j = np; j < h.xs; j += 16) {
        vf_store(pv + j, vf_zero());
    }
    const vf up = vf_set(32767.0f / h.vmax);
    for (uint32_t j = 0; j < h.xs; j += 32) { /* in place: 16 bits from 32 */
        vh_store(share + j, vh_pack(vf_mul(vf_load(pv + j), up), vf_mul(vf_load(pv + j + 16), up)));
    }
    return h;
}

static void kt_attn_i8(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                       void *scratch)
{
    const int few = m1 - m0 <= KT_FEW; /* of the decoder, whose keys and values lie in memory */
    float *pv = scratch, *x = pv + k_round(a->c->n, KT_SOFT);
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
