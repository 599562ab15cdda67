/* Whisper's logit rules, in whisper.cpp's order, and the choice of a token.  One picker belongs to
 * one thread; a step allocates nothing.  The columns wait meanwhile, so of most of the vocabulary only what they have
 * found in each piece of it is looked at (engine.h, struct asr_row); pieces that rules or refine.c have changed are
 * gone through, in loops written for the compiler's vectors (the Makefile asks for them).
 *
 * Random numbers (temperature > 0) are our own xorshift64*, not whisper.cpp's generator: results
 * are the same everywhere, but not those of whisper.cpp. */
#include "npu/asr/pick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/most.h"

enum { MAX_SYMBOLS = 128, STAMPS_LOG = 8 }; /* 1501 stamps: ln is 7.3 */

/* Logits under the rules, piece by piece: those that are not as the device left them are in `own`. */
struct view {
    struct asr_row row;
    int32_t n;
    float *own;     /* [n] */
    uint8_t *owned; /* [pieces] */
};

struct asr_picker {
    struct asr_special sp;
    int n_vocab;
    int32_t blank; /* the token of a single space, -1: none */
    int32_t symbol[MAX_SYMBOLS];
    int n_symbol;
    uint64_t seed;
    struct view v;
};

/* What is written but not spoken (OpenAI's list); each also with a space before it. */
static const char *const SYMBOLS[] = {
    "\"",
    "#",
    "(",
    ")",
    "*",
    "+",
    "/",
    ":",
    ";",
    "<",
    "=",
    ">",
    "@",
    "[",
    "\\",
    "]",
    "^",
    "_",
    "`",
    "{",
    "|",
    "}",
    "~",
    "\u300c",
    "\u300d",
    "\u300e",
    "\u300f",
    "<<",
    ">>",
    "<<<",
    ">>>",
    "--",
    "---",
    "-(",
    "-[",
    "('",
    "(\"",
    "((",
    "))",
    "(((",
    ")))",
    "[[",
    "]]",
    "{{",
    "}}",
    "\u266a\u266a",
    "\u266a\u266a\u266a",
    "\u2669",
    "\u266a",
    "\u266b",
    "\u266c",
    "\u266d",
    "\u266e",
    "\u266f",
};

static void add_symbol(struct asr_picker *p, const struct asr_tok *tok, const char *s)
{
    int32_t id;
    if (asr_tok_bpe(tok, s, strlen(s), &id, 1) == 1 && p->n_symbol < MAX_SYMBOLS) {
        p->symbol[p->n_symbol++] = id;
    }
}

struct asr_picker *asr_picker_new(const struct asr_tok *tok, uint64_t seed)
{
    struct asr_picker *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->sp = *asr_tok_special(tok);
    p->n_vocab = asr_tok_vocab(tok);
    p->v.n = p->n_vocab;
    p->v.own = malloc((size_t)p->n_vocab * sizeof *p->v.own);
    p->v.owned = malloc((size_t)p->n_vocab / ASR_PIECE + 1);
    if (!p->v.own || !p->v.owned) {
        asr_picker_free(p);
        return NULL;
    }
    if (asr_tok_bpe(tok, " ", 1, &p->blank, 1) != 1) {
        p->blank = -1;
    }
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof *SYMBOLS; i++) {
        char spaced[16] = " ";
        add_symbol(p, tok, SYMBOLS[i]);
        add_symbol(p, tok, strcat(spaced, SYMBOLS[i]));
    }
    add_symbol(p, tok, " -"); /* at the start of a word only: they are also part of words */
    add_symbol(p, tok, " '");
    asr_picker_seed(p, seed);
    return p;
}

void asr_picker_free(struct asr_picker *p)
{
    if (p) {
        free(p->v.own);
        free(p->v.owned);
        free(p);
    }
}

void asr_picker_seed(struct asr_picker *p, uint64_t seed)
{
    p->seed = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
    if (p->seed == 0) {
        p->seed = 1; /* the one state that xorshift never leaves */
    }
}

static double uniform(struct asr_picker *p)
{
    uint64_t x = p->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    p->seed = x;
    return (double)(x * 0x2545f4914f6cdd1du >> 11) * 0x1p-53;
}

