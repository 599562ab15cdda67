/* See xclbin.h.  Layout: section 5 of the reference.  Numbers are read byte-wise: nothing in a file
 * is where its alignment would have it.  Every offset is checked before it is used. */
#include "npu/dev/xclbin.h"

#include <stdlib.h>
#include <string.h>

#include "npu/dev/xclbin_in.h"

enum {
    HEADER_B = 0x1c8,
    SECTION_B = 40,
    MAX_SECTIONS = 64,
    KIND_XML = 2,
    KIND_IP = 8,
    KIND_PARTITION = 32,
    IP_B = 80,
    IP_PS_KERNEL = 7,
    IP_DPU = 1,
    PARTITION_B = 184,
    PDI_B = 96,
    GROUP_B = 96,
    CDO_PRIMARY = 1,
    MAX_LIST = 64, /* programs, groups, numbers: more would only cost time */
};
static const uint64_t MAX_PDI = UINT64_C(64) << 20; /* the heap's size */

struct bytes {
    const uint8_t *p;
    size_t n;
};

static uint64_t num(const uint8_t *p, int n)
{
    uint64_t v = 0;
    memcpy(&v, p, (size_t)n);
    return v;
}

static int bad(const char *what, struct err *e)
{
    return err_set(e, ERR_NPU, "xclbin: %s; the file is damaged or not for this NPU", what);
}

/* An array_offset {count, offset} at byte `at` of a section: its elements, NULL when outside. */
static const uint8_t *array(struct bytes s, size_t at, size_t elem, uint32_t *count)
{
    const uint64_t n = num(s.p + at, 4), off = num(s.p + at + 4, 4);
    *count = (uint32_t)n;
    return off <= s.n && n * elem <= s.n - off ? s.p + off : NULL;
}

/* -- sections ---------------------------------------------------------------------------------- */

struct sections {
    struct bytes xml, ip, partition;
};

static int find_sections(struct bytes f, struct sections *out, struct err *e)
{
    const uint64_t length = num(f.p + 0x130, 8), n = num(f.p + 0x1c0, 4);
    memset(out, 0, sizeof *out);
    if (length < HEADER_B || length > f.n) {
        return bad("it is shorter than its header says", e);
    }
    if (n > MAX_SECTIONS || HEADER_B + n * SECTION_B > length) {
        return bad("it says it has more sections than fit", e);
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *h = f.p + HEADER_B + i * SECTION_B;
        const uint64_t off = num(h + 0x18, 8), size = num(h + 0x20, 8);
        const uint64_t kind = num(h, 4);
        if (off == 0 && size == 0) {
            continue;
        }
        if (off < HEADER_B + n * SECTION_B || off > length || size > length - off) {
            return bad("a section lies outside the file", e);
        }
        struct bytes *to = kind == KIND_XML         ? &out->xml
                           : kind == KIND_IP        ? &out->ip
                           : kind == KIND_PARTITION ? &out->partition
                                                    : NULL;
        if (to && !to->p) { /* of two of a kind the first counts */
            *to = (struct bytes){f.p + off, (size_t)size};
        }
    }
    return 0;
}

/* -- units ------------------------------------------------------------------------------------- */

static int read_units(struct bytes s, struct xclbin *x, struct err *e)
{
    if (s.n < 8) {
        return bad("it has no compute units", e);
    }
    const uint64_t count = num(s.p, 4);
    if (count > INT32_MAX || 8 + count * IP_B > s.n) {
        return bad("its list of units is longer than its section", e);
    }
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *ip = s.p + 8 + i * IP_B;
        const uint64_t props = num(ip + 4, 4);
        if (num(ip, 4) != IP_PS_KERNEL || (props & 3) != IP_DPU) {
            continue;
        }
        if (x->n_cus == XCLBIN_MAX_CUS) {
            return bad("it has more than 32 compute units", e);
        }
        struct xclbin_cu *cu = &x->cu[x->n_cus++];
        const size_t n = strnlen((const char *)ip + 16, 64);
        memcpy(cu->name, ip + 16, n);
        cu->name[n] = 0;
        cu->func = (uint8_t)(props >> 4 & 3);
    }
    return x->n_cus ? 0 : bad("it has no compute units", e);
}

static int choose_unit(struct xclbin *x, const char *kernel, struct err *e)
{
    for (x->chosen = 0; x->chosen < x->n_cus; x->chosen++) {
        const char *name = x->cu[x->chosen].name;
        const size_t n = strcspn(name, ":");
        if (!kernel || (strlen(kernel) == n && memcmp(name, kernel, n) == 0)) {
            return 0;
        }
    }
    return err_set(e, ERR_NPU, "xclbin: it has no kernel named %.40s (its first is %.64s)", kernel,
                   x->cu[0].name);
}

