/* Events of a session: utterances with the marks of what was lost among their words.  The engine
 * thread, see session_impl.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/base/log.h"
#include "app/session_impl.h"

/* Two levels, so that few words are marked: only in a sentence that is doubtful as a whole, and
 * there only the worst ones. */
static const double DOUBT_SENTENCE = 0.80, DOUBT_WORD = 0.50;

const char *session_gap_why(unsigned why)
{
    return why & GAP_FULL      ? "too slow"
           : why & GAP_GONE    ? "unplugged"
           : why & GAP_SWITCH  ? "switched"
           : why & GAP_SUSPEND ? "suspended"
           : why & GAP_PAUSE   ? "paused"
                               : "xrun";
}

void session_gap_text(char *buf, size_t cap, double lost_s, unsigned why, int n)
{
    char times[24] = "";
    if (n > 1) {
        snprintf(times, sizeof times, ", %d times", n);
    }
    if (lost_s < 1) {
        snprintf(buf, cap, "[%.0f ms lost: %s%s]", ceil(lost_s * 1e3 - 1e-6), session_gap_why(why),
                 times);
    } else {
        snprintf(buf, cap, "[%.1f s lost: %s%s]", lost_s, session_gap_why(why), times);
    }
}

static struct session_ev *make(struct session *s, const struct session_ev *ev, int words,
                               const char *text)
{
    size_t size = sizeof *ev + (size_t)words * sizeof ev->word[0], len = strlen(text) + 1;
    struct session_ev *copy = malloc(size + len);
    if (!copy) {
        log_msg(LOG_ERROR, "no memory for an event of %zu bytes", size + len);
        return NULL;
    }
    *copy = *ev;
    copy->at_s = session_now_s(s);
    copy->n_word = 0;
    copy->text = memcpy((char *)copy + size, text, len);
    return copy;
}

void session_send(struct session *s, const struct session_ev *ev)
{
    struct session_ev *copy = make(s, ev, 0, "");
    if (copy) {
        queue_push(s->q, copy, sizeof *copy);
    }
}

void session_send_held(struct session *s, const struct asr_held *h)
{
    struct session_ev ev = {
        .kind = SESSION_EV_HELD,
        .t0 = front_clock(s->front, h->t0),
        .t1 = front_clock(s->front, h->t1),
        .utt = h->utt,
        .guard = h->why,
        .p = h->p,
    };
    struct session_ev *copy = make(s, &ev, 0, h->text);
    if (copy) {
        queue_push(s->q, copy, sizeof *copy + strlen(h->text));
    }
}

/* -- marks ------------------------------------------------------------------------------------- */

void session_add_mark(struct session *s, double at_s, double lost_s, unsigned why)
{
    if (s->n_mark == SESSION_MARKS) { /* many in one long utterance: the last two become one */
        s->mark[s->n_mark - 1].lost_s += lost_s;
        s->mark[s->n_mark - 1].why |= why;
        return;
    }
    s->mark[s->n_mark++] = (struct session_mark){at_s, lost_s, why, s->utt, s->settled};
}

static void drop_marks(struct session *s, int n)
{
    s->n_mark -= n;
    memmove(s->mark, s->mark + n, (size_t)s->n_mark * sizeof *s->mark);
}

void session_send_marks(struct session *s, double until_s)
{
    struct session_ev ev = {.kind = SESSION_EV_MARK};
    while (ev.n_gap < s->n_mark && s->mark[ev.n_gap].at_s < until_s) {
        const struct session_mark *m = &s->mark[ev.n_gap];
        if (ev.n_gap++ == 0) {
            ev.t0 = front_clock(s->front, m->at_s);
        }
        ev.t1 = front_clock(s->front, m->at_s) + m->lost_s;
        ev.lost_s += m->lost_s;
        ev.why |= m->why;
    }
    if (ev.n_gap) {
        drop_marks(s, ev.n_gap);
        session_send(s, &ev);
    }
}

/* -- utterances -------------------------------------------------------------------------------- */

static void put_mark(struct session *s, struct asr_word *w, const struct session_mark *m)
{
    *w = (struct asr_word){.lost = true, .p = 1};
    session_gap_text(w->text, sizeof w->text, m->lost_s, m->why, 1);
    w->t0 = (float)front_clock(s->front, m->at_s);
    w->t1 = (float)(front_clock(s->front, m->at_s) + m->lost_s);
}

