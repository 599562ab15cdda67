/* What went wrong, for people: one table from step and errno to a sentence with its remedy.  Every
 * sentence ends with the five facts that all known reports turned on. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "npu/dev/xdna_in.h"

#define OURS "a fault in this program, please report it"
#define HUNG "the NPU's firmware does not answer; restart the computer (or reload amdxdna)"
#define SVA                                                                                        \
    "the NPU cannot reach this process's memory; enable IOMMU and SVM in the BIOS, boot without "  \
    "amd_iommu=off, not in a virtual machine"
#define MEMLOCK                                                                                    \
    "the limit for locked memory is too low; ulimit -l unlimited, or memlock unlimited in "        \
    "/etc/security/limits.d"

static const struct {
    enum x_step step;
    int sys; /* 0: any other */
    enum err_code code;
    const char *text;
} table[] = {
    {X_FIND, ENOENT, ERR_NPU, "no AMD NPU found; it takes a Ryzen AI and Linux 6.14 with amdxdna, or leave out --device npu"},
    {X_FIND, EIO, ERR_NPU,
     "the NPU is there but its driver did not start it; see dmesg | grep amdxdna, update "
     "linux-firmware (amdnpu) or the kernel"},
    {X_FIND, ENOTSUP, ERR_NPU, "this NPU is of a generation that is not supported"},
    {X_OPEN, ENOENT, ERR_NPU, "the device node is gone; is amdxdna loaded?"},
    {X_OPEN, EACCES, ERR_NPU,
     "no permission for the NPU; sudo usermod -aG render $USER, then log in again"},
    {X_OPEN, EPERM, ERR_NPU,
     "this container may not use the NPU; start it with --device /dev/accel/accel0"},
    {X_OPEN, ENODEV, ERR_NPU, SVA},
    {X_OPEN, EOPNOTSUPP, ERR_NPU, SVA},
    {X_OPEN, EINVAL, ERR_NPU, SVA},
    {X_VERSION, EPROTO, ERR_NPU, "the node belongs to another driver"},
    {X_VERSION, ENOTSUP, ERR_NPU, "this version of amdxdna is not known"},
    {X_HEAP, ENOMEM, ERR_MEM, "no memory for the NPU's 64 MB code heap; close other programs"},
    {X_HEAP, ENOSPC, ERR_NPU, OURS " (second heap)"},
    {X_HEAP, EBUSY, ERR_NPU, OURS " (second heap)"},
    {X_HEAP, EOPNOTSUPP, ERR_NPU, OURS " (second heap)"},
    {X_MAP, EAGAIN, ERR_MEM, MEMLOCK},
    {X_MAP, ENOMEM, ERR_MEM, "no memory left to map an NPU buffer; close other programs"},
    {X_BO, ENOMEM, ERR_MEM, "no memory left for an NPU buffer; close other programs or " MEMLOCK},
    {X_BO, ENOSPC, ERR_MEM, "no room left for an NPU buffer; take a smaller model"},
    {X_DEV, ENOSPC, ERR_NPU, "the NPU's 64 MB code heap is full; take a smaller program"},
    {X_DEV, EAGAIN, ERR_NPU, OURS " (the heap is not mapped)"},
    {X_DEV, EINVAL, ERR_NPU, OURS " (the heap is not mapped, or the size)"},
    {X_CTX, ENOENT, ERR_NPU, OURS " (no heap)"},
    {X_CTX, EAGAIN, ERR_NPU, OURS " (the heap is not mapped)"},
    {X_CTX, ENOSPC, ERR_NPU, "the NPU's 64 MB code heap is full"},
    {X_CTX, EINVAL, ERR_NPU,
     "the NPU takes no more contexts; close other programs that use it (Copilot, other models)"},
    {X_CTX, ENODEV, ERR_NPU, "the NPU's columns are taken by another program; close it"},
    {X_CTX, ETIME, ERR_NPU, HUNG},
    {X_CTX, ENOMEM, ERR_MEM, "no memory for an NPU context; close other programs"},
    {X_CONFIG, ETIME, ERR_NPU, HUNG},
    {X_CONFIG, EINVAL, ERR_NPU, "the NPU refuses the program; is the xclbin made for it?"},
    {X_CONFIG, ENODEV, ERR_NPU, HUNG},
    {X_EXEC, EALREADY, ERR_NPU, OURS " (a buffer named twice)"},
    {X_EXEC, EINVAL, ERR_NPU, OURS " (command)"},
    {X_EXEC, ENOENT, ERR_NPU, OURS " (unknown buffer)"},
    {X_EXEC, EFAULT, ERR_NPU, OURS " (a buffer is not mapped)"},
    {X_EXEC, EAGAIN, ERR_NPU_HANG,
     "the NPU is too busy and takes no command; close other programs"},
    {X_EXEC, ENOMEM, ERR_NPU_HANG, "no memory to hand over a command; close other programs"},
    {X_EXEC, EIO, ERR_NPU_HANG, HUNG},
    {X_EXEC, ENODEV, ERR_NPU_HANG, "the NPU is gone"},
    {X_EXEC, EPIPE, ERR_NPU_HANG, "the NPU is gone"},
    {X_WAIT, ENODEV, ERR_NPU_HANG, "the NPU is gone"},
    {X_WAIT, ETIME, ERR_NPU_HANG, "a command list did not return, not even in a new context"},
    {X_WAIT, EIO, ERR_NPU_HANG, "the NPU failed a command list, even in a new context"},
    {X_WAIT, ECANCELED, ERR_NPU_HANG, "the NPU dropped a command list, even in a new context"},
};

