/* See cpu.h.  __builtin_cpu_supports also asks whether the kernel saves the registers, which reading
 * CPUID alone does not tell; on Arm the kernel says what there is.  Any thread. */
#include "app/base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
/* CPUID.7.0:EDX bits 24 (tiles) and 25 (INT8); and the kernel grants the 8 KB of state on request
 * only (arch_prctl ARCH_REQ_XCOMP_PERM 0x1023, feature 18), to the whole process. */
static int amx_allowed(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 3) == 3 &&
           syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

/* CPUID.7.1:EAX bit 4: VNNI of 256 bits without AVX-512. */
static int avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1;
}
#endif

static unsigned machine_features(void)
{
    unsigned f = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        f |= CPU_AVX2;
    }
    if (f & CPU_AVX2 && avx_vnni()) {
        f |= CPU_AVXVNNI;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni")) {
        f |= CPU_AVX512;
    }
    if (f & CPU_AVX512 && amx_allowed()) {
        f |= CPU_AMX;
    }
#elif defined(__aarch64__)
    /* bits of the kernel's asm/hwcap.h, which older C libraries do not all name */
    enum { ASIMDDP = 1 << 20, I8MM = 1 << 13 };
    if (getauxval(AT_HWCAP) & ASIMDDP) {
        f |= CPU_NEON;
    }
    if (f & CPU_NEON && getauxval(AT_HWCAP2) & I8MM) {
        f |= CPU_I8MM;
    }
#endif
    return f;
}

int cpu_features(unsigned *features, struct err *e)
{
    static const struct {
        const char *name;
        unsigned needs, keeps;
    } level[] = {
        {"c", 0, 0},
        {"avx2", CPU_AVX2, CPU_AVX2},
        {"avxvnni", CPU_AVXVNNI, CPU_AVX2 | CPU_AVXVNNI},
        {"avx512", CPU_AVX512, CPU_AVX2 | CPU_AVX512},
        {"amx", CPU_AMX, CPU_AVX2 | CPU_AVX512 | CPU_AMX},
        {"neon", CPU_NEON, CPU_NEON},
        {"neon-i8mm", CPU_I8MM, CPU_NEON | CPU_I8MM},
    };
    const char *want = getenv("DICTATE_CPU");
    unsigned have = machine_features();
    *features = have;
    if (!want || !*want) {
        return 0;
    }
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        if (strcmp(want, level[i].name) == 0) {
            if ((have & level[i].needs) != level[i].needs) {
                return err_set(e, ERR_USAGE, "DICTATE_CPU=%s: this machine has no %s; unset it",
                               want, want);
            }
            *features = have & level[i].keeps;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "DICTATE_CPU=%.20s is not known; use c, avx2, avxvnni, avx512, amx, neon or neon-i8mm",
                   want);
}

const char *cpu_name(char *buf, int size)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(buf, (size_t)size, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            colon[strcspn(colon, "\n")] = 0;
            snprintf(buf, (size_t)size, "%s", colon + 1 + (colon[1] == ' '));
            break;
        }
    }
    if (f) {
        fclose(f);
    }
    return buf;
}

int cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    return 1;
}
