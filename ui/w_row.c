/* Rows of segments that know which of them can be spared.  See paint.h. */
#include "ui/paint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ui_row_add(struct ui_row *r, int rank, enum ui_role role, int gap, const char *fmt, ...)
{
    if (r->n == sizeof r->seg / sizeof *r->seg) {
        return;
    }
    struct ui_seg *s = &r->seg[r->n++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->s, sizeof s->s, fmt, ap);
    va_end(ap);
    s->role = (uint8_t)role;
    s->rank = (uint8_t)rank;
    s->gap = (uint8_t)gap;
    s->right = r->right;
}

void ui_row_right(struct ui_row *r)
{
    r->right = true;
}

/* Cells of one side; the first segment's gap does not count. */
static int side_width(const struct ui_row *r, bool right)
{
    int w = 0;
    bool any = false;
    for (unsigned i = 0; i < r->n; i++) {
        const struct ui_seg *s = &r->seg[i];
        if (s->right == right && s->s[0]) {
            w += (any ? s->gap : 0) + ui_width(s->s, (uint32_t)strlen(s->s));
            any = true;
        }
    }
    return w;
}

static bool drop_one(struct ui_row *r)
{
    int worst = 0;
    for (unsigned i = 0; i < r->n; i++) {
        worst = r->seg[i].s[0] && r->seg[i].rank > worst ? r->seg[i].rank : worst;
    }
    for (unsigned i = 0; worst && i < r->n; i++) {
        if (r->seg[i].rank == worst) {
            r->seg[i].s[0] = 0;
        }
    }
    return worst > 0;
}

void ui_row_draw(struct ui_row *r, const struct ui_paint *p, struct ui_box b, int y)
{
    int margin = b.w >= 30 ? 1 : 0, left, right;
    do {
        left = side_width(r, false);
        right = side_width(r, true);
    } while (margin + left + (right ? right + 1 + margin : 0) > b.w && drop_one(r));
    int x[2] = {margin, b.w - right};
    bool any[2] = {false, false};
    for (unsigned i = 0; i < r->n; i++) {
        const struct ui_seg *s = &r->seg[i];
        int k = s->right;
        if (s->s[0]) {
            x[k] = ui_put(p->g, b, y, x[k] + (any[k] ? s->gap : 0), s->role, s->s);
            any[k] = true;
        }
    }
}

enum ui_role ui_role_of(struct ui_val v, enum ui_role role)
{
    return v.state == UI_LIVE ? role : UI_R_DIM;
}
