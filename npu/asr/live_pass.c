/* One pass of live recognition: encode the utterance so far, decode after the settled words, decide
 * which more are settled.  Engine thread; allocates nothing.
 *
 * The guess of the pass before is a draft: one batched decoder pass checks all of it, and only what
 * differs or is new costs a step of its own. */
#include <math.h>
#include <string.h>

#include "npu/asr/live_impl.h"
#include "npu/asr/window.h"

enum {
    QUIET_ROOM = 65,   /* positions of silence after the sound: 1.3 s, the cue that it ends */
    MAX_ROWS = 32,     /* logits rows that one decoder pass may ask for */
    PROMPT_VOICE = 30, /* frames (10 ms) of voice before earlier text may condition */
};

int live_ctx(const struct asr_live *l, int content)
{
    int ctx = asr_rung(l->eng, content + QUIET_ROOM), asked = l->o.params.audio_ctx;
    int most = l->most_frames / 2;
    asked = asked < most ? asked : most;
    return asked > ctx ? asked : ctx;
}

void live_forget(struct asr_live *l)
{
    l->n_said = l->said_frame = l->n_prev = l->n_word = l->n_settled = 0;
    l->guess.n = l->guess.cut = 0;
    l->guess.ended = l->guess.looped = false;
    l->pass = 0;
    l->shown = false;
    l->look = 0;
    l->detected = l->guard = false;
}

/* ---- prompt ------------------------------------------------------------------------------------
 */

static int build_prompt(struct asr_live *l, int32_t *p, int *sot)
{
    const struct asr_special *sp = l->sp;
    int n = 0;
    /* What was said before misleads where hardly anything is heard, and after a loop. */
    bool voiced = l->ep.voiced_last - l->ep.voiced_first >= PROMPT_VOICE;
    if (sp->prev >= 0 && l->n_prompt + l->n_context > 0 && voiced && !l->guard) {
        p[n++] = sp->prev;
        memcpy(p + n, l->prompt, (size_t)l->n_prompt * sizeof *p);
        n += l->n_prompt;
        memcpy(p + n, l->context, (size_t)l->n_context * sizeof *p);
        n += l->n_context;
    }
    *sot = n;
    p[n++] = sp->sot;
    if (sp->multilingual) {
        p[n++] = sp->lang[l->language];
        p[n++] = l->o.params.translate && sp->translate >= 0 ? sp->translate : sp->transcribe;
    }
    p[n++] = sp->not_;
    return n;
}

/* Once per utterance, as soon as there is a second of it. */
static int find_language(struct asr_live *l, int content, struct err *e)
{
    if (!l->detect || l->detected) {
        return 0;
    }
    int rc = asr_decode(l->eng, &l->sp->sot, 1, 0, 1, e);
    if (rc == 0) {
        l->language = asr_language_of(l->tok, asr_row(l->eng, 0));
        l->detected = content >= 50;
    }
    return rc;
}

/* ---- decoding ----------------------------------------------------------------------------------
 */

struct turn {
    struct asr_live *l;
    struct asr_rules rules;
    int32_t token[LIVE_CONTEXT + LIVE_PROMPT + 8 + 2 * LIVE_TOKENS];
    int32_t text[2 * LIVE_TOKENS]; /* settled, then guessed: what the rules look at */
    int n_init, sot, budget;
};

/* Tokens that the sound not yet settled can hold. */
static int budget_of(const struct asr_live *l, int content)
{
    /* Fast speech has 5 words a second; a word has 1.3 tokens, of a small vocabulary 3. */
    float rate = asr_tok_is_openai(l->tok) ? 7.0f : 15.0f;
    float open_s = (float)(content - l->said_frame) * 0.02f;
    int n = 8 + (int)ceilf(rate * (open_s > 0 ? open_s : 0));
    int room = LIVE_TOKENS - 1 - l->n_said;
    return n < room ? n : room;
}

static void guess_add(struct turn *t, const struct asr_pick *p)
{
    struct live_guess *g = &t->l->guess;
    g->id[g->n] = p->id;
    g->logp[g->n] = p->logp;
    t->text[t->l->n_said + g->n] = p->id;
    g->n++;
}

/* Picks after what is said so far; false when the guess ends here. */
static bool choose(struct turn *t, struct asr_row row, struct asr_pick *p)
{
    struct live_guess *g = &t->l->guess;
    *p = asr_picker_step(t->l->picker, &t->rules, row, t->text, t->l->n_said + g->n, false, 0);
    if (p->id >= t->l->sp->eot) {
        g->ended = true;
        return false;
    }
    guess_add(t, p);
    int off = asr_tail_repeat(g->id, g->n);
    if (off) {
        g->n -= off;
        g->cut = off;
        g->looped = true;
        return false;
    }
    return g->n < t->budget;
}

/* The prompt, the settled tokens and the draft in one pass; then as much of the draft as holds.
 * Returns 1 when the guess goes on after it. */
