/* libFuzzer: xclbin files.  What is accepted must lie inside the file and inside the limits that
 * the driver relies on.  A good file of the virtual device is changed at places the input chooses,
 * because nothing random reaches the inner tables.
 *
 *   make fuzz, or clang -fsanitize=fuzzer,address,undefined with npu/dev/x*.c and vdrm_image.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npu/dev/vdrm_in.h"
#include "npu/dev/xclbin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *file, size_t n, const char *kernel)
{
    struct xclbin x;
    struct err e = {0};
    const int rc = xclbin_parse(file, n, kernel, &x, &e);
    if (rc) {
        if (rc != -ERR_NPU || !e.text[0]) {
            abort();
        }
        return;
    }
    if (x.pdi < file || x.pdi_b > n || x.pdi + x.pdi_b > file + n || x.pdi_b < 16 ||
        x.columns < 1 || x.columns > 8 || x.n_cus < 1 || x.n_cus > XCLBIN_MAX_CUS ||
        x.chosen >= x.n_cus || x.n_args > XCLBIN_MAX_ARGS || x.n_starts > XCLBIN_MAX_STARTS) {
        abort();
    }
    for (int i = 0; i < x.n_args; i++) {
        if (x.arg[i].offset + x.arg[i].size > 4096 || strnlen(x.arg[i].name, 32) == 32) {
            abort();
        }
    }
    uint8_t sum = 0; /* every byte can be read */
    for (size_t i = 0; i < x.pdi_b; i++) {
        sum ^= x.pdi[i];
    }
    if (sum == 1 && x.kernel_id == UINT64_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image;
    uint64_t program;
    size_t n;
    if (size < 1) {
        return 0;
    }
    if (data[0] & 1) {
        uint8_t *copy = malloc(size); /* its own block: reading on is seen */
        memcpy(copy, data + 1, size - 1);
        parse(copy, size - 1, data[0] & 2 ? "DICTATE" : NULL);
        free(copy);
        return 0;
    }
    if (vdrm_image(3, 4, &image, &n, &program)) {
        return 0;
    }
    /* {u16 place, u8 count, bytes}: patches */
    for (size_t at = 1; at + 3 < size;) {
        const size_t place = (data[at] | (size_t)data[at + 1] << 8) % n;
        size_t k = 1 + data[at + 2] % 64;
        at += 3;
        k = k < size - at ? k : size - at;
        k = k < n - place ? k : n - place;
        memcpy(image + place, data + at, k);
        at += k;
    }
    parse(image, n, data[0] & 2 ? "DICTATE" : NULL);
    free(image);
    return 0;
}
