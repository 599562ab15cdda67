/* Which microphones exist, in words.  Works without sound cards and without /dev/snd. */
#ifndef AUDIO_LIST_H
#define AUDIO_LIST_H

#include "app/base/err.h"

struct audio_dev {
    char name[128]; /* stable name for struct audio_want: "plughw:CARD=Device,DEV=0" */
    char text[200]; /* for people: "USB Audio Device, USB Audio" */
    int card;       /* 1: a sound card itself; 0: a software device ("default", "pipewire") */
};

/* Microphones, software devices first.  Returns the count (0 when there is none), or -ERR_MEM.
 * *out is NULL when the count is not positive.  Any thread. */
int audio_list(struct audio_dev **out, struct err *e);
void audio_list_free(struct audio_dev *list);

/* Number of sound cards that can record, by /proc and libasound; 0: none. */
int audio_list_cards(void);

/* libasound's version for the doctor, e.g. "1.2.8". */
const char *audio_alsa_version(void);

#endif
