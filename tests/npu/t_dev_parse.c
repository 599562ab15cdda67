/* The parsers of npu/dev: xclbin files, instruction streams, commands; and sets of ranges. */
#include "npu/dev/spans.h"
#include "npu/dev/xclbin_in.h"
#include "tests/npu/t_dev_block.h"

static const uint8_t *image(struct sys **s, size_t *n)
{
    const struct vdrm_opts o = {.kernels = k_choose(0)};
    assert_int_equal(vdrm_new(s, &o, NULL), 0);
    return vdrm_xclbin(*s, n);
}

static void whole_file(void **state)
{
    struct sys *s;
    struct xclbin x;
    size_t n;
    (void)state;
    const uint8_t *f = image(&s, &n);
    assert_int_equal(xclbin_parse(f, n, "DICTATE", &x, NULL), 0);
    assert_int_equal(x.columns, 8);
    assert_int_equal(x.n_cus, 1);
    assert_string_equal(x.cu[0].name, "DICTATE:dictate");
    assert_int_equal(x.cu[0].func, 0);
    assert_int_equal(x.kernel_id, 0x901);
    assert_int_equal(x.pdi_b, 256);
    assert_int_equal(x.n_args, 4);
    assert_string_equal(x.arg[3].name, "bo0");
    assert_int_equal(x.arg[3].offset, 0x14);
    assert_int_equal(x.ops_per_cycle, 2048);
    assert_false(x.odd_pdi);
    vdrm_free(s);
}

/* Cut at every length, one byte changed everywhere: a sentence or a view inside the file. */
static void damaged_files(void **state)
{
    struct sys *s;
    struct xclbin x;
    struct err e;
    size_t n;
    int good = 0;
    (void)state;
    const uint8_t *f = image(&s, &n);
    for (size_t len = 0; len < n; len++) {
        uint8_t *cut = malloc(len + 1); /* its own block: reading on is seen */
        memcpy(cut, f, len);
        assert_int_equal(xclbin_parse(cut, len, NULL, &x, &e), -ERR_NPU);
        assert_true(e.text[0]);
        free(cut);
    }
    uint8_t *copy = malloc(n);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, f, n);
            copy[i] ^= (uint8_t)(1 << bit);
            if (xclbin_parse(copy, n, NULL, &x, &e) == 0) {
                good++;
                assert_true(x.pdi >= copy && x.pdi + x.pdi_b <= copy + n);
                assert_true(x.columns >= 1 && x.columns <= 8 && x.n_cus >= 1);
            }
        }
    }
    assert_true(good > 0);
    free(copy);
    vdrm_free(s);
}

static void set32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void telling_sentences(void **state)
{
    struct sys *s;
    struct xclbin x;
    struct err e;
    size_t n;
    (void)state;
    const uint8_t *f = image(&s, &n);
    uint8_t *c = malloc(n);
    static const struct {
        size_t at;
        uint32_t v;
        const char *part;
    } row[] = {
        {0, 0x41414141, "not an xclbin"},
        {0x130, 0x7fffffff, "shorter than its header says"},
        {0x1c0, 65, "more sections than fit"},
        {0x1c8 + 0x18, 0x7fffffff, "outside the file"},
        {0x1c8 + 40, 99, "no compute units"},        /* no IP_LAYOUT */
        {0x1c8 + 80, 99, "no partition of columns"}, /* no AIE_PARTITION */
        {0x1c8 + 120 + 1024, 1000, "longer than its section"},
        {0x1c8 + 120 + 1024 + 8, 1, "no compute units"}, /* no DPU kernel */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        memcpy(c, f, n);
        set32(c + row[i].at, row[i].v);
        assert_int_equal(xclbin_parse(c, n, NULL, &x, &e), -ERR_NPU);
        if (!strstr(e.text, row[i].part)) {
            fail_msg("row %d: %s; %s expected", (int)i, e.text, row[i].part);
        }
    }
    /* a number that belongs to no program */
    memcpy(c, f, n);
    char *id = memmem(c, n, "0x901", 5);
    id[4] = '2';
    assert_int_equal(xclbin_parse(c, n, NULL, &x, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "belongs to the kernel"));
    free(c);
    vdrm_free(s);
}

