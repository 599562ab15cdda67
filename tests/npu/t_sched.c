/* The columns' threads: passes allocate nothing, an idle device uses no CPU, results hold and lists end
 * while other threads want the processors, and more threads than processors do not stall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "npu/asr/engine.h"
#include "tests/npu/mkmodel.h"

enum { CTX = 200, STATE = 64, WORDS = 256 + 5 + 1501, STEPS = 12 };

struct rig {
    struct mk file;
    struct asr_model *model;
    struct npu_rt *rt;
    struct asr_engine *eng;
    float *mel;
};

static void rig_open(struct rig *r, int columns, int threads)
{
    struct asr_hparams hp = mk_hp(WORDS);
    struct npu_rt_opts o = {.columns = columns, .threads = threads};
    struct err e = {0};
    memset(r, 0, sizeof *r);
    hp.n_audio_ctx = CTX;
    hp.n_text_ctx = 64;
    hp.n_audio_state = hp.n_text_state = STATE;
    mk_head(&r->file, &hp);
    mk_small_words(&r->file, NULL, 0);
    for (int i = 0; i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        mk_noise(&r->file, &t, (uint32_t)i * 104729u + 3);
    }
    assert_int_equal(asr_model_parse(&r->model, "x", r->file.data, r->file.size, &e), 0);
    assert_int_equal(npu_rt_open(&r->rt, &o, &e), 0);
    assert_int_equal(asr_engine_new(&r->eng, r->model, r->rt, ASR_PREC_INT8, &e), 0);
    r->mel = malloc((size_t)2 * CTX * (size_t)hp.n_mels * sizeof *r->mel);
    for (int i = 0; i < 2 * CTX * hp.n_mels; i++) {
        r->mel[i] = (float)(i * 37 % 101) / 101.0f - 0.5f;
    }
}

static void rig_close(struct rig *r)
{
    asr_engine_free(r->eng);
    npu_rt_close(r->rt);
    asr_model_free(r->model);
    free(r->file.data);
    free(r->mel);
}

/* An encoder pass and some steps; the last logits to `out`. */
static void pass(struct rig *r, float *out)
{
    struct err e = {0};
    int32_t tok = 70;
    assert_int_equal(asr_encode(r->eng, r->mel, CTX, &e), 0);
    for (int i = 0; i < STEPS; i++) {
        assert_int_equal(asr_decode(r->eng, &tok, 1, i, 1, &e), 0);
        tok = 70 + i;
    }
    memcpy(out, asr_logits(r->eng, 0), WORDS * sizeof *out);
}

static float want[WORDS], got[WORDS];

static void allocates_nothing(void **state)
{
    struct rig r;
    struct npu_stats s0, s1;
    (void)state;
    rig_open(&r, 8, 2);
    pass(&r, want);
    pass(&r, got);
    npu_rt_stats(r.rt, &s0);
    const struct mallinfo2 m0 = mallinfo2();
    for (int i = 0; i < 20; i++) {
        pass(&r, got);
    }
    const struct mallinfo2 m1 = mallinfo2();
    npu_rt_stats(r.rt, &s1);
    assert_int_equal(s1.allocs, s0.allocs);
    assert_int_equal(m1.uordblks, m0.uordblks); /* 0 under a sanitizer, whose heap is its own */
    assert_int_equal(m1.hblkhd, m0.hblkhd);
    assert_memory_equal(got, want, sizeof want);
    rig_close(&r);
}

static void idle_costs_nothing(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 8, 4);
    pass(&r, got);
    usleep(20000); /* the last spins end */
    const int64_t cpu = clk_cpu_ns(), t = clk_ns();
    usleep(300000);
    const int64_t used = clk_cpu_ns() - cpu, passed = clk_ns() - t;
    print_message("idle for %.0f ms: %.3f ms of CPU time\n", (double)passed * 1e-6,
                  (double)used * 1e-6);
    assert_true(used < passed / 100);
    rig_close(&r);
}

static void *busy(void *stop)
{
    while (!atomic_load_explicit((atomic_bool *)stop, memory_order_relaxed)) {
    }
    return NULL;
}

static double time_passes(struct rig *r, int n)
{
    const int64_t t = clk_ns();
    for (int i = 0; i < n; i++) {
        pass(r, got);
        assert_memory_equal(got, want, sizeof want);
    }
    return (double)(clk_ns() - t) * 1e-6 / n;
}

/* Threads that want every processor all the time: the bits hold and every list ends. */
static void beside_others(void **state)
{
    enum { MAX = 8 };
    pthread_t t[MAX];
    atomic_bool stop = false;
    cpu_set_t before, after;
    struct rig r;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    rig_open(&r, 8, 2);
    pass(&r, want);
    const double alone = time_passes(&r, 10);
    for (int n = 0; n < MAX; n++) {
        assert_int_equal(pthread_create(&t[n], NULL, busy, &stop), 0);
        if (n == 0 || n == MAX - 1) {
            const double shared = time_passes(&r, 10);
            print_message("a pass takes %.1f ms alone, %.1f beside %d busy threads\n", alone, shared,
                          n + 1);
            /* generous: the machine may be anybody's; a wait for a whole slice at each of some
             * thousand commands would be a thousand times */
            assert_true(shared < 100 * alone + 3000);
        }
    }
    atomic_store(&stop, true);
    for (int n = 0; n < MAX; n++) {
        pthread_join(t[n], NULL);
    }
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after)); /* whoever was moved may go everywhere again */
    rig_close(&r);
}

static void more_threads_than_processors(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 8, 1);
    pass(&r, want);
    rig_close(&r);
    for (int threads = 3; threads <= 8; threads += 5) {
        rig_open(&r, 8, threads);
        print_message("%d threads: %.1f ms a pass\n", threads, time_passes(&r, 5));
        rig_close(&r);
    }
}

/* One processor for two threads: they must not spin in each other's way. */
static void one_processor(void **state)
{
    cpu_set_t before, one;
    struct rig r;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    rig_open(&r, 8, 2); /* its thread inherits the set */
    pass(&r, want);
    print_message("two threads on one processor: %.1f ms a pass\n", time_passes(&r, 5));
    rig_close(&r);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_nothing),
        cmocka_unit_test(idle_costs_nothing),
        cmocka_unit_test(beside_others),
        cmocka_unit_test(more_threads_than_processors),
        cmocka_unit_test(one_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
