/* Live sessions with a recogniser that is played: it says a word for every half second of sound.
 * Also the front end's clock.  No model and no microphone needed; clean under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/base/clk.h"
#include "app/front.h"
#include "app/session.h"
#include "tests/npu/mkmodel.h"

/* -- the played recogniser, in place of npu/asr/live.c ----------------------------------------- */

struct asr_live {
    struct asr_word word[64];
    int64_t from, told; /* frames: start of the utterance, end of what was told */
    uint32_t id;
    int n_mels;
};

struct asr_live_opts asr_live_opts_default(void)
{
    struct asr_live_opts o = {.params = asr_params_default()};
    return o;
}

int asr_live_new(struct asr_live **l, struct asr_engine *eng, const struct asr_tok *tok,
                 const struct asr_live_opts *o, struct err *e)
{
    (void)eng, (void)tok, (void)o, (void)e;
    *l = calloc(1, sizeof **l);
    (*l)->id = 1;
    (*l)->n_mels = 4;
    return *l ? 0 : -ERR_MEM;
}

void asr_live_free(struct asr_live *l)
{
    free(l);
}

int64_t asr_live_frame(const struct asr_live *l)
{
    return l->told;
}

int asr_live_step(struct asr_live *l, const struct asr_live_io *io, int64_t have, bool end,
                  int64_t *keep, struct err *e)
{
    (void)e;
    *keep = l->from;
    assert_true(have >= l->told);
    int64_t upto = have < l->from + 400 ? have : l->from + 400; /* 4 s an utterance */
    bool final = (end || upto == l->from + 400) && upto > l->from;
    if (upto - l->told < 50 && !final) {
        return 0;
    }
    float mel[50 * 4];
    io->mel(io->user, upto > 50 ? upto - 50 : 0, 50, l->from, upto, mel);
    io->voice(io->user, upto - 1);
    struct asr_utt u = {.id = l->id,
                        .t0 = (double)l->from * 0.01,
                        .t1 = (double)upto * 0.01,
                        .word = l->word,
                        .final = final,
                        .pass = 1,
                        .pass_ms = 0.5f};
    u.n_word = (int)((upto - l->from + 49) / 50);
    u.n_settled = final ? u.n_word : u.n_word > 2 ? u.n_word - 2 : 0;
    for (int i = 0; i < u.n_word; i++) {
        snprintf(l->word[i].text, ASR_WORD_BYTES, "w%d", (int)(l->from / 50) + i);
        l->word[i].t0 = (float)(l->from + 50 * i) * 0.01f;
        l->word[i].t1 = (float)(l->from + 50 * i + 50) * 0.01f;
        l->word[i].p = 0.9f;
        l->word[i].settled = i < u.n_settled;
    }
    if (final && io->held) { /* a word too many, each time */
        struct asr_held h = {l->id, ASR_GUARD_VOICE, u.t1 - 0.5, u.t1, "thank you", 0.25f};
        io->held(io->user, &h);
    }
    io->utt(io->user, &u);
    l->told = upto;
    if (final) {
        l->from = upto;
        l->id++;
        *keep = upto;
    }
    return 1;
}

/* -- a session around it ----------------------------------------------------------------------- */

static struct app_setup setup;
static struct mk file;
static struct args args;

