# Every target works on a bare machine with Python 3.10 or newer: the first one run makes .venv.

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
WORKERS ?= auto
# One thread for each test process: processes that share cores slow each other down far more than twofold.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help env demo test check lint layers format bench parts clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

env: .venv/made  ## make .venv, once

.venv/made: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch .venv/made

demo: env  ## segment the bundled images and show the result
	$(BIN)/medsegdiff demo

test: env  ## all tests, with coverage
	$(PYTEST) -m '' --cov --cov-report=term

check: lint  ## style, types, layers and the fast tests
	$(PYTEST)

lint: env layers  ## style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

layers: env  ## imports point down only
	$(BIN)/lint-imports --no-cache

format: env  ## rewrite the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: env  ## measure speed beside others; the numbers name machine and commit
	$(BIN)/python -m pip install --quiet --no-deps -r benchmarks/peers.txt
	$(BIN)/python benchmarks/bench.py

parts: env  ## measure the parts that cost most, to compare commits
	$(BIN)/python -m pytest -q benchmarks --jaxtyping-packages= --benchmark-enable --benchmark-only --benchmark-autosave

clean:  ## remove what the other targets made
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .coverage