/* -- partition --------------------------------------------------------------------------------- */

static int check_string(struct bytes s, size_t at, struct err *e)
{
    const uint64_t off = num(s.p + at, 4);
    return off < s.n && memchr(s.p + off, 0, s.n - (size_t)off)
               ? 0
               : bad("a name lies outside its section", e);
}

/* Does this PDI serve kernel `id`?  2: as its primary, 1: otherwise, 0: no, -1: damaged. */
static int serves(struct bytes s, const uint8_t *pdi, uint64_t id)
{
    uint32_t groups, ids;
    const uint8_t *g = array(s, (size_t)(pdi - s.p) + 0x18, GROUP_B, &groups);
    int best = 0;
    if (!g || groups > MAX_LIST) {
        return -1;
    }
    for (uint32_t i = 0; i < groups; i++, g += GROUP_B) {
        const uint8_t *k = array(s, (size_t)(g - s.p) + 0x10, 8, &ids);
        if (!k || ids > MAX_LIST) {
            return -1;
        }
        for (uint32_t j = 0; j < ids; j++) {
            if (num(k + 8 * (size_t)j, 8) == id) {
                const int rank = g[4] == CDO_PRIMARY ? 2 : 1;
                best = rank > best ? rank : best;
            }
        }
    }
    return best;
}

static int choose_pdi(struct bytes s, struct xclbin *x, struct err *e)
{
    uint32_t n;
    const uint8_t *pdi = array(s, 0x78, PDI_B, &n), *chosen = NULL;
    int best = 0;
    if (!pdi || n == 0 || n > MAX_LIST) {
        return bad("it holds no program for the columns", e);
    }
    for (uint32_t i = 0; i < n; i++, pdi += PDI_B) {
        uint32_t len;
        const uint8_t *image = array(s, (size_t)(pdi - s.p) + 0x10, 1, &len);
        const int rank = serves(s, pdi, x->kernel_id);
        if (!image || len < 16 || len > MAX_PDI || rank < 0) {
            return bad("a program in it is cut short or too large", e);
        }
        /* without a number in the text, a single program needs no choice */
        if (rank > best || (n == 1 && x->kernel_id == 0)) {
            best = rank;
            chosen = image;
            x->pdi_b = len;
        }
    }
    x->pdi = chosen;
    x->odd_pdi = chosen && (num(chosen, 4) != 0xdd || num(chosen + 4, 4) != 0x11223344);
    return chosen ? 0 : bad("none of its programs belongs to the kernel", e);
}

static int read_partition(struct bytes s, struct xclbin *x, struct err *e)
{
    uint32_t n;
    if (s.n < PARTITION_B) {
        return bad("it describes no partition of columns", e);
    }
    if (check_string(s, 4, e) || check_string(s, 0x80, e)) {
        return -ERR_NPU;
    }
    x->ops_per_cycle = (uint32_t)num(s.p + 8, 4);
    x->columns = (int)num(s.p + 0x20, 2);
    if (x->columns < 1 || x->columns > 8) {
        return err_set(e, ERR_NPU, "xclbin: a partition of %d columns; 1 to 8 are possible",
                       x->columns);
    }
    const uint8_t *start = array(s, 0x28, 2, &n);
    if (!start) {
        return bad("its start columns lie outside their section", e);
    }
    for (uint32_t i = 0; i < n && i < XCLBIN_MAX_STARTS; i++) {
        x->start[x->n_starts++] = (uint16_t)num(start + 2 * (size_t)i, 2);
    }
    return choose_pdi(s, x, e);
}

int xclbin_parse(const void *file, size_t bytes, const char *kernel, struct xclbin *x,
                 struct err *e)
{
    const struct bytes f = {file, bytes};
    struct sections s;
    struct xclbin_kernel k = {0};
    memset(x, 0, sizeof *x);
    if (bytes < HEADER_B || memcmp(f.p, "xclbin2", 8) != 0) {
        return err_set(e, ERR_NPU, "not an xclbin file (%zu bytes)", bytes);
    }
    memcpy(x->uuid, f.p + 0x1a0, sizeof x->uuid);
    int rc = find_sections(f, &s, e);
    if (!rc) {
        rc = read_units(s.ip, x, e);
    }
    if (!rc) {
        rc = choose_unit(x, kernel, e);
    }
    if (!rc && s.xml.p) {
        const char *name = x->cu[x->chosen].name;
        rc = xclbin_xml((const char *)s.xml.p, s.xml.n, name, strcspn(name, ":"), &k, e);
    }
    if (rc) {
        return rc;
    }
    x->kernel_id = k.id;
    x->n_args = k.n_args;
    memcpy(x->arg, k.arg, sizeof x->arg);
    return read_partition(s.partition, x, e);
}
