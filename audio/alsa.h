/* Inside of audio: what src_alsa.c and list.c share. */
#ifndef AUDIO_ALSA_H
#define AUDIO_ALSA_H

/* Installs a silent error handler, once: libasound writes to stderr, which would tear the screen.
 * Any thread. */
void alsa_quiet(void);

#endif
