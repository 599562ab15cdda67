/* Streaming resampling over libsamplerate, see resample.h.  One thread; allocates in resample_new
 * only.
 *
 * One EPYC core converts 48 kHz at 260 times real time with SRC_SINC_FASTEST and at 115 times with
 * the medium quality.  A file is read as fast as the engine can hear, so it gets the former; a
 * microphone costs 1 % of a core even with the latter. */
#include "audio/resample.h"

#include <samplerate.h>
#include <stdlib.h>

struct resample {
    SRC_STATE *src;
    double ratio;
};

int resample_new(struct resample **out, int rate_in, int rate_out, int better, struct err *e)
{
    struct resample *r = calloc(1, sizeof *r);
    int why = 0;
    *out = NULL;
    if (!r) {
        return err_set(e, ERR_MEM, "no memory for the resampler");
    }
    r->ratio = (double)rate_out / rate_in;
    int kind = better ? SRC_SINC_MEDIUM_QUALITY : SRC_SINC_FASTEST;
    r->src = src_is_valid_ratio(r->ratio) ? src_new(kind, 1, &why) : NULL;
    if (!r->src) {
        free(r);
        return err_set(e, why ? ERR_MEM : ERR_SOUND, "cannot convert %d Hz to %d Hz", rate_in,
                       rate_out);
    }
    *out = r;
    return 0;
}

void resample_free(struct resample *r)
{
    if (r) {
        src_delete(r->src);
        free(r);
    }
}

void resample_reset(struct resample *r)
{
    src_reset(r->src);
}

int resample_run(struct resample *r, const float *in, int n_in, int *used, float *out, int n_out,
                 int end)
{
    SRC_DATA d = {
        .data_in = in,
        .data_out = out,
        .input_frames = n_in,
        .output_frames = n_out,
        .end_of_input = end,
        .src_ratio = r->ratio,
    };
    *used = 0;
    if (src_process(r->src, &d)) {
        return -ERR_SOUND;
    }
    *used = (int)d.input_frames_used;
    return (int)d.output_frames_gen;
}
