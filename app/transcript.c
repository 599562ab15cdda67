/* See transcript.h. */
#include "app/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "app/base/jsonw.h"
#include "app/words.h"

enum {
    PAUSE_MS = 2000,  /* silence that begins a paragraph */
    LONG_BYTES = 600, /* from this length on a paragraph ends with its sentence */
};

struct transcript {
    struct ui_text text;
    struct ui_para *para; /* text.para */
    uint32_t cap;
    struct jsonw last; /* the paragraph that still grows */
    struct jsonw tail;
    bool open;    /* the last paragraph may grow */
    double end_s; /* of its last word */
    uint32_t utt;
    int settled; /* words of utt already in paragraphs */
    int words;
    struct ui_doubt *doubt; /* text.doubt */
    uint32_t doubt_cap;
};

int transcript_new(struct transcript **t, struct err *e)
{
    *t = calloc(1, sizeof **t);
    if (!*t) {
        return err_set(e, ERR_MEM, "no memory for the text");
    }
    jsonw_init(&(*t)->last);
    jsonw_init(&(*t)->tail);
    return 0;
}

void transcript_free(struct transcript *t)
{
    if (!t) {
        return;
    }
    /* Every paragraph but the growing one owns its text. */
    for (uint32_t i = 0; i < t->text.npara; i++) {
        if (t->para[i].text != t->last.buf) {
            free((void *)(uintptr_t)t->para[i].text);
        }
    }
    free(t->para);
    free(t->doubt);
    jsonw_free(&t->last);
    jsonw_free(&t->tail);
    free(t);
}

/* The growing paragraph is done: its buffer now belongs to its entry. */
static void close_para(struct transcript *t)
{
    if (t->open) {
        jsonw_init(&t->last);
        t->open = false;
    }
}

static struct ui_para *add_para(struct transcript *t, double t_s, uint8_t kind)
{
    if (t->text.npara == t->cap) {
        uint32_t cap = t->cap ? 2 * t->cap : 64;
        struct ui_para *p = realloc(t->para, cap * sizeof *p);
        if (!p) {
            return NULL;
        }
        t->para = p;
        t->text.para = p;
        t->cap = cap;
    }
    struct ui_para *p = &t->para[t->text.npara];
    *p = (struct ui_para){.id = t->text.npara + 1, .kind = kind, .t_us = (int64_t)(t_s * 1e6)};
    t->text.npara++;
    return p;
}

static bool ends_sentence(const struct jsonw *w)
{
    return w->len && strchr(".?!", w->buf[w->len - 1]);
}

/* Whether a word at t0 belongs to a new paragraph. */
static bool new_para(const struct transcript *t, double t0)
{
    return !t->open || t0 - t->end_s > PAUSE_MS * 1e-3 ||
           (t->last.len > LONG_BYTES && ends_sentence(&t->last));
}

/* The last len bytes of the growing paragraph are a doubtful word. */
static void add_doubt(struct transcript *t, size_t len)
{
    if (t->text.ndoubt == t->doubt_cap) {
        uint32_t cap = t->doubt_cap ? 2 * t->doubt_cap : 64;
        struct ui_doubt *d = realloc(t->doubt, cap * sizeof(*d));
        if (!d) {
            return; /* then it is not marked */
        }
        t->doubt = d;
        t->text.doubt = d;
        t->doubt_cap = cap;
    }
    t->doubt[t->text.ndoubt++] =
        (struct ui_doubt){t->text.npara - 1, (uint32_t)(t->last.len - len), (uint32_t)len};
}

static void settle(struct transcript *t, const struct asr_word *w)
{
    if (new_para(t, (double)w->t0) && !w->glue) {
        close_para(t);
        if (!add_para(t, (double)w->t0, UI_PARA_TEXT)) {
            return;
        }
        t->open = true;
    }
    if (!t->open) {
        return;
    }
    jsonw_fmt(&t->last, "%s%s", t->last.len && !w->glue ? " " : "", w->text);
    struct ui_para *p = &t->para[t->text.npara - 1];
    if (w->doubt) {
        add_doubt(t, strlen(w->text));
    }
    p->text = t->last.buf;
    p->len_b = (uint32_t)t->last.len;
    t->end_s = (double)w->t1;
    t->words += !w->glue && !w->lost;
}

void transcript_utt(struct transcript *t, const struct session_ev *ev)
{
    if (ev->utt != t->utt) {
        t->utt = ev->utt;
        t->settled = 0;
    }
    int settled = ev->final ? ev->n_word : ev->n_settled;
    for (; t->settled < settled; t->settled++) {
        settle(t, &ev->word[t->settled]);
    }
    jsonw_reset(&t->tail);
    t->text.tail_new_para = false;
    if (ev->n_word > settled) {
        t->text.tail_new_para = new_para(t, (double)ev->word[settled].t0);
        t->text.tail_us = (int64_t)((double)ev->word[settled].t0 * 1e6);
    }
    for (int i = settled; i < ev->n_word; i++) {
        const struct asr_word *w = &ev->word[i];
        bool first = !t->tail.len && t->text.tail_new_para;
        jsonw_fmt(&t->tail, "%s%s", !first && !w->glue ? " " : "", w->text);
    }
    t->text.tail = t->tail.len ? t->tail.buf : NULL;
    t->text.tail_b = (uint32_t)t->tail.len;
}

void transcript_note(struct transcript *t, double t_s, const char *text)
{
    close_para(t);
    char *copy = strdup(text);
    struct ui_para *p = copy ? add_para(t, t_s, UI_PARA_NOTE) : NULL;
    if (p) {
        p->text = copy;
        p->len_b = (uint32_t)strlen(copy);
    } else {
        free(copy);
    }
}

void transcript_restore(struct transcript *t, double t_s, const char *text)
{
    close_para(t);
    char *copy = strdup(text);
    struct ui_para *p = copy ? add_para(t, t_s, UI_PARA_TEXT) : NULL;
    if (!p) {
        free(copy);
        return;
    }
    p->text = copy;
    p->len_b = (uint32_t)strlen(copy);
    t->words += words_count(copy);
}

const struct ui_text *transcript_text(const struct transcript *t)
{
    return &t->text;
}

int transcript_words(const struct transcript *t)
{
    return t->words;
}
