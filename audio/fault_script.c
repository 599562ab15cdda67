/* Parses the script of a fault, see fault.h for its language.  Pure; allocates nothing. */
#include "audio/fault_script.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/src.h"

enum { WORDS = 5, TEXT_MAX = 120 };

static const double LONGEST_S = 1e7; /* 115 days */

static const char *const kinds[] = {"xrun", "suspend", "unplug", "zero", "clip"};

/* A number of lo..hi, nothing behind it. */
static int number(const char *w, double lo, double hi, double *v)
{
    char *end;
    *v = strtod(w, &end);
    return end != w && *end == 0 && isfinite(*v) && *v >= lo && *v <= hi;
}

static const char *event(struct fault_script *s, char **w, int n)
{
    struct fault_line *l = &s->line[s->n];
    double t;
    size_t k = 0;
    int again = !strcmp(w[0], "every");
    if (s->n == FAULT_LINES) {
        return "too many events (64 fit)";
    }
    while (k < sizeof kinds / sizeof *kinds && (n < 3 || strcmp(w[2], kinds[k]) != 0)) {
        k++;
    }
    if (k == sizeof kinds / sizeof *kinds) {
        return "what happens? xrun, suspend, unplug, zero or clip";
    }
    *l = (struct fault_line){.kind = (enum fault_kind)k, .len_s = INFINITY};
    if (!number(w[1], again ? 1e-3 : 0, LONGEST_S, &t)) {
        return "the time must be a number of seconds";
    }
    if (n == 4 ? !number(w[3], 0, LONGEST_S, &l->len_s) : k != FAULT_UNPLUG || again || n > 4) {
        return "the length must be a number of seconds";
    }
    l->at_s = t;
    l->every_s = again ? t : 0;
    if (again && l->len_s >= t) {
        return "that never ends: the length must be less than the time between";
    }
    s->n++;
    return NULL;
}

static const char *setting(struct fault_script *s, char **w, int n)
{
    double v = 0;
    if (n == 2 && !strcmp(w[0], "dead-channel")) {
        s->dead = !strcmp(w[1], "right");
        s->channels = s->channels > 2 ? s->channels : 2;
        return s->dead || !strcmp(w[1], "left") ? NULL : "a channel is left or right";
    }
    if (n == 2 && !strcmp(w[0], "rate") && number(w[1], AUDIO_RATE_MIN, AUDIO_RATE_MAX, &v)) {
        s->rate = (int)v;
        return NULL;
    }
    if (n == 2 && !strcmp(w[0], "channels") && number(w[1], 1, 16, &v)) {
        s->channels = (int)v > s->channels ? (int)v : s->channels;
        return NULL;
    }
    if (n == 2 && !strcmp(w[0], "repeat") && number(w[1], 1, 1e6, &v)) {
        s->repeat = (int)v;
        return NULL;
    }
    if (n == 2 && !strcmp(w[0], "speed") && number(w[1], 0.01, 1000, &v)) {
        s->speed = v;
        return NULL;
    }
    if (n == 2 && !strcmp(w[0], "engine") && number(w[1], 0.001, 1000, &v)) {
        s->engine = v;
        return NULL;
    }
    return "not understood: at, every, repeat, rate, channels, dead-channel, speed or engine with "
           "their numbers";
}

static const char *statement(struct fault_script *s, char *text)
{
    char *w[WORDS], *save = NULL;
    int n = 0;
    char *remark = strchr(text, '#');
    if (remark) {
        *remark = 0;
    }
    for (char *p = strtok_r(text, " \t\r", &save); p && n < WORDS;
         p = strtok_r(NULL, " \t\r", &save)) {
        w[n++] = p;
    }
    if (n == 0) {
        return NULL;
    }
    return !strcmp(w[0], "at") || !strcmp(w[0], "every") ? event(s, w, n) : setting(s, w, n);
}

int fault_parse(struct fault_script *s, const char *text, struct err *e)
{
    int number_of = 1;
    *s = (struct fault_script){.dead = -1, .repeat = 1};
    while (*text) {
        char buf[TEXT_MAX];
        size_t n = strcspn(text, ";\n");
        const char *why = n < sizeof buf ? NULL : "too long";
        if (!why) {
            memcpy(buf, text, n);
            buf[n] = 0;
            why = statement(s, buf);
        }
        if (why) {
            return err_set(e, ERR_USAGE, "fault script, statement %d (\"%.*s\"): %s", number_of,
                           (int)(n < 60 ? n : 60), text, why);
        }
        text += n + (text[n] != 0);
        number_of++;
    }
    return 0;
}
