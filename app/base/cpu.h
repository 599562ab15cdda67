/* What the CPU offers to kernels, as K_CPU_* bits of kernels/k.h are numbered. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include "app/base/err.h"

enum { CPU_AVX2 = 1, CPU_AVX512 = 2, CPU_AMX = 4 };

/* Features of this machine, lowered by DICTATE_CPU = c | avx2 | avx512 | amx when that is set.
 * A value that is not known, or asks for more than the machine has, is an error (ERR_USAGE). */
int cpu_features(unsigned *features, struct err *e);

/* The CPU's name for people ("AMD EPYC"), or "unknown"; buf is filled and returned. */
const char *cpu_name(char *buf, int size);

/* Online CPUs this process may run on, at least 1. */
int cpu_count(void);

#endif
