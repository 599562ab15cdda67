/* See mics.h. */
#include "app/mics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/list.h"

struct mics {
    struct audio_dev *dev;
    int n;
};

int mics_new(struct mics **m, struct err *e)
{
    *m = calloc(1, sizeof **m);
    return *m ? 0 : err_set(e, ERR_MEM, "no memory for a list of microphones");
}

void mics_free(struct mics *m)
{
    if (m) {
        audio_list_free(m->dev);
        free(m);
    }
}

void mics_look(struct mics *m)
{
    struct err e;
    audio_list_free(m->dev);
    m->dev = NULL;
    m->n = audio_list(&m->dev, &e);
    m->n = m->n < 0 ? 0 : m->n > UI_ITEMS ? UI_ITEMS : m->n;
}

void mics_fill(const struct mics *m, const char *now, struct ui_view *v)
{
    v->mics.n = (unsigned)m->n;
    for (int i = 0; i < m->n; i++) {
        struct ui_item *it = &v->mics.item[i];
        snprintf(it->text, sizeof it->text, "%.*s", (int)sizeof it->text - 1, m->dev[i].text);
        snprintf(it->aside, sizeof it->aside, "%.*s", (int)sizeof it->aside - 1, m->dev[i].name);
        it->on = !strcmp(m->dev[i].name, now);
    }
}

int mics_take(struct mics *m, int i, struct session *s, struct err *e)
{
    struct mic *mic;
    if (i < 0 || i >= m->n) {
        return err_set(e, ERR_MIC, "there is no such microphone");
    }
    int rc = mic_new(&mic, m->dev[i].name, NULL, MIC_REAL, e);
    if (!rc) {
        rc = session_switch(s, mic, e);
        if (rc) {
            mic_free(mic);
        }
    }
    return rc;
}
