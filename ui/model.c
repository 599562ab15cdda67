/* See model.h. */
#define NCURSES_WIDECHAR 1
#include "ui/model.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/key.h"
#include "ui/utf.h"

static const int64_t SECOND_US = 1000000;

int ui_model_init(struct ui_model *m)
{
    memset(m, 0, sizeof *m);
    m->follow = true;
    m->stamps = true;
    m->held = calloc(1, sizeof *m->held);
    return m->held ? 0 : -1;
}

void ui_model_free(struct ui_model *m)
{
    ui_doc_free(&m->doc);
    free(m->held);
    m->held = NULL;
}

void ui_model_say(struct ui_model *m, int64_t now_us, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(m->flash, sizeof m->flash, fmt, ap);
    va_end(ap);
    m->flash_us = now_us + 4 * SECOND_US;
}

const struct ui_para *ui_model_last(const struct ui_view *v)
{
    for (uint32_t i = v->text ? v->text->npara : 0; i-- > 0;) {
        const struct ui_para *p = &v->text->para[i];
        if (p->kind == UI_PARA_TEXT && p->text && p->len_b) {
            return p;
        }
    }
    return NULL;
}

void ui_model_sorted(const struct ui_model *m, const struct ui_perf *p, unsigned index[UI_STAGES])
{
    unsigned n = p->nstage < UI_STAGES ? p->nstage : UI_STAGES;
    for (unsigned i = 0; i < n; i++) {
        const struct ui_stage *s = &p->stage[i];
        struct ui_val by = m->sort == UI_SORT_SHARE ? s->share
                           : m->sort == UI_SORT_P95 ? s->p95
                                                    : s->calls;
        double key = m->sort == UI_SORT_PIPE ? 0 : (by.state && isfinite(by.v) ? by.v : -1);
        unsigned at = i;
        for (; at > 0; at--) { /* insertion keeps the pipeline's order among equals */
            const struct ui_stage *q = &p->stage[index[at - 1]];
            struct ui_val o = m->sort == UI_SORT_SHARE ? q->share
                              : m->sort == UI_SORT_P95 ? q->p95
                                                       : q->calls;
            if (m->sort == UI_SORT_PIPE || (o.state && isfinite(o.v) ? o.v : -1) >= key) {
                break;
            }
            index[at] = index[at - 1];
        }
        index[at] = i;
    }
}

/* -- place in the text ----------------------------------------------------------------------- */

/* First row shown when following. */
static struct ui_at follow_top(const struct ui_model *m)
{
    return ui_doc_move(&m->doc, ui_doc_end(&m->doc), -(m->text_h - 1));
}

static struct ui_at top_row(const struct ui_model *m)
{
    return m->follow ? follow_top(m) : ui_doc_find(&m->doc, m->top);
}

static bool before(struct ui_at a, struct ui_at b)
{
    return a.i < b.i || (a.i == b.i && a.r < b.r);
}

static void set_top(struct ui_model *m, struct ui_at at)
{
    m->follow = !before(at, follow_top(m));
    m->top = ui_doc_mark(&m->doc, at);
}

static void scroll_by(struct ui_model *m, int rows)
{
    if (rows > 0 && m->follow) {
        return;
    }
    set_top(m, ui_doc_move(&m->doc, top_row(m), rows));
}

/* Brings the hit into the window, a third from its top, unless it is there already. */
static void show_hit(struct ui_model *m)
{
    const struct ui_text *t = m->doc.t;
    if (!t || m->hit.para >= t->npara) {
        return;
    }
    struct ui_mark mark = {t->para[m->hit.para].id, m->hit.off};
    struct ui_at at = ui_doc_find(&m->doc, mark), top = top_row(m);
    struct ui_at end = ui_doc_move(&m->doc, top, m->text_h - 1);
    if (before(at, top) || before(end, at)) {
        set_top(m, ui_doc_move(&m->doc, at, -m->text_h / 3));
    }
}

/* -- search ---------------------------------------------------------------------------------- */

