# rehydrate: `make` lists what there is to make.
SHELL := /bin/sh
.DEFAULT_GOAL := help

CACHE ?= $(or $(REHYDRATE_CACHE),$(HOME)/.cache/rehydrate)
BIN := $(CURDIR)/bin
DEMO := $(or $(DEMO_STATE),.rehydrate/demo)
GOFLAGS_BUILD := -buildvcs=false
export REHYDRATE_CACHE := $(CACHE)

.PHONY: help demo demo-reset try test check unit fmt lint imports cross race properties bench bench-scan bench-twin bench-roll mutation fuzz build tools packages packer live crash clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: tools build ## run the main job on the embedded AWS with real Debian packages
	@examples/demo/run.sh

demo-reset: ## end the demo's twin and forget its world and runs
	@bin/rehydrate twin stop --state $(DEMO)/twin 2>/dev/null || true
	rm -rf $(DEMO) 2>/dev/null || tools/as-root.sh rm -rf $(DEMO)

try: build ## the main job on modelled instances: no root, Packer or Debian
	@bin/rehydrate run --twin --modelled --config examples/modelled/rehydrate.hcl --state .rehydrate/try web

# Property tests draw the same worlds here each time: a red `make test` is about the
# change, and is red again. `make check` goes on drawing new ones, `make properties` many.
test: export RAPID_SEED ?= 1
test: tools build ## install what is needed and run every test (REQUIRE_ALL=1: a skip is a failure)
	tools/as-root.sh go test -timeout 40m ./...

check: fmt lint imports cross unit ## format, vet, lint, import rules, other systems, unit tests: before every commit

unit: ## the quick tests only
	go test -short -timeout 5m ./...

fmt: ## refuse code that gofmt would change
	@bad=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi

lint: $(CACHE)/tools/golangci-lint ## vet and lint
	go vet ./...
	$(CACHE)/tools/golangci-lint run --timeout 5m ./...

imports: ## who may import whom (docs/architecture.md)
	go test -count=1 -run 'TestImports' ./test/rules

cross: ## build for the other systems
	GOOS=darwin go build ./... && GOOS=windows go build ./...

race: ## unit tests under the race detector
	go test -race -short -timeout 20m ./...

properties: ## draw many more worlds for every property test: CHECKS each (5000), new ones each time
	tools/properties.sh $(or $(CHECKS),5000)

bench: ## measure evaluation of 1000 nodes on one core: decisions per second
	go test -run '^$$' -bench . -benchtime 1000x -cpu 1 ./baseline

bench-scan: ## measure our readers against apt, dnf and others on this machine: ratios, bars, same answers
	go run -buildvcs=false ./test/benchscan $(BENCHSCAN)

bench-twin: ## measure the embedded AWS: 40,000 instances loaded and rolled in virtual time, pages, requests
	go run -buildvcs=false ./test/benchtwin $(BENCHTWIN)

bench-roll: ## measure our roller on 40,000 instances of the embedded AWS: plan, memory, calls, throttling, rehearsal
	go run -buildvcs=false ./test/benchroll $(BENCHROLL)

mutation: ## plant faults in the engine: how many do its tests catch (minutes)
	go run ./baseline/internal/mutation

fuzz: ## every fuzz target for FUZZTIME (20s)
	tools/fuzz.sh $(or $(FUZZTIME),20s)

crash: tools build ## kill a real bake at many moments and resume it
	REHYDRATE_CRASH=full go test -timeout 60m -run Crash -v ./test/...

build: ## the three binaries, into bin/
	@mkdir -p $(BIN)
	go build $(GOFLAGS_BUILD) -o $(BIN)/rehydrate ./cmd/rehydrate
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -ldflags '-s -w' -o $(BIN)/rehydrate-node ./cmd/rehydrate-node
	go build $(GOFLAGS_BUILD) -ldflags '-s -w' -o $(BIN)/packer-plugin-rehydrate ./cmd/packer-plugin-rehydrate

tools: packages packer ## what the demo and the tests need, once

packages:
	@tools/packages.sh

packer:
	@tools/packer.sh $(CACHE)/tools

$(CACHE)/tools/golangci-lint: tools/go.mod
	@echo "building golangci-lint from its Go module (once) ..."
	@mkdir -p $(CACHE)/tools
	cd tools && GOFLAGS=-mod=mod go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

live: ## the same assertions against a real AWS account: refused unless REHYDRATE_LIVE_ACCOUNT is set
	@test -n "$$REHYDRATE_LIVE_ACCOUNT" || { echo "make live costs money in a real account: set REHYDRATE_LIVE_ACCOUNT to its id first" >&2; exit 2; }
	go test -tags live -timeout 120m -v ./test/live

clean: ## end the twins and remove what was made here (not the cache)
	@for twin in .rehydrate/twin .rehydrate/*/twin; do [ ! -d "$$twin" ] || bin/rehydrate twin stop --state "$$twin" || true; done
	rm -rf $(BIN) .rehydrate 2>/dev/null || tools/as-root.sh rm -rf $(BIN) .rehydrate
