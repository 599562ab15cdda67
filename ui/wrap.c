/* See wrap.h. */
#include "ui/wrap.h"

#include "ui/utf.h"

void ui_wrap_init(struct ui_wrap *w, const char *s, uint32_t n, int width)
{
    w->s = s;
    w->n = s ? n : 0;
    w->pos = 0;
    w->width = width < 2 ? 2 : width;
}

/* Full-width signs that must not begin a line: closing brackets, small kana, stops. */
static bool no_start(int32_t cp)
{
    static const int32_t list[] = {0x3001, 0x3002, 0xff0c, 0xff0e, 0xff01, 0xff1f, 0xff1a, 0xff1b,
                                   0xff09, 0x300d, 0x300f, 0x3011, 0x3009, 0x300b, 0x30fc, 0x3063,
                                   0x3083, 0x3085, 0x3087, 0x30c3, 0x30e3, 0x30e5, 0x30e7, 0x2026};
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        if (list[i] == cp) {
            return true;
        }
    }
    return false;
}

/* Whether a line may end between these two clusters, neither of them a space. */
static bool may_part(const struct ui_clu *a, const struct ui_clu *b)
{
    if ((a->w == 2 || b->w == 2) && !no_start(b->cp[0])) {
        return true;
    }
    return a->cp[0] == '-' && b->cp[0] != '-' && !(b->cp[0] >= '0' && b->cp[0] <= '9');
}

bool ui_wrap_next(struct ui_wrap *w, struct ui_line *l)
{
    struct ui_clu c, last = {0};
    uint32_t pos = w->pos;
    while (pos < w->n && (w->s[pos] == ' ' || w->s[pos] == '\n' || w->s[pos] == '\t')) {
        pos++;
    }
    if (pos >= w->n) {
        w->pos = w->n;
        return false;
    }
    l->off = pos;
    l->end = pos;
    l->w = 0;
    uint32_t cut = 0,
             cut_next = 0; /* best break so far: end of the drawn part, begin of the rest */
    int cut_w = 0, used = 0;
    while (ui_clu_next(w->s, w->n, &pos, &c)) {
        bool blank = c.cp[0] == ' ';
        if (last.len && !blank && last.cp[0] != ' ' && may_part(&last, &c)) {
            cut = cut_next = c.off;
            cut_w = used;
        }
        if (blank && last.len && last.cp[0] != ' ') {
            cut = c.off;
            cut_w = used;
        }
        if (blank) {
            cut_next = c.off + c.len;
        }
        if (used + c.w > w->width && !blank) {
            bool hard = !cut; /* a word longer than the line breaks anywhere */
            l->end = hard ? c.off : cut;
            l->w = hard ? used : cut_w;
            w->pos = hard ? c.off : cut_next;
            return true;
        }
        used += c.w;
        if (!blank) {
            l->end = c.off + c.len;
            l->w = used;
        }
        last = c;
    }
    w->pos = w->n;
    return true;
}
