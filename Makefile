# From a bare machine with Python 3.11 or later: `make demo` shows Recall at work, `make test` proves it.
# Another Python: make demo PYTHON=python3.13        Another place for the environment: make demo VENV=/tmp/venv

PYTHON ?= python3
VENV ?= .venv
DATA ?= ../shared/data
OUT ?= .work/compact
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test check lint fix bench wheel train

PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --retries 10 --timeout 120 -c constraints.txt
COG := COLUMNS=80 $(BIN)/cog -P

help:  ## say what can be made
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

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
	@touch $@

# $(call install,extras): Recall in place, with these extras, in the pinned versions.
define install
@$(BIN)/python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("torch"))' || \
    echo "Installing into $(VENV). PyTorch comes with its CUDA libraries on Linux, also where there is no GPU (it runs on" \
         "the CPU all the same): about 3 GB to download, 5.5 GB on disk, a few minutes. Only this once." >&2
@$(PIP_INSTALL) -e '.[$(1)]'
@touch $@
endef

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,cpu,raw,jxl,demo)

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,dev)

$(VENV)/.train: $(VENV)/.train  ## train the compact encoder anew, from the sets in DATA into the folder OUT
	@$(BIN)/python -m retrieval.tuning.compact --data $(DATA) --out $(OUT)
