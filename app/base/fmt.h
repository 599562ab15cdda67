/* Numbers and times for people and for subtitle files.  Pure functions; every one zero-terminates
 * and returns its buffer. */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include <stddef.h>
#include <stdint.h>

/* 1234567 -> "1.2M"; at most 6 columns.  Not finite: "n/a". */
char *fmt_si(char *out, size_t cap, double v);
/* Bytes: 241172480 -> "230 MiB". */
char *fmt_bytes(char *out, size_t cap, double bytes);
/* Seconds: "0.8 ms", "12 ms", "3.4 s", "2 min 05 s", "1 h 02 min". */
char *fmt_dur(char *out, size_t cap, double s);
/* Clock of a session: "12:31", from one hour on "1:02:03".  Negative and NaN: "--:--". */
char *fmt_clock(char *out, size_t cap, double s);
/* Subtitles: "00:12:31,250" with mark ',' (SRT) or '.' (VTT).  Rounded to the millisecond. */
char *fmt_stamp(char *out, size_t cap, double s, char mark);

#endif