/* -- pieces ----------------------------------------------------------------------------------------- */

static int32_t end_of(const struct view *v, int32_t piece)
{
    return v->n - piece * ASR_PIECE < ASR_PIECE ? v->n : (piece + 1) * ASR_PIECE;
}

static bool is_owned(const struct view *v, int32_t piece)
{
    return v->owned && v->owned[piece];
}

/* What the device found in a piece; NULL: it has to be gone through. */
static const struct k_range *found(const struct view *v, int32_t piece)
{
    const struct k_range *f = v->row.piece && !is_owned(v, piece) ? &v->row.piece[piece] : NULL;
    return f && !isnan(f->sum) ? f : NULL;
}

/* Where the logits of a piece are, by token. */
static const float *values(const struct view *v, int32_t piece)
{
    return is_owned(v, piece) ? v->own : v->row.logits;
}

static float logit_of(const struct view *v, int32_t id) { return values(v, id / ASR_PIECE)[id]; }

static void own(struct view *v, int32_t piece)
{
    const int32_t from = piece * ASR_PIECE;
    if (!v->owned[piece]) {
        memcpy(v->own + from, v->row.logits + from, (size_t)(end_of(v, piece) - from) * sizeof *v->own);
        v->owned[piece] = 1;
    }
}

static void view_begin(struct view *v, struct asr_row row, float temperature)
{
    v->row = row;
    memset(v->owned, temperature > 0, (size_t)v->n / ASR_PIECE + 1);
    for (int32_t i = 0; i < v->n && temperature > 0; i++) {
        v->own[i] = row.logits[i] / temperature;
    }
}

static void ban(struct asr_picker *p, int32_t id)
{
    if (id >= 0 && id < p->n_vocab) {
        own(&p->v, id / ASR_PIECE);
        p->v.own[id] = -INFINITY;
    }
}

static void ban_range(struct asr_picker *p, int32_t from, int32_t to)
{
    struct view *v = &p->v;
    from = from < 0 ? 0 : from;
    to = to > p->n_vocab ? p->n_vocab : to;
    for (int32_t i = from, end; i < to; i = end) {
        const int32_t piece = i / ASR_PIECE;
        end = end_of(v, piece) < to ? end_of(v, piece) : to;
        own(v, piece);
        for (int32_t k = i; k < end; k++) {
            v->own[k] = -INFINITY;
        }
    }
}

/* Rules 1 to 6: what never, and what not now. */
static void ban_tokens(struct asr_picker *p, const struct asr_rules *r, bool initial)
{
    const struct asr_special *s = &p->sp;
    if (initial && r->suppress_blank) {
        ban(p, s->eot);
        ban(p, p->blank);
    }
    ban(p, s->not_);
    if (r->no_timestamps) {
        ban_range(p, s->beg, p->n_vocab);
    }
    ban(p, s->sot);
    ban(p, s->nosp);
    ban(p, s->solm);
    ban(p, s->translate);
    ban(p, s->transcribe);
    ban(p, s->prev);
    for (int i = 0; i < s->n_lang; i++) {
        ban(p, s->lang[i]);
    }
    for (int i = 0; r->suppress_nst && i < p->n_symbol; i++) {
        ban(p, p->symbol[i]);
    }
}

/* Rules 7 to 9: stamps come in pairs, begin early, and do not go back. */
static void ban_stamps(struct asr_picker *p, const struct asr_rules *r, const int32_t *tokens,
                       int n, bool has_ts, int seek_delta)
{
    int32_t beg = p->sp.beg;
    if (n > 0 && tokens[n - 1] >= beg) {
        if (n < 2 || tokens[n - 2] >= beg) {
            ban_range(p, beg, p->n_vocab);
        } else {
            ban_range(p, 0, p->sp.eot);
        }
    }
    if (n == 0 && r->max_initial_index > 0) {
        ban_range(p, beg + r->max_initial_index + 1, p->n_vocab);
    }
    if (has_ts) {
        ban_range(p, beg, beg + seek_delta / 2);
    }
}

