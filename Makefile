# SPDX-License-Identifier: GPL-2.0
# shunt: `make help` says what there is to make. All output goes to build/.

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
DOCDIR ?= $(PREFIX)/share/doc/shunt
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool 2>/dev/null),/usr/sbin/bpftool)
LLVM_STRIP ?= llvm-strip
CLANG_FORMAT ?= clang-format

VERSION := 0.1.0

B := build
LIBS_LIB := jansson yaml-0.1
LIBS_SHUNTD := libxdp libbpf libuv libmicrohttpd libcurl libcares libmnl $(LIBS_LIB)
LIBS_SHUNT := libxdp libbpf libcurl $(LIBS_LIB)

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
CPPFLAGS += -D_GNU_SOURCE -DSHUNT_VERSION='"$(VERSION)"' -Iinclude -I$B/skel
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS)
SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# UAPI headers only: no vmlinux.h, so the object does not depend on the building machine's kernel.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Werror -Iinclude \
	-I/usr/include/$(shell $(CC) -print-multiarch)

LIB_SRC := $(wildcard user/lib/*.c)
SHUNTD_SRC := $(wildcard user/shuntd/*.c)
SHUNT_SRC := $(wildcard user/shunt/*.c)
# What both know of libbpf and libxdp.
XDP_SRC := $(wildcard user/xdp/*.c)
# What needs neither root nor a kernel: built once more with the sanitizers, for the unit tests.
PURE_SRC := $(LIB_SRC) $(addprefix user/shuntd/,demand.c directory.c discovery.c discovery_join.c dns_answer.c events.c history.c history_file.c history_delta.c journal.c kept.c lookback.c migrate.c nexthop_link.c preview.c registrations.c ring.c model.c model_succession.c model_rings.c serving.c slow_start.c summary.c template.c transitions.c store.c viptable.c quictable.c picks.c) \
	$(addprefix user/shunt/,args.c demand_join.c holds.c keys.c keys_demand.c words.c rates.c remains_text.c table.c views.c)
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
KERNEL_SRC := $(wildcard tests/kernel/test_*.c)
PACKET_SRC := $(wildcard tests/packet/*.c)
TEST_BPF_SRC := $(wildcard tests/bpf/*.bpf.c)

obj = $(patsubst %.c,$B/$(1)/%.o,$(2))
LIB_OBJ := $(call obj,obj,$(LIB_SRC))
SHUNTD_OBJ := $(call obj,obj,$(SHUNTD_SRC))
SHUNT_OBJ := $(call obj,obj,$(SHUNT_SRC))
XDP_OBJ := $(call obj,obj,$(XDP_SRC))
PURE_OBJ := $(call obj,san,$(filter $(wildcard $(PURE_SRC)),$(PURE_SRC)))
BPF_OBJ := $(patsubst bpf/%.bpf.c,$B/bpf/%.bpf.o,$(BPF_SRC))
SKEL := $(patsubst bpf/%.bpf.c,$B/skel/%.skel.h,$(BPF_SRC))
UNIT_BIN := $(patsubst tests/unit/%.c,$B/tests/%,$(UNIT_SRC))
# The rules of the connection table, over memory of the tests' own.
CONN_BIN := $(addprefix $B/tests/test_conn_,explore property)
KERNEL_BIN := $(patsubst tests/%.c,$B/tests/%,$(KERNEL_SRC))
TEST_BPF_OBJ := $(patsubst tests/bpf/%.bpf.c,$B/tests/bpf/%.bpf.o,$(TEST_BPF_SRC))

.PHONY: all bpf tests unit check check-live live-tools check-vm demo bench bench-daemon bench-veth bench-instructions budget bench-checks bench-scale sim conn-mutants fuzz-packets fuzz-api format format-check install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $B/shuntd $B/shunt ## Build the daemon, the command and the XDP programs (default)

bpf: $(BPF_OBJ) ## Build the XDP programs only

tests: $(UNIT_BIN) $(CONN_BIN) $(KERNEL_BIN) $B/tests/packet $B/tests/budget $B/tests/sim $B/tests/fuzz_packets $(TEST_BPF_OBJ) live-tools ## Build the tests

unit: $(UNIT_BIN) $(CONN_BIN) ## Run the unit tests (no root needed)
	@for t in $^; do $$t || exit 1; done

check: ## Run all tests (root): scripts/check
	scripts/check

check-live: ## Keep 10,000 connections through everything that is done to a balancer (root; a quarter of an hour): scripts/live
	scripts/live

check-vm: ## Run the tests that depend on the kernel under Debian's kernels 6.1 and 6.12 (root): scripts/check-vm
	scripts/check-vm

demo: ## Show it working (root): scripts/demo
	scripts/demo

$B/shuntd: $(SHUNTD_OBJ) $(XDP_OBJ) $(LIB_OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

# The same daemon, that calls itself another version: to be upgraded to.
VERSIONED := $(shell grep -l SHUNT_VERSION $(SHUNTD_SRC))
$B/other/obj/%.o: VERSION := 9.9.9
$B/other/obj/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$B/other/shuntd: $(call obj,other/obj,$(VERSIONED)) $(filter-out $(call obj,obj,$(VERSIONED)),$(SHUNTD_OBJ)) $(XDP_OBJ) $(LIB_OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

tests: $B/other/shuntd

# The same daemon once more with the sanitizers, for hostile input to its API.
$B/san/shuntd: $(call obj,san,$(SHUNTD_SRC) $(XDP_SRC) $(LIB_SRC))
	$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

tests: $B/san/shuntd

$B/shunt: $(SHUNT_OBJ) $(XDP_OBJ) $(LIB_OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNT))

$B/obj/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$B/san/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$B/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(LLVM_STRIP) -g $@

$B/skel/%.skel.h: $B/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$B/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(LLVM_STRIP) -g $@

$B/tests/test_%: $B/san/tests/unit/test_%.o $(PURE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(shell pkg-config --libs cmocka libmnl libcares $(LIBS_LIB)) -lm

# Every interleaving, so without sanitizers, which the same rules run under in the other.
$B/tests/test_conn_explore: $(call obj,obj,$(wildcard tests/conn/explore*.c))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^

$B/tests/test_conn_property: $(call obj,san,$(wildcard tests/conn/property*.c))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^

conn-mutants: ## See that the tests of the connection table's rules fail when a rule is left out (about a minute)
	tests/conn/mutants.sh

# Against the running kernel, as root: no sanitizers, so that what runs is what is installed.
$B/tests/kernel/test_%: $B/obj/tests/kernel/test_%.o $(filter-out %/main.o,$(SHUNTD_OBJ)) $(XDP_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs cmocka $(LIBS_SHUNTD)) -lm

$B/tests/kernel/test_daemon_crash: | $B/shuntd

$(filter $B/tests/kernel/test_datapath%,$(KERNEL_BIN)): $(call obj,obj,$(addprefix tests/kernel/,datapath_fixture.c datapath_judge.c datapath_flows.c))

# The API and the command over a real socket, with stand-ins for the datapath: the API under the sanitizers, like all that reads
# what others send.
API_TEST_OBJ := $(call obj,san,$(addprefix tests/kernel/,fake_daemon.c fake_conns.c api_client.c cli_run.c) $(wildcard user/shuntd/api*.c) user/shuntd/daemon_history.c) $(PURE_OBJ)
API_TEST_BIN := $(addprefix $B/tests/kernel/,test_api test_api_conns test_api_etag test_api_events test_api_history test_api_limits test_api_socket test_cli test_cli_conn test_cli_edit test_cli_events test_cli_files test_cli_history test_cli_status)
$(addprefix $B/tests/kernel/,test_cli test_cli_conn test_cli_edit test_cli_events test_cli_files test_cli_history test_cli_status): | $B/shunt
$(API_TEST_BIN): $B/tests/kernel/%: $B/san/tests/kernel/%.o $(API_TEST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(SAN) -o $@ $^ $(shell pkg-config --libs cmocka libuv libmicrohttpd libcurl libcares libbpf libmnl $(LIBS_LIB)) -lm

# The benchmark: its own driver program beside shunt's.
$B/bench/%.bpf.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(LLVM_STRIP) -g $@

$B/skel/driver.skel.h $B/skel/classic.skel.h: $B/skel/%.skel.h: $B/bench/%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

BENCH_OBJ := $(call obj,obj,$(addprefix tests/bench/,bench.c classic.c dispatcher.c frames.c options.c report.c workloads.c world.c))
$(BENCH_OBJ): | $B/skel/driver.skel.h $B/skel/classic.skel.h

$B/tests/bench: $(BENCH_OBJ) $(call obj,obj,$(addprefix user/shuntd/,template.c viptable.c)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs libbpf $(LIBS_LIB))

bench: $B/tests/bench ## Measure what a packet costs (root; three minutes; BENCH="OPTION...": see build/tests/bench --help)
	$B/tests/bench $(BENCH)

$B/tests/bench_daemon: $B/obj/tests/bench/daemon.o $(filter-out %/main.o,$(SHUNTD_OBJ)) $(XDP_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

bench-daemon: $B/tests/bench_daemon ## Measure rings, changes of health, and the maps' memory (root; needs 7 GiB)
	$B/tests/bench_daemon

bench-veth: all live-tools $B/tests/bpf/reflect.bpf.o $B/tests/bpf/drop.bpf.o ## Measure packets a second through veth, beside nftables (root; half a minute)
	scripts/bench-veth

# Is a nanosecond an instruction?
$B/tests/clock: $B/obj/tests/bench/clock.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^

bench-instructions: ## Count the instructions of a packet, beside IPVS and nftables, in an emulated machine (root; some minutes)
	scripts/bench-instructions

# What the programs may take, against the running kernel.
$B/tests/budget: $B/obj/tests/budget/budget.o $(filter-out %/main.o,$(SHUNTD_OBJ)) $(XDP_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

$B/obj/tests/budget/budget.o: | $(SKEL)

budget: $B/tests/budget ## Write down what the programs take, of the running kernel (root): tests/budget/budget.txt
	$B/tests/budget --write tests/budget/budget.txt

$B/tests/bench_checks: $B/obj/tests/bench/checks.o $(call obj,obj,$(wildcard user/shuntd/health*.c)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs libuv libcurl libcares $(LIBS_LIB))

bench-checks: all $B/tests/bench_checks ## Measure what health checks cost (root; about two minutes)
	$B/tests/bench_checks
	tests/bench/tunnel_checks.py --build $B

bench-scale: all ## Measure what 1,000 and 10,000 services cost the daemon (root; several minutes)
	tests/bench/scale.py --build $B

# The simulator of connections: the rules that forward, over memory, in virtual time.
$B/tests/sim: $(call obj,obj,$(wildcard tests/sim/*.c) user/shuntd/ring.c) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_LIB)) -lm

sim: $B/tests/sim ## Simulate connections while backends come and go (a quarter of an hour of CPU; build/tests/sim: the short form)
	nice -n 19 $B/tests/sim --long --jobs $(shell nproc)

# The packet table links the daemon's own template and ring code, so what is tested is what is loaded.
$B/tests/packet: $(call obj,obj,$(PACKET_SRC)) $(call obj,obj,$(addprefix user/shuntd/,model.c model_succession.c model_rings.c serving.c slow_start.c template.c ring.c viptable.c quictable.c picks.c)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs libbpf $(LIBS_LIB)) -lm

# The packet fuzzer: the daemon's own code makes the maps, as in the kernel tests.
FUZZ_SRC := tests/fuzz/fuzz_packets.c $(wildcard tests/fuzz/packets_*.c)
$B/tests/fuzz_packets: $(call obj,obj,$(FUZZ_SRC)) $(filter-out %/main.o,$(SHUNTD_OBJ)) $(XDP_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_SHUNTD)) -lm

COUNT ?= 10000000
fuzz-packets: $B/tests/fuzz_packets ## Fuzz the loaded program (root; COUNT=N, SEED=S: ten million packets, a random seed)
	$B/tests/fuzz_packets --count $(COUNT) $(if $(SEED),--seed $(SEED))

fuzz-api: all $B/san/shuntd ## Fuzz the API of a running daemon (root; COUNT=N, SEED=S: 100,000 inputs, a random seed)
	COUNT=$(if $(filter command line environment,$(origin COUNT)),$(COUNT),100000) SEED=$(SEED) tests/ns/test_api.sh

# The live test: its connections, and its floods.
live-tools: $B/tests/live/conns $B/tests/live/flood $B/tests/live/where $B/tests/bpf/sink.bpf.o $B/tests/bpf/pass.bpf.o ## Build what scripts/live needs besides

$B/tests/live/%.bpf.o: tests/live/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(LLVM_STRIP) -g $@

$B/skel/flood.skel.h: $B/tests/live/flood.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name flood_bpf > $@

$B/obj/tests/live/flood.o: | $B/skel/flood.skel.h

$B/tests/live/flood $B/tests/live/where: $B/tests/live/%: $B/obj/tests/live/%.o $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs libbpf $(LIBS_LIB)) -lm

$B/tests/live/conns: $(call obj,obj,$(wildcard tests/live/conns*.c)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBS_LIB)) -lm

FORMATTED := $(wildcard bpf/*.[ch] include/shunt/*.h user/*/*.[ch] tests/*/*.[ch])

format: ## Format the sources in place
	$(CLANG_FORMAT) -i $(FORMATTED)

format-check:
	$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

install: all ## Install (DESTDIR, PREFIX, SYSCONFDIR, UNITDIR)
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(SYSCONFDIR)/shunt $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DOCDIR)
	install -m 755 $B/shuntd $B/shunt $(DESTDIR)$(SBINDIR)
	install -d $(DESTDIR)$(DOCDIR)/services.d
	install -m 644 docs/shunt.example.yaml $(DESTDIR)$(DOCDIR)
	install -m 644 docs/services.d/web.example.yaml $(DESTDIR)$(DOCDIR)/services.d
	sed 's|@SBINDIR@|$(SBINDIR)|; s|@DOCDIR@|$(DOCDIR)|' docs/shuntd.service.in > $(DESTDIR)$(UNITDIR)/shuntd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/shuntd.service
	install -m 644 README.md LICENSE docs/*.md docs/openapi.yaml $(DESTDIR)$(DOCDIR)
	install -d $(DESTDIR)$(DOCDIR)/performance
	install -m 644 docs/performance/*.svg $(DESTDIR)$(DOCDIR)/performance

uninstall: ## Remove what install installed (configuration and state stay)
	rm -f $(DESTDIR)$(SBINDIR)/shuntd $(DESTDIR)$(SBINDIR)/shunt $(DESTDIR)$(UNITDIR)/shuntd.service
	rm -rf $(DESTDIR)$(DOCDIR)

clean: ## Remove build/
	rm -rf $B

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $B -name '*.d' 2>/dev/null)
