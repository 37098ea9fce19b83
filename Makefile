# Everything a developer or a newcomer types. Each target sets up what it needs; the stamps in
# .venv see to it that the second run is quick.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check -qq
EDITABLE := $(PIP) install --no-deps --no-build-isolation --editable .

# What is installed: the program alone, or the tools to work on it as well.
READY := .venv/ready
READY_FOR_WORK := .venv/ready-for-work
PDS := tests/pds/node_modules/better-sqlite3/build/Release/better_sqlite3.node
MCP := tests/mcp/node_modules/.package-lock.json

# Many tests wait for processes and for time to pass: one worker more than there are cores.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count(), 4) + 1)')

.PHONY: help demo run test check bench pds mcp lock migration

help: ## Show what there is to type
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Publish a small calendar to simulated networks, and check what they hold
	@$(BIN)/oncue demo

run: $(READY) ## Serve, with simulated networks beside; the first time it prints the keys
	@$(BIN)/oncue init --sandbox
	@exec $(BIN)/oncue serve --sandbox

test: $(READY_FOR_WORK) ## Run the tests (t="tests/cli -k demo" for some of them)
	@$(BIN)/pytest -q --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder -rs $(t)

check: $(READY_FOR_WORK) ## Lint, formatting, types, import contract
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY_FOR_WORK) ## Measure, beside bare programs that do the same (b="--quick" for a glance)
	@$(BIN)/python -m bench $(b)

pds: $(if $(shell command -v npm),$(PDS),without-npm) ## Install a real Bluesky server for its tests (needs Node.js)

mcp: $(if $(shell command -v npm),$(MCP),without-npm) ## Install an MCP client of the documented API for its tests (needs Node.js)

lock: .venv/lock/bin/uv ## Resolve requirements/*.txt from pyproject.toml (u=--upgrade for newer releases)
	$(RESOLVE) --group build -o requirements/build.txt
	$(RESOLVE) pyproject.toml -o requirements/run.txt
	$(RESOLVE) pyproject.toml --group dev -o requirements/dev.txt

RESOLVE = $< pip compile --quiet $(u) --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header

migration: $(READY_FOR_WORK) ## Write a migration for what changed in the models: make migration m="Add a thing"
	@$(BIN)/python -c "$$NEW_MIGRATION" "$(m)"

$(READY): requirements/build.txt requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Setting up (once)..."
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(EDITABLE)
	@touch $@

$(READY_FOR_WORK): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Setting up the tools for development (once)..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(EDITABLE)
	@touch $(READY) $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and there is no python3 here."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv

$(PDS): tests/pds/package-lock.json
	@echo "Installing a real Bluesky server (once; some minutes)..."
	@cd tests/pds && npm ci --ignore-scripts --no-audit --no-fund
	@cd tests/pds && npm rebuild better-sqlite3 --ignore-scripts=false
	@touch $@

$(MCP): tests/mcp/package-lock.json
	@cd tests/mcp && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: without-npm
without-npm:
	@echo "There is no npm here, so the tests that need what it installs are skipped."

.venv/lock/bin/uv: | $(BIN)/python
	@$(PYTHON) -m venv .venv/lock
	@.venv/lock/bin/pip --disable-pip-version-check --quiet install uv

define NEW_MIGRATION
import sys
from alembic import command
from sqlalchemy import create_engine
import oncue.tables
from oncue.db import migrate

if not sys.argv[1]:
    sys.exit('Say what changes: make migration m="Add a thing"')
with create_engine("sqlite://").begin() as connection:
    number = len(migrate.upgrade(connection)) + 1
    config = migrate.config(connection)
    command.revision(config, sys.argv[1], autogenerate=True, rev_id=f"{number:04}")
endef
export NEW_MIGRATION
