# Device programs for a real NPU.  Included by the Makefile; uses its $(O), $(Q), $(say), $(OPT.*).
#
# 1. Host emulation: the device sources with g++ under emul/aie_api/aie.hpp, for the tests, once for
#    each family.  2. `make xclbin DEV=npu1|npu2`: the real thing, where the toolchain is installed.
AIE2_SRC   := mm_i8 mm_bf16 norm_q softmax gelu emul/emul
AIE2_HEAD  := $(wildcard kernels/aie2/*.hpp kernels/aie2/emul/*.h kernels/aie2/emul/aie_api/*.hpp)
AIE2_CXX   ?= g++
# No contraction: a product and a sum are two roundings unless the source says mac.  Nothing of this
# is linked into a fuzzer.
AIE2_SAN   := $(filter -fsanitize=% -fno-sanitize%,$(OPT.$(filter-out fuzz,$(VARIANT))))
AIE2_FLAGS := -std=c++20 -O2 -g -Wall -Wextra -Wshadow -Wno-psabi -fno-exceptions -fno-rtti \
              -fno-strict-aliasing -ffp-contract=off $(WERROR) \
              $(AIE2_SAN) -Ikernels/aie2/emul -Ikernels/aie2
AIE2_NPU1  := $(AIE2_SRC:%=$(O)/kernels/aie2/npu1/%.o)
AIE2_NPU2  := $(AIE2_SRC:%=$(O)/kernels/aie2/npu2/%.o)

$(AIE2_NPU1): $(O)/kernels/aie2/npu1/%.o: kernels/aie2/%.cc $(AIE2_HEAD) $(O)/flags
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(AIE2_CXX) $(AIE2_FLAGS) -c $< -o $@
$(AIE2_NPU2): $(O)/kernels/aie2/npu2/%.o: kernels/aie2/%.cc $(AIE2_HEAD) $(O)/flags
	@mkdir -p $(@D)
	$(call say,CXX,'$< (npu2)')
	$(Q)$(AIE2_CXX) $(AIE2_FLAGS) -DDICTATE_AIE2P -c $< -o $@
# The manifest's reader belongs to the kernels' library.
$(O)/libkernels.a: $(O)/kernels/aie2/manifest.o
# The unit-test rule links every prerequisite.
$(O)/tests/kernels/t_aie2:  $(AIE2_NPU1)
$(O)/tests/kernels/t_aie2p: $(AIE2_NPU2)

designs:                     ## array designs against a stand-in that counts channels and transfers
	@python=$$(sh tests/python.sh) && "$$python" -B kernels/aie2/designs/check.py && \
	 "$$python" -B kernels/aie2/gelu_fit.py | cmp - kernels/aie2/gelu_poly.hpp
DEV  ?= npu1
COLS ?=
xclbin:                      ## programs for a real NPU (DEV=npu1|npu2, COLS=1..8); needs mlir-aie
	@O='$(O)' DEV='$(DEV)' COLS='$(COLS)' sh kernels/aie2/xclbin.sh
.PHONY: designs xclbin
