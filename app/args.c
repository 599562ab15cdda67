/* See args.h.  Main thread only; allocates nothing. */
#include "app/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "app/args_table.h"
#include "app/mic.h"

enum { LANG_NOT_GIVEN = -2 };

/* -- guesses ----------------------------------------------------------------------------------- */

/* Edits (insert, delete, change) that make a into b, for names of up to 31 bytes; 99 beyond. */
static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    int row[32];
    if (n > 31 || m > 31) {
        return 99;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int diag = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int change = diag + (a[i - 1] != b[j - 1]);
            int drop = row[j] + 1, add = row[j - 1] + 1;
            diag = row[j];
            row[j] = change < drop ? change : drop;
            row[j] = add < row[j] ? add : row[j];
        }
    }
    return row[m];
}

/* The option that a misspelt one probably meant, among those of the command, or NULL. */
static const char *guess_option(enum args_cmd cmd, const char *word)
{
    const char *best = NULL;
    int least = 4;
    for (int i = 0; i < args_n_row; i++) {
        int d = distance(word, args_row[i].name);
        if ((args_row[i].cmds & CMD(cmd)) && d < least && d < (int)strlen(word)) {
            least = d;
            best = args_row[i].name;
        }
    }
    return best;
}

static const char *guess_command(const char *word)
{
    for (int i = 1; i < ARGS_CMD_COUNT; i++) {
        if (distance(word, args_cmd[i].name) <= (strlen(word) > 4 ? 2 : 1)) {
            return args_cmd[i].name;
        }
    }
    return NULL;
}

/* -- values ------------------------------------------------------------------------------------ */

static int number(const struct args_row *r, const char *text, int *v, struct err *e)
{
    char *end;
    errno = 0;
    long x = strtol(text, &end, 10);
    if (end == text || *end || errno || x < r->min || x > r->max) {
        return err_set(e, ERR_USAGE, "--%s needs a whole number from %d to %d, not \"%.60s\"",
                       r->name, r->min, r->max, text);
    }
    *v = (int)x;
    return 0;
}

static int column_list(struct args *a, const struct args_row *r, const char *text, struct err *e)
{
    const char *p = text;
    a->n_columns = 0;
    for (;;) {
        char *end;
        long x = strtol(p, &end, 10);
        if (end == p || (*end && *end != ',') || x < r->min || x > r->max ||
            a->n_columns == ARGS_COLUMN_LIST) {
            return err_set(e, ERR_USAGE,
                           a->cmd == ARGS_BENCH
                               ? "--columns needs numbers from %d to %d with commas, not \"%.60s\""
                               : "--columns needs a number from %d to %d, not \"%.60s\"",
                           r->min, r->max, text);
        }
        a->column_list[a->n_columns++] = (int)x;
        if (!*end) {
            break;
        }
        p = end + 1;
    }
    if (a->n_columns > 1 && a->cmd != ARGS_BENCH) {
        return err_set(e, ERR_USAGE,
                       "--columns takes one number here; only bench compares several");
    }
    a->columns = a->column_list[0];
    return 0;
}

/* Index of text in a list of words "a|b|c", or -1. */
static int choice(const char *words, const char *text)
{
    size_t n = strlen(text);
    for (int i = 0; words; i++) {
        const char *bar = strchr(words, '|');
        size_t len = bar ? (size_t)(bar - words) : strlen(words);
        if (len == n && !memcmp(words, text, n)) {
            return i;
        }
        words = bar ? bar + 1 : NULL;
    }
    return -1;
}

static int set_language(struct args *a, const char *text, struct err *e)
{
    a->language = strcmp(text, "auto") ? asr_lang_index(text) : -1;
    if (a->language < 0 && strcmp(text, "auto")) {
        return err_set(e, ERR_USAGE,
                       "--language: \"%.40s\" is no language Whisper knows; use a code such as en, "
                       "de, fr, or auto",
                       text);
    }
    return 0;
}

static int set_format(struct args *a, enum args_format f, struct err *e)
{
    if (a->format != ARGS_FMT_NONE && a->format != f) {
        return err_set(e, ERR_USAGE, "--%s and --%s exclude each other",
                       args_format_name(a->format), args_format_name(f));
    }
    a->format = f;
    return 0;
}

static int set_pace(struct args *a, enum args_pace p, struct err *e)
{
    if (a->pace != ARGS_PACE_AUTO && a->pace != p) {
        return err_set(e, ERR_USAGE, "--fast and --paced exclude each other");
    }
    a->pace = p;
    return 0;
}

