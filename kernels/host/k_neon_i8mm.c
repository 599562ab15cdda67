/* NEON with the products of mixed sign of ARMv8.6 (I8MM). */
#if !defined(__ARM_FEATURE_DOTPROD) || !defined(__ARM_FEATURE_MATMUL_INT8)
#error "compile with the flags of FLAG.neon_i8mm"
#endif
#define KT_TABLE k_table_neon_i8mm
#define KT_NAME "neon-i8mm"
#define KT_I8MM 1
#include "kernels/host/vec_neon.h"

#include "kernels/host/k_template.h"