static int load(void **state)
{
    struct err e;
    struct asr_hparams hp = mk_hp(0);
    (void)state;
    struct mk words = {0};
    int n = mk_small_words(&words, NULL, 0);
    hp.n_vocab = n;
    mk_head(&file, &hp);
    mk_bytes(&file, words.data, words.size);
    mk_tensors(&file, &hp);
    free(words.data);
    char name[] = "dictate", *argv[] = {name, NULL};
    if (args_parse(&args, 1, argv, &e) ||
        asr_model_parse(&setup.model, "played", file.data, file.size, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return -1;
    }
    return 0;
}

static int unload(void **state)
{
    (void)state;
    asr_model_free(setup.model);
    free(file.data);
    return 0;
}

struct tally {
    int starts, utts, finals, gaps, mics, words, held, marks, marked; /* marked: in utterances */
    double t1, lost_s;
    char start_note[200];
    bool ended;
    struct err err;
};

static void take(struct session *s, struct tally *t, int ms)
{
    int64_t until = clk_us() + ms * 1000LL;
    while (!t->ended && clk_us() < until) {
        struct pollfd p = {.fd = session_fd(s), .events = POLLIN};
        struct session_ev *ev;
        poll(&p, 1, 20);
        while ((ev = session_next(s))) {
            assert_false(t->ended);
            t->starts += ev->kind == SESSION_EV_START;
            t->mics += ev->kind == SESSION_EV_MIC;
            t->gaps += ev->kind == SESSION_EV_GAP;
            t->lost_s += ev->kind == SESSION_EV_GAP ? ev->lost_s : 0;
            t->marks += ev->kind == SESSION_EV_MARK ? ev->n_gap : 0;
            if (ev->kind == SESSION_EV_START) {
                snprintf(t->start_note, sizeof t->start_note, "%s", ev->note);
            }
            if (ev->kind == SESSION_EV_HELD) {
                assert_string_equal(ev->text, "thank you");
                assert_true(ev->guard == ASR_GUARD_VOICE && ev->t1 > ev->t0);
                t->held++;
            }
            if (ev->kind == SESSION_EV_UTT) {
                t->utts++;
                assert_true(ev->n_word > 0 && ev->t1 > ev->t0);
                t->t1 = ev->t1;
                if (ev->final) {
                    t->finals++;
                    t->words += ev->n_word;
                    for (int i = 0; i < ev->n_word; i++) {
                        t->marked += ev->word[i].lost;
                    }
                }
            }
            if (ev->kind == SESSION_EV_END) {
                t->ended = true;
                t->err = ev->err;
            }
            free(ev);
        }
    }
}

static struct session *start(double seconds, bool paced)
{
    struct audio_want want = {.kind = AUDIO_GEN, .name = "pink", .gen_seconds = seconds};
    struct audio_src *src;
    struct session *s;
    struct err e;
    assert_int_equal(audio_src_open(&src, &want, &e), 0);
    struct session_conf conf = {.src = src, .paced = paced, .gone_max_s = -1};
    assert_int_equal(session_start(&s, &setup, &args, &conf, &e), 0);
    return s;
}

static void test_file(void **state)
{
    struct tally t = {0};
    struct session_stat st;
    struct audio_got got;
    (void)state;
    struct session *s = start(9.3, false);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.err.code, 0);
    assert_int_equal(t.starts, 1);
    assert_int_equal(t.finals, 3);
    assert_int_equal(t.words, 8 + 8 + 3);
    assert_int_equal(t.held, 3);
    assert_true(fabs(t.t1 - 9.3) < 0.02); /* to the last frame */
    session_stat(s, &st);
    assert_int_equal(st.phase, SESSION_ENDED);
    assert_true(fabs(st.audio_s - 9.3) < 0.001);
    assert_true(session_got(s, &got));
    assert_true(session_free(s));
}

static void test_empty(void **state)
{
    struct tally t = {0};
    (void)state;
    struct session *s = start(0.00001, false);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.finals, 0);
    assert_true(session_free(s));
}

/* Stopping loses nothing that was heard. */
static void test_stop(void **state)
{
    struct tally t = {0};
    struct session_stat st;
    (void)state;
    struct session *s = start(0, true);
    take(s, &t, 1200);
    assert_false(t.ended);
    session_stop(s);
    take(s, &t, 20000);
    assert_true(t.ended);
    session_stat(s, &st);
    assert_true(st.audio_s > 0.8);
    assert_true(fabs(t.t1 - st.audio_s) < 0.02);
    assert_true(session_free(s));
}

static void test_pause(void **state)
{
    struct tally t = {0};
    struct session_stat a, b;
    (void)state;
    struct session *s = start(0, true);
    take(s, &t, 700);
    session_pause(s, true);
    session_pause(s, true);
    take(s, &t, 400);
    session_stat(s, &a);
    assert_true(a.paused);
    assert_int_equal(t.finals, 1); /* what was heard is settled while one waits */
    take(s, &t, 300);
    session_stat(s, &b);
    assert_true(fabs(a.clock_s - b.clock_s) < 0.001);
    session_pause(s, false);
    take(s, &t, 400);
    session_stat(s, &b);
    assert_true(b.clock_s > a.clock_s + 0.2);
    session_stop(s);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_true(session_free(s));
}

