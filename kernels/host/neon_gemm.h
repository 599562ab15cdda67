/* The INT8 block of k_gemm_i8.h for NEON, whose products take one of four fours of a register: a row's
 * next 16 values are loaded once, weights pass through one register at a time, and the sums of three rows
 * by 32 columns stay in 24 of the 32.  Part of k_template.h. */

/* One register of weights (16 columns / 4) by four `lane` of each row. */
#define KT_LANE_PART(part, h, lane)                                                                \
    {                                                                                              \
        const vn_w v = vn_w_load(w##h + 64 * (lane) + 16 * (part));                                \
        _Pragma("GCC unroll 4") for (int r = 0; r < R; r++)                                        \
        {                                                                                          \
            int32x4_t *s = &KT_PART##part(acc[r][h]);                                              \
            *s = vn_dot_lane(*s, v, x[r], lane);                                                   \
        }                                                                                          \
    }
#define KT_PART0(s) (s).a
#define KT_PART1(s) (s).b
#define KT_PART2(s) (s).c
#define KT_PART3(s) (s).d
#define KT_LANE_PANEL(h, lane)                                                                     \
    KT_LANE_PART(0, h, lane) KT_LANE_PART(1, h, lane) KT_LANE_PART(2, h, lane) KT_LANE_PART(3, h, lane)
#define KT_LANE(lane) KT_LANE_PANEL(0, lane) KT_LANE_PANEL(1, lane)

/* Sums of R rows by 32 columns, to sum[R][32]; off: what they begin with. */
KT_INLINE void kt_i8_block(const int R, const uint8_t *w0, size_t kp, const int8_t *from, size_t lda,
                           const int32_t *off, float *sum)
{
    const uint8_t *w1 = w0 + 16 * kp;
    vi acc[KT_I8_ROWS][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        acc[r][0] = acc[r][1] = vi_set(off[r]);
    }
    for (size_t t = 0; t < kp; t += 16, w0 += 256, w1 += 256) {
        int8x16_t x[KT_I8_ROWS];
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
            x[r] = vld1q_s8(from + (size_t)r * lda + t);
        }
        KT_LANE(0)
        KT_LANE(1)
        KT_LANE(2)
        KT_LANE(3)
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
        vf_store(sum + 32 * r, vi_float(acc[r][0]));
        vf_store(sum + 32 * r + 16, vi_float(acc[r][1]));
    }
}
