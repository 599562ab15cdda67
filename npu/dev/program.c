/* See program.h. */
#include "npu/dev/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 128 << 20 };

/* Maps a file that the manifest names; the name holds no slash. */
static int map_known(const struct dev_program *p, const struct k_aie_file *f, struct file_map *m,
                     struct err *e)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/%s", p->folder, f->file);
    const int rc = file_map_open(m, path, MAX_FILE, ERR_NPU, e);
    if (rc) {
        return rc;
    }
    if (m->size != f->bytes || k_aie_hash(m->data, m->size) != f->hash) {
        file_unmap(m);
        return err_set(e, ERR_NPU,
                       "%s is not the file that its manifest describes; make xclbin builds both",
                       path);
    }
    return 0;
}

static int pick(const struct k_aie_manifest *m, const char *name)
{
    for (int i = 0; i < m->n_programs; i++) {
        if (strcmp(m->program[i].program, name ? name : "dictate") == 0) {
            return i;
        }
    }
    return name || m->n_programs == 0 ? -1 : 0;
}

int dev_program_load(struct dev_program *p, const char *folder, const char *family, int columns,
                     const char *name, struct err *e)
{
    char path[4300], why[200];
    struct file_map text;
    memset(p, 0, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "%s", folder ? folder : "");
    snprintf(path, sizeof path, "%s/manifest", p->folder);
    if (!folder || access(path, R_OK)) {
        return err_set(e, ERR_NPU,
                       "the NPU is there, but no programs for it%s%.200s; make xclbin DEV=%s builds "
                       "them, or leave out --device npu",
                       folder ? " in " : "", folder ? folder : "", family);
    }
    int rc = file_map_open(&text, path, K_AIE_MAX_BYTES, ERR_NPU, e);
    if (rc) {
        return rc;
    }
    rc = k_aie_manifest_parse(&p->manifest, (const char *)text.data, text.size, why, sizeof why);
    file_unmap(&text);
    if (rc || k_aie_manifest_fits(&p->manifest, family, columns, why, sizeof why)) {
        return err_set(e, ERR_NPU, "%.200s: %.100s", path, why);
    }
    p->program = pick(&p->manifest, name);
    if (p->program < 0) {
        return err_set(e, ERR_NPU, "%.200s names no program %s", path, name ? name : "at all");
    }
    return map_known(p, &p->manifest.program[p->program], &p->xclbin, e);
}

int dev_program_stream(const struct dev_program *p, int i, struct file_map *m, struct err *e)
{
    return map_known(p, &p->manifest.shape[i], m, e);
}

void dev_program_free(struct dev_program *p)
{
    file_unmap(&p->xclbin);
}
