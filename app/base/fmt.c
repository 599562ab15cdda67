/* See fmt.h.  Any thread; allocates nothing. */
#include "app/base/fmt.h"

#include <math.h>
#include <stdio.h>

char *fmt_si(char *out, size_t cap, double v)
{
    static const char unit[] = {0, 'k', 'M', 'G', 'T', 'P'};
    size_t u = 0;
    if (!isfinite(v)) {
        snprintf(out, cap, "n/a");
        return out;
    }
    while (fabs(v) >= 999.5 && u + 1 < sizeof unit) {
        v /= 1000;
        u++;
    }
    if (fabs(v) >= 999.5) {
        snprintf(out, cap, "%s", v > 0 ? ">999P" : "<-999P");
    } else {
        int d = u && fabs(v) < 9.95 ? 1 : !u && v != floor(v) && fabs(v) < 99.5 ? 2 : 0;
        int n = snprintf(out, cap, "%.*f", d, v);
        if (unit[u] && n >= 0 && (size_t)n < cap) {
            snprintf(out + n, cap - (size_t)n, "%c", unit[u]);
        }
    }
    return out;
}

char *fmt_bytes(char *out, size_t cap, double b)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;
    if (!isfinite(b) || b < 0) {
        snprintf(out, cap, "n/a");
        return out;
    }
    while (b >= 1023.5 && u + 1 < sizeof unit / sizeof *unit) {
        b /= 1024;
        u++;
    }
    snprintf(out, cap, u && b < 9.95 ? "%.1f %s" : "%.0f %s", b, unit[u]);
    return out;
}

char *fmt_dur(char *out, size_t cap, double s)
{
    if (!isfinite(s) || s < 0) {
        snprintf(out, cap, "n/a");
    } else if (s < 0.00995) {
        snprintf(out, cap, "%.1f ms", s * 1e3);
    } else if (s < 0.9995) {
        snprintf(out, cap, "%.0f ms", s * 1e3);
    } else if (s < 59.95) {
        snprintf(out, cap, "%.1f s", s);
    } else if (s < 3599.5) {
        long t = lround(s);
        snprintf(out, cap, "%ld min %02ld s", t / 60, t % 60);
    } else {
        long m = lround(fmin(s, 1e12) / 60);
        snprintf(out, cap, "%ld h %02ld min", m / 60, m % 60);
    }
    return out;
}

char *fmt_clock(char *out, size_t cap, double s)
{
    if (!(s >= 0) || s > 3.6e9) {
        snprintf(out, cap, "--:--");
        return out;
    }
    long t = (long)s;
    if (t < 3600) {
        snprintf(out, cap, "%02ld:%02ld", t / 60, t % 60);
    } else {
        snprintf(out, cap, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    }
    return out;
}

char *fmt_stamp(char *out, size_t cap, double s, char mark)
{
    int64_t ms = s >= 0 && s < 3.6e9 ? llround(s * 1000) : 0;
    snprintf(out, cap, "%02lld:%02d:%02d%c%03d", (long long)(ms / 3600000), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), mark, (int)(ms % 1000));
    return out;
}
