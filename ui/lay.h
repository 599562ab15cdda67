/* Where things stand: rows and columns in, rectangles out.  Pure arithmetic, tested at every size.
 *
 * No window is refused.  Parts appear in the order of the enums below: a part is shown only if all
 * parts before it are (LAY_SIDE stands in for LAY_MIC and LAY_LAG in large windows). */
#ifndef UI_LAY_H
#define UI_LAY_H

#include "ui/grid.h"

/* The dictation page. */
enum ui_lay_dict {
    LAY_TITLE = 0,
    LAY_TEXT,
    LAY_KEYS,
    LAY_MIC,
    LAY_FILE,
    LAY_LAG,
    LAY_RULE1, /* under the title */
    LAY_RULE2, /* under the text; the state's sentence stands in it if it fits */
    LAY_SAY,   /* the sentence where it needs rows of its own */
    LAY_SIDE,  /* left panel */
    LAY_VRULE, /* between the panel and the text */
    LAY_DICT_COUNT
};

struct ui_lay_dict_in {
    int rows, cols;
    int say_rows; /* rows that the sentence needs at this width, 0: no sentence */
};

void ui_lay_dict(const struct ui_lay_dict_in *in, struct ui_box out[LAY_DICT_COUNT]);

/* The profile page. */
enum ui_lay_prof {
    LAY_P_TITLE = 0,
    LAY_P_BAR,    /* RTF */
    LAY_P_STAGE,  /* head and rows */
    LAY_P_LEGEND, /* of the bar */
    LAY_P_KEYS,
    LAY_P_CELLS, /* all columns in one row, where the lanes do not fit */
    LAY_P_LANES, /* head and one row a column */
    LAY_P_DEV, /* the device in one row */
    LAY_P_CMD,
    LAY_P_MEM,
    LAY_P_OPS, /* head and rows, or one row */
    LAY_P_RULE1,
    LAY_P_RULE2,
    LAY_P_RULE3,
    LAY_P_RULE4,
    LAY_P_SAY, /* the state's sentence */
    LAY_P_COUNT
};

struct ui_lay_prof_in {
    int rows, cols;
    int stages, columns, ops; /* how many there are */
    int say;                  /* rows that the state's sentence needs, 0: none */
};

void ui_lay_prof(const struct ui_lay_prof_in *in, struct ui_box out[LAY_P_COUNT]);

/* The help page: title, text, keys. */
enum ui_lay_help { LAY_H_TITLE = 0, LAY_H_TEXT, LAY_H_COUNT };
void ui_lay_help(int rows, int cols, struct ui_box out[LAY_H_COUNT]);

/* Under this there is one line only. */
enum { LAY_MIN_ROWS = 4, LAY_MIN_COLS = 20 };

#endif
