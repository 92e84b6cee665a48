SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
FUNCTIONS := .venv/functions
TOOLS := .venv/tools
# uv comes from the machine when it has one, else into an environment of its own.
UV := $(or $(shell command -v uv 2>/dev/null),.venv/uv/bin/uv)

export PYTHONDONTWRITEBYTECODE :=
export UV_PYTHON_DOWNLOADS := never

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

.venv/uv/bin/uv:
	@echo "uv is not installed: putting it into .venv/uv"
	@$(PYTHON) -m venv .venv/uv && .venv/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

$(FUNCTIONS)/.ready: requirements/functions.txt $(filter .venv/%,$(UV))
	@echo "preparing $(FUNCTIONS)"
	@test -x $(FUNCTIONS)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(FUNCTIONS)
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(FUNCTIONS)/bin/python $<
	@touch $@

$(TOOLS)/.ready: requirements/tools.txt $(filter .venv/%,$(UV))
	@echo "preparing $(TOOLS)"
	@test -x $(TOOLS)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(TOOLS)
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(TOOLS)/bin/python $<
	@touch $@

setup: $(FUNCTIONS)/.ready $(TOOLS)/.ready ## both environments, from the locks

lock: $(filter .venv/%,$(UV)) ## resolve the dependencies anew (UPGRADE=1 takes newer ones)
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header $(if $(UPGRADE),--upgrade) pyproject.toml --group tools -o requirements/tools.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -c requirements/tools.txt -o requirements/functions.txt

.PHONY: help setup lock
