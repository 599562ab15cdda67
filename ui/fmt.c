/* See fmt.h. */
#include "ui/fmt.h"

#include <stdio.h>

static const struct ui_num none = {"-"};

struct ui_num ui_ms(struct ui_val v)
{
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double a = fabs(v.v);
    if (a >= 1e6) {
        snprintf(r.s, sizeof r.s, "%.0fk", v.v > 9e9 ? 9e6 : v.v / 1e3);
    } else {
        snprintf(r.s, sizeof r.s, "%.*f", a >= 9999.5 ? 0 : (a >= 0.0995 ? 1 : (a > 0 ? 2 : 1)),
                 v.v);
    }
    return r;
}

struct ui_num ui_fix(struct ui_val v, int digits)
{
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double a = fabs(v.v);
    if (a >= 999999.5) {
        snprintf(r.s, sizeof r.s, ">999k");
        return r;
    }
    digits = a >= 999.5 ? 0 : (a >= 99.95 && digits > 1 ? 1 : digits);
    snprintf(r.s, sizeof r.s, "%.*f", digits, v.v);
    return r;
}

struct ui_num ui_rtf(struct ui_val v)
{
    return ui_fix(v, ui_known(v) && fabs(v.v) < 0.0995 && v.v != 0 ? 3 : 2);
}

struct ui_num ui_count(struct ui_val v)
{
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double a = v.v;
    if (a < 999999.5) {
        snprintf(r.s, sizeof r.s, "%.0f", a);
    } else if (a < 999.95e6) {
        snprintf(r.s, sizeof r.s, "%.1fM", a / 1e6);
    } else {
        snprintf(r.s, sizeof r.s, "%.1fG", a < 999e9 ? a / 1e9 : 999.0);
    }
    return r;
}

struct ui_num ui_bytes(struct ui_val v)
{
    static const char *unit[] = {"B", "kB", "MB", "GB", "TB"};
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double a = v.v;
    unsigned u = 0;
    while (a >= 999.5 && u < 4) {
        a /= 1000;
        u++;
    }
    snprintf(r.s, sizeof r.s, "%.*f %s", a < 9.95 && u ? 1 : 0, a < 9999 ? a : 9999.0, unit[u]);
    return r;
}

struct ui_num ui_pct(struct ui_val v)
{
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double p = v.v * 100;
    snprintf(r.s, sizeof r.s, "%.0f%%", p < 0 ? 0 : (p > 999 ? 999.0 : p));
    return r;
}

struct ui_num ui_pct1(struct ui_val v)
{
    struct ui_num r;
    if (!ui_known(v) || fabs(v.v) >= 0.0995) {
        return ui_pct(v);
    }
    double p = v.v > 0 ? v.v * 100 : 0;
    snprintf(r.s, sizeof r.s, "%.*f%%", p > 0 && p < 0.095 ? 2 : 1, p);
    return r;
}

struct ui_num ui_secs(struct ui_val v)
{
    struct ui_num r;
    if (!ui_known(v)) {
        return none;
    }
    double s = v.v > 0 ? v.v : 0;
    if (s > 0 && s < 0.0995) {
        snprintf(r.s, sizeof r.s, "%.0f ms", s * 1e3);
    } else if (s < 99.95) {
        snprintf(r.s, sizeof r.s, "%.1f s", s);
    } else {
        snprintf(r.s, sizeof r.s, "%.0f min", s < 599940 ? s / 60 : 9999.0);
    }
    return r;
}

struct ui_num ui_db(struct ui_val v)
{
    struct ui_num r;
    if (v.state != UI_NONE && (v.v < -140 || isinf(v.v))) {
        snprintf(r.s, sizeof r.s, "-inf");
        return r;
    }
    if (!ui_known(v)) {
        return none;
    }
    snprintf(r.s, sizeof r.s, "%.0f", v.v > 99 ? 99.0 : (v.v > -0.5 && v.v < 0 ? 0.0 : v.v));
    return r;
}

struct ui_num ui_hms(struct ui_val us)
{
    struct ui_num r;
    if (!ui_known(us)) {
        return none;
    }
    double t = us.v < 0 ? 0 : us.v / 1e6;
    unsigned s = t > 359999 ? 359999 : (unsigned)t;
    snprintf(r.s, sizeof r.s, "%02u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    return r;
}

struct ui_num ui_clock(struct ui_val us)
{
    if (!ui_known(us)) {
        return none;
    }
    return ui_stamp((int64_t)(us.v < 0 ? 0 : (us.v > 1e15 ? 1e15 : us.v)));
}

struct ui_num ui_stamp(int64_t us)
{
    struct ui_num r;
    int64_t s = us < 0 ? 0 : us / 1000000;
    if (s >= 3600) {
        s = s > 359999 ? 359999 : s;
        snprintf(r.s, sizeof r.s, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
                 (int)(s % 60));
    } else {
        snprintf(r.s, sizeof r.s, "%02d:%02d", (int)(s / 60), (int)(s % 60));
    }
    return r;
}
