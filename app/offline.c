/* See offline.h.  Main thread; the engine's columns have threads of their own. */
#include "app/offline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "app/base/log.h"
#include "app/words.h"
#include "audio/mel.h"
#include "audio/vad.h"

enum {
    CHUNK = 16000,          /* samples a read: 1 s */
    TAIL = 60 * AUDIO_RATE, /* where a long sound may be cut */
    QUIET = AUDIO_RATE / 2, /* length of the quiet place that is looked for */
    LEAD = AUDIO_RATE / 2,  /* kept before and after an utterance */
    UTT = 25 * AUDIO_RATE,  /* an utterance is cut at its quietest place before this length */
};

/* One clip on its way: samples wait in tail until it is known that no cut falls into them. */
struct offline {
    struct app_setup *setup;
    struct asr_params params; /* as they fit the model */
    struct mel *mel;
    const atomic_bool *cancel;
    float *tail; /* [2 * TAIL + CHUNK] */
    int64_t tail_n;
    int64_t base;    /* samples of the sound before tail[0] */
    double t0_s;     /* of the present piece */
    struct vad *vad; /* utterance by utterance; NULL: pieces as long as possible */
    int64_t begin;   /* of the utterance under way, -1: none */
    int64_t spent;   /* samples that have been in an utterance already */
    int64_t samples; /* pushed into mel, this piece */
    int64_t heard;   /* read so far */
    int64_t mel_ns;
    /* who wants the segments */
    void (*segment)(struct offline *o, const struct asr_segment *s);
    struct out *out;
    struct offline_stat *stat;
    struct jsonw text; /* offline_text */
    struct offline_words *words;
    int rc; /* of a callback that failed */
};

static bool cancelled(const struct offline *o)
{
    return o->cancel && atomic_load(o->cancel);
}

static int push(struct offline *o, const float *x, int64_t n, struct err *e)
{
    int64_t t = clk_ns();
    int rc = mel_push(o->mel, x, n);
    o->samples += n;
    o->mel_ns += clk_ns() - t;
    return rc ? err_set(e, ERR_MEM, "no memory for the spectrogram of %.0f s of sound",
                        (double)o->samples / AUDIO_RATE)
              : 0;
}

static void on_segment(void *user, const struct asr_segment *s)
{
    struct offline *o = user;
    if (!o->rc) {
        o->segment(o, s);
    }
}

/* What is spoken, by the first clip; later ones are taken to be the same. */
static int find_language(struct offline *o, const float *norm, int n_frames, struct err *e)
{
    const struct app_setup *s = o->setup;
    const struct asr_special *sp = asr_tok_special(s->tok);
    if (o->params.language >= 0 || !sp->multilingual) {
        return 0;
    }
    int best, rc = asr_detect_language(s->eng, s->tok, norm, n_frames, o->params.audio_ctx, NULL,
                                       NULL, &best, e);
    if (!rc) {
        /* best may be a language that this vocabulary has no token for */
        o->params.language = best < sp->n_lang ? best : 0;
        log_msg(LOG_INFO, "language found: %s", asr_lang_code(o->params.language));
    }
    return rc;
}

/* Transcribes what mel holds and begins the next piece. */
static int run_piece(struct offline *o, struct err *e)
{
    struct asr_sink sink = {.user = o, .segment = on_segment, .cancel = o->cancel};
    int64_t n_frames = mel_clip_frames(o->samples), frames = mel_sound_frames(o->samples);
    int bands = mel_bands(o->mel), rc = 0;
    float *norm = NULL;
    if (o->samples > 0 && frames > 0 && !cancelled(o)) {
        int64_t t = clk_ns();
        norm = malloc((size_t)n_frames * (size_t)bands * sizeof *norm);
        if (mel_finish(o->mel) || !norm) {
            rc = err_set(e, ERR_MEM, "no memory for the spectrogram of %.0f s of sound",
                         (double)o->samples / AUDIO_RATE);
            goto out;
        }
        mel_window(o->mel, 0, (int)n_frames, n_frames, mel_max(o->mel, 0, mel_end(o->mel)), norm);
        o->mel_ns += clk_ns() - t;
        rc = find_language(o, norm, (int)n_frames, e);
        if (rc) {
            goto out;
        }
        rc = asr_transcribe(o->setup->eng, o->setup->tok, &o->params, norm, (int)n_frames,
                            (int)frames, &sink, e);
        if (!rc && o->rc) {
            rc = err_set(e, ERR_MEM, "no memory for the text");
        }
    }
out:
    o->t0_s += (double)o->samples / AUDIO_RATE;
    o->samples = 0;
    mel_reset(o->mel);
    free(norm);
    return rc;
}

/* Middle of the quietest half second of x[n], in steps of 100 ms. */
static int64_t quietest(const float *x, int64_t n)
{
    int64_t best = n;
    double least = INFINITY;
    for (int64_t at = 0; at + QUIET <= n; at += QUIET / 5) {
        double sum = 0;
        for (int64_t i = at; i < at + QUIET; i++) {
            sum += (double)x[i] * x[i];
        }
        if (sum < least) {
            least = sum;
            best = at + QUIET / 2;
        }
    }
    return best;
}

