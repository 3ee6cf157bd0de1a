# What people do here, one word each; `make` alone lists them.
# Needs python3 (3.11 or newer), python3-venv and make; everything else comes into .venv by itself.

PYTHON ?= python3
ARGS ?=
CUTS ?= 20000
SEEDS ?= 20
UV ?= uv

BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help run test check house format lint types imports bench fix crash shifts vmlab lock schema

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: $(READY)  ## a simulated line on a real broker, live (ARGS="--seconds 30")
	@$(BIN)/python -m edge_agent demo $(ARGS)

test: $(READY)  ## every test (ARGS="tests/drivers -x")
	@$(BIN)/python -m pytest $(ARGS)

check: house test  ## format, lint, types, imports, tests: before every commit

house: format lint types imports

format: $(READY)
	@$(BIN)/python -m ruff format --check

lint: $(READY)
	@$(BIN)/python -m ruff check

types: $(READY)
	@$(BIN)/python -m mypy

imports: $(READY)
	@$(BIN)/lint-imports

bench: $(READY)  ## side by side with the bare limit and the afternoon's script, minutes
	@$(BIN)/python -m tests.bench $(ARGS)

fix: $(READY)  ## let ruff format and repair what it can
	@$(BIN)/python -m ruff check --fix
	@$(BIN)/python -m ruff format

crash: $(READY)  ## a longer campaign of power cuts (CUTS=20000)
	@CUTS=$(CUTS) $(BIN)/python -m pytest -m "slow or not slow" tests/crash $(ARGS)

shifts: $(READY)  ## shifts on a virtual clock in which everything goes wrong (SEEDS=20)
	@SEEDS=$(SEEDS) $(BIN)/python -m pytest -m slow tests/simulation $(ARGS)

vmlab: $(READY)  ## the real unit on a virtual device, twenty minutes (VMLAB=folder of the lab)
	@$(BIN)/python -m pytest tests/vmlab/device.py tests/vmlab/line.py -q -s -W ignore::ResourceWarning $(ARGS)

schema: $(READY)  ## the AsyncAPI document of every message
	@$(BIN)/python -m edge_agent schema

# The first lock holds every extra and the build back end, the second what a device runs. Both have
# hashes for every platform and no address: where packages come from is the business of the machine.
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header

lock:  ## write requirements.lock and requirements-device.lock anew (needs uv)
	@command -v $(UV) > /dev/null || { echo "make lock needs uv; say where it is: make lock UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) --upgrade --all-extras --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --output-file requirements-device.lock

# Set-up is done once and again only when what it depends on has changed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer; say which one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv: once, about a minute"
	@$(PYTHON) -m venv .venv || { \
		echo "Python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
