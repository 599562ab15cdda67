/* What the way through the driver and its ioctls costs against calling the column workers directly:
 * a list of an encoder's size (6 layers, 512 wide, INT8) and one of a decoder step's, both ways in
 * turn. Prints the figures; fails only where they are out of all proportion, since the machine is
 * shared. DEV_COST_RUNS sets the number of runs. */
#include "app/base/cpu.h"
#include "npu/dev/xdna.h"
#include "tests/npu/encoder_block.h"
#include "tests/npu/t_dev_block.h"

struct side {
    const char *name;
    struct dev_xdna_opts o;
    struct dev_xdna *x;
    struct sys *s;
    uint8_t *p;
    int64_t *ns, mid; /* of each run; the median */
};

static int64_t once(struct side *s, const struct encoder_block *m, struct dev *d, struct dev_job *j)
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
static void side_open(struct side *s, const struct encoder_block *m, unsigned features, int threads)
{
    uint32_t bo;
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
    encoder_block_fill(m, s->p, 5);
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
    static struct encoder_block m;
    static struct dev_job j[EB_LAYERS * EB_PER_LAYER];
    unsigned features = 0;
    struct dev *d;
    const int threads = cpu_count() < 2 ? 1 : 2;
    assert_int_equal(cpu_features(&features, NULL), 0);
    assert_int_equal(dev_virt_open(&d, 8, threads, k_choose(features), NULL), 0);
    encoder_block_plan(&m, 1, rows, EB_LAYERS);
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