struct best {
    int32_t id, second;
    float top, next; /* their logits */
};

/* Looks at tokens from..to-1 too. */
static void look(struct best *b, const float *l, int32_t from, int32_t to)
{
    for (int32_t i = from, end; i < to; i = end) {
        end = to - i < ASR_BLOCK ? to : i + ASR_BLOCK;
        if (end - i == ASR_BLOCK && asr_most(l + i) <= b->next) {
            continue;
        }
        for (int32_t k = i; k < end; k++) {
            if (l[k] > b->next) {
                if (l[k] > b->top) {
                    b->second = b->id;
                    b->next = b->top;
                    b->id = k;
                    b->top = l[k];
                } else {
                    b->second = k;
                    b->next = l[k];
                }
            }
        }
    }
}

static struct best best_of(const struct view *v, int32_t from, int32_t to)
{
    struct best b = {-1, -1, -INFINITY, -INFINITY};
    for (int32_t i = from, end; i < to; i = end) {
        const int32_t piece = i / ASR_PIECE;
        const struct k_range *f = found(v, piece);
        end = end_of(v, piece) < to ? end_of(v, piece) : to;
        if (!f || f->most > b.next) {
            look(&b, values(v, piece), i, end);
        }
    }
    return b;
}

/* What is below -80, or no number, is -80: of e^-80 a vocabulary full is lost in rounding. */
static inline float floor_of(float x) { return x > -80.0f ? x : -80.0f; }

/* e^x of -80 <= x <= 0, to 2e-7 of it: 2^n e^r, |r| <= ln 2 / 2, and the series of e^r to r^6; n from the last bits of a
 * sum with 1.5 2^23, ln 2 in two parts, as Cephes has them. */
static inline float exp_of(float x)
{
    const float t = x * 1.44269504f + 12582912.0f, n = t - 12582912.0f;
    const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = r * (1.0f / 720) + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    union {
        float f;
        uint32_t u;
    } y = {p}, scale = {t};
    y.u += scale.u << 23;
    return y.f;
}

/* The sum of e^((l - top) by) over tokens from..to-1, where top is the largest. */
static double sum_some(const float *l, int32_t from, int32_t to, float top, float by)
{
    double sum = 0;
    int32_t i = from;
    for (; i + ASR_BLOCK <= to; i += ASR_BLOCK) {
        float e[ASR_BLOCK];
        for (int k = 0; k < ASR_BLOCK; k++) {
            e[k] = floor_of((l[i + k] - top) * by);
        }
        for (int k = 0; k < ASR_BLOCK; k++) { /* in one loop the compiler would branch */
            e[k] = exp_of(e[k]);
        }
        for (int half = ASR_BLOCK / 2; half > 0; half /= 2) {
            for (int k = 0; k < half; k++) {
                e[k] += e[k + half];
            }
        }
        sum += (double)e[0];
    }
    for (; i < to; i++) {
        sum += (double)exp_of(floor_of((l[i] - top) * by));
    }
    return sum;
}

/* The same of all pieces; by is 1 where some are not owned. */
static double sum_exp(const struct view *v, int32_t from, int32_t to, float top, float by)
{
    double sum = 0;
    for (int32_t i = from, end; i < to; i = end) {
        const int32_t piece = i / ASR_PIECE;
        const struct k_range *f = found(v, piece);
        end = end_of(v, piece) < to ? end_of(v, piece) : to;
        sum += f && i % ASR_PIECE == 0 && end == end_of(v, piece) ? (double)f->sum * exp((double)(f->most - top))
                                                                  : sum_some(values(v, piece), i, end, top, by);
    }
    return sum;
}

/* The same with logits that are exact as far as that decides.  At a temperature what is drawn decides. */
static struct best exact_best(struct view *v, int32_t from, int32_t to, bool cold)
{
    const struct best b = best_of(v, from, to);
    if (!v->row.eng || !cold || b.id < 0 || b.top - v->row.doubt / 2 >= v->row.known) {
        return b;
    }
    for (int32_t i = from / ASR_PIECE; i * ASR_PIECE < to; i++) {
        own(v, i);
    }
    asr_row_refine(v->row, v->own, from, to);
    return best_of(v, from, to);
}

