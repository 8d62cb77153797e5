# Everything runs from here; "make" alone lists it. `go test ./...` works alone, too.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO   ?= go
BIN  := $(CURDIR)/.bin
LINT := $(BIN)/golangci-lint

# The linter is a tool, not a dependency: it stays out of go.mod.
LINT_VERSION := 2.15.0

# The compiler of protocol buffers comes from the packager; what it calls to write Go is fixed here.
PROTOC_GEN_GO_VERSION      := 1.36.12
PROTOC_GEN_GO_GRPC_VERSION := 1.6.2
PROTOC_GEN                 := $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc

# Tests on two busy cores need patience; a hang still ends.
TEST_FLAGS ?= -timeout 20m

# SQLite and its C library are C turned into Go. They keep their data outside of Go's memory, where the race detector
# does not look, so to instrument them finds no race of ours, and makes tests on SQLite take about three times as long.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory/...

# The vet phase has vetted everything; go test would do a part of it once more, for the detector's build.
RACE_FLAGS := -race -vet=off $(foreach package,$(UNWATCHED),-gcflags=$(package)=-race=false)

# What "make test" does, cheap things first. Each phase runs even when an earlier one failed.
PHASES = vet lint archtest tidy-check $(if $(shell command -v protoc),verify) examples race

# The programs of PostgreSQL where packagers put them.
PG_BINARIES := /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb

.PHONY: help
help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Tests use SQLite and a throw-away PostgreSQL. CRM_TEST_DSN names a running server to use instead,"
	@echo "  CRM_PG_BINDIR the directory of initdb and postgres; CRM_REQUIRE_PG=1 forbids to skip."
	@echo "  Before you send a change: make test. A new package needs a row in internal/archtest/rooms.go,"
	@echo "  a doc.go, and a comment on everything it exports. A new example ends within two minutes."

.PHONY: test
test: setup ## all checks: vet, lint, architecture, tidiness, examples, all tests with the race detector
	@began=$$SECONDS; failed=; \
	for phase in $(PHASES); do \
		start=$$SECONDS; echo "== $$phase"; \
		if $(MAKE) --no-print-directory $$phase; then verdict=ok; else verdict=FAILED; failed="$$failed $$phase"; fi; \
		echo "== $$phase: $$verdict in $$((SECONDS - start)) s"; \
	done; \
	if [ -n "$$failed" ]; then echo "== FAILED:$$failed (in $$((SECONDS - began)) s)"; exit 1; fi; \
	echo "== all ok in $$((SECONDS - began)) s"

.PHONY: test-fast
test-fast: ## all tests without the race detector
	$(GO) test $(TEST_FLAGS) ./...

# The race detector needs a C compiler; where none can be had the tests still run.
.PHONY: race
race: ## all tests with the race detector
	@if command -v "$${CC:-gcc}" >/dev/null || command -v clang >/dev/null; then \
		CGO_ENABLED=1 $(GO) test $(RACE_FLAGS) $(TEST_FLAGS) ./...; \
	else \
		echo "NO RACE DETECTOR: there is no C compiler"; $(GO) test $(TEST_FLAGS) ./...; \
	fi

.PHONY: soak
soak: ## the laws at full size (CRM_SOAK=1) from the seed in CRM_SEED, a new one by default; takes hours
	@export CRM_SOAK=1 CRM_SEED="$${CRM_SEED:-$$(date +%s)}"; echo "CRM_SEED=$$CRM_SEED"; \
	$(GO) test -count 1 -timeout 12h ./...

.PHONY: fuzz
fuzz: ## each fuzz test for 10 s
	@{ grep -rlE --include='*_test.go' '^func Fuzz' . || true; } | while read -r file; do \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
			echo "== $$name in $${file%/*}"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime 10s "$${file%/*}"; \
		done; \
	done

.PHONY: bench
bench: ## the speed table, ours against peers
	$(GO) run ./cmd/rapport bench

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: lint
lint: $(LINT) ## golangci-lint, installed into .bin on first use
	$(LINT) run ./...

$(LINT): Makefile
	@if ! $(LINT) version 2>/dev/null | grep -q 'version $(LINT_VERSION)'; then \
		GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINT_VERSION); \
	fi
	@touch $(LINT)

