/* Text out: one vtable, five formats (plain, txt, json, srt, vtt), each a const table in its file.
 *
 * A format turns what happens into bytes and hands whole lines to a writer; it never waits for a
 * disk.  Texts may be any bytes: what is not UTF-8 becomes U+FFFD, control characters a space.
 * All calls from the main thread. */
#ifndef APP_OUT_H
#define APP_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/args.h"
#include "app/base/jsonw.h"

struct out_word {
    const char *text;          /* zero-terminated, without a space in front */
    double t0, t1, p;          /* seconds; NAN: not known */
    bool glue;                 /* follows its predecessor without a space */
    bool doubt;                /* may well be another word */
    bool lost;                 /* no word but the mark of a gap */
    bool live;                 /* the next two are told; NAN: not yet */
    double shown_s, settled_s; /* session clock: since when it stands in the text, and is settled */
};

/* Sound that is missing. */
struct out_gap {
    double t0, t1, at_s, lost_s;
    const char *why; /* "xrun", "unplugged", ... */
    char text[64];   /* "[2.1 s lost: unplugged]" */
};

/* Text that a guard held back. */
struct out_held {
    uint32_t utt;
    double t0, t1, at_s, p;
    const char *why, *text;
};

struct out_segment {
    double t0, t1;    /* seconds from the start of the sound */
    const char *text; /* any bytes, zero-terminated */
    const struct out_word *word;
    int n_word;
    double avg_logp, nospeech; /* NAN: not known */
    double at_s;               /* session clock when it was settled; NAN: no clock (offline) */
    bool restored;             /* a guard had held it back; somebody brought it back */
};

/* Who speaks: printed at the start by json, as a note by plain. */
struct out_start {
    const char *source; /* "talk.flac: FLAC, 44.1 kHz, 2 channels" */
    const char *file;   /* path, "-" or NULL for a microphone */
    const char *model, *kind, *device, *isa, *precision, *language; /* language NULL: not known */
    int columns, threads;
    double audio_s; /* NAN: not known */
    double load_s;
};

struct out_end {
    double audio_s, wall_s, cpu_s, load_s;
    double work_s; /* wall time spent working: wall_s but for sound heard in its own time */
    double mel_s;  /* NAN: not known */
    int words, segments;
    double lost_s; /* sound that was dropped; NAN: not known */
    uint64_t xruns;
    int exit_code;
    const char *language;
};

/* Words that may still change, and those that just settled: live sessions, json only. */
struct out_update {
    uint32_t utt;
    double t0, t1, at_s;
    const struct out_word *word;
    int n_word, n_settled;
    int pass;
    double pass_ms;
    double heard_s, backlog_s; /* stream seconds looked at; seconds of sound that waited */
    double age_s;              /* of the sound of the newest word; NAN: no words */
    double front_ms, encode_ms, prefill_ms, step_ms; /* since the update before */
};

enum out_level { OUT_NOTE, OUT_WARNING };

struct out;

struct out_ops {
    const char *name;
    void (*start)(struct out *o, const struct out_start *s);
    void (*update)(struct out *o, const struct out_update *u);
    void (*segment)(struct out *o, const struct out_segment *s);
    /* state: id of the table in ui/state.c ("xrun"), or NULL.  NULL: goes to say() as a line. */
    void (*note)(struct out *o, enum out_level level, const char *state, const char *text);
    void (*end)(struct out *o, const struct out_end *e);
    void (*gap)(struct out *o, const struct out_gap *g);   /* each, as soon as it is known */
    void (*mark)(struct out *o, const struct out_gap *g);  /* its place in the text */
    void (*held)(struct out *o, const struct out_held *h); /* NULL: nothing to say */
};

extern const struct out_ops out_plain, out_txt, out_json, out_srt, out_vtt;

/* Where lines go.  Called from the main thread; takes a copy. */
typedef void (*out_put_fn)(void *user, const char *text, size_t len);

struct out {
    const struct out_ops *ops;
    out_put_fn put; /* the result */
    out_put_fn say; /* notes of formats that have no place for them: standard error */
    void *user;     /* for both */
    bool stamps;    /* plain and txt: "[01:23] " before each line */
    bool quiet;     /* no notes (warnings stay) */
    int cues;       /* srt: number of the last cue */
    double last;    /* srt, vtt: end of the last cue, so that cues never run backwards */
    struct jsonw w; /* scratch, reused for every line */
};

void out_init(struct out *o, enum args_format f, out_put_fn put, out_put_fn say, void *user);
void out_free(struct out *o);

void out_start(struct out *o, const struct out_start *s);
void out_update(struct out *o, const struct out_update *u);
/* Segments whose text is empty or only spaces are left out. */
void out_segment(struct out *o, const struct out_segment *s);
void out_note(struct out *o, enum out_level level, const char *state, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A gap is told as soon as it is known; its mark comes where it belongs in the text, unless it
 * stands among the words of a segment. */
void out_gap(struct out *o, const struct out_gap *g);
void out_mark(struct out *o, const struct out_gap *g);
void out_held(struct out *o, const struct out_held *h);
void out_end(struct out *o, const struct out_end *e);

/* For the tables: the mark as a segment of its own. */
void out_mark_line(struct out *o, const struct out_gap *g);

/* Text of a segment made fit for a line: UTF-8, no controls, spaces trimmed and single.  malloc'd;
 * NULL: no memory. */
char *out_line(const char *text);

#endif
