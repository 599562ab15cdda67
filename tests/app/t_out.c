/* The five formats with friendly and hostile text; lines and paragraphs of live sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/utf8.h"
#include "app/held.h"
#include "app/lines.h"
#include "app/out.h"
#include "app/transcript.h"
#include "app/words.h"

static struct jsonw got, said;

static void put(void *user, const char *text, size_t n)
{
    (void)user;
    jsonw_raw(&got, text, n);
}

static void say(void *user, const char *text, size_t n)
{
    (void)user;
    jsonw_raw(&said, text, n);
}

static void begin(struct out *o, enum args_format f)
{
    jsonw_reset(&got);
    jsonw_reset(&said);
    jsonw_raw(&got, "", 0);
    jsonw_raw(&said, "", 0);
    out_init(o, f, put, say, NULL);
}

static void segment(struct out *o, double t0, double t1, const char *text)
{
    struct out_segment s = {
        .t0 = t0, .t1 = t1, .text = text, .avg_logp = -0.25, .nospeech = 0.5, .at_s = NAN};
    out_segment(o, &s);
}

static void test_plain(void **state)
{
    struct out o;
    (void)state;
    begin(&o, ARGS_FMT_PLAIN);
    segment(&o, 0, 2, "  Hello,\n world. ");
    segment(&o, 2, 3, "   ");
    segment(&o, 3723, 3724, "\xE2\x82 late\x1b[31m");
    out_note(&o, OUT_WARNING, "xrun", "two\nlines");
    assert_string_equal(got.buf, "[00:00] Hello, world.\n[1:02:03] \xEF\xBF\xBD late [31m\n");
    assert_string_equal(said.buf, "warning: two lines\n");
    o.quiet = true;
    out_note(&o, OUT_NOTE, NULL, "not this");
    assert_string_equal(said.buf, "warning: two lines\n");
    out_free(&o);
    begin(&o, ARGS_FMT_TXT);
    segment(&o, 0, 2, "Hello.");
    assert_string_equal(got.buf, "Hello.\n");
    out_free(&o);
}

static void test_srt(void **state)
{
    struct out o;
    (void)state;
    begin(&o, ARGS_FMT_SRT);
    segment(&o, 0, 2.5, "One --> two <b>\n\n3");
    segment(&o, 2.0, 1.0, "backwards"); /* begins before the last ended, ends before it began */
    segment(&o, (double)NAN, (double)NAN, "unknown");
    assert_string_equal(got.buf, "1\n00:00:00,000 --> 00:00:02,500\nOne \xE2\x86\x92 two <b> 3\n\n"
                                 "2\n00:00:02,500 --> 00:00:02,510\nbackwards\n\n"
                                 "3\n00:00:02,510 --> 00:00:02,520\nunknown\n\n");
    out_free(&o);
}

static void test_vtt(void **state)
{
    struct out o;
    struct out_start s = {0};
    (void)state;
    begin(&o, ARGS_FMT_VTT);
    out_start(&o, &s);
    segment(&o, 3600, 3601, "a --> <i>b</i> & c");
    assert_string_equal(got.buf, "WEBVTT\n\n01:00:00.000 --> 01:00:01.000\n"
                                 "a --&gt; &lt;i&gt;b&lt;/i&gt; &amp; c\n\n");
    out_free(&o);
}

