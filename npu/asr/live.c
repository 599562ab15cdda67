/* When live recognition does what: utterances out of voice activity, passes out of hops and pauses.
 * Engine thread; allocates only in asr_live_new.  The work of a pass is in live_pass.c. */
#include "npu/asr/live.h"

#include <stdlib.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/asr/live_impl.h"

enum {
    PREROLL = 50,   /* frames before the first voice: 0.5 s */
    HEARD = 15,     /* frames of quiet after the last voice that a pass needs to have heard it */
    LOOK_BACK = 13, /* frames that the end-point machine may go back for the start */
    CUT_FROM = 600,
    CUT_TO = 50,    /* a forced cut lies so many frames before the limit */
    CUT_SMOOTH = 7, /* frames */
    FORGET = 500,   /* frames of quiet after which earlier text is no context any more */
};

/* Sound that waits, in seconds: from here on passes are rarer; only whole utterances are heard. */
static const double LATE_S = 1.5, VERY_LATE_S = 4;
/* Until something of an utterance is on the screen, hops are this much shorter; a second long:
 * after that it may be no speech. */
static const double FIRST_HOP = 0.5;
enum { FIRST_FRAMES = 100 };
/* An utterance of this length is cut when a pass over it costs more than the longest hop pays for.
 */
static const double COSTLY_S = 10;

enum due { DUE_NOTHING, DUE_HOP, DUE_SOFT, DUE_FINAL, DUE_CUT };

struct asr_live_opts asr_live_opts_default(void)
{
    return (struct asr_live_opts){
        .params = asr_params_default(),
        .hop_min_s = 0.4,
        .hop_max_s = 2.0,
        .max_utt_s = 25,
        .settle = ASR_SETTLE_BOTH,
    };
}

static void take_prompt(struct asr_live *l)
{
    int32_t id[1024];
    char text[2048];
    const char *p = l->o.params.prompt;
    size_t n = p ? strlen(p) : 0, most = sizeof text - 1;
    if (n == 0) {
        return;
    }
    p += n > most ? n - most : 0;
    n = n > most ? most : n;
    text[0] = ' ';
    memcpy(text + 1, p, n);
    int k = asr_tok_bpe(l->tok, text, n + 1, id, 1024);
    if (k > 0) {
        l->n_prompt = k < LIVE_PROMPT ? k : LIVE_PROMPT;
        memcpy(l->prompt, id + k - l->n_prompt, (size_t)l->n_prompt * sizeof *id);
    }
}

int asr_live_new(struct asr_live **out, struct asr_engine *eng, const struct asr_tok *tok,
                 const struct asr_live_opts *o, struct err *e)
{
    const struct asr_hparams *hp = asr_engine_hp(eng);
    struct asr_live *l = calloc(1, sizeof *l);
    int rc = 0;
    *out = NULL;
    if (l) {
        l->eng = eng;
        l->tok = tok;
        l->sp = asr_tok_special(tok);
        l->o = *o;
        l->n_mels = hp->n_mels;
        l->most_frames = 2 * hp->n_audio_ctx;
        l->picker = asr_picker_new(tok, 0);
        l->mel = malloc((size_t)l->most_frames * (size_t)hp->n_mels * sizeof *l->mel);
    }
    if (!l || !l->picker || !l->mel) {
        rc = err_set(e, ERR_MEM, "no memory for live recognition");
    } else {
        rc = asr_align_new(&l->align, eng, asr_tok_model(tok), 2 * LIVE_TOKENS, e);
    }
    if (rc == 0 && l->sp->multilingual && o->params.language >= l->sp->n_lang) {
        rc = err_set(e, ERR_USAGE, "this model does not know the language asked for");
    }
    if (rc < 0) {
        asr_live_free(l);
        return rc;
    }
    /* The encoder hears no more than its window, less the silence that a pass adds. */
    double most_s = (l->most_frames - 2 * 65) * 0.01;
    l->o.max_utt_s = o->max_utt_s > 0 && o->max_utt_s < most_s ? o->max_utt_s : most_s;
    l->detect = l->sp->multilingual && o->params.language < 0;
    l->language = o->params.language >= 0 ? o->params.language : 0;
    take_prompt(l);
    asr_endpoint_reset(&l->ep, 0);
    *out = l;
    return 0;
}

void asr_live_free(struct asr_live *l)
{
    if (l) {
        asr_align_free(l->align);
        asr_picker_free(l->picker);
        free(l->mel);
        free(l);
    }
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ s[i]) * 1099511628211u;
    }
    return h;
}

