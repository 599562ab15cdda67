/* An invented session on the real screen: for looking at it, and for the tmux tests until there is
 * a program.  demo [SECONDS]; --glyphs X, --theme X, --still as the tests need them. Other
 * arguments (a file's name) are taken and ignored, so that it can stand in for dictate. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "tests/ui/fix.h"
#include "ui/ui.h"

struct demo {
    struct fix f;
    struct ui_para para[400];
    char words[400][512];
    unsigned n;  /* paragraphs begun */
    unsigned at; /* bytes settled of the last */
    int tick;
    bool paused;
};

static void speak(struct demo *d)
{
    struct ui_text *t = &d->f.text;
    const char *src = fix_words[(d->n ? d->n - 1 : 0) % FIX_PARAS];
    if (!d->n || (d->at >= strlen(src) && d->n < 400)) {
        d->at = 0;
        d->n++;
        src = fix_words[(d->n - 1) % FIX_PARAS];
        d->para[d->n - 1].id = d->n;
        d->para[d->n - 1].t_us = (int64_t)d->tick * 100000;
        d->para[d->n - 1].text = d->words[d->n - 1];
        snprintf(d->words[d->n - 1], sizeof d->words[0], "%s", src);
    }
    unsigned all = (unsigned)strlen(src);
    d->at = d->at + 2 > all ? all : d->at + 2;
    unsigned word = d->at;
    while (word > 0 && word < all && src[word] != ' ') {
        word--;
    }
    unsigned tail = word + 24 > all ? all : word + 24;
    d->para[d->n - 1].len_b = word;
    t->para = d->para;
    t->npara = d->n;
    t->tail = d->words[d->n - 1] + word;
    t->tail_b = tail - word;
}

static void step(struct demo *d)
{
    struct ui_view *v = &d->f.v;
    int k = ++d->tick;
    v->clock_us = ui_live(k * 1e5);
    v->audio.rms_db = ui_live(fix_wave(k, -50, -6));
    v->audio.peak_db = ui_live(fix_wave(k, -40, -1));
    v->perf.rtf = ui_live(fix_wave(k / 10, 0.3, 0.4));
    if (k % 5 == 0) {
        ui_hist_add(&v->audio.level, v->audio.rms_db.v);
        ui_hist_add(&v->perf.rtf_hist, v->perf.rtf.v);
        for (unsigned i = 0; i < v->npu.ncol; i++) {
            ui_hist_add(&v->npu.col[i].hist, fix_wave(k + (int)i * 7, 0, 0.7));
        }
    }
    speak(d);
    v->out.words = ui_live(d->n * 20.0);
}

static bool handle(struct ui *ui, struct demo *d, const struct ui_ev *ev, int *rc)
{
    struct ui_view *v = &d->f.v;
    switch (ev->kind) {
    case UI_EV_QUIT:
        return false;
    case UI_EV_SIGNAL:
        *rc = 128 + ev->arg;
        return false;
    case UI_EV_PAUSE:
        d->paused = !d->paused;
        v->state = d->paused ? UI_ST_PAUSED : UI_ST_LISTENING;
        break;
    case UI_EV_STOP:
        d->paused = true;
        v->state = UI_ST_STOPPED;
        break;
    case UI_EV_SUSPEND:
        ui_suspend(ui);
        break;
    case UI_EV_WINDOW:
        v->perf.window_s = ev->arg ? ui_live(ev->arg) : (struct ui_val){0, UI_NONE};
        break;
    case UI_EV_SAVE:
        ui_say(ui, "Saved nothing: this is a demo.");
        break;
    default:
        break;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct demo d;
    struct ui_opt opt = {0};
    struct err e = {0};
    int rc = 0;
    for (int i = 1; i + 1 < argc; i++) {
        if (!strcmp(argv[i], "--glyphs")) {
            opt.glyphs = argv[++i];
        } else if (!strcmp(argv[i], "--theme")) {
            opt.theme = argv[++i];
        } else if (!strcmp(argv[i], "--still")) {
            d.paused = true; /* nothing moves: for golden screens */
        }
    }
    struct ui *ui = ui_open(&opt, &e);
    if (!ui) {
        fprintf(stderr, "demo: %s\n", e.text);
        return e.code;
    }
    fprintf(stderr, "ALSA lib demo.c: chatter that must not reach the screen\n");
    fix_make(&d.f, UI_SRC_MIC, 4, 1);
    for (bool on = true; on;) {
        struct ui_ev ev;
        ui_draw(ui, &d.f.v);
        int64_t end = clk_us() + 100000;
        do {
            int left = (int)((end - clk_us()) / 1000);
            ui_wait(ui, NULL, 0, d.paused ? -1 : (left > 0 ? left : 0), &ev);
            on = handle(ui, &d, &ev, &rc);
        } while (on && ev.kind == UI_EV_TICK && clk_us() < end);
        if (!d.paused && ev.kind == UI_EV_TICK) {
            step(&d);
        }
    }
    ui_close(ui);
    return rc;
}
