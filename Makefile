.DEFAULT_GOAL := help
PORT ?= 4566
ENV ?= dev
PYTHON ?= python3
BIN = .venv/bin
PIP = -m pip install --quiet --disable-pip-version-check
# Not for the make that `sam build` runs, which would take them for its own.
unexport PYTHON
MAKEOVERRIDES =
# In every locale.
export PYTHONUTF8 = 1
unexport PYTHONIOENCODING
# Where an image sets it, each process would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE
COMPILE = .cache/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-annotate --custom-compile-command 'make lock'
SOAK = tests/soak tests/integration/test_damage.py tests/integration/test_interrupted_erasure.py \
  tests/integration/test_histories_on_dynamodb_local.py tests/integration/test_import_bootcamp.py \
  tests/integration/test_state_machine.py tests/integration/test_stream_handler.py tests/unit/test_abuse.py \
  tests/unit/test_inbox_simulation.py tests/unit/test_signing.py

.PHONY: FORCE help run example-plain example-react example-flask logs clean-data prepare unit test soak mutate bench sam-local smoke docs cost check check-web lock sbom build deploy delete clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: .venv/run ## start the whole system on this machine, with demo people (PORT=4566, ORIGINS="http://localhost:5173 …", ISSUER, AUDIENCE, CLIENT_ID)
	@$(BIN)/python -m local.run --port='$(PORT)' --origins='$(ORIGINS)' --issuer='$(ISSUER)' --audience='$(AUDIENCE)' --client-id='$(CLIENT_ID)'

example-plain: .venv/run ## serve a page without tools, beside make run; examples/README.md has its parameters
	@$(BIN)/python -m http.server 5173 --bind 127.0.0.1 --directory examples/plain

example-react: .venv/test node_modules/.package-lock.json ## serve a React app and an OpenID Connect issuer, likewise
	@$(BIN)/python -m tests.support.issuer --port 9000 & issuer=$$!; trap "kill $$issuer" EXIT; npm start --prefix examples/react

example-flask: .venv/test ## serve a Flask app that signs its people's tokens, likewise
	@$(BIN)/python examples/flask/app.py

logs: .venv/run ## follow the functions' logs of the local system
	@$(BIN)/python -m local.logs

clean-data: .venv/run ## delete the local system's data
	@$(BIN)/python -m local.run --clean-data

unit: .venv/test ## run the tests that need no sockets; takes a minute
	@$(BIN)/python -m pytest -n logical --dist loadfile $(PYTEST_ARGUMENTS) tests/unit

prepare: .venv/test ## install all that single tests need: pytest, DynamoDB Local
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.package-lock.json; fi
	@$(BIN)/python -m tests.support.prepare

test: prepare ## run every test; reports tests skipped on this machine
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGUMENTS)

soak: prepare ## run the long tests (load, kills, thousands of random histories), write docs/reliability.md
	@$(BIN)/python -m pytest -n 0 --hypothesis-profile=soak $(SOAK)

mutate: .cache/mutation/bin/mutmut ## mutation-test the rules; list survivors (half an hour on two cores)
	@rm -rf .cache/mutate && mkdir -p .cache/mutate
	@cp -R layers/shared/messaging events functions operators tests tools template.yaml asyncapi.yaml pyproject.toml .cache/mutate
	@cd .cache/mutate && ../mutation/bin/python -m tools.mutation run && ../mutation/bin/mutmut results

sam-local: prepare ## run every sample event with `sam local`, in Docker containers
	@$(BIN)/python -m pytest -n 0 -v tests/sam_local

smoke: .venv/run ## deploy to AWS as ENV=dev, use everything once, delete it, and write a report (ENV=local: check make run)
	@$(BIN)/python -m tools.smoke $(ENV)

docs: prepare ## write docs/api.md and the policies in docs/before-you-deploy.md anew (a minute)
	@$(BIN)/python -m tools.docs

cost: prepare ## measure the cost of a month, write docs/cost.md
	@$(BIN)/python -m tools.cost

