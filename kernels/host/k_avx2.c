/* AVX2 with FMA. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile with the flags of FLAG.avx2"
#endif
#include "kernels/host/vec_avx2.h"

#include "kernels/host/k_template.h"
