/* The ioctl interface of amdxdna on /dev/accel, declared here from its layout: many systems lack
 * the kernel's header.  Little endian, x86-64.  No code, no state.
 *
 * Every size and offset is asserted below; the driver (xdna*.c) and the virtual device (vdrm*.c)
 * share nothing but this file.  All padding and extension fields must be zero. */
#ifndef NPU_DEV_ABI_H
#define NPU_DEV_ABI_H

#include <stddef.h>
#include <stdint.h>

/* -- codes: direction (bits 31:30), size (29:16), type 'd' (15:8), number (7:0) ---------------- */

#define XDNA_CODE_WR(nr, size) (UINT32_C(0xC0000000) | (uint32_t)(size) << 16 | 0x6400 | (nr))
#define XDNA_CODE_W(nr, size) (UINT32_C(0x40000000) | (uint32_t)(size) << 16 | 0x6400 | (nr))
#define XDNA_CODE_NR(code) ((code)&0xff)
#define XDNA_CODE_TYPE(code) ((code) >> 8 & 0xff)
#define XDNA_CODE_SIZE(code) ((code) >> 16 & 0x3fff)

enum { XDNA_DRIVER_BASE = 0x40, XDNA_DRIVER_END = 0xa0 }; /* numbers that belong to the driver */

#define XDNA_CREATE_CTX UINT32_C(0xC0386440)
#define XDNA_DESTROY_CTX UINT32_C(0xC0086441)
#define XDNA_CONFIG_CTX UINT32_C(0xC0186442)
#define XDNA_CREATE_BO UINT32_C(0xC0206443)
#define XDNA_BO_INFO UINT32_C(0xC0306444)
#define XDNA_SYNC_BO UINT32_C(0xC0186445)
#define XDNA_EXEC UINT32_C(0xC0386446)
#define XDNA_GET_INFO UINT32_C(0xC0106447)
#define XDNA_SET_STATE UINT32_C(0xC0106448)
#define XDNA_WAIT_CMD UINT32_C(0x40106449)
#define XDNA_GET_ARRAY UINT32_C(0xC018644A)

/* Of the DRM core. */
#define XDNA_DRM_VERSION UINT32_C(0xC0406400)
#define XDNA_DRM_GEM_CLOSE UINT32_C(0x40086409)
#define XDNA_DRM_GET_CAP UINT32_C(0xC010640C)
#define XDNA_DRM_PRIME_TO_FD UINT32_C(0xC00C642D)
#define XDNA_DRM_SYNCOBJ_CREATE UINT32_C(0xC00864BF)
#define XDNA_DRM_SYNCOBJ_DESTROY UINT32_C(0xC00864C0)
#define XDNA_DRM_TIMELINE_WAIT UINT32_C(0xC02864CA)
#define XDNA_DRM_SYNCOBJ_QUERY UINT32_C(0xC01864CB)
#define XDNA_DRM_TIMELINE_SIGNAL UINT32_C(0xC01864CD)

/* -- constants --------------------------------------------------------------------------------- */

#define XDNA_NO_ADDR UINT64_MAX
#define XDNA_NO_DOORBELL UINT32_MAX
#define XDNA_HEAP_BASE UINT64_C(0x04000000) /* device address of the heap's first byte */
#define XDNA_HEAP_B UINT64_C(0x04000000)    /* 64 MiB: the heap's unit, size and alignment */
#define XDNA_HEAP_ALIGN UINT64_C(0x8000)    /* of DEV buffers in the heap */
#define XDNA_DRIVER_NAME "amdxdna_accel_driver"

enum {
    XDNA_PAGE = 4096,
    XDNA_MAX_ARGS = 4095,
    XDNA_MAX_CUS = 32,
    XDNA_MAX_IN_FLIGHT = 4, /* commands of one context; one more blocks */
    XDNA_CHAIN_B = 4096,    /* the kernel repacks a chain into one such buffer */
    XDNA_PRIORITY_NORMAL = 0x200,
};

