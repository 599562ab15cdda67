/* See setup.h.  One thread at a time. */
#include "app/setup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/base/clk.h"
#include "app/base/log.h"
#include "app/device.h"
#include "app/packs.h"

/* Folder of the running program, without a slash at the end; "" when it is not known. */
static void program_dir(char *dir, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", dir, cap - 1);
    dir[n > 0 ? n : 0] = 0;
    char *slash = strrchr(dir, '/');
    if (slash) {
        *slash = 0;
    } else {
        dir[0] = 0;
    }
}

static void data_home(char *dir, size_t cap)
{
    const char *x = getenv("XDG_DATA_HOME"), *h = getenv("HOME");
    if (x && x[0] == '/') {
        snprintf(dir, cap, "%s/dictate", x);
    } else if (h && *h) {
        snprintf(dir, cap, "%s/.local/share/dictate", h);
    } else {
        dir[0] = 0;
    }
}

int app_model_dir(int i, char *dir, size_t cap)
{
    /* Beside the program: installed, run from build/, run from build/VARIANT/. */
    static const char *const beside[] = {"/../share/dictate/models", "/../npu/models",
                                         "/../../npu/models"};
    dir[0] = 0;
    if (i == 0) {
        snprintf(dir, cap, ".");
    } else if (i == 1) {
        data_home(dir, cap);
    } else if (i < 2 + (int)(sizeof beside / sizeof *beside)) {
        program_dir(dir, cap);
        if (*dir && strlen(dir) + strlen(beside[i - 2]) < cap) {
            strcat(dir, beside[i - 2]);
        }
    } else if (i == 2 + (int)(sizeof beside / sizeof *beside)) {
        snprintf(dir, cap, "npu/models"); /* in the source tree, built somewhere else */
    } else {
        return 0;
    }
    return 1;
}

/* Something that may be a model file: not a folder.  What it really is, the reader says. */
static bool is_there(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

static bool find_in(const char *dir, const char *name, char *path, size_t cap)
{
    static const char *const form[][2] = {
        {"", ""}, {"", ".bin"}, {"ggml-", ".bin"}, {"dictate-", ".bin"}};
    for (size_t i = 0; *dir && i < sizeof form / sizeof *form; i++) {
        int n = snprintf(path, cap, "%s/%s%s%s", dir, form[i][0], name, form[i][1]);
        if (n > 0 && (size_t)n < cap && is_there(path)) {
            return true;
        }
    }
    return false;
}

int app_model_find(const char *name, char *path, size_t cap, struct err *e)
{
    char dir[PATH_MAX];
    const char *asked = name ? name : getenv("DICTATE_MODEL");
    if (asked && !*asked) {
        asked = NULL;
    }
    if (asked && (strchr(asked, '/') || is_there(asked))) {
        if (strlen(asked) >= cap) {
            return err_set(e, ERR_MODEL, "%.200s...: the name is too long", asked);
        }
        strcpy(path, asked);
        return 0; /* also when it is not there: opening says why */
    }
    /* The bundled model is not looked for in the folder one happens to stand in. */
    for (int i = asked ? 0 : 1; app_model_dir(i, dir, sizeof dir); i++) {
        if (find_in(dir, asked ? asked : APP_BUNDLED, path, cap)) {
            return 0;
        }
    }
    path[0] = 0;
    data_home(dir, sizeof dir);
    if (!asked) {
        return err_set(e, ERR_MODEL,
                       "the bundled model %s is neither in %s nor beside the program; give --model "
                       "FILE, or run dictate models get tiny.en",
                       APP_BUNDLED, dir);
    }
    return err_set(
        e, ERR_MODEL,
        "model \"%.80s\" found neither here nor in %s; dictate models list shows what there "
        "is, dictate models get NAME fetches one",
        asked, dir);
}

/* "models/ggml-tiny.en.bin" -> "tiny.en" */
static void short_name(const char *path, char *name, size_t cap)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    if (!strncmp(base, "ggml-", 5)) {
        base += 5;
    }
    snprintf(name, cap, "%.*s", (int)cap - 1, base);
    char *dot = strrchr(name, '.');
    if (dot && !strcmp(dot, ".bin")) {
        *dot = 0;
    }
}

