/* See amx_trap.h.  The handler touches the context, its thread's tiles and the memory that the
 * instruction names, nothing else. */
#include "tests/kernels/amx_trap.h"

#if defined(__x86_64__)

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#define KT_AMX_MODEL 1
#include "kernels/host/amx_tile.h"

static _Thread_local struct amx_model tiles __attribute__((aligned(64)));
static _Thread_local struct amx_trap_count done;
static struct sigaction other;

/* An instruction of VEX map 0F38, which all of AMX is. */
struct ins {
    uint8_t prefix; /* 0: none, 1: 66, 2: F3, 3: F2 */
    uint8_t code, mod, reg, rm, third;
    uint8_t *mem; /* of those with memory; with a stride, that */
    int64_t stride;
    int length;
};

static int64_t reg_of(const ucontext_t *u, int r)
{
    static const int at[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                               REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return u->uc_mcontext.gregs[at[r]];
}

/* The memory operand after ModRM byte p[4]; vex: the byte with the inverted upper bits of registers. */
static void address(struct ins *i, const uint8_t *p, uint8_t vex, const ucontext_t *u)
{
    const int x = vex & 0x40 ? 0 : 8, b = vex & 0x20 ? 0 : 8;
    int64_t base = 0;
    int32_t far = 0;
    int at = 5, low = i->rm;
    bool relative = i->mod == 0 && i->rm == 5;
    if (i->rm == 4) {
        const uint8_t sib = p[at++];
        const int index = (sib >> 3 & 7) + x;
        low = sib & 7;
        i->stride = index == 4 ? 0 : (int64_t)((uint64_t)reg_of(u, index) << (sib >> 6));
    }
    const bool no_base = i->rm == 4 && low == 5 && i->mod == 0;
    if (i->mod == 2 || relative || no_base) {
        memcpy(&far, p + at, 4);
        at += 4;
    } else if (i->mod == 1) {
        far = (int8_t)p[at++];
    }
    if (!relative && !no_base) {
        base = reg_of(u, low + b);
    }
    i->length = at;
    if (relative) {
        base = (int64_t)(uintptr_t)p + at;
    }
    i->mem = (uint8_t *)(uintptr_t)(base + far); // NOLINT: an address out of a register
}

static bool decode(const uint8_t *p, const ucontext_t *u, struct ins *i)
{
    if (p[0] != 0xc4 || (p[1] & 31) != 2 || p[2] & 0x84) { /* three bytes of VEX, map 0F38, W 0, L 0 */
        return false;
    }
    *i = (struct ins){.prefix = p[2] & 3, .code = p[3], .mod = p[4] >> 6, .length = 5};
    i->reg = (uint8_t)((p[4] >> 3 & 7) + (p[1] & 0x80 ? 0 : 8));
    i->rm = p[4] & 7;
    i->third = (uint8_t)(~p[2] >> 3 & 15);
    if (i->mod != 3) {
        address(i, p, p[1], u);
    } else if (!(p[1] & 0x20)) {
        return false; /* there are eight tiles */
    }
    return i->reg < 8;
}

/* Palette 1: rows and bytes of a tile are both 0 or both inside their bounds; there are eight. */
static bool config_fits(const struct amx_cfg *c)
{
    static const uint8_t zero[16];
    for (int t = 0; t < 16; t++) {
        const bool used = c->rows[t] || c->colsb[t];
        if (used && (t >= 8 || c->rows[t] == 0 || c->rows[t] > 16 || c->colsb[t] == 0 || c->colsb[t] > 64)) {
            return false;
        }
    }
    return c->palette == 1 && c->start_row == 0 && memcmp(c->reserved, zero, sizeof c->reserved) == 0;
}

static bool has(int t) { return done.live && tiles.cfg.rows[t]; }

static bool dot_fits(int c, int a, int b)
{
    const struct amx_cfg *g = &tiles.cfg;
    return has(c) && has(a) && has(b) && c != a && c != b && a != b && g->rows[c] == g->rows[a] &&
           g->colsb[c] == g->colsb[b] && g->colsb[a] == 4 * g->rows[b] && g->colsb[c] % 4 == 0;
}

/* 0F38 49: configuration, and tiles of zeros. */
static bool run_49(const struct ins *i)
{
    if (i->mod != 3 && i->prefix == 0 && i->reg == 0) { /* ldtilecfg */
        struct amx_cfg c;
        memcpy(&c, i->mem, sizeof c);
        if (!config_fits(&c)) {
            return false;
        }
        amx_config(&tiles, &c);
        done.configs++;
        done.live = true;
        return true;
    }
    if (i->mod == 3 && i->prefix == 0 && i->reg == 0 && i->rm == 0) { /* tilerelease */
        done.live = false;
        done.releases++;
        return true;
    }
    if (i->mod == 3 && i->prefix == 3 && i->rm == 0 && has(i->reg)) { /* tilezero */
        memset(tiles.tile[i->reg], 0, sizeof tiles.tile[0]);
        return true;
    }
    return false;
}

static bool run(const struct ins *i)
{
    const bool memory = i->mod != 3 && i->rm == 4;
    if (i->code == 0x49) {
        return run_49(i);
    }
    if (i->code == 0x4b && memory && has(i->reg) && i->prefix == 3) { /* tileloadd */
        amx_load(&tiles, i->reg, i->mem, (size_t)i->stride);
        done.loads++;
        return true;
    }
    if (i->code == 0x4b && memory && has(i->reg) && i->prefix == 2) { /* tilestored */
        amx_store(&tiles, i->reg, i->mem, (size_t)i->stride);
        done.stores++;
        return true;
    }
    /* tdpbsud, tdpbusd: what the second operand holds is signed, or is not */
    if (i->code == 0x5e && i->mod == 3 && (i->prefix == 2 || i->prefix == 1) && i->third < 8 &&
        dot_fits(i->reg, i->rm, i->third)) {
        if (i->prefix == 2) {
            amx_dot(&tiles, i->reg, i->rm, i->third, 1);
        } else {
            amx_dot(&tiles, i->reg, i->rm, i->third, 0);
        }
        done.products++;
        return true;
    }
    return false;
}

static void on_ill(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    const uint8_t *p = (const uint8_t *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP]; // NOLINT: as above
    struct ins i;
    if (info->si_code > 0 && decode(p, u, &i) && run(&i)) {
        u->uc_mcontext.gregs[REG_RIP] += i.length;
        return;
    }
    sigaction(sig, &other, NULL); /* the instruction meets its old fate */
}

bool amx_trap_start(void)
{
    struct sigaction s, old;
    memset(&s, 0, sizeof s);
    sigemptyset(&s.sa_mask);
    s.sa_sigaction = on_ill;
    s.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGILL, &s, &old) != 0) {
        return false;
    }
    if (!(old.sa_flags & SA_SIGINFO) || old.sa_sigaction != on_ill) {
        other = old;
    }
    return true;
}

void amx_trap_count(struct amx_trap_count *out)
{
    const bool live = done.live;
    *out = done;
    memset(&done, 0, sizeof done);
    done.live = live;
}

#else

bool amx_trap_start(void) { return false; }

void amx_trap_count(struct amx_trap_count *out) { *out = (struct amx_trap_count){.live = false}; }

#endif