static void count_hits(struct ui_model *m)
{
    unsigned n = 0;
    m->hits = ui_find_count(&m->find, m->doc.t, m->hit.para, m->hit.off, &n);
    m->hit_no = n + 1;
}

/* The place where the search line was opened, as a paragraph's index and a byte. */
static void search_from(const struct ui_model *m, struct ui_hit *h)
{
    struct ui_at at = ui_doc_find(&m->doc, m->before);
    h->para = at.i;
    h->off = m->before.off == UINT32_MAX ? 0 : m->before.off;
    h->len = 0;
}

static void search_again(struct ui_model *m)
{
    ui_find_set(&m->find, m->query, m->query_n);
    search_from(m, &m->hit);
    m->hits = 0;
    if (ui_find_go(&m->find, m->doc.t, 1, false, &m->hit)) {
        show_hit(m);
        count_hits(m);
    } else {
        m->hit.len = 0;
        m->follow = m->follow_before;
        m->top = m->before;
    }
}

static void search_step(struct ui_model *m, int dir, int64_t now_us)
{
    if (!m->find.n) {
        ui_model_say(m, now_us, "Nothing to look for yet: / begins a search.");
    } else if (ui_find_go(&m->find, m->doc.t, dir, true, &m->hit)) {
        show_hit(m);
        count_hits(m);
        ui_model_say(m, now_us, "%u of %u", m->hit_no, m->hits);
    } else {
        ui_model_say(m, now_us, "Not found: %.*s", (int)m->query_n, m->query);
    }
}

static void search_open(struct ui_model *m)
{
    m->follow_before = m->follow;
    m->before = ui_doc_mark(&m->doc, top_row(m));
    m->typing = true;
    m->query_n = 0;
    m->find.n = 0;
    m->hit.len = 0;
    m->hits = 0;
}

static void search_clear(struct ui_model *m)
{
    m->find.n = 0;
    m->hit.len = 0;
    m->hits = 0;
}

static unsigned type_key(struct ui_model *m, int key)
{
    switch (key) {
    case 27:
        m->typing = false;
        m->follow = m->follow_before;
        m->top = m->before;
        search_clear(m);
        return UI_DO_DRAW;
    case '\n':
    case '\r':
    case UI_KEY_FN | KEY_ENTER:
        m->typing = false;
        return UI_DO_DRAW;
    case 8:
    case 127:
    case UI_KEY_FN | KEY_BACKSPACE:
        while (m->query_n && ((unsigned char)m->query[--m->query_n] & 0xc0) == 0x80) {
        }
        search_again(m);
        return UI_DO_DRAW;
    case 21: /* ^U */
        m->query_n = 0;
        search_again(m);
        return UI_DO_DRAW;
    default:
        break;
    }
    if (key < 32 || key >= 0x110000 || m->query_n + 4 > sizeof m->query) {
        return 0;
    }
    m->query_n += ui_utf_put(m->query + m->query_n, key);
    search_again(m);
    return UI_DO_DRAW;
}

/* -- keys ------------------------------------------------------------------------------------ */

unsigned ui_model_stop(struct ui_model *m, const struct ui_view *v, int64_t now_us,
                       struct ui_ev *ev)
{
    bool over = v->state == UI_ST_STOPPED || v->state == UI_ST_DONE;
    if (over || (m->stop_us && now_us - m->stop_us < 2 * SECOND_US)) {
        ev->kind = UI_EV_QUIT;
        return 0;
    }
    m->stop_us = now_us;
    ev->kind = UI_EV_STOP;
    ui_model_say(m, now_us, "Stopped. ^C again within 2 s quits.");
    return UI_DO_DRAW;
}

static void move_list(int *top, int rows, int total, int by)
{
    int last = total > rows ? total - rows : 0;
    *top = *top + by < 0 ? 0 : (*top + by > last ? last : *top + by);
}

const struct ui_list *ui_model_list(const struct ui_model *m, const struct ui_view *v)
{
    return m->page == UI_PAGE_MICS ? &v->mics : m->page == UI_PAGE_HELD ? &v->held : NULL;
}

