/* See theme.h.  Main thread, ncurses screen open. */
#define NCURSES_WIDECHAR 1
#include "ui/theme.h"

#include <curses.h>
#include <string.h>

/* Provisional text is underlined, the convention of input methods, and dim where the terminal can;
 * never italic, which screen-* and linux terminals do not have. */
static const struct row {
    unsigned attr;
    short color; /* -1: the terminal's own */
} rows[UI_R_COUNT] = {
    [UI_R_TEXT] = {A_NORMAL, -1},
    [UI_R_TENT] = {A_UNDERLINE | A_DIM, -1},
    [UI_R_DOUBT] = {A_BOLD, COLOR_YELLOW},
    [UI_R_DIM] = {A_DIM, -1},
    [UI_R_STAMP] = {A_DIM, -1},
    [UI_R_TITLE] = {A_BOLD, -1},
    [UI_R_OK] = {A_BOLD, COLOR_GREEN},
    [UI_R_WARN] = {A_BOLD, COLOR_YELLOW},
    [UI_R_BAD] = {A_BOLD, COLOR_RED},
    [UI_R_COMPUTE] = {A_NORMAL, COLOR_CYAN},
    [UI_R_TRANSFER] = {A_NORMAL, COLOR_MAGENTA},
    [UI_R_WAIT] = {A_NORMAL, COLOR_YELLOW},
    [UI_R_HOST] = {A_NORMAL, COLOR_GREEN},
    [UI_R_LANE] = {A_NORMAL, COLOR_CYAN},
    [UI_R_KEY] = {A_BOLD, -1},
    [UI_R_HIT] = {A_REVERSE, -1},
    [UI_R_HIT_AT] = {A_REVERSE | A_BOLD | A_UNDERLINE, -1},
};

bool ui_theme_known(const char *name)
{
    return !strcmp(name, "default") || !strcmp(name, "mono");
}

int ui_theme_set(struct ui_theme *t, const char *name)
{
    if (!ui_theme_known(name)) {
        return -1;
    }
    bool color = !strcmp(name, "default") && has_colors();
    if (color) {
        start_color();
        use_default_colors(); /* the terminal's background, whatever it is */
        for (short c = 1; c < 8; c++) {
            init_pair(c, c, -1);
        }
    }
    for (int i = 0; i < UI_R_COUNT; i++) {
        t->attr[i] = rows[i].attr;
        t->pair[i] = color && rows[i].color > 0 ? rows[i].color : 0;
    }
    return 0;
}
