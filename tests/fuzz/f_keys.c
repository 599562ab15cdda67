/* Fuzzer: keys, text and sizes as they come.  The input is a script: a byte says what to do (press
 * a key, give the transcript some of the bytes, change the size, change the view), and after each
 * step the frame is painted.  The screen must never write outside its grid, never hang, and never
 * hold a control character. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ui/clip.h"
#include "ui/paint.h"

enum { PARAS = 24, TEXT_MAX = 4096 };

struct state {
    struct ui_model m;
    struct ui_grid g;
    struct ui_view v;
    struct ui_text text;
    struct ui_para para[PARAS];
    char bytes[TEXT_MAX];
    uint32_t used;
    uint32_t next_id;
    int64_t now_us;
};

struct reader {
    const uint8_t *p;
    size_t n;
};

static uint8_t byte(struct reader *r)
{
    if (!r->n) {
        return 0;
    }
    r->n--;
    return *r->p++;
}

/* Raw bytes, as a decoder might hand them on. */
static const char *take(struct state *s, struct reader *r, uint32_t *len)
{
    uint32_t n = byte(r);
    n = n > r->n ? (uint32_t)r->n : n;
    n = n > TEXT_MAX - s->used ? TEXT_MAX - s->used : n;
    char *at = s->bytes + s->used;
    memcpy(at, r->p, n);
    r->p += n;
    r->n -= n;
    s->used += n;
    *len = n;
    return at;
}

static void new_para(struct state *s, struct reader *r)
{
    if (s->text.npara == PARAS) {
        memmove(s->para, s->para + 1,
                sizeof s->para[0] * (PARAS - 1)); /* the app forgets the oldest */
        s->text.npara--;
    }
    struct ui_para *p = &s->para[s->text.npara++];
    memset(p, 0, sizeof *p);
    p->id = s->next_id;
    s->next_id += 1 + byte(r) % 3u;
    p->kind = byte(r) & 1;
    p->t_us = (int64_t)byte(r) * 60000000;
    p->text = take(s, r, &p->len_b);
}

static void new_tail(struct state *s, struct reader *r)
{
    s->text.tail_new_para = byte(r) & 1;
    s->text.tail = take(s, r, &s->text.tail_b);
}

static struct ui_val reading(struct reader *r)
{
    static const double odd[] = {0, 1, -1, 0.36, 1e-9, 1e9, 1e300, -1e300};
    uint8_t b = byte(r);
    struct ui_val v = {odd[b & 7], (uint8_t)((b >> 3) % 3)};
    v.v = (b & 0xc0) == 0xc0 ? NAN : (b & 0xc0) == 0x80 ? INFINITY : v.v;
    return v;
}

static void new_view(struct state *s, struct reader *r)
{
    struct ui_view *v = &s->v;
    v->state = (enum ui_state)(byte(r) % (UI_ST_COUNT + 2));
    v->perf.rtf = reading(r);
    v->perf.rtf_p95 = reading(r);
    v->perf.nstage = byte(r) % (UI_STAGES + 2u);
    v->npu.ncol = byte(r) % (UI_COLS + 2u);
    v->npu.nop = byte(r) % (UI_OPS + 2u);
    v->out.unsaved = byte(r) & 1;
    v->audio.src = byte(r) % 4u;
    v->audio.rms_db = v->audio.lost_s = v->audio.clip = v->clock_us = reading(r);
    v->total_us = reading(r);
    v->lag.now_s = v->mem.weights = v->perf.window_s = reading(r);
    v->npu.lane_step_s = (double)byte(r) / 16;
    for (unsigned i = 0; i < UI_STAGES; i++) {
        v->perf.stage[i].share = v->perf.stage[i].p50 = reading(r);
    }
    for (unsigned i = 0; i < UI_PART_COUNT; i++) {
        v->perf.part[i] = reading(r);
    }
    for (unsigned i = 0; i < UI_COLS; i++) {
        v->npu.col[i].busy = reading(r);
        ui_hist_add(&v->npu.col[i].hist, v->npu.col[i].busy.v);
    }
    uint32_t n;
    const char *t = take(s, r, &n);
    n = n < sizeof v->say ? n : (uint32_t)sizeof v->say - 1;
    memset(v->say, 0, sizeof v->say);
    memcpy(v->say, t, n);
}

static void check(const struct ui_grid *g)
{
    for (int i = 0; i < g->rows * g->cols; i++) {
        const struct ui_cell *c = &g->cell[i];
        assert(c->n >= 1 && c->n <= UI_CPS && c->w <= 2 && c->role < UI_R_COUNT);
        assert(c->w != 2 || (i % g->cols + 1 < g->cols && c[1].w == 0));
        assert(c->w != 0 || (i % g->cols > 0 && c[-1].w == 2));
        for (int k = 0; k < c->n; k++) {
            int32_t cp = c->cp[k];
            assert(cp >= 32 && !(cp >= 0x7f && cp < 0xa0) && !(cp >= 0x202a && cp <= 0x202e));
        }
    }
}

static void press(struct state *s, int key)
{
    struct ui_ev ev = {0};
    unsigned todo = ui_model_key(&s->m, &s->v, key, s->now_us, &ev);
    const struct ui_para *p = ui_model_last(&s->v);
    if (todo & UI_DO_COPY && p) {
        size_t n;
        free(ui_clip_osc52(p->text, p->len_b, 1, &n));
    }
}

static void step(struct state *s, struct reader *r)
{
    uint8_t what = byte(r);
    s->now_us += what * 10000;
    if (what < 128) {
        press(s, what); /* most of ASCII, controls included */
    } else if (what < 160) {
        press(s, (1 << 24) | 256 | byte(r)); /* ncurses codes */
    } else if (what < 170) {
        press(s, byte(r) << 13 | byte(r) << 5 | (what & 31)); /* any character */
    } else if (what < 200) {
        new_para(s, r);
    } else if (what < 220) {
        new_tail(s, r);
    } else if (what < 235) {
        new_view(s, r);
    } else if (what < 240) {
        s->v.text = s->v.text ? NULL : &s->text;
    } else {
        int rows = 1 + byte(r) % 60, cols = 1 + byte(r) % 200;
        ui_grid_size(&s->g, rows, cols);
    }
    ui_paint(&s->g, ui_glyphs(what & 1 ? "utf8" : "ascii"), &s->m, &s->v);
    check(&s->g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size};
    struct state *s = calloc(1, sizeof *s);
    if (!s || ui_model_init(&s->m) < 0 || ui_grid_size(&s->g, 24, 80) < 0) {
        abort();
    }
    s->text.para = s->para;
    s->v.text = &s->text;
    for (int i = 0; r.n && i < 200; i++) {
        step(s, &r);
    }
    ui_model_free(&s->m);
    ui_grid_free(&s->g);
    free(s);
    return 0;
}
