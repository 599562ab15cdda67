/* A live session on the full screen: session events -> transcript and output, counters -> view,
 * keys -> session.  Main thread; never waits for anything but ui_wait(). */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/base/clk.h"
#include "app/base/file.h"
#include "app/base/fmt.h"
#include "app/base/log.h"
#include "app/face.h"
#include "app/fill.h"
#include "app/held.h"
#include "app/mics.h"
#include "app/state.h"
#include "app/transcript.h"
#include "ui/ui.h"

enum {
    FRAME_MS = 100,
    FRAME_SSH_MS = 250,
    /* A held key: terminals tell no release, but repeat the key, first after a while. */
    HOLD_FIRST_US = 700000,
    HOLD_NEXT_US = 250000,
};

struct screen {
    struct face *f;
    struct ui *ui;
    struct fill *fill;
    struct transcript *tr;
    struct held *held;
    struct mics *mics;
    struct state st;
    struct ui_view view;
    enum ui_talk talk;
    int64_t hold_until; /* 0: no key is held */
    bool started, ended, paused, quit;
    int frame_ms;
};

static void measure_lag(struct screen *s, const struct session_ev *ev)
{
    struct session_stat st;
    session_stat(s->f->session, &st);
    /* Faster than real time: how far behind the speaker has no meaning. */
    fill_words(s->fill, ev, st.clock_s, st.cap.heard_s <= st.wall_s + 1);
}

static void one_event(struct screen *s, const struct session_ev *ev)
{
    struct audio_got got;
    char text[80];
    switch (ev->kind) {
    case SESSION_EV_START:
        if (!s->started && session_got(s->f->session, &got)) {
            face_start(s->f, &got);
            s->started = true;
        }
        if (*ev->note) {
            ui_say(s->ui, "%s", ev->note);
        }
        s->st.mic.code = 0;
        break;
    case SESSION_EV_UTT:
        face_utt(s->f, ev);
        measure_lag(s, ev);
        transcript_utt(s->tr, ev);
        break;
    case SESSION_EV_GAP:
        face_gap(s->f, ev);
        break;
    case SESSION_EV_MARK:
        face_gap(s->f, ev);
        session_gap_text(text, sizeof text, ev->lost_s, ev->why, ev->n_gap);
        transcript_note(s->tr, ev->t0, text);
        break;
    case SESSION_EV_HELD:
        face_held(s->f, ev);
        held_add(s->held, ev);
        break;
    case SESSION_EV_MIC:
        s->st.mic = ev->err;
        break;
    case SESSION_EV_END:
        lines_flush(&s->f->lines, ev->at_s);
        if (*ev->note) {
            transcript_note(s->tr, s->f->clock_s, ev->note);
        }
        s->st.failed = ev->err.code != 0;
        s->st.end = ev->err;
        s->ended = true;
        break;
    }
}

static void take_events(struct screen *s)
{
    struct session_ev *ev;
    while ((ev = session_next(s->f->session))) {
        one_event(s, ev);
        free(ev);
    }
}

static void draw(struct screen *s)
{
    struct session_stat st;
    struct writer_stat wr;
    struct audio_got got;
    bool have = session_got(s->f->session, &got);
    session_stat(s->f->session, &st);
    if (s->f->writer) {
        writer_stat(s->f->writer, &wr);
    }
    s->f->clock_s = st.clock_s;
    s->f->work_s = st.work_s;
    s->f->full_s = st.cap.full_s;
    s->f->xruns = st.cap.xruns > s->f->xruns ? st.cap.xruns : s->f->xruns;
    state_look(&s->st, &st, have ? &got : NULL, s->f->writer ? &wr : NULL);
    fill_view(s->fill, &st, &s->st, s->tr, s->f->writer ? &wr : NULL, &s->view);
    s->view.talk = (uint8_t)s->talk;
    held_fill(s->held, &s->view);
    mics_fill(s->mics, session_mic(s->f->session), &s->view);
    int64_t t = clk_ns();
    ui_draw(s->ui, &s->view);
    fill_drawn(s->fill, clk_ns() - t);
}

