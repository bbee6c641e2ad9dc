# Glidein's tasks. `make` lists them; each line that starts with two hashes is a target's help.
# UV is found or fetched by .ci/get_uv.py, which needs nothing but Python 3.11's own library.

SHELL := /bin/bash
PYTHON ?= python3
UV = $(shell $(PYTHON) .ci/get_uv.py)
RUN = $(UV) run --frozen
SOURCES = glidein annex cloud_init slurm_templates tests bench .ci
SHELLS = glidein/payload/pilot.sh glidein/data/start-pilot.sh tests/host/standin.sh \
	$(wildcard tests/beds/slurm/*.sh) .ci/run .ci/prepare .ci/suite
# What is sourced or put together with others has no first line of its own and names of theirs.
FRAGMENTS = slurm_templates/launch.sh $(wildcard annex/far/*.sh)

.PHONY: help setup demo test test-sid test-long gpu-pilot unit lint types arrows shell format lock bench clean

## help: list the targets
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## setup: make the environment in .venv from uv.lock
setup:
	@$(UV) sync --frozen --quiet

## demo: a real pool, a real pilot and the two-step workflow on this machine, without root
demo:
	@$(UV) run --frozen --no-dev glidein demo

## test: everything, on real parts (needs root, says so first)
test:
	@.ci/prepare
	@$(MAKE) --no-print-directory lint
	@.ci/suite $(RUN)
	$(RUN) coverage report --skip-covered --sort=cover

## test-sid: the smoke matrix with the HTCondor of Debian sid, in both directions
test-sid:
	@.ci/prepare
	$(RUN) pytest -m sid

## test-long: the tests that wait for minutes of real time, such as a WAN cut of ten
test-long:
	@.ci/prepare
	$(RUN) pytest -m long

## unit: the tests that start no daemon and need no root, in about a minute
unit:
	$(RUN) pytest -m 'not real and not root and not sid and not long' -q

## lint: style, types, arrows between rooms, shell
lint: setup
	$(RUN) ruff check $(SOURCES)
	$(RUN) ruff format --check $(SOURCES)
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) shellcheck $(SHELLS)
	$(RUN) shellcheck -s bash -e SC2034,SC2154 $(FRAGMENTS)
	$(RUN) shfmt -d -i 2 -ci $(SHELLS) $(FRAGMENTS)

## format: put code and shell into house style
format:
	$(RUN) ruff check --fix-only $(SOURCES)
	$(RUN) ruff format $(SOURCES)
	$(RUN) shfmt -w -i 2 -ci $(SHELLS) $(FRAGMENTS)

## lock: bring uv.lock up to date with pyproject.toml
lock:
	$(UV) lock

## bench: every benchmark, each a table and a JSON file under bench/out
bench:
	for b in $(filter-out bench/bench_gpu_pilot.py,$(wildcard bench/bench_*.py)); do $(RUN) python -m bench.$$(basename $$b .py) || exit 1; done

## gpu-pilot: a GPU job through a pilot, where there is an NVIDIA GPU and no network (RUNTIME=TAR)
gpu-pilot:
	$(PYTHON) -m bench.bench_gpu_pilot $(RUNTIME)

## clean: remove what make made in this folder
clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage dist bench/out
