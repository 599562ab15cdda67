/* See txn.h.  Reads streams byte-wise where they may lie at any address. */
#include "npu/dev/txn.h"

#include <string.h>

static uint32_t word(const uint8_t *p)
{
    uint32_t w;
    memcpy(&w, p, 4);
    return w;
}

size_t txn_list_bytes(int bufs, int cmds)
{
    const size_t b = TXN_HEAD_B + sizeof(struct txn_list) + (size_t)bufs * sizeof(struct txn_buf) +
                     (size_t)cmds * sizeof(struct npu_cmd);
    return (b + 63) / 64 * 64;
}

struct npu_cmd *txn_list_begin(void *at, int generation, int columns, const struct txn_buf *buf,
                               int bufs, int cmds)
{
    uint8_t *p = at;
    const size_t all = txn_list_bytes(bufs, cmds);
    const uint32_t head[4] = {0x00000100u | (uint32_t)generation << 16 | 6u << 24,
                              (uint32_t)columns | 1u << 8, 1, (uint32_t)all};
    const struct txn_list l = {TXN_OP_LIST, (uint32_t)(all - TXN_HEAD_B), (uint32_t)bufs,
                               (uint32_t)cmds};
    memcpy(p, head, sizeof head);
    memcpy(p + TXN_HEAD_B, &l, sizeof l);
    p += TXN_HEAD_B + sizeof l;
    memcpy(p, buf, (size_t)bufs * sizeof *buf);
    return (struct npu_cmd *)(void *)(p + (size_t)bufs * sizeof *buf);
}

static int digit(char c)
{
    const int low = c | 32;
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

size_t txn_from_text(const char *text, size_t n, uint32_t *to, size_t max)
{
    size_t words = 0, i = 0;
    while (i < n) {
        uint32_t w = 0;
        int digits = 0;
        for (; i < n && digit(text[i]) >= 0; i++, digits++) {
            w = w << 4 | (uint32_t)digit(text[i]);
        }
        if (digits != 8 || words == max) {
            return 0;
        }
        to[words++] = w;
        while (i < n && (text[i] == '\n' || text[i] == '\r' || text[i] == ' ')) {
            i++;
        }
    }
    return words;
}

/* Bytes of the operation at p, 0: not known or cut short. */
static size_t op_bytes(const uint8_t *p, size_t left)
{
    static const uint8_t fixed[6] = {24, 0, 0, 28, 28, 4}; /* WRITE32 .. NOOP */
    const uint32_t op = word(p) & 0xff; /* compilers leave rubbish in the upper bytes */
    size_t n = 0;
    if (op < 6 && fixed[op]) {
        n = fixed[op];
    } else if (op == 1 && left >= 16) {
        n = word(p + 12); /* BLOCKWRITE: bytes with its head */
        n = n >= 16 ? n : 0;
    } else if (op >= 0x80 && left >= 8) {
        n = word(p + 4);
        n = n >= 8 ? n : 0;
    }
    return n % 4 == 0 && n <= left ? n : 0;
}

static int view_list(const uint8_t *p, size_t bytes, struct txn_view *v, struct err *e)
{
    struct txn_list l;
    memcpy(&l, p, sizeof l < bytes ? sizeof l : bytes);
    if (bytes < sizeof l || l.n_bufs > TXN_MAX_BUFS || l.n_cmds == 0 || l.n_cmds > TXN_MAX_CMDS ||
        sizeof l + l.n_bufs * sizeof(struct txn_buf) + l.n_cmds * sizeof(struct npu_cmd) > bytes) {
        return err_set(e, ERR_NPU, "command list: its head does not fit its size");
    }
    if ((uintptr_t)p % 8) {
        return err_set(e, ERR_NPU, "command list: not aligned to 8 bytes");
    }
    v->bufs = (int)l.n_bufs;
    v->cmds = (int)l.n_cmds;
    v->buf = (const struct txn_buf *)(const void *)(p + sizeof l);
    v->cmd = (const struct npu_cmd *)(const void *)(v->buf + l.n_bufs);
    return TXN_LIST;
}

int txn_check(const void *stream, size_t bytes, int generation, struct txn_view *v, struct err *e)
{
    const uint8_t *p = stream;
    memset(v, 0, sizeof *v);
    if (bytes < TXN_HEAD_B || bytes % 4) {
        return err_set(e, ERR_NPU, "instruction stream: %zu bytes are no stream", bytes);
    }
    if (word(p) == 0x464C457F) {
        return err_set(e, ERR_NPU, "instruction stream: an ELF file; this program needs insts.bin");
    }
    if (word(p) % 65536 != 0x0100) {
        return err_set(e, ERR_NPU, "instruction stream: version %u.%u is not known", p[0], p[1]);
    }
    if (p[2] != generation) {
        return err_set(e, ERR_NPU, "instruction stream: made for NPU generation %d, this is %d",
                       p[2], generation);
    }
    const uint32_t ops = word(p + 8), total = word(p + 12);
    if (total > bytes || total < TXN_HEAD_B) {
        return err_set(e, ERR_NPU, "instruction stream: %u bytes said, %zu there", total, bytes);
    }
    size_t at = TXN_HEAD_B;
    int kind = TXN_OTHER;
    for (uint32_t i = 0; i < ops; i++) {
        const size_t n = total - at >= 4 ? op_bytes(p + at, total - at) : 0;
        if (n == 0) {
            return err_set(e, ERR_NPU, "instruction stream: operation %u is not known or cut short",
                           i);
        }
        if ((word(p + at) & 0xff) == TXN_OP_LIST && kind == TXN_OTHER) {
            kind = view_list(p + at, n, v, e);
            if (kind < 0) {
                return kind;
            }
        }
        at += n;
    }
    return kind;
}