static void test_json(void **state)
{
    struct out o;
    struct out_word w[2] = {{.text = "a\"b", .t0 = 0.1, .t1 = 0.2, .p = 0.5},
                            {.text = "\xFF", .t0 = NAN, .t1 = NAN, .p = NAN, .glue = true}};
    struct out_segment s = {.t0 = 1,
                            .t1 = 2.25,
                            .text = "a\"b\xFF\x02",
                            .word = w,
                            .n_word = 2,
                            .avg_logp = NAN,
                            .nospeech = 0,
                            .at_s = NAN};
    struct out_end end = {.audio_s = 10,
                          .wall_s = 1,
                          .work_s = 1,
                          .cpu_s = 2,
                          .load_s = 0,
                          .mel_s = NAN,
                          .words = 3,
                          .segments = 1,
                          .lost_s = NAN};
    (void)state;
    begin(&o, ARGS_FMT_JSON);
    out_segment(&o, &s);
    assert_string_equal(
        got.buf, "{\"event\":\"segment\",\"t0\":1,\"t1\":2.25,\"text\":\"a\\\"b\xEF\xBF\xBD\","
                 "\"avg_logp\":null,\"no_speech\":0,\"words\":[{\"text\":\"a\\\"b\",\"t0\":0.1,"
                 "\"t1\":0.2,\"p\":0.5},{\"text\":\"\xEF\xBF\xBD\",\"t0\":null,\"t1\":null,"
                 "\"p\":null,\"glue\":true}]}\n");
    jsonw_reset(&got);
    out_note(&o, OUT_WARNING, "xrun", "lost \"%d\"\n", 3);
    assert_string_equal(got.buf, "{\"event\":\"note\",\"level\":\"warning\",\"state\":\"xrun\","
                                 "\"text\":\"lost \\\"3\\\"\\n\"}\n");
    jsonw_reset(&got);
    out_end(&o, &end);
    assert_non_null(strstr(got.buf, "\"rtf\":0.1,"));
    assert_non_null(strstr(got.buf, "\"mel_s\":null"));
    out_free(&o);
}

/* What is missing, and what a guard held back. */
static void test_gaps(void **state)
{
    struct out o;
    struct out_gap g = {.t0 = 1,
                        .t1 = 3.5,
                        .at_s = 4,
                        .lost_s = 2.5,
                        .why = "unplugged",
                        .text = "[2.5 s lost: unplugged]"};
    struct out_held h = {
        .utt = 7, .t0 = 1, .t1 = 2, .at_s = 3, .p = 0.25, .why = "loop", .text = "\"a\""};
    (void)state;
    begin(&o, ARGS_FMT_JSON);
    out_gap(&o, &g);
    out_mark(&o, &g); /* the gap has said it */
    out_held(&o, &h);
    assert_string_equal(got.buf, "{\"event\":\"gap\",\"at_s\":4,\"t0\":1,\"t1\":3.5,"
                                 "\"lost_s\":2.5,\"why\":\"unplugged\"}\n"
                                 "{\"event\":\"suppressed\",\"utt\":7,\"at_s\":3,\"t0\":1,\"t1\":2,"
                                 "\"why\":\"loop\",\"p\":0.25,\"text\":\"\\\"a\\\"\"}\n");
    out_free(&o);
    begin(&o, ARGS_FMT_SRT);
    out_gap(&o, &g);
    out_mark(&o, &g);
    out_held(&o, &h);
    assert_string_equal(got.buf, "1\n00:00:01,000 --> 00:00:03,500\n[2.5 s lost: unplugged]\n\n");
    out_free(&o);
    begin(&o, ARGS_FMT_TXT);
    out_gap(&o, &g);
    out_mark(&o, &g);
    assert_string_equal(got.buf, "[2.5 s lost: unplugged]\n");
    out_free(&o);
}

static struct session_ev *utt(uint32_t id, double t0, const char *words, int settled, bool final);

