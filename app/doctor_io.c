/* What dictate doctor says about microphone and terminal.  Listens for a third of a second.
 * Main thread. */
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/doctor_check.h"
#include "audio/list.h"
#include "audio/src.h"

enum { LISTEN_MS = 300, SMALL_ROWS = 24, SMALL_COLS = 80 };

/* Loudest sample of LISTEN_MS in dB below full scale; -ERR when nothing can be read. */
static int listen_db(const char *name, char *what, size_t cap, double *db, struct err *e)
{
    struct audio_want want = {.kind = AUDIO_MIC, .name = name};
    struct audio_src *src = NULL;
    float x[1600], peak = 0;
    int64_t end = clk_us() + LISTEN_MS * 1000, n = 0;
    int rc = audio_src_open(&src, &want, e);
    if (rc) {
        return rc;
    }
    snprintf(what, cap, "%s", audio_src_got(src)->what);
    while (clk_us() < end && n < AUDIO_RATE) {
        rc = audio_src_read16k(src, x, (int)(sizeof x / sizeof *x), 100, e);
        if (rc == AUDIO_END || (rc < 0 && rc != AUDIO_AGAIN)) {
            break;
        }
        for (int i = 0; i < rc; i++) {
            peak = fmaxf(peak, fabsf(x[i]));
        }
        n += rc > 0 ? rc : 0;
    }
    audio_src_close(src);
    if (rc < 0 && rc != AUDIO_AGAIN) {
        return rc;
    }
    if (n == 0) {
        return err_set(e, ERR_MIC, "%s delivers no sound", what);
    }
    *db = peak > 0 ? 20 * log10(peak) : -INFINITY;
    return 0;
}

static void mic_remedy(struct doctor_check *c, int cards)
{
    if (access("/dev/snd", F_OK) == 0 && access("/dev/snd/controlC0", F_OK) == 0 &&
        access("/dev/snd/controlC0", R_OK) != 0) {
        doctor_remedy(c, "sudo usermod -aG audio $USER, then log in again");
    } else if (cards == 0) {
        doctor_remedy(
            c, "plug a microphone in; or dictate FILE; or over ssh: arecord -f S16_LE -r 16000 | "
               "ssh HOST dictate -");
    } else {
        doctor_remedy(c, "close the program that uses it, or choose another with --mic NAME");
    }
}

void doctor_mic(struct doctor *d, const struct args *a)
{
    struct audio_dev *dev = NULL;
    struct err e = {0};
    char what[160] = "";
    double db = 0;
    int cards = audio_list_cards();
    int n = audio_list(&dev, &e);
    int rc = listen_db(a->mic, what, sizeof what, &db, &e);
    if (rc == 0 && db > -90) {
        doctor_add(d, DOCTOR_OK, "microphone", ERR_MIC, "%s works, peak %.0f dB", what, db);
    } else if (rc == 0) {
        struct doctor_check *c = doctor_add(d, DOCTOR_WARN, "microphone", ERR_MIC,
                                            "%s works but hears nothing at all", what);
        doctor_remedy(
            c, "switch it on in alsamixer (F4, then Space), or choose another with --mic NAME");
    } else {
        /* Files and pipes do without; a microphone that was named does not. */
        struct doctor_check *c =
            doctor_add(d, a->mic ? DOCTOR_BAD : DOCTOR_WARN, "microphone", ERR_MIC, "%s", e.text);
        mic_remedy(c, cards);
    }
    for (int i = 0; i < n && i < 8; i++) {
        doctor_add(d, DOCTOR_OK, "", 0, "--mic %s: %s", dev[i].name, dev[i].text);
    }
    if (n > 0) {
        audio_list_free(dev);
    }
}

static const char *colours(const struct args *a)
{
    const char *term = getenv("TERM"), *ct = getenv("COLORTERM"), *no = getenv("NO_COLOR");
    if (a->no_color || (no && *no && !a->color)) {
        return "no colours (asked for)";
    }
    if (ct && (strstr(ct, "truecolor") || strstr(ct, "24bit"))) {
        return "all colours";
    }
    if (term && (strstr(term, "256color") || strstr(term, "direct"))) {
        return "256 colours";
    }
    return term && strncmp(term, "vt", 2) && strcmp(term, "dumb") ? "8 colours" : "no colours";
}

void doctor_terminal(struct doctor *d, const struct args *a)
{
    const char *term = getenv("TERM");
    struct winsize w = {0};
    struct doctor_check *c;
    setlocale(LC_CTYPE, "");
    int utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        doctor_add(d, DOCTOR_OK, "terminal", 0,
                   "not a terminal here: plain text is written, no screen");
        return;
    }
    if (!term || !*term || strcmp(term, "dumb") == 0) {
        c = doctor_add(d, DOCTOR_WARN, "terminal", 0,
                       "TERM is %s: plain text is written, no screen",
                       term && *term ? term : "not set");
        doctor_remedy(c, "export TERM=xterm-256color, if the terminal is one");
        return;
    }
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
    int small = w.ws_col && (w.ws_col < SMALL_COLS || w.ws_row < SMALL_ROWS);
    c = doctor_add(d, utf8 && !small ? DOCTOR_OK : DOCTOR_WARN, "terminal", 0,
                   "%.40s, %d x %d, %s, %s%s", term, w.ws_col, w.ws_row,
                   utf8 ? "UTF-8" : "no UTF-8: signs are ASCII", colours(a),
                   small ? ", small: parts are left out" : "");
    if (!utf8) {
        doctor_remedy(c, "export LC_ALL=C.UTF-8, if the terminal shows UTF-8");
    } else if (small) {
        doctor_remedy(c, "make the window at least 80 x 24");
    }
}
