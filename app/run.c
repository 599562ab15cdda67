/* See run.h.  Chooses the way: dump, offline, live as plain lines, live on the screen; opens what
 * it needs in the order in which errors are cheapest, and closes in reverse. */
#include "app/run.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/base/fmt.h"
#include "app/dump.h"
#include "app/face.h"
#include "app/offline.h"
#include "app/sound.h"
#include "app/stop.h"
#include "npu/plan/predict.h"
#include "npu/rt/health.h"
#include "ui/ui.h"

enum {
    CLOSE_MS = 3000, /* how long a full disk may hold up the end */
    WAIT_S = 60,     /* without a screen: for a microphone that went away */
};

enum way { WAY_OFFLINE, WAY_PLAIN, WAY_SCREEN };

struct run {
    const struct args *a;
    enum way way;
    enum args_format format;
    struct app_setup setup;
    struct writer *writer;
    struct out out;
    bool have_out;
    struct plan_dev array; /* silicon that the device is taken for */
    struct out_end end;
};

static bool is_file(const struct args *a)
{
    return !sound_is_mic(a);
}

/* Sound that comes in its own time: the microphone, or whatever feeds a pipe. */
static bool is_live(const struct args *a)
{
    struct stat st;
    return !is_file(a) ||
           (!strcmp(a->pos[0], "-") && (fstat(STDIN_FILENO, &st) || !S_ISREG(st.st_mode)));
}

/* Screen when there is one and nothing else was asked for; else text, from files at full speed.  A
 * pipe whose words nobody wants in a certain format is heard live. */
static enum way choose(const struct args *a)
{
    bool written = a->out && is_file(a) && a->pace != ARGS_PACE_REAL;
    if (a->format == ARGS_FMT_NONE && !written && ui_possible(NULL)) {
        return WAY_SCREEN;
    }
    if (a->pace == ARGS_PACE_AUTO && a->format == ARGS_FMT_NONE && !written && is_live(a)) {
        return WAY_PLAIN;
    }
    return is_file(a) && a->pace != ARGS_PACE_REAL ? WAY_OFFLINE : WAY_PLAIN;
}

static enum args_format choose_format(const struct args *a)
{
    enum args_format f = a->format;
    if (f == ARGS_FMT_NONE && a->out) {
        f = args_format_of(a->out);
        return f == ARGS_FMT_NONE ? ARGS_FMT_TXT : f;
    }
    return f == ARGS_FMT_NONE ? ARGS_FMT_PLAIN : f;
}

/* A note goes to standard error, after the text that came before it. */
static void say(void *user, const char *text, size_t len)
{
    struct run *r = user;
    if (r->way != WAY_SCREEN) {
        writer_flush(r->writer, 200);
        ssize_t n = write(STDERR_FILENO, text, len);
        (void)n;
    }
}

static void put(void *user, const char *text, size_t len)
{
    struct run *r = user;
    writer_put(r->writer, text, len);
}

static int open_out(struct run *r, struct err *e)
{
    const struct args *a = r->a;
    if (r->way == WAY_SCREEN && !a->out) {
        return 0; /* the text is on the screen only */
    }
    r->format = choose_format(a);
    /* Dictated notes are added to what a file holds; transcripts replace it. */
    bool append = !is_file(a) && (r->format == ARGS_FMT_TXT || r->format == ARGS_FMT_PLAIN);
    int rc = writer_open(&r->writer, a->out, append, e);
    if (!rc) {
        out_init(&r->out, r->format, put, say, r);
        r->out.quiet = a->quiet;
        r->have_out = true;
        if (a->timestamps >= 0) {
            r->out.stamps = a->timestamps && r->format <= ARGS_FMT_TXT;
        }
    }
    return rc;
}

static int run_offline(struct run *r, struct audio_src *src, struct err *e)
{
    struct offline_stat st;
    struct asr_params p = args_params(r->a);
    struct face f = {.args = r->a, .setup = &r->setup, .out = &r->out};
    face_start(&f, audio_src_got(src));
    int rc = offline_run(&r->setup, src, &p, &r->out, stop_flag(), &st, e);
    const char *note = audio_src_note(src);
    if (*note) {
        out_note(&r->out, OUT_WARNING, NULL, "%s", note);
    }
    struct npu_rt_health h;
    npu_rt_health(r->setup.rt, &h);
    if (h.notes) { /* the text is right all the same */
        out_note(&r->out, OUT_WARNING, "npu-reset", "%s", h.note);
    }
    r->end.audio_s = st.audio_s;
    r->end.wall_s = r->end.work_s = st.wall_s;
    r->end.cpu_s = st.cpu_s;
    r->end.mel_s = st.mel_s;
    r->end.language = st.language;
    r->end.words = st.words;
    r->end.segments = st.segments;
    r->end.lost_s = NAN;
    r->end.exit_code = rc ? -rc : stop_signal() ? 128 + stop_signal() : 0;
    return rc;
}

