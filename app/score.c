/* dictate score: reads a table, transcribes every file, compares after Whisper's normalisation;
 * with --stream as live text, beside the same files offline.
 * Main thread.  A file that cannot be read ends the run: a rate over the rest would mislead. */
#include "app/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/args.h"
#include "app/base/clk.h"
#include "app/base/file.h"
#include "app/base/jsonw.h"
#include "app/offline.h"
#include "app/score_list.h"
#include "app/score_stream.h"
#include "app/setup.h"
#include "app/sound.h"
#include "app/text/normalise.h"
#include "app/text/wer.h"
#include "audio/src.h"

struct tally {
    char *source; /* borrowed from the list */
    size_t files;
    struct text_errors words, chars;
};

struct score {
    struct score_list list;
    struct app_setup setup;
    struct tally *by; /* one per source, in order of appearance */
    size_t n_by;
    struct tally total;
    struct tally offline; /* --stream: the same files without a clock */
    struct score_stream live;
    double audio_s, wall_s;
};

static struct tally *tally_of(struct score *s, char *source)
{
    for (size_t i = 0; i < s->n_by; i++) {
        if (!strcmp(s->by[i].source, source)) {
            return &s->by[i];
        }
    }
    struct tally *t = &s->by[s->n_by++]; /* by has as many places as there are rows */
    t->source = source;
    return t;
}

static void tally_add(struct tally *t, const struct text_errors *w, const struct text_errors *c)
{
    t->files++;
    text_errors_add(&t->words, w);
    text_errors_add(&t->chars, c);
}

/* Compares two texts and adds to the totals, or to those of `aside` alone; with -v both are shown,
 * for people. */
static int compare(struct score *s, const struct args *a, const struct score_row *r,
                   const char *text, struct tally *aside, struct err *e)
{
    struct text_errors w, c;
    char *ref = text_normalise(r->text, strlen(r->text));
    char *hyp = text_normalise(text, strlen(text));
    int rc = 0;
    if (!ref || !hyp || text_wer(ref, hyp, &w) < 0 || text_cer(ref, hyp, &c) < 0) {
        rc = err_set(e, ERR_MEM, "%s: no memory to compare the texts", r->file);
        goto out;
    }
    if (r->source[0] && !aside) {
        tally_add(tally_of(s, r->source), &w, &c);
    }
    tally_add(aside ? aside : &s->total, &w, &c);
    if (a->verbose && !aside) {
        fprintf(stderr, "%s: %zu errors in %zu words\n  is   %s\n  read %s\n", r->file,
                text_errors_count(&w), w.n, ref, hyp);
    }
out:
    free(ref);
    free(hyp);
    return rc;
}

/* The file as live sound.  Words without times in the table have those of the offline run. */
static int stream(struct score *s, const struct asr_params *p, const struct score_row *r,
                  const float *x, int64_t n, const struct offline_words *off, char **text,
                  struct err *e)
{
    size_t count = r->end ? r->n_word : off->n;
    const char **word = calloc(count + 1, sizeof *word);
    double *end = calloc(count + 1, sizeof *end);
    int rc = word && end ? 0 : err_set(e, ERR_MEM, "%s: no memory for its words", r->file);
    for (size_t i = 0; i < count && !rc; i++) {
        word[i] = r->end ? r->word[i] : off->word[i].text;
        end[i] = r->end ? r->end[i] : (double)off->word[i].t1;
    }
    if (!rc) {
        struct score_spoken spoken = {word, end, r->end ? r->start : NULL, count};
        rc = score_stream_row(&s->live, &s->setup, p, x, n, &spoken, r->n_word == 0, text, e);
    }
    free(word);
    free(end);
    return rc;
}

static int one_file(struct score *s, const struct args *a, const struct asr_params *p,
                    const struct score_row *r, struct err *e)
{
    struct offline_words off = {0};
    float *x = NULL;
    char *text = NULL, *live = NULL;
    int64_t n = 0;
    int rc = sound_read(r->file, OFFLINE_PIECE_S, &x, &n, e);
    if (!rc) {
        rc = offline_text(&s->setup, x, n, p, &text, a->stream ? &off : NULL, e);
    }
    if (!rc && a->stream) {
        rc = compare(s, a, r, text, &s->offline, e);
        rc = rc ? rc : stream(s, p, r, x, n, &off, &live, e);
    }
    if (!rc) {
        s->audio_s += (double)n / AUDIO_RATE;
        rc = compare(s, a, r, a->stream ? live : text, NULL, e);
    }
    free(x);
    free(text);
    free(live);
    free(off.word);
    return rc;
}

static int all_files(struct score *s, const struct args *a, struct err *e)
{
    struct asr_params p = args_params(a);
    int show = isatty(STDERR_FILENO) && !a->quiet && !a->verbose;
    int64_t t0 = clk_ns();
    int rc = 0;
    for (size_t i = 0; i < s->list.n && !rc; i++) {
        if (show) {
            fprintf(stderr, "\r%zu of %zu, %zu errors in %zu words ", i + 1, s->list.n,
                    text_errors_count(&s->total.words), s->total.words.n);
        }
        rc = one_file(s, a, &p, &s->list.row[i], e);
    }
    if (show) {
        fprintf(stderr, "\r%60s\r", "");
    }
    s->wall_s = (double)(clk_ns() - t0) * 1e-9;
    return rc;
}

