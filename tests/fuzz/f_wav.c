/* libFuzzer: sound files.  The first byte chooses between the streaming WAV parser, fed in pieces,
 * and a whole source over bytes in memory (libsndfile through virtual I/O, mixdown, resampler).
 *
 *   clang-14 -std=c11 -D_GNU_SOURCE -I. -g -O1 -fsanitize=fuzzer,address,undefined \
 *       tests/fuzz/f_wav.c audio/[a-z]*.c app/base/err.c -lsndfile -lsamplerate -lfftw3f -lasound
 * -lm */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/src.h"
#include "audio/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Leaks inside libraries that we cannot mend: libsndfile forgets a vorbis_info when an Ogg header
 * is damaged (5784 bytes a file). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\n";
}

/* Header in pieces of 1..16 bytes, then samples until the bytes are used up. */
static void stream(const uint8_t *p, size_t n, unsigned piece)
{
    struct wav w;
    static float out[64 * AUDIO_CHANNELS_MAX];
    wav_init(&w);
    while (n > 0 && w.state == WAV_MORE) {
        size_t k = n < piece ? n : piece;
        size_t used = wav_feed(&w, p, k);
        if (used > k || (used == 0 && w.state == WAV_MORE)) {
            abort();
        }
        p += used;
        n -= used;
    }
    if (w.state == WAV_BAD && !w.fault) {
        abort();
    }
    while (w.state == WAV_DATA && n >= (size_t)w.frame_bytes) {
        size_t frames = n / (size_t)w.frame_bytes;
        frames = frames < 64 ? frames : 64;
        wav_decode(&w, p, (int)frames, out);
        p += frames * (size_t)w.frame_bytes;
        n -= frames * (size_t)w.frame_bytes;
    }
}

static void whole(const uint8_t *p, size_t n)
{
    struct audio_want want = {.kind = AUDIO_BYTES, .name = "fuzz", .bytes = p, .size = n};
    struct audio_src *s;
    struct err e = {0};
    float x[2000];
    int k = 0;
    if (audio_src_open(&s, &want, &e) < 0) {
        if (!e.text[0] || s) {
            abort();
        }
        return;
    }
    for (int i = 0; i < 50 && (k = audio_src_read16k(s, x, 2000, -1, &e)) > 0; i++) {
        for (int j = 0; j < k; j++) {
            if (!(x[j] >= -1 && x[j] <= 1)) {
                abort();
            }
        }
    }
    if (k < 0 && !e.text[0]) {
        abort();
    }
    audio_src_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    if (data[0] & 1) {
        stream(data + 1, size - 1, 1 + (data[0] >> 4));
    } else {
        whole(data + 1, size - 1);
    }
    return 0;
}
