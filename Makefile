# SPDX-License-Identifier: Apache-2.0
#
# Three commands matter: "make demo", "make test" and "make check". "make help" lists the rest.

# Each go.mod is a module of its own; the root knows none of the others. No go.work: it would raise the root's versions.
export GOWORK := off
export GOFLAGS := $(shell scripts/goflags)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GCI := github.com/daixiang0/gci@v0.13.7
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
LLL := github.com/walle/lll/cmd/lll@v1.0.1
FUZZ_EXECUTIONS ?= 20000
# Where kernel tests run, host or vm; by default on this machine if it has user_events and we are root.
WHERE ?=
KERNEL_TESTS := vm/kernel-tests $(WHERE:%=--%)

# What "make test" does, and what "make check" does besides.
TEST := packages lint unit kernel
MORE := race fuzz portable scripts-selftest vm-selftest collector collector-test collector-instructions purego instructions interface peers demo-test
IN_VM = $(filter vm,$(shell $(KERNEL_TESTS) --where))
# The VM's kernel is built while lint and unit tests run.
STAGES = scripts/stages $(IN_VM:%=--background %)
# What a target is missing is said at once, and not one after the other.
KERNEL_PACKAGES = scripts/packages build test $(IN_VM:vm=vm kernel)

.DEFAULT_GOAL := help

# BACKEND=linuxtracepoints builds the exporter upon LinuxTracepoints' library instead of the bundled C code.
# LIBTRACEPOINT_LIB is the folder of libtracepoint and libeventheader-tracepoint, .a or .so, or several folders with colons
# between them, where the linker does not find them by itself.
BACKEND ?= bundled
ifeq ($(BACKEND),linuxtracepoints)
override GOFLAGS += -tags=linuxtracepoints
ifneq ($(LIBTRACEPOINT_LIB),)
export CGO_LDFLAGS := $(patsubst %,-L%,$(subst :, ,$(LIBTRACEPOINT_LIB)))
endif
CHECK_BACKEND := scripts/check-linuxtracepoints
else ifneq ($(BACKEND),bundled)
$(error BACKEND is $(BACKEND): bundled or linuxtracepoints is needed)
else
CHECK_BACKEND := true
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## live metrics of a web service, through the kernel (a VM with one if need be); q or Ctrl-C ends it, or a minute where there is no terminal
	@$(KERNEL_PACKAGES)
	@scripts/demo

.PHONY: test
test: ## lint, unit and kernel tests: about 6 minutes on two cores; the first time it builds a kernel, too
	@$(STAGES) $(TEST); status=$$?; echo "not run, but by make check: $(MORE)"; exit $$status

.PHONY: check
check: ## everything below: about 17 minutes more
	@$(STAGES) $(TEST:packages=check-packages) $(MORE)

.PHONY: check-more
check-more: ## what make check does after make test
	@scripts/stages check-packages $(MORE)

.PHONY: packages
packages: ## install the Debian or Ubuntu packages that make test needs (as root; else print the command)
	@scripts/packages build vm kernel test lint

.PHONY: check-packages
check-packages: ## the same for make check
	@scripts/packages all

.PHONY: build
build: ## the command userevents and the demo's service into bin/; BACKEND=linuxtracepoints: see README
	@scripts/packages build
	@$(CHECK_BACKEND)
	go build ./...
	cd cmd/userevents && CGO_ENABLED=0 go build -o ../../bin/userevents .
	cd examples && CGO_ENABLED=1 go build -o ../bin/httpserver ./httpserver

.PHONY: lint
lint: lint-style ## gofmt, go vet, staticcheck, shellcheck and actionlint
	@scripts/packages build lint
	@scripts/lint $(STATICCHECK) $(ACTIONLINT)

.PHONY: lint-style
lint-style: ## the order of imports and the width of lines
	@scripts/format --check $(GCI) $(LLL)

.PHONY: format
format: ## gofmt, and imports in three groups
	@scripts/format $(GCI) $(LLL)

.PHONY: unit
unit: ## the tests that need no kernel, in every module
	@scripts/packages build test
	@$(CHECK_BACKEND)
	@scripts/each go test

