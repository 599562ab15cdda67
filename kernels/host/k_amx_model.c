/* The AMX products on a model of the tiles in C, AVX2 for the rest: for tests, not for speed. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile with the flags of FLAG.amx_model"
#endif
#define KT_TABLE k_table_amx_model
#define KT_NAME "amx-model"
#define KT_AMX_MODEL 1
#include "kernels/host/vec_avx2.h"

#include "kernels/host/k_template.h"
