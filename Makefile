# One Makefile, no recursion, objects only under $(O).  `make help` lists the targets.
JOBS ?= $(shell nproc)
MAKEFLAGS += --no-builtin-rules -j$(JOBS)
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
# `make asan check` runs the checks in that variant: the word picks it for the whole command line.
VARIANT ?= $(or $(firstword $(filter asan tsan fuzz,$(MAKECMDGOALS))),rel)
O       ?= build$(if $(filter-out rel,$(VARIANT)),/$(VARIANT))
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(VARIANT)),clang,gcc)
endif
PKG     ?= pkg-config
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n' $(1) $(2))
WERROR  ?= $(if $(CI),$(if $(filter fuzz,$(VARIANT)),,-Werror))

# -- what must be there before anything can be compiled; `make deps` installs it -----------------
LIBS := sndfile samplerate fftw3f alsa libdrm ncursesw libutf8proc
# Which goals need which tools: none, building, testing, fuzzing (tests/deps.sh knows the packages).
NODEPS := deps clean help layers names uninstall
need   := $(filter-out $(NODEPS),$(or $(MAKECMDGOALS),all))
kinds  := $(if $(need),build) $(if $(filter check unit unit-% asan tsan golden hostile,$(need)),test) \
          $(if $(filter fuzz,$(need)),fuzz)
ifneq ($(need),)
ifneq ($(shell CC='$(CC)' PKG='$(PKG)' LIBS='$(LIBS)' sh tests/deps.sh missing $(kinds)),)
# Make makes an included file first and then starts again, with pkg-config's answers there.
include $(O)/deps.mk
$(O)/deps.mk: FORCE
	@CC='$(CC)' PKG='$(PKG)' LIBS='$(LIBS)' sh tests/deps.sh install $(kinds)
	@mkdir -p $(@D) && echo '# everything is there' > $@
endif
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough $(WERROR)
HARD := -fstack-protector-strong -D_FORTIFY_SOURCE=2
OPT.rel  := -O2 -g $(HARD)
OPT.dbg  := -O0 -g3 -DDEBUG
OPT.asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT.tsan := -O1 -g -fsanitize=thread
OPT.fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDX.asan := -fsanitize=address,undefined
LDX.tsan := -fsanitize=thread
LDX.fuzz := -fsanitize=fuzzer,address,undefined

CPPFLAGS += -D_GNU_SOURCE -I. $(shell $(PKG) --cflags $(LIBS) 2>/dev/null)
LDLIBS   += $(shell $(PKG) --libs $(LIBS) 2>/dev/null) -lm -lpthread
# Where a baseline has fused multiply-adds (aarch64), only those that the source asks for.
CFLAGS   += -std=c11 -ffp-contract=off $(WARN) $(OPT.$(VARIANT))

