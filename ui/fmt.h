/* Numbers for people: short, at most 6 cells unless said, "-" where nothing is known.  Pure. */
#ifndef UI_FMT_H
#define UI_FMT_H

#include "ui/view.h"

struct ui_num {
    char s[24];
};

struct ui_num ui_ms(struct ui_val v);              /* 212.4  17.9  0.03  1524 */
struct ui_num ui_fix(struct ui_val v, int digits); /* 0.36, fewer digits when large */
struct ui_num ui_rtf(struct ui_val v);             /* 0.36, or 0.029 */
struct ui_num ui_count(struct ui_val v);           /* 427280  1.3M */
struct ui_num ui_bytes(struct ui_val v);           /* 241 MB, up to 7 cells */
struct ui_num ui_pct(struct ui_val v);             /* share 0..1: 31% */
struct ui_num ui_pct1(struct ui_val v);            /* with a digit where it is small: 6.3% */
struct ui_num ui_secs(struct ui_val v);            /* 40 ms  1.2 s  3 min */
struct ui_num ui_db(struct ui_val v);              /* -18 */
struct ui_num ui_hms(struct ui_val us);            /* 00:12:47 */
struct ui_num ui_clock(struct ui_val us);          /* as ui_stamp */
struct ui_num ui_stamp(int64_t us);                /* 12:31 or 1:02:31 */

/* Value usable for drawing: known and finite. */
static inline bool ui_known(struct ui_val v)
{
    return v.state != UI_NONE && isfinite(v.v);
}

#endif
