/* The command line: one table of options makes the parser, the checks and the help text.
 *
 * Parsing allocates nothing: every string in struct args points into argv, which the caller keeps.
 * Main thread only (getopt_long has state of its own). */
#ifndef APP_ARGS_H
#define APP_ARGS_H

#include <stdbool.h>
#include <stdio.h>

#include "app/base/err.h"
#include "npu/asr/engine.h"
#include "npu/asr/transcribe.h"

enum args_cmd {
    ARGS_RUN = 0, /* dictate [FILE | -] */
    ARGS_DOCTOR,
    ARGS_MODELS,
    ARGS_SCORE,
    ARGS_BENCH,
    ARGS_PLAN, /* reads its own options, see plan.h */
    ARGS_VERSION,
    ARGS_HELP,
    ARGS_CMD_COUNT
};

enum args_format {
    ARGS_FMT_NONE = 0, /* not asked for: the full screen, or plain where there is none */
    ARGS_FMT_PLAIN,
    ARGS_FMT_TXT,
    ARGS_FMT_JSON,
    ARGS_FMT_SRT,
    ARGS_FMT_VTT,
};

enum args_pace { ARGS_PACE_AUTO = 0, ARGS_PACE_FAST, ARGS_PACE_REAL };

enum { ARGS_COLUMN_LIST = 8 };

struct args {
    enum args_cmd cmd;
    char **pos; /* arguments that are no options, n_pos of them, in argv (which is permuted) */
    int n_pos;

    /* model and device: what app_setup_open() reads */
    const char *model; /* path or name, NULL: the bundled one */
    enum asr_precision precision;
    const char *device; /* NULL: "virtual:npu4" */
    int columns;        /* first of the list below; 0: as many as the device has */
    int column_list[ARGS_COLUMN_LIST], n_columns; /* bench takes a list */
    int threads;                                  /* 0: one per CPU */
    bool no_packs;      /* neither read nor keep packed weights */
    int seconds;        /* bench: given to each figure, 0: 2 */

    /* recognition: what args_params() reads */
    int language; /* index (asr_lang_index), -1: find out, -2: not given */
    bool translate;
    const char *prompt;
    int timestamps; /* 1 on, 0 off, -1: not given */
    int audio_ctx;  /* 0: as the sound needs */

    /* sound in */
    const char *mic;
    const char *talk;   /* "open" (NULL), "toggle", "hold" */
    int wait;           /* seconds for a microphone that went away, -1: not given */
    int rate, channels; /* of raw standard input, 0: 16000 and 1 */
    enum args_pace pace;

    /* out */
    enum args_format format;
    const char *out; /* -o, NULL: standard output */
    const char *dump, *cases, *models_dir;
    bool stream, wall; /* score: as live text; with measured costs instead of nominal ones */
    const char *strategy, *dispatch; /* bench: lists of words, see strategy.h */
    const char *glyphs;
    bool color, no_color;
    bool quiet;
    int verbose; /* -v given so many times */
    const char *log;
    bool help, version;
};

/* Parses argv (argv[0] is the program, or the command's name when cmd is given by the caller).
 * args_parse finds the command itself; args_parse_cmd is for the entry points of commands, e.g.
 * score_main(argc, argv) with argv[0] "score".  -ERR_USAGE with one sentence. */
int args_parse(struct args *a, int argc, char **argv, struct err *e);
int args_parse_cmd(struct args *a, enum args_cmd cmd, int argc, char **argv, struct err *e);

/* Help text of a command, from the same table, at most 80 columns. */
void args_usage(FILE *f, enum args_cmd cmd);

/* Recognition parameters from options (defaults of asr_params_default for what was not given). */
struct asr_params args_params(const struct args *a);

/* "dictate: SENTENCE" on standard error; returns the exit code. */
int args_complain(const struct err *e);

/* Format by the extension of a file name, ARGS_FMT_NONE when it says nothing. */
enum args_format args_format_of(const char *path);

/* "txt"; never NULL. */
const char *args_format_name(enum args_format f);

#define DICTATE_VERSION "0.1.0"

#endif
