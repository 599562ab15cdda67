/* See lay.h.  The numbers are those of the screen's design: 80x24 shows everything once, 110x30 has
 * room for a panel of 32 beside the text, 160x45 for one of 48. */
#include "ui/lay.h"

#include <string.h>

static struct ui_box row(int y, int cols)
{
    struct ui_box b = {y, 0, 1, cols};
    return b;
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* The sentence's rows: one goes into the rule under the text, more stand below the rule. */
static int say_extra(const struct ui_lay_dict_in *in, int has_rule)
{
    int n = has_rule && in->say_rows == 1 ? 0 : in->say_rows;
    int most = in->rows < 12 ? 2 : 4;
    return min(n, min(most, max(0, in->rows - 3)));
}

void ui_lay_dict(const struct ui_lay_dict_in *in, struct ui_box out[LAY_DICT_COUNT])
{
    int rows = in->rows, cols = in->cols;
    memset(out, 0, sizeof *out * LAY_DICT_COUNT);
    if (rows < 1 || cols < 1) {
        return;
    }
    out[LAY_TITLE] = row(0, cols);
    if (rows < LAY_MIN_ROWS || cols < LAY_MIN_COLS) {
        return;
    }
    int meters = rows >= 12 && cols >= 60;
    int side = rows >= 30 && cols >= 110;
    int all = rows >= 22 && cols >= 80;
    int rules = rows >= 14 && cols >= 60;
    int rule2 = rules || (rows >= 8 && in->say_rows == 0) || (rows >= 8 && in->say_rows == 1);
    int bottom = rows, top = 1;
    if (meters) {
        out[LAY_KEYS] = row(--bottom, cols);
    }
    if (meters && rows >= 16) {
        out[LAY_FILE] = row(--bottom, cols);
    }
    if (meters && all && !side) {
        out[LAY_LAG] = row(--bottom, cols);
    }
    if (meters && !side) {
        out[LAY_MIC] = row(--bottom, cols);
    }
    int extra = say_extra(in, rule2);
    bottom -= extra;
    if (extra) {
        out[LAY_SAY] = (struct ui_box){bottom, 0, extra, cols};
    }
    if (rule2) {
        out[LAY_RULE2] = row(--bottom, cols);
    }
    if (rules) {
        out[LAY_RULE1] = row(top++, cols);
    }
    int left = 0;
    if (side) {
        int w = rows >= 45 && cols >= 160 ? 48 : 32;
        out[LAY_SIDE] = (struct ui_box){top, 0, bottom - top, w};
        out[LAY_VRULE] = (struct ui_box){top, w, bottom - top, 1};
        left = w + 1;
    }
    out[LAY_TEXT] = (struct ui_box){top, left, bottom - top, cols - left};
}

struct stack {
    int top, bottom, cols; /* rows still free: top .. bottom - 1 */
};

static struct ui_box from_top(struct stack *s, int h)
{
    struct ui_box b = {s->top, 0, h, s->cols};
    s->top += h;
    return b;
}

/* Heights of the parts in the middle; what stays free is given out in order of use. */
struct mid {
    int stage, lanes, cells, ops, mem, dev, cmd, rules;
};

static struct mid share_out(const struct ui_lay_prof_in *in, int room)
{
    struct mid m = {0};
    int ns = max(in->stages, 1), lanes = in->columns ? in->columns + 1 : 0;
    bool wide = in->cols >= 60;
    /* lanes only where the rows of figures and a short table of operations stay beside them */
    const int below = 3 + (in->ops ? min(in->ops + 1, 4) : 0);
    if (wide && lanes && room >= min(ns, 5) + 1 + lanes + below) {
        m.lanes = lanes;
        m.stage = min(ns + 1, room - lanes - below);
    } else {
        m.stage = min(ns + 1, room);
        m.cells = in->columns && room > m.stage && in->rows >= 8;
        if (!m.cells && in->columns && in->rows >= 12 && m.stage > 4) {
            m.stage--;
            m.cells = 1;
        }
    }
    room -= m.stage + m.lanes + m.cells;
    m.dev = room > 0 && wide;
    room -= m.dev;
    m.cmd = room > 0 && m.dev;
    room -= m.cmd;
    m.mem = room > 0 && m.cmd;
    room -= m.mem;
    if (room > 0 && m.mem && in->ops) {
        int table = min(in->ops + 1, room);
        m.ops = room >= 4 ? table : 1; /* a head and a row or two is worse than one full row */
        room -= m.ops;
    }
    m.rules = m.mem ? min(room, 4) : 0;
    return m;
}

void ui_lay_prof(const struct ui_lay_prof_in *in, struct ui_box out[LAY_P_COUNT])
{
    struct stack s = {0, in->rows, in->cols};
    memset(out, 0, sizeof *out * LAY_P_COUNT);
    if (in->rows < 1 || in->cols < 1) {
        return;
    }
    out[LAY_P_TITLE] = from_top(&s, 1);
    if (in->rows < LAY_MIN_ROWS || in->cols < LAY_MIN_COLS) {
        return;
    }
    out[LAY_P_BAR] = from_top(&s, 1);
    if (in->rows >= 8) {
        out[LAY_P_LEGEND] = from_top(&s, 1);
    }
    if (in->rows >= 12 && in->cols >= 60) {
        out[LAY_P_KEYS] = row(--s.bottom, in->cols);
    }
    if (in->say && in->rows >= 6) {
        int h = min(in->say, in->rows >= 20 ? 3 : 1);
        s.bottom -= h;
        out[LAY_P_SAY] = (struct ui_box){s.bottom, 0, h, in->cols};
    }
    struct mid m = share_out(in, s.bottom - s.top);
    if (m.rules > 0) {
        out[LAY_P_RULE1] = from_top(&s, 1);
    }
    out[LAY_P_STAGE] = from_top(&s, m.stage);
    if (m.rules > 1 && (m.cells || m.lanes)) {
        out[LAY_P_RULE2] = from_top(&s, 1);
    }
    if (m.dev) {
        out[LAY_P_DEV] = from_top(&s, 1);
    }
    if (m.cells) {
        out[LAY_P_CELLS] = from_top(&s, 1);
    }
    if (m.lanes) {
        out[LAY_P_LANES] = from_top(&s, m.lanes);
    }
    if (m.rules > 2) {
        out[LAY_P_RULE3] = from_top(&s, 1);
    }
    if (m.ops) {
        out[LAY_P_OPS] = from_top(&s, m.ops);
    }
    if (m.mem) {
        out[LAY_P_MEM] = from_top(&s, 1);
    }
    if (m.cmd) {
        out[LAY_P_CMD] = from_top(&s, 1);
    }
    if (m.rules > 3) {
        out[LAY_P_RULE4] = row(s.bottom - 1, in->cols);
    }
}

void ui_lay_help(int rows, int cols, struct ui_box out[LAY_H_COUNT])
{
    memset(out, 0, sizeof *out * LAY_H_COUNT);
    if (rows < 1 || cols < 1) {
        return;
    }
    out[LAY_H_TITLE] = row(0, cols);
    int top = rows >= 12 ? 2 : 1;
    if (rows > top) {
        out[LAY_H_TEXT] = (struct ui_box){top, 0, rows - top, cols};
    }
}
