/* Drawing one frame into a grid.  Pages and the widgets they share.  Touches no terminal. */
#ifndef UI_PAINT_H
#define UI_PAINT_H

#include "ui/fmt.h"
#include "ui/glyph.h"
#include "ui/grid.h"
#include "ui/lay.h"
#include "ui/model.h"

struct ui_paint {
    struct ui_grid *g;
    const struct ui_glyphs *gl;
    struct ui_model *m; /* sizes of what was drawn are noted here: paging needs them */
    const struct ui_view *v;
};

/* The whole frame: the page that the model shows, at the grid's size. */
void ui_paint(struct ui_grid *g, const struct ui_glyphs *gl, struct ui_model *m,
              const struct ui_view *v);

/* -- pages ----------------------------------------------------------------------------------- */

void ui_paint_dict(const struct ui_paint *p);
void ui_paint_prof(const struct ui_paint *p);
void ui_paint_help(const struct ui_paint *p);
void ui_paint_list(const struct ui_paint *p);                  /* microphones, texts held back */
void ui_paint_side(const struct ui_paint *p, struct ui_box b); /* the dictation page's left panel */
void ui_paint_device(const struct ui_paint *p, struct ui_box b);
void ui_paint_ops(const struct ui_paint *p, struct ui_box b);  /* the profile's operations */
void ui_paint_lanes(const struct ui_paint *p, struct ui_box b);
void ui_paint_cells(const struct ui_paint *p, struct ui_box b);

/* -- a row of segments (w_row.c) ------------------------------------------------------------- */

/* Segments stand left to right; where they do not fit, those of the highest rank go first, all of
 * one rank together.  Rank 0 never goes. */
struct ui_seg {
    char s[160];
    uint8_t role, rank, gap;
    bool right;
};

struct ui_row {
    struct ui_seg seg[32];
    unsigned n;
    bool right;
};

/* gap: blanks before it, 0 to join it to the one before. */
void ui_row_add(struct ui_row *r, int rank, enum ui_role role, int gap, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* What is added from here on stands at the right end. */
void ui_row_right(struct ui_row *r);
void ui_row_draw(struct ui_row *r, const struct ui_paint *p, struct ui_box b, int y);

/* DIM where the reading is stale or not known, else the role. */
enum ui_role ui_role_of(struct ui_val v, enum ui_role role);

/* -- bars, sparks, lanes (w_bar.c) ----------------------------------------------------------- */

enum { UI_BAR_MAX = 64 }; /* cells */
struct ui_bar {
    char s[UI_BAR_MAX * 3 + 4];
};

/* share 0..1 of so many cells; blanks fill up where pad is set. */
struct ui_bar ui_bar(const struct ui_glyphs *gl, double share, int cells, bool pad);
/* The newest samples, newest at the right, lo..hi; blanks where nothing is known. */
struct ui_bar ui_spark(const struct ui_glyphs *gl, const struct ui_hist *h, int cells, double lo,
                       double hi);
/* Largest of the newest `cells` samples, at least `least`. */
double ui_hist_max(const struct ui_hist *h, int cells, double least);
/* A lane that sweeps: only the mark and one cell change from sample to sample.  0..full. */
void ui_lane(const struct ui_paint *p, struct ui_box b, int y, int x, int cells,
             const struct ui_hist *h, double full);
/* What a full cell of all columns' lanes stands for: 1, or less where all are nearly idle. */
double ui_lane_full(const struct ui_npu *n, int cells);

/* RTF that a full bar stands for: 1.2, or a tenth of it and less for fast machines, or more. */
double ui_rtf_scale(const struct ui_perf *f);
void ui_rtf_bar(const struct ui_paint *p, struct ui_box b);
void ui_rtf_legend(const struct ui_paint *p, struct ui_box b);

/* -- shared pieces (w_bits.c) ---------------------------------------------------------------- */

const char *ui_state_mark(const struct ui_glyphs *gl, const struct ui_state_info *i);
enum ui_role ui_state_role(const struct ui_state_info *i);
/* The state's sentence, "" for none. */
const char *ui_state_say(const struct ui_view *v);
/* Rows it takes, and the sentence itself: in the rule under the text, `-- ! sentence ---`, or on
 * rows of its own. */
int ui_say_rows(const char *say, int cols);
void ui_paint_say(const struct ui_paint *p, struct ui_box b, bool in_rule);
void ui_paint_rule(const struct ui_paint *p, struct ui_box b);
void ui_paint_keys(const struct ui_paint *p, struct ui_box b);
/* One line for windows too small for anything else. */
void ui_paint_one(const struct ui_paint *p);
/* Messages, the question at q and the search line, over what stands there. */
void ui_paint_over(const struct ui_paint *p, struct ui_box message, struct ui_box prompt);
/* Mean busy share of the columns that have a reading. */
struct ui_val ui_npu_busy(const struct ui_npu *n);

/* -- the transcript (w_text.c) --------------------------------------------------------------- */

void ui_paint_text(const struct ui_paint *p, struct ui_box b);
/* Rows below the last visible one; what "▼ End" counts.  At most 999. */
int ui_text_below(const struct ui_model *m);

#endif
