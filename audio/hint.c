/* Hints, see hint.h.  The capture thread; allocates nothing. */
#include "audio/hint.h"

#include <string.h>

static const float BLOCK_S = 0.1f;
static const float ZERO_S = 2, SILENT_S = 20, BACK_S = 0.2f;
static const float CLIP_ON = 1e-3f, CLIP_TAU_S = 3, CLIP_CLEAR_S = 3;
static const float NOISE_ON_DB = -40, NOISE_OFF_DB = -44, NOISE_AFTER_S = 6.4f;
static const double BEHIND_ON_S = 5, BEHIND_OFF_S = 1;

void hint_init(struct hint *h)
{
    memset(h, 0, sizeof *h);
}

/* Turns a bit on or off; between the two conditions it stays. */
static void turn(struct hint *h, unsigned bit, int on, int off)
{
    h->now = on ? h->now | bit : off ? h->now & ~bit : h->now;
}

int hint_block(struct hint *h, const struct level_now *l, float peak, float clipped, int dead,
               double waiting_s)
{
    unsigned before = h->now;
    h->heard_s += h->heard_s < 3600 ? BLOCK_S : 0;
    h->zero_s = peak > 0 ? 0 : h->zero_s + BLOCK_S;
    h->sound_s = peak > 0 ? h->sound_s + BLOCK_S : 0;
    h->clear_s = clipped > 0 ? 0 : h->clear_s + BLOCK_S;
    h->clipped += (clipped - h->clipped) * BLOCK_S / CLIP_TAU_S;
    turn(h, HINT_ZERO, h->zero_s > ZERO_S - BLOCK_S / 2, h->sound_s > BACK_S - BLOCK_S / 2);
    turn(h, HINT_SILENT, l->quiet_s > SILENT_S - BLOCK_S / 2, l->quiet_s <= 0);
    turn(h, HINT_CLIP, clipped > 0 && h->clipped >= CLIP_ON,
         h->clear_s > CLIP_CLEAR_S - BLOCK_S / 2);
    h->clipped = h->now & before & HINT_CLIP || !(before & HINT_CLIP) ? h->clipped : 0;
    turn(h, HINT_NOISE, h->heard_s > NOISE_AFTER_S && l->floor_db >= NOISE_ON_DB,
         l->floor_db < NOISE_OFF_DB);
    turn(h, HINT_DEAD, dead > 0, dead == 0);
    turn(h, HINT_BEHIND, waiting_s > BEHIND_ON_S, waiting_s < BEHIND_OFF_S);
    return h->now != before;
}
