# evio-kv. `make help` lists the targets. Objects of each mode have a folder of their own below build/.
MODE ?= release
SAN ?=
BUILD ?= build/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(MODE))
comma := ,
ifeq ($(origin CC),default)
CC := gcc
endif
WERROR ?= 1
JEMALLOC ?= 1
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 30
# V=1 shows the command lines.
Q := $(if $(V),,@)
TEST_TIME_LIMIT_S ?= $(if $(SAN),900,300)
export CC JEMALLOC TEST_TIME_LIMIT_S

WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wimplicit-fallthrough $(if $(filter 1,$(WERROR)),-Werror)
OPT_release := -O3 -g
OPT_debug := -O0 -g -DEVIO_DEBUG=1
OPT_san := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all -DEVIO_DEBUG=1
OPT := $(if $(SAN),$(OPT_san),$(OPT_$(MODE)))
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -I. -include evio/banned.h $(WARN) $(OPT) -pthread -MMD -MP
# The sanitizers bring an allocator of their own.
USE_JEMALLOC := $(if $(SAN),,$(filter 1,$(JEMALLOC)))
LIBS := $(if $(USE_JEMALLOC),-ljemalloc) -lm
DEFS := $(if $(USE_JEMALLOC),-DHAVE_JEMALLOC=1)
CFLAGS_ALL = $(BASE_FLAGS) $(DEFS) $(CFLAGS)
LDFLAGS_ALL = $(OPT) -pthread $(LDFLAGS)

EVIO_SRC := $(wildcard evio/*.c)
KV_SRC := $(wildcard kv/*.c kv/*/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
PROGRAMS := $(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c)))
# The slow ones first, so that two at a time end together.
TEST_SRC := $(wildcard tests/differential/test_*.c tests/integration/test_*.c tests/evio/test_*.c \
	tests/kv/test_*.c tests/kv/*/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
EVIO_LIB := $(BUILD)/libevio.a
KV_LIB := $(BUILD)/libevio-kv.a
BINS := $(addprefix $(BUILD)/,$(PROGRAMS))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
REPLAYS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(FUZZ_SRC))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
CRITERION := $(if $(findstring thread,$(SAN)),$(call obj,tests/tsan_runner.c),-lcriterion)
# One job per CPU where the caller has not said how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

all: $(BINS) $(EVIO_LIB)

help:
	@echo 'make             build the programs into build/release'
	@echo 'make run         install what is missing, build, serve on port 6380 with a loop per CPU'
	@echo 'make test        install what is missing, build and run all tests (logs in BUILD/log)'
	@echo 'make bench       measure beside redis-server (10 minutes; BENCH_QUICK=1: 2 minutes)'
	@echo 'make lint        direction of includes, exports, sizes, format'
	@echo 'make fuzz        each fuzz target for FUZZ_SECONDS=30 (needs clang)'
	@echo 'make install     programs, libevio.a, evio.h, manual page into DESTDIR/PREFIX; uninstall removes them'
	@echo 'make clean       remove build/'
	@echo 'Variables: MODE=release|debug  SAN=address,undefined|thread  CC=gcc|clang  JEMALLOC=0'
	@echo '           V=1  WERROR=0  CFLAGS=  LDFLAGS=  BUILD=folder  PREFIX=/usr/local  DESTDIR='

run:
	@sh tests/need.sh build
	@$(MAKE) $(JOBS) --no-print-directory all
	$(BUILD)/evio-kv --port 6380 --loops -1

test:
	@sh tests/need.sh test
	@$(MAKE) $(JOBS) --no-print-directory all tests
	@sh tests/run.sh $(BUILD) $(TESTS) $(REPLAYS)

bench:
	@sh tests/need.sh bench
	@$(MAKE) $(JOBS) --no-print-directory all $(BENCHES)
	@bash bench/run.sh $(BUILD) $(BENCH_ARGS)

lint:
	@sh tests/need.sh lint
	@$(MAKE) $(JOBS) --no-print-directory $(EVIO_LIB)
	@sh tests/lint.sh $(EVIO_LIB)

FUZZ_BUILD := build/fuzz
# Short inputs: a target runs each at all its cuts, and what is long teaches nothing new.
FUZZ_OPTIONS = -max_total_time=$(FUZZ_SECONDS) -max_len=512 -timeout=10 -verbosity=0 -print_final_stats=1
fuzz:
	@sh tests/need.sh fuzz
	@$(MAKE) $(JOBS) --no-print-directory fuzzers CC=clang BUILD=$(FUZZ_BUILD) \
		SAN=fuzzer-no-link,address,undefined
	@set -e; for t in $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)); do \
		mkdir -p $(FUZZ_BUILD)/found/$$t; echo "== $$t"; \
		$(FUZZ_BUILD)/fuzz/fuzz_$$t $(FUZZ_OPTIONS) \
			-artifact_prefix=$(FUZZ_BUILD)/found/$$t- $(FUZZ_BUILD)/found/$$t tests/fuzz/corpus/$$t; \
	done

# Rewritten only when a command line changes: all that is built hangs on it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)' > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(EVIO_LIB): $(call obj,$(EVIO_SRC))
	@rm -f $@
	$(Q)ar rcs $@ $^
$(KV_LIB): $(call obj,$(KV_SRC))
	@rm -f $@
	$(Q)ar rcs $@ $^
define program
$(BUILD)/$(1): $(call obj,$(wildcard cmd/$(1)/*.c)) $(if $(filter evio-kv,$(1)),$(KV_LIB),$(call obj,cmd/front/front.c)) $(EVIO_LIB)
	@echo "  LD  $$@"
	$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(BUILD)/tests/support.a: $(call obj,$(SUPPORT_SRC))
	@mkdir -p $(@D) && rm -f $@
	$(Q)ar rcs $@ $^
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(call obj,tests/fuzz/replay.c) $(KV_LIB) $(EVIO_LIB)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/tests/support.a $(filter %.o,$(CRITERION)) $(KV_LIB) $(EVIO_LIB)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(filter -l%,$(CRITERION)) -lhiredis $(LIBS)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(KV_LIB) $(EVIO_LIB)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

tests: $(TESTS) $(REPLAYS)
fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

MAN_PAGE := $(wildcard cmd/evio-kv/evio-kv.1)
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib include $(if $(MAN_PAGE),share/man/man1))
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(EVIO_LIB) $(DESTDIR)$(PREFIX)/lib
	install -m 644 evio/evio.h $(DESTDIR)$(PREFIX)/include
	$(if $(MAN_PAGE),install -m 644 $(MAN_PAGE) $(DESTDIR)$(PREFIX)/share/man/man1)
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(addprefix bin/,$(PROGRAMS)) lib/libevio.a include/evio.h \
		share/man/man1/evio-kv.1)

clean:
	rm -rf build

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')
.PHONY: all help run test bench lint fuzz tests fuzzers install uninstall clean FORCE
.SECONDARY:
