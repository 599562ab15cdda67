/* dictate doctor: looks at microphone, NPU, model, CPU and terminal, and says what helps.
 * Main thread; opens everything for a moment and closes it again. */
#include "app/doctor.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/base/cpu.h"
#include "app/base/fmt.h"
#include "app/base/jsonw.h"
#include "app/doctor_check.h"
#include "app/setup.h"
#include "audio/list.h"

struct doctor_check *doctor_add(struct doctor *d, enum doctor_mark mark, const char *what, int code,
                                const char *fmt, ...)
{
    struct doctor_check *c = &d->check[d->n < DOCTOR_MAX ? d->n++ : DOCTOR_MAX - 1];
    va_list ap;
    c->mark = mark;
    c->what = what;
    c->code = code;
    c->remedy[0] = 0;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
    return c;
}

void doctor_remedy(struct doctor_check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->remedy, sizeof c->remedy, fmt, ap);
    va_end(ap);
}

static const char *weight_type(const struct asr_model *m)
{
    const struct asr_tensor *t = asr_model_tensor(m, "decoder.token_embedding.weight");
    const char *name = t ? asr_type_name(t->type) : NULL;
    return name ? name : "unknown";
}

/* Model, device and engine as a session would open them. */
static void engine(struct doctor *d, const struct args *a)
{
    struct app_setup s = {0};
    struct err e = {0};
    char size[24], mem[24];
    int rc = app_setup_open(&s, a, &e);
    if (rc == 0) {
        struct asr_mem m;
        asr_engine_mem(s.eng, &m);
        doctor_add(d, DOCTOR_OK, "model", 0, "%s (%s, %s, %s) loads in %.2f s and takes %s: %s",
                   s.name, asr_model_kind(s.model), weight_type(s.model),
                   fmt_bytes(size, sizeof size, (double)asr_model_bytes(s.model)), s.load_s,
                   fmt_bytes(mem, sizeof mem, (double)(m.weights + m.kv + m.work)), s.path);
        doctor_add(d, DOCTOR_OK, "device", 0, "%s kernels", npu_rt_name(s.rt));
    } else if (rc == -ERR_NPU) {
        doctor_remedy(doctor_add(d, DOCTOR_BAD, "device", ERR_NPU, "%s", e.text),
                      "leave out --device: the virtual NPU is used");
    } else {
        struct doctor_check *c =
            doctor_add(d, DOCTOR_BAD, rc == -ERR_MODEL ? "model" : "engine", -rc, "%s", e.text);
        if (rc == -ERR_MODEL) {
            doctor_remedy(c, "dictate models list shows what there is, dictate models get tiny.en "
                             "fetches one");
        }
    }
    app_setup_close(&s);
}

static void cpu(struct doctor *d)
{
    unsigned f = 0;
    char name[96];
    struct err e = {0};
    const char *want = getenv("DICTATE_CPU");
    if (cpu_features(&f, &e)) {
        doctor_remedy(doctor_add(d, DOCTOR_BAD, "CPU", e.code, "%s", e.text), "unset DICTATE_CPU");
        return;
    }
    struct doctor_check *c =
        doctor_add(d, f ? DOCTOR_OK : DOCTOR_WARN, "CPU", 0, "%s, %d CPUs,%s%s%s%s%s%s%s%s",
                   cpu_name(name, sizeof name), cpu_count(), f & CPU_AVX2 ? " AVX2" : "",
                   f & CPU_AVXVNNI ? " AVX-VNNI" : "", f & CPU_AVX512 ? " AVX-512-VNNI" : "",
                   f & CPU_AMX ? " AMX" : "",
                   f & CPU_NEON ? " NEON" : "", f & CPU_I8MM ? " I8MM" : "",
                   f ? "" : " no wide vectors: plain C kernels, slow",
                   want && *want ? " (DICTATE_CPU is set)" : "");
    if (!f && want && *want) {
        doctor_remedy(c, "unset DICTATE_CPU");
    }
}

static bool use_ascii(const struct args *a)
{
    if (a->glyphs && strcmp(a->glyphs, "auto") != 0) {
        return strcmp(a->glyphs, "ascii") == 0;
    }
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

static void print_plain(const struct doctor *d, const struct args *a)
{
    static const char *const utf8[] = {"\xE2\x97\x8F", "\xE2\x96\xB2", "\xE2\x9C\x96"};
    static const char *const ascii[] = {"*", "!", "X"};
    static const char *const colour[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char *no = getenv("NO_COLOR");
    bool paint = !a->no_color && (a->color || (isatty(STDOUT_FILENO) && !(no && *no)));
    const char *const *mark = use_ascii(a) ? ascii : utf8;
    for (int i = 0; i < d->n; i++) {
        const struct doctor_check *c = &d->check[i];
        if (!c->what[0]) {
            printf("                %s\n", c->text);
            continue;
        }
        printf("%s%s%s %-4s %-10s%s%s\n", paint ? colour[c->mark] : "", mark[c->mark],
               paint ? "\033[0m" : "",
               c->mark == DOCTOR_OK     ? "ok"
               : c->mark == DOCTOR_WARN ? "warn"
                                        : "bad",
               c->what, " ", c->text);
        if (c->remedy[0]) {
            printf("                  try: %s\n", c->remedy);
        }
    }
}

static int print_json(const struct doctor *d, int code, struct err *e)
{
    static const char *const word[] = {"ok", "warn", "bad"};
    struct jsonw w;
    int rc = 0;
    jsonw_init(&w);
    jsonw_obj(&w, NULL);
    jsonw_bool(&w, "usable", code == 0);
    jsonw_int(&w, "exit_code", code);
    jsonw_str(&w, "version", DICTATE_VERSION);
    jsonw_str(&w, "alsa", audio_alsa_version());
    jsonw_arr(&w, "checks");
    for (int i = 0; i < d->n; i++) {
        const struct doctor_check *c = &d->check[i];
        jsonw_obj(&w, NULL);
        jsonw_str(&w, "what", c->what[0] ? c->what : "microphone found");
        jsonw_str(&w, "state", word[c->mark]);
        jsonw_str(&w, "text", c->text);
        jsonw_str(&w, "remedy", c->remedy[0] ? c->remedy : NULL);
        jsonw_obj_end(&w);
    }
    jsonw_arr_end(&w);
    jsonw_obj_end(&w);
    jsonw_text(&w, "\n");
    if (jsonw_ok(&w)) {
        fwrite(w.buf, 1, w.len, stdout);
    } else {
        rc = err_set(e, ERR_MEM, "no memory for the result");
    }
    jsonw_free(&w);
    return rc;
}

int doctor_main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    struct doctor d = {.n = 0};
    int code = 0;
    if (args_parse_cmd(&a, ARGS_DOCTOR, argc, argv, &e)) {
        return args_complain(&e);
    }
    if (a.help) {
        args_usage(stdout, ARGS_DOCTOR);
        return 0;
    }
    doctor_mic(&d, &a);
    doctor_npu(&d, a.device && strncmp(a.device, "npu", 3) == 0);
    engine(&d, &a);
    cpu(&d);
    doctor_terminal(&d, &a);
    for (int i = 0; i < d.n && !code; i++) {
        code = d.check[i].mark == DOCTOR_BAD ? d.check[i].code : 0;
    }
    if (a.format == ARGS_FMT_JSON) {
        if (print_json(&d, code, &e)) {
            return args_complain(&e);
        }
    } else {
        print_plain(&d, &a);
    }
    if (fflush(stdout)) {
        err_set(&e, ERR_DISK, "standard output cannot be written");
        return args_complain(&e);
    }
    return code;
}
