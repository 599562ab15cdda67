/* Fuzzes the normalisation and the edit distance: any bytes give UTF-8 without double spaces, and
 * the distance keeps its bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/text/normalise.h"
#include "app/text/wer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2000) {
        return 0;
    }
    size_t half = size / 2;
    char *a = text_normalise((const char *)data, half);
    char *b = text_normalise((const char *)data + half, size - half);
    struct text_errors w, c;
    assert(a && b && !strstr(a, "  ") && !strstr(b, "  "));
    assert(text_wer(a, b, &w) == 0 && text_cer(a, b, &c) == 0);
    assert(w.sub + w.del <= w.n && c.sub + c.del <= c.n);
    assert(strcmp(a, b) || (text_errors_count(&w) == 0 && text_errors_count(&c) == 0));
    free(a);
    free(b);
    return 0;
}