/* Moves the chosen row, and what is shown with it. */
static void move_choice(struct ui_model *m, const struct ui_list *l, int by)
{
    int k = m->page == UI_PAGE_HELD, last = (int)l->n - 1;
    int at = m->list_at[k] + by;
    at = at > last ? last : at;
    m->list_at[k] = at < 0 ? 0 : at;
}

static unsigned act_move(struct ui_model *m, const struct ui_view *v, enum ui_act a)
{
    static const int lots = 1 << 20;
    const struct ui_list *l = ui_model_list(m, v);
    bool prof = m->page == UI_PAGE_PROF;
    int rows = prof                      ? m->stage_rows
               : l                       ? m->list_rows
               : m->page == UI_PAGE_HELP ? m->help_rows
                                         : m->text_h;
    int page = rows > 2 ? rows - 1 : 1;
    int by = a == UI_ACT_UP     ? -1
             : a == UI_ACT_DOWN ? 1
             : a == UI_ACT_PGUP ? -page
             : a == UI_ACT_PGDN ? page
             : a == UI_ACT_TOP  ? -lots
                                : lots;
    if (l) {
        move_choice(m, l, by);
    } else if (prof) {
        move_list(&m->stage_top, rows, (int)v->perf.nstage, by);
    } else if (m->page == UI_PAGE_HELP) {
        move_list(&m->help_top, rows, m->help_lines, by);
    } else if (a == UI_ACT_END) {
        m->follow = true;
    } else if (a == UI_ACT_TOP) {
        struct ui_at first = {0, 0};
        set_top(m, first);
    } else {
        scroll_by(m, by);
    }
    return UI_DO_DRAW;
}

static unsigned go_back(struct ui_model *m)
{
    if (m->quit_asked) {
        m->quit_asked = false;
    } else if (m->page == UI_PAGE_HELP) {
        m->page = m->back;
    } else if (m->page != UI_PAGE_DICT) {
        m->page = UI_PAGE_DICT;
    } else if (m->find.n) {
        search_clear(m);
    } else {
        m->follow = true;
    }
    m->flash_us = 0;
    return UI_DO_DRAW;
}

static unsigned quit(struct ui_model *m, const struct ui_view *v, struct ui_ev *ev)
{
    if (v->out.unsaved && !m->quit_asked) {
        m->quit_asked = true;
        return UI_DO_DRAW;
    }
    ev->kind = UI_EV_QUIT;
    return 0;
}

static void next_window(const struct ui_view *v, struct ui_ev *ev)
{
    static const int list[] = {10, 60, 0, 1};
    double w = v->perf.window_s.state ? v->perf.window_s.v : 0;
    int now = w > 0 && w < 1e6 ? (int)w : 0;
    ev->kind = UI_EV_WINDOW;
    ev->arg = list[0];
    for (unsigned i = 0; i < 4; i++) {
        if (list[i] == now) {
            ev->arg = list[(i + 1) % 4];
        }
    }
}

static unsigned act_prof(struct ui_model *m, const struct ui_view *v, enum ui_act a, int64_t now_us,
                         struct ui_ev *ev)
{
    static const char *by[] = {"in the order of the pipeline", "by share of a second", "by p95",
                               "by calls"};
    switch (a) {
    case UI_ACT_FREEZE:
        m->frozen = !m->frozen;
        if (m->frozen) {
            *m->held = *v;
            m->held->text = NULL;
        }
        break;
    case UI_ACT_SORT:
        m->sort = (m->sort + 1) % UI_SORT_COUNT;
        m->stage_top = 0;
        ui_model_say(m, now_us, "Stages %s", by[m->sort]);
        break;
    case UI_ACT_WINDOW:
        next_window(v, ev);
        break;
    case UI_ACT_RESET:
        ev->kind = UI_EV_RESET;
        m->frozen = false;
        break;
    default:
        return 0;
    }
    return UI_DO_DRAW;
}

