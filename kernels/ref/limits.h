/* Peak loops of the plain C table; see struct k_table. */
#ifndef KERNELS_REF_LIMITS_H
#define KERNELS_REF_LIMITS_H

#include <stddef.h>
#include <stdint.h>

uint64_t ref_peak_i8(uint64_t n);
uint64_t ref_peak_f32(uint64_t n);
void ref_read(const void *p, size_t n);

#endif
