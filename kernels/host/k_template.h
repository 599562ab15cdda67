/* Every operation, written once against 16 lanes; compiled for each instruction set by k_*.c, which
 * include their vec_*.h first.  The order of every sum is that of kernels/ref.  No allocation, no
 * state; any thread. */
#include <string.h>

#include "kernels/k.h"
#include "kernels/ref/ref.h"

#define KT_INLINE static inline __attribute__((always_inline))

/* Blocks that only few registers want smaller: sixteens of values in kt_pv8, chains of the limits. */
#ifndef KT_CHAINS
#define KT_PV8_VECS 4
#define KT_CHAINS 12
#endif

#include "kernels/host/k_math.h"

#include "kernels/host/k_gemm_f32.h"

#include "kernels/host/k_gemm_i8.h"

#include "kernels/host/k_gemm_w4.h"
#ifdef KT_AMX_MODEL
#include "kernels/host/amx_gemm.h"
#endif
#include "kernels/host/k_rows.h"

#include "kernels/host/k_attn.h"

#include "kernels/host/k_heads.h"
#ifdef KT_AMX_MODEL
#include "kernels/host/amx_attn.h"
#endif

#include "kernels/host/k_limits.h"

const struct k_table KT_TABLE = {
    .name = KT_NAME,
    .peak_i8 = kt_peak_i8,
    .peak_f32 = kt_peak_f32,
    .read = kt_read,
    .run =
        {
            [NPU_GEMM_F32] = kt_gemm_f32,
#ifdef KT_AMX_MODEL
            [NPU_GEMM_I8] = kt_gemm_amx,
            [NPU_ATTN_I8] = kt_attn_amx,
#else
            [NPU_GEMM_I8] = kt_gemm_i8,
            [NPU_ATTN_I8] = kt_attn_i8,
#endif
            [NPU_QUANT] = kt_quant,
            [NPU_NORM] = kt_norm,
            [NPU_NORM_Q] = kt_norm_q,
            [NPU_ATTN] = kt_attn,
            [NPU_COPY] = kt_copy,
            [NPU_HEADS] = kt_heads,
            [NPU_MEAN] = kt_mean,
            [NPU_RANGE] = kt_range,
        },
};
