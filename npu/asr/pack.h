/* Packed weights kept in a file, so that the next start need not widen, quantise and pack again.
 *
 * A pack is named by the content of the model file and by everything that decides what packing makes
 * of it; it is mapped, and believed only when its check sums are right.  It is written beside its
 * place and renamed, so nobody ever sees half of one.  Nothing here fails: what cannot be read or
 * written is as if there were no pack (the log says why).  Any thread; no state. */
#ifndef ASR_PACK_H
#define ASR_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "npu/rt/rt.h"

struct pack_id {
    uint64_t content; /* pack_hash of the model file */
    uint64_t layout;  /* of sizes, places, kinds, and of the program that packs */
};

/* Hash of `size` bytes at p, in pieces, by up to `threads` threads; the same for any number of them.
 * drop: p is a page-aligned map of a file, whose pages may leave memory again piece by piece. */
uint64_t pack_hash(const void *p, size_t size, int threads, int drop);

/* Identity of the running program (its build id), 0 when it has none. */
uint64_t pack_program(void);

/* A device buffer with the `size` bytes of pack `id` in folder dir, read-only.  1: *buf is it (free it
 * with npu_buf_free); 0: there is none that is whole and right. */
int pack_open(struct npu_rt *rt, const char *dir, const struct pack_id *id, size_t size, uint32_t *buf);

/* Writes a pack, makes the folder, and removes the packs that were used least lately when there are
 * more than PACK_KEEP.  1: it is there now. */
enum { PACK_KEEP = 8 };
int pack_save(const char *dir, const struct pack_id *id, const void *data, size_t size, int threads);

#endif
