# `make` alone explains what there is.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help up test demo-fal check guards soak bench locks clean

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/product ## Set up and run the product
	$(BIN)/easel up

demo-fal: .venv/product ## The product against a stand-in for fal.ai that misbehaves on request: [drop-after] in a prompt
	$(BIN)/python -m tests.simulators.demo_fal

test: check .venv/s3 ## Set up and pass every test
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/python -m tests.guards

check: .venv/develop ## Style, types and the directions between folders
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

guards: .venv/develop ## Remove each guard of the ledger in turn: a test must fail (GUARD=part of a name)
	$(BIN)/python -m tests.guards "$(GUARD)"

soak: .venv/develop ## The ledger for STEPS=200000 steps, and KILLS=100 of processes, on each database
	EASEL_STEPS=$(or $(STEPS),200000) $(BIN)/python -m pytest -n 2 tests/engine/test_machine.py
	EASEL_KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest -n 2 tests/crash

bench: .venv/develop ## Measure, as ratios to the least possible work in the same run
	$(BIN)/python -m bench all

locks: .venv/develop ## Make the locks anew from pyproject.toml
	$(COMPILE) pyproject.toml --extra install -o locks/product.txt
	$(COMPILE) pyproject.toml --extra install --extra develop -o locks/develop.txt
	echo 'moto[server]~=5.2.5' | $(COMPILE) - -o locks/s3.txt
	printf '%s\n' 'arq~=0.28.0' 'saq[redis]~=0.26.4' 'aiohttp~=3.14.5' | $(COMPILE) - -o locks/peers.txt

clean: ## Remove what was set up; data stays
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/product: .venv/bin/python locks/product.txt pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r locks/product.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# A service for buckets, to test against; in a place of its own, because it finds no versions beside ours.
.venv/s3: .venv/bin/python locks/s3.txt
	$(BIN)/python -m venv .venv/moto
	.venv/moto/bin/pip install -q --disable-pip-version-check --require-hashes -r locks/s3.txt
	@touch $@

.venv/develop: .venv/product locks/develop.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r locks/develop.txt
	@touch $@