enum xdna_bo_type { XDNA_BO_SHARE = 1, XDNA_BO_HEAP, XDNA_BO_DEV, XDNA_BO_CMD };
enum xdna_sync_dir { XDNA_TO_DEVICE, XDNA_FROM_DEVICE };
enum xdna_config { XDNA_CONFIG_CU, XDNA_ASSIGN_DEBUG, XDNA_REMOVE_DEBUG };
enum xdna_info_param {
    XDNA_INFO_STATUS,
    XDNA_INFO_METADATA,
    XDNA_INFO_AIE_VERSION,
    XDNA_INFO_CLOCKS,
    XDNA_INFO_SENSORS,
    XDNA_INFO_CONTEXTS,
    XDNA_INFO_FIRMWARE = 8,
    XDNA_INFO_POWER_MODE,
    XDNA_INFO_TELEMETRY,
    XDNA_INFO_PREEMPT,
    XDNA_INFO_RESOURCES,
};
enum xdna_array_param { XDNA_ARRAY_CONTEXTS, XDNA_ARRAY_CONTEXT, XDNA_ARRAY_LAST_ERROR };
enum xdna_wait_flag { XDNA_WAIT_ALL = 1, XDNA_WAIT_FOR_SUBMIT = 2 };

/* -- the driver's structs ---------------------------------------------------------------------- */

struct xdna_create_ctx {
    uint64_t ext, ext_flags;
    uint64_t qos; /* pointer to struct xdna_qos, never NULL */
    uint32_t umq_bo, log_bo;
    uint32_t max_opc, num_tiles, mem_size;
    uint32_t doorbell; /* out */
    uint32_t handle;   /* out */
    uint32_t syncobj;  /* out: a timeline, the caller's to destroy */
};
/* In-tree drivers copy 24 bytes, the legacy one 32: always hand over all of it, zeroed. */
struct xdna_qos {
    uint32_t gops, fps, dma_bandwidth, latency_ms, frame_exec_time, priority;
    uint32_t user_start_col, reserved;
};
struct xdna_destroy_ctx {
    uint32_t handle, pad;
};
struct xdna_config_ctx {
    uint32_t handle, param;
    uint64_t value; /* pointer or number */
    uint32_t size, pad;
};
struct xdna_cu {
    uint32_t bo;
    uint8_t func, pad[3];
};
struct xdna_cu_list { /* then n times struct xdna_cu */
    uint16_t n, pad[3];
};
struct xdna_create_bo {
    uint64_t flags, vaddr, size;
    uint32_t type, handle;
};
struct xdna_bo_info {
    uint64_t ext, ext_flags;
    uint32_t handle, pad;
    uint64_t map_offset, vaddr, xdna_addr; /* out */
};
struct xdna_sync_bo {
    uint32_t handle, direction;
    uint64_t offset, size;
};
struct xdna_exec {
    uint64_t ext, ext_flags;
    uint32_t ctx, type;
    uint64_t cmds; /* the handle itself: count is 1 */
    uint64_t args; /* pointer to u32 handles */
    uint32_t cmd_count, arg_count;
    uint64_t seq; /* out */
};
struct xdna_get_info {
    uint32_t param, size;
    uint64_t buffer;
};
struct xdna_wait_cmd {
    uint32_t ctx, timeout_ms;
    uint64_t seq;
};
struct xdna_get_array {
    uint32_t param, element_b, n, pad;
    uint64_t buffer;
};

/* -- what GET_INFO and GET_ARRAY fill ---------------------------------------------------------- */

struct xdna_rows {
    uint16_t count, start, dma_channels, locks, events, pad[3];
};
struct xdna_metadata {
    uint32_t col_b;
    uint16_t cols, rows;
    uint32_t major, minor;
    struct xdna_rows core, mem, shim;
};
struct xdna_clock {
    char name[16];
    uint32_t mhz, pad;
};
struct xdna_clocks {
    struct xdna_clock mp, h;
};
struct xdna_sensor {
    char label[64];
    uint32_t input, max, average, highest;
    char status[64], units[16];
    int8_t unitm; /* power of ten that input is in */
    uint8_t type; /* 0 power, 1 column utilisation, 2 temperature */
    uint8_t pad[6];
};
struct xdna_ctx_info {
    uint32_t id, start_col, cols, pad;
    int64_t pid;
    uint64_t submissions, completions, migrations, preemptions, errors;
};
struct xdna_firmware {
    uint32_t major, minor, patch, build;
};
struct xdna_resources {
    uint64_t clock_max, tops_max, tasks_max, tops_now, tasks_now;
};
struct xdna_ctx_entry {
    uint32_t id, start_col, cols, ctx;
    int64_t pid;
    uint64_t submissions, completions, migrations, preemptions;
    uint64_t errors, priority, heap_b, suspensions;
    uint32_t state, pasid, gops, fps, dma_bandwidth, latency, frame_exec_time;
    uint32_t txn_op, pc, fatal_type, exception, exception_pc, app_module, pad;
    char name[16]; /* newer kernels */
};
struct xdna_async_error {
    uint64_t code, ts_us, extra;
};

