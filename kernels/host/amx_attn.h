/* ATTN_I8 on tiles: 32 rows of queries at a time.  Head packs lie as tiles want them: a panel of 16 keys is a B
 * tile, and so are 16 of the values of 64 keys.
 *
 *   scores         queries s8 . keys u8, 32 keys a block; the sums of a block become scores while the
 *                  next is multiplied
 *   probabilities  the vector kernels' own pass over each row (kt_soft8)
 *   result         probabilities u8 . values s8, 32 values a block, 64 keys a step
 *
 * Tiles are 16 rows whatever is asked for: those of a call's end reach back, or into the rows that pad
 * the pack; what they give beyond the rows asked for is not looked at.  Part of k_template.h. */

/* One block of rows on its way. */
struct kt_amx_rows {
    struct kt_head h; /* from row s0 of the queries on */
    uint32_t row, mid, end, s0, s1; /* as in struct kt_amx_block */
    uint32_t step;                  /* of k in the scores: the most that divides it, up to 64 */
    float *x;                       /* scores [32][xs] */
    uint8_t *p;                     /* probabilities [32][ps] */
    size_t xs, ps;
    const int8_t *last; /* the last np % 64 rows of values, filled up with zeros: [16][k][4] */
    float down[32];
    int32_t off[32]; /* what goes to every sum of a row */
    vf max[32];
};

/* Where row r of the block lies in its tiles. */
KT_INLINE uint32_t kt_amx_at(const struct kt_amx_rows *b, uint32_t r)
{
    return r < b->mid ? r - b->s0 : 16 + r - b->s1;
}

KT_INLINE void kt_amx_zero(amx_regs x)
{
    AMX_ZERO(x, 0);
    AMX_ZERO(x, 1);
    AMX_ZERO(x, 2);
    AMX_ZERO(x, 3);
}

/* Four tiles of sums to s[32][32]. */
KT_INLINE void kt_amx_store(amx_regs x, int32_t *s)
{
    AMX_STORE(x, 0, s, 128);
    AMX_STORE(x, 1, s + 16, 128);
    AMX_STORE(x, 2, s + 512, 128);
    AMX_STORE(x, 3, s + 528, 128);
}

/* Scores of rows at..end-1 of the tiles and the keys j..j+31 (of which those of `panels` are in the pack) from the
 * sums s.  T: some keys may be beyond n. */
KT_INLINE void kt_amx_some(const int T, struct kt_amx_rows *b, const int32_t *s, uint32_t j,
                           uint32_t panels, uint32_t at, uint32_t end)
{
    const vf sk[2] = {vf_figures(b->h.fk + j), vf_figures(b->h.fk + j + 16 * (panels - 1))};
    for (; at < end; at++) {
        const vi off = vi_set(b->off[at]);
        vf max = b->max[at];
        for (uint32_t p = 0; p < panels; p++) {
            const vf y = kt_score(T, vi_add(vi_load(s + at * 32 + 16 * p), off), sk[p], &b->h, j + 16 * p);
            vf_store(b->x + at * b->xs + j + 16 * p, y);
            max = vf_max(y, max);
        }
        b->max[at] = max;
    }
}

/* The same of all rows that count. */
KT_INLINE void kt_amx_scores(struct kt_amx_rows *b, const int32_t *s, uint32_t j)
{
    const uint32_t a0 = b->row - b->s0, a1 = b->mid - b->s0, b0 = 16 + b->mid - b->s1, b1 = 16 + b->end - b->s1;
    if (j + 32 <= b->h.n) {
        kt_amx_some(0, b, s, j, 2, a0, a1);
        kt_amx_some(0, b, s, j, 2, b0, b1);
    } else {
        const uint32_t panels = b->h.np - j < 32 ? 1 : 2;
        kt_amx_some(1, b, s, j, panels, a0, a1);
        kt_amx_some(1, b, s, j, panels, b0, b1);
    }
}

/* Scores of all keys. */
KT_INLINE void kt_amx_qk(amx_regs x, struct kt_amx_rows *b, int32_t (*sums)[32 * 32])
{
    const uint32_t k = b->h.k, step = b->step;
    const int8_t *q0 = b->h.q, *q1 = q0 + (size_t)(b->s1 - b->s0) * k;
    int turn = 0;
    AMX_LOAD(x, 4, q0, k);
    AMX_LOAD(x, 5, q1, k);
    for (uint32_t j = 0; j < b->h.np; j += 32, turn ^= 1) {
        const uint8_t *key = b->h.keys + (size_t)j * k, *more = b->h.np - j < 32 ? key : key + (size_t)16 * k;
        kt_amx_zero(x);
        for (uint32_t t = 0; t < k; t += step) {
            if (step < k) {
                AMX_LOAD(x, 4, q0 + t, k);
                AMX_LOAD(x, 5, q1 + t, k);
            }
            AMX_LOAD(x, 6, key + (size_t)t * 16, 64);
            AMX_DOT_SU(x, 0, 4, 6);
            AMX_DOT_SU(x, 2, 5, 6);
            AMX_LOAD(x, 7, more + (size_t)t * 16, 64);
            AMX_DOT_SU(x, 1, 4, 7);
            AMX_DOT_SU(x, 3, 5, 7);
        }
        if (j) {
            kt_amx_scores(b, sums[turn ^ 1], j - 32);
        }
        kt_amx_store(x, sums[turn]);
    }
    kt_amx_scores(b, sums[turn ^ 1], k_round(b->h.np, 32) - 32);
}

