/* What dictate doctor says about the real NPU.  Reads /dev/accel and /sys, opens nodes and closes
 * them at once; sends nothing to a device.  Main thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/doctor_check.h"

/* AMD's NPUs by PCI number: amdxdna.md, section on scanning. */
static const struct {
    unsigned vendor, device;
    const char *name;
} npus[] = {
    {0x1022, 0x1502, "AMD NPU of Phoenix or Hawk Point (npu1)"},
    {0x1022, 0x17f0, "AMD NPU of Strix, Strix Halo or Krackan (npu4)"},
};

static unsigned sys_hex(const char *dir, const char *name, const char *file)
{
    char path[PATH_MAX], line[32] = "";
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    FILE *f = fopen(path, "re");
    if (f) {
        if (!fgets(line, sizeof line, f)) {
            line[0] = 0;
        }
        fclose(f);
    }
    return (unsigned)strtoul(line, NULL, 16);
}

static const char *npu_name(unsigned vendor, unsigned device)
{
    for (size_t i = 0; i < sizeof npus / sizeof *npus; i++) {
        if (npus[i].vendor == vendor && npus[i].device == device) {
            return npus[i].name;
        }
    }
    return NULL;
}

/* Last part of a symbolic link, "" when there is none. */
static void link_name(const char *path, char *name, size_t cap)
{
    char to[PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    to[n > 0 ? n : 0] = 0;
    const char *slash = strrchr(to, '/');
    snprintf(name, cap, "%.*s", (int)cap - 1, slash ? slash + 1 : to);
}

/* Hardware on the PCI bus that no accel node stands for. */
static const char *pci_npu(void)
{
    const char *found = NULL, *bus = "/sys/bus/pci/devices";
    DIR *d = opendir(bus);
    struct dirent *de;
    while (d && !found && (de = readdir(d))) {
        if (de->d_name[0] != '.') {
            found =
                npu_name(sys_hex(bus, de->d_name, "vendor"), sys_hex(bus, de->d_name, "device"));
        }
    }
    if (d) {
        closedir(d);
    }
    return found;
}

static void one_node(struct doctor *d, const char *node, int asked)
{
    char path[PATH_MAX], dir[PATH_MAX], driver[64];
    enum doctor_mark bad = asked ? DOCTOR_BAD : DOCTOR_WARN;
    snprintf(path, sizeof path, "/dev/accel/%s", node);
    snprintf(dir, sizeof dir, "/sys/class/accel/%s/device/driver", node);
    link_name(dir, driver, sizeof driver);
    snprintf(dir, sizeof dir, "/sys/class/accel/%s", node);
    const char *name = npu_name(sys_hex(dir, "device", "vendor"), sys_hex(dir, "device", "device"));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int why = errno;
    if (fd >= 0) {
        close(fd);
        if (strcmp(driver, "amdxdna") == 0) {
            doctor_add(d, DOCTOR_OK, "NPU", ERR_NPU, "%s: %s, driver %s, can be opened", path,
                       name ? name : "unknown kind", driver);
        } else {
            doctor_add(d, bad, "NPU", ERR_NPU, "%s is an accelerator of another kind (driver %s)",
                       path, *driver ? driver : "unknown");
        }
        return;
    }
    struct doctor_check *c = doctor_add(d, bad, "NPU", ERR_NPU, "%s: %s; cannot be opened: %s",
                                        path, name ? name : "an accelerator", strerror(why));
    if (why == EACCES || why == EPERM) {
        doctor_remedy(c, "sudo usermod -aG render $USER, then log in again");
    } else if (why == ENODEV || why == ENOENT || why == ENXIO) {
        doctor_remedy(c, "sudo modprobe amdxdna, then look at: dmesg | grep amdxdna");
    }
}

void doctor_npu(struct doctor *d, int asked)
{
    DIR *dir = opendir("/dev/accel");
    struct dirent *de;
    int n = 0;
    while (dir && n < 4 && (de = readdir(dir))) {
        if (strncmp(de->d_name, "accel", 5) == 0) {
            one_node(d, de->d_name, asked);
            n++;
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (n) {
        return;
    }
    const char *hw = pci_npu();
    if (hw) {
        struct doctor_check *c =
            doctor_add(d, asked ? DOCTOR_BAD : DOCTOR_WARN, "NPU", ERR_NPU,
                       "%s is on the PCI bus, but has no node below /dev/accel", hw);
        doctor_remedy(c, "sudo modprobe amdxdna (Linux 6.14 or newer, and its firmware)");
    } else if (asked) {
        struct doctor_check *c = doctor_add(d, DOCTOR_BAD, "NPU", ERR_NPU, "no NPU found");
        doctor_remedy(c, "leave out --device npu: the virtual NPU does the same work");
    } else {
        doctor_add(d, DOCTOR_OK, "NPU", ERR_NPU, "no real NPU found; the virtual one is used");
    }
}
