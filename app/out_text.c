/* Plain and txt: one line a segment.  Plain adds times, and notes about what is going on. */
#include <math.h>
#include <string.h>

#include "app/base/fmt.h"
#include "app/out.h"

static void plain_start(struct out *o, const struct out_start *s)
{
    char dur[32];
    bool timed = isfinite(s->audio_s);
    out_note(o, OUT_NOTE, NULL, "%s%s%s%s; %s; %s %s; %s%s",
             s->file ? "" : "listening: ", s->source ? s->source : "?", timed ? ", " : "",
             timed ? fmt_dur(dur, sizeof dur, s->audio_s) : "", s->device, s->model, s->precision,
             s->language ? s->language : "language by ear", s->file ? "" : ". Ctrl-C stops");
}

static void text_segment(struct out *o, const struct out_segment *s)
{
    char clock[32];
    jsonw_reset(&o->w);
    if (o->stamps) {
        jsonw_fmt(&o->w, "[%s] ", fmt_clock(clock, sizeof clock, s->t0));
    }
    jsonw_text(&o->w, s->text);
    jsonw_raw(&o->w, "\n", 1);
    if (jsonw_ok(&o->w)) {
        o->put(o->user, o->w.buf, o->w.len);
    }
}

static void plain_end(struct out *o, const struct out_end *e)
{
    char audio[32], wall[32], speed[48] = "";
    fmt_dur(audio, sizeof audio, e->audio_s);
    fmt_dur(wall, sizeof wall, e->wall_s);
    if (e->work_s > 0 && e->audio_s > 0) {
        snprintf(speed, sizeof speed, ", real-time factor %.3f", e->work_s / e->audio_s);
    }
    out_note(o, OUT_NOTE, NULL, "%d word%s from %s of sound in %s%s", e->words,
             e->words == 1 ? "" : "s", audio, wall, speed);
}

const struct out_ops out_plain = {"plain",   plain_start, NULL,          text_segment, NULL,
                                  plain_end, NULL,        out_mark_line, NULL};
const struct out_ops out_txt = {"txt", NULL, NULL,          text_segment, NULL,
                                NULL,  NULL, out_mark_line, NULL};
