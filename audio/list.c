/* Lists microphones from ALSA's hints, see list.h.  Any thread; never prints, never opens a device.
 */
#include "audio/list.h"

#include <alsa/asoundlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/alsa.h"

enum { DEV_MAX = 64 };

static void silent(const char *file, int line, const char *function, int code, const char *fmt, ...)
{
    (void)file, (void)line, (void)function, (void)code, (void)fmt;
}

static void install(void)
{
    snd_lib_error_set_handler(silent);
}

void alsa_quiet(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

/* Names that show a device once: plughw for cards, and software devices without a card. */
static int wanted(const char *name)
{
    static const char *const twin[] = {
        "hw:",     "sysdefault", "front:",    "surround", "iec958",     "hdmi:",
        "dmix:",   "dsnoop:",    "usbstream", "null",     "samplerate", "speexrate",
        "lavrate", "upmix",      "vdownmix",  "jack",     "oss"};
    for (size_t i = 0; i < sizeof twin / sizeof *twin; i++) {
        if (!strncmp(name, twin[i], strlen(twin[i]))) {
            return 0;
        }
    }
    return 1;
}

/* One hint; 1 when it was a microphone worth showing. */
static int take(struct audio_dev *d, const void *hint)
{
    char *name = snd_device_name_get_hint(hint, "NAME");
    char *desc = snd_device_name_get_hint(hint, "DESC");
    char *ioid = snd_device_name_get_hint(hint, "IOID"); /* NULL: both ways */
    int ok =
        name && wanted(name) && strlen(name) < sizeof d->name && (!ioid || !strcmp(ioid, "Input"));
    if (ok) {
        memset(d, 0, sizeof *d);
        snprintf(d->name, sizeof d->name, "%s", name);
        snprintf(d->text, sizeof d->text, "%s", desc ? desc : name);
        for (char *p = d->text; *p; p++) {
            if ((unsigned char)*p < 32 || *p == 127) {
                *p = ',';
            }
        }
        d->card = strstr(name, "CARD=") != NULL;
    }
    free(name);
    free(desc);
    free(ioid);
    return ok;
}

static int by_kind(const void *a, const void *b)
{
    const struct audio_dev *x = a, *y = b;
    int dx = strcmp(x->name, "default") != 0, dy = strcmp(y->name, "default") != 0;
    return dx != dy ? dx - dy : x->card != y->card ? x->card - y->card : strcmp(x->name, y->name);
}

int audio_list(struct audio_dev **out, struct err *e)
{
    void **hints = NULL;
    int n = 0;
    *out = NULL;
    alsa_quiet();
    struct audio_dev *list = calloc(DEV_MAX, sizeof *list);
    if (!list) {
        return err_set(e, ERR_MEM, "no memory to list microphones");
    }
    if (snd_device_name_hint(-1, "pcm", &hints) >= 0 && hints) {
        for (void **h = hints; *h && n < DEV_MAX; h++) {
            n += take(&list[n], *h);
        }
        snd_device_name_free_hint(hints);
    }
    /* Without hardware ALSA still offers "default", which cannot be opened then. */
    qsort(list, (size_t)n, sizeof *list, by_kind);
    if (n == 0) {
        free(list);
        return 0;
    }
    *out = list;
    return n;
}

void audio_list_free(struct audio_dev *list)
{
    free(list);
}

static int card_records(int card)
{
    char name[32];
    snd_ctl_t *ctl;
    int dev = -1, yes = 0;
    snprintf(name, sizeof name, "hw:%d", card);
    if (snd_ctl_open(&ctl, name, SND_CTL_NONBLOCK) < 0) {
        return 0;
    }
    snd_pcm_info_t *info;
    snd_pcm_info_alloca(&info);
    while (!yes && snd_ctl_pcm_next_device(ctl, &dev) >= 0 && dev >= 0) {
        snd_pcm_info_set_device(info, (unsigned)dev);
        snd_pcm_info_set_subdevice(info, 0);
        snd_pcm_info_set_stream(info, SND_PCM_STREAM_CAPTURE);
        yes = snd_ctl_pcm_info(ctl, info) >= 0;
    }
    snd_ctl_close(ctl);
    return yes;
}

int audio_list_cards(void)
{
    int card = -1, n = 0;
    alsa_quiet();
    while (snd_card_next(&card) >= 0 && card >= 0) {
        n += card_records(card);
    }
    return n;
}

const char *audio_alsa_version(void)
{
    return snd_asoundlib_version();
}
