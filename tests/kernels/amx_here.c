/* The whole program on AMX kernels where the CPU has no tiles: linked before everything else, with
 * cpu_features answered here.  tests/amx.sh compares what it writes. */
#include "app/base/cpu.h"
#include "tests/kernels/amx_trap.h"

int __wrap_cpu_features(unsigned *features, struct err *e);
int __real_cpu_features(unsigned *features, struct err *e);

int __wrap_cpu_features(unsigned *features, struct err *e)
{
    const int rc = __real_cpu_features(features, e);
    if (rc == 0 && *features & CPU_AVX512 && !(*features & CPU_AMX)) {
        if (!amx_trap_start()) {
            return err_set(e, ERR_FAIL, "illegal instructions cannot be caught");
        }
        *features |= CPU_AMX;
    }
    return rc;
}
