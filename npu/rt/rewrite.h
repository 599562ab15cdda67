/* The same work written another way: lists cut into smaller calls, fused operations taken apart,
 * buffers made for each call.  For comparing strategies (`dictate bench --strategy`); the engine
 * plans its lists itself.  Results are the same bits, whatever is asked for.
 *
 * Submitting thread. */
#ifndef NPU_RT_REWRITE_H
#define NPU_RT_REWRITE_H

#include "npu/rt/rt.h"

struct npu_rewrite {
    /* One call is so many rows and columns of a result, in tiles of so many; 0: as planned.  GEMMs
     * are cut both ways, operations on rows along the rows, attention and head packs not at all. */
    uint32_t block_m, block_n; /* block_n: a multiple of 32 */
    uint16_t tile_m, tile_n;
    int unfused; /* bias, GELU, channel factors, residual and quantisation are calls of their own */
    /* Operands in [from, from + from_b) are looked for at `to` instead; 0: none. */
    npu_addr from, to;
    size_t from_b;
};

/* Writes `in` anew into the empty list `out`.  What it needs between operations, and parameters cut
 * to the blocks, lie in a new buffer *staging (0: none was needed); freeing it is the caller's, and
 * npu_list_free(out).  Operations on two planes (NPU_FINE) are not cut.  -ERR_MEM, -ERR_NPU. */
int npu_rewrite(struct npu_rt *rt, const struct npu_list *in, const struct npu_rewrite *w,
                struct npu_list *out, uint32_t *staging, struct err *e);

/* Runs every command as a list of its own, each with fresh buffers: operands are copied in before
 * and results copied out after, *in_ns and *out_ns grow by what that took, allocation included. */
int npu_list_run_apart(struct npu_rt *rt, const struct npu_list *l, uint64_t *in_ns,
                       uint64_t *out_ns, struct err *e);

#endif
