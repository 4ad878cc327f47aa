# make console  build the page (web/) into api/static/; make setup does so too
# make demo   the whole city on this machine, no Docker, no account
# make test   everything the tests need, then the tests in three processes (WORKERS=1 for one)
# make check  style, types and import rules
# make docs   the documentation as a site in build/site, English and Korean; broken links and anchors fail, here and in make check
# make bench  speed of each part as a ratio to the plainest code that does its work: a table, and JSON in build/ (four minutes)
# make bench-check  the same, and fails where a ratio is a fifth worse than the committed one
# make bench-detection  how well fires are found and told from other things, as a table, and as JSON in build/ (20 min on two free cores; NATURE=particles or both)
# make chaos  break one part after the other under load and count what comes through (MINUTES=1 the store stays away, ROUNDS=5 kills of up)
# make compose  of the tests, only the one that starts the stack in an engine of Docker and kills its parts (root; Debian's docker.io)
# make attack  attack both brokers and the api of a platform of its own and print what held (ATTEMPTS=names of some)
# make pipeline  play scenarios on a real broker and store and count which end as expected (SCENARIOS=their folder)
# make dashboards  Grafana's dashboards and alert rules from grafana/
# make fuzz  make and change messages of all formats for MINUTES and say what broke; KEEP=--keep adds what reaches new code to the corpus
# make lock  requirements.lock and requirements-dev.lock anew, from pyproject.toml and constraints.txt
# make audit  ask the advisory database about every version in the locks (ends with 3 where it cannot be asked)
# make sbom  build/sbom.json, what is installed as CycloneDX
# make licences  docs/licences.md, what every package says of its licence
# make validation  docs/validation.md and docs/smoke.md with all their tables and pictures (DATA=folder of the measurements; takes hours)
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# The page; its parts lie beside it.
CONSOLE := api/static/index.html
# The physics, which numba compiles.
WARM := .venv/.warm
# Tools that ask or write about packages, apart from what they look at.
TOOLS := build/tools

DATA ?= ../shared/data
MINUTES ?= 1
ROUNDS ?= 5
# What carries the smoke that detection is judged by.
NATURE ?= puffs
# Tests run in so many processes; most of the time of one goes into waiting for servers.
WORKERS ?= 3
ATTEMPTS ?=
SCENARIOS ?= evaluation/pipeline/cases

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := --require-hashes --requirement requirements-dev.lock
# uv needs a tenth of pip's time. It does not read pip's settings; where it finds no packages, pip is asked.
# What is compiled now is not compiled at the first start, nor at each one where Python may not write.
UV_INSTALL := $(PIP) --constraint constraints.txt uv && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(LOCKED)

.PHONY: help setup console demo test check docs bench bench-check bench-detection chaos compose attack pipeline dashboards fuzz lock audit sbom licences validation clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(INSTALLED)
	@$(MAKE) --silent --jobs 2 $(WARM) $(CONSOLE)

$(INSTALLED): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "this Python cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 2; }
	@$(UV_INSTALL) || $(PIP) $(LOCKED)
	$(PIP) --no-deps --editable .
	@$(BIN)/python -m compileall -q -j 0 jeonju jeonju/*/
	@touch $@

$(WARM): $(INSTALLED)
	@echo "compiling the physics, once"
	@$(BIN)/python scripts/warm
	@touch $@

# Without the packages of npm nothing is made, and the next setup tries again.
$(CONSOLE): $(INSTALLED) web/package-lock.json web/index.html web/vite.config.ts $(wildcard web/src/* web/src/*/*)
	@scripts/console $(BIN)/python

console: $(INSTALLED)
	@scripts/console $(BIN)/python

demo: setup
	$(BIN)/jeonju up

test: setup
	@scripts/servers
	scripts/console $(BIN)/python test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	scripts/console $(BIN)/python check
	$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory docs

docs: setup
	$(BIN)/python -m docsite build/site

bench bench-check: setup
	@mkdir -p build
	$(BIN)/python -m benchmarks ratios > build/bench.json
	@$(BIN)/python -m benchmarks._check build/bench.json $(if $(filter bench-check,$@),--fail)

bench-detection: setup
	@mkdir -p build
	$(BIN)/python -m benchmarks detection --nature $(NATURE) > build/detection.json

chaos: setup
	@scripts/servers
	$(BIN)/python -m chaos --minutes $(MINUTES) --rounds $(ROUNDS)

compose: setup
	@scripts/servers
	$(BIN)/python -m pytest tests/test_compose_docker.py

attack: setup
	@scripts/servers
	$(BIN)/python -m attack $(ATTEMPTS)

pipeline: setup
	$(BIN)/jeonju evaluate pipeline $(SCENARIOS)

dashboards: setup
	$(BIN)/python -m jeonju.grafana

fuzz: setup
	$(BIN)/python -m tests.decoders.fuzz --minutes $(MINUTES) $(KEEP)

$(TOOLS)/.installed: scripts/tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement scripts/tools.txt
	@touch $@

lock: $(TOOLS)/.installed
	scripts/lock $(TOOLS)/bin/uv

audit: $(TOOLS)/.installed
	@scripts/audit $(TOOLS)/bin/pip-audit

sbom: setup $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json $(BIN)/python

licences: setup
	$(BIN)/python scripts/licences > build/licences.md
	mv build/licences.md docs/licences.md

validation: setup
	@mkdir -p build
	$(BIN)/python -m benchmarks dispersion incidents fresh_fires detection two_natures --nature both > build/benchmarks.json
	$(BIN)/jeonju evaluate report $(DATA) --benchmarks build/benchmarks.json --out docs/validation.md

clean:
	rm -rf .venv build dist api/static web/node_modules *.egg-info .mypy_cache .pytest_cache .ruff_cache
