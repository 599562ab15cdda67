/* Kernels: pure functions over tiles of commands, behind one table chosen once.
 *
 * kernels/ref is the law: every table gives the same bits for every operation, because each one
 * fixes the order of its sums (see ref/ref.h) and fuses the same multiplications and additions.
 *
 * Operand layouts (kp: k rounded up to K_PAD_K; np: n rounded up to K_PAD_N):
 *   weights f32   [np / 32][k][32], zero beyond n
 *   weights u8    [np / 16][kp / 4][16][4], value + 128, 128 beyond n and k: serves VNNI and AMX
 *     low plane   (NPU_DEEP) what rounding left over, in sixteenths of a step: -8..7, + 8, two
 *     to a byte: [np / 16][kp / 8][16][4], k of the even fours in the low halves, of the odd in the
 *     upper; 8 beyond n and k.  It follows the weights at k_packed_i8_bytes().
 *   weights of 4 bits (NPU_W4), value + 8, [np / 32][kp / 4][16][4]: columns 0..15 of the 32 in the low
 *     halves, 16..31 in the upper; 8 beyond n and k
 *   rows s8       [m][lda], lda >= kp, zero beyond k
 *   row figures   struct k_row [m] (aux)
 *     fine (NPU_FINE): q = 128 hi + lo, |q| <= 16256: plane hi [m][lda], then plane lo; figures
 *     [m] {scale, sum of hi}, then [m] {0, sum of lo}
 *   parameters    GEMM_F32: bias[np]; GEMM_I8: scale[np] bias[np]; with NPU_MUL then chan[np]
 *   LayerNorm     gain[k] bias[k]
 *   head packs    bytes, then figures struct k_row [heads][rp], rp: rows rounded up to 16:
 *     queries s8  [heads][rp][k]
 *     keys u8     [heads][rp / 16][k / 4][16][4], value + 128, 128 beyond the rows
 *     values s8   [heads][rp / 4][k][4], 0 beyond the rows
 *   figures beyond the rows are 0; k is a multiple of 16. */
#ifndef KERNELS_K_H
#define KERNELS_K_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/op.h"

enum { K_PAD_N = 32, K_PAD_K = 64, K_PAD_R = 16 };

/* Dynamic quantisation of a row: x = scale * q, q in -127..127; sum of the q. */
struct k_row {
    float scale;
    int32_t sum;
};

/* What RANGE finds in a piece of a row: its largest and smallest value, the sum of e^(value - largest). */
struct k_range {
    float most, least, sum;
};

/* A command with its addresses resolved. */
struct k_args {
    const struct npu_cmd *c;
    const void *in[4];
    void *out, *aux;
    const void *more;
};

/* Rows m0..m1-1, columns n0..n1-1 of the result (ATTN: heads n0..n1-1; row operations: all columns).
 * scratch: 64-byte aligned, at least k_scratch_bytes() of the command. */
typedef void (*k_fn)(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                     void *scratch);

struct k_table {
    const char *name; /* "c", "avx2", "avx-vnni", "avx512-vnni", "amx-int8", "neon-dotprod", "neon-i8mm" */
    k_fn run[NPU_OP_COUNT];
    /* Limits of the unit these kernels use, for `dictate bench`: each does n rounds of its most
     * frequent instruction on registers and returns the operations done (a multiply-add is two). */
    uint64_t (*peak_i8)(uint64_t n);
    uint64_t (*peak_f32)(uint64_t n);
    /* Reads n bytes (a multiple of 1024) with the widest loads. */
    void (*read)(const void *p, size_t n);
};

/* What the CPU and its operating system offer, filled by app/base/cpu or npu/dev. */
enum k_cpu { K_CPU_AVX2 = 1, K_CPU_AVX512 = 2, K_CPU_AMX = 4, K_CPU_NEON = 8, K_CPU_I8MM = 16, K_CPU_AVXVNNI = 32 };

/* Best table for the features in `cpu` (0: plain C).  Never NULL. */
const struct k_table *k_choose(unsigned cpu);

/* Scratch that a tile of this command needs, bytes. */
size_t k_scratch_bytes(const struct npu_cmd *c);

/* What a tile of columns (ATTN_I8: heads) n0..n1-1 reads that does not depend on its rows: part 0, 1, .. of
 * it, weights or keys and values, where it lies and how many bytes; 0 when there is no such part.  For
 * asking for it ahead of time. */
size_t k_fixed(const struct k_args *a, uint32_t n0, uint32_t n1, int part, const void **p);

/* Bytes of all parts together for all columns (heads). */
size_t k_fixed_bytes(const struct npu_cmd *c);

/* Sizes of packed weights, bytes. */
size_t k_packed_f32_bytes(uint32_t n, uint32_t k);
size_t k_packed_i8_bytes(uint32_t n, uint32_t k);
/* Packs output channel `col` of n: k values, f32. */
void k_pack_f32(float *packed, uint32_t k, uint32_t col, const float *w);
/* Quantises and packs output channel `col`; returns its scale.  Bytes beyond k must be 128 already
 * (k_pack_i8_init). */
void k_pack_i8_init(uint8_t *packed, uint32_t n, uint32_t k);
float k_pack_i8(uint8_t *packed, uint32_t k, uint32_t col, const float *w);
/* The low plane of n channels: its size, a plane of zeros, and what k_pack_i8 (which wrote `packed` and
 * returned `scale`) left over of channel `col`. */
size_t k_packed_low_bytes(uint32_t n, uint32_t k);
void k_pack_low_init(uint8_t *low, uint32_t n, uint32_t k);
void k_pack_low(uint8_t *low, const uint8_t *packed, uint32_t k, uint32_t col, const float *w,
                float scale);

/* Weights of 4 bits: their size, all zero, and channel `col`, with the scale, of a few below the one that would hold its
 * largest value, that rounds it with the least squared error; returns the scale.  Channels share bytes: the 32 of a panel are
 * packed by one thread. */
size_t k_packed_w4_bytes(uint32_t n, uint32_t k);
void k_pack_w4_init(uint8_t *packed, uint32_t n, uint32_t k);
float k_pack_w4(uint8_t *packed, uint32_t k, uint32_t col, const float *w);

/* Size of a head pack. */
size_t k_heads_bytes(uint32_t rows, uint32_t heads, uint32_t k);

static inline uint32_t k_round(uint32_t x, uint32_t to) { return (x + to - 1) / to * to; }

extern const struct k_table k_table_c;
#if defined(__x86_64__)
extern const struct k_table k_table_avx2;
extern const struct k_table k_table_avxvnni;
extern const struct k_table k_table_avx512;
extern const struct k_table k_table_amx;
extern const struct k_table k_table_amx_model; /* tiles modelled in C: needs AVX2, slow */
#elif defined(__aarch64__)
extern const struct k_table k_table_neon;
extern const struct k_table k_table_neon_i8mm;
#endif

#endif
