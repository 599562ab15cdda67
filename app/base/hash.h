/* A fast 64-bit check sum (xxHash's XXH64): finds damage and tells files apart; no defence against
 * somebody who builds a collision on purpose.  Pure; any thread. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hash of n bytes at p (any alignment; NULL when n is 0). */
uint64_t hash64(const void *p, size_t n, uint64_t seed);

#endif