bench: .venv/bench prepare ## measure for some ten minutes, write docs/benchmarks.md and its plots (Linux)
	@$(BIN)/python -m tools.bench

check: .venv/test ## run linters, type checks, layer and English checks, cfn-lint in all regions, an audit of the locked packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/python tools/english.py
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint
	@$(BIN)/zizmor --offline --quiet .github
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-web; \
		else echo "Skipped: biome and tsc on web/ need npm. Install it (Debian: apt install npm)." >&2; fi
	@$(BIN)/python -m pytest -n 0 -q tests/check
	@$(BIN)/python -m tools.audit

check-web: node_modules/.package-lock.json
	@node_modules/.bin/biome ci --error-on-warnings
	@node_modules/.bin/tsc
	@node_modules/.bin/tsc -p packages/client-js
	@node_modules/.bin/tsc -p packages/react

lock: .cache/lock/bin/uv ## pin the packages of tools and workflows to the newest allowed versions, with hashes
	@$(COMPILE) requirements/build.in -o requirements/build.txt
	@$(COMPILE) --extra run pyproject.toml requirements/build.in -o requirements/run.txt
	@$(COMPILE) --extra run --extra test pyproject.toml requirements/build.in -o requirements/test.txt

sbom: .cache/sbom/bin/cyclonedx-py ## list the packages that deploy and operate the system as CycloneDX: .aws-sam/sbom.json
	@mkdir -p .aws-sam
	@.cache/sbom/bin/cyclonedx-py requirements requirements/run.txt --output-file .aws-sam/sbom.json

build: .venv/run ## build for AWS, as dev or ENV=prod; does not contact AWS (PARAMETERS, CONTAINER=1)
	@$(BIN)/python -m operators.deployment build $(ENV) $(PARAMETERS) $(CONTAINER:1=--container)

deploy: .venv/run ## deploy to AWS, as dev or ENV=prod (PARAMETERS="Name=value …", CONTAINER=1, BUILT=1, YES=1)
	@$(BIN)/python -m operators.deployment deploy $(ENV) $(PARAMETERS) $(CONTAINER:1=--container) $(BUILT:1=--built) $(YES:1=--yes)

delete: .venv/run ## delete the stack from AWS, with all data, as dev or ENV=prod (YES=1)
	@$(BIN)/python -m operators.deployment delete $(ENV) $(YES:1=--yes)

clean: ## delete everything that make created, including the environment and the data
	rm -rf .venv .aws-sam .cache .local node_modules examples/react/node_modules examples/flask/key.pem \
	  .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info packages/*/types packages/client-python/src/*.egg-info

NO_PYTHON = $(error There is no $(PYTHON) here. Install Python $(OLDEST_PYTHON) or newer, \
  or name one: make run PYTHON=python3.12)
OLDEST_PYTHON = $(shell sed -n 's/^requires-python = ">=\(.*\)"$$/\1/p' pyproject.toml)

# LOCKED=1, as in CI: install exactly the files in requirements/, by hash, without resolving. Otherwise install any version
# that pyproject.toml allows.
.venv/run .venv/test .venv/bench: FORCE
	@$(or $(shell command -v $(PYTHON) 2>/dev/null),$(wildcard $(BIN)/python),$(NO_PYTHON)) tools/venv.py $(notdir $@) $(if $(LOCKED),--locked)

node_modules/.package-lock.json: package-lock.json
	@echo "Installing what package.json lists into node_modules …"
	@npm ci --silent
	@touch $@

.cache/mutation/bin/mutmut: pyproject.toml
	@echo "Installing mutmut into .cache/mutation …"
	@test -x .cache/mutation/bin/python || $(PYTHON) -m venv .cache/mutation
	@.cache/mutation/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[mutate,test]'
	@touch $@

# In an environment of its own: with its packages, sam takes twice as long to start.
.cache/sbom/bin/cyclonedx-py:
	@$(PYTHON) -m venv .cache/sbom
	@.cache/sbom/bin/python $(PIP) 'cyclonedx-bom>=7,<8'

.cache/lock/bin/uv:
	@$(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python $(PIP) 'uv>=0.9,<1'
