/* Fuzzes the reader of device manifests: text from a file beside an xclbin. */
#include <stddef.h>
#include <stdint.h>

#include "kernels/aie2/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct k_aie_manifest m;
    char why[256];
    k_aie_manifest_parse(&m, (const char *)data, size, why, sizeof why);
    return 0;
}
