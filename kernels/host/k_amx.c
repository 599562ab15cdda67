/* AMX tiles for the INT8 products, AVX-512 for the rest. */
#if !defined(__AMX_INT8__) || !defined(__AVX512VNNI__)
#error "compile with the flags of FLAG.amx"
#endif
#define KT_TABLE k_table_amx
#define KT_NAME "amx-int8"
#define KT_AMX_MODEL 0
#include "kernels/host/vec_avx512.h"

#include "kernels/host/k_template.h"
