/* Roles, not colours.  A widget says what a cell means; the theme says how that looks. */
#ifndef UI_THEME_H
#define UI_THEME_H

#include <stdbool.h>

enum ui_role {
    UI_R_TEXT = 0,
    UI_R_TENT,  /* words that may still change */
    UI_R_DOUBT, /* settled words that may well be others */
    UI_R_DIM,   /* lines, units, stale readings, notes */
    UI_R_STAMP, /* time stamps */
    UI_R_TITLE, /* names of blocks, heads of tables */
    UI_R_OK,
    UI_R_WARN,
    UI_R_BAD,
    UI_R_COMPUTE,
    UI_R_TRANSFER,
    UI_R_WAIT,
    UI_R_HOST,
    UI_R_LANE,
    UI_R_KEY,    /* a key that can be pressed */
    UI_R_HIT,    /* found by search */
    UI_R_HIT_AT, /* the hit that n and N walk from */
    UI_R_COUNT
};

/* One theme: attributes for each role, for the current ncurses screen. */
struct ui_theme {
    unsigned attr[UI_R_COUNT]; /* ncurses A_ bits without colour */
    short pair[UI_R_COUNT];    /* 0: the terminal's own colours */
};

/* name: "default" or "mono".  Needs an open ncurses screen, makes its pairs there.  -1: no such. */
int ui_theme_set(struct ui_theme *t, const char *name);

bool ui_theme_known(const char *name);

#endif
