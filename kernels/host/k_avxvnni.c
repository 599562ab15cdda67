/* AVX2 with VNNI of 256 bits. */
#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__AVXVNNI__)
#error "compile with the flags of FLAG.avxvnni"
#endif
#include "kernels/host/vec_avxvnni.h"

#include "kernels/host/k_template.h"