static const char *const steps[X_STEPS] = {"discovery", "open",   "version",     "heap",
                                           "mmap",      "buffer", "code buffer", "context",
                                           "program",   "submit", "wait"};

static const char *errno_name(int e, char *buf, size_t n)
{
    static const struct {
        int e;
        const char *name;
    } names[] = {
        {EAGAIN, "EAGAIN"}, {EACCES, "EACCES"}, {EPERM, "EPERM"},       {ENOENT, "ENOENT"},
        {ENODEV, "ENODEV"}, {EINVAL, "EINVAL"}, {ENOMEM, "ENOMEM"},     {ENOSPC, "ENOSPC"},
        {ETIME, "ETIME"},   {EIO, "EIO"},       {EBUSY, "EBUSY"},       {EFAULT, "EFAULT"},
        {EPIPE, "EPIPE"},   {E2BIG, "E2BIG"},   {EALREADY, "EALREADY"}, {EOPNOTSUPP, "EOPNOTSUPP"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].e == e) {
            return names[i].name;
        }
    }
    snprintf(buf, n, "errno %d", e);
    return buf;
}

int x_fail(const struct dev_xdna *x, enum x_step step, int sys, struct err *e)
{
    const char *text = "the NPU's driver refuses a call";
    enum err_code code = ERR_NPU;
    char buf[24], pids[64] = "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].step == step && table[i].sys == sys) {
            text = table[i].text;
            code = table[i].code;
        }
    }
    if (step == X_CTX && sys == EINVAL && x_contexts(x, pids, sizeof pids) <= 0) {
        pids[0] = 0;
    }
    const int rc =
        err_set(e, code, "%s%s%s [%s: %s; amdxdna %d.%d, firmware %s, Linux %s, %04x:%02x]", text,
                pids[0] ? "; in use by process " : "", pids, steps[step],
                errno_name(sys, buf, sizeof buf), x->major, x->minor, x->fw[0] ? x->fw : "?",
                x->release[0] ? x->release : "?", x->node.device, x->node.revision);
    if (e) {
        e->sys = sys;
    }
    return rc;
}

void x_note(const struct dev_xdna *x, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    if (!x->o.note) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->o.note(x->o.note_ctx, text);
}

int x_same_process(const struct dev_xdna *x, struct err *e)
{
    return getpid() == x->pid
               ? 0
               : err_set(e, ERR_NPU,
                         "the NPU was opened by another process: it would work in that "
                         "one's memory; open it again after fork");
}
