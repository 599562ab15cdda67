/* The device kernels as the host can call them, for tests: the sources of kernels/aie2 compiled
 * under the emulation header.  A bf16 value is its 16 bits.  Sizes are those of the build (64 x 64
 * x 64 tiles, rows of 512 values, 1536 keys unless DIM_* says otherwise).  Tests only. */
#ifndef AIE2_EMUL_H
#define AIE2_EMUL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* limbs 0: an f32 product is IEEE; 1: three bf16 limbs, as the device makes it. */
void aie_emul_f32(int limbs);
/* Rounding and saturation as after reset: floor, wrap. */
void aie_emul_reset(void);
/* mmul block of the family that was compiled in: R S T for INT8, then for bf16. */
void aie_emul_blocks(int rst[6]);
/* f32 to bf16 bits, to nearest even. */
uint16_t aie_emul_bf16(float f);
/* The kernels' own square root. */
float aie_emul_root(float x);

void mm_i8_zero(int32_t *c);
void mm_i8(const int8_t *a, const int8_t *b, int32_t *c);
void mm_i8_finish(const int32_t *c, const int8_t *rows, const int8_t *cols, void *out, int32_t how);
void mm_bf16_zero(float *c);
void mm_bf16(const uint16_t *a, const uint16_t *b, float *c);
void mm_bf16_finish(const float *c, const void *cols, void *out, int32_t how);
void norm_q(const float *in, int8_t *out, int32_t two);
void softmax(const uint16_t *in, uint16_t *out, int32_t real, float scale);
void gelu_row(const float *in, uint16_t *out);

#ifdef __cplusplus
}
#endif

#endif
