/* Everything that the screen shows, in one struct.
 *
 * The app fills a struct ui_view and hands it to ui_draw(); the screen reads nothing else, knows no
 * microphone and no device, and keeps nothing of it but a copy when the user freezes the profile.
 * A zeroed view is a valid one: every reading is then "not known" and is drawn as -, never as 0.
 * Strings are UTF-8 and need not be clean: control bytes and broken sequences are drawn as U+FFFD.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* -- readings -------------------------------------------------------------------------------- */

enum ui_vs {
    UI_NONE = 0, /* nobody has measured this: drawn - */
    UI_STALE,    /* was measured, but not lately: drawn dim */
    UI_LIVE,
};

struct ui_val {
    double v;
    uint8_t state; /* enum ui_vs */
};

static inline struct ui_val ui_live(double v)
{
    struct ui_val x = {v, UI_LIVE};
    return x;
}

static inline struct ui_val ui_stale(double v)
{
    struct ui_val x = {v, UI_STALE};
    return x;
}

/* A history: sample k of all that ever were lies in v[k % UI_HIST], NAN where there was no reading.
 * The screen draws as many of the newest as fit; what one sample covers is said beside it. */
enum { UI_HIST = 128 };

struct ui_hist {
    uint64_t n; /* samples ever added */
    float v[UI_HIST];
};

static inline void ui_hist_add(struct ui_hist *h, double v)
{
    h->v[h->n++ % UI_HIST] = (float)v;
}

/* -- state ----------------------------------------------------------------------------------- */

/* ui/state.c holds mark, word, level and a fallback sentence for each. */
enum ui_state {
    UI_ST_LOADING = 0, /* opening model and device */
    UI_ST_LISTENING,   /* microphone or pipe */
    UI_ST_PLAYING,     /* a file is replayed */
    UI_ST_PAUSED,
    UI_ST_READY,   /* push-to-talk: nothing counts until the key is pressed */
    UI_ST_STOPPED, /* after the first ^C: input closed, text stays readable */
    UI_ST_DONE,    /* the file has been read to its end */
    UI_ST_NO_MIC,
    UI_ST_MIC_BUSY,
    UI_ST_MIC_GONE,
    UI_ST_SILENT,
    UI_ST_TOO_LOUD,
    UI_ST_XRUN,
    UI_ST_NO_NPU, /* an NPU was asked for and cannot be opened */
    UI_ST_NPU_RESET,
    UI_ST_NO_MODEL,
    UI_ST_BAD_MODEL,
    UI_ST_BAD_SOUND,
    UI_ST_SLOW,
    UI_ST_BEHIND,
    UI_ST_AUDIO_LOST,
    UI_ST_NOT_SAVED,
    UI_ST_NO_MEMORY,
    UI_ST_ERROR, /* anything else; the sentence must come from the app */
    UI_ST_COUNT
};

/* -- text ------------------------------------------------------------------------------------ */

enum ui_para_kind {
    UI_PARA_TEXT = 0,
    UI_PARA_NOTE, /* "[2.1 s lost here]", "[paused]": drawn dim, never copied as speech */
};

struct ui_para {
    uint32_t id;  /* grows by at least 1 from paragraph to paragraph, never reused */
    uint8_t kind; /* enum ui_para_kind */
    int64_t t_us; /* start, session clock */
    const char *text;
    uint32_t len_b; /* settled words only; settled text only ever grows at its end */
};

struct ui_doubt {
    uint32_t para, off, len; /* index of the paragraph, bytes of its settled text */
};

/* Immutable while it can be drawn: from the ui_draw() that got it to the next ui_draw() or
 * ui_close().  The screen also reads it during ui_wait() (search, copy).  Ownership stays with the
 * app, which builds a new one (or appends and passes the same address again) on its main thread. */
struct ui_text {
    const struct ui_para *para;
    uint32_t npara;
    const char *tail; /* words that may still change; drawn straight after the last paragraph's
                         text, so it begins with the space that belongs between them */
    uint32_t tail_b;
    bool tail_new_para; /* the tail begins a paragraph of its own, at tail_us */
    int64_t tail_us;
    const struct ui_doubt *doubt; /* words that may well be others; by paragraph, then by place */
    uint32_t ndoubt;
};

/* -- sound ----------------------------------------------------------------------------------- */

enum ui_src { UI_SRC_MIC = 0, UI_SRC_FILE, UI_SRC_PIPE };

struct ui_audio {
    uint8_t src;                             /* enum ui_src */
    char name[80];                           /* "default", "talk.flac" */
    unsigned rate_in;                        /* Hz as delivered, 0: not known */
    unsigned rate_out;                       /* Hz after resampling */
    unsigned channels;                       /* as delivered, 0: not known */
    struct ui_val rms_db, peak_db, floor_db; /* dB full scale */
    struct ui_val clip;                      /* share of samples that clip, 0..1, last seconds */
    struct ui_val speech;                    /* voice activity now: 0 or 1 */
    struct ui_val speech_share;              /* of the last minute, 0..1 */
    struct ui_val wait_s;                    /* sound that is captured and not yet recognised */
    struct ui_val xruns;                     /* count since start */
    struct ui_val lost_s;                    /* seconds dropped since start */
    struct ui_hist level;                    /* dB full scale, a few samples a second */
};

/* -- speed ----------------------------------------------------------------------------------- */

