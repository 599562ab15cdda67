/* Plans and tables as text and as JSON, for app/plan.c. */
#ifndef APP_PLAN_SHOW_H
#define APP_PLAN_SHOW_H

#include <stdio.h>

#include "app/base/jsonw.h"
#include "npu/plan/plan.h"
#include "npu/plan/table.h"

void plan_show(FILE *f, const struct plan *p);
void plan_show_explain(FILE *f, const struct plan *p);
void plan_show_placement(FILE *f, const struct plan *p);
void plan_show_constants(FILE *f);
void plan_show_table(FILE *f, const struct plan_table *t);

void plan_json(struct jsonw *w, const struct plan *p);
void plan_json_table(struct jsonw *w, const struct plan_table *t);

#endif