static int apply(struct args *a, const struct args_row *r, const char *text, struct err *e)
{
    char *at = (char *)a + r->where;
    int i;
    switch (r->kind) {
    case OPT_FLAG:
        *(bool *)(void *)at = true;
        return 0;
    case OPT_COUNT:
        ++*(int *)(void *)at;
        return 0;
    case OPT_SET:
        *(int *)(void *)at = r->min;
        return 0;
    case OPT_STR:
        if (!*text) {
            return err_set(e, ERR_USAGE, "--%s needs a value that is not empty", r->name);
        }
        *(const char **)(void *)at = text;
        return 0;
    case OPT_INT:
        return number(r, text, (int *)(void *)at, e);
    case OPT_COLUMNS:
        return column_list(a, r, text, e);
    case OPT_LANGUAGE:
        return set_language(a, text, e);
    case OPT_FORMAT:
        return set_format(a, (enum args_format)r->min, e);
    case OPT_PACE:
        return set_pace(a, (enum args_pace)r->min, e);
    case OPT_WORD:
    case OPT_PRECISION:
        i = choice(r->words, text);
        if (i < 0) {
            return err_set(e, ERR_USAGE, "--%s must be one of %s, not \"%.60s\"", r->name, r->words,
                           text);
        }
        if (r->kind == OPT_WORD) {
            *(const char **)(void *)at = text;
        } else {
            a->precision = i ? ASR_PREC_F32 : ASR_PREC_INT8;
        }
        return 0;
    }
    return 0;
}

/* -- getopt ------------------------------------------------------------------------------------ */

/* Long and short forms for getopt_long, of the rows that the command takes. */
static void getopt_tables(enum args_cmd cmd, struct option *lo, char *sh)
{
    *sh++ = ':'; /* tell a missing value from an unknown option */
    for (int i = 0; i < args_n_row; i++) {
        const struct args_row *r = &args_row[i];
        if (!(r->cmds & CMD(cmd))) {
            continue;
        }
        *lo++ =
            (struct option){r->name, r->value ? required_argument : no_argument, NULL, 1000 + i};
        if (r->letter) {
            *sh++ = r->letter;
            if (r->value) {
                *sh++ = ':';
            }
        }
    }
    *lo = (struct option){NULL, 0, NULL, 0};
    *sh = 0;
}

static const struct args_row *row_of(int c)
{
    if (c >= 1000 && c < 1000 + args_n_row) {
        return &args_row[c - 1000];
    }
    for (int i = 0; i < args_n_row; i++) {
        if (args_row[i].letter && args_row[i].letter == c) {
            return &args_row[i];
        }
    }
    return NULL;
}

/* The sentence for what getopt refused: c is '?' or ':', word the argument it stood in. */
static int refuse(const struct args *a, int c, const char *word, struct err *e)
{
    const char *cmd = args_cmd[a->cmd].name;
    char name[40];
    if (c == ':') {
        return err_set(e, ERR_USAGE, "%.60s needs a value; dictate %s%s--help explains", word, cmd,
                       *cmd ? " " : "");
    }
    if (word[0] != '-' || word[1] != '-') {
        return err_set(e, ERR_USAGE,
                       "-%c is no option of dictate%s%s; dictate %s%s--help lists them", optopt,
                       *cmd ? " " : "", cmd, cmd, *cmd ? " " : "");
    }
    size_t n = strcspn(word + 2, "=");
    snprintf(name, sizeof name, "%.*s", (int)(n < 39 ? n : 39), word + 2);
    const struct args_row *r = row_of(optopt);
    if (r && !r->value && word[2 + n] == '=') {
        return err_set(e, ERR_USAGE, "--%s takes no value", r->name);
    }
    int like = 0; /* an abbreviation that fits several */
    for (int i = 0; i < args_n_row; i++) {
        like += (args_row[i].cmds & CMD(a->cmd)) && n && !strncmp(args_row[i].name, name, n);
    }
    if (like > 1) {
        return err_set(e, ERR_USAGE, "--%s fits several options; write the whole name", name);
    }
    const char *guess = guess_option(a->cmd, name);
    if (guess) {
        return err_set(e, ERR_USAGE, "--%s is no option of dictate%s%s; did you mean --%s?", name,
                       *cmd ? " " : "", cmd, guess);
    }
    return err_set(e, ERR_USAGE, "--%s is no option of dictate%s%s; dictate %s%s--help lists them",
                   name, *cmd ? " " : "", cmd, cmd, *cmd ? " " : "");
}

/* -- checks of the whole ----------------------------------------------------------------------- */

static int check_positions(const struct args *a, struct err *e)
{
    const struct args_cmd_info *c = &args_cmd[a->cmd];
    if (a->help || a->version) {
        return 0;
    }
    if (a->n_pos > c->max_pos) {
        return err_set(e, ERR_USAGE,
                       a->cmd == ARGS_RUN && a->n_pos > 1
                           ? "\"%.80s\" is one file too many: dictate takes one at a time"
                           : "\"%.80s\" is one argument too many",
                       a->pos[c->max_pos]);
    }
    if (a->n_pos < c->min_pos) {
        return err_set(e, ERR_USAGE, "dictate %s needs %s", c->name, c->needs);
    }
    if (a->cmd == ARGS_RUN && a->n_pos == 1 && !strchr(a->pos[0], '/') && access(a->pos[0], F_OK)) {
        const char *guess = guess_command(a->pos[0]);
        if (guess && strcmp(guess, a->pos[0])) {
            return err_set(e, ERR_USAGE, "there is no file \"%.40s\"; did you mean dictate %s?",
                           a->pos[0], guess);
        }
        if (guess) {
            return err_set(e, ERR_USAGE, "the command comes first: dictate %s OPTIONS", guess);
        }
    }
    return 0;
}

