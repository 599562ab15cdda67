# Tests: what can be run, each by hand or all by `make check`.  See tests/README.md.
SHARED       ?= ../shared
FUZZ_SECONDS ?= 60
RUN_ENV       = O='$(O)' VARIANT='$(VARIANT)' SHARED='$(SHARED)' CC='$(CC)' WERROR='$(WERROR)' \
                CPPFLAGS='$(CPPFLAGS)' DICTATE='$(abspath $(O))/dictate' UNIT='$(UNIT)'
RUN           = @$(RUN_ENV) sh tests/check.sh

check: all $(UNIT) $(O)/tests/npu/check_npu $(O)/tests/kernels/dictate_amx  ## all tests; ends with: N passed, N failed, N skipped
	$(RUN) layers names headers isa designs unit columns amx readme hostile tui golden train neon
unit: $(UNIT)                ## unit tests of every room; unit-ROOM builds those of one
	$(RUN) unit
layers:                      ## who includes whom
	$(RUN) layers
names:                       ## no machine paths, no stray models or sounds, size of the repository
	$(RUN) names
hostile: all $(O)/tests/npu/check_npu  ## damaged models, sounds, tables: one sentence each
	$(RUN) hostile
train: all                   ## the training pipeline on a few minutes of speech; train-deps installs what it needs
	$(RUN) train
train-deps:                  ## install what training needs: PyTorch, two synthesisers (apt-get, asks sudo)
	@sh tests/deps.sh install train
check-neon: all              ## NEON kernels and program under emulation; neon-deps installs what it needs
	$(RUN) neon
neon-deps:                   ## install what check-neon needs: cross compiler, qemu-user, arm64 libraries below build/
	@sh tests/deps.sh install neon && sh tests/neon_sysroot.sh '$(O)/neon/sysroot'
golden: all                  ## numbers against ../shared/golden (f32: equal, int8: a table)
	$(RUN) golden

# -- the acceptance run for an owner of the hardware ------------------------------------------------
DEVICE ?= npu
SOAK   ?= 600
REPORT ?= check-npu.txt
$(O)/tests/npu/check_npu: $(O)/tests/npu/check_npu.o $(USE.npu:%=$(O)/lib%.a)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDX.$(VARIANT)) $^ $(LDLIBS) -o $@
check-npu: $(O)/tests/npu/check_npu  ## for owners of an NPU: tries, measures, 10 minutes; writes check-npu.txt (DEVICE, SOAK, REPORT)
	@$< '$(DEVICE)' '$(SOAK)' '$(REPORT)'

# -- AVX-VNNI kernels on a CPU that has VNNI with AVX-512 only -----------------------------------------
$(O)/tests/kernels/t_equal: $(O)/tests/kernels/avxvnni_evex.o
$(O)/tests/kernels/avxvnni_evex.o: XCFLAGS := $(if $(filter x86_64,$(ARCH)),$(FLAG.avx2) -mavx512vl -mavx512vnni -mprefer-vector-width=256)

# -- AMX kernels on a CPU without tiles (tests/kernels/amx_trap.h) ----------------------------------
$(O)/tests/kernels/t_equal: $(O)/tests/kernels/amx_trap.o
$(O)/tests/kernels/dictate_amx: $(O)/app/main.o $(O)/tests/kernels/amx_here.o $(O)/tests/kernels/amx_trap.o $(ROOMS:%=$(O)/lib%.a)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDX.$(VARIANT)) -Wl,--wrap=cpu_features $^ $(LDLIBS) -o $@
$(O)/tests/kernels/amx_trap.o: XCFLAGS := $(if $(filter rel,$(VARIANT)),-O3)

# Alone on the command line, `make asan` runs unit and hostile tests; before another goal it only
# picks the variant.
asan: $(if $(filter-out asan,$(MAKECMDGOALS)),,all $(UNIT) $(O)/tests/npu/check_npu)   ## unit and hostile tests under ASan and UBSan; `asan check`: all
	$(if $(filter-out asan,$(MAKECMDGOALS)),@:,$(RUN) unit hostile)
tsan: $(if $(filter-out tsan,$(MAKECMDGOALS)),,all $(UNIT))   ## unit tests under ThreadSanitizer; `tsan check`: all
	$(if $(filter-out tsan,$(MAKECMDGOALS)),@:,$(RUN) unit columns)

# -- fuzzers: tests/fuzz/f_*.c, libFuzzer of clang, dictionary f_*.dict beside them ----------------
FUZZ := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/f_*.c))
$(O)/tests/fuzz/f_%: $(O)/tests/fuzz/f_%.o $(ROOMS:%=$(O)/lib%.a)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(CFLAGS) $(LDX.fuzz) $^ $(LDLIBS) -o $@
fuzz: $(FUZZ)                ## every fuzzer for FUZZ_SECONDS (60); fails on a finding
	@$(RUN_ENV) FUZZ_SRC='$(wildcard tests/fuzz/f_*.c)' FUZZ_SECONDS='$(FUZZ_SECONDS)' sh tests/check.sh fuzz

.PHONY: check check-npu check-neon neon-deps unit layers names hostile golden train train-deps asan tsan fuzz
