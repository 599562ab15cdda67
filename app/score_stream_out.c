/* The figures of a stream as JSON and as lines.  See score_stream.h. */
#include <math.h>

#include "app/base/order.h"
#include "app/score_stream.h"

/* Quantile q of a figure, between neighbours in proportion; sorts it.  NAN: there is none. */
static double quantile(const struct score_figure *f, double q)
{
    if (!f->n || f->lost) {
        return (double)NAN;
    }
    order_doubles(f->ms, f->n);
    double at = q * (double)(f->n - 1), low = floor(at);
    size_t i = (size_t)low, k = i + 1 < f->n ? i + 1 : i;
    return f->ms[i] + (at - low) * (f->ms[k] - f->ms[i]);
}

static double per(double what, double of)
{
    return of > 0 ? what / of : (double)NAN;
}

static void json_figure(struct jsonw *w, const char *key, const struct score_figure *f)
{
    jsonw_obj(w, key);
    jsonw_num(w, "p50", quantile(f, 0.50), 1);
    jsonw_num(w, "p95", quantile(f, 0.95), 1);
    jsonw_obj_end(w);
}

void score_stream_json(struct jsonw *w, const struct score_stream *s)
{
    jsonw_str(w, "clock", s->wall ? "measured" : "simulated");
    jsonw_int(w, "settled_retractions", (int64_t)s->retractions);
    jsonw_num(w, "erasure", per((double)s->taken_back, (double)s->words), 4);
    json_figure(w, "first_word_ms", &s->first);
    json_figure(w, "word_to_tentative_ms", &s->tentative);
    json_figure(w, "word_to_settled_ms", &s->settled);
    json_figure(w, "final_ms", &s->final);
    jsonw_num(w, "hallucinated_per_min", per(60 * (double)s->noise_words, s->noise_s), 4);
    jsonw_num(w, "rtf", per(s->work_s, s->audio_s), 4);
    jsonw_num(w, "cpu_per_audio_s", per(s->cpu_s, s->audio_s), 4);
}

static void line(struct jsonw *w, const char *what, const struct score_figure *f)
{
    if (!f->n) {
        jsonw_fmt(w, "%-40s %9s %9s\n", what, "-", "-");
        return;
    }
    jsonw_fmt(w, "%-40s %6.0f ms %6.0f ms  (%zu)\n", what, quantile(f, 0.50), quantile(f, 0.95),
              f->n);
}

/* "0.123", or "-" for what nobody knows. */
static void number(struct jsonw *w, const char *what, double v, const char *unit)
{
    if (isfinite(v)) {
        jsonw_fmt(w, "%-40s %9.3f%s\n", what, v, unit);
    } else {
        jsonw_fmt(w, "%-40s %9s\n", what, "-");
    }
}

void score_stream_plain(struct jsonw *w, const struct score_stream *s)
{
    jsonw_fmt(w, "\n%-40s %9s %9s\n", "live", "median", "p95");
    line(w, "voice begins to first word", &s->first);
    line(w, "word ends to shown", &s->tentative);
    line(w, "word ends to settled", &s->settled);
    line(w, "end-point to final", &s->final);
    jsonw_fmt(w, "%-40s %9llu\n", "settled words taken back", (unsigned long long)s->retractions);
    number(w, "words taken back per final word", per((double)s->taken_back, (double)s->words), "");
    number(w, "words a minute where nothing is said", per(60 * (double)s->noise_words, s->noise_s),
           "");
    number(w, "real-time factor", per(s->work_s, s->audio_s),
           s->wall ? ", measured" : ", of the nominal machine");
    number(w, "CPU seconds per second of sound", per(s->cpu_s, s->audio_s), ", measured");
}