static int check_run(const struct args *a, struct err *e)
{
    if (a->wall && !a->stream) {
        return err_set(e, ERR_USAGE, "--wall belongs to --stream: only live text has a clock");
    }
    if (a->cmd != ARGS_RUN) {
        return 0;
    }
    if ((a->cases || a->models_dir) && !a->dump) {
        return err_set(e, ERR_USAGE, "--cases and --models belong to --dump DIR");
    }
    if (a->dump && !a->cases && a->n_pos != 1) {
        return err_set(e, ERR_USAGE, "--dump needs a sound file, or --cases TSV with --models DIR");
    }
    if (a->cases && !a->models_dir) {
        return err_set(e, ERR_USAGE, "--cases needs --models DIR, the folder of the model files");
    }
    if (a->mic && a->n_pos && !mic_takes_file(a->mic)) {
        return err_set(e, ERR_USAGE, "--mic and a sound file exclude each other");
    }
    if (a->pace == ARGS_PACE_FAST && !a->n_pos && !a->dump) {
        return err_set(e, ERR_USAGE, "--fast needs a sound file: a microphone has its own pace");
    }
    if ((a->rate || a->channels) && !(a->n_pos && !strcmp(a->pos[0], "-"))) {
        return err_set(e, ERR_USAGE,
                       "--rate and --channels describe raw sound on standard input: "
                       "dictate - --rate 48000");
    }
    if (a->out && a->dump) {
        return err_set(e, ERR_USAGE, "--dump writes into its folder; leave -o out");
    }
    return 0;
}

int args_parse_cmd(struct args *a, enum args_cmd cmd, int argc, char **argv, struct err *e)
{
    struct option lo[ARGS_MAX_ROWS + 1];
    char sh[2 * ARGS_MAX_ROWS + 2];
    int c, rc;
    *a = (struct args){.cmd = cmd, .language = LANG_NOT_GIVEN, .timestamps = -1, .wait = -1};
    getopt_tables(cmd, lo, sh);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    while ((c = getopt_long(argc, argv, sh, lo, NULL)) != -1) {
        if (c == '?' || c == ':') {
            return refuse(a, c, argv[optind > 0 ? optind - 1 : 0], e);
        }
        const struct args_row *r = row_of(c);
        rc = r ? apply(a, r, optarg, e) : 0;
        if (rc) {
            return rc;
        }
    }
    a->pos = argv + optind;
    a->n_pos = argc - optind;
    rc = check_positions(a, e);
    return rc ? rc : check_run(a, e);
}

int args_parse(struct args *a, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < ARGS_CMD_COUNT && argc > 1; i++) {
        if (!strcmp(argv[1], args_cmd[i].name)) {
            return args_parse_cmd(a, (enum args_cmd)i, argc - 1, argv + 1, e);
        }
    }
    return args_parse_cmd(a, ARGS_RUN, argc, argv, e);
}

/* -- what others ask --------------------------------------------------------------------------- */

static const char *const format_name[] = {"text", "plain", "txt", "json", "srt", "vtt"};

const char *args_format_name(enum args_format f)
{
    return format_name[f];
}

enum args_format args_format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/')) {
        return ARGS_FMT_NONE;
    }
    for (int f = ARGS_FMT_TXT; f <= ARGS_FMT_VTT; f++) {
        if (!strcasecmp(dot + 1, format_name[f])) {
            return (enum args_format)f;
        }
    }
    return !strcasecmp(dot, ".jsonl") || !strcasecmp(dot, ".ndjson") ? ARGS_FMT_JSON
           : !strcasecmp(dot, ".md") || !strcasecmp(dot, ".text")    ? ARGS_FMT_TXT
                                                                     : ARGS_FMT_NONE;
}

struct asr_params args_params(const struct args *a)
{
    struct asr_params p = asr_params_default();
    if (a->language != LANG_NOT_GIVEN) {
        p.language = a->language;
    }
    p.translate = a->translate;
    p.prompt = a->prompt;
    p.no_timestamps = a->timestamps == 0;
    p.audio_ctx = a->audio_ctx;
    return p;
}

int args_complain(const struct err *e)
{
    fprintf(stderr, "dictate: %s\n", e->text);
    return e->code > 0 ? e->code : ERR_FAIL;
}
