/* What the user is looking at: page, place in the text, search, freeze, messages.  Knows the view
 * and keys, no terminal: tests and the fuzzer drive it directly.  Main thread. */
#ifndef UI_MODEL_H
#define UI_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/doc.h"
#include "ui/ev.h"
#include "ui/find.h"
#include "ui/ui.h"

enum ui_sort { UI_SORT_PIPE = 0, UI_SORT_SHARE, UI_SORT_P95, UI_SORT_CALLS, UI_SORT_COUNT };

struct ui_model {
    enum ui_page page, back; /* back: where the help page was opened */
    struct ui_doc doc;
    bool stamps; /* time stamps are drawn */

    bool follow;        /* the last row stays visible */
    struct ui_mark top; /* first row shown, where not following */
    int text_h;         /* rows of the text box when it was last drawn */

    bool typing; /* the search line is open */
    char query[96];
    uint32_t query_n;
    struct ui_find find;
    struct ui_hit hit;  /* where n and N walk from; len 0: nothing found */
    bool follow_before; /* for Esc */
    struct ui_mark before;
    unsigned hits, hit_no; /* "3 of 17" */

    bool frozen;
    struct ui_view *held; /* figures as they were when frozen; NULL: cannot freeze */
    enum ui_sort sort;
    int stage_top;  /* first row of the stage table */
    int stage_rows; /* rows it had when last drawn */
    int help_top, help_rows, help_lines;

    int list_at[2], list_top[2],
        list_rows; /* of the list pages: row chosen, first and number shown */

    char flash[160]; /* message, and until when (monotonic) */
    int64_t flash_us;
    bool quit_asked;
    int64_t stop_us; /* time of the last ^C, 0: none */
};

/* What the terminal side has to do. */
enum ui_do { UI_DO_DRAW = 1, UI_DO_REDRAW = 2, UI_DO_COPY = 4 };

/* Returns 0, or -1 without memory. */
int ui_model_init(struct ui_model *m);
void ui_model_free(struct ui_model *m);

/* One key; see key.h for codes.  *ev is set to what the app must hear, or left alone.  Returns bits
 * of enum ui_do. */
unsigned ui_model_key(struct ui_model *m, const struct ui_view *v, int key, int64_t now_us,
                      struct ui_ev *ev);

/* ^C, from the key or from SIGINT. */
unsigned ui_model_stop(struct ui_model *m, const struct ui_view *v, int64_t now_us,
                       struct ui_ev *ev);

/* Message in the message row until now_us + 4 s. */
void ui_model_say(struct ui_model *m, int64_t now_us, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The list that the page shows, NULL: none. */
const struct ui_list *ui_model_list(const struct ui_model *m, const struct ui_view *v);

/* The last paragraph of speech: what y copies.  NULL: none. */
const struct ui_para *ui_model_last(const struct ui_view *v);

/* Order of the stage table: index[0..n-1] into perf.stage. */
void ui_model_sorted(const struct ui_model *m, const struct ui_perf *p, unsigned index[UI_STAGES]);

#endif