/* Is the mark's place before word i? */
static bool before(const struct session_mark *m, const struct asr_utt *u, int i)
{
    const struct asr_word *w = &u->word[i];
    if (w->glue || (m->utt == u->id && i < m->after)) {
        return false; /* not inside a word, nor among words that had settled before it happened */
    }
    return (double)(w->t0 + w->t1) / 2 > m->at_s;
}

static double mean_p(const struct asr_utt *u)
{
    double sum = 0;
    for (int i = 0; i < u->n_word; i++) {
        sum += (double)u->word[i].p;
    }
    return u->n_word ? sum / u->n_word : 1;
}

/* What the stages took since the event before. */
static void take_stages(struct session *s, float *ms)
{
    const struct hist *h[SESSION_EV_STAGES] = {&s->hist[SESSION_FRONT]};
    if (s->setup->eng) { /* a recogniser that is played has none */
        h[SESSION_EV_ENCODE] = asr_engine_hist(s->setup->eng, ASR_STAGE_ENCODE);
        h[SESSION_EV_PREFILL] = asr_engine_hist(s->setup->eng, ASR_STAGE_PREFILL);
        h[SESSION_EV_STEP] = asr_engine_hist(s->setup->eng, ASR_STAGE_STEP);
    }
    for (int i = 0; i < SESSION_EV_STAGES && h[i]; i++) {
        uint64_t now = atomic_load_explicit(&h[i]->sum_ns, memory_order_relaxed);
        ms[i] = (float)(now - s->stage_ns[i]) * 1e-6f;
        s->stage_ns[i] = now;
    }
}

/* Since when each word stands there. */
static void take_lags(struct session *s, struct session_ev *ev)
{
    lag_utt(&s->lag, ev->utt, ev->word, ev->n_word, ev->n_settled, ev->final, ev->at_s);
    for (int i = 0; i < ev->n_word; i++) {
        bool known = i < s->lag.n;
        ev->word[i].shown_s = known ? (float)s->lag.word[i].shown : NAN;
        ev->word[i].settled_s = known ? (float)s->lag.word[i].settled : NAN;
    }
}

void session_send_utt(struct session *s, const struct asr_utt *u)
{
    struct session_ev ev = {
        .kind = SESSION_EV_UTT,
        .t0 = front_clock(s->front, u->t0),
        .t1 = front_clock(s->front, u->t1),
        .utt = u->id,
        .final = u->final,
        .pass = u->pass,
        .pass_ms = u->pass_ms,
        .n_settled = u->n_settled,
        .heard_s = front_clock(s->front, u->heard),
        .backlog_s = session_backlog_s(s),
    };
    take_stages(s, ev.stage_ms);
    if (u->n_word) { /* stream time that has come, heard or not, less that of the newest word */
        ev.age_s = u->heard + ev.backlog_s - (double)u->word[u->n_word - 1].t1;
    }
    session_send_marks(s, u->t0);
    int used = 0, n = 0, most = 0;
    while (most < s->n_mark && s->mark[most].at_s < u->t1) {
        most++;
    }
    struct session_ev *copy = make(s, &ev, u->n_word + most, "");
    if (!copy) {
        return;
    }
    double sure = mean_p(u);
    for (int i = 0; i < u->n_word; i++) {
        for (; used < most && before(&s->mark[used], u, i); used++) {
            put_mark(s, &copy->word[n++], &s->mark[used]);
            copy->n_settled += i < u->n_settled;
        }
        struct asr_word *w = &copy->word[n++];
        *w = u->word[i];
        w->t0 = (float)front_clock(s->front, (double)w->t0);
        w->t1 = (float)front_clock(s->front, (double)w->t1);
        w->doubt = sure < DOUBT_SENTENCE && (double)w->p < DOUBT_WORD;
    }
    for (; u->n_word && used < most; used++) {
        put_mark(s, &copy->word[n++], &s->mark[used]);
    }
    copy->n_word = n;
    copy->n_settled = u->final ? n : copy->n_settled;
    take_lags(s, copy);
    if (u->final) {
        drop_marks(s, used);
    }
    s->utt = u->id;
    s->settled = u->final ? 0 : u->n_settled;
    queue_push(s->q, copy, sizeof *copy + (size_t)n * sizeof copy->word[0]);
}