/* What a second goes to; also the letters in the RTF bar. */
enum ui_part { UI_PART_COMPUTE = 0, UI_PART_TRANSFER, UI_PART_WAIT, UI_PART_HOST, UI_PART_COUNT };

struct ui_stage {
    char name[20];
    struct ui_val calls;                    /* since start or reset */
    struct ui_val last, p50, p95, p99, max; /* milliseconds per call */
    struct ui_val share; /* seconds spent in it per second of audio: the stages add up to the RTF */
    struct ui_hist trend; /* p95, ms */
};

enum { UI_STAGES = 16 };

struct ui_perf {
    struct ui_val window_s;              /* over which the figures are taken; not known: since start */
    struct ui_val rtf, rtf_p50, rtf_p95; /* processing seconds per second of audio */
    struct ui_val part[UI_PART_COUNT];   /* same unit as rtf; they should add up to it */
    struct ui_hist rtf_hist;
    unsigned nstage;
    struct ui_stage stage[UI_STAGES]; /* order of the pipeline */
};

struct ui_lag {
    struct ui_val now_s, p50_s, p95_s; /* speech to screen */
    struct ui_val trail_s;             /* how far settled text trails the sound */
    struct ui_hist hist;               /* seconds */
};

/* -- device ---------------------------------------------------------------------------------- */

enum { UI_ROWS = 4 };

struct ui_col {
    struct ui_val busy;                    /* 0..1 of wall time over the window */
    struct ui_val compute, transfer, wait; /* parts of it, 0..1 */
    struct ui_val row[UI_ROWS];            /* busy share of each core of the column */
    struct ui_hist hist;                   /* busy, 0..1, one sample each ui_npu.lane_step_s */
};

struct ui_op {
    char name[20];
    struct ui_val calls, total_s, mean_us, tops, gbs;
    struct ui_val model_us; /* what the cost model says of one call */
    char bound[8];          /* the resource that binds it there: "compute", "DDR" */
    struct ui_val peak; /* share of what this machine can do at best, 0..1 */
    char place[12];     /* where it runs: "columns", "array" (through a driver), "host" */
};

enum { UI_COLS = 16, UI_OPS = 24 };

struct ui_npu {
    char name[32];     /* "virt 4col", "npu1 4col" */
    char detail[48];   /* "1.00 GHz", "AVX-512 VNNI": shown where there is room */
    char device[64];   /* "virtual npu4 amdxdna 0.8": what it is, and what drives it */
    char model_of[16]; /* whose times the model gives: "npu4" */
    struct ui_val mhz, contexts, contexts_max; /* clock of the array; in use, possible */
    struct ui_val shim_in, shim_out;           /* bytes a second through the shims */
    struct ui_val repeated, resets, fell_back; /* lists; contexts; drivers given up */
    char timed_by[32]; /* who measured the columns: "timed by the host", "driver sensor", "model" */
    char why_none[64]; /* sentence for a column without a reading */
    double lane_step_s; /* seconds one sample of ui_col.hist covers, 0: not known */
    unsigned ncol;
    struct ui_col col[UI_COLS];
    unsigned nop;
    struct ui_op op[UI_OPS];
    struct ui_val lists_sent, lists_done, errors, timeouts, preempted, migrated;
    struct ui_val power_w;
};

struct ui_mem { /* bytes, but for threads and faults */
    struct ui_val weights, kv, buf_used, buf_all, heap, rss, threads, faults_s;
    bool weights_mapped;
};

/* -- output ---------------------------------------------------------------------------------- */

struct ui_out {
    char file[160]; /* where the text goes, "" : nowhere */
    struct ui_val words;
    struct ui_val saved_us; /* session clock of the last successful save */
    bool unsaved;           /* q then asks first */
};

/* -- lists ----------------------------------------------------------------------------------- */

/* A row that can be chosen: a microphone, a text that was held back. */
struct ui_item {
    char text[160];
    char aside[40]; /* at the right: "00:12  no voice" */
    bool on;        /* in use; brought back */
};

enum { UI_ITEMS = 64 };

struct ui_list {
    unsigned n; /* at most UI_ITEMS */
    struct ui_item item[UI_ITEMS];
};

/* What Space does. */
enum ui_talk {
    UI_TALK_OPEN = 0, /* always listening: pauses */
    UI_TALK_TOGGLE,   /* begins and ends */
    UI_TALK_HOLD,     /* is held */
};

/* -- all ------------------------------------------------------------------------------------- */

struct ui_view {
    enum ui_state state;
    char more[16];          /* follows the state's word: "2" in XRUN 2, "6 s" in BEHIND 6 s */
    char say[256];          /* the state's sentence with its remedy; "": the state's own */
    struct ui_val clock_us; /* session clock (microphone), or position in the file */
    struct ui_val total_us; /* length of the file; not known for a microphone */
    char model[40], model_detail[48]; /* "small-int8", "12 + 12 layers" */
    char lang[12];                    /* "en", "auto" */
    char version[24];                 /* of the program, for the help page */
    struct ui_audio audio;
    struct ui_perf perf;
    struct ui_lag lag;
    struct ui_npu npu;
    struct ui_mem mem;
    struct ui_out out;
    uint8_t talk;               /* enum ui_talk */
    struct ui_list mics;        /* filled when UI_EV_LIST asked for it */
    struct ui_list held;        /* texts that guards held back, newest first */
    unsigned held_all;          /* how many there are, shown or not, less those brought back */
    const struct ui_text *text; /* NULL: no text yet */
};

#endif
