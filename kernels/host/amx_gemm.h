/* GEMM_I8 on tiles: 32 rows by 32 columns of the result in four tiles, k in steps of 64 bytes.  The
 * packed weights are the VNNI ones: 16 columns by 64 k are 1024 bytes in a row, one B tile.  Included
 * by k_template.h. */
#include "kernels/host/amx_tile.h"

enum { KT_TILE_FEW = 4 }; /* below this many rows the vector kernel is faster: a tile always takes 16 */

/* rows <= 32 rows from row, 32 columns from col; sums to out[32][32]. */
static void kt_amx_block(const struct k_args *a, uint32_t row, uint32_t rows, uint32_t col,
                         int32_t *out)
{
    const struct npu_cmd *c = a->c;
    const uint32_t kp = k_round(c->k, K_PAD_K);
    const uint8_t *w0 = (const uint8_t *)a->in[1] + (size_t)col * kp, *w1 = w0 + (size_t)16 * kp;
    const int8_t *x0 = (const int8_t *)a->in[0] + (size_t)row * c->lda;
    const int8_t *x1 = x0 + (size_t)16 * c->lda;
    const uint32_t top = rows < 16 ? rows : 16, low = rows - top;
    struct amx_cfg cfg = {.palette = 1};
    AMX_STATE;
    for (int t = 0; t < 8; t++) {
        cfg.colsb[t] = 64;
        /* 0 1: upper sums, 2 3: lower sums, 4 5: rows, 6 7: weights.  A tile of no rows is not
         * allowed; the lower ones are then left alone. */
        cfg.rows[t] = (uint8_t)(t >= 6 ? 16 : t == 0 || t == 1 || t == 4 ? top : low ? low : 1);
    }
    AMX_CONFIG(&cfg);
    AMX_ZERO(0);
    AMX_ZERO(1);
    AMX_ZERO(2);
    AMX_ZERO(3);
    for (uint32_t t = 0; t < kp; t += 64) {
        AMX_LOAD(6, w0 + (size_t)t * 16, 64);
        AMX_LOAD(7, w1 + (size_t)t * 16, 64);
        AMX_LOAD(4, x0 + t, c->lda);
        AMX_DOT_SU(0, 4, 6);
        AMX_DOT_SU(1, 4, 7);
        if (low) {
            AMX_LOAD(5, x1 + t, c->lda);
            AMX_DOT_SU(2, 5, 6);
            AMX_DOT_SU(3, 5, 7);
        }
    }
    AMX_STORE(0, out, 128);
    AMX_STORE(1, out + 16, 128);
    if (low) {
        AMX_STORE(2, out + 16 * 32, 128);
        AMX_STORE(3, out + 16 * 32 + 16, 128);
    }
    AMX_RELEASE();
}

static void kt_gemm_amx(const struct k_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1,
                        void *scratch)
{
    int32_t sums[32 * 32] __attribute__((aligned(64)));
    const struct kt_end e = kt_i8_end_of(a, m0);
    if (m1 - m0 < KT_TILE_FEW || a->c->flags & NPU_FINE) {
        kt_gemm_i8(a, m0, m1, n0, n1, scratch);
        return;
    }
    for (uint32_t j = n0; j < n1; j += 32) {
        for (uint32_t i = m0; i < m1; i += 32) {
            const uint32_t rows = m1 - i < 32 ? m1 - i : 32;
            kt_amx_block(a, i, rows, j, sums);
            for (uint32_t r = 0; r < rows; r++) {
                kt_i8_out(a, &e, vi_load(sums + r * 32), vi_load(sums + r * 32 + 16), 128, i + r, j);
            }
        }
    }
}
