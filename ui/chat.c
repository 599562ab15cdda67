/* See chat.h.  Main thread; writers on any thread just use descriptor 2. */
#include "ui/chat.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHAT_MAX = 1 << 20 };

void ui_chat_open(struct ui_chat *c)
{
    c->saved = c->mem = -1;
    if (!isatty(2)) {
        return;
    }
    fflush(stderr);
    c->mem = memfd_create("dictate-stderr", MFD_CLOEXEC);
    if (c->mem < 0) {
        return;
    }
    fcntl(c->mem, F_SETFL, O_APPEND);
    c->saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
    if (c->saved < 0 || dup2(c->mem, 2) < 0) {
        close(c->mem);
        if (c->saved >= 0) {
            close(c->saved);
        }
        c->saved = c->mem = -1;
    }
}

void ui_chat_trim(struct ui_chat *c)
{
    struct stat st;
    if (c->mem >= 0 && fstat(c->mem, &st) == 0 && st.st_size > CHAT_MAX) {
        static const char note[] = "(more was written, and dropped here)\n";
        if (ftruncate(c->mem, 0) == 0) {
            ssize_t ignored = write(c->mem, note, sizeof note - 1);
            (void)ignored;
        }
    }
}

void ui_chat_close(struct ui_chat *c)
{
    char buf[4096], last = '\n';
    ssize_t k;
    off_t at = 0;
    if (c->saved < 0) {
        return;
    }
    fflush(stderr);
    dup2(c->saved, 2);
    close(c->saved);
    while ((k = pread(c->mem, buf, sizeof buf, at)) > 0) {
        if (at == 0) {
            fputs("-- written to standard error meanwhile:\n", stderr);
        }
        for (ssize_t i = 0; i < k; i++) {
            unsigned char b = (unsigned char)buf[i];
            buf[i] = (b < 0x20 && b != '\n' && b != '\t') || b == 0x7f ? '?' : buf[i];
        }
        fwrite(buf, 1, (size_t)k, stderr);
        last = buf[k - 1];
        at += k;
    }
    if (at) {
        fputs(last == '\n' ? "-- end\n" : "\n-- end\n", stderr);
    }
    close(c->mem);
    c->saved = c->mem = -1;
}