/* Refuses what the model cannot do, before any work is done. */
static int check_task(const struct app_setup *s, const struct args *a, struct err *e)
{
    bool multi = asr_tok_special(s->tok)->multilingual;
    const char *code = asr_lang_code(a->language);
    if (!multi && code && strcmp(code, "en")) {
        return err_set(e, ERR_USAGE,
                       "%s hears English only; --language %s needs a multilingual model", s->name,
                       code);
    }
    if (!multi && a->translate) {
        return err_set(e, ERR_USAGE,
                       "%s hears English only; --translate needs a multilingual model", s->name);
    }
    if (multi && a->language >= asr_tok_special(s->tok)->n_lang) {
        return err_set(e, ERR_USAGE, "%s does not know the language %s", s->name, code);
    }
    return 0;
}

int app_setup_open_cols(struct app_setup *s, const struct args *a, int columns, struct err *e)
{
    int64_t t0 = clk_ns();
    struct app_device d;
    char packs[PATH_MAX];
    memset(s, 0, sizeof *s);
    int rc = app_model_find(a->model, s->path, sizeof s->path, e);
    if (rc) {
        goto out;
    }
    short_name(s->path, s->name, sizeof s->name);
    rc = asr_model_open(&s->model, s->path, e);
    if (rc) {
        goto out;
    }
    rc = asr_tok_new(&s->tok, s->model, e);
    if (rc) {
        goto out;
    }
    rc = check_task(s, a, e);
    if (rc) {
        goto out;
    }
    app_device(&d, a, columns);
    rc = npu_rt_open(&s->rt, &d.opts, e);
    if (rc) {
        goto out;
    }
    rc = asr_engine_new_packed(&s->eng, s->model, s->rt, a->precision,
                               app_packs_dir(a, packs, sizeof packs), e);
    if (rc) {
        goto out;
    }
    s->load_s = (double)(clk_ns() - t0) * 1e-9;
    log_msg(LOG_INFO, "model %s (%s), %s, %s kernels, loaded in %.3f s", s->path,
            asr_model_kind(s->model), npu_rt_name(s->rt), npu_rt_isa(s->rt), s->load_s);
out:
    if (rc) {
        app_setup_close(s);
    }
    return rc;
}

void app_setup_fit(const struct app_setup *s, struct asr_params *p)
{
    if (s->tok && !asr_tok_is_openai(s->tok)) {
        if (p->prompt) {
            log_msg(LOG_WARN, "%s takes no prompt; it is left out", s->name);
        }
        p->prompt = NULL;
        p->max_context = 0;
        p->no_timestamps = true;
    }
}

int app_setup_open(struct app_setup *s, const struct args *a, struct err *e)
{
    return app_setup_open_cols(s, a, 0, e);
}

void app_setup_close(struct app_setup *s)
{
    if (s->eng) {
        asr_engine_free(s->eng);
    }
    if (s->rt) {
        npu_rt_close(s->rt);
    }
    if (s->tok) {
        asr_tok_free(s->tok);
    }
    if (s->model) {
        asr_model_free(s->model);
    }
    s->eng = NULL;
    s->rt = NULL;
    s->tok = NULL;
    s->model = NULL;
}

const char *app_setup_smaller(const struct app_setup *s)
{
    int width = asr_model_hp(s->model)->n_audio_state;
    bool multi = asr_tok_special(s->tok)->multilingual;
    return width >= 1024  ? (multi ? "small" : "small.en")
           : width >= 768 ? (multi ? "base" : "base.en")
           : width >= 512 ? (multi ? "tiny" : "tiny.en")
                          : NULL;
}