/* The better two of both lists; equal values: the lower id, which is a text token. */
static struct best merge(struct best text, struct best ts)
{
    struct best b = text.top >= ts.top ? text : ts;
    struct best o = text.top >= ts.top ? ts : text;
    if (o.id >= 0 && (b.second < 0 || o.top > b.next)) {
        b.second = o.id;
        b.next = o.top;
    }
    return b;
}

/* All pieces are owned at a temperature. */
static int32_t draw(struct asr_picker *p, int32_t from, int32_t to, float top)
{
    const float *l = p->v.own;
    double left = uniform(p) * sum_exp(&p->v, from, to, top, 1.0f);
    int32_t id = -1;
    for (int32_t i = from; i < to; i++) {
        if (l[i] > top - 30.0f) {
            id = i;
            left -= (double)exp_of(l[i] - top);
            if (left < 0) {
                break;
            }
        }
    }
    return id;
}

/* Log-probability as if the temperature were 1, so that tries at different ones can be compared. */
static float logp_at_1(const struct asr_picker *p, int32_t id, float t, float top)
{
    return (float)((double)(p->v.own[id] - top) * (double)t - log(sum_exp(&p->v, 0, p->n_vocab, top, t)));
}

struct asr_pick asr_picker_step(struct asr_picker *p, const struct asr_rules *rules,
                                struct asr_row row, const int32_t *tokens, int n, bool has_ts,
                                int seek_delta)
{
    int32_t beg = p->sp.beg, from = 0;
    struct asr_pick out = {p->sp.eot, -1, -1, -99.0f, 99.0f, -99.0f};
    struct view *v = &p->v;
    const bool cold = !(rules->temperature > 0);
    view_begin(v, row, rules->temperature);
    ban_tokens(p, rules, n == 0);
    ban_stamps(p, rules, tokens, n, has_ts, seek_delta);

    struct best text = exact_best(v, 0, beg, cold), ts = best_of(v, beg, p->n_vocab);
    if (ts.id >= 0 && ts.top + row.doubt + STAMPS_LOG > text.top) { /* the sum of the stamps may be larger */
        ts = exact_best(v, beg, p->n_vocab, cold);
    }
    struct best b = merge(text, ts);
    if (b.id < 0 || !isfinite(b.top)) {
        return out; /* nothing is allowed, or the logits are no numbers: end here */
    }
    double sum_ts = ts.id >= 0 ? sum_exp(v, beg, p->n_vocab, b.top, 1.0f) : 0;
    double lse = b.top + log(sum_exp(v, 0, beg, b.top, 1.0f) + sum_ts);
    out.stamp = ts.id;
    if (ts.id >= 0 && sum_ts > 0) {
        double other = text.id >= 0 ? text.top : -INFINITY;
        double margin = b.top + log(sum_ts) - other;
        out.ts_margin = (float)(margin < 99 ? margin : 99);
        if (margin > 0) { /* together the stamps are likelier than the best text */
            b = ts;
            from = beg;
        }
    }
    out.id = b.id;
    out.second = b.second;
    out.margin = b.second >= 0 ? b.top - b.next : 99.0f;
    if (rules->temperature > 0) {
        int32_t id = draw(p, from, p->n_vocab, b.top);
        out.id = id >= 0 ? id : b.id;
        out.logp = logp_at_1(p, out.id, rules->temperature, b.top);
    } else {
        out.logp = (float)(logit_of(v, out.id) - lse);
    }
    if (out.id >= beg) {
        out.stamp = out.id;
    }
    return out;
}

float asr_nospeech(const struct asr_tok *tok, struct asr_row row)
{
    const struct view v = {.row = row, .n = asr_tok_vocab(tok)};
    int32_t id = asr_tok_special(tok)->nosp;
    if (id < 0) {
        return 0;
    }
    struct best b = best_of(&v, 0, v.n);
    if (b.id < 0 || !isfinite(b.top)) {
        return 0;
    }
    return (float)(exp((double)asr_row_exact(row, id) - b.top) / sum_exp(&v, 0, v.n, b.top, 1.0f));
}