# -- sources by room; a room's library may use those to its right (tests/check_layers.sh) ---------
ROOMS := app ui text audio npu kernels base
SRC.base    := $(wildcard app/base/*.c)
SRC.kernels := $(wildcard kernels/*.c kernels/ref/*.c)
SRC.audio   := $(wildcard audio/*.c)
SRC.npu     := $(wildcard npu/asr/*.c npu/rt/*.c npu/dev/*.c npu/plan/*.c)
SRC.text    := $(wildcard app/text/*.c)
SRC.ui      := $(wildcard ui/*.c)
SRC.app     := $(filter-out app/main.c,$(wildcard app/*.c))

# What a room's unit tests link.
USE.base    := base
USE.kernels := kernels base
USE.audio   := audio kernels base
USE.npu     := npu kernels base
USE.text    := text base
USE.ui      := ui base
USE.app     := $(ROOMS)

# One kernel template, compiled once for each instruction set; only these objects get ISA flags.
ISA.x86_64  := avx2 avxvnni avx512 amx amx_model
ISA.aarch64 := neon neon_i8mm
ARCH        := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
ISA         := $(patsubst kernels/host/k_%.c,%,$(wildcard $(ISA.$(ARCH):%=kernels/host/k_%.c)))
NOPRE       := $(if $(findstring clang,$(CC)),,-fno-tree-pre)
# Sanitizers make these large functions take minutes above -O1.
KOPT        := $(if $(filter rel,$(VARIANT)),-O3 $(NOPRE),-O1)$(if $(filter fuzz,$(VARIANT)), -fno-sanitize=all)
FLAG.avx2   := -mavx2 -mfma -mf16c $(KOPT)
FLAG.avxvnni := $(FLAG.avx2) -mavxvnni
FLAG.avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c -mprefer-vector-width=512 $(KOPT)
# clang 14 spells the macro of -mamx-int8 in another way.
FLAG.amx    := $(FLAG.avx512) -mamx-tile -mamx-int8 $(if $(NOPRE),,-D__AMX_INT8__=1)
FLAG.amx_model := $(FLAG.avx2)
# The first scheduler lifts loads above the products, and sums out of the registers.
NEON           := $(KOPT)$(if $(NOPRE), -fno-schedule-insns)
FLAG.neon      := -march=armv8.2-a+dotprod $(NEON)
FLAG.neon_i8mm := -march=armv8.2-a+dotprod+i8mm $(NEON)
# Loops over a vocabulary, the frames of a window and rows of a file, while the columns wait: with the baseline's vectors.
$(O)/npu/asr/pick.o $(O)/npu/asr/refine.o $(O)/npu/asr/align.o $(O)/npu/asr/blocks.o: XCFLAGS := $(if $(filter rel,$(VARIANT)),-O3)
OBJ.kernels := $(SRC.kernels:%.c=$(O)/%.o) $(ISA:%=$(O)/kernels/host/k_%.o)
$(foreach i,$(ISA),$(eval $(O)/kernels/host/k_$(i).o: XCFLAGS := $(FLAG.$(i))))
$(foreach r,$(filter-out kernels,$(ROOMS)),$(eval OBJ.$(r) := $(SRC.$(r):%.c=$(O)/%.o)))
$(foreach r,$(ROOMS),$(eval $(O)/lib$(r).a: $(OBJ.$(r))))

all: $(O)/dictate            ## build the program (default), at build/dictate

$(O)/dictate: $(O)/app/main.o $(ROOMS:%=$(O)/lib%.a)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(filter-out -fsanitize=fuzzer%,$(LDX.$(VARIANT))) $^ $(LDLIBS) -o $@
$(ROOMS:%=$(O)/lib%.a): $(O)/members
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D); rm -f $@; ar crs $@ $(filter %.o,$^)
$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(XCFLAGS) -MMD -MP -c $< -o $@
# Rewritten only when an answer changes, so a changed flag rebuilds and nothing else does; and the
# libraries when a source came or went.
$(O)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CPPFLAGS) $(CFLAGS)' > $@.$$$$; \
	 cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@
$(O)/members: FORCE
	@mkdir -p $(@D); echo '$(foreach r,$(ROOMS),$(OBJ.$(r)))' > $@.$$$$; \
	 cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@

# -- tests: tests/ROOM/t_*.c, each a cmocka program that links its room and the rooms below --------
# The device sources bring their own rules; without them their tests are left out.
AIE2 := $(wildcard kernels/aie2/build.mk)
UNIT := $(foreach r,$(ROOMS),$(patsubst tests/$(r)/%.c,$(O)/tests/$(r)/%,$(wildcard tests/$(r)/t_*.c)))
UNIT := $(if $(AIE2),$(UNIT),$(filter-out %/t_aie2 %/t_aie2p,$(UNIT)))
define unit_rule
$(O)/tests/$(1)/%: $(O)/tests/$(1)/%.o $(USE.$(1):%=$(O)/lib%.a)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDX.$$(VARIANT)) $$^ $$(LDLIBS) -lcmocka -o $$@
unit-$(1): $$(filter $(O)/tests/$(1)/%,$$(UNIT))
.PHONY: unit-$(1)
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rule,$(r))))
.PRECIOUS: $(O)/%.o

include $(AIE2) $(wildcard tests/tests.mk)

run: all                     ## replay the bundled sample (plain text when there is no terminal)
	@sh tests/run.sh '$(O)/dictate'

PREFIX  ?= /usr/local
DESTDIR ?=
DATA     = $(DESTDIR)$(PREFIX)/share/dictate
MAN      = $(DESTDIR)$(PREFIX)/share/man/man1
install: all                 ## install program, model, samples and man page (PREFIX, DESTDIR)
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DATA)/models/samples' '$(MAN)'
	install -m 755 '$(O)/dictate' '$(DESTDIR)$(PREFIX)/bin/dictate'
	install -m 644 $(filter-out %.md,$(wildcard npu/models/*.*)) '$(DATA)/models'
	install -m 644 $(wildcard npu/models/samples/*.*) '$(DATA)/models/samples'
	install -m 644 app/dictate.1 '$(MAN)/dictate.1'
uninstall:                   ## remove what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/dictate' '$(MAN)/dictate.1'
	rm -rf '$(DATA)'

deps:                        ## install what building, testing and fuzzing need (apt-get, asks sudo)
	@CC='$(CC)' PKG='$(PKG)' LIBS='$(LIBS)' sh tests/deps.sh install build test fuzz
help:                        ## this list
	@awk -F':.*## ' '/^[a-z][a-z -]*:.*## /{printf "  %-12s %s\n",$$1,$$2}' Makefile tests/tests.mk $(AIE2)
clean:                       ## remove build/
	rm -rf build
FORCE:
.PHONY: all run install uninstall deps help clean FORCE
-include $(shell find $(O) -name sysroot -prune -o -name '*.d' -print 2>/dev/null)
