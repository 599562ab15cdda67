/* Rows of the option table, for args.c (parser), args_help.c (help text) and tests. */
#ifndef APP_ARGS_TABLE_H
#define APP_ARGS_TABLE_H

#include <stddef.h>

#include "app/args.h"

#define CMD(c) (1u << (c))

enum { ARGS_MAX_ROWS = 64 };

enum args_kind {
    OPT_FLAG,  /* bool */
    OPT_COUNT, /* int, one more each time */
    OPT_SET,   /* int = min */
    OPT_STR,   /* const char *, not empty */
    OPT_INT,   /* int in min..max */
    OPT_WORD,  /* const char *, one of words */
    OPT_COLUMNS,
    OPT_LANGUAGE,
    OPT_FORMAT, /* enum args_format = min */
    OPT_PACE,   /* enum args_pace = min */
    OPT_PRECISION,
};

struct args_row {
    const char *name;
    char letter;       /* 0: none */
    const char *value; /* "N": what the help calls its value; NULL: takes none */
    enum args_kind kind;
    size_t where;  /* offset in struct args */
    unsigned cmds; /* CMD() bits of the commands that take it */
    int min, max;
    const char *words; /* "a|b" */
    const char *group; /* heading in the help; NULL: goes on */
    const char *help;  /* may hold '\n': continued on the next line */
};

struct args_cmd_info {
    const char *name; /* "" for the main command */
    const char *use;  /* after "dictate " in the help */
    const char *what; /* one line */
    int min_pos, max_pos;
    const char *needs; /* what is missing when there are fewer than min_pos */
};

extern const struct args_row args_row[];
extern const int args_n_row;
extern const struct args_cmd_info args_cmd[ARGS_CMD_COUNT];

#endif