static int run_live(struct run *r, struct audio_src **src, struct mic **mic, struct err *e)
{
    const struct args *a = r->a;
    struct face f = {.args = a,
                     .setup = &r->setup,
                     .writer = r->writer,
                     .out = r->have_out ? &r->out : NULL,
                     .start_us = clk_us()};
    int64_t cpu = clk_cpu_ns();
    struct session_conf conf = {
        .src = *src,
        .mic = *mic,
        .paced = a->pace != ARGS_PACE_FAST,
        .wait_mic = r->way == WAY_SCREEN,
        .gone_max_s = a->wait >= 0           ? a->wait
                      : r->way == WAY_SCREEN ? -1
                                             : WAIT_S,
        .talk = *mic && r->way == WAY_SCREEN && a->talk && strcmp(a->talk, "open") != 0,
    };
    int rc = session_start(&f.session, &r->setup, a, &conf, e);
    if (rc) {
        return rc;
    }
    *src = NULL; /* the session has them */
    *mic = NULL;
    lines_init(&f.lines, f.out, r->format == ARGS_FMT_SRT || r->format == ARGS_FMT_VTT);
    rc = r->way == WAY_SCREEN ? screen_run(&f, e) : plain_run(&f, e);
    r->end.audio_s = f.clock_s;
    r->end.wall_s = (double)(clk_us() - f.start_us) * 1e-6;
    r->end.cpu_s = (double)(clk_cpu_ns() - cpu) * 1e-9;
    r->end.work_s = f.work_s;
    r->end.mel_s = NAN;
    r->end.words = f.lines.words;
    r->end.segments = f.lines.segments;
    r->end.lost_s = f.lost_s;
    r->end.xruns = f.xruns;
    /* ^C is how one stops a microphone; other signals are told to the caller. */
    r->end.exit_code = rc                             ? -rc
                       : f.leave && f.leave != SIGINT ? 128 + f.leave
                       : f.full_s > 0                 ? ERR_LOST
                                                      : 0;
    lines_free(&f.lines);
    if (!session_free(f.session)) {
        if (r->writer) {
            writer_close(r->writer, CLOSE_MS, NULL);
        }
        _exit(rc ? -rc : ERR_NPU_HANG);
    }
    return rc;
}

/* Last lines, and what happened to the text. */
static int finish(struct run *r, int rc, struct err *e)
{
    struct err disk = {0};
    if (r->have_out && r->setup.eng) {
        struct asr_params p = args_params(r->a);
        r->end.load_s = r->setup.load_s;
        if (!asr_tok_special(r->setup.tok)->multilingual) {
            r->end.language = "en";
        } else if (!r->end.language) {
            r->end.language = asr_lang_code(p.language);
        }
        if (!rc || r->format == ARGS_FMT_JSON) {
            out_end(&r->out, &r->end);
        }
    }
    if (writer_close(r->writer, CLOSE_MS, &disk) && !rc) {
        *e = disk;
        rc = -disk.code;
    } else if (disk.code) {
        args_complain(&disk); /* two things went wrong; the first decides the exit code */
    }
    if (r->have_out) {
        out_free(&r->out);
    }
    return rc ? args_complain(e) : r->end.exit_code;
}

int run_main(const struct args *a)
{
    struct run r = {.a = a, .way = choose(a)};
    struct audio_src *src = NULL;
    struct mic *mic = NULL;
    struct err e = {0};
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is found out by write() */
    if (a->dump) {
        int dumped = a->cases ? dump_cases(a, &e) : dump_clip(a, &e);
        return dumped ? args_complain(&e) : 0;
    }
    int rc = 0;
    if (r.way != WAY_SCREEN) {
        rc = stop_install(&e);
    }
    if (!rc && is_file(a)) {
        rc = sound_open(&src, a, &e);
    } else if (!rc) {
        rc = sound_mic(&mic, a, r.way == WAY_SCREEN, &e);
        /* On the screen a missing microphone is waited for. */
        rc = rc || r.way == WAY_SCREEN ? rc : mic_open(&src, mic, &e);
    }
    rc = rc ? rc : app_setup_open(&r.setup, a, &e);
    if (!rc && r.way == WAY_SCREEN) { /* the profile shows the model beside what was measured */
        struct npu_sense s;
        npu_rt_sense(r.setup.rt, &s);
        if (!plan_dev_find(&r.array, s.chip, NULL)) {
            npu_rt_predict(r.setup.rt, plan_predict, &r.array);
        }
    }
    rc = rc ? rc : open_out(&r, &e);
    if (!rc) {
        rc = r.way == WAY_OFFLINE ? run_offline(&r, src, &e) : run_live(&r, &src, &mic, &e);
    }
    int code = finish(&r, rc, &e);
    audio_src_close(src);
    mic_free(mic);
    app_setup_close(&r.setup);
    return code;
}
