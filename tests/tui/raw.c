/* raw FILE RATE: a sound file as raw 16-bit mono samples at RATE, on standard output: what ALSA's file
 * plug-in plays as a microphone. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/resample.h"
#include "audio/src.h"

enum { BLOCK = 4096 };

static void put(const float *x, int n)
{
    for (int i = 0; i < n; i++) {
        long v = lrintf(x[i] * 32767);
        int16_t s = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
        fwrite(&s, sizeof s, 1, stdout);
    }
}

int main(int argc, char **argv)
{
    struct audio_want want = {.kind = AUDIO_FILE, .name = argc > 1 ? argv[1] : ""};
    struct audio_src *src;
    struct resample *rs;
    struct err e;
    static float x[BLOCK], y[8 * BLOCK];
    int n, used, at, k;
    if (argc != 3 || audio_src_open(&src, &want, &e) < 0 ||
        resample_new(&rs, audio_src_got(src)->rate, atoi(argv[2]), 1, &e) < 0) {
        fprintf(stderr, "raw FILE RATE: %s\n", argc == 3 ? e.text : "two arguments");
        return 1;
    }
    while ((n = audio_src_read(src, x, BLOCK, -1, &e)) > 0) {
        for (at = 0; at < n; at += used) {
            k = resample_run(rs, x + at, n - at, &used, y, 8 * BLOCK, 0);
            put(y, k > 0 ? k : 0);
        }
    }
    while ((k = resample_run(rs, x, 0, &used, y, 8 * BLOCK, 1)) > 0) {
        put(y, k);
    }
    resample_free(rs);
    audio_src_close(src);
    return n < 0 || fflush(stdout) ? 1 : 0;
}
