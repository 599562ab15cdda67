/* SHA-1 of a file, for the published checksums of model files.  Not for secrets: it tells damage in
 * transfer from an intact file. */
#ifndef APP_SHA1_H
#define APP_SHA1_H

#include <stdbool.h>
#include <stddef.h>

#include "app/base/err.h"

/* Lower-case hexadecimal digits and a zero into hex[41]. */
void sha1_hex(const void *data, size_t size, char hex[41]);

/* The same for a file, mapped. -code with a sentence when it cannot be read. */
int sha1_file(const char *path, char hex[41], struct err *e);

#endif
