/* One command in flight: streams and packets written, handed over, waited for, judged.  Submitting
 * thread.
 *
 * Success is the packet's state and nothing else: a fence signals for failures too, a packet that
 * the kernel refuses keeps the state NEW, and older kernels can leave COMPLETED on a failed chain,
 * which its error index tells. */
#include <errno.h>
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/xdna_in.h"

static const double TARGET_NS =
    0.4e9; /* of one chain: the watchdog bites after 2 s without a sign */

/* Commands of the next call, their bytes as a stream. */
static int take_call(const struct dev_xdna *x, int from, int n, size_t room, double *budget)
{
    int k = 0;
    while (k < n && (x->o.per_call == 0 || k < x->o.per_call) && k < TXN_MAX_CMDS &&
           txn_list_bytes(x->n_used, k + 1) <= room) {
        const double m = (double)x->macs[from + k];
        if (m > *budget && (k || *budget < 0)) {
            *budget = -1; /* full; a command too large for any budget still goes alone */
            break;
        }
        *budget = *budget > m ? *budget - m : 0;
        k++;
    }
    return k;
}

static npu_addr translate(const struct dev_xdna *x, npu_addr a)
{
    const uint64_t buf = a >> 48;
    return buf && buf < X_BOS && x->place[buf]
               ? NPU_ADDR(x->place[buf], a & (((npu_addr)1 << 48) - 1))
               : 0;
}

static size_t write_stream(const struct dev_xdna *x, uint8_t *at, int from, int n)
{
    struct txn_buf buf[X_BOS];
    for (int i = 0; i < x->n_used; i++) {
        buf[i] = (struct txn_buf){x->bo[x->used[i]].addr, x->bo[x->used[i]].size};
    }
    struct npu_cmd *c = txn_list_begin(at, x->generation, x->image.columns, buf, x->n_used, n);
    for (int i = 0; i < n; i++) {
        c[i] = x->cmd[from + i];
        for (int k = 0; k < 4; k++) {
            c[i].in[k] = translate(x, c[i].in[k]);
        }
        c[i].out = translate(x, c[i].out);
        c[i].aux = translate(x, c[i].aux);
        c[i].more = translate(x, c[i].more);
    }
    return txn_list_bytes(x->n_used, n);
}

/* START_CU: unit mask, then the kernel's registers.  64-bit registers are not aligned. */
void x_registers(const struct dev_xdna *x, struct x_packet *p, uint64_t stream, size_t words,
                 int most_bos)
{
    const int bos = x->n_used < most_bos ? x->n_used : most_bos;
    uint32_t *r = p->p + 2;
    memset(r, 0, (XDNA_REG_BO + 2 * XDNA_MAX_REG_BOS) * sizeof *r);
    p->p[0] = xdna_header(XDNA_START_CU, (uint32_t)(1 + XDNA_REG_BO + 2 * bos));
    p->p[1] = UINT32_C(1) << x->image.chosen;
    r[XDNA_REG_OPCODE] = XDNA_RUN_STREAM;
    r[XDNA_REG_STREAM] = (uint32_t)stream;
    r[XDNA_REG_STREAM + 1] = (uint32_t)(stream >> 32);
    r[XDNA_REG_WORDS] = (uint32_t)words;
    for (int i = 0; i < bos; i++) {
        const uint64_t a = x->bo[x->used[i]].addr;
        r[XDNA_REG_BO + 2 * i] = (uint32_t)a;
        r[XDNA_REG_BO + 2 * i + 1] = (uint32_t)(a >> 32);
    }
}

static void chain_packet(struct x_slot *s)
{
    const uint32_t bytes = (uint32_t)(sizeof(struct xdna_chain) + 8 * (size_t)s->calls);
    struct xdna_chain c = {.n = (uint32_t)s->calls, .error_index = UINT32_MAX};
    s->chain.p[0] = xdna_header(XDNA_CHAIN, bytes / 4);
    memcpy(s->chain.p + 1, &c, sizeof c);
    for (int i = 0; i < s->calls; i++) {
        const uint64_t h = s->sub[i].handle;
        memcpy((uint8_t *)(s->chain.p + 1) + sizeof c + 8 * (size_t)i, &h, 8);
    }
}

/* Packs as many of n commands as one chain takes: bounded by packets, instruction memory, the
 * kernel's 4 KiB and time. */