/* Tells the words when they changed, or when it is the last time. */
static void show(struct asr_live *l, const struct asr_live_io *io, int64_t t1, bool final,
                 bool passed)
{
    uint64_t look = mix(14695981039346656037u, &l->n_settled, sizeof l->n_settled);
    for (int i = 0; i < l->n_word; i++) {
        look = mix(look, l->word[i].text, strlen(l->word[i].text) + 1);
    }
    bool news = l->shown ? look != l->look : l->n_word > 0;
    if (!news && !(final && l->shown)) {
        return;
    }
    l->look = look;
    l->shown = true;
    struct asr_utt u = {
        .id = l->id,
        .t0 = (double)l->u0 * 0.01,
        .t1 = (double)t1 * 0.01,
        .word = l->word,
        .n_word = l->n_word,
        .n_settled = l->n_settled,
        .final = final,
        .pass = l->pass,
        .pass_ms = l->pass_ms,
        .voice0 = (double)l->ep.voiced_first * 0.01,
        .heard = (double)l->ep.frame * 0.01,
        .passed = passed,
    };
    io->utt(io->user, &u);
}

/* ---- utterances --------------------------------------------------------------------------------
 */

static void begin(struct asr_live *l, int64_t u0)
{
    if (l->ep.voiced_first - l->from > FORGET) {
        l->n_context = 0;
    }
    live_forget(l);
    l->active = true;
    l->id++;
    l->u0 = u0 > l->from ? u0 : l->from;
    l->passed = l->ep.voiced_first;
}

/* The next utterance may take what was said as context: only models that learned to. */
static void keep_context(struct asr_live *l)
{
    int most = l->o.params.max_context;
    most = most < 0 || most > LIVE_CONTEXT ? LIVE_CONTEXT : most;
    if (!asr_tok_is_openai(l->tok) || l->guard) {
        most = 0;
    }
    l->n_context = l->n_said < most ? l->n_said : most;
    memcpy(l->context, l->said + l->n_said - l->n_context,
           (size_t)l->n_context * sizeof *l->context);
}

/* Has a pass heard all the voice there is? */
static bool has_heard(const struct asr_live *l, int64_t upto)
{
    int64_t need = l->ep.voiced_last + HEARD;
    need = need < upto ? need : upto;
    return l->pass > 0 && l->passed >= need;
}

static int timed_pass(struct asr_live *l, const struct asr_live_io *io, int64_t c1, bool last,
                      struct err *e)
{
    int64_t t = clk_ns();
    int rc = live_pass(l, io, c1, last, e);
    double took_s = (double)(clk_ns() - t) * 1e-9;
    took_s = l->o.cost ? l->o.cost(l->o.cost_user, &l->work) : took_s;
    l->pass_ms = (float)(took_s * 1e3);
    if (l->work.ctx > 0) {
        double each = took_s / l->work.ctx;
        l->cost_s = l->cost_s > 0 ? 0.7 * l->cost_s + 0.3 * each : each;
    }
    return rc;
}

/* Ends the utterance with the sound up to c1.  Returns whether a pass ran, or -ERR. */
static int finish(struct asr_live *l, const struct asr_live_io *io, int64_t c1, struct err *e)
{
    int ran = 0;
    if (has_heard(l, c1)) {
        live_accept(l, io);
    } else {
        int rc = timed_pass(l, io, c1, true, e);
        if (rc < 0) {
            return rc;
        }
        ran = 1;
    }
    show(l, io, c1, true, ran > 0);
    keep_context(l);
    l->active = false;
    l->from = c1;
    return ran;
}

/* The quietest place before the limit: where the mean over the bands is least, smoothed. */
static int64_t find_cut(struct asr_live *l, const struct asr_live_io *io, int64_t limit)
{
    int64_t from = limit - CUT_FROM > l->u0 + CUT_TO ? limit - CUT_FROM : l->u0 + CUT_TO;
    int64_t said = l->u0 + 2 * (int64_t)l->said_frame + CUT_SMOOTH; /* not inside settled words */
    from = from > said ? from : said;
    int n = (int)(limit - CUT_TO - from), best = n / 2;
    float least = 0, sum = 0;
    if (n < CUT_SMOOTH || n > l->most_frames) {
        return limit;
    }
    io->mel(io->user, from, n, l->u0, limit, l->mel);
    for (int i = 0; i < n; i++) { /* the sum of a frame takes its first place */
        float s = 0;
        for (int b = 0; b < l->n_mels; b++) {
            s += l->mel[(size_t)i * (size_t)l->n_mels + (size_t)b];
        }
        l->mel[i] = s;
    }
    for (int i = 0; i < n; i++) {
        sum += l->mel[i] - (i >= CUT_SMOOTH ? l->mel[i - CUT_SMOOTH] : 0);
        if (i + 1 >= CUT_SMOOTH && (i + 1 == CUT_SMOOTH || sum < least)) {
            least = sum;
            best = i - CUT_SMOOTH / 2;
        }
    }
    return from + best;
}

