/* AVX-512 F/BW/VL/DQ with VNNI. */
#if !defined(__AVX512VNNI__) || !defined(__AVX512DQ__)
#error "compile with the flags of FLAG.avx512"
#endif
#include "kernels/host/vec_avx512.h"

#include "kernels/host/k_template.h"
