/* The model files that whisper.cpp publishes, with their published SHA-1 (its models/README.md and
 * the README of the hub they lie on). */
#ifndef APP_MODELS_KNOWN_H
#define APP_MODELS_KNOWN_H

struct models_known {
    const char *name, *size, *sha1;
};

extern const struct models_known models_known[];
extern const int models_n_known;

/* NULL when the name is not published, or its checksum is not known to us. */
const struct models_known *models_known_find(const char *name);

/* Fetches ggml-NAME.bin into the user's data folder: with curl or wget as a child process, resuming
 * what an earlier try left, checked before it takes its name.  quiet: no progress.
 * -ERR_FAIL when it cannot be fetched, -ERR_MODEL when what came is not right, -ERR_DISK. */
struct err;
int models_get(const char *name, int quiet, struct err *e);

#endif
