/* Entry points of the reference, for kernels/k.c. */
#ifndef KERNELS_REF_OPS_H
#define KERNELS_REF_OPS_H

#include "kernels/k.h"

#define REF_OP(name)                                                                               \
    void name(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,          \
              void *scratch)
REF_OP(ref_nop);
REF_OP(ref_gemm_f32);
REF_OP(ref_gemm_i8);
REF_OP(ref_quant);
REF_OP(ref_norm);
REF_OP(ref_norm_q);
REF_OP(ref_attn);
REF_OP(ref_copy);
REF_OP(ref_heads);
REF_OP(ref_attn_i8);
REF_OP(ref_mean);
REF_OP(ref_range);

#endif
