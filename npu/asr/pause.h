/* Stretches of speech in a whole clip, by the level of its mel frames alone.  Pure.
 *
 * For models that were taught single utterances: a window from pause to pause suits them better
 * than 30 s.  Live recognition has real voice activity and does not need this. */
#ifndef ASR_PAUSE_H
#define ASR_PAUSE_H

struct asr_stretch {
    int from, to;         /* mel frames, with some quiet around */
    int voice_0, voice_1; /* where the voice begins and ends */
};

/* Cuts [0, frames) of mel [frames][n_mels] (normalised) into stretches, in order, none longer than
 * 15 s; level [frames] is scratch.  Returns the count, at most max: the last one then reaches to
 * the end. */
int asr_stretches(const float *mel, int n_mels, int frames, float *level, struct asr_stretch *out,
                  int max);

#endif