static void pause_session(struct screen *s, bool on)
{
    struct session_stat st;
    struct audio_got got;
    if (s->ended || s->st.stopped || on == s->paused) {
        return;
    }
    s->paused = on;
    session_pause(s->f->session, on);
    /* A file stands still meanwhile; of what is live something is missing. */
    if (!on && session_got(s->f->session, &got) && got.live) {
        session_stat(s->f->session, &st);
        transcript_note(s->tr, st.clock_s, "[paused here]");
    }
}

/* The text so far, or the figures, into a file with the date in its name. */
static void save(struct screen *s, int page)
{
    struct jsonw w;
    struct err e;
    char name[64];
    time_t now = time(NULL);
    struct tm tm;
    const struct ui_text *t = transcript_text(s->tr);
    jsonw_init(&w);
    localtime_r(&now, &tm);
    strftime(name, sizeof name,
             page == UI_PAGE_PROF ? "dictate-profile-%Y%m%d-%H%M%S.json"
                                  : "dictate-%Y%m%d-%H%M%S.txt",
             &tm);
    if (page == UI_PAGE_PROF) {
        fill_json(&s->view, &w);
        jsonw_text(&w, "\n");
    } else {
        for (uint32_t i = 0; i < t->npara; i++) {
            char clock[32];
            fmt_clock(clock, sizeof clock, (double)t->para[i].t_us * 1e-6);
            jsonw_fmt(&w, "[%s] ", clock);
            jsonw_raw(&w, t->para[i].text, t->para[i].len_b);
            jsonw_text(&w, "\n\n");
        }
        if (t->tail_b) {
            jsonw_raw(&w, t->tail, t->tail_b);
            jsonw_text(&w, "\n");
        }
    }
    if (!w.len) {
        ui_say(s->ui, "nothing to save yet");
    } else if (!jsonw_ok(&w) || file_save(name, w.buf, w.len, &e)) {
        ui_say(s->ui, "not saved: %s", jsonw_ok(&w) ? e.text : "no memory");
    } else {
        ui_say(s->ui, "saved %s", name);
    }
    jsonw_free(&w);
}

/* Space where it talks: begins and ends, or is held. */
static void talk_key(struct screen *s)
{
    struct session_stat st;
    session_stat(s->f->session, &st);
    if (s->talk == UI_TALK_TOGGLE) {
        session_talk(s->f->session, st.shut);
        return;
    }
    session_talk(s->f->session, true);
    int64_t until = clk_us() + (st.shut ? HOLD_FIRST_US : HOLD_NEXT_US);
    s->hold_until = until > s->hold_until ? until : s->hold_until;
}

/* Is the key up?  It has not been repeated for too long. */
static void hold_over(struct screen *s)
{
    if (s->hold_until && clk_us() > s->hold_until) {
        s->hold_until = 0;
        session_talk(s->f->session, false);
    }
}

/* Enter on one of the lists. */
static void take_row(struct screen *s, const struct ui_ev *ev)
{
    const struct held_text *t;
    struct err e = {0};
    if (ev->page == UI_PAGE_MICS) {
        if (mics_take(s->mics, ev->arg, s->f->session, &e)) {
            ui_say(s->ui, "%s", e.text);
        }
        return;
    }
    t = held_take(s->held, ev->arg);
    if (t) {
        transcript_restore(s->tr, t->t0, t->text);
        face_restored(s->f, t);
    } else {
        ui_say(s->ui, "That text is back already.");
    }
}

static void handle(struct screen *s, const struct ui_ev *ev)
{
    bool was;
    hold_over(s);
    switch (ev->kind) {
    case UI_EV_PAUSE:
        if (s->talk && !s->paused) {
            talk_key(s);
        } else {
            pause_session(s, !s->paused);
        }
        break;
    case UI_EV_LIST:
        mics_look(s->mics);
        break;
    case UI_EV_TAKE:
        take_row(s, ev);
        break;
    case UI_EV_STOP:
        s->st.stopped = true;
        session_stop(s->f->session);
        break;
    case UI_EV_QUIT:
        s->quit = true;
        break;
    case UI_EV_SAVE:
        save(s, ev->page);
        break;
    case UI_EV_WINDOW:
        fill_window(s->fill, ev->arg);
        break;
    case UI_EV_RESET:
        fill_reset(s->fill);
        break;
    case UI_EV_SUSPEND:
        was = s->paused;
        pause_session(s, true);
        ui_suspend(s->ui);
        if (!was) {
            pause_session(s, false);
        }
        break;
    case UI_EV_SIGNAL:
        s->f->leave = ev->arg;
        s->quit = true;
        break;
    default:
        break;
    }
}

