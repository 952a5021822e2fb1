.DEFAULT_GOAL := help
PORT ?= 4566
ENV ?= dev
PYTHON ?= python3
BIN = .venv/bin
SOAK = tests/soak tests/integration/test_state_machine.py tests/integration/test_import_bootcamp.py tests/unit/test_abuse.py

.PHONY: help run logs clean-data unit test soak mutate bench sam-local cost check deploy delete clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: .venv/run ## the whole system on this machine, with demo people (PORT=4566)
	@$(BIN)/python -m local.run --port $(PORT)

logs: .venv/run ## follow the functions' logs of the local system
	@$(BIN)/python -m local.logs

clean-data: .venv/run ## forget the local system's data
	@$(BIN)/python -m local.run --clean-data

unit: .venv/test ## the tests that need no sockets: in a minute
	@$(BIN)/python -m pytest -n logical --dist loadfile $(PYTEST_ARGUMENTS) tests/unit

test: .venv/test ## every test; what is missing on this machine is said
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder $(PYTEST_ARGUMENTS)

soak: .venv/test ## the long tests: load, kills, thousands of random histories; writes docs/reliability.md
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest -n 0 --hypothesis-profile=soak $(SOAK)

mutate: .cache/mutation/bin/mutmut ## break the rules' code in every small way: which does no unit test notice? (ten minutes)
	@rm -rf .cache/mutate && mkdir -p .cache/mutate
	@cp -R layers/shared/messaging events functions operators tests template.yaml pyproject.toml .cache/mutate
	@cd .cache/mutate && ../mutation/bin/python -m tests.mutation run && ../mutation/bin/mutmut results

sam-local: .venv/test ## every sample event under `sam local`, in Docker containers
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest -n 0 -v tests/sam_local

cost: .venv/test ## measure, and write docs/cost.md: what a month costs
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m tests.cost

bench: .venv/bench ## measure for some ten minutes, and write docs/benchmarks.md and its plots (Linux)
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m tests.bench

check: .venv/test ## ruff, mypy, sam validate --lint, zizmor, cfn-lint in all regions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint
	@$(BIN)/zizmor --offline --quiet .github
	@$(BIN)/python -m pytest -n 0 -q tests/check

deploy: .venv/run ## to AWS, as dev or ENV=prod (PARAMETERS="Name=value …", CONTAINER=1, YES=1)
	@$(BIN)/python -m operators.deployment deploy $(ENV) $(PARAMETERS) $(CONTAINER:1=--container) $(YES:1=--yes)

delete: .venv/run ## from AWS, with all data, as dev or ENV=prod (YES=1)
	@$(BIN)/python -m operators.deployment delete $(ENV) $(YES:1=--yes)

clean: ## forget everything that was made here, the environment and the data too
	rm -rf .venv .aws-sam .cache .local

.venv/run: pyproject.toml
	@echo "Installing what the local system needs into .venv …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[run]'
	@touch $@

.venv/test: .venv/run
	@echo "Installing what the tests need into .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[run,test]'
	@touch $@

.venv/bench: .venv/test
	@echo "Installing what the benchmarks need into .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[run,test,bench]'
	@touch $@

.cache/mutation/bin/mutmut: pyproject.toml
	@echo "Installing what mutation needs into .cache/mutation …"
	@test -x .cache/mutation/bin/python || $(PYTHON) -m venv .cache/mutation
	@.cache/mutation/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[mutate,test]'
	@touch $@
