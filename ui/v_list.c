/* The pages that are lists: microphones to choose from, texts that guards held back.  See paint.h.
 */
#include "ui/paint.h"

#include <string.h>

static void title(const struct ui_paint *p, struct ui_box b, bool mics, const struct ui_list *l)
{
    const struct ui_state_info *i = ui_state_info(p->v->state);
    struct ui_row r = {0};
    ui_row_add(&r, 0, UI_R_TITLE, 0, mics ? "microphones" : "held back");
    ui_row_add(&r, 2, ui_state_role(i), 3, "%s %s", ui_state_mark(p->gl, i), i->word);
    ui_row_right(&r);
    if ((int)l->n > p->m->list_rows) {
        ui_row_add(&r, 1, UI_R_DIM, 0, "%d of %u", p->m->list_at[!mics] + 1, l->n);
    }
    ui_row_draw(&r, p, b, 0);
}

static void item(const struct ui_paint *p, struct ui_box b, int y, const struct ui_item *it,
                 bool chosen, bool mics)
{
    enum ui_role role = chosen ? UI_R_TITLE : it->on && !mics ? UI_R_DIM : UI_R_TEXT;
    int aside = ui_width(it->aside, (uint32_t)strlen(it->aside));
    int room = b.w - 5 - (b.w >= 40 ? aside + 2 : 0);
    ui_put(p->g, b, y, 1, UI_R_KEY, chosen ? ">" : " ");
    ui_put(p->g, b, y, 3, UI_R_OK, it->on ? p->gl->ok : " ");
    ui_put_cut(p->g, b, y, 5, room, role, it->text, p->gl->ellipsis);
    if (b.w >= 40) {
        ui_put_right(p->g, b, y, b.w - 1, UI_R_DIM, it->aside);
    }
}

void ui_paint_list(const struct ui_paint *p)
{
    struct ui_box lay[LAY_H_COUNT], none = {0};
    bool mics = p->m->page == UI_PAGE_MICS;
    const struct ui_list *l = ui_model_list(p->m, p->v);
    int *top = &p->m->list_top[!mics], *at = &p->m->list_at[!mics];
    ui_lay_help(p->g->rows, p->g->cols, lay);
    struct ui_box b = lay[LAY_H_TEXT], keys = none;
    if (b.h > 3) {
        keys = (struct ui_box){p->g->rows - 1, 0, 1, p->g->cols};
        b.h -= 2;
    }
    p->m->list_rows = b.h;
    *at = *at >= (int)l->n ? (int)l->n - 1 : *at;
    *at = *at < 0 ? 0 : *at;
    *top = *at < *top ? *at : *at >= *top + b.h ? *at - b.h + 1 : *top;
    title(p, lay[LAY_H_TITLE], mics, l);
    if (b.h && b.y == 2) {
        struct ui_box rule = {1, 0, 1, p->g->cols};
        ui_paint_rule(p, rule);
    }
    for (int y = 0; y < b.h && *top + y < (int)l->n; y++) {
        item(p, b, y, &l->item[*top + y], *top + y == *at, mics);
    }
    if (!l->n && b.h) {
        ui_put_cut(p->g, b, 0, 1, b.w - 1, UI_R_DIM,
                   mics ? "No microphone is there: plug one in, then r looks again."
                        : "Nothing was held back.",
                   p->gl->ellipsis);
    }
    if (keys.h) {
        struct ui_box rule = {keys.y - 1, 0, 1, p->g->cols};
        ui_paint_rule(p, rule);
        ui_paint_keys(p, keys);
    }
    ui_paint_over(p, none, keys);
}
