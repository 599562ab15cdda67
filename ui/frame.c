/* See frame.h. */
#include "ui/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char sync_on[] = "\033[?2026h", sync_off[] = "\033[?2026l";
enum { MARK = sizeof sync_on - 1 };

/* A terminal's answer would be the honest test, but an answer that comes late would be read as
 * keys. These families parse private modes and ignore those they do not know. */
static bool knows_modes(const char *term)
{
    static const char *const list[] = {"xterm",   "tmux",    "alacritty", "foot",
                                       "wezterm", "contour", "kitty",     "ghostty"};
    for (unsigned i = 0; term && i < sizeof list / sizeof *list; i++) {
        if (!strncmp(term, list[i], strlen(list[i]))) {
            return true;
        }
    }
    return false;
}

int ui_frame_open(struct ui_frame *f, const char *term)
{
    int fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
    f->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f->out) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    f->mem = memfd_create("dictate-frame", MFD_CLOEXEC);
    f->sync = knows_modes(term);
    return 0;
}

void ui_frame_close(struct ui_frame *f)
{
    if (f->out) {
        fclose(f->out);
        if (f->mem >= 0) {
            close(f->mem);
        }
    }
    free(f->buf);
    memset(f, 0, sizeof *f);
}

void ui_frame_begin(struct ui_frame *f)
{
    if (f->mem < 0) {
        return;
    }
    fflush(f->out);
    if (ftruncate(f->mem, 0) < 0 || lseek(f->mem, 0, SEEK_SET) < 0 ||
        dup3(f->mem, fileno(f->out), O_CLOEXEC) < 0) {
        close(f->mem); /* from now on without collecting */
        f->mem = -1;
    }
}

void ui_frame_send(const char *bytes, size_t n)
{
    while (n) {
        ssize_t k = write(1, bytes, n);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k <= 0) {
            return; /* a terminal that is gone shows up in poll() */
        }
        bytes += k;
        n -= (size_t)k;
    }
}

/* Room for n bytes and both marks. */
static bool reserve(struct ui_frame *f, size_t n)
{
    if (n + 2 * MARK > f->room) {
        char *b = realloc(f->buf, 2 * n + 4096);
        if (!b) {
            return false;
        }
        f->buf = b;
        f->room = 2 * n + 4096;
    }
    return true;
}

void ui_frame_end(struct ui_frame *f)
{
    if (f->mem < 0) {
        return;
    }
    fflush(f->out);
    off_t n = lseek(f->mem, 0, SEEK_CUR);
    dup3(1, fileno(f->out), O_CLOEXEC);
    if (n <= 0 || !reserve(f, (size_t)n)) {
        return;
    }
    ssize_t got = pread(f->mem, f->buf + MARK, (size_t)n, 0);
    if (got <= 0) {
        return;
    }
    if (!f->sync) {
        ui_frame_send(f->buf + MARK, (size_t)got);
        return;
    }
    memcpy(f->buf, sync_on, MARK);
    memcpy(f->buf + MARK + got, sync_off, MARK);
    ui_frame_send(f->buf, (size_t)got + 2 * MARK);
}
