/* The loader of programs for silicon: the manifest decides, and nothing is mapped that it does not
 * describe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "npu/dev/program.h"

static char dir[] = "/tmp/dictate-program-XXXXXX";

static void put(const char *name, const void *data, size_t n)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static const char overlay[] = "not an xclbin, but the loader does not look inside";
static const char stream[] = "an instruction stream";

/* A manifest for `family` with `columns`; flip changes the overlay's hash, more its size. */
static void manifest(const char *family, int columns, uint64_t flip, int more)
{
    char text[600];
    const int n = snprintf(
        text, sizeof text,
        "dictate-aie2\t1\ndevice\t%s\t%d\ntools\tnone\nsources\t%016x\n"
        "program\tgemm-i8-i32\tgemm.xclbin\t%016llx\t%d\n"
        "shape\tgemm-i8-i32\tgemm.insts\t%016llx\t%d\t-M 256 -K 128 -N 512\n"
        "known\tgemm-i8-i32\t256\t128\t512\t%016x\t%016x\n",
        family, columns, 7, (unsigned long long)(k_aie_hash(overlay, sizeof overlay) ^ flip),
        (int)sizeof overlay + more, (unsigned long long)k_aie_hash(stream, sizeof stream),
        (int)sizeof stream, 1, 2);
    put("manifest", text, (size_t)n);
}

static void refused(const char *folder, const char *family, int columns, const char *name,
                    const char *part)
{
    struct dev_program p;
    struct err e = {0};
    assert_int_equal(dev_program_load(&p, folder, family, columns, name, &e), -ERR_NPU);
    if (!strstr(e.text, part)) {
        fail_msg("\"%s\" does not say \"%s\"", e.text, part);
    }
    assert_null(p.xclbin.data);
    dev_program_free(&p);
}

static void loads(void **state)
{
    struct dev_program p;
    struct file_map m;
    struct err e = {0};
    (void)state;
    manifest("npu1", 4, 0, 0);
    assert_int_equal(dev_program_load(&p, dir, "npu1", 4, NULL, &e), 0);
    assert_int_equal(p.xclbin.size, sizeof overlay);
    assert_memory_equal(p.xclbin.data, overlay, sizeof overlay);
    assert_int_equal(dev_program_stream(&p, 0, &m, &e), 0);
    assert_memory_equal(m.data, stream, sizeof stream);
    file_unmap(&m);
    put("gemm.insts", "another stream, stale", sizeof stream);
    assert_int_equal(dev_program_stream(&p, 0, &m, &e), -ERR_NPU);
    assert_non_null(strstr(e.text, "make xclbin"));
    put("gemm.insts", stream, sizeof stream);
    dev_program_free(&p);
}

static void refuses(void **state)
{
    (void)state;
    refused(NULL, "npu1", 4, NULL, "make xclbin DEV=npu1");
    refused("/nowhere", "npu2", 8, NULL, "make xclbin DEV=npu2");
    manifest("npu1", 4, 0, 0);
    /* TRAP a program of the other family: it would load and return zeros */
    refused(dir, "npu2", 8, NULL, "would load and return zeros");
    manifest("npu2", 8, 0, 0);
    refused(dir, "npu2", 4, NULL, "take 8 columns, the device has 4");
    refused(dir, "npu2", 8, "softmax", "names no program softmax");
    manifest("npu1", 4, 1, 0); /* TRAP stale files */
    refused(dir, "npu1", 4, NULL, "is not the file that its manifest describes");
    manifest("npu1", 4, 0, 1);
    refused(dir, "npu1", 4, NULL, "is not the file that its manifest describes");
    put("manifest", "something else\n", 15);
    refused(dir, "npu1", 4, NULL, dir);
}

static int clean_up(void **state)
{
    static const char *const names[] = {"manifest", "gemm.xclbin", "gemm.insts"};
    char path[300];
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) {
        return -1;
    }
    put("gemm.xclbin", overlay, sizeof overlay);
    put("gemm.insts", stream, sizeof stream);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loads), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
