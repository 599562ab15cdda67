/* What the way through the driver and its ioctls costs against calling the column workers directly:
 * a list of an encoder's size (6 layers, 512 wide, INT8) and one of a decoder step's, both ways in
 * turn. Prints the figures; fails only where they are out of all proportion, since the machine is
 * shared. DEV_COST_RUNS sets the number of runs. */
#include "app/base/cpu.h"
#include "npu/dev/xdna.h"
#include "tests/npu/t_dev_block.h"

enum { D = 512, HEADS = 8, HK = 64, FF = 2048, LAYERS = 6, PER_LAYER = 12, MB = 1 << 20 };

struct model {
    struct npu_cmd c[LAYERS * PER_LAYER];
    int n;
    size_t end;
};

static npu_addr room(struct model *m, uint32_t buf, size_t n)
{
    const size_t at = m->end;
    m->end += (n + 63) / 64 * 64;
    return NPU_ADDR(buf, at);
}

static struct npu_cmd *add(struct model *m, int op, uint32_t rows, uint32_t n, uint32_t k)
{
    struct npu_cmd *c = &m->c[m->n++];
    *c = (struct npu_cmd){.op = (uint16_t)op,
                          .m = rows,
                          .n = n,
                          .k = k,
                          .lda = k,
                          .ldo = n,
                          .tile_m = 64,
                          .tile_n = 128};
    return c;
}

static struct npu_cmd *gemm(struct model *m, uint32_t buf, uint32_t rows, uint32_t n, uint32_t k,
                            npu_addr a, npu_addr fig, npu_addr out)
{
    struct npu_cmd *c = add(m, NPU_GEMM_I8, rows, n, k);
    c->in[0] = a, c->aux = fig, c->out = out;
    c->in[1] = room(m, buf, k_packed_i8_bytes(n, k));
    c->in[2] = room(m, buf, k_round(n, K_PAD_N) * 8);
    c->flags = NPU_BIAS;
    return c;
}

static void plan(struct model *m, uint32_t buf, uint32_t rows)
{
    memset(m, 0, sizeof *m);
    const npu_addr x = room(m, buf, (size_t)rows * D * 4), q = room(m, buf, (size_t)rows * FF);
    const npu_addr fig = room(m, buf, (size_t)rows * 8), wide = room(m, buf, (size_t)rows * FF * 4);
    npu_addr pack[3];
    for (int i = 0; i < 3; i++) {
        pack[i] = room(m, buf, k_heads_bytes(rows, HEADS, HK, 0));
    }
    for (int l = 0; l < LAYERS; l++) {
        struct npu_cmd *c = add(m, NPU_NORM_Q, rows, D, D);
        c->in[0] = x, c->out = q, c->aux = fig;
        gemm(m, buf, rows, 3 * D, D, q, fig, wide);
        for (int i = 0; i < 3; i++) {
            c = add(m, NPU_HEADS, rows, D, HK);
            c->in[0] = wide + (size_t)i * D * 4, c->lda = 3 * D, c->out = pack[i];
            c->heads = HEADS, c->tile_n = 2, c->flags = i == 1 ? NPU_AS_K : i == 2 ? NPU_AS_V : 0;
        }
        c = add(m, NPU_ATTN_I8, rows, rows, HK);
        c->in[0] = pack[0], c->in[1] = pack[1], c->in[2] = pack[2], c->out = wide, c->ldo = D;
        c->heads = HEADS, c->tile_n = 1, c->scale[0] = c->scale[1] = 0.125f;
        c = add(m, NPU_QUANT, rows, D, D);
        c->in[0] = wide, c->out = q, c->aux = fig;
        c = gemm(m, buf, rows, D, D, q, fig, x);
        c->flags |= NPU_ADD, c->in[3] = x, c->ldp = D;
        c = add(m, NPU_NORM_Q, rows, D, D);
        c->in[0] = x, c->out = q, c->aux = fig;
        c = gemm(m, buf, rows, FF, D, q, fig, wide);
        c->flags |= NPU_GELU;
        c = add(m, NPU_QUANT, rows, FF, FF);
        c->in[0] = wide, c->out = q, c->aux = fig;
        c = gemm(m, buf, rows, D, FF, q, fig, x);
        c->flags |= NPU_ADD, c->in[3] = x, c->ldp = D;
    }
}

struct side {
    const char *name;
    struct dev_xdna_opts o;
    struct dev_xdna *x;
    struct sys *s;
    uint8_t *p;
    int64_t *ns, mid; /* of each run; the median */
};

