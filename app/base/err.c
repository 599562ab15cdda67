/* See err.h.  Any thread; allocates nothing. */
#include "app/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    if (e) {
        va_list ap;
        e->code = code;
        e->sys = saved;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
        for (char *p = e->text; *p; p++) {
            if ((unsigned char)*p < 32 || *p == 127) {
                *p = '?';
            }
        }
    }
    errno = saved;
    return -(int)code;
}

const char *err_word(int code)
{
    static const char *const word[] = {"ok",   "error", "usage", "microphone", "npu",   "npu-hang",
                                       "model", "lost",  "disk",  "sound",      "memory"};
    return code >= 0 && code < (int)(sizeof word / sizeof *word) ? word[code] : "error";
}
