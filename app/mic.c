/* See mic.h. */
#include "app/mic.h"

#include <stdlib.h>
#include <string.h>

#include "app/base/file.h"
#include "audio/fault.h"

struct mic {
    char *name;
    struct fault *world; /* NULL: ALSA */
};

enum { SCRIPT_MAX = 1 << 16 };

static const char FAULT[] = "fault:", GEN[] = "gen:";

static bool has_prefix(const char *name, const char *prefix)
{
    return name && !strncmp(name, prefix, strlen(prefix));
}

bool mic_takes_file(const char *name)
{
    return has_prefix(name, FAULT);
}

/* The script itself; malloc'd. */
static char *script_of(const char *name, struct err *e)
{
    const char *text = name + strlen(FAULT);
    struct file_map f = {(const uint8_t *)text, strlen(text)};
    if (*text == '@' && file_map_open(&f, text + 1, SCRIPT_MAX, ERR_USAGE, e)) {
        return NULL;
    }
    char *s = strndup((const char *)f.data, f.size);
    if (*text == '@') {
        file_unmap(&f);
    }
    if (!s) {
        err_set(e, ERR_MEM, "no memory for a fault script");
    }
    return s;
}

static int make_world(struct mic *m, const char *name, const char *sound, enum mic_pace pace,
                      struct err *e)
{
    struct audio_want want = {.kind = AUDIO_GEN, .name = "silence"};
    char *script = script_of(has_prefix(name, FAULT) ? name : FAULT, e);
    if (!script) {
        return -e->code;
    }
    if (has_prefix(name, GEN)) {
        want.name = name + strlen(GEN);
    } else if (sound) {
        want.kind = AUDIO_FILE;
        want.name = sound;
    }
    int rc = fault_new(&m->world, script, &want, e);
    free(script);
    if (!rc && fault_has_speed(m->world) <= 0) {
        if (pace == MIC_REAL) {
            fault_speed(m->world, 1);
        } else {
            fault_leash(m->world);
        }
    }
    return rc;
}

int mic_new(struct mic **out, const char *name, const char *sound, enum mic_pace pace,
            struct err *e)
{
    bool world = has_prefix(name, FAULT) || has_prefix(name, GEN);
    struct mic *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m) {
        m->name = strdup(name && *name ? name : "default");
    }
    int rc = m && m->name ? 0 : err_set(e, ERR_MEM, "no memory for a microphone");
    if (!rc && world) {
        rc = make_world(m, name, sound, pace, e);
    }
    if (rc) {
        mic_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void mic_free(struct mic *m)
{
    if (m) {
        fault_free(m->world);
        free(m->name);
        free(m);
    }
}

int mic_open(struct audio_src **src, void *mic, struct err *e)
{
    struct mic *m = mic;
    struct audio_want want = {.kind = AUDIO_MIC, .name = m->name, .mic_paced = 1};
    return m->world ? fault_open(src, m->world, e) : audio_src_open(src, &want, e);
}

const char *mic_name(const struct mic *m)
{
    return m->name;
}

struct capture_clock mic_clock(struct mic *m)
{
    if (!m || !m->world) {
        return (struct capture_clock){0};
    }
    return (struct capture_clock){fault_now_us, fault_sleep_us, m->world};
}

bool mic_simulated(const struct mic *m)
{
    return m && m->world && fault_has_speed(m->world) <= 0;
}

int mic_advance(struct mic *m, int64_t to_us, int wait_ms)
{
    return fault_advance(m->world, to_us, wait_ms);
}

double mic_engine(const struct mic *m)
{
    return m && m->world ? fault_engine(m->world) : 0;
}

double mic_speed(const struct mic *m)
{
    return m && m->world ? fault_has_speed(m->world) : 1;
}
