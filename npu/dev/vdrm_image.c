/* The xclbin of the virtual device: a small one, whole in every part that a driver reads.  Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu/dev/vdrm_in.h"

enum {
    SECTIONS = 3,
    XML_AT = 0x1c8 + SECTIONS * 40,
    XML_B = 1024,
    IP_AT = XML_AT + XML_B,
    IP_B = 8 + 80,
    PART_AT = IP_AT + IP_B,
    /* inside the partition's section */
    NAME_AT = 184,
    START_AT = 200,
    PDI_AT = 208,
    GROUP_AT = PDI_AT + 96,
    ID_AT = GROUP_AT + 96,
    IMAGE_AT = ID_AT + 8,
    IMAGE_B = 256,
    PART_B = IMAGE_AT + IMAGE_B,
    FILE_B = PART_AT + PART_B,
    KERNEL_ID = 0x901,
};

static void put(uint8_t *p, uint64_t v, int n)
{
    memcpy(p, &v, (size_t)n);
}

static void section(uint8_t *f, int i, uint32_t kind, uint64_t at, uint64_t n)
{
    uint8_t *h = f + 0x1c8 + 40 * (size_t)i;
    put(h, kind, 4);
    put(h + 0x18, at, 8);
    put(h + 0x20, n, 8);
}

static void array(uint8_t *p, uint32_t n, uint32_t at)
{
    put(p, n, 4);
    put(p + 4, at, 4);
}

static size_t xml(uint8_t *p)
{
    const int n =
        snprintf((char *)p, XML_B,
                 "<?xml version=\"1.0\"?>\n<project><platform><device><core>\n"
                 "<kernel name=\"DICTATE\" type=\"dpu\">\n"
                 "<extended-data functional=\"0\" dpu_kernel_id=\"0x%x\" subtype=\"1\"/>\n"
                 "<arg name=\"opcode\" id=\"0\" offset=\"0x00\" size=\"0x8\" type=\"uint64_t\"/>\n"
                 "<arg name=\"instr\" id=\"1\" offset=\"0x08\" size=\"0x8\" type=\"char *\"/>\n"
                 "<arg name=\"ninstr\" id=\"2\" offset=\"0x10\" size=\"0x4\" type=\"uint32_t\"/>\n"
                 "<arg name=\"bo0\" id=\"3\" offset=\"0x14\" size=\"0x8\" type=\"void*\"/>\n"
                 "</kernel>\n</core></device></platform></project>\n",
                 KERNEL_ID);
    return (size_t)n;
}

int vdrm_image(int generation, int columns, uint8_t **image, size_t *bytes, uint64_t *program)
{
    uint8_t *f = calloc(1, FILE_B);
    if (!f) {
        return -1;
    }
    memcpy(f, "xclbin2", 8);
    put(f + 8, UINT32_MAX, 4); /* not signed */
    put(f + 0x130, FILE_B, 8);
    put(f + 0x1a0, 0xd1c7a7e000000000u + (unsigned)generation, 8);
    put(f + 0x1c0, SECTIONS, 4);
    section(f, 0, 2, XML_AT, xml(f + XML_AT));
    section(f, 1, 8, IP_AT, IP_B);
    section(f, 2, 32, PART_AT, PART_B);
    put(f + IP_AT, 1, 4);
    put(f + IP_AT + 8, 7, 4); /* a DPU kernel */
    put(f + IP_AT + 12, 1, 4);
    put(f + IP_AT + 16, UINT64_MAX, 8);
    strcpy((char *)f + IP_AT + 24, "DICTATE:dictate");
    uint8_t *s = f + PART_AT, *pdi = s + IMAGE_AT;
    put(s + 4, NAME_AT, 4);
    put(s + 8, 2048, 4);
    put(s + 0x20, (uint64_t)columns, 2);
    array(s + 0x28, 1, START_AT);
    array(s + 0x78, 1, PDI_AT);
    put(s + 0x80, NAME_AT, 4);
    strcpy((char *)s + NAME_AT, "dictate");
    put(s + START_AT, generation == 3, 2);
    array(s + PDI_AT + 0x10, IMAGE_B, IMAGE_AT);
    array(s + PDI_AT + 0x18, 1, GROUP_AT);
    s[GROUP_AT + 4] = 1;
    array(s + GROUP_AT + 0x10, 1, ID_AT);
    put(s + ID_AT, KERNEL_ID, 8);
    put(pdi, 0xdd, 4);
    put(pdi + 4, 0x11223344, 4);
    snprintf((char *)pdi + 16, IMAGE_B - 16, "dictate command lists, generation %d", generation);
    *image = f;
    *bytes = FILE_B;
    *program = vdrm_hash(pdi, IMAGE_B);
    return 0;
}
