/* Widening: every block kind against whisper.cpp's values, and halves against arithmetic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/npu/mkmodel.h"

static void check_golden(enum asr_type t)
{
    char name[64];
    size_t raw_b, deq_b;
    int bytes, values = asr_type_block(t, &bytes);
    snprintf(name, sizeof name, "blocks/%s.raw.bin", asr_type_name(t));
    uint8_t *raw = golden_read(name, &raw_b);
    snprintf(name, sizeof name, "blocks/%s.deq.f32", asr_type_name(t));
    float *want = golden_read(name, &deq_b);
    if (!raw || !want) {
        print_message("no golden data for %s\n", name);
        skip();
    }
    assert_int_equal(raw_b, 8 * bytes);
    assert_int_equal(deq_b, 8 * values * 4);
    float *got = malloc(deq_b);
    asr_widen(t, raw, 8 * (size_t)values, got);
    for (int r = 0; r < 8; r++) {
        float top = 0;
        for (int j = 0; j < values; j++) {
            top = fmaxf(top, fabsf(want[r * values + j]));
        }
        for (int j = 0; j < values; j++) {
            float d = fabsf(want[r * values + j] - got[r * values + j]);
            if (!(d <= 1e-6f * top)) {
                fail_msg("%s row %d value %d: %g for %g", asr_type_name(t), r, j,
                         got[r * values + j], want[r * values + j]);
            }
        }
    }
    free(got);
    free(raw);
    free(want);
}

static void golden_blocks(void **state)
{
    static const enum asr_type all[] = {ASR_Q4_0, ASR_Q4_1, ASR_Q5_0, ASR_Q5_1, ASR_Q8_0,
                                        ASR_Q2_K, ASR_Q3_K, ASR_Q4_K, ASR_Q5_K, ASR_Q6_K};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check_golden(all[i]);
    }
}

static void every_half(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint8_t raw[2] = {(uint8_t)h, (uint8_t)(h >> 8)};
        int exp = h >> 10 & 31, frac = h & 1023;
        float f, want;
        asr_widen(ASR_F16, raw, 1, &f);
        if (exp == 31) {
            assert_true(frac ? isnan(f) : isinf(f));
            continue;
        }
        want = exp ? ldexpf((float)(1024 + frac), exp - 25) : ldexpf((float)frac, -24);
        want = h & 0x8000 ? -want : want;
        assert_memory_equal(&f, &want, 4);
    }
}

static void rows_of_a_tensor(void **state)
{
    (void)state;
    uint8_t raw[1 + 2 * 2 * 34]; /* 2 rows of 2 blocks, at an odd address */
    memset(raw, 0, sizeof raw);
    for (int b = 0; b < 4; b++) {
        raw[1 + 34 * b + 1] = 0x3c; /* d = 1.0 */
        raw[1 + 34 * b + 2] = (uint8_t)(10 + b);
    }
    struct asr_tensor t = {.type = ASR_Q8_0, .n_dims = 2, .ne = {64, 2, 1, 1}, .data = raw + 1};
    float out[64];
    asr_tensor_row(&t, 1, out);
    assert_true(out[0] == 12 && out[32] == 13 && out[1] == 0);
}

static void unknown_types(void **state)
{
    int bytes = 7;
    (void)state;
    for (int t = -3; t < 40; t++) {
        const char *name = asr_type_name((enum asr_type)t);
        int n = asr_type_block((enum asr_type)t, &bytes);
        assert_true((name != NULL) == (n > 0));
        assert_true((bytes > 0) == (n > 0));
    }
    assert_null(asr_type_name((enum asr_type)4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_blocks),
        cmocka_unit_test(every_half),
        cmocka_unit_test(rows_of_a_tensor),
        cmocka_unit_test(unknown_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
