/* See device.h. */
#include "app/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *s = getenv(name);
    return s && *s ? s : NULL;
}

/* Where programs for silicon may lie; "" when there is no such folder. */
static void find_programs(char *dir, size_t cap)
{
    const char *asked = variable("DICTATE_XCLBIN"), *data = variable("XDG_DATA_HOME");
    const char *home = variable("HOME");
    if (asked) {
        snprintf(dir, cap, "%s", asked);
        return;
    }
    if (data || home) {
        snprintf(dir, cap, "%s%s/dictate/xclbin", data ? data : home, data ? "" : "/.local/share");
        if (!access(dir, F_OK)) {
            return;
        }
    }
    const ssize_t n = readlink("/proc/self/exe", dir, cap - 1);
    dir[n > 0 ? n : 0] = 0;
    char *slash = strrchr(dir, '/');
    if (slash && strlen("/xclbin") < cap - (size_t)(slash - dir)) {
        strcpy(slash, "/xclbin");
    }
    if (access(dir, F_OK)) {
        dir[0] = 0;
    }
}

void app_device(struct app_device *d, const struct args *a, int columns)
{
    const char *linux_is = variable("DICTATE_NPU_LINUX"), *strict = variable("DICTATE_NPU_STRICT");
    memset(d, 0, sizeof *d);
    find_programs(d->programs, sizeof d->programs);
    d->opts = (struct npu_rt_opts){.device = a->device,
                                   .columns = columns > 0 ? columns : a->columns,
                                   .threads = a->threads,
                                   .linux_618 = linux_is && !strcmp(linux_is, "6.18"),
                                   .strict = strict && !strcmp(strict, "1"),
                                   .faults = variable("DICTATE_NPU_FAULTS"),
                                   .programs = d->programs[0] ? d->programs : NULL};
}