static int64_t once(struct side *s, const struct model *m, struct dev *d, struct dev_job *j)
{
    struct err e;
    const int64_t start = clk_ns();
    const int rc = s->x ? dev_xdna_run(s->x, m->c, m->n, &e) : d->ops->run(d, j, m->n, 1 << 20, &e);
    if (rc) {
        fail_msg("%s", e.text);
    }
    return clk_ns() - start;
}

/* Memory with the same contents on each side; the first has no driver. */
static void side_open(struct side *s, const struct model *m, unsigned features, int threads)
{
    uint32_t bo, seed = 5;
    if (strcmp(s->name, "direct") == 0) {
        s->p = mmap(NULL, m->end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(s->p, m->end, MADV_HUGEPAGE);
    } else {
        const struct vdrm_opts o = {.kernels = k_choose(features), .threads = threads};
        assert_int_equal(vdrm_new(&s->s, &o, NULL), 0);
        s->o.xclbin = vdrm_xclbin(s->s, &s->o.xclbin_b);
        assert_int_equal(dev_xdna_open(&s->x, s->s, &s->o, NULL), 0);
        assert_int_equal(dev_xdna_bo_new(s->x, m->end, "model", &bo, NULL), 0);
        s->p = dev_xdna_bo_map(s->x, bo);
    }
    for (size_t k = 0; k < m->end / 4; k++) {
        ((float *)(void *)s->p)[k] = (float)(int32_t)block_rnd(&seed) * 1e-10f;
    }
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void compare(uint32_t rows, const char *what, int runs, double worst)
{
    struct side side[] = {
        {.name = "direct"},
        {.name = "driver, whole list"},
        {.name = "driver, a call for each command", .o = {.per_call = 1}},
        {.name = "driver, no chains", .o = {.per_call = 1, .per_chain = 1, .in_flight = 4}}};
    enum { SIDES = sizeof side / sizeof *side };
    static struct model m;
    static struct dev_job j[LAYERS * PER_LAYER];
    unsigned features = 0;
    struct dev *d;
    const int threads = cpu_count() < 2 ? 1 : 2;
    assert_int_equal(cpu_features(&features, NULL), 0);
    assert_int_equal(dev_virt_open(&d, 8, threads, k_choose(features), NULL), 0);
    plan(&m, 1, rows);
    for (int i = 0; i < SIDES; i++) {
        struct side *s = &side[i];
        s->ns = calloc((size_t)runs, sizeof *s->ns);
        assert_non_null(s->ns);
        side_open(s, &m, features, threads);
        for (int k = 0; i == 0 && k < m.n; k++) {
            assert_int_equal(dev_cmd_resolve(&m.c[k], k, direct_at, s->p, &j[k], NULL), 0);
        }
    }
    for (int r = 0; r < runs; r++) {
        for (int i = 0; i < SIDES; i++) {
            side[i].ns[r] = once(&side[i], &m, d, j);
        }
    }
    for (int i = 0; i < SIDES; i++) {
        struct side *s = &side[i];
        qsort(s->ns, (size_t)runs, sizeof *s->ns, by_size);
        s->mid = s->ns[runs / 2];
        const double over = 100.0 * ((double)s->mid / (double)side[0].mid - 1);
        print_message("%s, %-32s median %8.3f ms, best %8.3f ms, %+.1f %%\n", what, s->name,
                      (double)s->mid / 1e6, (double)s->ns[0] / 1e6, over);
        free(s->ns);
        assert_memory_equal(s->p, side[0].p, m.end);
        assert_true(over < worst);
        if (s->x) {
            struct dev_xdna_stats st;
            dev_xdna_stats(s->x, &st);
            print_message("    of it: pack %.0f us, submit %.0f us, wait %.0f us for a list; %.1f "
                          "calls, %.1f ioctls, "
                          "%.0f kB kept\n",
                          (double)st.pack_ns / 1e3 / runs, (double)st.submit_ns / 1e3 / runs,
                          (double)st.wait_ns / 1e3 / runs, (double)st.calls / runs,
                          (double)st.execs / runs, (double)st.undo_b / 1e3 / runs);
            dev_xdna_close(s->x);
            vdrm_free(s->s);
        }
    }
    munmap(side[0].p, m.end);
    d->ops->close(d);
}

static int runs_of(int usual)
{
    const char *s = getenv("DEV_COST_RUNS");
    return s ? atoi(s) : usual;
}

static void encoder(void **state)
{
    (void)state;
    compare(300, "encoder, 300 rows", runs_of(3), 300);
}
static void decoder(void **state)
{
    (void)state;
    compare(1, "decoder step", 20 * runs_of(3), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(encoder), cmocka_unit_test(decoder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
