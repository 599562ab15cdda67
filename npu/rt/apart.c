/* Every command with buffers of its own: what reusing buffers saves.  See rewrite.h. */
#include <string.h>

#include "app/base/clk.h"
#include "npu/dev/cmd.h"
#include "npu/rt/inside.h"
#include "npu/rt/rewrite.h"

/* A range of an old buffer that one or more operands touch, and the buffer it has now. */
struct part {
    npu_addr lo, hi;
    int writes;
    uint32_t buf;
};
struct parts {
    struct part p[DEV_MAX_OPERANDS];
    int n;
};

/* Operands that overlap, as rows of three matrices in one do, stay together. */
static void add_part(struct parts *s, struct part p)
{
    for (int i = 0; i < s->n; i++) {
        struct part *o = &s->p[i];
        if (p.lo < o->hi && o->lo < p.hi) {
            p.lo = o->lo < p.lo ? o->lo : p.lo;
            p.hi = o->hi > p.hi ? o->hi : p.hi;
            p.writes |= o->writes;
            *o = s->p[--s->n];
            i = -1; /* it may now meet one that it did not meet before */
        }
    }
    s->p[s->n++] = p;
}

static char *old(const struct npu_rt *rt, npu_addr a)
{
    return (char *)rt->buf[a >> 48].data + (a & (((npu_addr)1 << 48) - 1));
}

static npu_addr moved(const struct parts *s, npu_addr a)
{
    for (int i = 0; i < s->n; i++) {
        if (a >= s->p[i].lo && a < s->p[i].hi) {
            return NPU_ADDR(s->p[i].buf, a - s->p[i].lo);
        }
    }
    return a;
}

static int copy_in(struct npu_rt *rt, struct parts *s, struct err *e)
{
    for (int i = 0; i < s->n; i++) {
        struct part *p = &s->p[i];
        const size_t n = (size_t)(p->hi - p->lo);
        const int rc = npu_buf_new(rt, n, "an operand", &p->buf, e);
        if (rc) {
            return rc;
        }
        npu_buf_write(rt, p->buf, 0, old(rt, p->lo), n);
    }
    return 0;
}

static void copy_out(struct npu_rt *rt, struct parts *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct part *p = &s->p[i];
        const size_t n = (size_t)(p->hi - p->lo);
        if (p->writes && p->buf) {
            memcpy(old(rt, p->lo), npu_buf_map(rt, p->buf), n);
            npu_buf_wrote(rt, (uint32_t)(p->lo >> 48), p->lo & (((npu_addr)1 << 48) - 1), n);
        }
        npu_buf_free(rt, p->buf);
    }
}

int npu_list_run_apart(struct npu_rt *rt, const struct npu_list *l, uint64_t *in_ns,
                       uint64_t *out_ns, struct err *e)
{
    int rc = 0;
    for (int i = 0; i < l->n && !rc; i++) {
        struct npu_list own = {0};
        struct npu_cmd c = l->cmd[i];
        struct dev_touch t;
        struct parts s = {.n = 0};
        int64_t start = clk_ns();
        rc = dev_cmd_touch(&c, i, &t, e);
        for (int k = 0; k < t.n && !rc; k++) {
            add_part(&s, (struct part){t.o[k].addr & ~(npu_addr)63, /* keeps its alignment */
                                       t.o[k].addr + t.o[k].bytes, t.o[k].writes, 0});
        }
        rc = rc ? rc : copy_in(rt, &s, e);
        for (int k = 0; k < t.n; k++) {
            const int slot = t.o[k].slot;
            npu_addr *a = slot < DEV_OUT     ? &c.in[slot]
                          : slot == DEV_OUT  ? &c.out
                          : slot == DEV_MORE ? &c.more
                                             : &c.aux;
            *a = moved(&s, t.o[k].addr);
        }
        if (!rc && npu_list_add(&own, &c) < 0) {
            rc = err_set(e, ERR_MEM, "no memory for a command");
        }
        *in_ns += (uint64_t)(clk_ns() - start);
        rc = rc ? rc : npu_list_run(rt, &own, e);
        start = clk_ns();
        copy_out(rt, &s);
        npu_list_free(&own);
        *out_ns += (uint64_t)(clk_ns() - start);
    }
    return rc;
}