/* -- the DRM core's structs -------------------------------------------------------------------- */

struct xdna_drm_version {
    int32_t major, minor, patch, pad;
    uint64_t name_n, name; /* strings without a final zero; ask twice */
    uint64_t date_n, date;
    uint64_t desc_n, desc;
};
struct xdna_drm_handle { /* GEM_CLOSE, SYNCOBJ_CREATE (second word: flags), SYNCOBJ_DESTROY */
    uint32_t handle, pad;
};
struct xdna_drm_cap {
    uint64_t cap, value;
};
struct xdna_drm_prime {
    uint32_t handle, flags;
    int32_t fd;
};
struct xdna_timeline_wait {
    uint64_t handles, points; /* pointers */
    int64_t deadline_ns;      /* CLOCK_MONOTONIC, absolute */
    uint32_t n, flags, first, pad;
};
struct xdna_timeline {
    uint64_t handles, points; /* pointers */
    uint32_t n, flags;
};

/* -- command packets --------------------------------------------------------------------------- */

enum xdna_state {
    XDNA_NEW = 1, /* after the fence: the kernel refused the packet */
    XDNA_COMPLETED = 4,
    XDNA_ERROR = 5,
    XDNA_ABORT = 6,
    XDNA_TIMEOUT = 8,
};
enum xdna_opcode { XDNA_START_CU = 0, XDNA_CHAIN = 19, XDNA_START_NPU = 20 };

/* Header word: state 3:0, extra masks 11:10, count of words after it 22:12, opcode 27:23. */
static inline uint32_t xdna_header(int opcode, uint32_t words)
{
    return XDNA_NEW | words << 12 | (uint32_t)opcode << 23;
}
static inline int xdna_header_state(uint32_t h)
{
    return (int)(h & 15);
}
static inline uint32_t xdna_header_masks(uint32_t h)
{
    return 1 + (h >> 10 & 3);
}
static inline uint32_t xdna_header_words(uint32_t h)
{
    return h >> 12 & 0x7ff;
}
static inline int xdna_header_opcode(uint32_t h)
{
    return (int)(h >> 23 & 31);
}

/* Registers of a START_CU that runs an instruction stream, in words after the unit mask. */
enum {
    XDNA_REG_OPCODE = 0, /* u64: 3 */
    XDNA_REG_STREAM = 2, /* u64: device address */
    XDNA_REG_WORDS = 4,  /* u32: 32-bit words of the stream */
    XDNA_REG_BO = 5,     /* u64 each, not aligned */
    XDNA_RUN_STREAM = 3, /* the opcode */
    XDNA_MAX_REG_BOS = 6,
};
/* START_NPU after the mask: u64 stream, u32 bytes, u32 properties (0), then argument words. */
enum { XDNA_NPU_STREAM = 0, XDNA_NPU_BYTES = 2, XDNA_NPU_PROPS = 3, XDNA_NPU_ARGS = 4 };

/* Then n handles of 64 bits, which are not aligned: the packet's header is one word. */
struct xdna_chain {
    uint32_t n, submit_index, error_index, reserved[3];
};
/* Left in the payload by newer firmware when a command ran into the watchdog. */
struct xdna_health {
    uint32_t version, generation, txn_op, pc, fatal_type, exception, exception_pc, app_module;
};
/* What the kernel needs of its 4 KiB for one START_CU of so many register words. */
static inline uint32_t xdna_chain_slot(uint32_t words, int old)
{
    return (old ? 8 : 52) + 4 * words;
}

/* -- checks ------------------------------------------------------------------------------------ */

