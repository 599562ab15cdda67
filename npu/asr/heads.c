/* Which cross-attention heads follow the sound (dictation.md 4.8).  Called once per model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu/asr/model.h"

/* "layer,head" pairs as published with the models. */
static const struct {
    const char *kind, *pairs;
} PUBLISHED[] = {
    {"tiny.en", "1,0 2,0 2,5 3,0 3,1 3,2 3,3 3,4"},
    {"tiny", "2,2 3,0 3,2 3,3 3,4 3,5"},
    {"base.en", "3,3 4,7 5,1 5,5 5,7"},
    {"base", "3,1 4,2 4,3 4,7 5,1 5,2 5,4 5,6"},
    {"small.en", "6,6 7,0 7,3 7,8 8,2 8,5 8,7 9,0 9,4 9,8 9,10 10,0 10,1 10,2 10,3 10,6 10,11 "
                 "11,2 11,4"},
    {"small", "5,3 5,9 8,0 8,4 8,7 8,8 9,0 9,7 9,9 10,5"},
    {"medium.en", "11,4 14,1 14,12 14,14 15,4 16,0 16,4 16,9 17,12 17,14 18,7 18,10 18,15 20,0 "
                  "20,3 20,9 20,14 21,12"},
    {"medium", "13,15 15,4 15,15 16,1 20,0 23,4"},
    {"large", "10,12 13,17 16,11 16,12 16,13 17,15 17,16 18,4 18,11 18,19 19,11 21,2 21,3 22,3 "
              "22,9 22,12 23,5 23,7 23,13 25,5 26,1 26,12 27,15"}, /* v2's: the likelier of two */
    {"large-v3", "7,0 10,17 12,18 13,12 16,1 17,14 19,11 21,4 24,1 25,6"},
    {"large-v3-turbo", "2,4 2,11 3,3 3,6 3,11 3,14"},
};

struct list {
    uint8_t (*head)[2];
    int n, max, layers, heads;
};

static void add(struct list *l, long layer, long head)
{
    if (l->n < l->max && layer >= 0 && layer < l->layers && head >= 0 && head < l->heads) {
        l->head[l->n][0] = (uint8_t)layer;
        l->head[l->n][1] = (uint8_t)head;
        l->n++;
    }
}

/* One "layer head" pair a line, # begins a comment; lines that say something else are passed over:
 * a spoilt list costs quality, never a run. */
static void from_file(struct list *l, const char *model_path)
{
    char path[4096], line[128];
    size_t n = strlen(model_path);
    if (n > 4 && !strcmp(model_path + n - 4, ".bin")) {
        n -= 4;
    }
    if (n + sizeof ".heads" > sizeof path) {
        return;
    }
    memcpy(path, model_path, n);
    strcpy(path + n, ".heads");
    FILE *f = fopen(path, "re");
    if (!f) {
        return;
    }
    for (int i = 0; i < 4096 && fgets(line, sizeof line, f); i++) {
        int layer, head;
        if (sscanf(line, "%d %d", &layer, &head) == 2) {
            add(l, layer, head);
        }
    }
    fclose(f);
}

static void from_text(struct list *l, const char *s)
{
    while (*s) {
        char *end;
        long layer = strtol(s, &end, 10);
        long head = strtol(end + 1, &end, 10);
        add(l, layer, head);
        s = *end ? end + 1 : end;
    }
}

int asr_model_align_heads(const struct asr_model *m, uint8_t (*heads)[2], int max)
{
    const struct asr_hparams *hp = asr_model_hp(m);
    struct list l = {heads, 0, max, hp->n_text_layer, hp->n_text_head};
    from_file(&l, asr_model_path(m));
    for (size_t i = 0; l.n == 0 && i < sizeof PUBLISHED / sizeof *PUBLISHED; i++) {
        if (!strcmp(PUBLISHED[i].kind, asr_model_kind(m))) {
            from_text(&l, PUBLISHED[i].pairs);
        }
    }
    if (l.n == 0) {
        for (int layer = hp->n_text_layer / 2; layer < hp->n_text_layer; layer++) {
            for (int h = 0; h < hp->n_text_head; h++) {
                add(&l, layer, h);
            }
        }
    }
    return l.n;
}
