# Every target sets up what it needs; nothing has to be installed by hand but git, make and Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# See services/image_moderation/__init__.py: also for tools that load ONNX Runtime by themselves.
export ORT_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-aws serve test lint format protos lock bench bench-text up down clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the pinned dependencies

$(READY): $(VENV)/.dependencies pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dependencies: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Safelight needs Python 3.11 or newer, and $(PYTHON) is older or does not run."; \
	  echo "Name one that is: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) with the pinned dependencies; this takes a minute or two, once..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(READY) ## Run the main job: six prompts through all four services, pictures into out/
	@$(BIN)/python -m services demo

demo-aws: $(READY) ## The same with Amazon's services as providers, played by a stand-in on this machine
	@GRPC_VERBOSITY=NONE $(BIN)/python -m tests.support.aws.demo

serve: $(READY) ## Keep all four services running in the foreground
	@$(BIN)/python -m services

test: $(READY) ## Run the whole test suite
	@$(BIN)/python -m pytest -n 2

lint: $(READY) ## Check style, types, contracts and the template (ruff, mypy, buf, cfn-lint)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint deploy/aws/template.yaml
	@$(BIN)/buf lint
	@if git rev-parse --verify --quiet refs/heads/main >/dev/null; then $(BIN)/buf breaking --against '.git#branch=main'; \
	  elif git rev-parse --verify --quiet refs/remotes/origin/main >/dev/null; then $(BIN)/buf breaking --against '.git#ref=refs/remotes/origin/main'; \
	  else echo "buf breaking: no branch main here to compare with"; fi

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

protos: $(READY) ## Regenerate the stubs under safelight/ from protos/
	@$(BIN)/python tools/protos.py

lock: $(READY) ## Pin the dependencies anew from pyproject.toml
	@$(BIN)/python tools/lock.py

bench: $(READY) ## Measure the gateway and the detectors; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks

# Where the labelled texts lie that the classifier is trained and judged on; they are not part of the project.
DATA ?= ../shared/data/text

bench-text: $(READY) ## Measure text moderation beside other filters (DATA=folder of texts); writes docs/text-moderation.md
	@$(BIN)/python -m benchmarks.text --data $(DATA)

up: ## Build and start the four containers
	@sh deploy/compose.sh up

down: ## Stop and remove the four containers
	@sh deploy/compose.sh down

clean: ## Remove .venv, out/ and caches
	@rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
