/* Programs for silicon: the folder that `make xclbin` fills, its manifest checked before anything of
 * it is loaded.  Submitting thread. */
#ifndef NPU_DEV_PROGRAM_H
#define NPU_DEV_PROGRAM_H

#include "app/base/err.h"
#include "app/base/file.h"
#include "kernels/aie2/manifest.h"

struct dev_program {
    struct k_aie_manifest manifest;
    int program;                /* which of its programs */
    struct file_map xclbin;     /* mapped until dev_program_free */
    char folder[4200];
};

/* Reads `folder`/manifest, refuses one for another family or more columns, and maps program `name`
 * (NULL: one for command lists, "dictate", or the first) after comparing its size and hash.
 * -ERR_NPU with a sentence: nothing there (folder NULL too), not for this device, stale, damaged. */
int dev_program_load(struct dev_program *p, const char *folder, const char *family, int columns,
                     const char *name, struct err *e);
/* Maps the instruction stream of shape `i` of the manifest, compared likewise. */
int dev_program_stream(const struct dev_program *p, int i, struct file_map *m, struct err *e);
void dev_program_free(struct dev_program *p);

#endif
