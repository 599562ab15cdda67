/* See state.h. */
#include "app/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "npu/rt/health.h"

/* When something is worth saying. */
static const double slow_s = 1.5, behind_s = 4, recent_s = 8, offer_s = 5;

enum ui_state state_of_err(const struct err *e)
{
    switch (e->code) {
    case ERR_MIC:
        return e->sys == EBUSY ? UI_ST_MIC_BUSY : UI_ST_NO_MIC;
    case ERR_NPU:
        return UI_ST_NO_NPU;
    case ERR_NPU_HANG:
        return UI_ST_NPU_RESET;
    case ERR_MODEL:
        return UI_ST_BAD_MODEL;
    case ERR_LOST:
        return UI_ST_AUDIO_LOST;
    case ERR_DISK:
        return UI_ST_NOT_SAVED;
    case ERR_SOUND:
        return UI_ST_BAD_SOUND;
    case ERR_MEM:
        return UI_ST_NO_MEMORY;
    default:
        return UI_ST_ERROR;
    }
}

static enum ui_state become(struct state *st, enum ui_state s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static enum ui_state become(struct state *st, enum ui_state s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(st->say, sizeof st->say, fmt, ap);
    va_end(ap);
    return s;
}

/* The sound that waits: slow, or behind. */
static enum ui_state queue_state(struct state *st, double wait)
{
    char help[80];
    if (st->smaller) {
        snprintf(help, sizeof help, "--model %s would keep up.", st->smaller);
    } else {
        snprintf(help, sizeof help, "More --threads, or less beside it, would help.");
    }
    if (st->late > 1) {
        snprintf(st->more, sizeof st->more, "%.0f s", wait);
        return become(st, UI_ST_BEHIND,
                      "Speech is queued, nothing is lost; words come when they are final. %s",
                      help);
    }
    return become(st, UI_ST_SLOW, "Words come later, nothing is lost. %s", help);
}

/* Waits for so long: a state that flickers tells nothing. */
static void look_late(struct state *st, double wait)
{
    st->late = wait > behind_s                 ? 2
               : wait > slow_s && st->late < 2 ? 1
               : wait < slow_s / 3             ? 0
               : wait < slow_s && st->late > 1 ? 1
                                               : st->late;
}

static enum ui_state gone_state(struct state *st, const struct session_stat *s)
{
    char clock[16] = "";
    struct tm tm;
    if (!st->gone) {
        st->gone = time(NULL);
    }
    localtime_r(&st->gone, &tm);
    strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    return become(st, UI_ST_MIC_GONE,
                  "Microphone gone at %s. Waiting for it%s; the text so far is kept.", clock,
                  s->cap.gone_s > offer_s ? ", or choose another with d" : "");
}

/* How it sounds: what is wrong first. */
static enum ui_state sound_state(struct state *st, const struct session_stat *s, bool live)
{
    const struct level_now *lv = &s->cap.level;
    unsigned h = s->cap.hints;
    if (h & HINT_ZERO) {
        return become(st, UI_ST_SILENT, "Nothing but zeros for %.0f s: muted? Try alsamixer, F4.",
                      (double)lv->quiet_s);
    }
    if (h & HINT_SILENT) {
        return become(st, UI_ST_SILENT, "No sound for %.0f s (%.0f dB). Is the microphone muted?",
                      (double)lv->quiet_s, (double)lv->rms_db);
    }
    if (h & HINT_CLIP) {
        return become(st, UI_ST_TOO_LOUD, "%.1f %% of samples clip: lower the gain.",
                      100 * (double)lv->clipped);
    }
    enum ui_state now = live ? UI_ST_LISTENING : UI_ST_PLAYING;
    if (h & HINT_NOISE) {
        return become(st, now, "Loud background (%.0f dB): nearer to the microphone helps.",
                      (double)lv->floor_db);
    }
    if (h & HINT_DEAD) {
        return become(st, now, "One channel gives nothing and is left out.");
    }
    return now;
}

static enum ui_state decide(struct state *st, const struct session_stat *s,
                            const struct audio_got *got, const struct writer_stat *wr)
{
    double t = s->clock_s, wait = s->cap.waiting_s + s->inside_s;
    bool mic = !got || got->mic, live = !got || got->live;
    st->more[0] = st->say[0] = 0;
    if (wr && wr->failing && !wr->gone) {
        return become(st, UI_ST_NOT_SAVED, "%s. %llu kB kept in memory; trying again.",
                      wr->err.text, (unsigned long long)(wr->pending_b / 1024 + 1));
    }
    if (st->failed) {
        return become(st, state_of_err(&st->end), "%s", st->end.text);
    }
    if (s->phase == SESSION_ENDED) {
        return st->stopped ? UI_ST_STOPPED : UI_ST_DONE;
    }
    if (s->phase == SESSION_FINISHING) {
        return st->stopped ? become(st, UI_ST_STOPPED, "Finishing what was heard.") : st->now;
    }
    if (s->phase == SESSION_OPENING) {
        return st->mic.code ? become(st, state_of_err(&st->mic), "%s", st->mic.text)
                            : UI_ST_LOADING;
    }
    if (s->mic_gone) {
        return gone_state(st, s);
    }
    st->gone = 0;
    if (s->paused) {
        return UI_ST_PAUSED;
    }
    if (st->lost_at > 0 && t - st->lost_at < recent_s) {
        return become(st, UI_ST_AUDIO_LOST,
                      "%.1f s of sound were lost because the queue was full; the place is marked.",
                      st->lost_s);
    }
    if (st->xrun_at > 0 && t - st->xrun_at < recent_s) {
        snprintf(st->more, sizeof st->more, "%llu", (unsigned long long)st->xruns);
        return become(st, UI_ST_XRUN, "The microphone was not read in time; the place is marked.");
    }
    if (st->npu_at > 0 && t - st->npu_at < recent_s) {
        return become(st, UI_ST_NPU_RESET, "%s", st->npu_say);
    }
    look_late(st, live && s->cap.heard_s < s->wall_s + 1 ? wait : 0);
    if (st->late) {
        return queue_state(st, wait);
    }
    if (s->shut) {
        return UI_ST_READY;
    }
    return mic ? sound_state(st, s, live) : live ? UI_ST_LISTENING : UI_ST_PLAYING;
}

/* What the device has mended, or could not, since the last look. */
static void look_at_device(struct state *st, const struct session_stat *s)
{
    struct npu_rt_health h;
    npu_rt_health(st->rt, &h);
    if (h.notes > st->npu_notes) {
        st->npu_notes = h.notes;
        st->npu_at = s->clock_s > 0 ? s->clock_s : 1e-3;
        snprintf(st->npu_say, sizeof st->npu_say, "%s", h.note);
    }
}

bool state_look(struct state *st, const struct session_stat *s, const struct audio_got *got,
                const struct writer_stat *wr)
{
    struct state old = *st;
    if (s->cap.xruns > st->xruns) {
        st->xruns = s->cap.xruns;
        st->xrun_at = s->clock_s;
    }
    if (s->cap.full_s > st->lost_s) { /* what else was lost has been said already */
        st->lost_s = s->cap.full_s;
        st->lost_at = s->clock_s;
    }
    if (st->rt) {
        look_at_device(st, s);
    }
    st->now = decide(st, s, got, wr);
    return st->now != old.now || strcmp(st->say, old.say) != 0;
}