/* Leaving in the middle: no leak, no hang. */
static void test_leave(void **state)
{
    (void)state;
    struct session *s = start(0, true);
    assert_true(session_free(s));
    s = start(0, false);
    struct tally t = {0};
    take(s, &t, 100);
    assert_true(session_free(s));
    assert_true(session_free(NULL));
}

static void test_no_mic(void **state)
{
    struct tally t = {0};
    struct session *s;
    struct err e;
    (void)state;
    struct session_conf conf = {.paced = true, .gone_max_s = -1};
    assert_int_equal(mic_new(&conf.mic, "no-such-microphone-here", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_start(&s, &setup, &args, &conf, &e), 0);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.err.code, ERR_MIC);
    assert_true(session_free(s));
    memset(&t, 0, sizeof t);
    conf.wait_mic = true;
    assert_int_equal(mic_new(&conf.mic, "no-such-microphone-here", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_start(&s, &setup, &args, &conf, &e), 0);
    take(s, &t, 500);
    assert_false(t.ended);
    assert_int_equal(t.mics, 1); /* said once, tried again */
    session_stop(s);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.err.code, 0);
    assert_true(session_free(s));
}

/* -- microphones ------------------------------------------------------------------------------- */

static struct session *start_mic(const char *script, enum mic_pace pace, bool talk)
{
    struct session_conf conf = {.gone_max_s = -1, .talk = talk};
    struct session *s;
    struct err e;
    assert_int_equal(mic_new(&conf.mic, script, NULL, pace, &e), 0);
    assert_int_equal(session_start(&s, &setup, &args, &conf, &e), 0);
    return s;
}

/* Simulated faults: every loss is told once and marked once, whatever its length. */
static void test_faults(void **state)
{
    struct tally t = {0};
    struct session_stat st;
    (void)state;
    struct session *s = start_mic("fault:every 1.1 xrun 0.02; at 6 unplug 5; at 20 suspend 0.5",
                                  MIC_BY_SCRIPT, false);
    do {
        take(s, &t, 10);
        session_stat(s, &st);
    } while (st.clock_s < 33 && !t.ended);
    session_stop(s);
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.err.code, 0);
    session_stat(s, &st);
    assert_true(fabs(t.lost_s - st.cap.lost_s) < 1e-6);
    assert_true(t.lost_s > 5.5 + 20 * 0.02 && t.lost_s < 9);
    assert_int_equal(t.gaps, t.marks + t.marked);
    assert_true(t.marked > 10 && t.mics == 1 && t.starts == 2);
    assert_non_null(strstr(t.start_note, "the microphone is back"));
    assert_true(session_free(s));
}

