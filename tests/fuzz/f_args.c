/* Any command line: a verdict, a sentence when it is refused, no crash.  Words are separated by
 * zero bytes or newlines. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX_WORDS = 64 };
    char *argv[MAX_WORDS + 1], *buf = malloc(size + 1);
    struct args a;
    struct err e = {0};
    int argc = 1;
    char name[] = "dictate";
    if (!buf) {
        return 0;
    }
    memcpy(buf, data, size);
    buf[size] = 0;
    argv[0] = name;
    for (size_t i = 0; i < size && argc < MAX_WORDS;) {
        argv[argc++] = buf + i;
        while (i < size && buf[i] && buf[i] != '\n') {
            i++;
        }
        buf[i++] = 0;
    }
    argv[argc] = NULL;
    int rc = args_parse(&a, argc, argv, &e);
    assert(rc == 0 || (rc == -ERR_USAGE && e.code == ERR_USAGE && e.text[0]));
    if (!rc) {
        struct asr_params p = args_params(&a);
        assert(p.language >= -1 && a.columns >= 0 && a.columns <= 8 && a.n_pos >= 0);
        assert(a.pos >= argv && a.pos + a.n_pos <= argv + argc);
        for (int i = 0; i < a.n_pos; i++) {
            args_format_of(a.pos[i]);
        }
    }
    free(buf);
    return 0;
}
