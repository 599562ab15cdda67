/* Shapes at which the AMX kernels change their way: from 8 rows on, rows that do not fill tiles, one and
 * two tiles of rows, groups of rows that are worn out of a cache, odd numbers of panels.  Part of
 * t_equal.c. */

static bool on_tiles(const struct k_table *t)
{
#if defined(__x86_64__)
    return t == &k_table_amx || t == &k_table_amx_model;
#else
    (void)t;
    return false;
#endif
}

/* Every number of rows to 40 in one tile, each with one plane, two, the low plane of the weights, and weights of 4 bits. */
static void test_tiles_gemm(void **unused)
{
    const uint16_t planes[] = {0, NPU_FINE, NPU_FINE | NPU_DEEP, NPU_W4};
    const struct k_table *t[TABLES];
    const int nt = tables(t);
    (void)unused;
    for (int i = 0; i < nt; i++) {
        for (uint32_t m = 1; m <= 40 && on_tiles(t[i]); m++) {
            for (int p = 0; p < 4; p++) {
                struct npu_cmd c = {.op = NPU_GEMM_I8, .flags = planes[p], .m = m, .n = upto(100), .k = upto(300)};
                c.tile_m = (uint16_t)m;
                c.tile_n = (uint16_t)(32 * upto(4));
                gemm_case(t[i], c);
            }
        }
        /* more rows than stay in the L2 beside the weights, not a multiple of anything */
        for (int p = 0; p < 4 && on_tiles(t[i]); p++) {
            struct npu_cmd c = {.op = NPU_GEMM_I8, .flags = planes[p], .m = 143 - 40 * (uint32_t)(p % 3), .n = 50};
            c.k = p == 1 || p == 2 ? 4090 : 8200;
            c.tile_m = (uint16_t)c.m;
            c.tile_n = 64;
            gemm_case(t[i], c);
        }
    }
}

/* Rows to 40 and a tile of the encoder, keys about the edges of tiles and steps, every size of heads. */
static void test_tiles_attn(void **unused)
{
    const uint32_t keys[] = {1, 15, 16, 17, 31, 33, 48, 63, 64, 65, 80, 96, 112, 127, 129, 250};
    const struct k_table *t[TABLES];
    const int nt = tables(t);
    (void)unused;
    for (int i = 0; i < nt; i++) {
        for (uint32_t m = 1; m <= 40 && on_tiles(t[i]); m++) {
            struct npu_cmd c = {.m = m, .n = keys[m % 16], .k = 16 * (1 + m % 16), .heads = 1 + m % 2};
            c.tile_m = (uint16_t)m;
            c.mask = 1;
            c.flags = (uint16_t)(rnd() & (NPU_CENTRE | NPU_PROBS));
            attn_case(t[i], c, (int)(m % KINDS));
        }
        for (int kind = 0; kind < KINDS && on_tiles(t[i]); kind++) {
            struct npu_cmd c = {.m = 101, .n = 300 + 16 * (uint32_t)kind, .k = 64, .heads = 2, .tile_m = 96};
            c.flags = NPU_CENTRE;
            attn_case(t[i], c, kind);
        }
        /* as many heads as there may be, few rows of each */
        struct npu_cmd c = {.m = 9, .n = 20, .k = 16, .heads = 64, .tile_m = 9, .flags = NPU_PROBS, .mask = UINT64_MAX};
        attn_case(t[i], c, 0);
    }
}

#if defined(__x86_64__)
/* Tile instructions of one command in one piece. */
static struct amx_trap_count counted(const struct k_table *t, struct k_args *a, uint32_t cols, size_t out)
{
    struct amx_trap_count n;
    void *scratch = block(k_scratch_bytes(a->c));
    a->out = block(out);
    amx_trap_count(&n);
    t->run[a->c->op](a, 0, a->c->m, 0, cols, scratch);
    amx_trap_count(&n);
    free(scratch);
    free(a->out);
    return n;
}

/* From 8 rows on the products are made on tiles, all of them, with one configuration; below, none. */
static void test_tiles_used(void **unused)
{
    const struct k_table *t[TABLES];
    (void)unused;
    tables(t);
    if (!trapped) {
        puts("nobody counts here what the tiles do");
        skip();
    }
    for (uint32_t m = 7; m <= 33; m += 13) {
        struct npu_cmd c = {.op = NPU_GEMM_I8, .m = m, .n = 96, .k = 128, .lda = 128, .ldo = 96};
        c.tile_m = (uint16_t)m;
        c.tile_n = 96;
        const size_t w = k_packed_i8_bytes(c.n, c.k) + k_packed_low_bytes(c.n, c.k);
        struct k_args a = {.c = &c, .in = {block(2 * 40 * 128), block(w), block(4 * 96 * 4)}};
        a.aux = block(2 * 40 * sizeof(struct k_row));
        const uint32_t tiles = (m + 15) / 16; /* of rows; 3 blocks of columns, 2 steps, 2 B tiles in each */
        const uint16_t planes[] = {0, NPU_FINE, NPU_FINE | NPU_DEEP, NPU_W4};
        for (uint32_t p = 0; p < 4; p++) {
            c.flags = planes[p];
            const struct amx_trap_count n = counted(&k_table_amx, &a, c.n, 40 * 96 * 4);
            assert_int_equal(n.products, m < 8 ? 0 : (p % 3 + 1) * tiles * 3 * 2 * 2);
            assert_int_equal(n.configs, m < 8 ? 0 : 1);
            assert_int_equal(n.releases, n.configs);
        }
        uint8_t *q = pack(m, 1, 64, 0, 0), *k = pack(100, 1, 64, NPU_AS_K, 0), *v = pack(100, 1, 64, NPU_AS_V, 0);
        struct npu_cmd at = {.op = NPU_ATTN_I8, .m = m, .n = 100, .k = 64, .ldo = 64, .heads = 1, .tile_n = 1};
        at.tile_m = (uint16_t)m;
        struct k_args b = {.c = &at, .in = {q, k, v}};
        const struct amx_trap_count n = counted(&k_table_amx, &b, 1, (size_t)m * 64 * 4);
        /* 32 rows a block: 4 of 32 keys in a step; 2 of 32 values in 2 steps */
        assert_int_equal(n.products, m < 8 ? 0 : (m + 31) / 32 * (4 * 4 + 2 * 2 * 4));
        assert_int_equal(n.configs, m < 8 ? 0 : 1);
        assert_int_equal(n.releases, n.configs);
        for (int i = 0; i < 3; i++) {
            free((void *)(uintptr_t)a.in[i]);
        }
        free(a.aux), free(q), free(k), free(v);
    }
}
#endif

/* What a peak loop says it has done grows with its rounds, and on tiles is what the tiles did. */
static void test_peak(void **unused)
{
    const struct k_table *t[TABLES];
    const int nt = tables(t);
    (void)unused;
    for (int i = 0; i < nt; i++) {
        struct amx_trap_count n;
        const uint64_t one = t[i]->peak_i8(1);
        assert_true(one > 0 && one % 2 == 0);
        amx_trap_count(&n);
        assert_int_equal(t[i]->peak_i8(25), 25 * one);
        amx_trap_count(&n);
        assert_false(n.live);
        if (on_tiles(t[i])) {
            assert_int_equal(one, 4 * 16 * 16 * 64 * 2); /* four full products, a multiply-add is two */
        }
#if defined(__x86_64__)
        assert_true(!trapped || t[i] != &k_table_amx || n.products == 100);
#endif
        assert_int_equal(t[i]->peak_f32(25), 25 * t[i]->peak_f32(1));
    }
}
