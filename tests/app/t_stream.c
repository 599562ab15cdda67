/* Lags of live words, pairs of spoken and recognised ones, nominal costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/lag.h"
#include "app/cost.h"
#include "app/score_pair.h"
#include "app/score_stream.h"

static void say(struct lag *l, uint32_t utt, const char *text, int settled, bool final, double at)
{
    struct asr_word w[16];
    char copy[256], *save = NULL;
    int n = 0;
    memset(w, 0, sizeof w);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        snprintf(w[n++].text, ASR_WORD_BYTES, "%s", p);
    }
    lag_utt(l, utt, w, n, settled, final, at);
}

static void words_come_and_go(void **s)
{
    (void)s;
    static struct lag l;
    lag_init(&l);
    assert_true(isnan(lag_erasure(&l)) && isnan(l.first_s));
    say(&l, 1, "", 0, false, 0.2);
    assert_true(isnan(l.first_s));
    say(&l, 1, "one to", 0, false, 0.5);
    say(&l, 1, "one two three", 1, false, 1.0);
    assert_true(l.first_s == 0.5 && l.word[0].shown == 0.5 && l.word[0].settled == 1.0);
    assert_true(l.word[1].shown == 1.0 && isnan(l.word[1].settled));
    assert_int_equal(l.taken_back, 1);
    say(&l, 1, "one two three", 1, true, 1.5);
    assert_true(l.word[2].shown == 1.0 && l.word[2].settled == 1.5 && l.word[0].settled == 1.0);
    assert_int_equal(l.words, 3);
    assert_true(fabs(lag_erasure(&l) - 1.0 / 3) < 1e-12);
    assert_int_equal(l.retractions, 0);
    /* The next utterance takes nothing back of this one. */
    say(&l, 2, "four", 0, false, 2);
    assert_int_equal(l.taken_back, 1);
    assert_true(l.first_s == 2);
}

static void broken_promises_are_seen(void **s)
{
    (void)s;
    static struct lag l;
    lag_init(&l);
    say(&l, 1, "one two three", 2, false, 1);
    say(&l, 1, "one too three", 2, false, 2);
    assert_int_equal(l.retractions, 1);
    say(&l, 1, "", 0, true, 3);
    assert_int_equal(l.retractions, 3);
    assert_int_equal(l.taken_back, 5);
}

static void pairs(void **s)
{
    (void)s;
    const char *const spoken[] = {"the", "Small,", "boat", "went", "by"};
    const struct score_word heard[] = {
        {.text = "small"}, {.text = "boats"}, {.text = "went"}, {.text = "right"}, {.text = "by"}};
    int p[5];
    assert_int_equal(score_pair(spoken, 5, heard, 5, p), 0);
    assert_true(p[0] == -1 && p[1] == 0 && p[2] == -1 && p[3] == 2 && p[4] == 4);
    assert_int_equal(score_pair(spoken, 5, heard, 0, p), 0);
    assert_true(p[0] == -1 && p[4] == -1);
    assert_int_equal(score_pair(spoken, 0, heard, 5, p), 0);
}

static void costs(void **s)
{
    (void)s;
    struct asr_hparams tiny = {.n_vocab = 51864,
                               .n_audio_ctx = 1500,
                               .n_audio_state = 384,
                               .n_audio_layer = 4,
                               .n_text_ctx = 448,
                               .n_text_state = 384,
                               .n_text_layer = 4,
                               .n_mels = 80};
    struct asr_live_work w = {.ctx = 1500, .batch = 4, .steps = 0};
    double once = cost_pass(&tiny, &w);
    assert_true(once > 0.03 && once < 0.3);
    w.steps = 10;
    assert_true(cost_pass(&tiny, &w) > once + 0.01);
    w = (struct asr_live_work){.ctx = 256, .batch = 4};
    assert_true(cost_pass(&tiny, &w) < once / 4);
}

static void figures(void **s)
{
    (void)s;
    double ms[] = {30, 10, 20, 40, 50};
    struct score_stream st = {.final = {.ms = ms, .n = 5},
                              .words = 10,
                              .taken_back = 1,
                              .noise_words = 1,
                              .noise_s = 30,
                              .audio_s = 60,
                              .work_s = 6};
    struct jsonw w;
    jsonw_init(&w);
    jsonw_obj(&w, NULL);
    score_stream_json(&w, &st);
    jsonw_obj_end(&w);
    assert_true(jsonw_ok(&w));
    assert_non_null(strstr(w.buf, "\"final_ms\":{\"p50\":30,\"p95\":48}"));
    assert_non_null(strstr(w.buf, "\"first_word_ms\":{\"p50\":null,\"p95\":null}"));
    assert_non_null(strstr(w.buf, "\"erasure\":0.1,"));
    assert_non_null(strstr(w.buf, "\"hallucinated_per_min\":2,"));
    assert_non_null(strstr(w.buf, "\"rtf\":0.1,"));
    jsonw_reset(&w);
    score_stream_plain(&w, &st);
    assert_non_null(strstr(w.buf, "30 ms"));
    jsonw_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_and_go),
        cmocka_unit_test(broken_promises_are_seen),
        cmocka_unit_test(pairs),
        cmocka_unit_test(costs),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