/* The list pages. */
static unsigned act_list(struct ui_model *m, const struct ui_view *v, enum ui_act a,
                         struct ui_ev *ev)
{
    const struct ui_list *l = ui_model_list(m, v);
    int k = a == UI_ACT_HELD || m->page == UI_PAGE_HELD;
    switch (a) {
    case UI_ACT_MICS:
        m->page = UI_PAGE_MICS;
        m->list_at[k] = m->list_top[k] = 0;
        ev->kind = UI_EV_LIST;
        break;
    case UI_ACT_HELD:
        m->page = UI_PAGE_HELD;
        m->list_at[k] = m->list_top[k] = 0;
        break;
    case UI_ACT_RESCAN:
        ev->kind = UI_EV_LIST;
        break;
    default: /* take */
        if (!l || m->list_at[k] >= (int)l->n) {
            return UI_DO_DRAW;
        }
        ev->kind = UI_EV_TAKE;
        ev->arg = m->list_at[k];
        ev->page = (int)m->page;
        m->page = m->page == UI_PAGE_MICS ? UI_PAGE_DICT : m->page;
        break;
    }
    return UI_DO_DRAW;
}

static unsigned act(struct ui_model *m, const struct ui_view *v, enum ui_act a, int64_t now_us,
                    struct ui_ev *ev)
{
    switch (a) {
    case UI_ACT_MICS:
    case UI_ACT_HELD:
    case UI_ACT_TAKE:
    case UI_ACT_RESCAN:
        return act_list(m, v, a, ev);
    case UI_ACT_HELP:
        if (m->page == UI_PAGE_HELP) {
            m->page = m->back;
        } else {
            m->back = m->page;
            m->page = UI_PAGE_HELP;
            m->help_top = 0;
        }
        return UI_DO_DRAW;
    case UI_ACT_PROF:
        m->page = m->page == UI_PAGE_DICT ? UI_PAGE_PROF : UI_PAGE_DICT;
        return UI_DO_DRAW;
    case UI_ACT_BACK:
        return go_back(m);
    case UI_ACT_QUIT:
        return quit(m, v, ev);
    case UI_ACT_REDRAW:
        return UI_DO_REDRAW | UI_DO_DRAW;
    case UI_ACT_SUSPEND:
        ev->kind = UI_EV_SUSPEND;
        return 0;
    case UI_ACT_STOP:
        return ui_model_stop(m, v, now_us, ev);
    case UI_ACT_PAUSE:
        ev->kind = UI_EV_PAUSE;
        return 0;
    case UI_ACT_SAVE:
        ev->kind = UI_EV_SAVE;
        return 0;
    case UI_ACT_COPY:
        return UI_DO_COPY | UI_DO_DRAW;
    case UI_ACT_STAMPS:
        m->stamps = !m->stamps;
        return UI_DO_DRAW;
    case UI_ACT_FIND:
        search_open(m);
        return UI_DO_DRAW;
    case UI_ACT_NEXT:
    case UI_ACT_PREV:
        search_step(m, a == UI_ACT_NEXT ? 1 : -1, now_us);
        return UI_DO_DRAW;
    case UI_ACT_UP:
    case UI_ACT_DOWN:
    case UI_ACT_PGUP:
    case UI_ACT_PGDN:
    case UI_ACT_TOP:
    case UI_ACT_END:
        return act_move(m, v, a);
    default:
        return act_prof(m, v, a, now_us, ev);
    }
}

unsigned ui_model_key(struct ui_model *m, const struct ui_view *v, int key, int64_t now_us,
                      struct ui_ev *ev)
{
    ui_doc_set(&m->doc, v->text, m->doc.width, "~");
    if (m->typing && key != 3 && key != 12 && key != 26) {
        return type_key(m, key);
    }
    enum ui_act a = ui_key_act(key, m->page);
    bool asked = m->quit_asked;
    unsigned todo = act(m, v, a, now_us, ev);
    if (asked && a != UI_ACT_QUIT && a != UI_ACT_NONE) {
        m->quit_asked = false; /* any other key is a no */
        todo |= UI_DO_DRAW;
    }
    return todo;
}