int x_fill(struct dev_xdna *x, struct x_slot *s, int from, int n, struct err *e)
{
    const uint32_t words = XDNA_REG_BO + 2 * X_REG_BOS;
    int most = XDNA_CHAIN_B / (int)xdna_chain_slot(words, 0);
    const int64_t start = clk_ns();
    double budget = x->macs_per_ns * TARGET_NS;
    size_t at = 0;
    int done = 0;
    most = x->o.per_chain && x->o.per_chain < most ? x->o.per_chain : most;
    s->calls = 0;
    s->macs = 0;
    while (done < n && s->calls < most) {
        const int k = take_call(x, from + done, n - done, X_STREAM_B - at, &budget);
        if (k == 0) {
            break;
        }
        const int rc = x_packet_new(x, &s->sub[s->calls], e);
        if (rc) {
            return rc;
        }
        const size_t b = write_stream(x, s->stream + at, from + done, k);
        x_registers(x, &s->sub[s->calls], s->stream_addr + at, b / 4, X_REG_BOS);
        for (int i = 0; i < k; i++) {
            s->macs += x->macs[from + done + i];
        }
        at += b;
        done += k;
        s->calls++;
    }
    s->chained = s->calls > 1;
    if (s->chained) {
        chain_packet(s);
    }
    const int64_t filled = clk_ns();
    x_flush(x, s->stream, at);
    x_count(&x->pack_ns, (uint64_t)(filled - start));
    x_count(&x->sync_ns, (uint64_t)(clk_ns() - filled));
    return done;
}

enum x_end x_hand_over(struct dev_xdna *x, struct x_slot *s)
{
    uint32_t args[1 + X_SUBS + X_BOS];
    int n = 0;
    /* every buffer the command touches, each once */
    args[n++] = s->stream_bo;
    for (int i = 0; s->chained && i < s->calls; i++) {
        args[n++] = s->sub[i].handle;
    }
    for (int i = 0; i < x->n_used; i++) {
        args[n++] = x->bo[x->used[i]].handle;
    }
    struct xdna_exec c = {.ctx = x->ctx,
                          .cmds = s->chained ? s->chain.handle : s->sub[0].handle,
                          .args = (uintptr_t)args,
                          .cmd_count = 1,
                          .arg_count = (uint32_t)n};
    const int64_t start = clk_ns();
    x->failed_errno = x_call(x, XDNA_EXEC, &c);
    s->handed_ns = clk_ns();
    x_count(&x->submit_ns, (uint64_t)(s->handed_ns - start));
    switch (x->failed_errno) {
    case 0:
        s->seq = c.seq;
        s->busy = 1;
        x_count(&x->execs, 1);
        x_count(&x->calls, (uint64_t)s->calls);
        return END_OK;
    case EINVAL:
    case ENOENT:
    case EALREADY:
    case EFAULT:
        return END_REFUSED;
    default:
        return END_DEAD;
    }
}

static enum x_end judge(const struct x_slot *s)
{
    const uint32_t *p = s->chained ? s->chain.p : s->sub[0].p;
    struct xdna_chain c = {.error_index = UINT32_MAX};
    if (s->chained) {
        memcpy(&c, p + 1, sizeof c);
    }
    /* an index of ours means that every call has run, or that none has (NEW) */
    const int failed = c.error_index != UINT32_MAX;
    switch (xdna_header_state(p[0])) {
    case XDNA_COMPLETED:
        return failed ? END_FAILED : END_OK;
    case XDNA_NEW:
        return failed ? END_FAILED : END_REFUSED;
    case XDNA_ABORT:
        return END_ABORTED;
    case XDNA_TIMEOUT:
        return END_TIMED;
    default:
        return END_FAILED;
    }
}

enum x_end x_finish(struct dev_xdna *x, struct x_slot *s)
{
    const int64_t start = clk_ns();
    const int rc = x_wait(x, s->seq, start + (int64_t)x_wait_ms(x) * 1000000);
    const int64_t now = clk_ns();
    x_count(&x->wait_ns, (uint64_t)(now - start));
    x->failed_errno = rc;
    if (rc == ETIME) {
        return END_SILENT; /* still in flight: it stays busy until its context is gone */
    }
    s->busy = 0;
    if (rc) {
        return END_DEAD;
    }
    const enum x_end end = judge(s);
    if (end == END_OK && s->macs > 1000000) {
        const int64_t began = s->handed_ns > x->last_done_ns ? s->handed_ns : x->last_done_ns;
        const double rate = (double)s->macs / (double)(now - began + 1);
        x->macs_per_ns = rate < x->macs_per_ns ? rate : 0.75 * x->macs_per_ns + 0.25 * rate;
    }
    x->last_done_ns = now;
    return end;
}
