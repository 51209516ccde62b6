# Needs Python 3.11 or later, make and git. Another Python: make test PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9

# One environment in two stages: what running needs, then what developing needs on top.
# KEY stands for this Python and this folder: with another one, $(VENV) is made anew.
KEY := $(shell { $(PYTHON) -c 'import sys; print(sys.version, sys.base_prefix)'; pwd; } 2>/dev/null | cksum | cut -d' ' -f1)
RUNTIME := $(VENV)/$(KEY).runtime
DEV := $(VENV)/$(KEY).dev

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(RUNTIME) ## Run the examples: a real workflow, then one whose tasks misbehave
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

.PHONY: test
test: $(DEV) ## Run the gates and all tests but the long ones; ARGS="-k name" narrows it
	@scripts/debian-packages
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(DEV) ## Run the gates alone: layers, sizes, types, style, docs in step
	@$(BIN)/python -m pytest -q tests/arch $(ARGS)

.PHONY: format
format: $(DEV) ## Put code in shape and order the imports
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

.PHONY: bench
bench: $(DEV) ## Measure throughput and latency beside the bare floor
	@$(BIN)/python -m bench $(ARGS)

.PHONY: docs
docs: $(DEV) ## Write the generated reference pages anew
	@$(BIN)/python scripts/gen_docs.py

.PHONY: lock
lock: ## Pin the dependencies anew; ARGS=--upgrade takes newer versions
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv --clear .venv-lock && .venv-lock/bin/python -m pip install --quiet $(UV); }
	@scripts/lock .venv-lock/bin/python $(ARGS)

.PHONY: clean
clean: ## Remove environments, caches and what was built
	@rm -rf $(VENV) .venv-lock build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements/runtime.lock pyproject.toml scripts/make-venv
	@scripts/make-venv $(PYTHON) $(VENV) $(KEY) runtime

$(DEV): $(RUNTIME) requirements/dev.lock
	@scripts/make-venv $(PYTHON) $(VENV) $(KEY) dev
