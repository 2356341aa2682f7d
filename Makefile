# Everything a fresh machine needs is Python 3.11 or newer with venv and pip, and make.
#
# Installation happens once: the stamp files in .venv are newer than pyproject.toml and constraints.txt until one of them changes.
# Paths are relative on purpose, so that a folder with spaces in its name works.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

# A variable and not `pip -c`, so that isolated build environments obey it too.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Layerize needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
		"Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e '.[text]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $(VENV)/.installed $@

demo: $(VENV)/.installed ## install, split examples/poster.png, show where the results are
	@$(BIN)/python examples/demo.py demo

test: $(VENV)/.installed-test check ## install with the test extras, then check and run the whole suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --durations=10

check: $(VENV)/.installed-test ## formatting, lint, strict types, import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py

format: $(VENV)/.installed-test ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-test ## run every benchmark and print the tables
	$(BIN)/python benchmarks/run.py

clean: ## remove the environment, caches and the demo's results
	rm -rf $(VENV) demo build dist src/layerize.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
