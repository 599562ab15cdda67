/* See dev.h.  Pure, any thread; allocates nothing. */
#include "npu/plan/dev.h"

#include <string.h>

#define ROW(field, unit, a, b, trust, source) {#field, unit, a, b, trust, source},
const struct plan_const plan_const[] = {PLAN_CONSTANTS(ROW)};
#undef ROW
const int plan_n_const = (int)(sizeof plan_const / sizeof *plan_const);

#define NPU1(field, unit, a, b, trust, source) .field = (a),
#define NPU4(field, unit, a, b, trust, source) .field = (b),
/* 4 rows of cores; npu1 has a fifth column without a shim, which open flows do not use. */
static const struct plan_dev npu1 = {
    .name = "npu1", .tool = "npu1", .rows = 4, .cols = 4, PLAN_CONSTANTS(NPU1)};
static const struct plan_dev npu4 = {
    .name = "npu4", .tool = "npu2", .rows = 4, .cols = 8, PLAN_CONSTANTS(NPU4)};
#undef NPU1
#undef NPU4

int plan_dev_find(struct plan_dev *d, const char *name, struct err *e)
{
    static const struct {
        const char *name;
        const struct plan_dev *dev;
    } known[] = {{"npu1", &npu1}, {"phoenix", &npu1}, {"hawkpoint", &npu1}, {"npu4", &npu4},
                 {"npu2", &npu4}, {"strix", &npu4},   {"krackan", &npu4}};
    const char *bare = strncmp(name, "virtual:", 8) ? name : name + 8;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(bare, known[i].name)) {
            *d = *known[i].dev;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE,
                   "device %s is not known to the planner: npu1 (4 columns) or npu4 "
                   "(8 columns)",
                   name);
}
