/* The eight tile registers of AMX: the instructions, or a model of them in C with KT_AMX_MODEL, so that
 * packing, edges and arithmetic are tested where the CPU has none.  Layouts and semantics after the
 * instruction-set reference: a tile is up to 16 rows of up to 64 bytes; a product takes 4 bytes of A
 * and 4 bytes of B for each 32-bit sum.
 *
 * The instructions are written out, for two reasons.  gcc 12's _tile_loadconfig declares 8 bytes of
 * input and drops the stores to the rest; and its _tile_loadd does not say that it reads memory, so
 * stores may be moved past it.  AMX_LOAD says as little, on purpose (a product would otherwise reload every
 * parameter): memory that this thread itself writes needs an AMX_ORDER between the stores and the
 * loads, whichever comes first. */
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

#define AMX_ORDER() __asm__ volatile("" ::: "memory")

#if KT_AMX_MODEL

struct amx_model {
    struct amx_cfg cfg;
    uint8_t tile[8][16][64];
};
typedef struct amx_model *amx_regs; /* the registers of this thread, which a model must be handed */

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
/* c += a b: bytes of the one are signed, of the other not. */
static inline __attribute__((always_inline)) void amx_dot(struct amx_model *x, int c, int a, int b, const int signed_a)
{
    for (int m = 0; m < x->cfg.rows[c]; m++) {
        for (int k = 0; k < x->cfg.colsb[a] / 4; k++) {
            for (int n = 0; n < x->cfg.colsb[c] / 4; n++) {
                const uint8_t *pa = &x->tile[a][m][4 * k], *pb = &x->tile[b][k][4 * n];
                int32_t s;
                memcpy(&s, &x->tile[c][m][4 * n], 4);
                for (int i = 0; i < 4; i++) {
                    s += signed_a ? (int8_t)pa[i] * pb[i] : pa[i] * (int8_t)pb[i];
                }
                memcpy(&x->tile[c][m][4 * n], &s, 4);
            }
        }
    }
}
#define AMX_STATE(x) struct amx_model x##_model, *const x = &x##_model
#define AMX_CONFIG(x, c) amx_config(x, c)
#define AMX_RELEASE() (void)0
#define AMX_ZERO(x, t) memset((x)->tile[t], 0, sizeof (x)->tile[t])
#define AMX_LOAD(x, t, p, stride) amx_load(x, t, p, stride)
#define AMX_STORE(x, t, p, stride) amx_store(x, t, p, stride)
#define AMX_DOT_SU(x, c, a, b) amx_dot(x, c, a, b, 1)
#define AMX_DOT_US(x, c, a, b) amx_dot(x, c, a, b, 0)

#else

typedef int amx_regs;

#define AMX_STATE(x) const amx_regs x = 0
#define AMX_CONFIG(x, c) ((void)(x), __extension__({ __asm__ volatile("ldtilecfg %0" ::"m"(*(c))); }))
#define AMX_RELEASE() __asm__ volatile("tilerelease")
#define AMX_ZERO(x, t) __extension__({ (void)(x); __asm__ volatile("tilezero %%tmm" #t ::); })
#define AMX_LOAD(x, t, p, stride)                                                                  \
    __extension__({                                                                                \
        (void)(x);                                                                                 \
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"((const void *)(p)),                 \
                         "r"((size_t)(stride)));                                                   \
    })
#define AMX_STORE(x, t, p, stride)                                                                 \
    __extension__({                                                                                \
        (void)(x);                                                                                 \
        __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"((void *)(p)),                   \
                         "r"((size_t)(stride))                                                     \
                         : "memory");                                                              \
    })
/* c += a b: signed bytes of a, unsigned bytes of b; and the other way round. */
#define AMX_DOT_SU(x, c, a, b) AMX_DOT_(x, "tdpbsud", #c, #a, #b)
#define AMX_DOT_US(x, c, a, b) AMX_DOT_(x, "tdpbusd", #c, #a, #b)
#define AMX_DOT_(x, name, c, a, b)                                                                 \
    __extension__({                                                                                \
        (void)(x);                                                                                 \
        __asm__ volatile(name " %%tmm" b ", %%tmm" a ", %%tmm" c ::);                              \
    })

#endif

/* What every kernel keeps where: 0 1 sums of the upper rows, 2 3 of the lower rows, 4 5 these rows, 6 7
 * the other operand.  rows: of the sums and of A; k: bytes of a row of A, four for each row of B. */
static inline struct amx_cfg amx_cfg_of(uint32_t rows, uint32_t k)
{
    struct amx_cfg c = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        c.colsb[t] = (uint16_t)(t == 4 || t == 5 ? k : 64);
        c.rows[t] = (uint8_t)(t >= 6 ? k / 4 : rows);
    }
    return c;
}

#endif
