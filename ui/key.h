/* Keys: one table from which decoding, the key bar and the help page are made, so none can lie. */
#ifndef UI_KEY_H
#define UI_KEY_H

#include "ui/ui.h"

/* A key is a character (Unicode), or an ncurses KEY_ code with this bit. */
enum { UI_KEY_FN = 1 << 24 };

enum ui_act {
    UI_ACT_NONE = 0,
    UI_ACT_HELP,
    UI_ACT_QUIT,
    UI_ACT_PROF,
    UI_ACT_BACK,
    UI_ACT_REDRAW,
    UI_ACT_SUSPEND,
    UI_ACT_STOP,
    UI_ACT_PAUSE,
    UI_ACT_FREEZE,
    UI_ACT_UP,
    UI_ACT_DOWN,
    UI_ACT_PGUP,
    UI_ACT_PGDN,
    UI_ACT_TOP,
    UI_ACT_END,
    UI_ACT_FIND,
    UI_ACT_NEXT,
    UI_ACT_PREV,
    UI_ACT_STAMPS,
    UI_ACT_COPY,
    UI_ACT_SAVE,
    UI_ACT_WINDOW,
    UI_ACT_SORT,
    UI_ACT_RESET,
    UI_ACT_MICS,
    UI_ACT_HELD,
    UI_ACT_TAKE,
    UI_ACT_RESCAN,
};

enum {
    UI_ON_DICT = 1 << UI_PAGE_DICT,
    UI_ON_PROF = 1 << UI_PAGE_PROF,
    UI_ON_HELP = 1 << UI_PAGE_HELP,
    UI_ON_MICS = 1 << UI_PAGE_MICS,
    UI_ON_HELD = 1 << UI_PAGE_HELD
};

struct ui_bind {
    int key[3]; /* 0: unused */
    unsigned pages;
    enum ui_act act;
    const char *bar_key, *bar; /* in the key bar; NULL: not there */
    int rank;                  /* in a narrow bar the highest go first */
    const char *label, *help;  /* on the help page; NULL: another row names it */
};

/* The rows in order; n gets their number. */
const struct ui_bind *ui_binds(unsigned *n);

enum ui_act ui_key_act(int key, enum ui_page page);

#endif