/* Scores to probabilities, row by row. */
KT_INLINE void kt_amx_soft(const struct k_args *a, struct kt_amx_rows *b, uint32_t head)
{
    const int keep = a->c->flags & NPU_PROBS && a->c->mask >> head & 1;
    for (uint32_t r = b->row; r < b->end; r++) {
        const uint32_t at = kt_amx_at(b, r);
        float *row = b->x + at * b->xs;
        kt_scores_beyond(&b->h, row);
        const float by = kt_soft_by(b->h.fq[r - b->s0].scale, a->c);
        const float inv = kt_soft8(1, &b->h, row, vf_max_all(b->max[at]), by, b->p + at * b->ps, keep);
        b->down[at] = b->h.vmax * REF_SOFT_DOWN * inv;
        if (keep) {
            kt_probs(a, b->h.n, head, r, row, inv);
        }
    }
}

/* One step: 64 keys, 32 values (one: 16, twice). */
KT_INLINE void kt_amx_values(amx_regs x, const uint8_t *p, size_t ps, const int8_t *v, uint32_t k, int one)
{
    AMX_LOAD(x, 6, v, (size_t)4 * k);
    AMX_LOAD(x, 4, p, ps);
    AMX_DOT_US(x, 0, 4, 6);
    AMX_LOAD(x, 5, p + 16 * ps, ps);
    AMX_DOT_US(x, 2, 5, 6);
    AMX_LOAD(x, 7, v + (one ? 0 : 64), (size_t)4 * k);
    AMX_DOT_US(x, 1, 4, 7);
    AMX_DOT_US(x, 3, 5, 7);
}

/* Probabilities times values. */
KT_INLINE void kt_amx_pv(amx_regs x, const struct k_args *a, const struct kt_amx_rows *b, uint32_t head, int32_t *s)
{
    const struct npu_cmd *c = a->c;
    const uint32_t k = b->h.k, whole = b->h.np / 64 * 64;
    AMX_ORDER(); /* the probabilities are written */
    for (uint32_t t = 0; t < k; t += 32) {
        const int one = k - t < 32;
        kt_amx_zero(x);
        for (uint32_t j = 0; j < whole; j += 64) {
            kt_amx_values(x, b->p + j, b->ps, b->h.vals + (size_t)j * k + 4 * t, k, one);
        }
        if (whole < b->h.np) {
            kt_amx_values(x, b->p + whole, b->ps, b->last + 4 * t, k, one);
        }
        kt_amx_store(x, s);
        for (uint32_t r = b->row; r < b->end; r++) {
            const uint32_t at = kt_amx_at(b, r);
            float *out = (float *)a->out + (size_t)r * c->ldo + head * k;
            for (uint32_t p = 0; p < (one ? 16 : 32); p += 16) {
                kt_pv_end(&b->h, vi_load(s + at * 32 + p), b->down[at], t + p, out);
            }
        }
    }
}

/* Rows m0..m1-1 of one head. */
KT_INLINE void kt_amx_head(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t head, struct kt_amx_rows *b,
                           int8_t *last, float *pv)
{
    const uint32_t k = a->c->k, end = k_round(a->c->m, K_PAD_R) - 16;
    const struct amx_cfg scores = amx_cfg_of(16, b->step), result = amx_cfg_of(16, 64);
    int32_t sums[2][32 * 32] __attribute__((aligned(64)));
    const struct kt_head first = kt_head_of(a, head, pv);
    const uint32_t rest = first.np % 64;
    AMX_STATE(x);
    b->h = first;
    b->last = last;
    memcpy(last, first.vals + (size_t)(first.np - rest) * k, (size_t)rest * k);
    memset(last + (size_t)rest * k, 0, (size_t)(64 - rest) * k);
    AMX_CONFIG(x, &scores);
    for (uint32_t i = m0; i < m1; i += 32) {
        b->row = i;
        b->end = m1 - i < 32 ? m1 : i + 32;
        b->mid = m1 - i < 16 ? m1 : i + 16;
        b->s0 = i < end ? i : end;
        /* without lower rows the upper ones stand in for them */
        b->s1 = b->mid == b->end ? b->s0 : b->mid < end ? b->mid : end;
        b->h.q = first.q + (size_t)b->s0 * k;
        b->h.fq = first.fq + b->s0;
        for (uint32_t r = i; r < b->end; r++) {
            b->off[kt_amx_at(b, r)] = -128 * first.fq[r].sum;
            b->max[kt_amx_at(b, r)] = vf_set(-INFINITY);
        }
        if (b->step < 64 && i > m0) {
            AMX_CONFIG(x, &scores);
        }
        kt_amx_qk(x, b, sums);
        kt_amx_soft(a, b, head);
        if (b->step < 64) {
            AMX_CONFIG(x, &result);
        }
        kt_amx_pv(x, a, b, head, sums[0]);
    }
    AMX_RELEASE();
}

static void kt_attn_amx(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                        void *scratch)
{
    const struct npu_cmd *c = a->c;
    const uint32_t np = k_round(c->n, K_PAD_R);
    struct kt_amx_rows b = {.step = 64, .xs = k_round(np, KT_SOFT) | 16, .ps = k_round(np, 64) | 64};
    if (m1 - m0 < KT_TILE_ROWS) {
        kt_attn_i8(a, m0, m1, n0, n1, scratch);
        return;
    }
    while (c->k % b.step) {
        b.step -= 16;
    }
    b.p = scratch;
    b.x = (float *)(void *)(b.p + 32 * b.ps);
    float *pv = b.x + 32 * b.xs;
    int8_t *last = (int8_t *)(pv + k_round(np, KT_SOFT));
    for (uint32_t head = n0; head < n1; head++) {
        kt_amx_head(a, m0, m1, head, &b, last, pv);
    }
}
