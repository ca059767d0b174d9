# `make` alone lists what there is. Building needs Go only; the tests need the
# Debian packages that `make deps` installs.
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO       ?= go
VERSION  := $(shell git describe --tags --dirty 2>/dev/null)
LDFLAGS  := $(if $(VERSION),-X github.com/lanyard-dev/lanyard/internal/cli.version=$(VERSION))
FUZZTIME ?= 10m
COUNT    ?= 20
MODES    ?= root user systemd-root systemd-user

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: ## build bin/lanyard: one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lanyard ./cmd/lanyard

.PHONY: demo
demo: build ## run three containers, one of which fails: no root, no download
	@examples/hello/demo "$(CURDIR)/bin/lanyard"

.PHONY: deps
deps: ## install the Debian packages that tests, benchmarks and linters need
	@test/deps --install

.PHONY: test
test: ## all tests: vet, both halves of the suite (root, user), race detector
	@test/run vet root user race

.PHONY: test-root
test-root: ## the tests as root
	@test/run root

.PHONY: test-user
test-user: ## the tests as an ordinary user (started by root: as uid 54321)
	@test/run user

.PHONY: test-race
test-race: ## the tests under the race detector
	@test/run race

.PHONY: test-vm
test-vm: ## the kernel tests in a guest with cgroup v2; MODES="user systemd-user" PKG=./test/kernel RUN=TestOOM
	@test/deps --vm $(if $(filter 0,$(shell id -u)),--install)
	@test/vm/run -modes "$(MODES)" $(if $(RUN),-run '$(RUN)') $(PKG)

.PHONY: flakes-vm
flakes-vm: ## what has to die together, in the guest, with COUNT=20 boots of each mode; MODES=user
	@test/deps --vm $(if $(filter 0,$(shell id -u)),--install)
	@test/vm/run -modes "$(MODES)" -boots $(COUNT) -run '$(or $(RUN),Kill|Crash$$|Orphans|Scope)' $(or $(PKG),./test/kernel ./test/supervise)

.PHONY: vm-shell
vm-shell: ## a shell in that guest; MODES=user
	@test/vm/run -shell $(firstword $(MODES)) $(PKG)

.PHONY: example-django
example-django: build ## drive the Django example as a reader would; builds roots (150 MB of downloads), and kills builds
	$(GO) test -tags example -count=1 -timeout=20m -v -run '^Test(Django|Build)' ./test/example

.PHONY: example-postgres
example-postgres: build ## drive the PostgreSQL example; builds its root (100 MB of downloads)
	$(GO) test -tags example -count=1 -timeout=15m -v -run '^TestPostgres' ./test/example

.PHONY: example-harpoon
example-harpoon: build ## build the harpoon example (Redis, 40 MB) and control it with socat
	$(GO) test -tags example -count=1 -timeout=15m -v -run '^TestHarpoon' ./test/example

.PHONY: bench
bench: build ## measure against the budgets of the design, beside the peers that are installed; ROUNDS=20 ONLY=regexp MD=docs/performance.md
	PATH="$(CURDIR)/bin/peers/node_modules/.bin:$$PATH" $(GO) run ./test/bench -rounds $(or $(ROUNDS),20) $(if $(ONLY),-only '$(ONLY)') $(if $(MD),-md $(MD))

.PHONY: bench-deps
bench-deps: ## install the peers of make bench: Debian packages, whose services are not started, and one from npm in bin/peers
	@test/deps --bench --install
	npm install --no-fund --no-audit --prefix bin/peers concurrently@9.2.1

.PHONY: bench-check
bench-check: build ## the same with few rounds; fails if lanyard is slower beside its peers than test/bench/committed.json says
	$(GO) run ./test/bench -check -idle 3s

.PHONY: bench-band
bench-band: build ## make test/bench/committed.json, from RUNS=10 runs; on a quiet machine
	$(GO) run ./test/bench -band $(or $(RUNS),10) -idle 3s

.PHONY: bench-growth
bench-growth: build ## measure how cost grows from 1 child to 500, into docs/growth.md and docs/growth.svg; ROUNDS=5
	$(GO) run ./test/bench -growth docs -rounds $(or $(ROUNDS),5) -idle 3s

.PHONY: torture
torture: build ## kill lanyard in all ways at all moments and look for what is left; ROUNDS=10000 SEED=1 REPORT=torture.md
	$(GO) run ./test/torture -rounds $(or $(ROUNDS),10000) $(if $(SEED),-seed $(SEED)) $(if $(REPORT),-md $(REPORT))

.PHONY: soak
soak: ## run a group of 50 and a service that crashes every second, for a long time, and measure that nothing grows; SOAK=1h PLOT=soak.svg REPORT=soak.md
	$(GO) build -o bin/soak ./test/soak
	bin/soak -for $(or $(SOAK),1h) $(if $(PLOT),-svg $(PLOT)) $(if $(REPORT),-md $(REPORT))

.PHONY: model
model: ## compare the rules with a book of rules written independently, over random events; STEPS=1000000 SEED=1
	for test in TestRules TestEveryClient; do \
		$(GO) test ./test/model -count=1 -timeout=60m -v -run $$test -steps $(or $(STEPS),1000000) -seed $(or $(SEED),1) || exit 1; \
	done

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, govulncheck
	@tools/lint

.PHONY: fuzz
fuzz: ## each fuzz target of what strangers send for FUZZTIME=10m, the others for a quarter of it
	@tools/fuzz $(FUZZTIME)

.PHONY: flakes
flakes: ## kernel tests again and again in random order; COUNT=20 PKG=./test/kernel/...
	LANYARD_TEST_AS=$$([ "$$(id -u)" = 0 ] && echo root || echo user) \
		$(GO) test -count=$(COUNT) -shuffle=on -failfast -timeout=40m $(or $(PKG),./internal/... ./test/testscript/... ./test/kernel/... ./test/terminal/...)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