/* The bin: newest first, each brought back once. */
static void test_held(void **state)
{
    static struct ui_view v;
    struct session_ev ev = {.kind = SESSION_EV_HELD, .guard = ASR_GUARD_LOOP, .p = 0.5f};
    struct held *h;
    struct transcript *t;
    struct err e;
    char text[24];
    (void)state;
    assert_int_equal(held_new(&h, &e), 0);
    assert_int_equal(transcript_new(&t, &e), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "text %d", i);
        ev.text = text;
        ev.t0 = i;
        assert_true(held_add(h, &ev));
    }
    held_fill(h, &v);
    assert_int_equal(v.held.n, UI_ITEMS);
    assert_int_equal(v.held_all, 100);
    assert_string_equal(v.held.item[0].text, "text 99");
    assert_non_null(strstr(v.held.item[1].aside, "01:38  loop"));
    const struct held_text *one = held_take(h, 2);
    assert_string_equal(one->text, "text 97");
    assert_null(held_take(h, 2));
    assert_null(held_take(h, -1));
    assert_null(held_take(h, 100));
    held_fill(h, &v);
    assert_true(v.held.item[2].on && !v.held.item[1].on && v.held_all == 99);
    transcript_restore(t, one->t0, one->text);
    const struct ui_text *x = transcript_text(t);
    assert_int_equal(x->npara, 1);
    assert_int_equal(x->para[0].kind, UI_PARA_TEXT);
    assert_int_equal(x->para[0].t_us, 97000000);
    assert_int_equal(transcript_words(t), 2);
    struct session_ev *u = utt(1, 100, "one two three", 3, true);
    u->word[1].doubt = true;
    transcript_utt(t, u);
    free(u);
    assert_int_equal(x->npara, 2);
    assert_int_equal(x->ndoubt, 1);
    assert_true(x->doubt[0].para == 1 && x->doubt[0].off == 4 && x->doubt[0].len == 3);
    transcript_free(t);
    held_free(h);
    held_free(NULL);
}

/* Any bytes give one line of valid UTF-8 and no control characters, in every format. */
static void test_any_bytes(void **state)
{
    uint32_t seed = 3;
    (void)state;
    for (int round = 0; round < 5000; round++) {
        char text[48];
        struct out o;
        size_t n = (size_t)round % sizeof text;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = (char)(seed >> 24 ? seed >> 24 : 1);
        }
        text[n ? n - 1 : 0] = 0;
        begin(&o, (enum args_format)(ARGS_FMT_PLAIN + round % 5));
        segment(&o, 0, 1, text);
        assert_true(utf8_valid(got.buf, got.len));
        for (size_t i = 0; i < got.len; i++) {
            assert_true((unsigned char)got.buf[i] >= ' ' || got.buf[i] == '\n');
            assert_int_not_equal(got.buf[i], 0x7F);
        }
        out_free(&o);
    }
}

/* -- live -------------------------------------------------------------------------------------- */

/* An utterance of space-separated words, half a second each from t0; '+' in front glues. */
static struct session_ev *utt(uint32_t id, double t0, const char *words, int settled, bool final)
{
    char buf[512], *w;
    struct session_ev *ev = calloc(1, sizeof *ev + 64 * sizeof(struct asr_word));
    snprintf(buf, sizeof buf, "%s", words);
    for (w = strtok(buf, " "); w; w = strtok(NULL, " ")) {
        struct asr_word *x = &ev->word[ev->n_word];
        x->glue = *w == '+';
        snprintf(x->text, sizeof x->text, "%s", w + x->glue);
        x->t0 = (float)(t0 + 0.5 * ev->n_word);
        x->t1 = x->t0 + 0.5f;
        x->p = 0.9f;
        ev->n_word++;
    }
    ev->kind = SESSION_EV_UTT;
    ev->utt = id;
    ev->n_settled = settled;
    ev->final = final;
    ev->at_s = 7;
    return ev;
}

static void feed(struct lines *l, struct session_ev *ev)
{
    lines_utt(l, ev);
    free(ev);
}

