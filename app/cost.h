/* What a pass of live recognition costs on a machine that does not exist: a figure that is the same
 * everywhere.  Pure. */
#ifndef APP_COST_H
#define APP_COST_H

#include "npu/asr/live.h"
#include "npu/asr/model.h"

/* Seconds; the machine is two cores of a server CPU with INT8 dot products: 170 G products of two
 * bytes a second in the encoder, 60 G in batched decoder passes, 12 G in single steps, 1 ms a pass.
 * (Measured on such a machine, see tests/bench/SPEED.md.) */
double cost_pass(const struct asr_hparams *hp, const struct asr_live_work *w);
/* Seconds for a second of sound in the front end. */
double cost_front(void);

#endif
