/* What the CPU offers to kernels, as K_CPU_* bits of kernels/k.h are numbered. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include "app/base/err.h"

/* CPU_NEON: with the dot products of INT8, CPU_I8MM: those of mixed sign too. */
enum { CPU_AVX2 = 1, CPU_AVX512 = 2, CPU_AMX = 4, CPU_NEON = 8, CPU_I8MM = 16, CPU_AVXVNNI = 32 };

/* Features of this machine, lowered by DICTATE_CPU = c | avx2 | avxvnni | avx512 | amx | neon |
 * neon-i8mm when that is set.
 * A value that is not known, or asks for more than the machine has, is an error (ERR_USAGE). */
int cpu_features(unsigned *features, struct err *e);

/* The CPU's name for people ("AMD EPYC"), or "unknown"; buf is filled and returned. */
const char *cpu_name(char *buf, int size);

/* Online CPUs this process may run on, at least 1. */
int cpu_count(void);

#endif