/* Too long: the utterance ends in its quietest place, the next one begins there. */
static int cut(struct asr_live *l, const struct asr_live_io *io, struct err *e)
{
    int64_t at = find_cut(l, io, l->ep.frame);
    int64_t voiced_last = l->ep.voiced_last;
    l->ep.voiced_last = voiced_last < at ? voiced_last : at;
    /* What an earlier pass guessed beyond the cut belongs to the next utterance: hear it again. */
    l->passed = l->u0;
    int rc = finish(l, io, at, e);
    l->ep.voiced_last = voiced_last;
    if (rc >= 0) {
        l->ep.voiced_first = at;
        begin(l, at);
    }
    return rc;
}

/* ---- turns -------------------------------------------------------------------------------------
 */

/* Seconds of new sound that pay for a pass over what there is: those it lasts, and as many again in
 * which the machine does something else. */
static double worth(const struct asr_live *l)
{
    if (l->o.deterministic && !l->o.cost) {
        return 0;
    }
    return 2.2 * l->cost_s * live_ctx(l, (int)(l->ep.frame - l->u0 + 1) / 2);
}

static int64_t hop(const struct asr_live *l, double behind_s)
{
    double s = worth(l);
    bool first = !l->shown && l->ep.frame - l->ep.voiced_first < FIRST_FRAMES;
    double least = first ? FIRST_HOP * l->o.hop_min_s : l->o.hop_min_s;
    s = s > least ? s : least;
    s = behind_s > LATE_S ? l->o.hop_max_s : s;
    s = s < l->o.hop_max_s ? s : l->o.hop_max_s;
    return (int64_t)(s * 100 + 0.5);
}

/* Too long for the model, for its tokens, or for this machine to go on hearing all of it. */
static bool is_long(const struct asr_live *l)
{
    double s = (double)(l->ep.frame - l->u0) * 0.01;
    return s >= l->o.max_utt_s || l->n_said > LIVE_TOKENS - 40 ||
           (s >= COSTLY_S && worth(l) > l->o.hop_max_s);
}

/* Looks at the next frame.  Nothing heard is dropped when the machine is late: provisional passes
 * are. */
static enum due look(struct asr_live *l, bool voiced, int64_t have, double behind_s)
{
    bool in_time = behind_s < VERY_LATE_S;

    switch (asr_endpoint_feed(&l->ep, voiced)) {
    case ASR_EP_START:
        begin(l, l->ep.voiced_first - PREROLL);
        break;
    case ASR_EP_SOFT:
        /* Speculate, unless the sound that decides is there already. */
        if (!has_heard(l, l->ep.frame) && behind_s < LATE_S &&
            (l->o.deterministic || have - l->ep.frame < 30)) {
            return DUE_SOFT;
        }
        break;
    case ASR_EP_HARD:
        return l->active ? DUE_FINAL : DUE_NOTHING;
    default:
        break;
    }
    if (l->active && is_long(l)) {
        return DUE_CUT;
    }
    bool now = l->o.deterministic || l->ep.frame == have;
    if (l->active && now && in_time && l->ep.frame - l->passed >= hop(l, behind_s) &&
        !has_heard(l, l->ep.frame)) {
        return DUE_HOP;
    }
    return DUE_NOTHING;
}

/* Does what is due.  Returns whether a pass ran, or -ERR. */
static int act(struct asr_live *l, const struct asr_live_io *io, enum due due, struct err *e)
{
    int rc;
    switch (due) {
    case DUE_HOP:
    case DUE_SOFT:
        rc = timed_pass(l, io, l->ep.frame, false, e);
        if (rc == 0) {
            show(l, io, l->ep.frame, false, true);
        }
        return rc < 0 ? rc : 1;
    case DUE_FINAL:
        return finish(l, io, l->ep.frame, e);
    case DUE_CUT:
        return cut(l, io, e);
    default:
        return 0;
    }
}

int64_t asr_live_frame(const struct asr_live *l)
{
    return l->ep.frame;
}

int asr_live_step(struct asr_live *l, const struct asr_live_io *io, int64_t have, bool end,
                  int64_t *keep, struct err *e)
{
    int ran = 0;
    while (ran == 0 && l->ep.frame < have) {
        enum due due = look(l, io->voice(io->user, l->ep.frame), have, io->behind_s);
        ran = act(l, io, due, e);
    }
    if (ran == 0 && end && l->active) {
        ran = finish(l, io, l->ep.frame, e);
        asr_endpoint_reset(&l->ep, l->ep.frame);
    }
    int64_t oldest = l->ep.frame - PREROLL - LOOK_BACK;
    oldest = oldest > l->from ? oldest : l->from;
    *keep = l->active ? l->u0 : oldest;
    return ran;
}