static void json_tally(struct jsonw *w, const char *key, const struct tally *t)
{
    jsonw_obj(w, key);
    jsonw_num(w, "wer", text_errors_rate(&t->words), 6);
    jsonw_num(w, "cer", text_errors_rate(&t->chars), 6);
    jsonw_int(w, "errors", (int64_t)text_errors_count(&t->words));
    jsonw_int(w, "words", (int64_t)t->words.n);
    jsonw_int(w, "substitutions", (int64_t)t->words.sub);
    jsonw_int(w, "insertions", (int64_t)t->words.ins);
    jsonw_int(w, "deletions", (int64_t)t->words.del);
    jsonw_int(w, "char_errors", (int64_t)text_errors_count(&t->chars));
    jsonw_int(w, "chars", (int64_t)t->chars.n);
    jsonw_int(w, "files", (int64_t)t->files);
    jsonw_obj_end(w);
}

static void json(struct jsonw *w, const struct score *s, const struct args *a)
{
    jsonw_obj(w, NULL);
    json_tally(w, "total", &s->total);
    jsonw_obj(w, "sources");
    for (size_t i = 0; i < s->n_by; i++) {
        json_tally(w, s->by[i].source, &s->by[i]);
    }
    jsonw_obj_end(w);
    if (a->stream) {
        json_tally(w, "offline", &s->offline);
        jsonw_num(w, "wer_over_offline",
                  text_errors_rate(&s->total.words) - text_errors_rate(&s->offline.words), 6);
        score_stream_json(w, &s->live);
    }
    jsonw_str(w, "model", s->setup.name);
    jsonw_str(w, "precision", a->precision == ASR_PREC_F32 ? "f32" : "int8");
    jsonw_str(w, "device", npu_rt_name(s->setup.rt));
    jsonw_str(w, "isa", npu_rt_isa(s->setup.rt));
    jsonw_num(w, "audio_s", s->audio_s, 3);
    jsonw_num(w, "wall_s", s->wall_s, 3);
    jsonw_obj_end(w);
    jsonw_text(w, "\n");
}

/* "12.3 %", or "-" when there was nothing to get wrong. */
static const char *rate(char *s, size_t cap, const struct text_errors *e)
{
    double r = text_errors_rate(e);
    if (isnan(r)) {
        snprintf(s, cap, "-");
    } else {
        snprintf(s, cap, "%.1f %%", 100 * r);
    }
    return s;
}

static void plain_tally(struct jsonw *w, const char *name, const struct tally *t)
{
    char wer[16], cer[16];
    jsonw_fmt(w, "%-40.40s %6zu %7zu %7zu %9s %9s\n", name, t->files, t->words.n,
              text_errors_count(&t->words), rate(wer, sizeof wer, &t->words),
              rate(cer, sizeof cer, &t->chars));
}

static void plain(struct jsonw *w, const struct score *s, const struct args *a)
{
    jsonw_fmt(w, "%-40s %6s %7s %7s %9s %9s\n", "source", "files", "words", "errors", "WER", "CER");
    for (size_t i = 0; i < s->n_by; i++) {
        plain_tally(w, s->by[i].source, &s->by[i]);
    }
    plain_tally(w, "total", &s->total);
    if (a->stream) {
        plain_tally(w, "the same files offline", &s->offline);
        score_stream_plain(w, &s->live);
        jsonw_text(w, a->quiet ? "" : "\n");
    }
    if (!a->quiet) {
        jsonw_fmt(
            w,
            "%s, %s, %s; %.1f s of sound in %.1f s; errors are %zu wrong, %zu added, %zu missed\n",
            s->setup.name, a->precision == ASR_PREC_F32 ? "f32" : "int8", npu_rt_name(s->setup.rt),
            s->audio_s, s->wall_s, s->total.words.sub, s->total.words.ins, s->total.words.del);
    }
}

static int print(const struct score *s, const struct args *a, struct err *e)
{
    struct jsonw w;
    int rc = 0;
    jsonw_init(&w);
    if (a->format == ARGS_FMT_JSON) {
        json(&w, s, a);
    } else {
        plain(&w, s, a);
    }
    if (!jsonw_ok(&w)) {
        rc = err_set(e, ERR_MEM, "no memory for the result");
    } else if (a->out) {
        rc = file_save(a->out, w.buf, w.len, e);
    } else if (fwrite(w.buf, 1, w.len, stdout) != w.len || fflush(stdout)) {
        rc = err_set(e, ERR_DISK, "standard output cannot be written");
    }
    jsonw_free(&w);
    return rc;
}

int score_main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    struct score s = {0};
    int rc = args_parse_cmd(&a, ARGS_SCORE, argc, argv, &e);
    if (rc) {
        goto out;
    }
    if (a.help) {
        args_usage(stdout, ARGS_SCORE);
        return 0;
    }
    rc = score_list_read(&s.list, a.pos[0], &e);
    if (rc) {
        goto out;
    }
    s.by = calloc(s.list.n, sizeof *s.by);
    if (!s.by) {
        rc = err_set(&e, ERR_MEM, "no memory for %zu files", s.list.n);
        goto out;
    }
    s.live.wall = a.wall;
    s.live.explain = a.stream && a.verbose > 1;
    rc = app_setup_open(&s.setup, &a, &e);
    if (rc) {
        goto out;
    }
    rc = all_files(&s, &a, &e);
    if (!rc) {
        rc = print(&s, &a, &e);
    }
out:
    app_setup_close(&s.setup);
    free(s.by);
    score_stream_free(&s.live);
    score_list_free(&s.list);
    return rc ? args_complain(&e) : 0;
}