static void test_lines(void **state)
{
    struct out o;
    struct lines l;
    (void)state;
    begin(&o, ARGS_FMT_PLAIN);
    lines_init(&l, &o, false);
    feed(&l, utt(1, 0, "Dear Dr. Smith", 2, false));
    assert_string_equal(got.buf, "");
    feed(&l, utt(1, 0, "Dear Dr. Smith yes. And so", 4, false));
    assert_string_equal(got.buf, "[00:00] Dear Dr. Smith yes.\n");
    feed(&l, utt(1, 0, "Dear Dr. Smith yes. And so", 4, false)); /* nothing new */
    feed(&l, utt(1, 0, "Dear Dr. Smith yes. And so long +er", 6, true));
    assert_string_equal(got.buf, "[00:00] Dear Dr. Smith yes.\n[00:02] And so longer\n");
    feed(&l, utt(2, 60, "never ended", 1, false));
    feed(&l, utt(3, 70, "next", 1, false)); /* the old one is flushed with what had settled */
    lines_flush(&l, 0);
    assert_string_equal(got.buf, "[00:00] Dear Dr. Smith yes.\n[00:02] And so longer\n"
                                 "[01:00] never\n[01:10] next\n");
    assert_int_equal(l.words, 9);
    assert_int_equal(l.segments, 4);
    lines_free(&l);
    out_free(&o);
}

static void test_cues(void **state)
{
    struct out o;
    struct lines l;
    char words[400] = "";
    (void)state;
    for (int i = 0; i < 40; i++) {
        strcat(words, "word ");
    }
    begin(&o, ARGS_FMT_SRT);
    lines_init(&l, &o, true);
    feed(&l, utt(1, 0, words, 40, true));
    assert_true(l.segments >= 3); /* 20 s are no single cue */
    assert_int_equal(l.words, 40);
    lines_free(&l);
    out_free(&o);
}

static void test_transcript(void **state)
{
    struct transcript *t;
    struct err e;
    struct session_ev *ev;
    (void)state;
    assert_int_equal(transcript_new(&t, &e), 0);
    const struct ui_text *x = transcript_text(t);
    ev = utt(1, 0, "one two three", 1, false);
    transcript_utt(t, ev);
    free(ev);
    assert_int_equal(x->npara, 1);
    assert_string_equal(x->para[0].text, "one");
    assert_string_equal(x->tail, " two three"); /* as it follows the paragraph */
    assert_false(x->tail_new_para);
    ev = utt(1, 0, "one two tree four", 2, true);
    transcript_utt(t, ev);
    free(ev);
    assert_string_equal(x->para[0].text, "one two tree four");
    assert_int_equal(x->tail_b, 0);
    ev = utt(2, 3, "same para", 2, true); /* a short pause */
    transcript_utt(t, ev);
    free(ev);
    assert_int_equal(x->npara, 1);
    transcript_note(t, 9, "[paused here]");
    ev = utt(3, 30, "far away", 1, false);
    transcript_utt(t, ev);
    free(ev);
    assert_int_equal(x->npara, 3);
    assert_int_equal(x->para[1].kind, UI_PARA_NOTE);
    assert_string_equal(x->para[2].text, "far");
    assert_int_equal(x->para[2].t_us, 30000000);
    assert_true(x->para[2].id > x->para[1].id);
    ev = utt(4, 60, "tail only", 0, false);
    transcript_utt(t, ev);
    free(ev);
    assert_true(x->tail_new_para);
    assert_int_equal(x->tail_us, 60000000);
    assert_int_equal(transcript_words(t), 7);
    transcript_free(t);
    transcript_free(NULL);
}

static void test_count(void **state)
{
    (void)state;
    assert_int_equal(words_count(""), 0);
    assert_int_equal(words_count("  a  bc\n d "), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),     cmocka_unit_test(test_srt),
        cmocka_unit_test(test_vtt),       cmocka_unit_test(test_json),
        cmocka_unit_test(test_gaps),      cmocka_unit_test(test_held),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_cues),      cmocka_unit_test(test_transcript),
        cmocka_unit_test(test_count),
    };
    int rc = cmocka_run_group_tests_name("out", tests, NULL, NULL);
    jsonw_free(&got);
    jsonw_free(&said);
    return rc;
}
