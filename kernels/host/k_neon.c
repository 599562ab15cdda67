/* NEON with the dot products of ARMv8.2. */
#if !defined(__ARM_FEATURE_DOTPROD)
#error "compile with the flags of FLAG.neon"
#endif
#define KT_TABLE k_table_neon
#define KT_NAME "neon-dotprod"
#include "kernels/host/vec_neon.h"

#include "kernels/host/k_template.h"
