# evio-kv. `make help` lists the targets. Objects of each mode have a folder of their own below build/.
MODE ?= release
SAN ?=
BUILD ?= build/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(MODE))
comma := ,
CC ?= gcc
WERROR ?= 1
JEMALLOC ?= 1
PREFIX ?= /usr/local
DESTDIR ?=

WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wimplicit-fallthrough $(if $(filter 1,$(WERROR)),-Werror)
OPT_release := -O3 -g
OPT_debug := -O0 -g -DEVIO_DEBUG=1
OPT := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -DEVIO_DEBUG=1,$(OPT_$(MODE)))
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -I. -include evio/banned.h $(WARN) $(OPT) -pthread -MMD -MP
CFLAGS_ALL = $(BASE_FLAGS) $(CFLAGS)
LDFLAGS_ALL = $(OPT) -pthread $(LDFLAGS)
# The sanitizers bring an allocator of their own.
LIBS := $(if $(SAN),,$(if $(filter 1,$(JEMALLOC)),-ljemalloc)) -lm
DEFS := $(if $(SAN),,$(if $(filter 1,$(JEMALLOC)),-DHAVE_JEMALLOC=1))

EVIO_SRC := $(wildcard evio/*.c)
KV_SRC := $(wildcard kv/*.c kv/*/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
PROGRAMS := $(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c)))
UNIT_SRC := $(wildcard tests/evio/test_*.c tests/kv/test_*.c tests/kv/*/test_*.c tests/integration/test_*.c tests/differential/test_*.c)
BENCH_SRC := $(wildcard bench/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
EVIO_LIB := $(BUILD)/libevio.a
KV_LIB := $(BUILD)/libevio-kv.a
BINS := $(addprefix $(BUILD)/,$(PROGRAMS))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRC))

all: $(BINS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(DEFS) -c -o $@ $<

$(EVIO_LIB): $(call obj,$(EVIO_SRC))
	@rm -f $@
	ar rcs $@ $^
$(KV_LIB): $(call obj,$(KV_SRC))
	@rm -f $@
	ar rcs $@ $^
define program
$(BUILD)/$(1): $(call obj,$(wildcard cmd/$(1)/*.c)) $(if $(filter evio-kv,$(1)),$(KV_LIB)) $(EVIO_LIB)
	$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(BUILD)/tests/support.a: $(call obj,$(SUPPORT_SRC))
	@mkdir -p $(@D) && rm -f $@
	ar rcs $@ $^
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/tests/support.a $(KV_LIB) $(EVIO_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcriterion -lhiredis $(LIBS)

tests: $(TESTS)

clean:
	rm -rf build

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')
.PHONY: all tests clean
.SECONDARY:
