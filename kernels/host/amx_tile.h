/* The eight tile registers of AMX: the instructions, or a model of them in C with KT_AMX_MODEL, so that
 * packing, edges and arithmetic are tested where the CPU has none.  Layouts and semantics after the
 * instruction-set reference: a tile is up to 16 rows of up to 64 bytes; a product takes 4 bytes of A
 * and 4 bytes of B for each 32-bit sum. */
#ifndef KERNELS_HOST_AMX_TILE_H
#define KERNELS_HOST_AMX_TILE_H

#include <stdint.h>
#include <string.h>

/* The 64 bytes that LDTILECFG reads. */
struct amx_cfg {
    uint8_t palette, start_row, reserved[14];
    uint16_t colsb[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct amx_cfg) == 64, "a tile configuration is 64 bytes");

#if KT_AMX_MODEL

struct amx_model {
    struct amx_cfg cfg;
    uint8_t tile[8][16][64];
};

static inline void amx_config(struct amx_model *x, const struct amx_cfg *c)
{
    memset(x, 0, sizeof *x);
    x->cfg = *c;
}
static inline void amx_load(struct amx_model *x, int t, const void *p, size_t stride)
{
    memset(x->tile[t], 0, sizeof x->tile[t]);
    for (int r = 0; r < x->cfg.rows[t]; r++) {
        memcpy(x->tile[t][r], (const uint8_t *)p + (size_t)r * stride, x->cfg.colsb[t]);
    }
}
static inline void amx_store(const struct amx_model *x, int t, void *p, size_t stride)
{
    for (int r = 0; r < x->cfg.rows[t]; r++) {
        memcpy((uint8_t *)p + (size_t)r * stride, x->tile[t][r], x->cfg.colsb[t]);
    }
}
/* c += a b: signed bytes of a, unsigned bytes of b. */
static inline void amx_dot_su(struct amx_model *x, int c, int a, int b)
{
    for (int m = 0; m < x->cfg.rows[c]; m++) {
        for (int n = 0; n < x->cfg.colsb[c] / 4; n++) {
            int32_t s;
            memcpy(&s, &x->tile[c][m][4 * n], 4);
            for (int k = 0; k < x->cfg.colsb[a] / 4; k++) {
                for (int i = 0; i < 4; i++) {
                    s += (int8_t)x->tile[a][m][4 * k + i] * (int32_t)x->tile[b][k][4 * n + i];
                }
            }
            memcpy(&x->tile[c][m][4 * n], &s, 4);
        }
    }
}
#define AMX_STATE struct amx_model amx_regs
#define AMX_CONFIG(c) amx_config(&amx_regs, c)
#define AMX_RELEASE() (void)0
#define AMX_ZERO(t) memset(amx_regs.tile[t], 0, sizeof amx_regs.tile[t])
#define AMX_LOAD(t, p, stride) amx_load(&amx_regs, t, p, stride)
#define AMX_STORE(t, p, stride) amx_store(&amx_regs, t, p, stride)
#define AMX_DOT_SU(c, a, b) amx_dot_su(&amx_regs, c, a, b)

#else

#include <immintrin.h>

#define AMX_STATE int amx_regs
/* Not _tile_loadconfig: gcc 12 declares 8 bytes of input there and drops the stores to the rest. */
#define AMX_CONFIG(c) ((void)amx_regs, __extension__({ __asm__ volatile("ldtilecfg %0" ::"m"(*(c))); }))
#define AMX_RELEASE() _tile_release()
#define AMX_ZERO(t) _tile_zero(t)
#define AMX_LOAD(t, p, stride) _tile_loadd(t, p, stride)
#define AMX_STORE(t, p, stride) _tile_stored(t, p, stride)
#define AMX_DOT_SU(c, a, b) _tile_dpbsud(c, a, b)

#endif
#endif
