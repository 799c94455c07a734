# Everything runs in .venv, which the first target that needs it makes. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
BENCH ?= # options of the benchmarks
PAGES := $(if $(shell command -v npm),node_modules/installed)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-citus test-days lint bench bench-postgres bench-statistics bench-beside bench-events bench-sync bench-citus bench-pages vendor client words screenshots lock clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made without ensurepip, which Debian keeps in a package of its own; the machine's pip fills it, hashes checked.
.venv/installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements-dev.txt
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: .venv/installed $(PAGES) ## make .venv and node_modules with everything that is pinned

demo: .venv/installed ## start the service with three sample courses and print curl lines to paste
	$(BIN)/headway demo --port $(PORT)

# For the tests of the pages, and the tools of their scripts. Without npm or Chromium the tests say loudly that they did not run.
node_modules/installed: package.json package-lock.json
	npm ci --ignore-scripts --silent
	@touch $@

test: .venv/installed $(PAGES) ## run the tests, in parallel
	$(BIN)/pytest

test-fast: .venv/installed ## run the quick tests: the rules, the store on SQLite, the API
	$(BIN)/pytest tests/domain tests/storage tests/http -m "not postgres and not slow" --hypothesis-profile quick -n 2

# A cluster is set up as docs/operations.md says; the address is of any database on the coordinator that knows all nodes.
test-citus: .venv/installed ## run the tests of the stores, use cases and API on the Citus cluster of HEADWAY_TEST_CITUS_URL
	@test -n "$$HEADWAY_TEST_CITUS_URL" || { echo "NOTHING WAS TESTED: set HEADWAY_TEST_CITUS_URL to a Citus coordinator's address." >&2; exit 2; }
	$(BIN)/pytest tests/storage tests/jobs tests/http -m "postgres and not one_server" -n 2 --timeout 900

test-days: .venv/installed node_modules/installed ## run what could depend on the day as of other days (needs faketime)
	$(BIN)/python tools/days.py

lint: .venv/installed node_modules/installed ## format check, lint, types, import rules; the pages' scripts, too (needs npm)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	node_modules/.bin/biome check --error-on-warnings .
	node_modules/.bin/tsc --project .
	node_modules/.bin/tsc --project clients/javascript --noEmit --emitDeclarationOnly false

bench: .venv/installed ## measure against the ceiling and other services; without BENCH, bench-sync, too (needs wrk)
	$(BIN)/python benchmarks/run.py $(BENCH)
	$(if $(strip $(BENCH)),,$(BIN)/python benchmarks/run_sync.py)

bench-postgres: .venv/installed ## measure on PostgreSQL against PostgreSQL alone (needs wrk)
	$(BIN)/python benchmarks/run_postgres.py $(BENCH)

bench-statistics: .venv/installed ## measure what courses' figures cost, on both stores (needs wrk)
	$(BIN)/python benchmarks/run_statistics.py $(BENCH)

bench-citus: .venv/installed ## measure a Citus cluster against one server: BENCH="--cluster URL --server URL" (needs wrk)
	$(BIN)/python benchmarks/run_citus.py $(BENCH)

bench-beside: .venv/installed ## measure what a PUT waits beside long reads and imports, on both stores (needs wrk)
	$(BIN)/python benchmarks/run_beside.py $(BENCH)

bench-events: .venv/installed ## measure what events cost a PUT, on both stores (needs wrk)
	$(BIN)/python benchmarks/run_events.py $(BENCH)

bench-sync: .venv/installed ## measure writes of devices against the bare store, on both stores (needs wrk)
	$(BIN)/python benchmarks/run_sync.py $(BENCH)

bench-pages: .venv/installed ## measure how soon pages are painted in a browser (needs Chromium)
	$(BIN)/python benchmarks/run_pages.py

vendor: node_modules/installed ## make the pages' copies of other people's scripts anew (needs Node.js 20.11)
	node tools/vendor.mjs

client: .venv/installed node_modules/installed ## make what is generated of both clients anew (needs Node.js 20.11)
	$(BIN)/python tools/python_client.py
	node tools/client.mjs

words: .venv/installed ## add new sentences of the pages to the catalogues of all languages, and remove old ones
	$(BIN)/python tools/words.py

screenshots: .venv/installed node_modules/installed ## take pictures of every page into docs/screenshots (needs Chromium)
	$(BIN)/python tools/screenshots.py

lock: ## pin the dependencies anew, with hashes and without any address (needs uv)
	uv pip compile --quiet --no-header --generate-hashes --no-emit-index-url --no-emit-find-links \
		--extra dev --python-version 3.11 pyproject.toml -o requirements-dev.txt

clean: ## remove what the other targets made
	rm -rf .venv node_modules .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
