/* See cost.h. */
#include "app/cost.h"

static const double ENCODE = 170e9, BATCH = 60e9, STEP = 12e9; /* products a second */
static const double PASS = 1e-3, FRONT = 5e-3;

double cost_pass(const struct asr_hparams *hp, const struct asr_live_work *w)
{
    double ctx = w->ctx, d = hp->n_audio_state, t = hp->n_text_state;
    double layers = hp->n_audio_layer, text = hp->n_text_layer;
    double conv = ctx * d * 3 * (2 * hp->n_mels + d);
    double cross = text * ctx * 2 * d * t; /* keys and values of the decoder's cross attention */
    double enc = layers * (12 * d * d * ctx + 2 * d * ctx * ctx) + conv + cross;
    double token = text * (14 * t * t + 2 * t * ctx), logits = (double)hp->n_vocab * t;
    return PASS + enc / ENCODE + (w->batch * token + logits) / BATCH +
           w->steps * (token + logits) / STEP;
}

double cost_front(void)
{
    return FRONT;
}
