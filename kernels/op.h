/* Commands: what the engine writes and a device runs.  No pointers: buffers and byte offsets, so that
 * a list can be saved, replayed and compared.  Shared by npu/asr, npu/rt, npu/dev and kernels.
 *
 * Every command is cut into tiles of tile_m rows by tile_n columns of the result; tiles are dealt
 * round robin to the columns of the array.  A tile's result depends on nothing but its inputs, so
 * results do not depend on the number of columns. */
#ifndef KERNELS_OP_H
#define KERNELS_OP_H

#include <stdint.h>

enum npu_op {
    NPU_NOP = 0,
    NPU_GEMM_F32, /* out[m][n] = a[m][k] . w[n][k] (+bias) (gelu) (+add) */
    NPU_GEMM_I8,  /* the same on INT8: a as rows of s8 with a scale and a sum, w packed u8 */
    NPU_QUANT,    /* f32 rows to s8 rows, scale, sum */
    NPU_NORM,     /* LayerNorm rows to f32 */
    NPU_NORM_Q,   /* LayerNorm rows to s8 rows, scale, sum */
    NPU_ATTN,     /* softmax(q k^T) v for all heads, f32 */
    NPU_COPY,     /* f32 rows (+bias) (gelu) (+add) */
    NPU_HEADS,    /* f32 rows to INT8 heads: queries, keys or values, each packed its own way */
    NPU_ATTN_I8,  /* softmax(q k^T) v on INT8 heads */
    NPU_MEAN,     /* mean of every ldw-th of f32 rows */
    NPU_RANGE,    /* largest and smallest value of each piece of f32 rows, and its sum of e^x */
    NPU_OP_COUNT
};

enum npu_flag {
    NPU_BIAS = 1,   /* GEMM: add bias[n] */
    NPU_GELU = 2,   /* GEMM: tanh GELU after the bias */
    NPU_ADD = 4,    /* GEMM: add in[3] rows after that */
    NPU_CAUSAL = 8, /* ATTN: row i sees keys 0 .. n - m + i */
    NPU_PROBS = 16, /* ATTN with tile_m 1 or causal, ATTN_I8: write probabilities of chosen heads to in[3] */
    NPU_MUL = 32,   /* GEMM: multiply by chan[n] after GELU (fc2's balance), before ADD */
    NPU_AS_K = 64,  /* HEADS: as keys */
    NPU_AS_V = 128, /* HEADS: as values; neither: as queries */
    NPU_FINE = 256, /* rows of 16 bits in two planes: QUANT, NORM_Q, GEMM_I8 */
    NPU_BLOCKS = 512,  /* GEMM: after the products add a row of `more`, one for each tile_m rows */
    NPU_CENTRE = 1024, /* QUANT, NORM_Q: subtract the mean of each tile_m rows, which goes to in[3];
                          HEADS: subtract in[1] from every row; ATTN_I8: add `more` to every row */
    NPU_DEEP = 2048,   /* GEMM_I8 with NPU_FINE: the low plane of the weights counts too */
    NPU_W4 = 4096,     /* GEMM_I8 without NPU_FINE: weights of 4 bits */
    NPU_ROUGH = 8192,  /* with NPU_GELU: by a polynomial, off by 1e-4 at most: less than INT8 rounds */
};

/* Address: buffer handle in the upper 16 bits, byte offset in the lower 48; 0 is "none". */
typedef uint64_t npu_addr;
#define NPU_ADDR(buf, off) (((npu_addr)(buf) << 48) | (npu_addr)(off))

/* 128 bytes.  Strides are in elements of the matrix they belong to.
 *
 * GEMM: in[0] a (f32 or s8), in[1] packed w, in[2] parameters (see kernels/k.h), in[3] add rows;
 *       aux: for I8 the rows' {scale, sum}; out f32.  BLOCKS: more f32 [ceil(m / tile_m)][ldw].
 * QUANT: in[0] f32 rows; out s8 rows; aux out.  k values a row.  CENTRE: in[3], written, f32
 *        [ceil(m / tile_m)][ldp].
 * NORM:  in[0] f32 rows, in[1] gain[k] then bias[k]; out f32.   NORM_Q: no gain (folded into the
 *        weights that read it); out s8 rows; aux out.
 * ATTN:  in[0] q rows (stride lda), in[1] keys, in[2] values (stride ldw); m queries, n keys, heads of
 *        k values; scale[0] multiplies the scores; out rows (stride ldo); PROBS: in[3] f32
 *        [pairs][m][ldp], chosen heads as a bit mask in mask, pair i is the i-th set bit.
 * COPY:  in[0] f32 rows of k = n values; with flags what follows a product, with the parameters and
 *        residual rows of GEMM_F32 in in[2] and in[3]; out f32.
 * HEADS: in[0] f32 rows, heads of k values side by side (stride lda); out an INT8 head pack of m rows
 *        (kernels/k.h); CENTRE: in[1] f32 [heads * k].
 * ATTN_I8: in[0], in[1], in[2] head packs of queries, keys, values; otherwise as ATTN, not causal;
 *        CENTRE: more f32 [heads * k].
 * MEAN:  in[0] f32 rows, of which rows 0, ldw, 2 ldw .. below n count; m is 1; out k values; the
 *        second dimension of its tiles is k.
 * RANGE: in[0] f32 rows of n values, in pieces of k; out f32 [m][ldo], a struct k_range (kernels/k.h) for
 *        each piece; the second dimension of its tiles are pieces.  The first two pass over NaNs. */
struct npu_cmd {
    uint16_t op, flags;
    uint32_t m, n, k;
    uint32_t lda, ldw, ldo, ldp;
    uint16_t tile_m, tile_n;
    uint16_t heads;
    uint16_t layer; /* for messages */
    npu_addr in[4], out, aux;
    uint64_t mask;
    float scale[2];
    npu_addr more;
    uint32_t reserved[4];
};
_Static_assert(sizeof(struct npu_cmd) == 128, "a command is 128 bytes");

#endif