#define XDNA_SIZE(type, n) _Static_assert(sizeof(struct type) == (n), #type)
#define XDNA_AT(type, field, n)                                                                    \
    _Static_assert(offsetof(struct type, field) == (n), #type "." #field)
#define XDNA_IS(code, wr, nr, type)                                                                \
    _Static_assert((code) == XDNA_CODE_##wr(nr, sizeof(struct type)), #code)

XDNA_IS(XDNA_CREATE_CTX, WR, 0x40, xdna_create_ctx);
XDNA_IS(XDNA_DESTROY_CTX, WR, 0x41, xdna_destroy_ctx);
XDNA_IS(XDNA_CONFIG_CTX, WR, 0x42, xdna_config_ctx);
XDNA_IS(XDNA_CREATE_BO, WR, 0x43, xdna_create_bo);
XDNA_IS(XDNA_BO_INFO, WR, 0x44, xdna_bo_info);
XDNA_IS(XDNA_SYNC_BO, WR, 0x45, xdna_sync_bo);
XDNA_IS(XDNA_EXEC, WR, 0x46, xdna_exec);
XDNA_IS(XDNA_GET_INFO, WR, 0x47, xdna_get_info);
XDNA_IS(XDNA_SET_STATE, WR, 0x48, xdna_get_info);
XDNA_IS(XDNA_WAIT_CMD, W, 0x49, xdna_wait_cmd);
XDNA_IS(XDNA_GET_ARRAY, WR, 0x4a, xdna_get_array);
XDNA_IS(XDNA_DRM_VERSION, WR, 0x00, xdna_drm_version);
XDNA_IS(XDNA_DRM_GEM_CLOSE, W, 0x09, xdna_drm_handle);
XDNA_IS(XDNA_DRM_GET_CAP, WR, 0x0c, xdna_drm_cap);
XDNA_IS(XDNA_DRM_PRIME_TO_FD, WR, 0x2d, xdna_drm_prime);
XDNA_IS(XDNA_DRM_SYNCOBJ_CREATE, WR, 0xbf, xdna_drm_handle);
XDNA_IS(XDNA_DRM_SYNCOBJ_DESTROY, WR, 0xc0, xdna_drm_handle);
XDNA_IS(XDNA_DRM_TIMELINE_WAIT, WR, 0xca, xdna_timeline_wait);
XDNA_IS(XDNA_DRM_SYNCOBJ_QUERY, WR, 0xcb, xdna_timeline);
XDNA_IS(XDNA_DRM_TIMELINE_SIGNAL, WR, 0xcd, xdna_timeline);

XDNA_SIZE(xdna_create_ctx, 56);
XDNA_AT(xdna_create_ctx, qos, 16);
XDNA_AT(xdna_create_ctx, umq_bo, 24);
XDNA_AT(xdna_create_ctx, log_bo, 28);
XDNA_AT(xdna_create_ctx, max_opc, 32);
XDNA_AT(xdna_create_ctx, num_tiles, 36);
XDNA_AT(xdna_create_ctx, mem_size, 40);
XDNA_AT(xdna_create_ctx, doorbell, 44);
XDNA_AT(xdna_create_ctx, handle, 48);
XDNA_AT(xdna_create_ctx, syncobj, 52);
XDNA_SIZE(xdna_qos, 32);
XDNA_AT(xdna_qos, fps, 4);
XDNA_AT(xdna_qos, dma_bandwidth, 8);
XDNA_AT(xdna_qos, latency_ms, 12);
XDNA_AT(xdna_qos, frame_exec_time, 16);
XDNA_AT(xdna_qos, priority, 20);
XDNA_AT(xdna_qos, user_start_col, 24);
XDNA_SIZE(xdna_destroy_ctx, 8);
XDNA_SIZE(xdna_config_ctx, 24);
XDNA_AT(xdna_config_ctx, value, 8);
XDNA_AT(xdna_config_ctx, size, 16);
XDNA_AT(xdna_config_ctx, pad, 20);
XDNA_SIZE(xdna_cu, 8);
XDNA_AT(xdna_cu, func, 4);
XDNA_SIZE(xdna_cu_list, 8);
XDNA_AT(xdna_cu_list, pad, 2);
XDNA_SIZE(xdna_create_bo, 32);
XDNA_AT(xdna_create_bo, vaddr, 8);
XDNA_AT(xdna_create_bo, size, 16);
XDNA_AT(xdna_create_bo, type, 24);
XDNA_AT(xdna_create_bo, handle, 28);
XDNA_SIZE(xdna_bo_info, 48);
XDNA_AT(xdna_bo_info, handle, 16);
XDNA_AT(xdna_bo_info, pad, 20);
XDNA_AT(xdna_bo_info, map_offset, 24);
XDNA_AT(xdna_bo_info, vaddr, 32);
XDNA_AT(xdna_bo_info, xdna_addr, 40);
XDNA_SIZE(xdna_sync_bo, 24);
XDNA_AT(xdna_sync_bo, direction, 4);
XDNA_AT(xdna_sync_bo, offset, 8);
XDNA_AT(xdna_sync_bo, size, 16);
XDNA_SIZE(xdna_exec, 56);
XDNA_AT(xdna_exec, ctx, 16);
XDNA_AT(xdna_exec, type, 20);
XDNA_AT(xdna_exec, cmds, 24);
XDNA_AT(xdna_exec, args, 32);
XDNA_AT(xdna_exec, cmd_count, 40);
XDNA_AT(xdna_exec, arg_count, 44);
XDNA_AT(xdna_exec, seq, 48);
XDNA_SIZE(xdna_get_info, 16);
XDNA_AT(xdna_get_info, size, 4);
XDNA_AT(xdna_get_info, buffer, 8);
XDNA_SIZE(xdna_wait_cmd, 16);
XDNA_AT(xdna_wait_cmd, timeout_ms, 4);
XDNA_AT(xdna_wait_cmd, seq, 8);
XDNA_SIZE(xdna_get_array, 24);
XDNA_AT(xdna_get_array, element_b, 4);
XDNA_AT(xdna_get_array, n, 8);
XDNA_AT(xdna_get_array, pad, 12);
XDNA_AT(xdna_get_array, buffer, 16);
XDNA_SIZE(xdna_rows, 16);
XDNA_SIZE(xdna_metadata, 64);
XDNA_AT(xdna_metadata, cols, 4);
XDNA_AT(xdna_metadata, rows, 6);
XDNA_AT(xdna_metadata, major, 8);
XDNA_AT(xdna_metadata, core, 16);
XDNA_AT(xdna_metadata, mem, 32);
XDNA_AT(xdna_metadata, shim, 48);
XDNA_SIZE(xdna_clock, 24);
XDNA_SIZE(xdna_clocks, 48);
XDNA_SIZE(xdna_sensor, 168);
XDNA_AT(xdna_sensor, input, 64);
XDNA_AT(xdna_sensor, max, 68);
XDNA_AT(xdna_sensor, average, 72);
XDNA_AT(xdna_sensor, highest, 76);
XDNA_AT(xdna_sensor, status, 80);
XDNA_AT(xdna_sensor, units, 144);
XDNA_AT(xdna_sensor, unitm, 160);
XDNA_AT(xdna_sensor, type, 161);
XDNA_SIZE(xdna_ctx_info, 64);
XDNA_AT(xdna_ctx_info, pid, 16);
XDNA_AT(xdna_ctx_info, submissions, 24);
XDNA_AT(xdna_ctx_info, errors, 56);
XDNA_SIZE(xdna_firmware, 16);
XDNA_SIZE(xdna_resources, 40);
XDNA_SIZE(xdna_ctx_entry, 160);
XDNA_AT(xdna_ctx_entry, ctx, 12);
XDNA_AT(xdna_ctx_entry, pid, 16);
XDNA_AT(xdna_ctx_entry, submissions, 24);
XDNA_AT(xdna_ctx_entry, completions, 32);
XDNA_AT(xdna_ctx_entry, errors, 56);
XDNA_AT(xdna_ctx_entry, priority, 64);
XDNA_AT(xdna_ctx_entry, heap_b, 72);
XDNA_AT(xdna_ctx_entry, suspensions, 80);
XDNA_AT(xdna_ctx_entry, state, 88);
XDNA_AT(xdna_ctx_entry, pasid, 92);
XDNA_AT(xdna_ctx_entry, gops, 96);
XDNA_AT(xdna_ctx_entry, frame_exec_time, 112);
XDNA_AT(xdna_ctx_entry, txn_op, 116);
XDNA_AT(xdna_ctx_entry, pc, 120);
XDNA_AT(xdna_ctx_entry, fatal_type, 124);
XDNA_AT(xdna_ctx_entry, app_module, 136);
XDNA_AT(xdna_ctx_entry, name, 144);
XDNA_SIZE(xdna_async_error, 24);
XDNA_SIZE(xdna_drm_version, 64);
XDNA_AT(xdna_drm_version, name_n, 16);
XDNA_SIZE(xdna_drm_handle, 8);
XDNA_SIZE(xdna_drm_prime, 12);
XDNA_SIZE(xdna_timeline_wait, 40);
XDNA_AT(xdna_timeline_wait, deadline_ns, 16);
XDNA_AT(xdna_timeline_wait, n, 24);
XDNA_AT(xdna_timeline_wait, flags, 28);
XDNA_AT(xdna_timeline_wait, first, 32);
XDNA_SIZE(xdna_timeline, 24);
XDNA_SIZE(xdna_chain, 24);
XDNA_AT(xdna_chain, error_index, 8);
XDNA_SIZE(xdna_health, 32);

#endif
