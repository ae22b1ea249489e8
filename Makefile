# Every command a user or CI needs; each target is one script. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run build test test-long test-newest bench soak lint check-imports fuzz clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build a release, start the gateway with a demo provider
	@scripts/run

build: ## release binary at .build/release/weir
	@scripts/install-packages build
	@scripts/build release

test: ## everything that must pass: lint, imports, unit tests, end-to-end tests with the official SDKs
	@scripts/test

test-long: ## the same plus sanitizers, fuzzing, the long end-to-end cases and half an hour of soak
	@scripts/test --long

test-newest: ## the end-to-end tests with the newest SDKs on PyPI
	@scripts/test --newest

bench: ## what a request costs, beside nginx, Varnish, HAProxy, Envoy and LiteLLM; ONLY=hit runs one scenario (loadtests/bench --help lists them)
	@scripts/install-packages build bench
	@scripts/build release
	@loadtests/setup
	@loadtests/bench $(if $(ONLY),--only "$(ONLY)")

soak: ## mixed traffic with faults for MINUTES=30, memory and latency drawn over time
	@scripts/install-packages build
	@scripts/build release
	@loadtests/soak --minutes $(or $(MINUTES),30)

lint: ## formatting of Swift sources, shell scripts
	@scripts/lint

check-imports: ## module boundaries
	@scripts/check-imports --self-test
	@scripts/check-imports

fuzz: ## each fuzz target for SECONDS=60
	@scripts/fuzz $(or $(SECONDS),60)

clean: ## remove what building and testing made (not .weir/)
	rm -rf .build .build-asan .build-tsan .build-fuzz
