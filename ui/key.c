/* See key.h.  A constant table; the only place where a key is named. */
#define NCURSES_WIDECHAR 1
#include "ui/key.h"

#include <curses.h>
#include <stddef.h>

#define FN(k) (UI_KEY_FN | (k))
#define CTRL(c) ((c)&31)

enum {
    D = UI_ON_DICT,
    P = UI_ON_PROF,
    H = UI_ON_HELP,
    M = UI_ON_MICS,
    B = UI_ON_HELD,
    ALL = D | P | H | M | B
};

/* clang-format off: a row is a line */
static const struct ui_bind rows[] = {
    {{' '}, D, UI_ACT_PAUSE, "Space", "pause", 3, "Space", "pause, go on"},
    {{' '}, P, UI_ACT_FREEZE, "Space", "freeze", 3, "Space", "freeze the figures, thaw"},
    {{'w'}, P, UI_ACT_WINDOW, "w", "window", 5, "w", "window: 10 s, 60 s, all, 1 s"},
    {{'o'}, P, UI_ACT_SORT, "o", "sort", 6, "o", "sort by share, p95, calls"},
    {{'r'}, P, UI_ACT_RESET, "r", "reset", 8, "r", "start the figures again"},
    {{'/'}, D, UI_ACT_FIND, "/", "find", 5, "/", "find (Enter keeps, Esc back)"},
    {{'n'}, D, UI_ACT_NEXT, NULL, NULL, 0, "n  N", "next, previous hit"},
    {{'N'}, D, UI_ACT_PREV, NULL, NULL, 0, NULL, NULL},
    {{'y'}, D, UI_ACT_COPY, "y", "copy", 6, "y", "copy the last paragraph"},
    {{'t'}, D, UI_ACT_STAMPS, "t", "times", 9, "t", "time stamps on, off"},
    {{'s'}, D, UI_ACT_SAVE, "s", "save", 8, "s", "save now"},
    {{'s'}, P, UI_ACT_SAVE, "s", "save json", 7, "s", "save the figures as JSON"},
    {{'d', FN(KEY_F(3))}, D, UI_ACT_MICS, "d", "mic", 10, "d  F3", "choose a microphone"},
    {{'b'}, D, UI_ACT_HELD, "b", "bin", 11, "b", "text held back: bring it back"},
    {{'d', FN(KEY_F(3))}, P, UI_ACT_MICS, NULL, NULL, 0, NULL, NULL},
    {{'b'}, P, UI_ACT_HELD, NULL, NULL, 0, NULL, NULL},
    {{'\n', '\r', FN(KEY_ENTER)}, M, UI_ACT_TAKE, "Enter", "take", 2, NULL, NULL},
    {{'r'}, M, UI_ACT_RESCAN, "r", "look again", 4, NULL, NULL},
    {{'\n', '\r', FN(KEY_ENTER)}, B, UI_ACT_TAKE, "Enter", "bring back", 2, NULL, NULL},
    {{'d', FN(KEY_F(3))}, M, UI_ACT_BACK, "Esc", "back", 3, NULL, NULL},
    {{'b'}, B, UI_ACT_BACK, "Esc", "back", 3, NULL, NULL},
    {{'p', FN(KEY_F(2))}, D, UI_ACT_PROF, "p", "profile", 4, "p  F2", "profile and back"},
    {{'p', FN(KEY_F(2))}, P | H, UI_ACT_PROF, "p", "back", 4, NULL, NULL},
    {{'?', FN(KEY_F(1))}, ALL, UI_ACT_HELP, "?", "help", 1, "?  F1", "this page and back"},
    {{'q', FN(KEY_F(10))},
     ALL,
     UI_ACT_QUIT,
     "q",
     "quit",
     2,
     "q  F10",
     "quit (asks if text is unsaved)"},
    {{27}, ALL, UI_ACT_BACK, NULL, NULL, 0, "Esc", "one step back, never quits"},
    {{FN(KEY_UP), 'k'}, ALL, UI_ACT_UP, NULL, NULL, 0, "Up Down", "one line, also k j"},
    {{FN(KEY_DOWN), 'j'}, ALL, UI_ACT_DOWN, NULL, NULL, 0, NULL, NULL},
    {{FN(KEY_PPAGE), CTRL('B')},
     ALL,
     UI_ACT_PGUP,
     NULL,
     NULL,
     0,
     "PgUp PgDn",
     "one page, also ^B ^F"},
    {{FN(KEY_NPAGE), CTRL('F')}, ALL, UI_ACT_PGDN, NULL, NULL, 0, NULL, NULL},
    {{FN(KEY_HOME), 'g'}, ALL, UI_ACT_TOP, NULL, NULL, 0, "Home g", "first line"},
    {{FN(KEY_END), 'G'}, ALL, UI_ACT_END, NULL, NULL, 0, "End G", "last line, follow"},
    {{CTRL('L')}, ALL, UI_ACT_REDRAW, NULL, NULL, 0, "^L", "draw the screen again"},
    {{CTRL('Z')}, ALL, UI_ACT_SUSPEND, NULL, NULL, 0, "^Z", "suspend; fg comes back"},
    {{CTRL('C')}, ALL, UI_ACT_STOP, NULL, NULL, 0, "^C", "stop listening; twice quits"},
};

/* clang-format on */

const struct ui_bind *ui_binds(unsigned *n)
{
    *n = sizeof rows / sizeof *rows;
    return rows;
}

enum ui_act ui_key_act(int key, enum ui_page page)
{
    if (key == 0) {
        return UI_ACT_NONE;
    }
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!(rows[i].pages & 1u << page)) {
            continue;
        }
        for (unsigned k = 0; k < sizeof rows[i].key / sizeof *rows[i].key; k++) {
            if (rows[i].key[k] == key) {
                return rows[i].act;
            }
        }
    }
    return UI_ACT_NONE;
}