.PHONY: race
race: ## the same with the race detector
	@scripts/packages build test
	@$(CHECK_BACKEND)
	@scripts/each go test -race

.PHONY: fuzz
fuzz: ## each fuzz target, FUZZ_EXECUTIONS times
	@scripts/packages build
	@scripts/fuzz $(FUZZ_EXECUTIONS)

.PHONY: portable
portable: ## other systems, other architectures, no cgo, vendoring, no grpc
	@scripts/packages build cross
	@scripts/portable

.PHONY: scripts-selftest
scripts-selftest: ## the scripts in a source archive, and in another user's clone
	@scripts/selftest

.PHONY: vm
vm: ## build the kernel of the VM, unless it is built
	@scripts/packages vm kernel
	@vm/build-kernel >/dev/null

.PHONY: vm-selftest
vm-selftest: ## what vm/run promises
	@vm/selftest

.PHONY: kernel
kernel: ## the tests that need a kernel with user_events, on this machine if it has one, else in the VM; not those of collector-test and peers
	@$(KERNEL_TESTS) --timeout 900 --without usereventsreceiver/internal/endtoend --without eventheader/internal/peers

.PHONY: collector
collector: ## build the Collector with the receiver, and print its path
	@scripts/packages build
	@scripts/collector

.PHONY: collector-test
collector-test: ## the Collector's kernel tests, from services to what it exports
	@$(KERNEL_PACKAGES)
	@scripts/collector >/dev/null
	@$(KERNEL_TESTS) --timeout 900 usereventsreceiver/internal/endtoend

.PHONY: collector-instructions
collector-instructions: vm ## count the instructions of an idle Collector, beside one that does not listen
	@scripts/collector >/dev/null
	@cd usereventsreceiver/internal/endtoend && go test -c -tags kernel -o ../../../bin/endtoend.test . && \
		../../../vm/run --count -- ../../../bin/endtoend.test -test.run '^TestIdleInstructions$$' -test.v

.PHONY: purego
purego: ## the kernel tests of what writes, with the backend in pure Go
	@$(KERNEL_TESTS) --tags purego --timeout 900 . internal/conformance internal/kerneltest/exporter eventheader

.PHONY: interface
interface: ## the wrappers against installed libraries, for which the bundled ones stand in
	@$(KERNEL_PACKAGES)
	@scripts/interface-test

.PHONY: peers
peers: ## EventHeader events written by the Rust crates, and decoded by them
	@$(KERNEL_PACKAGES) peers
	@scripts/eventheader-peer >/dev/null
	go test -tags kernel -run '^TestAny.*AsRust$$' ./eventheader/internal/peers
	@$(KERNEL_TESTS) --timeout 900 eventheader/internal/peers

.PHONY: demo-test
demo-test: ## the demo for 20 updates, and a check of what it shows
	@$(KERNEL_PACKAGES)
	@scripts/demo-test

.PHONY: instructions
instructions: vm ## count the instructions that a data point takes, and compare; UPDATE=-update makes them the baseline
	@cd bench && go test -c -tags kernel -o ../bin/bench.test . && ../vm/run --count --rw testdata -- \
		../bin/bench.test -test.run '^TestInstructions$$' -gcc "$$(gcc -dumpfullversion)" $(UPDATE)

.PHONY: release-check
release-check: ## make the release VERSION=v... in a clone, and use its modules, command and Collector as others will
	@scripts/packages build
	@scripts/release-check $(VERSION)

.PHONY: release-files
release-files: ## the command for each architecture, man pages, completions and SHA256SUMS into bin/release/; of HEAD, twice, the same bytes
	@scripts/packages build test
	@scripts/release-files-test
	@scripts/release-files bin/release

.PHONY: bench-listen
bench-listen: ## how fast perf.data is read, beside perf script over the same file
	@scripts/bench-listen

.PHONY: bench
bench: ## what is claimed of speed, measured beside what it is compared with: the tables of benchstat
	@$(KERNEL_PACKAGES)
	@scripts/bench $(BENCHSTAT)
