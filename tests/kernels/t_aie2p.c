/* The same tests against the device sources compiled for the second family (npu2 of the toolchain).
 */
#include "tests/kernels/t_aie2.c"
