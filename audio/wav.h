/* WAV headers met in a stream: bytes in, format out, no size in it believed.
 *
 * Pure functions on a caller-placed struct; nothing allocates, any thread. */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>

enum wav_state {
    WAV_MORE, /* wants more bytes */
    WAV_DATA, /* the next byte is the first of the samples */
    WAV_BAD,  /* fault says why */
};

enum wav_code { WAV_U8, WAV_S16, WAV_S24, WAV_S32, WAV_F32, WAV_F64, WAV_ALAW, WAV_ULAW };

/* data_bytes when the header does not know (0, or one of the values that streaming writers put). */
#define WAV_UNKNOWN UINT64_MAX

struct wav {
    enum wav_state state;
    const char *fault; /* "sample rate is 0", static */
    enum wav_code code;
    int rate, channels;
    int frame_bytes;     /* of all channels */
    uint64_t data_bytes; /* as claimed, or WAV_UNKNOWN */
    uint64_t head_bytes; /* consumed up to the samples */
    /* private */
    uint8_t buf[40];
    int have, want, part, got_fmt;
    uint32_t chunk;
    uint64_t skip;
};

void wav_init(struct wav *w);

/* Takes header bytes until the samples begin; returns how many it took. */
size_t wav_feed(struct wav *w, const uint8_t *p, size_t n);

/* Decodes whole frames to interleaved floats, full scale 1.0; NaN and infinity pass through. */
void wav_decode(const struct wav *w, const uint8_t *p, int frames, float *out);

#endif