.PHONY: archtest
archtest: ## who may import whom, package comments, documented exports
	$(GO) test -count 1 ./internal/archtest

.PHONY: tidy-check
tidy-check: ## fail where go mod tidy would change a module
	@git ls-files --cached --others --exclude-standard 'go.mod' '*/go.mod' 2>/dev/null | { grep . || echo go.mod; } | \
	while read -r mod; do echo "go mod tidy -diff: $$mod"; (cd "$$(dirname "$$mod")" && $(GO) mod tidy -diff); done

.PHONY: generate
generate: $(PROTOC_GEN) ## make the generated code anew
	PATH="$(BIN):$$PATH" $(GO) generate ./...

# The version of protoc in the headers is whatever the packager has.
.PHONY: verify
verify: $(PROTOC_GEN) ## fail where the generated code is not what its sources say
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	cp plugin/proto/doc.go plugin/proto/*.proto "$$out"; \
	(cd "$$out" && PATH="$(BIN):$$PATH" $(GO) generate doc.go); \
	for made in "$$out"/*.pb.go; do \
		diff -u -I '^// .*protoc  *v' "plugin/proto/$${made##*/}" "$$made" || { echo "verify: run make generate"; exit 1; }; \
	done

$(BIN)/protoc-gen-go: Makefile
	GOBIN=$(BIN) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go@v$(PROTOC_GEN_GO_VERSION)
	@touch $@

$(BIN)/protoc-gen-go-grpc: Makefile
	GOBIN=$(BIN) $(GO) install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v$(PROTOC_GEN_GO_GRPC_VERSION)
	@touch $@

# A program directly in examples/<name> is run from here, as a reader would; those beneath it are only built.
.PHONY: examples
examples: ## build every example and run those that are programs
	@[ -d examples ] || { echo "no examples"; exit 0; }; \
	$(GO) build ./examples/...; \
	out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	for dir in examples/*/; do \
		name=$$(basename "$$dir"); \
		[ "$$($(GO) list -e -f '{{.Name}}' "./$$dir" 2>/dev/null)" = main ] || continue; \
		if [ "$$name" = node-plugin ] && ! command -v node >/dev/null; then echo "-- $$name: skipped, there is no node"; continue; fi; \
		echo "-- $$name"; $(GO) build -o "$$out/$$name" "./$$dir"; \
		timeout 120 "$$out/$$name" || { echo "-- $$name: exit status $$?"; exit 1; }; \
	done

.PHONY: setup
setup: ## install what is missing and can be: PostgreSQL, protoc and a C compiler by apt, the linter into .bin
	@start=$$SECONDS; want=; \
	have="$${CRM_TEST_DSN:-}$${CRM_PG_BINDIR:-}$$(command -v initdb || true)"; \
	for path in $(PG_BINARIES); do if [ -x "$$path" ]; then have=$$path; fi; done; \
	if [ -z "$$have" ]; then want="$$want postgresql"; fi; \
	if ! command -v "$${CC:-gcc}" >/dev/null && ! command -v clang >/dev/null; then want="$$want gcc libc6-dev"; fi; \
	if ! command -v protoc >/dev/null; then want="$$want protobuf-compiler"; fi; \
	if [ -n "$$want" ]; then $(MAKE) --no-print-directory install-packages WANT="$$want" || echo "== setup: could not install$$want"; fi; \
	$(MAKE) --no-print-directory $(LINT) || echo "== setup: could not install the linter"; \
	echo "== setup: done in $$((SECONDS - start)) s"

# The tests start servers of their own: the one that Debian's package would start is kept from existing.
.PHONY: install-packages
install-packages:
	@as=; if [ "$$(id -u)" != 0 ]; then command -v sudo >/dev/null && sudo -n true 2>/dev/null && as="sudo -n" || { echo "not root: cannot install $(strip $(WANT))"; exit 1; }; fi; \
	command -v apt-get >/dev/null || { echo "no apt-get: cannot install $(strip $(WANT))"; exit 1; }; \
	no_cluster=/etc/postgresql-common/createcluster.d/rapport.conf; \
	$$as mkdir -p "$${no_cluster%/*}"; echo "create_main_cluster = false" | $$as tee "$$no_cluster" >/dev/null; \
	trap '$$as rm -f "$$no_cluster"' EXIT; \
	$$as apt-get update -q && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(WANT)
