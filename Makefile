# Every recipe. `make` lists them.

CARGO ?= cargo
ADDR ?= 127.0.0.1:8080
ROLE ?= OWNER
SEED ?= 1
ROUNDS ?= 200
SEEDS ?= 100
FUZZ_CHECKS := no_failure_of_ours,status_code_conformance,content_type_conformance
FUZZ_CHECKS := $(FUZZ_CHECKS),response_schema_conformance,response_headers_conformance

.DEFAULT_GOAL := help
.PHONY: help run test test-kafka chaos chaos-defects plans fuzz-api bench check format lint docs layers policy

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and serve the demo on http://127.0.0.1:8080 (ADDR=host:port for another)
	@.ci/install
	@$(CARGO) build --release -p api
	@echo
	@echo "Stocktrail will answer at http://$(ADDR) and explain itself at http://$(ADDR)/api/docs. Ctrl-C stops it."
	@echo
	@$(CARGO) run --quiet --release -p api --bin stocktrail -- serve --demo --addr $(ADDR)

test: ## Run every test; each gets a PostgreSQL database of its own
	@.ci/install
	$(CARGO) test --workspace

test-kafka: ## Run the relay's tests against a real broker, KAFKA_BROKERS=host:port (see docs/kafka.md)
	@test -n "$(KAFKA_BROKERS)" || { echo "name a broker: make test-kafka KAFKA_BROKERS=host:port" >&2; exit 2; }
	@.ci/install
	KAFKA_BROKERS=$(KAFKA_BROKERS) $(CARGO) test -p connectors --test relay
	KAFKA_BROKERS=$(KAFKA_BROKERS) $(CARGO) test -p tests --test http relay::

chaos: ## Let everything fail while people write, ROUNDS=200 times, and stop lease holders for a minute (an hour or two)
	@.ci/install
	STOCKTRAIL_CHAOS_ROUNDS=$(ROUNDS) $(CARGO) test --release -p api --test chaos -- --nocapture
	STOCKTRAIL_STOP_ROUNDS=20 STOCKTRAIL_STOP_SECONDS=60 $(CARGO) test --release -p api --test process stopped:: -- --nocapture

chaos-defects: ## Break the product in six ways; the same suite must find each
	@.ci/install
	@CARGO="$(CARGO)" .ci/chaos-defects

plans: ## Compare plans after 10,000 random events with one computation of everything, SEEDS=100 times from SEED=1
	@.ci/install
	STOCKTRAIL_PLAN_SEEDS=$(SEEDS) STOCKTRAIL_PLAN_SEED=$(SEED) STOCKTRAIL_PLAN_EVENTS=10000 $(CARGO) test -p projections \
		--test rebuild interleaved::plans -- --nocapture

fuzz-api: ## Fuzz a running server (ADDR=, ROLE=, SEED=) through its OpenAPI document; needs schemathesis
	FUZZ_URL=http://$(ADDR) FUZZ_ROLE=$(ROLE) SCHEMATHESIS_HOOKS=tests/fuzz/hooks.py schemathesis run \
		http://$(ADDR)/api/v1/openapi.json --seed $(SEED) --max-examples 25 --continue-on-failure \
		--exclude-operation-id stream_events --checks $(FUZZ_CHECKS)

bench: ## Measure beside pgbench and postgres-es
	@.ci/install
	$(CARGO) run --release -p bench

check: format lint docs layers policy ## Everything that needs no database: format, lints, documentation, layers, dependencies

format: ## Is everything formatted?
	$(CARGO) fmt --all --check

lint: ## Clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets -- -D warnings

docs: ## Build the documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace

layers: ## Do the crates depend on each other as ARCHITECTURE.md says?
	@CARGO="$(CARGO)" .ci/layers

policy: ## Licences and advisories of dependencies, where cargo-deny is installed
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed: licences and advisories were not checked"; fi
