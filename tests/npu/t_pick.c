/* The logit rules one by one, on a small vocabulary and on OpenAI's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "npu/asr/pick.h"
#include "tests/npu/mkmodel.h"

struct bench {
    struct mk file;
    struct asr_model *model;
    struct asr_tok *tok;
    struct asr_picker *p;
    const struct asr_special *s;
    float *l;
    int n;
};

static void open_bench(struct bench *b, bool openai)
{
    struct asr_hparams hp = mk_hp(openai ? 51865 : 256 + 5 + 1501);
    struct err e = {0};
    memset(b, 0, sizeof *b);
    mk_head(&b->file, &hp);
    if (openai) {
        mk_int(&b->file, 300);
        for (int i = 0; i < 300; i++) {
            uint8_t w[2] = {(uint8_t)i, 'x'};
            mk_word(&b->file, w, i < 256 ? 1 : 2);
        }
    } else {
        mk_small_words(&b->file, NULL, 0);
    }
    mk_tensors(&b->file, &hp);
    assert_int_equal(asr_model_parse(&b->model, "x", b->file.data, b->file.size, &e), 0);
    assert_int_equal(asr_tok_new(&b->tok, b->model, &e), 0);
    b->p = asr_picker_new(b->tok, 1);
    b->s = asr_tok_special(b->tok);
    b->n = asr_tok_vocab(b->tok);
    b->l = calloc((size_t)b->n, sizeof *b->l);
    assert_non_null(b->p);
}

static void close_bench(struct bench *b)
{
    asr_picker_free(b->p);
    asr_tok_free(b->tok);
    asr_model_free(b->model);
    free(b->file.data);
    free(b->l);
}

/* What a device finds in the pieces of b's logits; every third piece is not known. */
static struct asr_row with_pieces(const struct bench *b, struct k_range *piece)
{
    for (int i = 0; i * ASR_PIECE < b->n; i++) {
        const int from = i * ASR_PIECE, to = from + ASR_PIECE < b->n ? from + ASR_PIECE : b->n;
        struct k_range *f = &piece[i];
        float sum = 0;
        f->most = f->least = b->l[from];
        for (int k = from; k < to; k++) {
            f->most = b->l[k] > f->most ? b->l[k] : f->most;
            f->least = b->l[k] < f->least ? b->l[k] : f->least;
        }
        for (int k = from; k < to; k++) {
            sum += expf(b->l[k] - f->most);
        }
        f->sum = i % 3 == 2 ? NAN : sum;
        f->most = i % 3 == 2 ? -1000 : f->most;
    }
    return (struct asr_row){.logits = b->l, .piece = piece};
}

/* The choice, which is the same with what a device knows of the row. */
static struct asr_pick step(struct bench *b, const struct asr_rules *r, const int32_t *t, int n,
                            bool has_ts, int delta)
{
    struct k_range piece[200];
    const struct asr_pick q = asr_picker_step(b->p, r, with_pieces(b, piece), t, n, has_ts, delta);
    if (r->temperature > 0) { /* draws: the next would be another */
        return q;
    }
    const struct asr_pick p = asr_picker_step(b->p, r, (struct asr_row){.logits = b->l}, t, n, has_ts, delta);
    assert_int_equal(p.id, q.id);
    assert_int_equal(p.second, q.second);
    assert_int_equal(p.stamp, q.stamp);
    assert_true(p.margin == q.margin);
    assert_true(fabsf(p.logp - q.logp) < 1e-5f * (1 + fabsf(p.logp)));
    assert_true(fabsf(p.ts_margin - q.ts_margin) < 1e-4f);
    return p;
}

static float nospeech(const struct bench *b)
{
    struct k_range piece[200];
    const float p = asr_nospeech(b->tok, (struct asr_row){.logits = b->l});
    assert_true(fabsf(p - asr_nospeech(b->tok, with_pieces(b, piece))) < 1e-5f);
    return p;
}

static void greedy(void **state)
{
    struct bench b;
    struct asr_rules r = {.no_timestamps = true};
    (void)state;
    open_bench(&b, false);
    b.l['a'] = 5;
    b.l['b'] = 4.5f;
    b.l['c'] = 5; /* equal: the lower id wins */
    struct asr_pick p = step(&b, &r, NULL, 0, false, 0);
    assert_int_equal(p.id, 'a');
    assert_int_equal(p.second, 'c');
    assert_true(p.margin == 0);
    assert_int_equal(p.stamp, -1);
    assert_true(p.ts_margin == -99);
    /* 254 zeros of text and the end are left; sot, prev, nosp, not are banned, stamps too. */
    double lse = log(2 * exp(5) + exp(4.5) + 256 - 3 + 1);
    assert_true(fabs(p.logp - (5 - lse)) < 1e-5);
    close_bench(&b);
}

