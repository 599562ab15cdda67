/* The manifest of device programs: whole ones load, every kind of damage is refused, and the known
 * answer is the same from C, from Python (manifest.py) and from the emulated kernel (t_aie2.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/aie2/manifest.h"

static const char good[] =
    "dictate-aie2\t1\n"
    "device\tnpu1\t4\n"
    "tools\tmlir_aie=1.3.4 llvm-aie=21.0.0\n"
    "sources\t0123456789abcdef\n"
    "program\tgemm-i8-i32\tgemm-i8-i32.xclbin\t00000000000000ff\t54321\n"
    "shape\tgemm-i8-i32\tgemm-i8-i32-1.insts\tfedcba9876543210\t1200\t-M 256 -K 128 -N 512\n"
    "known\tgemm-i8-i32\t256\t128\t512\t9e3779b97f4a7c15\t0fc5aebbc1c9f57d\n";

static struct k_aie_manifest m;
static char why[200];

static int parse(const char *text, size_t size)
{
    char *copy = malloc(size + 1); /* of the exact size: a sanitizer sees a read past the end */
    assert_non_null(copy);
    memcpy(copy, text, size);
    why[0] = 0;
    int rc = k_aie_manifest_parse(&m, copy, size, why, sizeof why);
    free(copy);
    return rc;
}

static void loads(void **state)
{
    (void)state;
    assert_int_equal(parse(good, sizeof good - 1), 0);
    assert_string_equal(m.device, "npu1");
    assert_int_equal(m.columns, 4);
    assert_int_equal(m.n_programs, 1);
    assert_int_equal(m.n_shapes, 1);
    assert_true(m.program[0].hash == 255 && m.program[0].bytes == 54321);
    assert_string_equal(m.shape[0].args, "-M 256 -K 128 -N 512");
    assert_true(m.sources == UINT64_C(0x0123456789abcdef));
    assert_int_equal(parse(good, sizeof good - 2), 0); /* without the last newline */
}

static void fits(void **state)
{
    (void)state;
    assert_int_equal(parse(good, sizeof good - 1), 0);
    assert_int_equal(k_aie_manifest_fits(&m, "npu1", 4, why, sizeof why), 0);
    assert_int_equal(k_aie_manifest_fits(&m, "npu2", 8, why, sizeof why), -1);
    assert_non_null(strstr(why, "zeros"));
    assert_non_null(strstr(why, "make xclbin DEV=npu2"));
    assert_int_equal(k_aie_manifest_fits(&m, "npu1", 1, why, sizeof why), -1);
    assert_non_null(strstr(why, "4 columns"));
}

/* Replaces the first `from` of the good one. */
static void refused(const char *from, const char *to)
{
    char text[2048];
    const char *at = strstr(good, from);
    assert_non_null(at);
    int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    if (!parse(text, (size_t)n)) {
        fail_msg("taken with \"%s\" instead of \"%s\"", to, from);
    }
    assert_true(why[0]);
}

static void damage(void **state)
{
    (void)state;
    refused("dictate-aie2", "dictate-aie3");
    refused("\t1\n", "\t2\n");
    refused("npu1", "npu3");
    refused("device\tnpu1\t4\n", "");
    refused("device\tnpu1\t4\n", "device\tnpu1\t4\ndevice\tnpu1\t4\n");
    refused("\t4\n", "\t0\n");
    refused("\t4\n", "\t9\n");
    refused("0123456789abcdef", "0123456789abcde");
    refused("0123456789abcdef", "0123456789ABCDEF");
    refused("gemm-i8-i32.xclbin", "../gemm-i8-i32.xclbin");
    refused("gemm-i8-i32.xclbin", ".hidden");
    refused("gemm-i8-i32.xclbin", "");
    refused("54321", "99999999999999999999");
    refused("54321", "-1");
    refused("shape\tgemm-i8-i32", "shape\tgemm-none");
    refused("\t-M 256 -K 128 -N 512", "");
    refused("known\tgemm-i8-i32", "known\tgemm-none");
    refused("known\tgemm-i8-i32\t256", "known\tgemm-i8-i32\t0");
    refused("known", "unknown");
    refused("tools\t", "tools\t\033[31m");
    refused("program\tgemm-i8-i32\t", "program\tgemm-i8-i32\tx\tx\tx\tx\tx\tx\t");
    for (size_t n = 0; n + 1 < sizeof good; n++) {
        (void)parse(good, n); /* cut anywhere: refused or taken, never read past the end */
    }
    assert_int_equal(parse("", 0), -1);
    char *big = calloc(1, K_AIE_MAX_BYTES + 1);
    assert_non_null(big);
    assert_int_equal(parse(big, K_AIE_MAX_BYTES + 1), -1);
    assert_int_equal(parse(big, 100), -1);
    free(big);
}

static void too_many(void **state)
{
    char text[16384];
    size_t n = (size_t)snprintf(text, sizeof text, "dictate-aie2\t1\ndevice\tnpu2\t8\n");
    (void)state;
    for (int i = 0; i < K_AIE_PROGRAMS; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "program\tp%d\tf\t%016x\t1\n", i, i);
    }
    assert_int_equal(parse(text, n), 0);
    n += (size_t)snprintf(text + n, sizeof text - n, "program\tlast\tf\t%016x\t1\n", 0);
    assert_int_equal(parse(text, n), -1);
}

static void random_bytes(void **state)
{
    uint64_t s = 7;
    char text[sizeof good];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        memcpy(text, good, sizeof good);
        for (int k = 0; k < 3; k++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            text[(s >> 16) % (sizeof good - 1)] = (char)(s >> 40);
        }
        (void)parse(text, sizeof good - 1);
    }
}

static void known_answer(void **state)
{
    enum { M = 256, K = 128, N = 512 };
    static int8_t a[M * K], b[K * N];
    static int32_t row[N];
    uint64_t s;
    (void)state;
    assert_int_equal(parse(good, sizeof good - 1), 0);
    s = m.known.seed;
    k_aie_known_fill(a, sizeof a, &s);
    k_aie_known_fill(b, sizeof b, &s);
    assert_true(k_aie_known_hash(a, b, M, K, N, row) == m.known.hash); /* printed by manifest.py */
    a[77]++;
    assert_true(k_aie_known_hash(a, b, M, K, N, row) != m.known.hash);
    assert_true(k_aie_hash("abc", 3) == UINT64_C(0xe71fa2190541574b)); /* FNV-1a of "abc" */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),    cmocka_unit_test(fits),         cmocka_unit_test(damage),
        cmocka_unit_test(too_many), cmocka_unit_test(random_bytes), cmocka_unit_test(known_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
