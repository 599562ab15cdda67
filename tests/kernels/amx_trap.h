/* Runs AMX code where the CPU has no tiles: each tile instruction is an illegal one there; the signal is caught,
 * the instruction is decoded and done on the model of kernels/host/amx_tile.h, and the thread goes on
 * behind it.  So it is the compiled kernels themselves that are tested: their addresses, their order,
 * their configuration.  What the CPU would refuse (unconfigured tiles, shapes that do not fit each
 * other) is refused here too: the signal then ends the program.
 *
 * Every thread has tiles of its own, as on a CPU. */
#ifndef TESTS_KERNELS_AMX_TRAP_H
#define TESTS_KERNELS_AMX_TRAP_H

#include <stdbool.h>
#include <stdint.h>

/* What the calling thread did since it last asked. */
struct amx_trap_count {
    uint64_t configs, releases, loads, stores, products;
    bool live; /* tiles are configured now */
};

/* Catches illegal instructions from now on; again after somebody else took the signal.  false: not on
 * x86-64, or refused. */
bool amx_trap_start(void);
void amx_trap_count(struct amx_trap_count *out);

#endif