static int check_draft(struct turn *t, const int32_t *draft, int n_draft, struct err *e)
{
    struct asr_live *l = t->l;
    struct asr_pick p;
    int base = t->n_init + l->n_said, n = base;
    memcpy(t->token + t->n_init, l->said, (size_t)l->n_said * sizeof *t->token);
    memcpy(t->token + base, draft, (size_t)n_draft * sizeof *t->token);
    n += n_draft;
    /* Where nothing is settled, the row of start-of-transcript tells silence from speech. */
    int before =
        l->n_said == 0 && n_draft + t->n_init - t->sot <= MAX_ROWS ? t->n_init - t->sot - 1 : 0;
    int rc = asr_decode(l->eng, t->token, n, 0, n_draft + 1 + before, e);
    if (rc < 0) {
        return rc;
    }
    l->guess.nosp = l->n_said == 0 ? asr_nospeech(l->tok, asr_row(l->eng, 0)) : -1;
    l->work.batch += n;
    asr_align_begin(l->align, asr_enc_ctx(l->eng));
    for (int i = 0; i < l->n_said; i++) {
        asr_align_take(l->align, l->eng, t->n_init - 1 + i);
    }
    for (int i = 0; i <= n_draft; i++) {
        asr_align_take(l->align, l->eng, base - 1 + i);
        if (!choose(t, asr_row(l->eng, before + i), &p)) {
            return 0;
        }
        if (i < n_draft && p.id != draft[i]) {
            break;
        }
    }
    return 1;
}

static int decode(struct turn *t, struct err *e)
{
    struct asr_live *l = t->l;
    struct live_guess *g = &l->guess;
    int32_t draft[MAX_ROWS];
    struct asr_pick p;
    int n_draft = g->n < MAX_ROWS - 1 ? g->n : MAX_ROWS - 1;
    int text_ctx = asr_engine_hp(l->eng)->n_text_ctx;
    n_draft = n_draft < t->budget - 1 ? n_draft : t->budget - 1;
    n_draft = n_draft > 0 ? n_draft : 0;
    memcpy(draft, g->id, (size_t)n_draft * sizeof *draft);
    memcpy(t->text, l->said, (size_t)l->n_said * sizeof *t->text);
    g->n = g->cut = 0;
    g->ended = g->looped = false;
    int rc = check_draft(t, draft, n_draft, e);
    while (rc > 0) {
        int past = t->n_init + l->n_said + g->n - 1;
        if (past + 1 >= text_ctx) {
            break;
        }
        rc = asr_decode(l->eng, &g->id[g->n - 1], 1, past, 1, e);
        if (rc < 0) {
            return rc;
        }
        l->work.steps++;
        asr_align_take(l->align, l->eng, 0);
        rc = choose(t, asr_row(l->eng, 0), &p);
    }
    return rc < 0 ? rc : 0;
}

/* ---- a pass -------------------------------------------------------------------------------------
 */

/* Encodes at ctx positions and decodes after the settled words. */
static int hear(struct asr_live *l, int ctx, int content, struct err *e)
{
    struct turn t = {.l = l};
    l->work.ctx += ctx;
    int rc = asr_encode(l->eng, l->mel, ctx, e);
    rc = rc < 0 ? rc : find_language(l, content, e);
    if (rc < 0) {
        return rc;
    }
    t.rules =
        (struct asr_rules){.no_timestamps = true, .suppress_blank = asr_tok_is_openai(l->tok)};
    t.n_init = build_prompt(l, t.token, &t.sot);
    t.budget = budget_of(l, content);
    rc = t.budget > 0 ? decode(&t, e) : 0;
    if (rc == 0) {
        live_find_frames(l, content);
        live_cut_stall(l);
    }
    return rc;
}

int live_pass(struct asr_live *l, const struct asr_live_io *io, int64_t c1, bool last,
              struct err *e)
{
    int64_t frames = c1 - l->u0;
    frames = frames < l->most_frames ? frames : l->most_frames;
    int content = (int)(frames + 1) / 2, ctx = live_ctx(l, content), most = l->most_frames / 2;
    content = content < ctx ? content : ctx;
    l->work = (struct asr_live_work){0};
    io->mel(io->user, l->u0, 2 * ctx, l->u0, l->u0 + frames, l->mel);
    int rc = hear(l, ctx, content, e);
    if (rc == 0 && l->guess.looped && !l->guard && ctx < most) {
        /* Once an utterance: more silence behind the sound, and no earlier text. */
        l->guard = true;
        ctx = asr_rung(l->eng, ctx + 1);
        io->mel(io->user, l->u0, 2 * ctx, l->u0, l->u0 + frames, l->mel);
        rc = hear(l, ctx, content, e);
    }
    if (rc < 0) {
        return rc;
    }
    l->guard |= l->guess.looped;
    l->passed = c1;
    l->pass++;
    if (last) {
        live_accept(l, io);
    } else {
        live_take_guess(l, io, content);
    }
    return 0;
}