/* Another device while running: the old one's words, a mark, the new one's. */
static void test_switch(void **state)
{
    struct tally t = {0};
    struct mic *m;
    struct err e;
    (void)state;
    struct session *s = start_mic("gen:pink", MIC_REAL, false);
    take(s, &t, 800);
    assert_int_equal(mic_new(&m, "no-such-microphone-here", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_switch(s, m, &e), -ERR_MIC);
    mic_free(m);
    assert_string_equal(session_mic(s), "gen:pink");
    take(s, &t, 300);
    assert_int_equal(mic_new(&m, "gen:tone", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_switch(s, m, &e), 0);
    assert_string_equal(session_mic(s), "gen:tone");
    take(s, &t, 1000);
    assert_int_equal(t.starts, 2);
    assert_non_null(strstr(t.start_note, "another microphone"));
    assert_int_equal(t.gaps, 1);
    assert_true(t.t1 > 1.5);
    session_stop(s);
    take(s, &t, 20000);
    assert_true(t.ended && t.err.code == 0);
    assert_int_equal(t.marks + t.marked, 1);
    assert_int_equal(mic_new(&m, "gen:pink", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_switch(s, m, &e), -ERR_FAIL); /* it is over */
    mic_free(m);
    assert_true(session_free(s));
    s = start(0, true);
    assert_int_equal(mic_new(&m, "gen:pink", NULL, MIC_REAL, &e), 0);
    assert_int_equal(session_switch(s, m, &e), -ERR_FAIL); /* a file is no microphone */
    mic_free(m);
    assert_true(session_free(s));
}

/* Push-to-talk: nothing before the key, but for half a second of it; final when it is up. */
static const int64_t patience_ns = 10000000000; /* a busy machine is no fault */

static void test_talk(void **state)
{
    struct tally t = {0};
    struct session_stat st;
    (void)state;
    struct session *s = start_mic("gen:pink", MIC_REAL, true);
    take(s, &t, 1200);
    session_stat(s, &st);
    assert_true(st.talk && st.shut && st.audio_s < 0.001 && st.clock_s > 0.8);
    assert_int_equal(t.utts, 0);
    /* held for 0.7 s, and on a busy machine for as long as it takes */
    const int64_t down = clk_ns();
    session_talk(s, true);
    do {
        take(s, &t, 100);
    } while (clk_ns() - down < 700000000 || (t.utts == 0 && clk_ns() - down < patience_ns));
    session_stat(s, &st);
    assert_false(st.shut);
    assert_true(t.utts > 0);
    session_talk(s, false);
    const int64_t up = clk_ns();
    do {
        take(s, &t, 100);
        session_stat(s, &st);
    } while (clk_ns() - up < 600000000 || ((!st.shut || t.finals == 0) && clk_ns() - up < patience_ns));
    const double held = (double)(up - down) * 1e-9, after = (double)(clk_ns() - up) * 1e-9;
    /* pre-roll 0.5, pressed for 0.7 or more, post-roll 0.2; 0.3 of silence stand for what was not heard */
    assert_true(st.shut && st.audio_s > held + 0.7 && st.audio_s < held + after + 1.1);
    assert_int_equal(t.finals, 1);
    assert_true(t.t1 > 1.1 + held && t.t1 < st.clock_s); /* by the clock */
    assert_int_equal(t.gaps, 0);
    session_talk(s, true);
    take(s, &t, 300);
    session_stop(s); /* what was said is text, the key being down or not */
    take(s, &t, 20000);
    assert_true(t.ended);
    assert_int_equal(t.finals, 2);
    assert_true(session_free(s));
}

/* -- the front end's clock --------------------------------------------------------------------- */

static void test_gaps(void **state)
{
    static float x[16000];
    float filters[4 * MEL_BINS], mel[4];
    struct front *f;
    struct err e;
    (void)state;
    mel_slaney(4, filters);
    assert_int_equal(front_new(&f, 4, filters, &e), 0);
    assert_int_equal(front_push(f, x, 16000, &e), 0);
    assert_int_equal(front_gap(f, 0.1, &e), 0); /* short: silence */
    assert_int_equal(f->samples, 17600);
    assert_true(fabs(front_clock(f, 1.05) - 1.05) < 1e-9);
    assert_int_equal(front_gap(f, 10, &e), 0); /* long: the clock jumps */
    assert_int_equal(f->samples, 17600 + 4800);
    assert_int_equal(front_push(f, x, 16000, &e), 0);
    assert_true(fabs(front_clock(f, 1.0) - 1.0) < 1e-9);
    assert_true(fabs(front_clock(f, 1.5) - (1.5 + 9.7)) < 1e-3);
    for (int i = 0; i < 1000; i++) { /* more than are remembered: the last one grows */
        assert_int_equal(front_gap(f, 1, &e), 0);
    }
    double now = (double)f->samples / 16000;
    assert_true(fabs(front_clock(f, now) - now - 9.7 - 700) < 0.1);
    assert_int_equal(front_finish(f, &e), 0);
    assert_int_equal(front_finish(f, &e), 0);
    assert_int_equal(front_have(f), mel_sound_frames(f->samples));
    assert_false(front_voice(f, -1));
    assert_false(front_voice(f, 1 << 30));
    front_mel(f, front_have(f) - 1, 1, 0, front_have(f), mel);
    front_mel(f, front_have(f) + 100, 1, 0, front_have(f), mel);
    assert_true(mel[0] > -2 && mel[0] < 0); /* the floor of silence: (-10 + 4) / 4 */
    front_drop(f, 100);
    front_drop(f, INT64_MAX / 4);
    front_free(f);
    front_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),  cmocka_unit_test(test_empty),  cmocka_unit_test(test_stop),
        cmocka_unit_test(test_pause), cmocka_unit_test(test_leave),  cmocka_unit_test(test_no_mic),
        cmocka_unit_test(test_gaps),  cmocka_unit_test(test_faults), cmocka_unit_test(test_switch),
        cmocka_unit_test(test_talk),
    };
    return cmocka_run_group_tests_name("session", tests, load, unload);
}
