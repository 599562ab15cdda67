/* JSON, one event a line: start, update, segment, note, end.  Field names are a promise. */
#include <math.h>

#include "app/out.h"

static struct jsonw *event(struct out *o, const char *name)
{
    jsonw_reset(&o->w);
    jsonw_obj(&o->w, NULL);
    jsonw_str(&o->w, "event", name);
    return &o->w;
}

static void send(struct out *o)
{
    jsonw_obj_end(&o->w);
    jsonw_raw(&o->w, "\n", 1);
    if (jsonw_ok(&o->w)) {
        o->put(o->user, o->w.buf, o->w.len);
    }
}

static void json_start(struct out *o, const struct out_start *s)
{
    struct jsonw *w = event(o, "start");
    jsonw_str(w, "version", DICTATE_VERSION);
    jsonw_str(w, "file", s->file);
    jsonw_str(w, "source", s->source);
    jsonw_str(w, "model", s->model);
    jsonw_str(w, "kind", s->kind);
    jsonw_str(w, "precision", s->precision);
    jsonw_str(w, "language", s->language);
    jsonw_str(w, "device", s->device);
    jsonw_int(w, "columns", s->columns);
    jsonw_int(w, "threads", s->threads);
    jsonw_str(w, "isa", s->isa);
    jsonw_num(w, "audio_s", s->audio_s, 3);
    jsonw_num(w, "load_s", s->load_s, 3);
    send(o);
}

static void words(struct jsonw *w, const struct out_word *word, int n)
{
    jsonw_arr(w, "words");
    for (int i = 0; i < n; i++) {
        jsonw_obj(w, NULL);
        jsonw_str(w, "text", word[i].text);
        jsonw_num(w, "t0", word[i].t0, 2);
        jsonw_num(w, "t1", word[i].t1, 2);
        jsonw_num(w, "p", word[i].p, 3);
        if (word[i].live) {
            jsonw_num(w, "shown_s", word[i].shown_s, 3);
            jsonw_num(w, "settled_s", word[i].settled_s, 3);
        }
        if (word[i].doubt) {
            jsonw_bool(w, "doubt", true);
        }
        if (word[i].lost) {
            jsonw_bool(w, "lost", true);
        }
        if (word[i].glue) {
            jsonw_bool(w, "glue", true);
        }
        jsonw_obj_end(w);
    }
    jsonw_arr_end(w);
}

static void json_update(struct out *o, const struct out_update *u)
{
    struct jsonw *w = event(o, "update");
    jsonw_int(w, "utt", u->utt);
    jsonw_num(w, "at_s", u->at_s, 3);
    jsonw_num(w, "t0", u->t0, 2);
    jsonw_num(w, "t1", u->t1, 2);
    jsonw_int(w, "settled", u->n_settled);
    jsonw_int(w, "pass", u->pass);
    jsonw_num(w, "pass_ms", u->pass_ms, 2);
    jsonw_num(w, "heard_s", u->heard_s, 2);
    jsonw_num(w, "backlog_s", u->backlog_s, 3);
    jsonw_num(w, "age_s", u->age_s, 3);
    jsonw_obj(w, "stage_ms");
    jsonw_num(w, "front", u->front_ms, 3);
    jsonw_num(w, "encode", u->encode_ms, 3);
    jsonw_num(w, "prefill", u->prefill_ms, 3);
    jsonw_num(w, "decode", u->step_ms, 3);
    jsonw_obj_end(w);
    words(w, u->word, u->n_word);
    send(o);
}

static void json_segment(struct out *o, const struct out_segment *s)
{
    struct jsonw *w = event(o, "segment");
    jsonw_num(w, "t0", s->t0, 2);
    jsonw_num(w, "t1", s->t1, 2);
    jsonw_str(w, "text", s->text);
    jsonw_num(w, "avg_logp", s->avg_logp, 4);
    jsonw_num(w, "no_speech", s->nospeech, 4);
    if (isfinite(s->at_s)) {
        jsonw_num(w, "at_s", s->at_s, 3);
    }
    if (s->restored) {
        jsonw_bool(w, "restored", true);
    }
    words(w, s->word, s->n_word);
    send(o);
}

static void json_gap(struct out *o, const struct out_gap *g)
{
    struct jsonw *w = event(o, "gap");
    jsonw_num(w, "at_s", g->at_s, 3);
    jsonw_num(w, "t0", g->t0, 4);
    jsonw_num(w, "t1", g->t1, 4);
    jsonw_num(w, "lost_s", g->lost_s, 6);
    jsonw_str(w, "why", g->why);
    send(o);
}

static void json_held(struct out *o, const struct out_held *h)
{
    struct jsonw *w = event(o, "suppressed");
    jsonw_int(w, "utt", h->utt);
    jsonw_num(w, "at_s", h->at_s, 3);
    jsonw_num(w, "t0", h->t0, 2);
    jsonw_num(w, "t1", h->t1, 2);
    jsonw_str(w, "why", h->why);
    jsonw_num(w, "p", h->p, 3);
    jsonw_str(w, "text", h->text);
    send(o);
}

static void json_note(struct out *o, enum out_level level, const char *state, const char *text)
{
    struct jsonw *w = event(o, "note");
    jsonw_str(w, "level", level == OUT_NOTE ? "note" : "warning");
    jsonw_str(w, "state", state);
    jsonw_str(w, "text", text);
    send(o);
}

static void json_end(struct out *o, const struct out_end *e)
{
    struct jsonw *w = event(o, "end");
    jsonw_num(w, "audio_s", e->audio_s, 3);
    jsonw_num(w, "wall_s", e->wall_s, 4);
    jsonw_num(w, "cpu_s", e->cpu_s, 4);
    jsonw_num(w, "work_s", e->work_s, 4);
    jsonw_num(w, "rtf", e->audio_s > 0 ? e->work_s / e->audio_s : (double)NAN, 5);
    jsonw_num(w, "load_s", e->load_s, 4);
    jsonw_num(w, "mel_s", e->mel_s, 4);
    jsonw_int(w, "segments", e->segments);
    jsonw_int(w, "words", e->words);
    jsonw_str(w, "language", e->language);
    jsonw_num(w, "lost_s", e->lost_s, 3);
    jsonw_int(w, "xruns", (int64_t)e->xruns);
    jsonw_int(w, "exit", e->exit_code);
    send(o);
}

const struct out_ops out_json = {"json",   json_start, json_update, json_segment, json_note,
                                 json_end, json_gap,   NULL,        json_held};
