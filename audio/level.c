/* Loudness readings, see level.h.  The pushing thread; allocates nothing. */
#include "audio/level.h"

#include <math.h>
#include <string.h>

static const float HOLD_S = 1.5f, FALL_DB_S = 20.0f, QUIET_DB = -80.0f;

static float db(double power)
{
    return power > 1e-12 ? (float)(10 * log10(power)) : LEVEL_NONE_DB;
}

void level_init(struct level *l, int rate)
{
    memset(l, 0, sizeof *l);
    l->rate = rate;
    l->block = rate / 10;
    l->now.rms_db = l->now.peak_db = l->now.floor_db = LEVEL_NONE_DB;
}

static void hold_peak(struct level *l, float peak_db, float dt)
{
    l->hold_s += dt;
    if (l->hold_s > HOLD_S) {
        l->now.peak_db -= FALL_DB_S * dt;
    }
    if (peak_db >= l->now.peak_db) {
        l->now.peak_db = peak_db;
        l->hold_s = 0;
    }
}

/* Quietest block and share of clipped samples of the history. */
static void scan(struct level *l)
{
    float low = 0;
    uint64_t clip = 0;
    for (int i = 0; i < l->hist_n; i++) {
        low = l->hist_db[i] < low ? l->hist_db[i] : low;
        clip += l->hist_clip[i];
    }
    l->now.floor_db = low;
    l->now.clipped = (float)((double)clip / ((double)l->hist_n * l->block));
}

static void end_block(struct level *l)
{
    float dt = (float)l->block / (float)l->rate;
    float peak_db = db((double)l->peak * l->peak);
    l->now.rms_db = db(l->sum / l->block);
    l->hist_db[l->hist_at] = l->now.rms_db;
    l->hist_clip[l->hist_at] = l->clip;
    l->hist_at = (l->hist_at + 1) % LEVEL_HIST;
    l->hist_n += l->hist_n < LEVEL_HIST;
    hold_peak(l, peak_db, dt);
    scan(l);
    l->now.quiet_s = peak_db > QUIET_DB ? 0 : l->now.quiet_s + dt;
    l->now.live = 1;
    l->n = 0;
    l->sum = 0;
    l->peak = 0;
    l->clip = 0;
}

int level_push(struct level *l, const float *x, int n)
{
    int blocks = 0;
    for (int i = 0; i < n; i++) {
        float a = fabsf(x[i]);
        l->sum += (double)x[i] * (double)x[i];
        l->peak = a > l->peak ? a : l->peak;
        l->clip += a >= 0.9999f;
        if (++l->n == l->block) {
            end_block(l);
            blocks++;
        }
    }
    return blocks;
}
