/* A live session without a screen: settled words only, one line a sentence; what happens to the
 * session as notes.  Append-only, so that it can be read aloud, piped and logged. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "app/face.h"
#include "app/held.h"
#include "app/sound.h"
#include "app/state.h"
#include "app/stop.h"

enum { LOOK_MS = 250 };

void face_start(struct face *f, const struct audio_got *got)
{
    const struct app_setup *s = f->setup;
    struct asr_params p = args_params(f->args);
    bool multi = asr_tok_special(s->tok)->multilingual;
    struct out_start st = {
        .source = got->what,
        .file = sound_is_mic(f->args) ? NULL : f->args->pos[0],
        .model = s->name,
        .kind = asr_model_kind(s->model),
        .device = npu_rt_short(s->rt),
        .isa = npu_rt_isa(s->rt),
        .precision = asr_engine_precision(s->eng) == ASR_PREC_INT8 ? "int8" : "f32",
        .language = !multi ? "en" : asr_lang_code(p.language),
        .columns = npu_rt_columns(s->rt),
        .threads = npu_rt_threads(s->rt),
        .audio_s = got->seconds >= 0 ? got->seconds : (double)NAN,
        .load_s = s->load_s,
    };
    if (f->out) {
        out_start(f->out, &st);
    }
}

void face_utt(struct face *f, const struct session_ev *ev)
{
    if (!f->out) {
        return;
    }
    if (f->out->ops->update) {
        struct out_word *w = calloc((size_t)ev->n_word + 1, sizeof *w);
        for (int i = 0; w && i < ev->n_word; i++) {
            const struct asr_word *v = &ev->word[i];
            w[i] = lines_word(v);
        }
        struct out_update u = {
            .utt = ev->utt,
            .t0 = ev->t0,
            .t1 = ev->t1,
            .at_s = ev->at_s,
            .word = w,
            .n_word = w ? ev->n_word : 0,
            .n_settled = ev->final ? ev->n_word : ev->n_settled,
            .pass = ev->pass,
            .pass_ms = (double)ev->pass_ms,
            .heard_s = ev->heard_s,
            .backlog_s = ev->backlog_s,
            .age_s = ev->n_word ? ev->age_s : (double)NAN,
            .front_ms = (double)ev->stage_ms[SESSION_EV_FRONT],
            .encode_ms = (double)ev->stage_ms[SESSION_EV_ENCODE],
            .prefill_ms = (double)ev->stage_ms[SESSION_EV_PREFILL],
            .step_ms = (double)ev->stage_ms[SESSION_EV_STEP],
        };
        out_update(f->out, &u);
        free(w);
    }
    lines_utt(&f->lines, ev);
}

void face_gap(struct face *f, const struct session_ev *ev)
{
    struct out_gap g = {ev->t0, ev->t1, ev->at_s, ev->lost_s, session_gap_why(ev->why), {0}};
    session_gap_text(g.text, sizeof g.text, ev->lost_s, ev->why, ev->n_gap);
    if (ev->kind == SESSION_EV_GAP) {
        f->lost_s += ev->lost_s;
    }
    if (f->out) {
        (ev->kind == SESSION_EV_GAP ? out_gap : out_mark)(f->out, &g);
    }
}

void face_held(struct face *f, const struct session_ev *ev)
{
    struct out_held h = {ev->utt, ev->t0, ev->t1, ev->at_s, (double)ev->p, held_why(ev->guard),
                         ev->text};
    if (f->out) {
        out_held(f->out, &h);
    }
}

void face_restored(struct face *f, const struct held_text *t)
{
    struct out_segment s = {.t0 = t->t0,
                            .t1 = t->t1,
                            .text = t->text,
                            .avg_logp = log((double)t->p),
                            .nospeech = NAN,
                            .at_s = NAN,
                            .restored = true};
    if (f->out) {
        out_segment(f->out, &s);
        f->lines.segments++;
    }
}

/* True after the END event. */
static bool events(struct face *f, struct state *st, bool *started, struct err *e)
{
    struct session_ev *ev;
    struct audio_got got;
    bool ended = false;
    while ((ev = session_next(f->session))) {
        switch (ev->kind) {
        case SESSION_EV_START:
            if (*started) {
                out_note(f->out, OUT_NOTE, "listening", "%s", ev->note);
                st->mic.code = 0;
            } else if (session_got(f->session, &got)) {
                face_start(f, &got);
                *started = true;
            }
            break;
        case SESSION_EV_UTT:
            face_utt(f, ev);
            break;
        case SESSION_EV_GAP:
        case SESSION_EV_MARK:
            face_gap(f, ev);
            break;
        case SESSION_EV_HELD:
            face_held(f, ev);
            break;
        case SESSION_EV_MIC:
            st->mic = ev->err;
            break;
        case SESSION_EV_END:
            lines_flush(&f->lines, ev->at_s);
            if (*ev->note) {
                out_note(f->out, OUT_WARNING, NULL, "%s", ev->note);
            }
            st->failed = ev->err.code != 0;
            st->end = ev->err;
            *e = ev->err;
            ended = true;
            break;
        }
        free(ev);
    }
    return ended;
}

static void look(struct face *f, struct state *st)
{
    struct session_stat s;
    struct writer_stat wr;
    struct audio_got got;
    session_stat(f->session, &s);
    writer_stat(f->writer, &wr);
    bool have = session_got(f->session, &got);
    enum ui_state old = st->now;
    const uint64_t notes = st->npu_notes;
    f->clock_s = s.clock_s;
    f->work_s = s.work_s;
    f->full_s = s.cap.full_s;
    f->xruns = s.cap.xruns > f->xruns ? s.cap.xruns : f->xruns;
    const bool changed = state_look(st, &s, have ? &got : NULL, &wr);
    if (st->npu_notes > notes) { /* in whatever state this is: it may be over already */
        out_note(f->out, OUT_WARNING, "npu-reset", "%s", st->npu_say);
    } else if (changed && st->now != old && !st->failed && st->now != UI_ST_NPU_RESET) {
        const struct ui_state_info *i = ui_state_info(st->now);
        if (i->level != UI_OK) {
            out_note(f->out, OUT_WARNING, i->id, "%s", *st->say ? st->say : i->say);
        }
    }
    if (wr.gone) { /* nobody reads any more */
        session_stop(f->session);
    }
}

int plain_run(struct face *f, struct err *e)
{
    struct state st = {.rt = f->setup->rt, .smaller = app_setup_smaller(f->setup)};
    bool ended = false, started = false, stopping = false;
    f->start_us = clk_us();
    while (!ended) {
        struct pollfd p[2] = {{.fd = session_fd(f->session), .events = POLLIN},
                              {.fd = stopping ? -1 : stop_fd(), .events = POLLIN}};
        if (poll(p, 2, LOOK_MS) < 0 && errno != EINTR) {
            return err_set(e, ERR_FAIL, "cannot wait for events: %s", strerror(errno));
        }
        if (p[1].revents && !stopping) {
            stopping = true;
            st.stopped = true;
            f->leave = stop_signal();
            session_stop(f->session);
        }
        ended = events(f, &st, &started, e);
        look(f, &st);
    }
    return -e->code;
}