static void instruction_streams(void **state)
{
    struct txn_view v;
    struct err e;
    uint32_t t[64] = {0};
    (void)state;
    const uint32_t ok[] = {0x06030100, 0x0104, 6, 16 + 24 + 20 + 4 + 16 + 48 + 28,
                           0xabcdef00, 0,      1, 2,
                           3,          24, /* WRITE32; TRAP rubbish above the low byte */
                           0x00C00001, 0,      7, 20,
                           9,                        /* BLOCKWRITE of one word */
                           5,                        /* NOOP */
                           0x80,       16,     0, 0, /* TCT */
                           0x81,       48,     0, 0,
                           0,          0,      7, 0,
                           2,          0,      0, 0, /* DDR_PATCH */
                           3,          0,      0, 0,
                           0,          0,      0}; /* MASKWRITE */
    memcpy(t, ok, sizeof ok);
    assert_int_equal(txn_check(t, sizeof ok, 3, &v, &e), TXN_OTHER);
    assert_int_equal(txn_check(t, sizeof ok + 8, 3, &v, &e), TXN_OTHER); /* a longer file is fine */
    assert_int_equal(txn_check(t, sizeof ok - 4, 3, &v, &e), -ERR_NPU);
    assert_int_equal(txn_check(t, sizeof ok, 4, &v, &e), -ERR_NPU); /* TRAP other generation */
    assert_non_null(strstr(e.text, "made for NPU generation 3"));
    t[2] = 7;
    assert_int_equal(txn_check(t, sizeof ok, 3, &v, &e), -ERR_NPU);
    t[2] = 6;
    t[13] = 8; /* BLOCKWRITE shorter than its head */
    assert_int_equal(txn_check(t, sizeof ok, 3, &v, &e), -ERR_NPU);
    t[0] = 0x464C457F;
    assert_int_equal(txn_check(t, sizeof ok, 3, &v, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "ELF"));
    static const char text[] = "06030100\n00000104\r\n00000000\n00000010\n";
    assert_int_equal(txn_from_text(text, sizeof text - 1, t, 64), 4);
    assert_int_equal(txn_check(t, 16, 3, &v, &e), TXN_OTHER);
    assert_int_equal(txn_from_text("0603010", 7, t, 64), 0);
    assert_int_equal(txn_from_text("xyz", 3, t, 64), 0);
    assert_int_equal(txn_from_text(text, sizeof text - 1, t, 3), 0);
}

static void list_streams(void **state)
{
    _Alignas(64) uint8_t p[2048] = {0};
    const struct txn_buf buf[2] = {{0x1000, 64}, {0x2000, 128}};
    struct txn_view v;
    (void)state;
    struct npu_cmd *c = txn_list_begin(p, 4, 8, buf, 2, 3);
    c[2].op = NPU_COPY;
    const size_t n = txn_list_bytes(2, 3);
    assert_int_equal(txn_check(p, n, 4, &v, NULL), TXN_LIST);
    assert_int_equal(v.bufs, 2);
    assert_int_equal(v.cmds, 3);
    assert_int_equal(v.buf[1].size, 128);
    assert_int_equal(v.cmd[2].op, NPU_COPY);
    set32(p + 16 + 12, 2000); /* more commands than bytes */
    assert_int_equal(txn_check(p, n, 4, &v, NULL), -ERR_NPU);
    set32(p + 16 + 12, 0);
    assert_int_equal(txn_check(p, n, 4, &v, NULL), -ERR_NPU);
}

/* Sizes at which products would wrap round, rows that overlap, heads that do not exist. */
static void command_checks(void **state)
{
    struct dev_touch t;
    struct err e;
    struct block b;
    (void)state;
    block_plan(&b, 1);
    for (int i = 0; i < b.n; i++) {
        assert_int_equal(dev_cmd_touch(&b.c[i], i, &t, &e), 0);
        assert_true(t.n >= 2 && t.cols >= 1);
        uint32_t *field[] = {&b.c[i].m, &b.c[i].n, &b.c[i].k, &b.c[i].lda, &b.c[i].ldo};
        for (int f = 0; f < 5; f++) {
            const uint32_t keep = *field[f];
            *field[f] = UINT32_MAX - 3;
            assert_int_equal(dev_cmd_touch(&b.c[i], i, &t, &e), -ERR_NPU);
            *field[f] = 0;
            assert_true(f > 2 || dev_cmd_touch(&b.c[i], i, &t, &e) == -ERR_NPU);
            *field[f] = keep;
        }
    }
    struct npu_cmd c = b.c[5];
    assert_int_equal(c.op, NPU_ATTN_I8);
    c.heads = 65;
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    c = b.c[5];
    c.flags |= NPU_PROBS;
    c.ldp = c.n;
    c.mask = 1 << 4; /* the fifth of four heads */
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    c.mask = 5;
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), 0);
    assert_int_equal(t.o[t.n - 1].bytes, 2 * B_ROWS * B_ROWS * 4);
    /* a copy has no other flags: the kernels would look for operands that it does not name (fuzzing) */
    c = b.c[12];
    assert_int_equal(c.op, NPU_COPY);
    for (unsigned flag = 1; flag < 1 << 16; flag <<= 1) {
        c.flags = (uint16_t)flag;
        c.in[2] = NPU_ADDR(2, 0), c.in[3] = NPU_ADDR(3, 0), c.ldp = c.n;
        const int after = (flag & (NPU_BIAS | NPU_GELU | NPU_ROUGH | NPU_MUL | NPU_ADD)) != 0;
        assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), after ? 0 : -ERR_NPU);
    }
    c = b.c[11]; /* fast kernels of many rows write no probabilities */
    assert_true(c.op == NPU_ATTN && c.flags & NPU_CAUSAL);
    c.flags = NPU_PROBS;
    c.tile_m = 2;
    c.ldp = c.n;
    c.mask = 1;
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "tiles of one row"));
    /* a column counts a job's tiles in 20 bits */
    c = (struct npu_cmd){.op = NPU_COPY, .m = 1 << 20, .n = 8, .k = 8, .lda = 8, .ldo = 8, .tile_m = 1, .tile_n = 1};
    c.in[0] = NPU_ADDR(1, 0), c.out = NPU_ADDR(2, 0);
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "more tiles"));
    c.m--;
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), 0);
    /* TRAP a result over an input: which tile comes first would decide */
    c = (struct npu_cmd){.op = NPU_COPY,
                         .m = 3,
                         .n = 8,
                         .k = 8,
                         .lda = 24,
                         .ldo = 24,
                         .tile_m = 1,
                         .tile_n = 32,
                         .in = {NPU_ADDR(1, 0)},
                         .out = NPU_ADDR(1, 32)};
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), 0); /* beside it in the same rows */
    c.out = NPU_ADDR(1, 0);
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), 0); /* exactly in place */
    c.out = NPU_ADDR(1, 16);
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "result lies over rows"));
    c.ldo = 8, c.out = NPU_ADDR(1, 64);
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    c.out = NPU_ADDR(2, 64);
    assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), 0);
    for (int op = NPU_OP_COUNT; op < 256; op += 31) {
        c.op = (uint16_t)op;
        assert_int_equal(dev_cmd_touch(&c, 0, &t, &e), -ERR_NPU);
    }
}

