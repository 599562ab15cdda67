/* See sha1.h.  FIPS 180-4, straight from the definition; some 500 MB/s.  Any thread. */
#include "app/sha1.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "app/base/file.h"

static uint32_t rol(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    }
    for (int i = 16; i < 80; i++) {
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (b & c) | (~b & d)
                     : i < 40 ? b ^ c ^ d
                     : i < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        static const uint32_t k[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
        uint32_t t = rol(a, 5) + f + e + k[i / 20] + w[i];
        e = d;
        d = c;
        c = rol(b, 30);
        b = a;
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1_hex(const void *data, size_t size, char hex[41])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    const uint8_t *p = data;
    uint8_t last[128] = {0};
    size_t n = size / 64 * 64, rest = size - n, end = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < n; i += 64) {
        block(h, p + i);
    }
    if (rest) {
        memcpy(last, p + n, rest);
    }
    last[rest] = 0x80;
    for (int i = 0; i < 8; i++) {
        last[end - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> 8 * i);
    }
    for (size_t i = 0; i < end; i += 64) {
        block(h, last + i);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)h[i]);
    }
}

int sha1_file(const char *path, char hex[41], struct err *e)
{
    struct file_map m;
    int rc = file_map_open(&m, path, SIZE_MAX, ERR_MODEL, e);
    if (!rc) {
        sha1_hex(m.data, m.size, hex);
        file_unmap(&m);
    }
    return rc;
}
