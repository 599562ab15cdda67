/* libFuzzer: what comes out of an exec buffer.  Three kinds by the first byte: a stream as bytes; a
 * good list with commands the input writes, resolved against two small buffers and then run on the
 * plain kernels, so that a size the checks let pass shows itself; packets and chains through the
 * virtual driver's unpacking. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npu/dev/cmd.h"
#include "npu/dev/vdrm_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUF_B = 1 << 16, CMDS = 4 };

static void *at(void *ctx, const struct dev_operand *o)
{
    uint8_t *const *buf = ctx;
    const uint64_t b = o->addr >> 48, off = o->addr & ((UINT64_C(1) << 48) - 1);
    return b >= 1 && b <= 2 && off % 4 == 0 && off <= BUF_B && o->bytes <= BUF_B - off
               ? buf[b - 1] + off
               : NULL;
}

static void run(const struct npu_cmd *c, int index, uint8_t **buf)
{
    struct dev_job j;
    struct err e = {0};
    const int rc = dev_cmd_resolve(c, index, at, buf, &j, &e);
    if (rc) {
        if (rc != -ERR_NPU || !e.text[0]) {
            abort();
        }
        return;
    }
    const size_t b = k_scratch_bytes(c);
    if (j.macs > 4000000 || (uint64_t)j.tiles_m * j.tiles_n > 4096 || b > 1 << 22) {
        return; /* right, and too slow for a fuzzer */
    }
    void *scratch = aligned_alloc(64, (b + 127) / 64 * 64);
    for (uint32_t t = 0; scratch && t < j.tiles_m * j.tiles_n; t++) {
        const uint32_t m0 = t % j.tiles_m * c->tile_m, n0 = t / j.tiles_m * c->tile_n;
        const uint32_t m1 = c->m - m0 < c->tile_m ? c->m : m0 + c->tile_m;
        const uint32_t n1 = j.cols - n0 < c->tile_n ? j.cols : n0 + c->tile_n;
        k_table_c.run[c->op](&j.args, m0, m1, n0, n1, scratch);
    }
    free(scratch);
}

static void lists(const uint8_t *p, size_t n)
{
    struct npu_cmd c[CMDS];
    uint8_t *buf[2] = {aligned_alloc(64, BUF_B), aligned_alloc(64, BUF_B)};
    memset(c, 0, sizeof c);
    memcpy(c, p, n < sizeof c ? n : sizeof c);
    for (int i = 0; i < CMDS && buf[0] && buf[1]; i++) {
        /* the upper halves of sizes are rarely interesting: keep one bit of the input for that */
        if (!(c[i].layer & 1)) {
            c[i].m &= 63, c[i].n &= 127, c[i].k &= 127;
            c[i].lda &= 255, c[i].ldw &= 255, c[i].ldo &= 255, c[i].ldp &= 255;
            for (int k = 0; k < 4; k++) {
                c[i].in[k] = NPU_ADDR(1 + (c[i].in[k] >> 40 & 1), c[i].in[k] & 0x3ffc);
            }
            c[i].out = NPU_ADDR(1 + (c[i].out >> 40 & 1), c[i].out & 0x3ffc);
            c[i].aux = NPU_ADDR(1 + (c[i].aux >> 40 & 1), c[i].aux & 0x3ffc);
            c[i].more = NPU_ADDR(1 + (c[i].more >> 40 & 1), c[i].more & 0x3ffc);
        }
        if (i == 0) {
            memset(buf[0], 0, BUF_B);
            memset(buf[1], 0, BUF_B);
        }
        run(&c[i], i, buf);
    }
    free(buf[0]);
    free(buf[1]);
}

static void streams(const uint8_t *p, size_t n)
{
    struct txn_view v;
    struct err e = {0};
    uint8_t *copy = aligned_alloc(64, (n + 64) / 64 * 64);
    uint32_t words[256];
    if (!copy) {
        return;
    }
    memcpy(copy, p, n);
    if (n >= 4 && n & 1) { /* get past the first check more often */
        copy[0] = 0, copy[1] = 1, copy[2] = 3;
    }
    const int rc = txn_check(copy, n / 4 * 4, 3, &v, &e);
    if (rc == TXN_LIST) {
        const uint8_t *end = (const uint8_t *)(v.cmd + v.cmds);
        if (v.cmds < 1 || (const uint8_t *)v.buf < copy || end > copy + n) {
            abort();
        }
    } else if (rc < 0 && !e.text[0]) {
        abort();
    }
    txn_from_text((const char *)p, n, words, 256);
    free(copy);
}

/* A packet, and four it may name as a chain's parts. */
static void packets(const uint8_t *p, size_t n)
{
    static struct vdrm v;
    static struct vdrm_client client;
    static struct vdrm_ctx x;
    static struct vdrm_bo bo[5];
    static const struct vdrm_gen_info gen[2] = {{.late = 0}, {.late = 1}};
    static uint32_t page[5][1024];
    memset(page, 0, sizeof page);
    v.gen = &gen[n & 1];
    x.client = &client;
    x.n_cus = 1 + (int)(n >> 1 & 3);
    for (int i = 0; i < 5; i++) {
        bo[i] = (struct vdrm_bo){.type = XDNA_BO_CMD, .size = 4096, .kernel = (uint8_t *)page[i]};
        client.bo[i + 1] = &bo[i];
        const size_t k = n < 64 ? n : 64;
        memcpy(page[i], p, k);
        p += k;
        n -= k;
    }
    if (vdrm_unpack(&v, &x, &bo[0]) == 0) {
        const struct vdrm_sub *last = &x.sub[x.n_subs - 1];
        if (x.n_subs < 1 || x.n_subs > VDRM_SUBS || last->at + last->words > 1024 || last->cu < 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        streams(data + 1, size - 1);
        break;
    case 1:
        lists(data + 1, size - 1);
        break;
    default:
        packets(data + 1, size - 1);
    }
    return 0;
}