static void ranges(void **state)
{
    uint8_t model[4096], known[4096];
    struct spans a = {0}, b = {0}, c = {0}, both = {0};
    uint32_t seed = 77;
    (void)state;
    memset(model, 0, sizeof model);
    memset(known, 0, sizeof known);
    for (int i = 0; i < 3000; i++) {
        const uintptr_t lo = block_rnd(&seed) % 4000, hi = lo + block_rnd(&seed) % 96;
        if (i % 3 == 2) {
            spans_remove(&a, lo, hi);
            memset(model + lo, 0, hi - lo);
        } else {
            spans_add(&a, lo, hi);
            memset(model + lo, 1, hi - lo);
        }
        size_t n = 0;
        for (size_t k = 0; k < sizeof model; k++) {
            n += model[k];
        }
        /* at least what was added, and no more while there is room */
        assert_true(spans_bytes(&a) >= n && (a.n == SPANS_MAX || spans_bytes(&a) == n));
        for (int k = 0; k + 1 < a.n; k++) {
            assert_true(a.s[k].lo < a.s[k].hi && a.s[k].hi < a.s[k + 1].lo);
        }
        if (i % 50 == 0) {
            spans_remove(&a, 0, 5000);
            memset(model, 0, sizeof model);
        }
    }
    a.n = 0;
    for (uintptr_t i = 0; i < 300; i++) { /* full: the nearest grow together, or are forgotten */
        spans_add(&a, 100 * i, 100 * i + 10);
        spans_add_exact(&b, 100 * i, 100 * i + 10);
    }
    assert_true(a.n == SPANS_MAX && b.n == SPANS_MAX);
    assert_true(spans_bytes(&a) > 3000 && spans_bytes(&b) == 10 * SPANS_MAX);
    spans_add_unknown(&c, &b, 5, 130);
    assert_true(c.n == 2 && c.s[0].lo == 10 && c.s[0].hi == 100 && c.s[1].lo == 110 &&
                c.s[1].hi == 130);
    spans_both(&both, &b, &c);
    assert_int_equal(both.n, 0);
    spans_add(&c, 0, 200);
    spans_both(&both, &b, &c);
    assert_int_equal(spans_bytes(&both), 20);
}

/* Found by f_xclbin: no name was compared with no name. */
static void nameless_kernel(void **unused)
{
    static const char text[] = "<kernel><arg/></kernel>";
    struct xclbin_kernel k;
    struct err e = {0};
    (void)unused;
    memset(&k, 0, sizeof k);
    assert_int_equal(xclbin_xml(text, sizeof text - 1, "", 0, &k, &e), 0);
    assert_int_equal(k.found, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_file),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(telling_sentences),
        cmocka_unit_test(instruction_streams),
        cmocka_unit_test(list_streams),
        cmocka_unit_test(command_checks),
        cmocka_unit_test(ranges),
        cmocka_unit_test(nameless_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
