# SPDX-License-Identifier: Apache-2.0
#
# Two commands matter: "make demo" and "make test". "make help" lists the rest.

# Each go.mod makes a module of its own; the root knows none of the others. No go.work: it would lift the root's versions.
export GOWORK := off
MODULES := $(shell git ls-files --cached --others --exclude-standard '*go.mod' | xargs -n 1 dirname)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FUZZ_EXECUTIONS ?= 20000

# Runs a command with ./... in every module.
TEST = scripts/each $(MODULES) --

.DEFAULT_GOAL := help

# BACKEND=linuxtracepoints builds the exporter upon LinuxTracepoints' library instead of the bundled C code.
# LIBTRACEPOINT_LIB is the folder of libtracepoint.a or .so where the linker would not look by itself.
BACKEND ?= bundled
ifeq ($(BACKEND),linuxtracepoints)
export GOFLAGS := -tags=linuxtracepoints
ifneq ($(LIBTRACEPOINT_LIB),)
export CGO_LDFLAGS := -L$(LIBTRACEPOINT_LIB)
endif
CHECK_BACKEND := scripts/check-linuxtracepoints
else ifneq ($(BACKEND),bundled)
$(error BACKEND is $(BACKEND): bundled or linuxtracepoints is needed)
else
CHECK_BACKEND := true
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## live metrics of a web service, through the kernel (a VM with one if need be); ends after a minute or on Ctrl-C
	@scripts/demo

.PHONY: test
test: ## everything below, with what it needs installed first; about 20 minutes on two cores, the first time 12 more
	@scripts/stages packages lint unit race fuzz portable vm-selftest collector kernel purego instructions interface demo-test

.PHONY: packages
packages: ## install the Debian or Ubuntu packages that the tests need (as root; else say which)
	@scripts/packages all

.PHONY: build
build: ## the command userevents and the demo's service into bin/; BACKEND=linuxtracepoints: see README
	@$(CHECK_BACKEND)
	go build ./...
	cd cmd/userevents && CGO_ENABLED=0 go build -o ../../bin/userevents .
	cd examples && CGO_ENABLED=1 go build -o ../bin/httpserver ./httpserver

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, shellcheck and actionlint
	@scripts/lint $(STATICCHECK) $(ACTIONLINT) $(MODULES)

.PHONY: unit
unit: ## the tests that need no kernel, in every module
	@$(CHECK_BACKEND)
	@$(TEST) go test

.PHONY: race
race: ## the same with the race detector
	@$(TEST) go test -race

.PHONY: fuzz
fuzz: ## each fuzz target, FUZZ_EXECUTIONS times
	@scripts/fuzz $(FUZZ_EXECUTIONS) $(MODULES)

.PHONY: portable
portable: ## other systems, other architectures, no cgo, vendoring, no grpc
	@scripts/portable

.PHONY: vm
vm: ## build the kernel of the VM, unless it is there
	@vm/build-kernel >/dev/null

.PHONY: vm-selftest
vm-selftest: vm ## what vm/run promises
	@vm/selftest

.PHONY: collector
collector: ## the Collector with the receiver, and where it is
	@scripts/collector

.PHONY: kernel
kernel: ## the tests that need a kernel with user_events, on this machine if it has one, else in the VM
	@scripts/collector >/dev/null
	@vm/kernel-tests --timeout 900

.PHONY: purego
purego: ## the exporter's kernel tests with the backend in pure Go
	@vm/kernel-tests --tags purego --timeout 900 .

.PHONY: interface
interface: ## the wrapper against an installed libtracepoint, for which the bundled one stands in
	@scripts/interface-test

.PHONY: demo-test
demo-test: ## the demo for 20 updates, with a look at what it shows
	@scripts/demo-test

.PHONY: instructions
instructions: vm ## the instructions that a data point takes, against those it took before; UPDATE=-update makes today's the ones to compare with
	@cd bench && go build -o ../bin/bench . && ../bin/bench instructions $(UPDATE)

.PHONY: bench-listen
bench-listen: ## how fast perf.data is read, beside perf script over the same file
	@scripts/bench-listen

.PHONY: bench
bench: ## everything that is claimed of speed, measured beside what it is compared with; writes docs/benchmarks.md
	@scripts/packages build vm kernel
	@cd bench && go build -o ../bin/bench . && ../bin/bench -o ../docs/benchmarks.md