static void banned(void **state)
{
    struct bench b;
    struct asr_rules r = {.suppress_blank = true, .max_initial_index = 50};
    int32_t t[] = {'x'};
    (void)state;
    open_bench(&b, true);
    const int32_t never[] = {b.s->sot,  b.s->translate, b.s->transcribe, b.s->solm,    b.s->prev,
                             b.s->nosp, b.s->not_,      b.s->lang[0],    b.s->lang[98]};
    for (int i = 0; i < b.n; i++) {
        b.l[i] = i < b.s->beg ? -10 : -40; /* all stamps together would win otherwise */
    }
    b.l['m'] = 1;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        b.l[never[i]] = 50;
    }
    assert_int_equal(step(&b, &r, t, 1, false, 0).id, 'm');
    /* At the first place neither the end nor a lone space, and no late stamp. */
    b.l[b.s->eot] = 30;
    b.l[' '] = 40;
    b.l[b.s->beg + 51] = 60;
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, 'm');
    assert_int_equal(step(&b, &r, t, 1, false, 0).id, b.s->beg + 51);
    r.no_timestamps = true;
    assert_int_equal(step(&b, &r, t, 1, false, 0).id, ' ');
    r.suppress_blank = false;
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, ' ');
    b.l[' '] = 0;
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, b.s->eot);
    /* Symbols that nobody says. */
    b.l['#'] = 70;
    assert_int_equal(step(&b, &r, t, 1, false, 0).id, '#');
    r.suppress_nst = true;
    assert_int_equal(step(&b, &r, t, 1, false, 0).id, b.s->eot);
    close_bench(&b);
}

static void stamps(void **state)
{
    struct bench b;
    struct asr_rules r = {.max_initial_index = 50};
    (void)state;
    open_bench(&b, false);
    int32_t beg = b.s->beg;
    b.l[beg + 60] = 9;
    b.l['a'] = 8;
    /* First: not beyond one second. */
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, 'a');
    /* After one stamp at the first place: no other; after text and a stamp: no text. */
    int32_t one[] = {beg + 3}, pair[] = {'x', beg + 3}, two[] = {beg + 3, beg + 4};
    assert_int_equal(step(&b, &r, one, 1, true, 6).id, 'a');
    assert_int_equal(step(&b, &r, pair, 2, true, 6).id, beg + 60);
    assert_int_equal(step(&b, &r, two, 2, true, 8).id, 'a');
    b.l[beg + 60] = 0;
    b.l[b.s->eot] = 20; /* the end is no text */
    assert_int_equal(step(&b, &r, pair, 2, true, 6).id, b.s->eot);
    b.l[b.s->eot] = 0;
    /* Not back in time, equal is allowed. */
    b.l['a'] = 0;
    b.l[beg + 60] = 9;
    b.l[beg + 40] = 10;
    int32_t text[] = {beg + 3, 'x'};
    assert_int_equal(step(&b, &r, text, 2, true, 100).id, beg + 60);
    assert_int_equal(step(&b, &r, text, 2, true, 120).id, beg + 60);
    assert_int_equal(step(&b, &r, text, 2, true, 80).id, beg + 40);
    close_bench(&b);
}

/* Together the stamps are likelier than the best text, although none alone is. */
static void stamps_together(void **state)
{
    struct bench b;
    struct asr_rules r = {.max_initial_index = 50};
    int32_t text[] = {'x', 'y'};
    (void)state;
    open_bench(&b, false);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = -20;
    }
    b.l['a'] = 3;
    for (int i = 0; i < 100; i++) {
        b.l[b.s->beg + i] = i == 7 ? 0.5f : 0;
    }
    struct asr_pick p = step(&b, &r, text, 2, false, 0);
    assert_int_equal(p.id, b.s->beg + 7);
    assert_int_equal(p.stamp, b.s->beg + 7);
    assert_true(fabs(p.ts_margin - (log(99 + exp(0.5)) - 3)) < 1e-4);
    /* The probability is not normalised again. */
    double lse = log(exp(3) + 99 + exp(0.5));
    assert_true(fabs(p.logp - (0.5 - lse)) < 1e-4);
    b.l['a'] = 5;
    p = step(&b, &r, text, 2, false, 0);
    assert_int_equal(p.id, 'a');
    assert_int_equal(p.stamp, b.s->beg + 7);
    assert_true(p.ts_margin < 0);
    close_bench(&b);
}

static void chance(void **state)
{
    struct bench b;
    struct asr_rules r = {.no_timestamps = true, .temperature = 0.5f};
    int count[2] = {0, 0};
    (void)state;
    open_bench(&b, false);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = -50;
    }
    b.l['a'] = 1;
    b.l['b'] = 1 - 0.5f * logf(3.0f); /* a third as likely at T 0.5 */
    for (int i = 0; i < 4000; i++) {
        int32_t id = step(&b, &r, NULL, 0, false, 0).id;
        assert_true(id == 'a' || id == 'b');
        count[id == 'b']++;
    }
    assert_in_range(count[1], 900, 1100);
    int32_t first[20];
    asr_picker_seed(b.p, 7);
    for (int i = 0; i < 20; i++) {
        first[i] = step(&b, &r, NULL, 0, false, 0).id;
    }
    asr_picker_seed(b.p, 7);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, first[i]);
    }
    close_bench(&b);
}

static void no_numbers(void **state)
{
    struct bench b;
    struct asr_rules r = {0};
    (void)state;
    open_bench(&b, false);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = NAN;
    }
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, b.s->eot);
    assert_true(nospeech(&b) == 0);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = -INFINITY;
    }
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, b.s->eot);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = i == 'q' ? INFINITY : 0;
    }
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, b.s->eot);
    for (int i = 0; i < b.n; i++) {
        b.l[i] = i == 'q' ? 2 : NAN;
    }
    assert_int_equal(step(&b, &r, NULL, 0, false, 0).id, 'q');
    close_bench(&b);
}

static void silence(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, false);
    b.l[b.s->nosp] = 10;
    double want = exp(10) / (exp(10) + b.n - 1);
    assert_true(fabs(nospeech(&b) - want) < 1e-5);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy),          cmocka_unit_test(banned), cmocka_unit_test(stamps),
        cmocka_unit_test(stamps_together), cmocka_unit_test(chance), cmocka_unit_test(no_numbers),
        cmocka_unit_test(silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
