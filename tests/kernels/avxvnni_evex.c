/* The kernels of AVX-VNNI with AVX-512's encoding of their one instruction, for a CPU that has only that:
 * t_equal.c compares them, and they can be timed.  Compiled with flags of its own (tests.mk). */
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define KT_TABLE k_table_avxvnni_evex
#define KT_NAME "avx-vnni"
#include "kernels/host/vec_avxvnni.h"

#include "kernels/host/k_template.h"
#endif
