/* Instruction streams: the outer shape every stream has (5.5 of the reference), and ours inside it,
 * an operation that carries a command list.  Pure; any thread.
 *
 * A stream for silicon is made by the AIE tool chain and passes through here only to be checked.
 * The one built here is understood by the virtual device's firmware.  It holds no pointers: a table
 * of buffers (device address, size), then commands whose buffer numbers are places in that table.
 */
#ifndef NPU_DEV_TXN_H
#define NPU_DEV_TXN_H

#include <stddef.h>

#include "app/base/err.h"
#include "kernels/op.h"

enum {
    TXN_HEAD_B = 16,
    TXN_OP_LIST = 0xd1, /* ours, in the range of custom operations */
    TXN_MAX_BUFS = 256,
    TXN_MAX_CMDS = 4096,
};

struct txn_buf {
    uint64_t addr, size; /* device address, bytes */
};
struct txn_list {      /* what follows the header of a list stream */
    uint32_t op, size; /* TXN_OP_LIST, bytes from here to the end */
    uint32_t n_bufs, n_cmds;
};

/* Bytes of a stream of so many commands; a multiple of 64. */
size_t txn_list_bytes(int bufs, int cmds);
/* Writes head and buffer table; returns where the commands go.  at: txn_list_bytes() bytes, 64-byte
 * aligned.  generation: 3 (npu1), 4 (npu4). */
struct npu_cmd *txn_list_begin(void *at, int generation, int columns, const struct txn_buf *buf,
                               int bufs, int cmds);

/* A view into a checked list stream. */
struct txn_view {
    const struct txn_buf *buf;
    const struct npu_cmd *cmd;
    int bufs, cmds;
};

/* Tool chains also write streams as text, one hexadecimal word a line.  Returns the words (at most
 * max), 0 when this is no such text. */
size_t txn_from_text(const char *text, size_t n, uint32_t *to, size_t max);

enum txn_kind { TXN_LIST = 1, TXN_OTHER = 2 };
/* Checks a stream of `bytes` bytes against the generation: head, every operation's size.  Returns
 * TXN_LIST and the view when it carries a list, TXN_OTHER, or -ERR_NPU. */
int txn_check(const void *stream, size_t bytes, int generation, struct txn_view *v, struct err *e);

#endif