static void drop_tail(struct offline *o, int64_t n)
{
    o->tail_n -= n;
    o->base += n;
    memmove(o->tail, o->tail + n, (size_t)o->tail_n * sizeof *o->tail);
}

/* -- utterance by utterance -------------------------------------------------------------------- */

/* Sound from the beginning of the utterance to `end` becomes a clip of its own. */
static int utterance(struct offline *o, int64_t end, struct err *e)
{
    int64_t from = o->begin - o->base, n = end - o->begin;
    o->t0_s = (double)o->begin / AUDIO_RATE;
    int rc = push(o, o->tail + from, n, e);
    rc = rc ? rc : run_piece(o, e);
    o->spent = end;
    drop_tail(o, from + n);
    return rc;
}

/* What one verdict means for the utterance under way. */
static int verdict(struct offline *o, const struct vad_out *v, struct err *e)
{
    if (v->started) {
        int64_t from = v->speech_start - LEAD;
        o->begin = from > o->spent ? from : o->spent;
    }
    if (o->begin < 0) {
        return 0;
    }
    int64_t end = -1;
    if (v->hard_end) {
        end = v->voiced_end + LEAD < v->end ? v->voiced_end + LEAD : v->end;
    } else if (v->end - o->begin >= UTT) {
        const float *last = o->tail + (v->end - UTT / 2 - o->base);
        end = v->end - UTT / 2 + quietest(last, UTT / 2);
    }
    int rc = 0;
    if (end > o->begin) {
        rc = utterance(o, end, e);
        o->begin = v->hard_end ? -1 : end;
    }
    return rc;
}

static int feed_utterances(struct offline *o, int64_t n, struct err *e)
{
    int64_t at = o->base + o->tail_n, end = at + n; /* in samples of the sound: tail moves */
    o->tail_n += n;
    while (at < end) {
        struct vad_out v;
        int fresh;
        at += vad_push(o->vad, o->tail + (at - o->base), (int)(end - at), &v, &fresh);
        int rc = fresh ? verdict(o, &v, e) : 0;
        if (rc) {
            return rc;
        }
    }
    if (o->begin < 0 && o->tail_n > TAIL) { /* silence */
        drop_tail(o, o->tail_n - 2 * LEAD);
    }
    return 0;
}

/* Takes n samples that the caller put at tail + tail_n. */
static int feed(struct offline *o, int64_t n, struct err *e)
{
    int rc = 0;
    if (o->vad) {
        return feed_utterances(o, n, e);
    }
    o->tail_n += n;
    if (o->samples + o->tail_n >= (int64_t)OFFLINE_PIECE_S * AUDIO_RATE) {
        int64_t from = o->tail_n > TAIL ? o->tail_n - TAIL : 0;
        int64_t cut = from + quietest(o->tail + from, o->tail_n - from);
        rc = push(o, o->tail, cut, e);
        rc = rc ? rc : run_piece(o, e);
        drop_tail(o, cut);
    } else if (o->tail_n > 2 * TAIL) {
        rc = push(o, o->tail, o->tail_n - TAIL, e);
        drop_tail(o, o->tail_n - TAIL);
    }
    return rc;
}

/* The sound is over. */
static int feed_end(struct offline *o, struct err *e)
{
    if (o->vad) {
        return o->begin >= 0 ? utterance(o, o->base + o->tail_n, e) : 0;
    }
    int rc = push(o, o->tail, o->tail_n, e);
    return rc ? rc : run_piece(o, e);
}

static int open_run(struct offline *o, struct app_setup *s, const struct asr_params *p,
                    struct err *e)
{
    const struct asr_hparams *hp = asr_model_hp(s->model);
    *o = (struct offline){.setup = s, .params = *p, .begin = -1};
    app_setup_fit(s, &o->params);
    jsonw_init(&o->text);
    o->tail = malloc((2 * TAIL + CHUNK) * sizeof *o->tail);
    if (!o->tail) {
        return err_set(e, ERR_MEM, "no memory for sound");
    }
    int rc = mel_new(&o->mel, hp->n_mels, asr_model_filters(s->model), e);
    /* Whisper was trained on windows of 30 s with earlier text; other models on utterances. */
    if (!rc && !asr_tok_is_openai(s->tok)) {
        rc = vad_new(&o->vad, NULL, e);
    }
    return rc;
}

static void close_run(struct offline *o)
{
    mel_free(o->mel);
    vad_free(o->vad);
    free(o->tail);
    jsonw_free(&o->text);
}

/* -- to an output ------------------------------------------------------------------------------ */

