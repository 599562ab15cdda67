/* What one command of the engine would take on an array of silicon, by the cost model: modelled, as
 * everything in this room.  Pure; any thread. */
#ifndef PLAN_PREDICT_H
#define PLAN_PREDICT_H

#include "kernels/op.h"
#include "npu/plan/cost.h"

/* Seconds as one more call of a chain, all columns at work; *bound: an enum plan_bound.  INT8 as
 * INT8, f32 as bf16 (there is no f32 unit).  dev: a struct plan_dev; the shape of npu_model_fn. */
double plan_predict(const void *dev, const struct npu_cmd *c, int *bound);

#endif
