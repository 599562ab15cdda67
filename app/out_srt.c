/* Subtitles: SubRip and WebVTT.  Cues never run backwards, never have no length, never hold a line
 * that the format takes for something else. */
#include <math.h>
#include <string.h>

#include "app/base/fmt.h"
#include "app/out.h"

/* Times of the next cue: not before the last one's end, at least 10 ms long. */
static void cue_times(struct out *o, const struct out_segment *s, double *t0, double *t1)
{
    *t0 = isfinite(s->t0) && s->t0 > o->last ? s->t0 : o->last;
    *t1 = isfinite(s->t1) && s->t1 > *t0 + 0.01 ? s->t1 : *t0 + 0.01;
    o->last = *t1;
}

static void times_line(struct jsonw *w, double t0, double t1, char mark)
{
    char a[32], b[32];
    jsonw_fmt(w, "%s --> %s\n", fmt_stamp(a, sizeof a, t0, mark), fmt_stamp(b, sizeof b, t1, mark));
}

static void finish(struct out *o)
{
    jsonw_text(&o->w, "\n\n");
    if (jsonw_ok(&o->w)) {
        o->put(o->user, o->w.buf, o->w.len);
    }
}

static void srt_segment(struct out *o, const struct out_segment *s)
{
    struct jsonw *w = &o->w;
    double t0, t1;
    cue_times(o, s, &t0, &t1);
    jsonw_reset(w);
    jsonw_fmt(w, "%d\n", ++o->cues);
    times_line(w, t0, t1, ',');
    for (const char *p = s->text; *p; p++) {
        /* "-->" in a text would be read as times by some players */
        if (!strncmp(p, "-->", 3)) {
            jsonw_text(w, "\xE2\x86\x92");
            p += 2;
        } else {
            jsonw_raw(w, p, 1);
        }
    }
    finish(o);
}

static void vtt_start(struct out *o, const struct out_start *s)
{
    (void)s;
    o->put(o->user, "WEBVTT\n\n", 8);
}

static void vtt_segment(struct out *o, const struct out_segment *s)
{
    struct jsonw *w = &o->w;
    double t0, t1;
    cue_times(o, s, &t0, &t1);
    jsonw_reset(w);
    times_line(w, t0, t1, '.');
    for (const char *p = s->text; *p; p++) {
        if (*p == '&') {
            jsonw_text(w, "&amp;");
        } else if (*p == '<') {
            jsonw_text(w, "&lt;");
        } else if (*p == '>') {
            jsonw_text(w, "&gt;");
        } else {
            jsonw_raw(w, p, 1);
        }
    }
    finish(o);
}

const struct out_ops out_srt = {"srt", NULL, NULL,          srt_segment, NULL,
                                NULL,  NULL, out_mark_line, NULL};
const struct out_ops out_vtt = {"vtt", vtt_start, NULL,          vtt_segment, NULL,
                                NULL,  NULL,      out_mark_line, NULL};