static void segment_out(struct offline *o, const struct asr_segment *s)
{
    struct words w;
    o->rc = words_make(&w, o->setup->tok, s, o->t0_s);
    if (o->rc) {
        return;
    }
    struct out_segment seg = {
        .t0 = o->t0_s + (double)s->t0 * 0.01,
        .t1 = o->t0_s + fmin((double)s->t1 * 0.01, (double)o->samples / AUDIO_RATE),
        .text = s->text,
        .word = w.word,
        .n_word = w.n,
        .avg_logp = s->avg_logp,
        .nospeech = s->nospeech,
        .at_s = NAN,
    };
    if (o->params.no_timestamps && w.n) { /* the words know better than the clip's edges */
        seg.t0 = isfinite(w.word[0].t0) ? w.word[0].t0 : seg.t0;
        seg.t1 = w.word[w.n - 1].t1 > seg.t0 ? w.word[w.n - 1].t1 : seg.t1;
    }
    out_segment(o->out, &seg);
    o->stat->segments++;
    o->stat->words += words_count(s->text);
    words_free(&w);
}

int offline_run(struct app_setup *s, struct audio_src *src, const struct asr_params *p,
                struct out *out, const atomic_bool *cancel, struct offline_stat *st, struct err *e)
{
    struct offline o;
    int64_t wall = clk_ns(), cpu = clk_cpu_ns();
    struct err read_err = {0};
    int n = 0;
    memset(st, 0, sizeof *st);
    int rc = open_run(&o, s, p, e);
    o.out = out;
    o.stat = st;
    o.cancel = cancel;
    o.segment = segment_out;
    while (!rc && !cancelled(&o)) {
        int64_t t = clk_ns();
        n = audio_src_read16k(src, o.tail + o.tail_n, CHUNK, 200, &read_err);
        o.mel_ns += clk_ns() - t;
        if (n == AUDIO_AGAIN) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        o.heard += n;
        rc = feed(&o, n, e);
    }
    rc = rc ? rc : feed_end(&o, e);
    if (!rc && n < 0 && n != AUDIO_AGAIN) { /* the text of what could be read stands */
        rc = n;
        *e = read_err;
    }
    st->language = asr_lang_code(o.params.language);
    st->audio_s = (double)o.heard / AUDIO_RATE;
    st->mel_s = (double)o.mel_ns * 1e-9;
    st->wall_s = (double)(clk_ns() - wall) * 1e-9;
    st->cpu_s = (double)(clk_cpu_ns() - cpu) * 1e-9;
    log_msg(LOG_INFO, "%.2f s of sound in %.3f s wall, %.3f s CPU, front end %.3f s", st->audio_s,
            st->wall_s, st->cpu_s, st->mel_s);
    close_run(&o);
    return rc;
}

/* -- to a string ------------------------------------------------------------------------------- */

static int keep_words(struct offline *o, const struct asr_segment *s)
{
    struct offline_words *k = o->words;
    struct words w;
    int rc = words_make(&w, o->setup->tok, s, o->t0_s);
    for (int i = 0; i < w.n && !rc; i++) {
        if (k->n == k->cap) {
            size_t cap = k->cap ? 2 * k->cap : 256;
            struct asr_word *p = realloc(k->word, cap * sizeof *p);
            if (!p) {
                rc = -ERR_MEM;
                break;
            }
            k->word = p;
            k->cap = cap;
        }
        struct asr_word *v = &k->word[k->n++];
        *v = (struct asr_word){.t0 = (float)w.word[i].t0,
                               .t1 = (float)w.word[i].t1,
                               .p = (float)w.word[i].p,
                               .settled = true};
        snprintf(v->text, sizeof v->text, "%s", w.word[i].text);
    }
    words_free(&w);
    return rc;
}

static void segment_text(struct offline *o, const struct asr_segment *s)
{
    char *line = out_line(s->text);
    o->rc = !line ? -ERR_MEM : o->words ? keep_words(o, s) : 0;
    if (o->rc) {
        free(line);
        return;
    }
    if (*line) {
        jsonw_fmt(&o->text, "%s%s", o->text.len ? " " : "", line);
    }
    free(line);
}

int offline_text(struct app_setup *s, const float *samples, int64_t n, const struct asr_params *p,
                 char **text, struct offline_words *words, struct err *e)
{
    struct offline o;
    *text = NULL;
    int rc = open_run(&o, s, p, e);
    o.words = words;
    o.segment = segment_text;
    while (!rc && n > 0) {
        int64_t k = n < CHUNK ? n : CHUNK;
        memcpy(o.tail + o.tail_n, samples, (size_t)k * sizeof *samples);
        rc = feed(&o, k, e);
        samples += k;
        n -= k;
    }
    rc = rc ? rc : feed_end(&o, e);
    if (!rc) {
        jsonw_raw(&o.text, "", 0);
        *text = jsonw_ok(&o.text) ? strdup(o.text.buf) : NULL;
        rc = *text ? 0 : err_set(e, ERR_MEM, "no memory for the text");
    }
    close_run(&o);
    return rc;
}
