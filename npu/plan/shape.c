/* See shape.h.  Sizes are those of the published models' hyper-parameters.  Pure, any thread. */
#include "npu/plan/shape.h"

#include <stdio.h>
#include <string.h>

static const struct plan_shape known[] = {
    /* name, encoder and decoder layers, width, heads, mels, words, positions */
    {"tiny", 4, 4, 384, 6, 80, 51865, 1500},
    {"base", 6, 6, 512, 8, 80, 51865, 1500},
    {"small", 12, 12, 768, 12, 80, 51865, 1500},
    {"medium", 24, 24, 1024, 16, 80, 51865, 1500},
    {"large", 32, 32, 1280, 20, 128, 51866, 1500},
    {"large-v1", 32, 32, 1280, 20, 80, 51865, 1500},
    {"large-v2", 32, 32, 1280, 20, 80, 51865, 1500},
    {"large-v3", 32, 32, 1280, 20, 128, 51866, 1500},
    {"large-v3-turbo", 32, 4, 1280, 20, 128, 51866, 1500},
    {"turbo", 32, 4, 1280, 20, 128, 51866, 1500},
};

int plan_shape_find(struct plan_shape *s, const char *name, struct err *e)
{
    const size_t len = strlen(name);
    const int en = len > 3 && !strcmp(name + len - 3, ".en");
    const size_t bare = en ? len - 3 : len;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        /* English-only models have one word less, and none is large */
        if (strlen(known[i].name) == bare && !strncmp(known[i].name, name, bare) &&
            !(en && known[i].width > 1024)) {
            *s = known[i];
            s->vocab -= en;
            snprintf(s->name, sizeof s->name, "%.*s%s", (int)bare, known[i].name, en ? ".en" : "");
            return 0;
        }
    }
    return err_set(e, ERR_USAGE,
                   "model %s: no such shape: tiny, base, small, medium (also .en), "
                   "large, turbo, or the path of a model file",
                   name);
}