/* What was heard and not yet recognised is text too: give it a moment, then leave. */
static void finish(struct screen *s)
{
    int64_t until = clk_us() + (s->f->leave ? 1500000 : 3000000);
    s->st.stopped = true;
    session_stop(s->f->session);
    while (!s->ended && clk_us() < until) {
        struct ui_ev ev;
        struct pollfd p = {.fd = session_fd(s->f->session), .events = POLLIN};
        take_events(s);
        draw(s);
        ui_wait(s->ui, &p, 1, FRAME_MS, &ev);
        if (ev.kind == UI_EV_QUIT || ev.kind == UI_EV_SIGNAL) {
            break;
        }
    }
    take_events(s);
    lines_flush(&s->f->lines, NAN);
}

/* How long to sleep: not at all where something moves, for ever where nothing does. */
static int patience(const struct screen *s)
{
    struct session_stat st;
    session_stat(s->f->session, &st);
    if (s->ended || (s->paused && st.cap.waiting_s + st.inside_s < 0.1)) {
        return 1000;
    }
    return s->frame_ms;
}

static void loop(struct screen *s)
{
    int64_t next = 0;
    while (!s->quit) {
        struct ui_ev ev = {UI_EV_TICK, 0, 0};
        struct pollfd p = {.fd = session_fd(s->f->session), .events = POLLIN};
        take_events(s);
        draw(s);
        next = clk_us() + patience(s) * 1000LL;
        /* Text is drawn when it comes, gauges when it is their time. */
        for (;;) {
            int64_t left = (next - clk_us()) / 1000;
            ui_wait(s->ui, &p, 1, left > 0 ? (int)left : 0, &ev);
            if (ev.kind != UI_EV_TICK || p.revents || clk_us() >= next) {
                break;
            }
        }
        handle(s, &ev);
    }
}

static enum ui_talk talk_of(const struct face *f)
{
    struct session_stat st;
    session_stat(f->session, &st);
    return !st.talk ? UI_TALK_OPEN : !strcmp(f->args->talk, "hold") ? UI_TALK_HOLD : UI_TALK_TOGGLE;
}

int screen_run(struct face *f, struct err *e)
{
    struct screen s = {.f = f,
                       .st = {.rt = f->setup->rt, .smaller = app_setup_smaller(f->setup)},
                       .frame_ms = getenv("SSH_TTY") ? FRAME_SSH_MS : FRAME_MS};
    struct ui_opt o = {.glyphs = f->args->glyphs, .no_color = f->args->no_color};
    int rc = transcript_new(&s.tr, e);
    rc = rc ? rc : held_new(&s.held, e);
    rc = rc ? rc : mics_new(&s.mics, e);
    rc = rc ? rc : fill_new(&s.fill, f->setup, f->session, f->args, e);
    if (rc) {
        goto out;
    }
    if (f->args->color) {
        o.theme = "default";
    }
    s.ui = ui_open(&o, e);
    if (!s.ui) {
        rc = -e->code;
        goto out;
    }
    log_screen(1);
    f->start_us = clk_us();
    s.talk = talk_of(f);
    loop(&s);
    finish(&s);
    ui_close(s.ui);
    log_screen(0);
    if (!f->writer) {
        f->lines.words = transcript_words(s.tr);
    }
    if (s.st.failed) {
        *e = s.st.end;
        rc = -e->code;
    }
out:
    fill_free(s.fill);
    mics_free(s.mics);
    held_free(s.held);
    transcript_free(s.tr);
    return rc;
}
