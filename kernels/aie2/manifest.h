/* The manifest beside the device programs: which device they are for, what they hash to, which
 * shapes they have.  Lines of words separated by tabs, at most 64 KB:
 *
 *   dictate-aie2  1                                   first line: kind and version
 *   device   npu1|npu2  columns                       what it was built for
 *   tools    text                                     versions, for people
 *   sources  hash                                     of kernels/aie2
 *   program  name  file  hash  bytes                  an overlay (xclbin)
 *   shape    program  file  hash  bytes  arguments    an instruction stream
 *   known    program  M  K  N  seed  hash             the answer that must come back at start
 *
 * A hash is FNV-1a, 64 bits, 16 hex digits: it finds stale and damaged files, it is no signature.
 * Both families load each other's programs and return zeros without an error, so the device name is
 * compared before anything is loaded, and the known answer after.  Pure; allocates nothing. */
#ifndef KERNELS_AIE2_MANIFEST_H
#define KERNELS_AIE2_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

enum { K_AIE_NAME = 48, K_AIE_ARGS = 128, K_AIE_PROGRAMS = 16, K_AIE_SHAPES = 128 };
enum { K_AIE_MAX_BYTES = 65536 };

struct k_aie_file {
    char program[K_AIE_NAME], file[K_AIE_NAME];
    uint64_t hash;
    uint32_t bytes;
    char args[K_AIE_ARGS]; /* of a shape, as the design was called */
};

struct k_aie_manifest {
    char device[8];
    int columns;
    char tools[K_AIE_ARGS];
    uint64_t sources;
    int n_programs, n_shapes;
    struct k_aie_file program[K_AIE_PROGRAMS], shape[K_AIE_SHAPES];
    struct {
        char program[K_AIE_NAME]; /* "": there is none */
        uint32_t m, k, n;
        uint64_t seed, hash;
    } known;
};

/* 0, or -1 with one sentence in `why`.  File names hold no slash; every shape names a program. */
int k_aie_manifest_parse(struct k_aie_manifest *m, const char *text, size_t size, char *why,
                         size_t cap);
/* Is it for this device and at most so many columns?  0, or -1 with the sentence. */
int k_aie_manifest_fits(const struct k_aie_manifest *m, const char *device, int columns, char *why,
                        size_t cap);

uint64_t k_aie_hash(const void *data, size_t size);

/* Operands of the known answer: a[m * k] then b[k * n], row by row, -127..127. */
void k_aie_known_fill(int8_t *v, size_t count, uint64_t *state);
/* Hash of the int32 product of those operands (row-major, little-endian); row: n values of scratch.
 */
uint64_t k_aie_known_hash(const int8_t *a, const int8_t *b, uint32_t m, uint32_t k, uint32_t n,
                          int32_t *row);

#endif
